//! Argo CD AppProjects. Read only when a decision needs one: the rights of older installations do not include them.

use kube::api::GetParams;

use super::{Cluster, ClusterError, error::Action, requests_for};
use crate::api::argocd::AppProject;

impl Cluster {
    /// The AppProject; `None` when there is none. [`ClusterError::Forbidden`] names the rule that is missing.
    pub async fn app_project(&self, namespace: &str, name: &str) -> Result<Option<AppProject>, ClusterError> {
        let action = Action::new::<AppProject>("get", Some(namespace)).named(name);
        let request = requests_for::<AppProject>(&action)?;
        self.call_optional(&action, request.get(name, &GetParams::default()))
            .await
    }
}
