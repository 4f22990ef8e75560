//! Where an image stands inside a manifest.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// ManifestTargets says where an image stands inside a manifest: exactly one of the kinds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManifestTargets {
    /// Helm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub helm: Option<HelmTarget>,
    /// Kustomize.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kustomize: Option<KustomizeTarget>,
    /// Plugin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<PluginTarget>,
}

/// HelmTarget names Helm parameters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HelmTarget {
    /// Name parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Tag parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Whole reference parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spec: Option<String>,
    /// More places of the same image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub additional: Option<Vec<HelmTargetPlace>>,
}

/// HelmTargetPlace is one more place of the same image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HelmTargetPlace {
    /// Name parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Tag parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Whole reference parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spec: Option<String>,
}

/// KustomizeTarget names the image that is replaced.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KustomizeTarget {
    /// Name.
    pub name: String,
}

/// PluginTarget names environment variables.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PluginTarget {
    /// Name variable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Tag variable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Whole reference variable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spec: Option<String>,
}
