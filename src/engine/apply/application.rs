//! The method `argocd`: one patch of an Application, for all resources that follow it, that touches only what is owned.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;

use crate::{
    api::argocd::Application,
    cluster::applications::PatchError,
    core::{
        plan::{SourceEdit, ownership::Rank},
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
    /// Decides one application for all resources that follow it, and patches it once.
    pub(in crate::engine) async fn update_application(
        &self,
        cycle: &Cycle,
        works: Vec<Work>,
        permit: &WritePermit,
    ) -> Done {
        let (mut works, mut done) = (works, Done::new());
        // Who comes first also writes first, and says so.
        works.sort_by(|a, b| a.rank.cmp(&b.rank));
        for attempt in 1..=TRIES {
            let deciding = join_all(works.into_iter().map(|work| self.decide(cycle, work)));
            let mut decided = tokio::select! {
                decided = deciding => decided,
                () = permit.ending.cancelled() => return done,
            };
            let settled = self.settle(&mut decided, attempt > 1);
            if !settled.suspect {
                // Few of thousands write: what that needs is not part of the size of all.
                match Box::pin(self.write_application(&settled, &decided, permit)).await {
                    Ok(None) => return done,
                    Ok(Some(outcome)) => return reports(done, decided, &outcome),
                    Err(Stale) if attempt == TRIES => {
                        let message = format!("the Application changed {TRIES} times while it was patched");
                        let failed = WriteOutcome::Failed(Verdict::new(Reason::WriteFailed, message));
                        return reports(done, decided, &failed);
                    }
                    Err(Stale) => {}
                }
                tokio::time::sleep(Duration::from_millis(10 << attempt)).await;
            }
            works = Box::pin(self.again(decided, &mut done)).await;
            if works.is_empty() {
                return done;
            }
        }
        done
    }

    /// Holds what others own or took back, and puts the rest together: each decides on what those before it leave.
    fn settle(&self, decided: &mut [Decided], fresh: bool) -> Settled {
        let mut settled = Settled {
            edits: Vec::new(),
            suspect: false,
        };
        let Some(mut application) = decided.first().map(|first| Application::clone(&first.work.application)) else {
            return settled;
        };
        for decided in decided {
            let mut held = self.contest(decided, &application);
            let all: Vec<usize> = (0..decided.update.images.len()).collect();
            let taken_back = self.taken_back(decided, &all, fresh);
            settled.suspect |= taken_back.suspect;
            if !taken_back.held.is_empty() {
                held.extend(taken_back.held);
                let foreign = self.ledger().foreign_images(decided.work.rank.claimant());
                decided.decide_on(&application, &foreign, &held);
            }
            for edit in &decided.update.edits {
                edit.apply_to(&mut application);
                match settled.edits.iter_mut().find(|known| known.slot == edit.slot) {
                    Some(known) => known.after.clone_from(&edit.after),
                    None => settled.edits.push(edit.clone()),
                }
            }
        }
        settled
    }

    /// `Ok(None)`: nothing may be written any more.
    async fn write_application(
        &self,
        settled: &Settled,
        decided: &[Decided],
        permit: &WritePermit,
    ) -> Result<Option<WriteOutcome>, Stale> {
        if settled.edits.is_empty() {
            return Ok(Some(WriteOutcome::Nothing));
        }
        if self.options.dry_run {
            return Ok(Some(WriteOutcome::DryRun));
        }
        if !permit.may_begin() {
            return Ok(None);
        }
        self.patch(&settled.edits, decided).await.map(Some)
    }

    async fn patch(&self, edits: &[SourceEdit], decided: &[Decided]) -> Result<WriteOutcome, Stale> {
        let failed = |reason, message: String| Ok(WriteOutcome::Failed(Verdict::new(reason, message)));
        let Some(work) = decided.first().map(|first| &first.work) else {
            return Ok(WriteOutcome::Nothing);
        };
        let patch = match application_patch::render(&work.application, edits) {
            Ok(Some(patch)) => patch,
            Ok(None) => return Ok(WriteOutcome::Nothing),
            Err(error) => return failed(Reason::TargetUnusable, error.to_string()),
        };
        // Before the request: the watch may tell of the change before the answer is here.
        self.remember_write(work.key(), edits);
        match self.cluster.patch_application(&work.key(), &patch).await {
            Ok(answer) if application_patch::took_effect(&answer, edits) => {
                let changes: Vec<_> = decided.iter().flat_map(|decided| decided.update.changes()).collect();
                for decided in decided {
                    self.remember_changes(decided);
                }
                self.announce(work, &changes).await;
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

    /// The application as it is now, resolved again for each resource. One that does not follow it any more is done.
    async fn again(&self, decided: Vec<Decided>, done: &mut Done) -> Vec<Work> {
        let Some(key) = decided.first().map(|first| first.work.key()) else {
            return Vec::new();
        };
        let refuse = |resource: usize, verdict: Verdict| {
            let refused = ApplicationReport::refused(key.clone(), verdict);
            (resource, Some(refused))
        };
        let application = match self.cluster.get_application(&key).await {
            Ok(Some(application)) => Arc::new(application),
            Ok(None) => {
                done.extend(decided.iter().map(|one| (one.work.resource, None)));
                return Vec::new();
            }
            Err(error) => {
                let verdict = Verdict::new(Reason::WriteFailed, error.to_string());
                done.extend(decided.iter().map(|one| refuse(one.work.resource, verdict.clone())));
                return Vec::new();
            }
        };
        let mut works = Vec::new();
        for one in decided {
            match follow(one.work, &application) {
                Ok(work) => works.push(work),
                Err((resource, Some(verdict))) => done.push(refuse(resource, verdict)),
                Err((resource, None)) => done.push((resource, None)),
            }
        }
        works
    }
}

/// What is written to one Application.
struct Settled {
    /// The sources before all changes and after them.
    edits: Vec<SourceEdit>,
    /// Something looks taken back, and the Application has to be read to be sure.
    suspect: bool,
}

/// Somebody else changed the Application: read and decide again.
struct Stale;

fn reports(mut done: Done, decided: Vec<Decided>, outcome: &WriteOutcome) -> Done {
    done.extend(decided.into_iter().map(|one| {
        let outcome = if one.update.has_changes() {
            outcome.clone()
        } else {
            WriteOutcome::Nothing
        };
        one.report(outcome)
    }));
    done
}

/// The work on `application` as it is now; `None` when the resource does not follow it any more, or not here.
fn follow(work: Work, application: &Arc<Application>) -> Result<Work, (usize, Option<Verdict>)> {
    let gone = (work.resource, None);
    let resolved = work.rules.resolve(std::slice::from_ref(application));
    let Some(first) = resolved.applications.into_iter().next() else {
        return Err(gone);
    };
    match first.tracked {
        Err(verdict) => Err((work.resource, Some(verdict))),
        Ok(tracked) if tracked.target != WriteTarget::Application => Err(gone),
        Ok(tracked) => Ok(Work {
            application: Arc::clone(application),
            // Another rule may apply to it now.
            rank: Rank::new(&work.updater, work.key(), first.specificity),
            tracked,
            ..work
        }),
    }
}
