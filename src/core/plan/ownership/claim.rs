//! What one application's images claim.

use crate::{
    api::argocd::Application,
    core::{
        image::ImageVersion,
        plan::{Entry, Picked, change::ValueKey, place, running, values},
        resolve::{SourceSlot, TrackedApplication, TrackedImage, WriteTarget},
        select::{Candidate, live::LiveImages},
        verdict::{Reason, Verdict},
    },
};

/// One place that an image claims, and the value it wants there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The index of the image in its list.
    pub image: usize,
    /// Its alias.
    pub alias: String,
    /// The place.
    pub spot: Spot,
    /// The value.
    pub wanted: Wanted,
}

/// A place inside an object or file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Spot {
    /// The source of the Application; `None` in a file.
    pub slot: Option<SourceSlot>,
    /// The value's name.
    pub key: ValueKey,
}

/// What a claimant wants to stand at its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// This value.
    Value(String),
    /// Its image is followed, and nothing is picked this time, with the reason; `None` when nobody asked yet.
    Undecided(Option<Reason>),
}

/// What the images of `application` claim. `picks` are the wanted versions in their order, or `None` as long as nobody
/// was asked. An image that is not followed, or that no setting lets be written, claims nothing.
pub fn claims(
    application: &Application,
    tracked: &TrackedApplication,
    live: &LiveImages,
    picks: Option<&[Result<Picked, Verdict>]>,
) -> Vec<Claim> {
    let mut all = Vec::new();
    for (index, resolved) in tracked.images.iter().enumerate() {
        let Ok(image) = &resolved.tracked else {
            continue;
        };
        let pick = match picks.map(|picks| picks.get(index)) {
            None => Err(None),
            Some(Some(Ok(picked))) => Ok(picked.candidate()),
            Some(Some(Err(verdict))) if !gives_up(verdict.reason) => Err(Some(verdict.reason)),
            Some(_) => continue,
        };
        let places = claims_of(application, tracked, live, image, pick).unwrap_or_default();
        all.extend(places.into_iter().map(|(spot, wanted)| Claim {
            image: index,
            alias: resolved.alias.clone(),
            spot,
            wanted,
        }));
    }
    all
}

/// Whether an image with this verdict will not be written before somebody changes something. Every other verdict may pass
/// by itself, and the image then goes on.
fn gives_up(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::NotLive
            | Reason::NoTagMatches
            | Reason::InvalidConstraint
            | Reason::InvalidPattern
            | Reason::InvalidSetting
            | Reason::UnsupportedSource
            | Reason::UnsupportedSetting
            | Reason::TargetUnusable
    )
}

fn claims_of(
    application: &Application,
    tracked: &TrackedApplication,
    live: &LiveImages,
    image: &TrackedImage,
    pick: Result<&Candidate, Option<Reason>>,
) -> Option<Vec<(Spot, Wanted)>> {
    if !running::find(application, tracked, live, image, None).followed {
        return None;
    }
    let place = place::place(application, tracked, image).ok()?;
    // Only the names of the places count while the version is not known.
    let version = pick.map_or_else(
        |_| ImageVersion {
            tag: "undecided".to_owned(),
            digest: String::new(),
        },
        Candidate::version,
    );
    let reference = image.reference.with_version(version);
    let entries = values::entries(place.kind, &image.alias, &reference, &image.manifest_target).ok()?;
    let slot = (tracked.target == WriteTarget::Application).then_some(place.slot);
    let claimed = |entry: &Entry| {
        let wanted = match pick {
            Ok(_) => Wanted::Value(entry.value()),
            Err(reason) => Wanted::Undecided(reason),
        };
        let key = entry.key();
        (Spot { slot, key }, wanted)
    };
    Some(entries.iter().map(claimed).collect())
}
