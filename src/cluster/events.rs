//! Kubernetes Events. What is in them: `core::report::events`.

use k8s_openapi::api::core::v1::Event;
use kube::api::PostParams;
use serde::de::IgnoredAny;

use super::{Cluster, ClusterError, FIELD_MANAGER, error::Action, requests_for};

impl Cluster {
    /// Creates `event` in the namespace that it names.
    pub async fn create_event(&self, event: &Event) -> Result<(), ClusterError> {
        let action = Action::new::<Event>("create", event.metadata.namespace.as_deref());
        let params = PostParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PostParams::default()
        };
        let body = serde_json::to_vec(event).map_err(|error| action.unreadable(&error))?;
        let request = requests_for::<Event>(&action)?.create(&params, body);
        let _: IgnoredAny = self.call(&action, request).await?;
        Ok(())
    }
}
