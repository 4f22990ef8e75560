//! The status of ImageUpdater resources: one merge patch, never server-side apply.

use kube::api::{Patch, PatchParams};
use serde::de::IgnoredAny;
use serde_json::Value;

use super::{Cluster, ClusterError, FIELD_MANAGER, error::Action, requests_for};
use crate::{api::v1alpha1::ImageUpdater, core::keys::ObjectKey};

impl Cluster {
    /// Merges `patch` (`{"status": {...}}`, RFC 7396: `null` removes a field, a list is replaced as a whole) into the
    /// status of the resource. [`ClusterError::NotFound`] when it is gone.
    pub async fn patch_status(&self, key: &ObjectKey, patch: Value) -> Result<(), ClusterError> {
        let action = Action::new::<ImageUpdater>("patch", Some(&key.namespace))
            .subresource("status")
            .named(&key.name);
        let params = PatchParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let request = requests_for::<ImageUpdater>(&action)?.patch_subresource(
            "status",
            &key.name,
            &params,
            &Patch::Merge(patch),
        );
        let _: IgnoredAny = self.call(&action, request).await?;
        Ok(())
    }
}
