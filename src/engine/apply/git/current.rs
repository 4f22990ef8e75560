//! What stands in the file before anybody decides, for images whose current version is read from there.

use std::{collections::BTreeSet, sync::Arc};

use futures::future::join_all;

use super::{
    Fault,
    remote::{Remote, Remotes},
    unusable_base,
};
use crate::{
    api::argocd::Application,
    core::{
        render::{file, read_back::read_back},
        report::ApplicationReport,
        resolve::{CurrentFrom, GitTarget, WriteTarget},
        verdict::{Reason, Verdict},
    },
    engine::{Engine, Work, decide::Decided, observe::Cycle},
    git::BranchName,
};

impl Engine {
    /// Decides one application. Where the current version of an image stands in the target file, that is read first; an
    /// application whose file cannot be read is refused.
    pub(super) async fn decide_by_file(
        &self,
        cycle: &Cycle,
        remotes: &Remotes,
        mut work: Work,
    ) -> Result<Decided, (usize, Option<ApplicationReport>)> {
        if let Some(target) = target_that_is_read(&work).cloned() {
            match Box::pin(self.as_in_file(cycle, remotes, &work, &target)).await {
                Ok(application) => work.application = Arc::new(application),
                Err(Fault { verdict, .. }) => {
                    return Err((work.resource, Some(ApplicationReport::refused(work.key(), verdict))));
                }
            }
        }
        Ok(self.decide(cycle, work).await)
    }

    /// Fetches the branches that are read before anybody decides, with one request for all. What cannot be fetched is told by
    /// the application that needs it.
    pub(super) async fn fetch_for_deciding(&self, cycle: &Cycle, remotes: &Remotes, works: &[Work]) {
        let read = works.iter().filter_map(|work| Some((work, target_that_is_read(work)?)));
        let opened = read.map(|(work, target)| async move {
            let remote = remotes.of(self, cycle, work, target).await.ok()?;
            let branch = base(&remote, target).ok()?;
            Some((remote, branch))
        });
        let wanted = join_all(opened).await;
        fetch_together(wanted.into_iter().flatten()).await;
    }

    async fn as_in_file(
        &self,
        cycle: &Cycle,
        remotes: &Remotes,
        work: &Work,
        target: &GitTarget,
    ) -> Result<Application, Fault> {
        let remote = remotes.of(self, cycle, work, target).await?;
        let branch = base(&remote, target)?;
        let fetched = remote
            .mirror
            .ensure(&remote.heads, std::slice::from_ref(&branch))
            .await?;
        let gone = || Fault::now(Reason::WriteFailed, format!("branch {branch} is gone"));
        let head = fetched.get(&branch).copied().ok_or_else(gone)?;
        let reading = file::reading(&target.file);
        let found = remote.mirror.read_all(head, vec![reading]).await?;
        let found = found.into_iter().next().unwrap_or(Ok(Vec::new()));
        let files = found.map_err(|fault| Fault::now(Reason::TargetUnusable, fault.to_string()))?;
        let application = read_back(&work.application, &work.tracked, &files);
        Ok(application.map_err(Verdict::from)?)
    }
}

/// The target, when the current version of an image stands in it.
fn target_that_is_read(work: &Work) -> Option<&GitTarget> {
    let WriteTarget::Git(target) = &work.tracked.target else {
        return None;
    };
    let mut images = work
        .tracked
        .images
        .iter()
        .filter_map(|image| image.tracked.as_ref().ok());
    images
        .any(|image| image.current_from == CurrentFrom::Manifest)
        .then_some(target)
}

fn base(remote: &Remote, target: &GitTarget) -> Result<BranchName, Verdict> {
    let base = remote.heads.base(target.base.as_deref().unwrap_or(""));
    base.map(|(branch, _)| branch)
        .map_err(|error| unusable_base(target, &error))
}

/// Fetches branches, with one request for each repository. What cannot be fetched is told where it is needed.
pub(super) async fn fetch_together(wanted: impl IntoIterator<Item = (Arc<Remote>, BranchName)>) {
    let mut remotes: Vec<(Arc<Remote>, BTreeSet<BranchName>)> = Vec::new();
    for (remote, branch) in wanted {
        match remotes.iter_mut().find(|(known, _)| Arc::ptr_eq(known, &remote)) {
            Some((_, branches)) => drop(branches.insert(branch)),
            None => remotes.push((remote, BTreeSet::from([branch]))),
        }
    }
    for (remote, branches) in remotes {
        let branches: Vec<BranchName> = branches.into_iter().collect();
        if let Err(error) = remote.mirror.ensure(&remote.heads, &branches).await {
            tracing::debug!(%error, "not everything can be fetched");
        }
    }
}
