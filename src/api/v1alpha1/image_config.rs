//! One image that is followed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CommonUpdateSettings, ImagesVerification, ManifestTargets};

/// ImageConfig is one image that is followed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageConfig {
    /// Example: `api`. The name of this entry, unique in its list. Default is the last part of the image's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[a-zA-Z0-9][a-zA-Z0-9-._]*$"))]
    pub alias: Option<String>,
    /// Example: `ghcr.io/acme/api:1.x`. The image, with a version constraint (or, for the digest strategy, a tag) after
    /// the colon. New: a `*` in the path, as in `ghcr.io/acme/*:1.x`, stands for every running image that matches.
    pub image_name: String,
    /// New. Example: `latest`. Short form of `commonUpdateSettings.updateStrategy`, which wins when both are set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_strategy: Option<String>,
    /// New. Example: `[{regex: "^v"}]`. Short form of `commonUpdateSettings.allowTags`, which wins when both are set. A
    /// tag passes when one entry matches.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub allow_tags: Option<Vec<AllowTag>>,
    /// How tags are chosen for this image; overrides outer settings field by field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub common_update_settings: Option<CommonUpdateSettings>,
    /// Which signatures this image needs; overrides outer settings field by field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images_verification: Option<ImagesVerification>,
    /// Example: `helm: {name: image.repository, tag: image.tag}`. Where the image stands in the Application's
    /// manifests. New: `{name}` and `{alias}` in its texts stand for the image's last path component and its alias.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest_targets: Option<ManifestTargets>,
}

/// The short form of `allowTags`.
pub type AllowTags = Vec<AllowTag>;

/// AllowTag is one expression of the short form of `allowTags`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AllowTag {
    /// Example: `^v[0-9]+$`. A regular expression (RE2 syntax) that is found anywhere in the tag unless it is anchored.
    pub regex: String,
}
