//! What a resource asks for, per application and image, in types that later stages need not question.
//!
//! Pure. The result of [`resolve`] names every application that a rule matched, with its images, where they are written,
//! and a [`Verdict`] for each that cannot be followed.

use std::sync::Arc;

use crate::{
    api::argocd::Application,
    core::{
        image::{ImageRef, Platforms},
        keys::ObjectKey,
        strategy::{StrategyKind, TagFilter},
        verdict::Verdict,
    },
};

/// An application that a rule matched.
#[derive(Debug, Clone)]
pub struct ResolvedApplication {
    /// The object, as it was seen when the cycle began.
    pub application: Arc<Application>,
    /// The index of the rule in `spec.applicationRefs`.
    pub rule: usize,
    /// The application's images and target, or why it is left alone as a whole.
    pub tracked: Result<TrackedApplication, Verdict>,
}

/// An application whose images are followed.
#[derive(Debug, Clone)]
pub struct TrackedApplication {
    /// How its values are written.
    pub kind: ApplicationKind,
    /// Which of its sources is written.
    pub source: SourceSlot,
    /// Where changes go.
    pub target: WriteTarget,
    /// The images, in the order of the list; a refused one keeps its alias.
    pub images: Vec<ResolvedImage>,
}

/// One configured image: followed, or refused with the reason.
#[derive(Debug, Clone)]
pub struct ResolvedImage {
    /// The explicit or derived alias.
    pub alias: String,
    /// The image, or why it is left alone.
    pub tracked: Result<Arc<TrackedImage>, Verdict>,
}

/// An image that is followed.
#[derive(Debug, Clone)]
pub struct TrackedImage {
    /// The explicit or derived alias.
    pub alias: String,
    /// As configured; the tag is the constraint.
    pub reference: ImageRef,
    /// How the tag is picked.
    pub strategy: StrategyKind,
    /// Which tags may be picked at all.
    pub filter: TagFilter,
    /// Whether it is updated although Argo CD does not report it as running.
    pub force_update: bool,
    /// Where its own registry credentials lie.
    pub credentials: Option<credential_ref::CredentialRef>,
    /// The wanted platforms.
    pub platforms: Platforms,
    /// Where it stands in the manifests.
    pub manifest_target: ManifestTarget,
}

/// How values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ApplicationKind {
    /// Helm parameters.
    Helm,
    /// Kustomize images.
    Kustomize,
    /// Plugin environment.
    Plugin,
}

/// Which source of an application is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SourceSlot {
    /// `spec.source`.
    Single,
    /// `spec.sources[i]`.
    Multi(usize),
    /// `spec.sourceHydrator.drySource`.
    Hydrator,
}

/// Where an image stands in the manifests. Names are trimmed and never empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ManifestTarget {
    /// Nothing is configured: the defaults of the application's kind.
    Default,
    /// Helm parameters for name and tag.
    Helm {
        /// The parameter for the name.
        name: String,
        /// The parameter for the tag.
        tag: String,
    },
    /// One Helm parameter for the whole reference.
    HelmSpec(String),
    /// The image name that Kustomize replaces.
    Kustomize(String),
    /// Plugin variables for name and tag.
    Plugin {
        /// The variable for the name.
        name: Option<String>,
        /// The variable for the tag.
        tag: Option<String>,
    },
    /// One plugin variable for the whole reference.
    PluginSpec(String),
}

/// What one batch of changes goes to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum WriteTarget {
    /// The Application object itself.
    Application,
    /// A file in a git repository.
    Git(GitTarget),
}

/// Where in git an application's changes go.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GitTarget {
    /// The repository URL as configured.
    pub repository: String,
    /// Where its credentials lie.
    pub credentials: GitCredentialRef,
    /// The branch that changes are based on; `None` is the remote's default branch.
    pub base: Option<String>,
    /// The template of the branch that is pushed; `None` is the base branch.
    pub push: Option<String>,
    /// What is edited.
    pub file: TargetFile,
    /// Author and committer of the commits; `None` is the controller's own.
    pub author: Option<Author>,
}

/// Where git credentials lie.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum GitCredentialRef {
    /// Argo CD's own repository and repo-creds Secrets.
    RepoCreds,
    /// A Secret in the application's namespace.
    Secret(ObjectKey),
}

/// Author of commits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Author {
    /// The name.
    pub name: String,
    /// The mail address.
    pub email: String,
}

/// What is edited, from the repository root, cleaned and without a leading slash.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TargetFile {
    /// An override file in Argo CD's `.argocd-source-*.yaml` format.
    Override(String),
    /// The kustomization in this folder.
    Kustomization(String),
    /// A Helm values file.
    HelmValues(String),
}

pub mod credential_ref;
pub mod repository_match;
