//! What a cycle did, as log lines: one for each change, for each problem that is new, and one for the cycle.

use std::collections::BTreeSet;

use crate::{
    api::v1alpha1::{ImageUpdaterStatus, Write},
    core::{
        keys::ObjectKey,
        report::{ApplicationReport, ResourceReport, WriteOutcome, counts::Counts, status},
        verdict::Verdict,
    },
    telemetry::fields,
};

/// Logs the report of the resource `key`. What its status said `before` is no news.
pub(super) fn log(key: &ObjectKey, before: Option<&ImageUpdaterStatus>, report: &ResourceReport) {
    let span = fields::resource(&key.namespace, &key.name);
    let _in = span.enter();
    let conditions: Vec<_> = before
        .and_then(|s| s.conditions.as_ref())
        .into_iter()
        .flatten()
        .collect();
    // What the condition already says was logged when it was new.
    let told = |kind: &str, text: &str| conditions.iter().any(|c| c.type_ == kind && c.message.contains(text));
    for remark in report.stalled.iter().chain(&report.stalled_in_part) {
        let text = remark.to_string();
        if told("Stalled", &text) {
            tracing::debug!("{text}");
        } else {
            tracing::error!("{text}");
        }
    }
    for remark in &report.warnings {
        let text = remark.to_string();
        if told("Warning", &text) {
            tracing::debug!("{text}");
        } else {
            tracing::warn!("{text}");
        }
    }
    let known: BTreeSet<_> = before
        .and_then(|s| s.problems.as_ref())
        .into_iter()
        .flatten()
        .map(|p| (p.application.as_str(), p.alias.as_deref(), p.reason.as_str()))
        .collect();
    let writes = before.and_then(|s| s.writes.as_deref()).unwrap_or_default();
    for application in &report.applications {
        log_application(application, &known, writes);
    }
    let counts = Counts::of(report);
    tracing::info!(
        applications = counts.applications,
        images_considered = counts.images_considered,
        images_skipped = counts.images_skipped,
        images_updated = counts.images_updated,
        errors = counts.errors,
        "{}",
        if report.partial {
            "cycle done for changed applications"
        } else {
            "cycle done"
        }
    );
}

/// Problems that the status already tells: application, alias and reason.
type KnownProblems<'a> = BTreeSet<(&'a str, Option<&'a str>, &'a str)>;

fn log_application(application: &ApplicationReport, known: &KnownProblems<'_>, writes: &[Write]) {
    let key = application.application.to_string();
    let span = fields::application(&key);
    let _in = span.enter();
    let problem = |alias: Option<&str>, image: &str, verdict: &Verdict| {
        let reason = verdict.reason.to_string();
        let (alias_text, message) = (alias.unwrap_or_default(), &verdict.message);
        let is_news = verdict.reason.needs_attention() && !known.contains(&(key.as_str(), alias, reason.as_str()));
        match (is_news, alias) {
            (true, Some(_)) => tracing::warn!(image_alias = alias_text, image_name = image, reason, "{message}"),
            (true, None) => tracing::warn!(reason, "{message}"),
            (false, _) => tracing::debug!(image_alias = alias_text, image_name = image, reason, "{message}"),
        }
    };
    if let Some(verdict) = &application.refused {
        problem(None, "", verdict);
    }
    if let WriteOutcome::Failed(verdict) = &application.write {
        // One reason has many words here: a repository that said no in another way is news.
        match (status::is_told(writes, application), verdict.reason.to_string()) {
            (Some(false), reason) => tracing::warn!(reason, "{}", verdict.message),
            (Some(true), reason) => tracing::debug!(reason, "{}", verdict.message),
            (None, _) => problem(None, "", verdict),
        }
    }
    let commit = match &application.write {
        WriteOutcome::Pushed { commit, .. } => Some(commit.as_str()),
        _ => None,
    };
    for image in &application.images {
        let (alias, name) = (image.alias.as_str(), image.image.as_str());
        let change = match &image.decision {
            Ok(change) => change,
            Err(verdict) => {
                problem(Some(alias), name, verdict);
                continue;
            }
        };
        let (old, new) = (&*change.old_text(), &*change.new_text());
        match &application.write {
            written if written.is_written() => {
                tracing::info!(image_alias = alias, image_name = name, old, new, commit, "updated");
            }
            WriteOutcome::DryRun => {
                tracing::info!(
                    image_alias = alias,
                    image_name = name,
                    old,
                    new,
                    "would be updated (dry run)"
                );
            }
            _ => tracing::debug!(image_alias = alias, image_name = name, old, new, "not written"),
        }
    }
}
