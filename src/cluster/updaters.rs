//! ImageUpdater resources: what is kept of them, and the finalizer of older programs.
//!
//! Their status: [`super::status`].

use std::sync::Arc;

use kube::{
    ResourceExt,
    api::{GetParams, Patch, PatchParams},
};
use serde::de::IgnoredAny;
use serde_json::json;

use super::{
    Cluster, ClusterError, FIELD_MANAGER,
    error::Action,
    requests_for,
    watch::{WatchEvent, Watched},
};
use crate::{
    api::{annotations, v1alpha1::ImageUpdater},
    core::keys::ObjectKey,
};

/// How often a refused removal of the finalizer is decided again.
const TRIES: usize = 5;

impl Cluster {
    /// The resource as it is now, in the same form as a watch delivers it; `None` when there is none.
    pub async fn get_updater(&self, key: &ObjectKey) -> Result<Option<ImageUpdater>, ClusterError> {
        let action = Action::new::<ImageUpdater>("get", Some(&key.namespace)).named(&key.name);
        let request = requests_for::<ImageUpdater>(&action)?;
        let found: Option<ImageUpdater> = self
            .call_optional(&action, request.get(&key.name, &GetParams::default()))
            .await?;
        Ok(found.map(|mut updater| {
            updater.trim();
            updater
        }))
    }

    /// Removes the finalizer of older programs, [`annotations::FINALIZER`], and no other. Needs the verb `patch`.
    ///
    /// Whether it was there or not, and whether the resource still exists or not, afterwards it is not there.
    pub async fn remove_finalizer(&self, updater: &ImageUpdater) -> Result<(), ClusterError> {
        let key = ObjectKey::new(updater.namespace().unwrap_or_default(), updater.name_any());
        let Some(mut patch) = without_finalizer(updater) else {
            return Ok(());
        };
        let mut tries = TRIES;
        loop {
            let refused = match self.patch_updater(&key, &patch).await {
                Ok(()) | Err(ClusterError::NotFound { .. }) => return Ok(()),
                Err(error) => error,
            };
            tries -= 1;
            // The tests of the patch failed: the list is another by now, or even the resource.
            let moved = matches!(
                refused,
                ClusterError::Conflict { .. } | ClusterError::Refused { code: 422, .. }
            );
            if tries == 0 || !moved {
                return Err(refused);
            }
            let now = self.get_updater(&key).await?;
            let Some(again) = now
                .filter(|now| now.uid() == updater.uid())
                .as_ref()
                .and_then(without_finalizer)
            else {
                return Ok(());
            };
            patch = again;
        }
    }

    async fn patch_updater(&self, key: &ObjectKey, patch: &json_patch::Patch) -> Result<(), ClusterError> {
        let action = Action::new::<ImageUpdater>("patch", Some(&key.namespace)).named(&key.name);
        let params = PatchParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let request = requests_for::<ImageUpdater>(&action)?;
        let patch = Patch::Json::<()>(patch.clone());
        let _: IgnoredAny = self.call(&action, request.patch(&key.name, &params, &patch)).await?;
        Ok(())
    }
}

/// The patch that takes our old finalizer out of exactly this list of exactly this object; `None` when it is not in it.
fn without_finalizer(updater: &ImageUpdater) -> Option<json_patch::Patch> {
    let list = updater.finalizers();
    let kept: Vec<_> = list.iter().filter(|f| *f != annotations::FINALIZER).collect();
    (kept.len() < list.len()).then(|| {
        serde_json::from_value(json!([
            {"op": "test", "path": "/metadata/uid", "value": updater.uid()},
            {"op": "test", "path": "/metadata/finalizers", "value": list},
            {"op": "replace", "path": "/metadata/finalizers", "value": kept},
        ]))
        .expect("three operations with literal paths are a JSON Patch")
    })
}

impl Watched for ImageUpdater {
    /// Drops who wrote which field, and all annotations that are not ours.
    fn trim(&mut self) {
        self.metadata.managed_fields = None;
        let annotations = self.annotations_mut();
        annotations.retain(|key, _| key.starts_with(annotations::PREFIX));
        if annotations.is_empty() {
            self.metadata.annotations = None;
        }
    }

    /// Whatever only the status changed is our own doing, or of no interest.
    fn says_the_same(&self, other: &Self) -> bool {
        let (a, b) = (&self.metadata, &other.metadata);
        self.spec == other.spec
            && (&a.uid, a.generation, &a.deletion_timestamp) == (&b.uid, b.generation, &b.deletion_timestamp)
            && (&a.annotations, &a.labels, &a.finalizers) == (&b.annotations, &b.labels, &b.finalizers)
    }

    fn applied(old: Option<Arc<Self>>, new: Arc<Self>) -> WatchEvent {
        WatchEvent::UpdaterApplied { old, new }
    }

    fn removed(old: Arc<Self>) -> WatchEvent {
        WatchEvent::UpdaterDeleted { old }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn updater(finalizers: &[&str]) -> ImageUpdater {
        serde_json::from_value(json!({
            "apiVersion": "argocd-image-updater.argoproj.io/v1alpha1", "kind": "ImageUpdater",
            "metadata": {"name": "shop", "namespace": "argocd", "uid": "u", "finalizers": finalizers},
            "spec": {"applicationRefs": []},
        }))
        .unwrap()
    }

    #[test]
    fn only_our_old_finalizer_is_taken_out() {
        assert!(without_finalizer(&updater(&[])).is_none());
        assert!(without_finalizer(&updater(&["other.test/x"])).is_none());
        let patch = without_finalizer(&updater(&["other.test/x", annotations::FINALIZER])).unwrap();
        let mut object = serde_json::to_value(updater(&["other.test/x", annotations::FINALIZER])).unwrap();
        json_patch::patch(&mut object, &patch).unwrap();
        assert_eq!(object["metadata"]["finalizers"], json!(["other.test/x"]));
    }

    #[test]
    fn a_status_is_no_change_and_an_annotation_of_ours_is_one() {
        let one = updater(&[]);
        let mut two = one.clone();
        two.metadata.resource_version = Some("2".to_owned());
        two.status = Some(crate::api::v1alpha1::ImageUpdaterStatus::default());
        assert!(one.says_the_same(&two));
        two.annotations_mut()
            .insert(annotations::RECONCILE_REQUESTED_AT.to_owned(), "now".to_owned());
        assert!(!one.says_the_same(&two));
    }
}
