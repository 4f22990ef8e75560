//! The conditions of a resource, from what a cycle did.
//!
//! `Ready`, `Reconciling` and `Error` are always present once a cycle ended. `Stalled`, `Suspended`, `Conflict` and
//! `Warning` are present only while they are true.

use std::fmt::Write as _;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::{Remark, ResourceReport, counts::Counts};
use crate::core::verdict::Reason;

/// So many problems are told in a condition; all are in `status.problems`.
const TOLD: usize = 3;

/// What a condition should be after the cycle.
struct Wanted {
    kind: &'static str,
    status: bool,
    reason: &'static str,
    message: String,
}

/// The conditions while a cycle runs: `Reconciling` is true, all others stay.
pub fn while_running(before: &[Condition], generation: i64, now: Timestamp) -> Vec<Condition> {
    let wanted = Wanted {
        kind: "Reconciling",
        status: true,
        reason: "Reconciling",
        message: "A cycle is running".to_owned(),
    };
    let mut all: Vec<_> = before.iter().filter(|c| c.type_ != wanted.kind).cloned().collect();
    all.push(merged(before, wanted, generation, now));
    all
}

/// The conditions after a cycle.
pub fn after_cycle(before: &[Condition], report: &ResourceReport, now: Timestamp) -> Vec<Condition> {
    let mut wanted = vec![Wanted {
        kind: "Reconciling",
        status: false,
        reason: "Idle",
        message: "Waiting for the next cycle".to_owned(),
    }];
    wanted.extend(ready_and_error(report));
    let stalled: Vec<_> = report.stalled.iter().chain(&report.stalled_in_part).cloned().collect();
    if !stalled.is_empty() {
        wanted.push(Wanted {
            kind: "Stalled",
            status: true,
            reason: "InvalidSetting",
            message: joined(&stalled),
        });
    }
    if !report.warnings.is_empty() {
        wanted.push(Wanted {
            kind: "Warning",
            status: true,
            reason: "SettingsNeedAttention",
            message: joined(&report.warnings),
        });
    }
    if let Some(message) = conflicts(report) {
        wanted.push(Wanted {
            kind: "Conflict",
            status: true,
            reason: "Conflict",
            message,
        });
    }
    wanted
        .into_iter()
        .map(|w| merged(before, w, report.generation, now))
        .collect()
}

/// The conditions of a resource that is suspended.
pub fn suspended(before: &[Condition], generation: i64, now: Timestamp) -> Vec<Condition> {
    let wanted = Wanted {
        kind: "Suspended",
        status: true,
        reason: "Suspended",
        message: "spec.suspend is true: nothing is asked and nothing is written".to_owned(),
    };
    let idle = Wanted {
        kind: "Reconciling",
        status: false,
        reason: "Suspended",
        message: "Suspended".to_owned(),
    };
    let mut all: Vec<_> = before
        .iter()
        .filter(|c| ![wanted.kind, idle.kind].contains(&&*c.type_))
        .cloned()
        .collect();
    all.push(merged(before, idle, generation, now));
    all.push(merged(before, wanted, generation, now));
    all
}

fn ready_and_error(report: &ResourceReport) -> [Wanted; 2] {
    if !report.stalled.is_empty() {
        let message = joined(&report.stalled);
        return [
            Wanted {
                kind: "Error",
                status: true,
                reason: "ReconcileError",
                message: message.clone(),
            },
            Wanted {
                kind: "Ready",
                status: false,
                reason: "ReconcileFailed",
                message,
            },
        ];
    }
    let counts = Counts::of(report);
    let summary = format!(
        "applications: {}, images updated: {}, errors: {}",
        counts.applications, counts.images_updated, counts.errors
    );
    if counts.errors > 0 {
        let message = format!("{summary}: {}", first_problems(report));
        [
            Wanted {
                kind: "Error",
                status: true,
                reason: "PartialErrors",
                message: cut(message),
            },
            Wanted {
                kind: "Ready",
                status: true,
                reason: "ReconcileCompletedWithErrors",
                message: summary,
            },
        ]
    } else {
        [
            Wanted {
                kind: "Error",
                status: false,
                reason: "NoErrors",
                message: summary.clone(),
            },
            Wanted {
                kind: "Ready",
                status: true,
                reason: "ReconcileSucceeded",
                message: summary,
            },
        ]
    }
}

/// Images whose place another claim owns, the first three of them in words.
fn conflicts(report: &ResourceReport) -> Option<String> {
    let images = report.applications.iter().flat_map(|application| {
        let key = &application.application;
        application.images.iter().filter_map(move |image| {
            let verdict = image.decision.as_ref().err()?;
            (verdict.reason == Reason::Conflict).then(|| format!("{key} {}: {}", image.alias, verdict.message))
        })
    });
    let all: Vec<_> = images.collect();
    let told = all.get(..TOLD.min(all.len())).unwrap_or_default();
    let mut text = told.join("; ");
    if all.len() > told.len() {
        let _ = write!(text, "; and {} more", all.len() - told.len());
    }
    (!all.is_empty()).then(|| cut(text))
}

/// The first three problems in words; the rest is in `status.problems`.
fn first_problems(report: &ResourceReport) -> String {
    let problems = super::status::problems(report);
    let mut text: Vec<String> = problems
        .iter()
        .take(TOLD)
        .map(|p| match &p.alias {
            Some(alias) => format!("{} {alias}: {}: {}", p.application, p.reason, p.message),
            None => format!("{}: {}: {}", p.application, p.reason, p.message),
        })
        .collect();
    if problems.len() > TOLD {
        text.push("and more, see status.problems".to_owned());
    }
    text.join("; ")
}

fn joined(remarks: &[Remark]) -> String {
    cut(remarks.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}

/// A condition's message holds at most 32,768 characters by its schema; nobody reads more than this.
pub(super) fn cut(message: String) -> String {
    const LIMIT: usize = 2000;
    if message.len() <= LIMIT {
        return message;
    }
    let end = (0..=LIMIT).rev().find(|i| message.is_char_boundary(*i)).unwrap_or(0);
    format!("{}…", &message[..end])
}

/// The new condition; its transition time moves only when its status does.
fn merged(before: &[Condition], wanted: Wanted, generation: i64, now: Timestamp) -> Condition {
    let status = if wanted.status { "True" } else { "False" };
    let since = before
        .iter()
        .find(|c| c.type_ == wanted.kind && c.status == status)
        .map_or_else(|| Time(now), |c| c.last_transition_time.clone());
    Condition {
        type_: wanted.kind.to_owned(),
        status: status.to_owned(),
        reason: wanted.reason.to_owned(),
        message: wanted.message,
        observed_generation: Some(generation),
        last_transition_time: since,
    }
}
