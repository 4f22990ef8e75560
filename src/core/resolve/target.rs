//! Where the values of an application go: the words for sources, manifests, files and repositories.

use std::borrow::Cow;

use super::PathPattern;
use crate::core::keys::ObjectKey;

pub mod places;

pub use places::{HelmPlaces, ValuePlace};

/// How values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ApplicationKind {
    /// Helm parameters.
    Helm,
    /// Kustomize images.
    Kustomize,
    /// Plugin environment.
    Plugin,
    /// Images in plain manifests: `image:` fields, and scalars with a setter comment.
    Manifests,
    /// Scalars with a setter comment in plain manifests, and no others: several images of the list have one name, so
    /// that an `image:` field does not tell whose it is.
    Markers,
}

/// Which source of an application is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
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
    /// Helm parameters, in one place or several.
    Helm(HelmPlaces),
    /// The image name that Kustomize replaces.
    Kustomize(String),
    /// Plugin variables.
    Plugin(ValuePlace),
}

/// Where the current version of an image is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CurrentFrom {
    /// From what Argo CD reports as running.
    #[default]
    Live,
    /// From the values of the Application's source, so that an image that does not run now is followed too.
    Manifest,
}

/// What one batch of changes goes to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum WriteTarget {
    /// The Application object itself.
    Application,
    /// A file in a git repository.
    Git(Box<GitTarget>),
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
    /// What tells this target from others in names of branches.
    pub target_key: String,
    /// Author and committer of the commits; `None` is the controller's own.
    pub author: Option<Author>,
    /// The template of the commit message, which is valid; `None` is the controller's own.
    pub message: Option<String>,
    /// What shares a commit.
    pub grouping: CommitGrouping,
    /// Whether Argo CD is told of a push to the branch that the Application follows.
    pub refresh: bool,
}

/// What shares a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CommitGrouping {
    /// One commit for each application.
    #[default]
    Application,
    /// One commit for all that goes to one branch.
    Target,
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
    /// Plain manifests.
    Manifests(PathPattern),
}

impl TargetFile {
    /// The path of the file, or of the kustomization's folder, or the pattern of paths.
    pub fn path(&self) -> &str {
        match self {
            Self::Override(path) | Self::Kustomization(path) | Self::HelmValues(path) => path,
            Self::Manifests(pattern) => pattern.as_str(),
        }
    }
}

impl ManifestTarget {
    /// The image name that Kustomize replaces, where one is configured.
    pub fn kustomize_name(&self) -> Option<&str> {
        match self {
            Self::Kustomize(name) => Some(name),
            Self::Default | Self::Helm(_) | Self::Plugin(_) => None,
        }
    }

    /// The field that says so, or would: the default is that of an application of this kind.
    pub fn field(&self, kind: ApplicationKind) -> &'static str {
        match (self, kind) {
            (Self::Helm(_), _) | (Self::Default, ApplicationKind::Helm) => "manifestTargets.helm",
            (Self::Kustomize(_), _) | (Self::Default, ApplicationKind::Kustomize) => "manifestTargets.kustomize",
            (Self::Plugin(_), _) | (Self::Default, ApplicationKind::Plugin) => "manifestTargets.plugin",
            (Self::Default, ApplicationKind::Manifests | ApplicationKind::Markers) => "imageName",
        }
    }

    /// Where the image stands among Helm parameters: as configured, else the defaults.
    pub fn helm_places(&self) -> Cow<'_, HelmPlaces> {
        match self {
            Self::Helm(places) => Cow::Borrowed(places),
            Self::Default | Self::Kustomize(_) | Self::Plugin(_) => Cow::Owned(HelmPlaces::default()),
        }
    }
}
