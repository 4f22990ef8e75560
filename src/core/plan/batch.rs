//! Which changes are written together: one batch per Application object, or per git repository, branch and credentials.

use std::{collections::HashMap, sync::Arc};

use crate::{
    api::argocd::Application,
    core::{
        keys::ObjectKey,
        plan::update::Update,
        repository_url,
        resolve::{GitCredentialRef, WriteTarget},
    },
};

/// The changes of one application and where they go.
#[derive(Debug, Clone)]
pub struct ApplicationPlan {
    /// The object that was decided on.
    pub application: Arc<Application>,
    /// Where its changes go.
    pub target: WriteTarget,
    /// What was decided.
    pub update: Update,
}

/// Everything that is written in one go. Never without a change.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Where it goes.
    pub target: BatchTarget,
    /// The applications with changes, in the order in which they were decided.
    pub plans: Vec<ApplicationPlan>,
}

/// Where a batch goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum BatchTarget {
    /// The Application object itself.
    Application(ObjectKey),
    /// A branch of a git repository.
    Git(GitBranch),
}

/// What one fetch and one push serve.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GitBranch {
    /// The repository URL, normalised: two spellings of one repository are one batch.
    pub repository: String,
    /// The branch that changes are based on; `None` is the remote's default branch.
    pub base: Option<String>,
    /// The template of the branch that is pushed; `None` is the base branch.
    pub push: Option<String>,
    /// Where the credentials lie.
    pub credentials: GitCredentialRef,
}

impl BatchTarget {
    fn of(plan: &ApplicationPlan) -> Self {
        match &plan.target {
            WriteTarget::Application => {
                Self::Application(ObjectKey::new(plan.application.namespace(), plan.application.name()))
            }
            WriteTarget::Git(git) => Self::Git(GitBranch {
                repository: repository_url::normalize(&git.repository),
                base: git.base.clone(),
                push: git.push.clone(),
                credentials: git.credentials.clone(),
            }),
        }
    }
}

/// Groups `plans` by what they are written to, in the order in which each target comes first. Plans without a change are
/// left out.
pub fn batches(plans: impl IntoIterator<Item = ApplicationPlan>) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    let mut known: HashMap<BatchTarget, usize> = HashMap::new();
    for plan in plans.into_iter().filter(|plan| plan.update.has_changes()) {
        let target = BatchTarget::of(&plan);
        let index = *known.entry(target.clone()).or_insert_with(|| {
            batches.push(Batch {
                target,
                plans: Vec::new(),
            });
            batches.len() - 1
        });
        if let Some(batch) = batches.get_mut(index) {
            batch.plans.push(plan);
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{
        plan::update::tests::{no_change, one_change},
        resolve::{GitTarget, TargetFile},
    };

    fn plan(name: &str, target: WriteTarget, update: Update) -> ApplicationPlan {
        let metadata = serde_json::json!({"metadata": {"namespace": "argocd", "name": name}});
        ApplicationPlan {
            application: Arc::new(serde_json::from_value(metadata).unwrap()),
            target,
            update,
        }
    }

    fn git(repository: &str, base: Option<&str>) -> WriteTarget {
        WriteTarget::Git(GitTarget {
            repository: repository.to_owned(),
            credentials: GitCredentialRef::RepoCreds,
            base: base.map(str::to_owned),
            push: None,
            file: TargetFile::Override("x".to_owned()),
            author: None,
        })
    }

    fn names(batches: &[Batch]) -> Vec<Vec<&str>> {
        batches
            .iter()
            .map(|batch| batch.plans.iter().map(|plan| plan.application.name()).collect())
            .collect()
    }

    #[test]
    fn changes_are_grouped_by_what_they_are_written_to() {
        let plans = [
            plan("a", WriteTarget::Application, one_change()),
            plan("b", git("https://git.test/r.git", None), one_change()),
            plan("c", git("https://git.test/r", None), one_change()),
            plan("d", git("https://git.test/r.git", Some("dev")), one_change()),
            plan("e", WriteTarget::Application, one_change()),
        ];
        assert_eq!(
            names(&batches(plans)),
            [vec!["a"], vec!["b", "c"], vec!["d"], vec!["e"]]
        );
    }

    #[test]
    fn nothing_is_written_without_a_change() {
        assert!(batches([plan("a", WriteTarget::Application, no_change())]).is_empty());
    }
}
