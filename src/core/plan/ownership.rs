//! Which of several writers owns a place, so that two of them never overwrite each other in turn.
//!
//! Pure. A claim is one written value: of a source of an Application, or of a file of a git branch. The [`Ledger`] keeps
//! the claims of all resources over the cycles. Of two different values for one place that of the higher [`Rank`] is
//! written and the other image is a `Conflict`; equal values are none. Images of one list are settled here as well as far
//! as a version is not known yet; see also `claims`.

mod claim;
mod ledger;

pub use claim::{Claim, Spot, Wanted, claims};
pub use ledger::{Ledger, Loss};

use std::cmp::Reverse;

use jiff::Timestamp;

use crate::{api::v1alpha1::ImageUpdater, core::keys::ObjectKey};

/// Who claims: a resource, for one of its applications.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Claimant {
    /// The ImageUpdater.
    pub resource: ObjectKey,
    /// The Application.
    pub application: ObjectKey,
}

/// Who comes first; the smaller one does. The more specific rule wins, then the older resource, then the first by
/// namespace and name, then the application that is first by namespace and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    specificity: Reverse<i64>,
    created: Timestamp,
    claimant: Claimant,
}

impl Rank {
    /// The rank of `updater` for an application that a rule of this specificity selects. A resource without a creation
    /// time (one in a folder) counts as the youngest.
    pub fn new(updater: &ImageUpdater, application: ObjectKey, specificity: i64) -> Self {
        let meta = &updater.metadata;
        let resource = ObjectKey::new(
            meta.namespace.as_deref().unwrap_or_default(),
            meta.name.as_deref().unwrap_or_default(),
        );
        Self {
            specificity: Reverse(specificity),
            created: meta.creation_timestamp.as_ref().map_or(Timestamp::MAX, |time| time.0),
            claimant: Claimant { resource, application },
        }
    }

    /// Whose rank it is.
    pub fn claimant(&self) -> &Claimant {
        &self.claimant
    }

    /// Why this one comes before `other`, in words that go on "which".
    fn advantage(&self, other: &Self) -> &'static str {
        if self.specificity != other.specificity {
            "has the more specific rule for it"
        } else if self.created != other.created {
            "is the older resource"
        } else if self.claimant.resource != other.claimant.resource {
            "is first by namespace and name"
        } else if self.claimant.application != other.claimant.application {
            "has the Application that is first by name"
        } else {
            "stands before it in the list"
        }
    }
}

/// What claims are about: an object, or a file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// An Application, by its UID, so that a new one of the same name is another one.
    Application(String),
    /// A file in git.
    File {
        /// The repository, in the one spelling that the engine gives it.
        repository: String,
        /// The branch; `None` is the default branch of the remote.
        branch: Option<String>,
        /// The path from the root of the repository.
        path: String,
    },
}

impl Target {
    /// A file of a branch as it is configured: nothing and `HEAD` are the default branch, `refs/heads/` may stand in front.
    pub fn file(repository: String, branch: Option<&str>, path: &str) -> Self {
        let branch = branch.map_or("", str::trim);
        let branch = branch.strip_prefix("refs/heads/").unwrap_or(branch);
        Self::File {
            repository,
            branch: (!branch.is_empty() && branch != "HEAD").then(|| branch.to_owned()),
            path: path.to_owned(),
        }
    }

    /// Both names of the place, when this is a file and the remote's default branch is known.
    fn spellings(&self, default_branch: Option<&str>) -> Vec<Self> {
        let mut all = vec![self.clone()];
        if let (
            Self::File {
                repository,
                branch,
                path,
            },
            Some(default),
        ) = (self, default_branch)
        {
            let other = match branch.as_deref() {
                None => Some(Some(default.to_owned())),
                Some(branch) if branch == default => Some(None),
                Some(_) => None,
            };
            all.extend(other.map(|branch| Self::File {
                repository: repository.clone(),
                branch,
                path: path.clone(),
            }));
        }
        all
    }
}

#[cfg(test)]
mod tests;
