//! What a resource asks for, per application and image, in types that later stages need not question.
//!
//! Pure, in two steps: [`Compiled::new`] works out once per generation of a resource what no Application changes, and
//! [`Compiled::resolve`] applies it in every cycle. The result names every application that a rule matched, with its images, where they are written,
//! and a [`Verdict`] for each that cannot be followed. Settings are merged once per rule and image, not per application,
//! and shared by all applications of the rule. Start at `compiled`.

use std::sync::Arc;

use crate::{
    api::{argocd::Application, v1alpha1::ImageUpdater},
    core::{
        image::{ImageRef, Platform, Platforms},
        report::Remark,
        select::Policy,
        signature::SignaturePolicy,
        verdict::Verdict,
    },
};

pub mod aliases;
pub mod annotations;
mod compiled;
pub mod credential_ref;
mod image;
pub mod manifest_target;
mod merged;
pub mod origin;
pub mod path_pattern;
mod patterns;
pub mod permission;
mod policy;
pub mod pull_request;
pub mod repository_match;
pub mod repository_path;
mod rule;
pub mod settings;
pub mod source_type;
pub mod target;
pub mod unsupported;
pub mod verification;
pub mod wildcard;
pub mod write_target;

pub use compiled::Compiled;
pub use path_pattern::PathPattern;
pub use target::{
    ApplicationKind, Author, CommitGrouping, CurrentFrom, GitCredentialRef, GitTarget, ManifestTarget, SourceSlot,
    TargetFile, WriteTarget,
};

/// What has to be known beside the resource.
#[derive(Debug, Clone)]
pub struct ResolveContext {
    /// The namespace of Argo CD.
    pub argocd_namespace: String,
    /// The platform that this program runs on, which is wanted where nothing else is.
    pub runtime_platform: Platform,
    /// Whether pull secrets may be environment variables and executables of this program.
    pub allow_env_ext_credentials: bool,
}

/// What a resource asks for.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The applications that a rule matched, in the order in which they were given.
    pub applications: Vec<ResolvedApplication>,
    /// What works, but should be looked at. Sorted by field, each once.
    pub warnings: Vec<Remark>,
    /// What a user has to change before all images can be followed; the others are. Sorted by field, each once.
    pub stalled: Vec<Remark>,
}

/// An application that a rule matched.
#[derive(Debug, Clone)]
pub struct ResolvedApplication {
    /// The object, as it was seen when the cycle began.
    pub application: Arc<Application>,
    /// The index of the rule in `spec.applicationRefs`.
    pub rule: usize,
    /// How specific that rule is: of two resources that write one place, the more specific rule wins.
    pub specificity: i64,
    /// The application's images and target, or why it is left alone as a whole.
    pub tracked: Result<TrackedApplication, Verdict>,
}

/// An application whose images are followed.
#[derive(Debug, Clone)]
pub struct TrackedApplication {
    /// How values are written, except for images whose target names another source.
    pub kind: ApplicationKind,
    /// The type of the source.
    pub source_type: source_type::SourceType,
    /// Which of its sources is written.
    pub source: SourceSlot,
    /// Where changes go.
    pub target: WriteTarget,
    /// The images, in the order of the list; a refused one keeps its alias. Shared by all applications of the rule, unless
    /// the list has wildcards: then what they stand for in this application.
    pub images: Arc<[ResolvedImage]>,
}

/// One configured image: followed, or refused with the reason.
#[derive(Debug, Clone)]
pub struct ResolvedImage {
    /// The explicit or derived alias.
    pub alias: String,
    /// As configured, also when the image is left alone; `None` when it cannot be read.
    pub reference: Option<ImageRef>,
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
    /// Which tags may be picked, and which of them is.
    pub policy: Arc<Policy>,
    /// Whether it is updated although Argo CD does not report it as running.
    pub force_update: bool,
    /// Where its current version is read.
    pub current_from: CurrentFrom,
    /// Where its own registry credentials lie.
    pub credentials: Option<credential_ref::CredentialRef>,
    /// The wanted platforms.
    pub platforms: Platforms,
    /// Whose signatures it needs before it is written; `None` when it needs none.
    pub signatures: Option<Arc<SignaturePolicy>>,
    /// Where it stands in the manifests.
    pub manifest_target: ManifestTarget,
}

/// Compiles `updater` and resolves it for `applications`: see [`Compiled`].
pub fn resolve(
    updater: &ImageUpdater,
    applications: &[Arc<Application>],
    context: &ResolveContext,
) -> Result<Resolved, Vec<Remark>> {
    Ok(Compiled::new(updater, context)?.resolve(applications))
}

#[cfg(test)]
mod git_tests;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
