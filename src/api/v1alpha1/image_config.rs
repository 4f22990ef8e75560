//! One image that is followed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CommonUpdateSettings, ImagesVerification, ManifestTargets};

/// ImageConfig is one image that is followed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageConfig {
    /// Alias.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Name and constraint.
    pub image_name: String,
    /// Short form of `commonUpdateSettings.updateStrategy`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_strategy: Option<String>,
    /// Short form of `commonUpdateSettings.allowTags`: a tag passes when one expression matches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_tags: Option<Vec<AllowTag>>,
    /// Settings of this image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub common_update_settings: Option<CommonUpdateSettings>,
    /// Signatures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images_verification: Option<ImagesVerification>,
    /// Where the image stands in the manifests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest_targets: Option<ManifestTargets>,
}

/// The short form of `allowTags`.
pub type AllowTags = Vec<AllowTag>;

/// AllowTag is one expression of the short form of `allowTags`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AllowTag {
    /// A regular expression (RE2 syntax), unanchored.
    pub regex: String,
}
