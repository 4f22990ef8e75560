//! From the reports of a cycle to the document.

use std::collections::BTreeSet;

use super::{
    ApplicationPlan, FieldRemark, FilePlan, GitPlan, GitValue, ImagePlan, Outcome, Plan, Refusal, ResourcePlan,
    ResourceState, SchemaVersion, Summary, TagFate, TagPlan, Unreadable, diff, difference,
};
use crate::core::{
    keys::ObjectKey,
    plan::{Entry, kustomize},
    report::{ApplicationReport, FileChange, GitWrite, ImageReport, PickRule, Remark, ResourceReport, WriteOutcome},
    select::{Fate, TagStory},
    verdict::{Reason, Verdict},
};

/// The most files that are shown of one application; a pattern of paths may match very many.
const MOST_FILES: usize = 100;

/// One resource, and what a cycle would do for it.
#[derive(Debug, Clone)]
pub struct Planned {
    /// The resource.
    pub key: ObjectKey,
    /// What would be done.
    pub state: State,
}

/// What a cycle does with a resource.
#[derive(Debug, Clone)]
pub enum State {
    /// It decides.
    Decided(Box<ResourceReport>),
    /// It passes over it, as it is suspended.
    Suspended,
    /// It passes over it, as it is being deleted.
    Deleting,
}

/// The document of `resources`. `explain` adds what became of every tag.
pub fn plan(resources: Vec<Planned>, unreadable: Vec<Unreadable>, explain: bool) -> Plan {
    let mut resources: Vec<_> = resources
        .into_iter()
        .map(|planned| resource(planned, explain))
        .collect();
    resources.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    let mut unreadable = unreadable;
    unreadable.sort_by(|a, b| (&a.kind, &a.namespace, &a.name).cmp(&(&b.kind, &b.namespace, &b.name)));
    Plan {
        schema_version: SchemaVersion::V1,
        summary: summary(&resources, &unreadable),
        resources,
        unreadable,
    }
}

fn summary(resources: &[ResourcePlan], unreadable: &[Unreadable]) -> Summary {
    let mut summary = Summary {
        resources: resources.len(),
        problems: unreadable.len(),
        ..Summary::default()
    };
    let applications = resources.iter().flat_map(|resource| &resource.applications);
    let distinct: BTreeSet<_> = applications.map(|a| (&a.namespace, &a.name)).collect();
    summary.applications = distinct.len();
    for resource in resources {
        summary.problems += resource.stalled.len();
        for application in &resource.applications {
            let refused = application.refused.as_ref();
            summary.problems += usize::from(refused.is_some_and(|refusal| refusal.needs_person));
            summary.images += application.images.len();
            for image in &application.images {
                match image.outcome {
                    Outcome::Change => summary.changes += 1,
                    Outcome::Problem => summary.problems += 1,
                    Outcome::Stays => {}
                }
            }
        }
    }
    summary
}

fn resource(planned: Planned, explain: bool) -> ResourcePlan {
    let (state, report) = match planned.state {
        State::Decided(report) if report.stalled.is_empty() => (ResourceState::Active, *report),
        State::Decided(report) => (ResourceState::Stalled, *report),
        State::Suspended => (ResourceState::Suspended, ResourceReport::default()),
        State::Deleting => (ResourceState::Deleting, ResourceReport::default()),
    };
    // Without `..`, so that a new part of the report is not left out here.
    let ResourceReport {
        generation: _,
        partial: _,
        requested: _,
        stalled,
        stalled_in_part,
        warnings,
        applications,
    } = report;
    let mut applications: Vec<_> = applications.iter().map(|a| application(a, explain)).collect();
    applications.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    ResourcePlan {
        namespace: planned.key.namespace,
        name: planned.key.name,
        state,
        stalled: stalled.into_iter().chain(stalled_in_part).map(remark).collect(),
        warnings: warnings.into_iter().map(remark).collect(),
        applications,
    }
}

fn remark(remark: Remark) -> FieldRemark {
    FieldRemark {
        field: remark.field,
        message: remark.message,
    }
}

fn refusal(verdict: &Verdict) -> Refusal {
    Refusal {
        reason: verdict.reason.to_string(),
        message: verdict.message.clone(),
        needs_person: verdict.reason.needs_attention(),
    }
}

