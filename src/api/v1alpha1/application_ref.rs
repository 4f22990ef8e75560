//! A rule that selects Applications.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CommonUpdateSettings, ImageConfig, ImagesVerification, WriteBackConfig};

/// ApplicationRef selects Applications by name and labels, and says which images they follow.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationRef {
    /// Example: `shop-*`. A name, a glob (`*`, `?`, `[abc]`, `[^abc]`), or a regular expression after `regexp:` that
    /// has to match the whole name.
    pub name_pattern: String,
    /// Example: `matchLabels: {team: shop}`. Labels that the Application must have as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_selectors: Option<LabelSelector>,
    /// `true` takes images and settings from the annotations of each Application instead of from this entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = false))]
    pub use_annotations: Option<bool>,
    /// How tags are chosen for the images of this entry; overrides the resource's settings field by field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub common_update_settings: Option<CommonUpdateSettings>,
    /// Where updates of this entry are written; overrides the resource's settings field by field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write_back_config: Option<WriteBackConfig>,
    /// Which signatures the images of this entry need; overrides the resource's settings field by field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images_verification: Option<ImagesVerification>,
    /// The images that these Applications follow. Absent or empty: `spec.images`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub images: Option<Vec<ImageConfig>>,
}
