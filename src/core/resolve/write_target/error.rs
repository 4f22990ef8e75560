//! Write-back settings that cannot be used, and which field says so.

use crate::core::{gotmpl::InvalidTemplate, resolve::path_pattern::InvalidWild};

/// Write-back settings that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWriteBack {
    /// Neither `argocd` nor `git`.
    #[error("{0:?} is no method; use argocd, git, git:repocreds or git:secret:<namespace>/<name>")]
    Method(String),
    /// Credentials that are neither Argo CD's nor a Secret.
    #[error("{0:?} names no credentials; use git:repocreds or git:secret:<namespace>/<name>")]
    Credentials(String),
    /// More than one colon.
    #[error("{0:?} is no branch; use <base>, <base>:<template> or :<template>")]
    Branch(String),
    /// A template of the pushed branch that is none.
    #[error("the part from the colon on: {0}")]
    BranchTemplate(InvalidTemplate),
    /// A template of the commit message that is none.
    #[error(transparent)]
    Message(InvalidTemplate),
    /// Neither `application` nor `target`.
    #[error(
        "{0:?} is no grouping; use application (one commit for each) or target (one for all that goes to a branch)"
    )]
    Grouping(String),
    /// A `$<ref>` that no source has.
    #[error("no source of the application has the ref {0:?}; use helmvalues:$<ref>/<path> with the ref of one")]
    NoReference(String),
    /// A path that leaves the repository.
    #[error("{0:?} leads out of the repository")]
    OutsideRepository(String),
    /// Which files Argo CD reads cannot be told.
    #[error("{0}; mend it, or name the files with writeBackTarget manifests:<path or glob>")]
    Directory(InvalidWild),
    /// A kustomization given as a file.
    #[error("{0:?} is a kustomization; use kustomization:/<folder>")]
    KustomizationFile(String),
    /// A write branch beside a pull request.
    #[error("a pull request names its own branch; remove the part from the colon on")]
    PullRequestBranch,
    /// None or several forges.
    #[error("a pull request needs exactly one forge, such as github: {{}}")]
    PullRequestForge,
    /// No source at all.
    #[error("the application has no source")]
    NoSource,
    /// Neither a configured repository nor one of the source.
    #[error("the application's source has no repoURL; set gitConfig.repository")]
    NoRepository,
}

impl InvalidWriteBack {
    /// The field below `writeBackConfig` that is wrong; `None` when the application is at fault.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::Method(_) | Self::Credentials(_) => Some("method"),
            Self::Branch(_) | Self::BranchTemplate(_) | Self::PullRequestBranch => Some("gitConfig.branch"),
            Self::Message(_) => Some("gitConfig.message"),
            Self::Grouping(_) => Some("gitConfig.commitGrouping"),
            Self::OutsideRepository(_) | Self::KustomizationFile(_) | Self::NoReference(_) => {
                Some("gitConfig.writeBackTarget")
            }
            Self::PullRequestForge => Some("gitConfig.pullRequest"),
            Self::NoSource | Self::NoRepository | Self::Directory(_) => None,
        }
    }
}
