//! The ImageUpdater resource, `argocd-image-updater.argoproj.io/v1alpha1`.
//!
//! Absent and empty are different everywhere: an explicit `[]` replaces an inherited list. So every field is an
//! `Option` and no type here has a serde default.

mod application_ref;
mod image_config;
mod image_updater;
mod manifest_target;
mod schema;
mod status;
mod update_settings;
mod verification;
mod write_back;

pub use application_ref::ApplicationRef;
pub use image_config::{AllowTag, AllowTags, ImageConfig};
pub use image_updater::{ImageUpdater, ImageUpdaterSpec};
pub use manifest_target::{HelmTarget, HelmTargetPlace, KustomizeTarget, ManifestTargets, PluginTarget};
pub use schema::crd;
pub use status::{ImageUpdaterStatus, PendingTag, Problem, RecentUpdate, Write};
pub use update_settings::CommonUpdateSettings;
pub use verification::{CosignKey, ImagesVerification, Keyless, KeylessIdentity, TrustRoot};
pub use write_back::{Author, GitConfig, PullRequest, PullRequestProvider, WriteBackConfig};
