//! One application of a batch: what was decided for it, which way its changes take, and what became of them.

use std::sync::Arc;

use super::remote::{Remote, Remotes};
use crate::{
    core::{
        render::{
            branch::{self, BranchData, BranchTemplate},
            described::DescribedChange,
        },
        report::{ApplicationReport, FileChange, WriteOutcome},
        resolve::{GitTarget, WriteTarget},
        verdict::{Reason, Verdict},
    },
    engine::{Engine, decide::Decided, observe::Cycle},
    git::BranchName,
    secret::RedactedUrl,
};

/// An application with changes for a repository.
pub(super) struct Member {
    pub(super) decided: Decided,
    pub(super) target: GitTarget,
    pub(super) route: Route,
    pub(super) outcome: WriteOutcome,
    /// What would become of its files; only where nothing is written.
    pub(super) files: Vec<FileChange>,
}

/// Which way changes take.
pub(super) struct Route {
    pub(super) remote: Arc<Remote>,
    /// The branch that they are based on.
    pub(super) base: BranchName,
    /// The branch that is pushed.
    pub(super) push: BranchName,
    /// How often the repository had been written to when its heads were listed.
    pub(super) seen: u64,
}

impl Member {
    /// The report.
    pub(super) fn report(self) -> (usize, Option<ApplicationReport>) {
        let (resource, report) = self.decided.report(self.outcome);
        let report = report.map(|report| ApplicationReport {
            files: self.files,
            ..report
        });
        (resource, report)
    }

    /// It cannot be written.
    pub(super) fn fail(&mut self, verdict: Verdict) {
        self.outcome = WriteOutcome::Failed(verdict);
    }

    pub(super) fn is_failed(&self) -> bool {
        matches!(self.outcome, WriteOutcome::Failed(_))
    }
}

impl Engine {
    /// Finds the way that the changes of an application take, or says why there is none. `seen` is how often the
    /// repository had been written to before.
    pub(super) async fn prepare(
        &self,
        cycle: &Cycle,
        remotes: &Remotes,
        decided: Decided,
        seen: u64,
    ) -> Result<Member, (Decided, Verdict)> {
        let WriteTarget::Git(target) = &decided.work.tracked.target else {
            let verdict = Verdict::new(Reason::TargetUnusable, "not a git target");
            return Err((decided, verdict));
        };
        let target = GitTarget::clone(target);
        match self.route(cycle, remotes, &decided, &target, seen).await {
            Ok(route) => Ok(Member {
                decided,
                target,
                route,
                outcome: WriteOutcome::AlreadyWritten,
                files: Vec::new(),
            }),
            Err(verdict) => Err((decided, verdict)),
        }
    }

    async fn route(
        &self,
        cycle: &Cycle,
        remotes: &Remotes,
        decided: &Decided,
        target: &GitTarget,
        seen: u64,
    ) -> Result<Route, Verdict> {
        let remote = remotes.of(self, cycle, &decided.work, target).await?;
        let heads = &remote.heads;
        if let Some(branch) = heads.default_branch() {
            self.remember_default_branch(&decided.work, branch.as_str());
        }
        let unusable = |error: &dyn std::fmt::Display| {
            let message = format!("{}: {error}", RedactedUrl::new(&target.repository));
            Verdict::new(Reason::TargetUnusable, message)
        };
        let (base, _) = heads
            .base(target.base.as_deref().unwrap_or(""))
            .map_err(|error| unusable(&error))?;
        let push = match &target.push {
            None => base.clone(),
            Some(template) => push_branch(template, decided, target)?,
        };
        Ok(Route {
            remote,
            base,
            push,
            seen,
        })
    }
}

/// The branch that a template names for these changes.
fn push_branch(template: &str, decided: &Decided, target: &GitTarget) -> Result<BranchName, Verdict> {
    let invalid =
        |error: &dyn std::fmt::Display| Verdict::new(Reason::InvalidSetting, format!("gitConfig.branch: {error}"));
    let changes = decided.update.changes();
    let changes: Vec<_> = changes.iter().map(DescribedChange::from).collect();
    let application = &decided.work.application;
    let data = BranchData {
        app_namespace: application.namespace(),
        app_name: application.name(),
        target_key: &target.target_key,
        changes: &changes,
    };
    let template = BranchTemplate::parse(template).map_err(|error| invalid(&error))?;
    let name = template.render(&data).map_err(|error| invalid(&error))?;
    BranchName::parse(&branch::fit(&name)).map_err(|error| invalid(&error))
}
