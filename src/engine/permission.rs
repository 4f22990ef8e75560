//! Asks whether an Application may write where it wants to; the rule is in [`crate::core::resolve::permission`].

use std::sync::Arc;

use super::{Engine, Work, credentials::Cells, observe::Cycle};
use crate::{
    api::argocd::AppProject,
    core::{
        repository_url,
        resolve::{
            WriteTarget,
            permission::{self, ProjectAnswer, WriteRequest},
        },
        verdict::{Reason, Verdict},
    },
    secret::RedactedUrl,
};

/// The AppProjects of one cycle, each read once: the project, that there is none, or why it cannot be read.
#[derive(Default)]
pub(super) struct CycleProjects(Cells<String, Result<Option<Arc<AppProject>>, String>>);

impl Engine {
    /// Whether the application of `work` may push `push_branch`, which is based on `base`, to its repository.
    /// `default_branch` is that of the repository, as far as the server names one.
    ///
    /// Asks the cluster only where Argo CD's credentials are used from outside its namespace, and for an AppProject only
    /// where the sources of the Application do not settle it.
    pub(super) async fn may_write(
        &self,
        cycle: &Cycle,
        work: &Work,
        push_branch: &str,
        base: &str,
        default_branch: Option<&str>,
    ) -> Result<(), Verdict> {
        let WriteTarget::Git(target) = &work.tracked.target else {
            return Ok(());
        };
        let application = &*work.application;
        let namespace = &self.options.argocd_namespace;
        if self.options.allow_foreign_repositories || !permission::is_bound(application, namespace, &target.credentials)
        {
            return Ok(());
        }
        let request = WriteRequest {
            application,
            repository: &target.repository,
            push: push_branch,
            base,
            default_branch,
        };
        let secrets = cycle.repository_secrets(&self.cluster, namespace).await?;
        let project = application.project();
        let project_secret = secrets.are_of_one_project(&target.repository, project, repository_url::normalize);
        if !request.needs_project(project_secret) {
            return Ok(());
        }
        let read = || async {
            let found = self.cluster.app_project(namespace, project).await;
            found
                .map(|found| found.map(Arc::new))
                .map_err(|error| error.to_string())
        };
        let cell = cycle.projects.0.cell(project.to_owned());
        let answer = match cell.get_or_init(read).await {
            Ok(Some(project)) => ProjectAnswer::Read(project),
            Ok(None) => ProjectAnswer::Missing,
            Err(why) => ProjectAnswer::Unreadable(why),
        };
        request.check(answer).map_err(|refusal| {
            let repository = RedactedUrl::new(&target.repository);
            Verdict::new(Reason::CredentialsUnavailable, format!("{repository}: {refusal}"))
        })
    }
}
