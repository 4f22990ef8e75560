//! What another writer owns, or has taken back, is held: the images keep their place in the report, with the reason.

use std::sync::PoisonError;

use super::{Engine, Work, apply, decide::Decided};
use crate::{
    api::{annotations, argocd::Application},
    core::{
        plan::{
            ownership::{Loss, Target},
            taken_back::{Asker, Judgement, Written},
        },
        resolve::WriteTarget,
        schedule::Version,
        verdict::{Reason, Verdict},
    },
};

/// What was taken back, as far as it is sure.
pub(super) struct TakenBack {
    /// The images that are left alone.
    pub(super) held: Vec<(usize, Verdict)>,
    /// The place has to be read anew before it is sure.
    pub(super) suspect: bool,
}

impl Engine {
    /// Decides on `application` and holds every image whose place another claim owns.
    pub(super) fn contest(&self, decided: &mut Decided, application: &Application) -> Vec<(usize, Verdict)> {
        let branch = self.default_branch(&decided.work);
        let claimant = decided.work.rank.claimant();
        let (losses, foreign) = {
            let ledger = self.ledger();
            (
                ledger.contest(claimant, branch.as_deref()),
                ledger.foreign_images(claimant),
            )
        };
        decided.decide_on(application, &foreign, &[]);
        let concerns = |loss: &Loss| {
            let image = decided.update.images.get(loss.image);
            image.is_some_and(|image| match &image.decision {
                Ok(_) => true,
                // Nothing is written now, but the other one will not leave it at that.
                Err(verdict) => loss.decided && verdict.reason == Reason::UpToDate,
            })
        };
        let held: Vec<_> = losses
            .into_iter()
            .filter(concerns)
            .map(|loss| (loss.image, loss.verdict))
            .collect();
        if !held.is_empty() {
            decided.decide_on(application, &foreign, &held);
        }
        held
    }

    /// The changes among `images` that somebody else took back before. `fresh` says that the place was just read.
    pub(super) fn taken_back(&self, decided: &Decided, images: &[usize], fresh: bool) -> TakenBack {
        let (target, version) = (decided.work.place(), version_of(&decided.work));
        let asker = Asker {
            claimant: decided.work.rank.claimant(),
            version: &version,
        };
        let mut memory = self.memory();
        let mut found = TakenBack {
            held: Vec::new(),
            suspect: false,
        };
        for (index, text, wanted) in changes(decided, &target).filter(|(index, ..)| images.contains(index)) {
            match memory.judge(&wanted, &text, asker, fresh) {
                Judgement::Write => {}
                Judgement::Suspect => found.suspect = true,
                Judgement::TakenBack(verdict) => found.held.push((index, verdict)),
            }
        }
        found
    }

    /// All changes of `decided` were really written.
    pub(super) fn remember_changes(&self, decided: &Decided) {
        let (target, version) = (decided.work.place(), version_of(&decided.work));
        let asker = Asker {
            claimant: decided.work.rank.claimant(),
            version: &version,
        };
        let mut memory = self.memory();
        for (_, _, written) in changes(decided, &target) {
            memory.wrote(&written, asker);
        }
    }

    /// Notes the default branch of the repository of `work`.
    pub(super) fn remember_default_branch(&self, work: &Work, branch: &str) {
        if let WriteTarget::Git(target) = &work.tracked.target {
            self.default_branches
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(apply::git::repository_key(&target.repository), branch.to_owned());
        }
    }

    pub(super) fn default_branch(&self, work: &Work) -> Option<String> {
        let WriteTarget::Git(target) = &work.tracked.target else {
            return None;
        };
        let known = self.default_branches.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&apply::git::repository_key(&target.repository)).cloned()
    }
}

/// The images that change: index, wanted version and values.
fn changes<'a>(decided: &'a Decided, target: &'a Target) -> impl Iterator<Item = (usize, String, Written)> + 'a {
    decided
        .update
        .images
        .iter()
        .enumerate()
        .filter_map(move |(index, image)| {
            let change = image.decision.as_ref().ok()?;
            let (slot, entries) = image.values.as_ref()?;
            Some((
                index,
                change.new_text().into_owned(),
                Written::new(target, *slot, entries),
            ))
        })
}

fn version_of(work: &Work) -> Version {
    let meta = &work.updater.metadata;
    let requested = meta
        .annotations
        .as_ref()
        .and_then(|a| a.get(annotations::RECONCILE_REQUESTED_AT));
    Version {
        uid: meta.uid.clone().unwrap_or_default(),
        generation: meta.generation.unwrap_or(0),
        requested: requested.cloned(),
    }
}
