//! The method `argocd`: a patch of the Application that touches only what is owned.

use std::{sync::Arc, time::Duration};

use crate::{
    cluster::applications::PatchError,
    core::{
        plan::ImageChange,
        render::application_patch,
        report::{ApplicationReport, WriteOutcome},
        resolve::WriteTarget,
        verdict::{Reason, Verdict},
    },
    engine::{
        Done, Engine, Work,
        decide::{Decided, WritePermit},
        observe::Cycle,
    },
};

/// How often somebody else may change an Application while it is patched before it is left to the next cycle.
const TRIES: u32 = 5;

impl Engine {
    /// Decides and patches one application.
    pub(in crate::engine) async fn update_application(&self, cycle: &Cycle, work: Work, permit: &WritePermit) -> Done {
        let mut work = work;
        for attempt in 1..=TRIES {
            let resource = work.resource;
            let decided = tokio::select! {
                decided = self.decide(cycle, work) => decided,
                () = permit.ending.cancelled() => return Vec::new(),
            };
            if !decided.update.has_changes() {
                return vec![decided.report(WriteOutcome::Nothing)];
            }
            let changes = decided.update.changes();
            if self.options.dry_run {
                return vec![decided.report(WriteOutcome::DryRun)];
            }
            if !permit.may_begin() {
                return Vec::new();
            }
            match self.patch(&decided, &changes).await {
                Ok(outcome) => return vec![decided.report(outcome)],
                Err(Stale) if attempt == TRIES => {
                    let message = format!("the Application changed {TRIES} times while it was patched");
                    return vec![decided.report(WriteOutcome::Failed(Verdict::new(Reason::WriteFailed, message)))];
                }
                Err(Stale) => {}
            }
            tokio::time::sleep(Duration::from_millis(10 << attempt)).await;
            match self.again(decided.work).await {
                Ok(fresh) => work = fresh,
                Err(Some(report)) => return vec![(resource, report)],
                Err(None) => return Vec::new(),
            }
        }
        Vec::new()
    }

    async fn patch(&self, decided: &Decided, changes: &[ImageChange]) -> Result<WriteOutcome, Stale> {
        let (work, update) = (&decided.work, &decided.update);
        let failed = |reason, message: String| Ok(WriteOutcome::Failed(Verdict::new(reason, message)));
        let patch = match application_patch::render(&work.application, &update.edits) {
            Ok(Some(patch)) => patch,
            Ok(None) => return Ok(WriteOutcome::Nothing),
            Err(error) => return failed(Reason::TargetUnusable, error.to_string()),
        };
        // Before the request: the watch may tell of the change before the answer is here.
        self.remember_write(work.key(), &update.edits);
        match self.cluster.patch_application(&work.key(), &patch).await {
            Ok(answer) if application_patch::took_effect(&answer, &update.edits) => {
                self.announce(work, changes).await;
                Ok(WriteOutcome::Patched)
            }
            // The API server prunes unknown fields and still answers 200.
            Ok(_) => failed(
                Reason::TargetUnusable,
                "the API server did not keep the value that was written".to_owned(),
            ),
            Err(PatchError::Stale { .. }) => Err(Stale),
            Err(error) => failed(Reason::WriteFailed, error.to_string()),
        }
    }

    /// The application as it is now, resolved again. `Err(None)`: it is gone or no rule selects it any more.
    async fn again(&self, work: Work) -> Result<Work, Option<ApplicationReport>> {
        let key = work.key();
        let refused = |verdict| {
            Some(ApplicationReport {
                application: key.clone(),
                refused: Some(verdict),
                images: Vec::new(),
                edits: Vec::new(),
                write: WriteOutcome::Nothing,
                repository: None,
            })
        };
        let application = match self.cluster.get_application(&key).await {
            Ok(Some(application)) => Arc::new(application),
            Ok(None) => return Err(None),
            Err(error) => return Err(refused(Verdict::new(Reason::WriteFailed, error.to_string()))),
        };
        let resolved = work.rules.resolve(std::slice::from_ref(&application));
        let first = resolved.applications.into_iter().next().ok_or(None)?;
        let tracked = first.tracked.map_err(refused)?;
        if tracked.target != WriteTarget::Application {
            return Err(None);
        }
        Ok(Work {
            application,
            tracked,
            ..work
        })
    }
}

/// Somebody else changed the Application: read and decide again.
struct Stale;
