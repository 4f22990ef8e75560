//! The compiled form of each resource, kept from cycle to cycle.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    api::v1alpha1::ImageUpdater,
    core::{
        keys::ObjectKey,
        report::Remark,
        resolve::{Compiled, ResolveContext},
    },
};

/// What a resource was compiled to, or why it stalls.
pub(super) type Outcome = Result<Arc<Compiled>, Vec<Remark>>;

/// The resources that were compiled so far: one entry each, until [`Self::forget`].
#[derive(Default)]
pub(super) struct Known(Mutex<HashMap<ObjectKey, (Arc<ImageUpdater>, Outcome)>>);

impl Known {
    /// The compiled form of `updater`. It is made again when the spec differs, which needs no trust in generations: a
    /// folder of files has none.
    pub(super) fn get(&self, updater: &Arc<ImageUpdater>, context: &ResolveContext) -> Outcome {
        let name = updater.metadata.name.clone().unwrap_or_default();
        let key = ObjectKey::new(updater.metadata.namespace.clone().unwrap_or_default(), name);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((before, outcome)) = known.get(&key)
            && (Arc::ptr_eq(before, updater) || before.spec == updater.spec)
        {
            return outcome.clone();
        }
        let outcome = Compiled::new(updater, context).map(Arc::new);
        known.insert(key, (updater.clone(), outcome.clone()));
        outcome
    }

    /// Drops a resource that is gone.
    pub(super) fn forget(&self, key: &ObjectKey) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::core::image::Platform;

    fn updater(pattern: &str, checked: &str) -> Arc<ImageUpdater> {
        let updater = json!({
            "apiVersion": "argocd-image-updater.argoproj.io/v1alpha1",
            "kind": "ImageUpdater",
            "metadata": {"namespace": "team", "name": "u"},
            "spec": {"applicationRefs": [{"namePattern": pattern, "images": [{"imageName": "a"}]}]},
            "status": {"lastCheckedAt": checked},
        });
        Arc::new(serde_json::from_value(updater).unwrap())
    }

    #[test]
    fn a_resource_is_compiled_again_only_when_its_spec_changes() {
        let context = ResolveContext {
            argocd_namespace: "argocd".to_owned(),
            runtime_platform: Platform::new("linux", "amd64"),
            allow_env_ext_credentials: true,
        };
        let known = Known::default();
        let get = |pattern: &str, checked: &str| known.get(&updater(pattern, checked), &context);
        let first = get("shop", "2026-01-01T00:00:00Z").unwrap();
        let status_only = get("shop", "2026-01-02T00:00:00Z").unwrap();
        assert!(Arc::ptr_eq(&first, &status_only));
        assert!(get("[", "2026-01-02T00:00:00Z").is_err());
        let again = get("shop", "2026-01-02T00:00:00Z").unwrap();
        assert!(!Arc::ptr_eq(&first, &again));
        known.forget(&ObjectKey::new("team", "u"));
        assert!(known.0.lock().unwrap().is_empty());
    }
}
