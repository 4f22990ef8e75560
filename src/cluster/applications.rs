//! Argo CD Applications: what is kept of them, and the two ways in which they are changed.
//!
//! The spec of an Application is changed by a JSON Patch that touches only what is owned and tests what it was decided on;
//! nobody here looks into the patch. Beside that there is one annotation, which asks Argo CD to look again.

use std::sync::Arc;

use kube::api::{GetParams, Patch, PatchParams};
use serde::de::IgnoredAny;
use serde_json::json;

use super::{
    Cluster, ClusterError, FIELD_MANAGER,
    error::Action,
    requests_for,
    watch::{WatchEvent, Watched},
};
use crate::{
    api::{
        annotations,
        argocd::{Application, ApplicationStatus},
    },
    core::{disposition::Disposition, foreign::ForeignText, keys::ObjectKey},
};

/// The annotation by which Argo CD finds an object's Application; an Application of an app of apps carries it as well.
const TRACKING_ID: &str = "argocd.argoproj.io/tracking-id";

/// The annotation by which Argo CD is asked to look at an Application now.
const REFRESH: &str = "argocd.argoproj.io/refresh";

/// Why an Application was not patched.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum PatchError {
    /// It is not as it was when the patch was decided (409), or the patch does not fit (422): read it and decide again.
    #[error("{application} is not as it was when this was decided: {answer}")]
    Stale {
        /// The Application.
        application: ObjectKey,
        /// The server's words.
        answer: ForeignText,
    },
    /// It does not exist any more.
    #[error("{0} does not exist any more")]
    Gone(ObjectKey),
    /// Role-based access control forbids it.
    #[error(transparent)]
    Forbidden(ClusterError),
    /// Anything else.
    #[error(transparent)]
    Other(ClusterError),
}

impl PatchError {
    /// What to do about it.
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::Stale { .. } => Disposition::DecideAgain,
            Self::Gone(_) => Disposition::Stalled,
            Self::Forbidden(error) | Self::Other(error) => error.disposition(),
        }
    }

    fn new(application: &ObjectKey, error: ClusterError) -> Self {
        let application = application.clone();
        match error {
            ClusterError::Conflict { answer, .. } | ClusterError::Refused { code: 422, answer, .. } => {
                Self::Stale { application, answer }
            }
            ClusterError::NotFound { .. } => Self::Gone(application),
            ClusterError::Forbidden { .. } => Self::Forbidden(error),
            other => Self::Other(other),
        }
    }
}

impl Cluster {
    /// The Application as it is now, in the same form as a watch delivers it; `None` when there is none.
    pub async fn get_application(&self, key: &ObjectKey) -> Result<Option<Application>, ClusterError> {
        let action = Action::new::<Application>("get", Some(&key.namespace)).named(&key.name);
        let request = requests_for::<Application>(&action)?;
        let found: Option<Application> = self
            .call_optional(&action, request.get(&key.name, &GetParams::default()))
            .await?;
        Ok(found.map(trimmed))
    }

    /// Patches the Application and returns it as it is stored now.
    ///
    /// The API server drops fields that it does not know and still answers with success, so compare the result with
    /// what was meant.
    pub async fn patch_application(
        &self,
        key: &ObjectKey,
        patch: &json_patch::Patch,
    ) -> Result<Application, PatchError> {
        let action = Action::new::<Application>("patch", Some(&key.namespace)).named(&key.name);
        let params = PatchParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let answer = async {
            let request = requests_for::<Application>(&action)?;
            let patch = Patch::Json::<()>(patch.clone());
            self.call(&action, request.patch(&key.name, &params, &patch)).await
        };
        match answer.await {
            Ok(stored) => Ok(trimmed(stored)),
            Err(error) => Err(PatchError::new(key, error)),
        }
    }
}

impl Cluster {
    /// Asks Argo CD to compare the Application with its sources now, instead of at its next poll: sets the annotation
    /// `argocd.argoproj.io/refresh: normal` (Argo CD's documentation, "Annotations and Labels used by Argo CD"), which Argo
    /// CD removes when it is done. Nothing else is touched, whatever else changed meanwhile.
    ///
    /// Does nothing in a folder, where no Argo CD reads it. Not tried again by itself: Argo CD polls anyway.
    pub async fn refresh_application(&self, key: &ObjectKey) -> Result<(), ClusterError> {
        if !self.has_argo_cd {
            return Ok(());
        }
        let action = Action::new::<Application>("patch", Some(&key.namespace)).named(&key.name);
        let params = PatchParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let patch = Patch::Merge(json!({ "metadata": { "annotations": { REFRESH: "normal" } } }));
        let request = requests_for::<Application>(&action)?.patch(&key.name, &params, &patch);
        let _: IgnoredAny = self.call(&action, request).await?;
        Ok(())
    }
}

