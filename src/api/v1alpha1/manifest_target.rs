//! Where an image stands inside a manifest.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// ManifestTargets says where an image stands inside a manifest: exactly one of the kinds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("oneOf" = [{"required": ["helm"]}, {"required": ["kustomize"]}, {"required": ["plugin"]}]))]
pub struct ManifestTargets {
    /// Example: `{name: image.repository, tag: image.tag}`. The Helm parameters or values of the image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub helm: Option<HelmTarget>,
    /// Example: `{name: nginx}`. The image name that Kustomize replaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kustomize: Option<KustomizeTarget>,
    /// Example: `{name: IMAGE_NAME, tag: IMAGE_TAG}`. The environment variables of a config management plugin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<PluginTarget>,
}

/// HelmTarget names Helm parameters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HelmTarget {
    /// Example: `image.repository`. Parameter that gets the name without tag. Default `image.name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Example: `image.tag`, which is the default. Parameter that gets the tag or digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Example: `image.ref`. Parameter that gets the whole reference; `name` and `tag` are not used then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spec: Option<String>,
    /// New. Example: `[{tag: worker.image.tag}]`. More places that get the same image.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub additional: Option<Vec<HelmTargetPlace>>,
}

/// HelmTargetPlace is one more place of the same image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HelmTargetPlace {
    /// Example: `worker.image.repository`. Parameter that gets the name without tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Example: `worker.image.tag`. Parameter that gets the tag or digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Example: `worker.image.ref`. Parameter that gets the whole reference; `name` and `tag` are not used then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spec: Option<String>,
}

/// KustomizeTarget names the image that is replaced.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KustomizeTarget {
    /// Example: `nginx`. The image name as it stands in the manifests.
    pub name: String,
}

/// PluginTarget names environment variables: `spec` or `name`, and `tag` beside `name`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("anyOf" = [{"required": ["spec"]}, {"required": ["name"]}]))]
pub struct PluginTarget {
    /// Example: `IMAGE_NAME`. Variable that gets the name without tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub name: Option<String>,
    /// Example: `IMAGE_TAG`. Variable that gets the tag or digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub tag: Option<String>,
    /// Example: `IMAGE`. Variable that gets the whole reference; `name` and `tag` are not used then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub spec: Option<String>,
}
