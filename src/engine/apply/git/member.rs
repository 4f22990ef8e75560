//! One application of a batch: what was decided for it, which way its changes take, and what became of them.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;

use super::{
    Fault,
    remote::{Remote, Remotes},
    repository_key, unusable_base,
};
use crate::{
    core::{
        keys::ObjectKey,
        plan::ImageChange,
        render::{
            branch::{self, BranchData},
            described::DescribedChange,
        },
        report::{ApplicationReport, FileChange, WriteOutcome},
        resolve::{GitTarget, WriteTarget},
        schedule::Version,
        verdict::{Reason, Verdict},
    },
    engine::{
        Engine, Work,
        apply::setbacks::{Askers, Place},
        decide::Decided,
        observe::Cycle,
    },
    git::BranchName,
};

/// An application with changes for a repository.
pub(super) struct Member {
    pub(super) decided: Decided,
    pub(super) target: GitTarget,
    pub(super) route: Route,
    pub(super) outcome: WriteOutcome,
    /// What would become of its files; only where nothing is written.
    pub(super) files: Vec<FileChange>,
    /// What is remembered when its repository fails.
    pub(super) place: Place,
    /// The labels of the new images, by their aliases.
    labels: BTreeMap<String, Labels>,
}

type Labels = BTreeMap<String, String>;

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

    /// Its changes, each with the labels of the new image.
    pub(super) fn changes(&self) -> (Vec<ImageChange>, Vec<Labels>) {
        let changes = self.decided.update.changes();
        let labels = changes
            .iter()
            .map(|change| self.labels.get(&change.alias).cloned().unwrap_or_default());
        let labels = labels.collect();
        (changes, labels)
    }

    /// Whether its changes go to the branch that they are based on.
    pub(super) fn is_direct(&self) -> bool {
        self.route.base == self.route.push
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
            Ok((route, place)) => {
                let labels = self.labels_for(cycle, &decided).await;
                let aliases = decided.update.changes().into_iter().map(|change| change.alias);
                Ok(Member {
                    labels: aliases.zip(labels).collect(),
                    decided,
                    target,
                    route,
                    outcome: WriteOutcome::AlreadyWritten,
                    files: Vec::new(),
                    place,
                })
            }
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
    ) -> Result<(Route, Place), Verdict> {
        let mirror = remotes.mirror(self, cycle, &decided.work, target).await;
        let mirror = mirror.map_err(|fault| fault.verdict)?;
        // Credentials that were corrected are others, and need not wait.
        let place = Place::repository(repository_key(&target.repository), mirror.credentials_key());
        let named = match &target.push {
            None => None,
            Some(template) => Some(push_branch(template, decided, target)?),
        };
        // What refused to be written lately is not even listed.
        let pushed = named.as_ref().map(|name| name.as_str().to_owned());
        let pushed = pushed
            .or_else(|| target.base.clone())
            .or_else(|| self.default_branch(&decided.work));
        let places = pushed
            .map(|branch| place.branch(branch))
            .into_iter()
            .chain([place.clone()]);
        let askers = askers([&decided.work]);
        for place in places {
            self.check_setback(&place, &askers)?;
        }
        let remote = match remotes.listed(mirror).await {
            Ok(remote) => remote,
            Err(fault) => return Err(self.set_back(place.clone(), askers, fault)),
        };
        let heads = &remote.heads;
        if let Some(branch) = heads.default_branch() {
            self.remember_default_branch(&decided.work, branch.as_str());
        }
        let (base, _) = heads
            .base(target.base.as_deref().unwrap_or(""))
            .map_err(|error| unusable_base(target, &error))?;
        let push = named.unwrap_or_else(|| base.clone());
        let default_branch = heads.default_branch().map(BranchName::as_str);
        self.may_write(cycle, &decided.work, push.as_str(), base.as_str(), default_branch)
            .await?;
        let route = Route {
            remote,
            base,
            push,
            seen,
        };
        Ok((route, place))
    }

    /// Whether a place may be tried, or was refused a moment ago.
    pub(super) fn check_setback(&self, place: &Place, askers: &Askers) -> Result<(), Verdict> {
        if self.options.dry_run {
            return Ok(());
        }
        self.setbacks().check(place, askers, Timestamp::now())
    }

    /// Remembers what became of a place; the verdict says when it is tried again.
    pub(super) fn set_back(&self, place: Place, askers: Askers, fault: Fault) -> Verdict {
        if self.options.dry_run {
            return fault.verdict;
        }
        let Fault { verdict, disposition } = fault;
        self.setbacks()
            .failed(place, askers, verdict, disposition, Timestamp::now())
    }
}

/// The resources that want to write.
pub(super) fn askers<'w>(works: impl IntoIterator<Item = &'w Work>) -> Askers {
    let key = |work: &Work| {
        let meta = &work.updater.metadata;
        let namespace = meta.namespace.as_deref().unwrap_or_default();
        ObjectKey::new(namespace, meta.name.as_deref().unwrap_or_default())
    };
    let askers = works.into_iter().map(|work| (key(work), Version::of(&work.updater)));
    askers.collect()
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
    let name = branch::push_branch(template, &data).map_err(|error| invalid(&error))?;
    BranchName::parse(&name).map_err(|error| invalid(&error))
}
