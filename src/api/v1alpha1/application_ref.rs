//! A rule that selects Applications.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CommonUpdateSettings, ImageConfig, ImagesVerification, WriteBackConfig};

/// ApplicationRef selects Applications by name and labels, and says which images they follow.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationRef {
    /// Name pattern.
    pub name_pattern: String,
    /// Labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_selectors: Option<LabelSelector>,
    /// Annotations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub use_annotations: Option<bool>,
    /// Settings for the images of this rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub common_update_settings: Option<CommonUpdateSettings>,
    /// Where to write.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write_back_config: Option<WriteBackConfig>,
    /// Signatures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images_verification: Option<ImagesVerification>,
    /// Images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images: Option<Vec<ImageConfig>>,
}
