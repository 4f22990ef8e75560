//! The resource and its spec.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    ApplicationRef, CommonUpdateSettings, ImageConfig, ImageUpdaterStatus, ImagesVerification, WriteBackConfig,
};

/// ImageUpdaterSpec says which Applications follow which images, and where updates are written.
#[derive(CustomResource, Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "argocd-image-updater.argoproj.io",
    version = "v1alpha1",
    kind = "ImageUpdater",
    plural = "imageupdaters",
    singular = "imageupdater",
    namespaced,
    status = "ImageUpdaterStatus"
)]
#[serde(rename_all = "camelCase")]
pub struct ImageUpdaterSpec {
    /// Deprecated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Suspend.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
    /// Interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
    /// Default images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images: Option<Vec<ImageConfig>>,
    /// Settings for all images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub common_update_settings: Option<CommonUpdateSettings>,
    /// Where to write.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write_back_config: Option<WriteBackConfig>,
    /// Signatures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images_verification: Option<ImagesVerification>,
    /// Rules.
    pub application_refs: Vec<ApplicationRef>,
}