fn trimmed(mut application: Application) -> Application {
    application.trim();
    application
}

impl Watched for Application {
    /// Keeps what identifies it, its labels, our annotations, the ApplicationSet that owns it, and the time of its
    /// deletion. What changes with every sync of Argo CD goes, so that equal means: nothing happened that matters here.
    fn trim(&mut self) {
        let meta = std::mem::take(&mut self.metadata);
        let mut annotations = meta.annotations.unwrap_or_default();
        annotations.retain(|key, _| key.starts_with(annotations::PREFIX) || key == TRACKING_ID);
        let mut owners = meta.owner_references.unwrap_or_default();
        owners.retain(|owner| owner.kind == "ApplicationSet");
        self.metadata = kube::api::ObjectMeta {
            name: meta.name,
            namespace: meta.namespace,
            uid: meta.uid,
            labels: meta.labels,
            annotations: (!annotations.is_empty()).then_some(annotations),
            owner_references: (!owners.is_empty()).then_some(owners),
            deletion_timestamp: meta.deletion_timestamp,
            ..kube::api::ObjectMeta::default()
        };
        // A status that says nothing of what is read is none.
        self.status = self
            .status
            .take()
            .filter(|status| *status != ApplicationStatus::default());
    }

    fn says_the_same(&self, other: &Self) -> bool {
        self == other
    }

    fn applied(old: Option<Arc<Self>>, new: Arc<Self>) -> WatchEvent {
        WatchEvent::ApplicationChanged { old, new: Some(new) }
    }

    fn removed(old: Arc<Self>) -> WatchEvent {
        WatchEvent::ApplicationChanged {
            old: Some(old),
            new: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_argo_cd_rewrites_all_the_time_is_not_kept() {
        let given = |revision: &str, reconciled: &str| {
            let mut application: Application = serde_json::from_value(json!({
                "metadata": {
                    "name": "shop", "namespace": "argocd", "uid": "u", "resourceVersion": revision, "generation": 7,
                    "labels": {"team": "web"},
                    "annotations": {
                        "argocd-image-updater.argoproj.io/image-list": "a=b",
                        "argocd.argoproj.io/tracking-id": "x",
                        "kubectl.kubernetes.io/last-applied-configuration": "{}",
                    },
                    "ownerReferences": [
                        {"apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet", "name": "s", "uid": "1"},
                        {"apiVersion": "v1", "kind": "ConfigMap", "name": "c", "uid": "2"},
                    ],
                    "managedFields": [{"manager": "argocd"}],
                },
                "spec": {"project": "default", "source": {"repoURL": "r", "path": "p"}, "destination": {}},
                "status": {"reconciledAt": reconciled, "summary": {"images": ["a:1"]}},
            }))
            .unwrap();
            application.trim();
            application
        };
        let one = given("1", "2026-01-01T00:00:00Z");
        assert!(one.says_the_same(&given("2", "2026-01-01T00:05:00Z")));
        let mut asked_to_refresh = one.clone();
        let annotations = asked_to_refresh.metadata.annotations.get_or_insert_default();
        annotations.insert(REFRESH.to_owned(), "normal".to_owned());
        asked_to_refresh.trim();
        assert!(
            one.says_the_same(&asked_to_refresh),
            "nothing that a decision depends on"
        );
        let kept = serde_json::to_value(&one).unwrap();
        assert_eq!(
            kept["metadata"],
            json!({
                "name": "shop", "namespace": "argocd", "uid": "u", "labels": {"team": "web"},
                "annotations": {
                    "argocd-image-updater.argoproj.io/image-list": "a=b",
                    "argocd.argoproj.io/tracking-id": "x",
                },
                "ownerReferences": [
                    {"apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet", "name": "s", "uid": "1"},
                ],
            })
        );
    }
}