/// What would become of one application.
fn application(report: &ApplicationReport, explain: bool) -> ApplicationPlan {
    let failed = match &report.write {
        WriteOutcome::Failed(verdict) => Some(verdict),
        _ => None,
    };
    let changes = match report.repository {
        Some(_) => Vec::new(),
        None => report.edits.iter().flat_map(difference::changes).collect(),
    };
    ApplicationPlan {
        namespace: report.application.namespace.clone(),
        name: report.application.name.clone(),
        refused: report.refused.as_ref().or(failed).map(refusal),
        images: report.images.iter().map(|i| image(i, &report.write, explain)).collect(),
        changes,
        git: report
            .repository
            .as_ref()
            .filter(|git| !git.values.is_empty() && report.write != WriteOutcome::AlreadyWritten)
            .map(|write| git(write, &report.files)),
    }
}

fn git(write: &GitWrite, files: &[FileChange]) -> GitPlan {
    let file = |file: &FileChange| FilePlan {
        path: file.path.clone(),
        diff: diff::unified(file),
        new: file.before.is_none(),
    };
    let more = files.len().saturating_sub(MOST_FILES);
    GitPlan {
        files: files.iter().take(MOST_FILES).map(file).collect(),
        more_files: (more > 0).then_some(more),
        repository: write.url.clone(),
        base_branch: write.base.clone(),
        push_branch: write.push.clone(),
        file: write.file.clone(),
        values: write.values.iter().map(value).collect(),
    }
}

fn value(entry: &Entry) -> GitValue {
    let (path, name, value) = match entry {
        Entry::HelmParameter { name, value } => ("helm.parameters", Some(name), value.clone()),
        Entry::PluginVariable { name, value } => ("plugin.env", Some(name), value.clone()),
        Entry::KustomizeImage { name, image } => (
            "kustomize.images",
            name.as_ref(),
            kustomize::text(name.as_deref(), image),
        ),
        Entry::ManifestImage { alias, image, .. } => ("image", Some(alias), image.full_name_with_version()),
    };
    GitValue {
        path: path.to_owned(),
        name: name.cloned(),
        value,
    }
}

fn image(report: &ImageReport, write: &WriteOutcome, explain: bool) -> ImagePlan {
    let (outcome, reason, message) = match &report.decision {
        // Its file was read, and says so already.
        Ok(change) if *write == WriteOutcome::AlreadyWritten => {
            let message = format!("{} is already written, but does not run yet", change.new_text());
            (Outcome::Stays, Some(Reason::UpToDate.to_string()), message)
        }
        Ok(_) => (Outcome::Change, None, picked_by(report.rule.as_ref())),
        Err(verdict) => {
            let outcome = if verdict.reason.needs_attention() {
                Outcome::Problem
            } else {
                Outcome::Stays
            };
            (outcome, Some(verdict.reason.to_string()), verdict.message.clone())
        }
    };
    let rule = report.rule.as_ref();
    ImagePlan {
        alias: report.alias.clone(),
        image: report.image.clone(),
        live: report.live,
        strategy: rule.map(|rule| rule.strategy.to_string()),
        constraint: rule.map(|rule| rule.constraint.clone()).filter(|text| !text.is_empty()),
        current: report.current.clone(),
        chosen: report.chosen.clone(),
        outcome,
        reason,
        message,
        tags: explain.then(|| tags(&report.story)),
    }
}

/// The rule in words.
pub fn picked_by(rule: Option<&PickRule>) -> String {
    match rule {
        Some(PickRule { strategy, constraint }) if constraint.is_empty() => format!("picked by {strategy}"),
        Some(PickRule { strategy, constraint }) => format!("picked by {strategy}, {constraint}"),
        None => String::new(),
    }
}

/// What became of every tag.
pub fn tags(story: &[TagStory]) -> Vec<TagPlan> {
    let mut rank = 0;
    let tags = story.iter().map(|TagStory { tag, fate }| {
        let word = match fate {
            Fate::Chosen | Fate::Kept => TagFate::Chosen,
            Fate::Ranked(_) | Fate::Lower => TagFate::Ranked,
            Fate::TooYoung(_) => TagFate::TooYoung,
            Fate::Unverified(_) => TagFate::NotVerified,
            Fate::NotRead(_) => TagFate::NotRead,
            Fate::NotAsked | Fate::Later => TagFate::NotAsked,
            Fate::Filtered(_) => TagFate::Filtered,
            Fate::OutOfScope(_) | Fate::Unranked => TagFate::OutOfScope,
            Fate::Excluded(_) | Fate::Refused(_) => TagFate::Excluded,
        };
        let is_ranked = matches!(
            word,
            TagFate::Chosen | TagFate::Ranked | TagFate::TooYoung | TagFate::NotVerified
        );
        rank += usize::from(is_ranked);
        TagPlan {
            tag: tag.as_str().to_owned(),
            fate: word,
            rank: is_ranked.then_some(rank),
            message: fate.to_string(),
        }
    });
    tags.collect()
}
