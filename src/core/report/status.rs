//! The status of a resource after a cycle, as one merge patch.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use serde::Serialize;
use serde_json::{Value, json};

use super::{ApplicationReport, ResourceReport, WriteOutcome, conditions, counts::Counts, pending, writes};
use crate::{
    api::v1alpha1::{ImageUpdaterStatus, Problem, RecentUpdate, Write},
    core::{keys::ObjectKey, plan::ImageChange, verdict::Verdict},
};

/// The most problems that are kept.
const MOST: usize = 20;

/// The merge patch for a cycle that takes its time: only `Reconciling` changes.
pub fn running_patch(before: &ImageUpdaterStatus, generation: i64, now: Timestamp) -> Value {
    json!({ "status": { "conditions": conditions::while_running(known(before), generation, now) } })
}

/// The merge patch for a resource that is suspended.
pub fn suspended_patch(before: &ImageUpdaterStatus, generation: i64, now: Timestamp) -> Value {
    json!({ "status": {
        "observedGeneration": generation,
        "nextCheckAt": Value::Null,
        "conditions": conditions::suspended(known(before), generation, now),
    } })
}

/// The merge patch after a cycle. `next` is how long from now the next timed cycle is.
///
/// A partial cycle leaves alone what describes the whole resource: its counters, problems and times of checking. `None`
/// when there is nothing to say.
pub fn final_patch(
    before: &ImageUpdaterStatus,
    report: &ResourceReport,
    next: Option<Duration>,
    now: Timestamp,
) -> Option<Value> {
    let mut status = serde_json::Map::new();
    let updates = recent_updates(report, now);
    if !updates.is_empty() {
        status.insert("lastUpdatedAt".to_owned(), json!(Time(now)));
        status.insert("recentUpdates".to_owned(), json!(updates));
    }
    if let Some(writes) = writes::after_cycle(before.writes.as_deref().unwrap_or_default(), report, now) {
        status.insert("writes".to_owned(), list_or_null(&writes));
    }
    if let Some(pending) = pending::after_cycle(before.pending.as_deref().unwrap_or_default(), report) {
        status.insert("pending".to_owned(), list_or_null(&pending));
    }
    if report.partial {
        return (!status.is_empty()).then(|| json!({ "status": status }));
    }
    status.insert("observedGeneration".to_owned(), json!(report.generation));
    status.insert("lastCheckedAt".to_owned(), json!(Time(now)));
    status.insert(
        "nextCheckAt".to_owned(),
        json!(next.and_then(|n| now.checked_add(n).ok()).map(Time)),
    );
    if let Some(requested) = &report.requested {
        status.insert("lastHandledReconcileAt".to_owned(), json!(requested));
    }
    if report.stalled.is_empty() {
        let counts = Counts::of(report);
        status.insert("applicationsMatched".to_owned(), json!(clamped(counts.applications)));
        status.insert("imagesManaged".to_owned(), json!(clamped(counts.images_considered)));
    }
    status.insert("problems".to_owned(), list_or_null(&problems(report)));
    status.insert(
        "conditions".to_owned(),
        json!(conditions::after_cycle(known(before), report, now)),
    );
    Some(json!({ "status": status }))
}

/// Whether `writes` tell already, in the same words, that the changes of `application` could not be written to git; `None`
/// when they could, or when they do not go to git.
pub fn is_told(writes: &[Write], application: &ApplicationReport) -> Option<bool> {
    writes::is_told(writes, application)
}

/// What needs a person, at most 20: images and applications whose verdict is no normal state of things.
pub fn problems(report: &ResourceReport) -> Vec<Problem> {
    let of = |application: &ObjectKey, alias: Option<&str>, verdict: &Verdict| Problem {
        application: application.to_string(),
        alias: alias.map(str::to_owned),
        reason: verdict.reason.to_string(),
        message: verdict.message.clone(),
    };
    let mut problems = Vec::new();
    for application in &report.applications {
        let key = &application.application;
        if let Some(verdict) = application.refused.as_ref().filter(|v| v.reason.needs_attention()) {
            problems.push(of(key, None, verdict));
        }
        if let WriteOutcome::Failed(verdict) = &application.write {
            problems.push(of(key, None, verdict));
        }
        for image in &application.images {
            if let Err(verdict) = &image.decision
                && verdict.reason.needs_attention()
            {
                problems.push(of(key, Some(&image.alias), verdict));
            }
        }
    }
    problems.truncate(MOST);
    problems
}

/// The written changes, grouped by alias and new version in order of appearance.
fn recent_updates(report: &ResourceReport, now: Timestamp) -> Vec<RecentUpdate> {
    let mut updates: Vec<RecentUpdate> = Vec::new();
    for change in report.applications.iter().flat_map(ApplicationReport::written) {
        let alias = if change.alias.is_empty() {
            change.image.full_name()
        } else {
            change.alias.clone()
        };
        let version = change.new_text().into_owned();
        if let Some(update) = updates
            .iter_mut()
            .find(|u| u.alias == alias && u.new_version == version)
        {
            update.applications_updated = update.applications_updated.saturating_add(1);
        } else {
            updates.push(RecentUpdate {
                message: Some(message(change)),
                alias,
                image: change.image.full_name(),
                new_version: version,
                applications_updated: 1,
                updated_at: Time(now),
            });
        }
    }
    updates
}

fn message(change: &ImageChange) -> String {
    let old = change.old_text();
    let text = if old.is_empty() {
        format!("set to {}", change.new_text())
    } else {
        format!("updated from {old} to {}", change.new_text())
    };
    match &change.note {
        Some(note) => format!("{text}; {note}"),
        None => text,
    }
}

/// The list; an empty one is removed.
fn list_or_null<T: Serialize>(list: &[T]) -> Value {
    if list.is_empty() { Value::Null } else { json!(list) }
}

fn known(status: &ImageUpdaterStatus) -> &[Condition] {
    status.conditions.as_deref().unwrap_or(&[])
}

fn clamped(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests;
