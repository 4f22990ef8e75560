//! The resource and its spec.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    ApplicationRef, CommonUpdateSettings, ImageConfig, ImageUpdaterStatus, ImagesVerification, WriteBackConfig,
};

/// ImageUpdaterSpec says which Applications follow which images, and where updates are written.
// The schema is made in `schema.rs`: the derived one would mark every optional field as nullable.
#[derive(CustomResource, Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "argocd-image-updater.argoproj.io",
    version = "v1alpha1",
    kind = "ImageUpdater",
    plural = "imageupdaters",
    singular = "imageupdater",
    namespaced,
    status = "ImageUpdaterStatus",
    schema = "disabled",
    doc = "ImageUpdater says which Argo CD Applications follow which images.",
    printcolumn = r#"{"name": "Apps", "type": "integer", "jsonPath": ".status.applicationsMatched"}"#,
    printcolumn = r#"{"name": "Images", "type": "integer", "jsonPath": ".status.imagesManaged"}"#,
    printcolumn = r#"{"name": "Last Checked", "type": "date", "jsonPath": ".status.lastCheckedAt"}"#,
    printcolumn = r#"{"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"}"#
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "(has(self.images) && size(self.images) > 0) || self.applicationRefs.all(r, \
        (has(r.useAnnotations) && r.useAnnotations) || (has(r.images) && size(r.images) > 0))",
    "message": "every entry of applicationRefs needs images or useAnnotations: true, unless spec.images is set",
}]))]
pub struct ImageUpdaterSpec {
    /// Deprecated: leave it out. Only Applications in the namespace of this resource are selected; any other value is
    /// ignored with a warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// New. `true` stops all updates of this resource until it is `false` or removed again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,
    /// New. Example: `5m`. Time between two checks of this resource, as a Go duration; default is the controller's
    /// `--interval`. Values below its `--minimum-interval` are raised to that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
    /// New. The images of every entry of applicationRefs that has none of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub images: Option<Vec<ImageConfig>>,
    /// How tags are chosen for all images. applicationRefs and images override it field by field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub common_update_settings: Option<CommonUpdateSettings>,
    /// Where updates are written: into the Application (default) or into git. applicationRefs override it field by
    /// field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write_back_config: Option<WriteBackConfig>,
    /// Which signatures images need. applicationRefs and images override it field by field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images_verification: Option<ImagesVerification>,
    /// Which Applications are updated. An Application belongs to the most specific entry that matches it.
    #[schemars(length(min = 1))]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["namePattern"]))]
    pub application_refs: Vec<ApplicationRef>,
}
