//! Which image of one list owns which place, so that two of them never overwrite each other in turn. Between resources
//! and applications the same is settled in [`super::ownership`].

use crate::{
    api::argocd::Application,
    core::{
        plan::{change::Entry, kustomize, place},
        resolve::{ApplicationKind, ResolvedImage, SourceSlot, TrackedApplication},
        verdict::{Reason, Verdict},
    },
};

/// The places of one application's images.
pub(super) struct Claims {
    /// What Kustomize looks for, for each image that is written to a kustomization, in the order of the images.
    lefts: Vec<Option<(SourceSlot, String)>>,
    /// Values that were claimed so far, with the alias of their image.
    claimed: Vec<(SourceSlot, Entry, String)>,
    /// Left sides of Kustomize entries that images of other resources are written to.
    foreign: Vec<(SourceSlot, String)>,
}

impl Claims {
    pub(super) fn of(
        application: &Application,
        tracked: &TrackedApplication,
        foreign: &[(SourceSlot, String)],
    ) -> Self {
        let left = |image: &ResolvedImage| {
            let image = image.tracked.as_ref().ok()?;
            let place = place::place(application, tracked, image).ok()?;
            let name = image.manifest_target.kustomize_name();
            (place.kind == ApplicationKind::Kustomize).then(|| (place.slot, kustomize::left_of(name, &image.reference)))
        };
        Self {
            lefts: tracked.images.iter().map(left).collect(),
            claimed: Vec::new(),
            foreign: foreign.to_vec(),
        }
    }

    /// The left sides of Kustomize entries that belong to other images than the one at `index`.
    pub(super) fn others(&self, index: usize, slot: SourceSlot) -> Vec<String> {
        let own = self.lefts.get(index).and_then(Option::as_ref);
        let others = self
            .lefts
            .iter()
            .flatten()
            .chain(&self.foreign)
            .filter(|left| left.0 == slot && Some(*left) != own);
        others.map(|(_, left)| left.clone()).collect()
    }

    /// Claims the places of `entries` for the image `alias`. The first image of the list keeps a place that two want with
    /// different values; equal values are no conflict.
    pub(super) fn claim(&mut self, slot: SourceSlot, alias: &str, entries: &[Entry]) -> Result<(), Verdict> {
        for entry in entries {
            let clash = |known: &&(SourceSlot, Entry, String)| {
                known.0 == slot && known.1.key() == entry.key() && known.1 != *entry
            };
            if let Some((_, _, owner)) = self.claimed.iter().find(clash) {
                return Err(Verdict::new(
                    Reason::Conflict,
                    format!(
                        "the image {owner:?} of the same list writes another value to {}; give each its own manifestTargets",
                        entry.key()
                    ),
                ));
            }
        }
        self.claimed
            .extend(entries.iter().map(|entry| (slot, entry.clone(), alias.to_owned())));
        Ok(())
    }
}
