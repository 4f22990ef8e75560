//! `status.writes`: the commits that were pushed, and the writes to git that failed.

use std::collections::BTreeSet;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{ApplicationReport, ResourceReport, WriteOutcome, commit_page::commit_page, conditions};
use crate::api::v1alpha1::Write;

/// The most writes that are kept.
const MOST: usize = 20;

/// The most Applications that are named in one of them.
const MOST_NAMES: usize = 50;

/// The writes after a cycle, the newest first and those that failed before the others of the same time; `None` when they
/// are the same as before.
///
/// A commit is one entry, with all its Applications. A failure stays until its Applications are looked at again, and keeps
/// its time while nothing new was tried. Where there are more than fit, the oldest commits go first: what failed has to be
/// seen, what was written is in the repository.
pub(super) fn after_cycle(before: &[Write], report: &ResourceReport, now: Timestamp) -> Option<Vec<Write>> {
    if !report.stalled.is_empty() {
        return None;
    }
    let mut new: Vec<Write> = Vec::new();
    for application in &report.applications {
        let Some(write) = write(application, now) else {
            continue;
        };
        match new.iter_mut().find(|known| is_same(known, &write)) {
            Some(known) => add_names(known, write),
            None => new.push(write),
        }
    }
    for write in new.iter_mut().filter(|write| write.error.is_some()) {
        if let Some(known) = before
            .iter()
            .find(|known| is_same(known, write) && is_same_try(known, write))
        {
            write.time.clone_from(&known.time);
            write.retry_at.clone_from(&known.retry_at);
        }
    }
    let looked_at: BTreeSet<String> = report.applications.iter().map(|a| a.application.to_string()).collect();
    let old = before
        .iter()
        .filter_map(|write| still_true(write, &looked_at, report.partial));
    let mut after: Vec<Write> = new.into_iter().chain(old).collect();
    after.sort_by_key(|write| std::cmp::Reverse((seconds(write.time.as_ref()), write.error.is_some())));
    let failed = after.iter().filter(|write| write.error.is_some()).count();
    let (mut failures, mut commits) = (MOST, MOST.saturating_sub(failed));
    after.retain(|write| {
        let room = if write.error.is_some() {
            &mut failures
        } else {
            &mut commits
        };
        let fits = *room > 0;
        *room = room.saturating_sub(1);
        fits
    });
    (after != before).then_some(after)
}

/// Whether `writes` tell the failure of `application` already; `None` when it has none that belongs there.
pub(super) fn is_told(writes: &[Write], application: &ApplicationReport) -> Option<bool> {
    let failed = write(application, Timestamp::UNIX_EPOCH).filter(|write| write.error.is_some())?;
    let name = failed.applications.iter().flatten().next()?;
    let names_it =
        |known: &Write| known.more_applications.is_some() || known.applications.iter().flatten().any(|n| n == name);
    Some(writes.iter().any(|known| is_same(known, &failed) && names_it(known)))
}

/// What one application has to tell.
fn write(application: &ApplicationReport, now: Timestamp) -> Option<Write> {
    let write = Write {
        target: String::new(),
        branch: None,
        commit: None,
        url: None,
        applications: Some(vec![application.application.to_string()]),
        more_applications: None,
        time: Some(Time(now)),
        error: None,
        retry_at: None,
    };
    match &application.write {
        WriteOutcome::Pushed {
            repository,
            branch,
            commit,
        } => Some(Write {
            target: repository.clone(),
            branch: Some(branch.clone()),
            url: commit_page(repository, commit),
            commit: Some(commit.clone()),
            ..write
        }),
        WriteOutcome::Failed(verdict) => {
            // What failed at the Application itself is among the problems.
            let git = application.repository.as_ref()?;
            Some(Write {
                target: git.url.clone(),
                branch: git.known_branch().map(str::to_owned),
                error: Some(conditions::cut(verdict.message.clone())),
                retry_at: verdict.again.map(Time),
                ..write
            })
        }
        WriteOutcome::Nothing | WriteOutcome::DryRun | WriteOutcome::Patched | WriteOutcome::AlreadyWritten => None,
    }
}

/// Whether both are about one commit, or one failure.
fn is_same(a: &Write, b: &Write) -> bool {
    (&a.target, &a.branch, &a.commit, &a.error) == (&b.target, &b.branch, &b.commit, &b.error)
}

/// Whether nothing was tried in between: the next try is still at the same time.
fn is_same_try(known: &Write, write: &Write) -> bool {
    write.retry_at.is_some() && seconds(known.retry_at.as_ref()) == seconds(write.retry_at.as_ref())
}

/// The API server keeps whole seconds only.
fn seconds(time: Option<&Time>) -> Option<i64> {
    time.map(|time| time.0.as_second())
}

fn add_names(known: &mut Write, write: Write) {
    let names = known.applications.get_or_insert_default();
    for name in write.applications.into_iter().flatten() {
        if names.len() < MOST_NAMES {
            names.push(name);
        } else {
            let more = known.more_applications.get_or_insert_default();
            *more = more.saturating_add(1);
        }
    }
}

/// What was told before, without what is over.
fn still_true(write: &Write, looked_at: &BTreeSet<String>, partial: bool) -> Option<Write> {
    if write.error.is_none() {
        return Some(write.clone());
    }
    // Who was left out now may still have failed; a full cycle leaves nobody out.
    let names = write.applications.iter().flatten();
    let names: Vec<String> = names
        .filter(|name| partial && !looked_at.contains(*name))
        .cloned()
        .collect();
    (!names.is_empty()).then(|| Write {
        applications: Some(names),
        ..write.clone()
    })
}

#[cfg(test)]
mod tests;
