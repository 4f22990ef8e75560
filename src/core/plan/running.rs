//! What runs, compared with what is wanted.

use crate::{
    api::argocd::Application,
    core::{
        image::{ImageRef, ImageVersion, TagName, VersionWords},
        plan::{claims::Claims, inline::Unreadable, place, standing},
        resolve::{ApplicationKind, CurrentFrom, ResolvedImage, TrackedApplication, TrackedImage, source_type},
        select::{Candidate, live::LiveImages},
    },
};

/// What an image is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Whether the image is followed in this application: it runs, is updated by force, or is read from the manifest.
    pub followed: bool,
    /// What runs, or what the manifest says, in the spelling found there; `None` when there is nothing. An error when the
    /// manifest may say something, and cannot be read.
    pub running: Result<Option<ImageRef>, Unreadable>,
}

/// Looks for `image` where its current version is read. `picked` tells several running digests of one tag apart.
pub fn find(
    application: &Application,
    tracked: &TrackedApplication,
    live: &LiveImages,
    image: &TrackedImage,
    picked: Option<&Candidate>,
) -> Found {
    match image.current_from {
        CurrentFrom::Live => {
            let name = image.manifest_target.kustomize_name();
            let found = live.find(&image.reference, name, &image.policy, picked);
            Found {
                followed: found.is_some() || image.force_update,
                running: Ok(found.map(|found| found.reference.clone())),
            }
        }
        CurrentFrom::Manifest => {
            let place = place::place(application, tracked, image).ok();
            let source = place.and_then(|place| source_type::source_in(application, place.slot));
            let running = place
                .zip(source)
                .map_or(Ok(None), |(place, source)| standing::of(place.kind, source, image, &[]));
            Found {
                followed: place.is_some(),
                running,
            }
        }
    }
}

/// The versions of each image that stand where it is written, in the order of the list; they need not run yet. `None` where
/// there is none, and for an image whose current version is read there anyway. For git only the Application's own source is
/// looked at, not the file.
pub fn written(application: &Application, tracked: &TrackedApplication) -> Vec<Option<ImageVersion>> {
    let claims = Claims::of(application, tracked, &[]);
    let images = tracked.images.iter().enumerate();
    let version = |(index, resolved): (usize, &ResolvedImage)| {
        let image = resolved.tracked.as_ref().ok()?;
        if image.current_from == CurrentFrom::Manifest {
            return None;
        }
        let place = place::place(application, tracked, image).ok()?;
        let source = source_type::source_in(application, place.slot)?;
        let others = claims.others(index, place.slot);
        let standing = standing::of(place.kind, source, image, &others);
        standing.ok().flatten()?.version
    };
    images.map(version).collect()
}

/// The running versions that `image` must not be taken below: those that its policy admits.
pub fn admitted(live: &LiveImages, image: &TrackedImage) -> Vec<ImageVersion> {
    match image.current_from {
        CurrentFrom::Live => {
            let name = image.manifest_target.kustomize_name();
            live.admitted(&image.reference, name, &image.policy)
        }
        CurrentFrom::Manifest => Vec::new(),
    }
}

/// Whether what runs is what is wanted. With a digest on either side the digests count, else the tags. The digest strategy
/// wants a digest; an image that Kustomize renames has to run under its new name.
pub(super) fn is_settled(image: &TrackedImage, running: &ImageRef, wanted: &ImageVersion) -> bool {
    let none = ImageVersion::default();
    let version = running.version.as_ref().unwrap_or(&none);
    let same = if version.digest.is_empty() && wanted.digest.is_empty() {
        version.tag == wanted.tag
    } else {
        version.digest == wanted.digest
    };
    let renamed = image.manifest_target.kustomize_name().is_none() || running.same_image(&image.reference);
    same && renamed
}

/// Of an image that is or may be written to several places: one that runs with another version than `wanted`. While there is one, a
/// place may be behind although another place is up to date. Versions that the constraint does not admit are followed by
/// somebody else.
pub(super) fn behind(
    kind: ApplicationKind,
    image: &TrackedImage,
    live: &LiveImages,
    wanted: &ImageVersion,
) -> Option<ImageRef> {
    let in_manifests = matches!(kind, ApplicationKind::Manifests | ApplicationKind::Markers);
    let has_several = if in_manifests {
        image.current_from == CurrentFrom::Live
    } else {
        !image.manifest_target.helm_places().more.is_empty()
    };
    if !has_several {
        return None;
    }
    let follows = |reference: &ImageRef| {
        let tag = reference
            .version
            .as_ref()
            .and_then(|version| TagName::new(&version.tag));
        reference.same_image(&image.reference) && tag.is_some_and(|tag| image.policy.in_scope(&tag))
    };
    let mut running = live.iter().map(|live| &live.reference);
    running
        .find(|reference| follows(reference) && !is_settled(image, reference, wanted))
        .cloned()
}

/// What a file says for an image that stays: what runs. A digest that runs without a tag gets the tracked tag back.
pub(super) fn kept_version(running: &ImageRef, wanted: &ImageVersion) -> ImageVersion {
    let mut version = running.version.clone().unwrap_or_default();
    if version.tag.is_empty() {
        version.tag.clone_from(&wanted.tag);
    }
    version
}

/// The running version for a person.
pub(super) fn current_text(running: &ImageRef, words: VersionWords) -> String {
    let none = ImageVersion::default();
    let text = words.of(running.version.as_ref().unwrap_or(&none));
    if text.is_empty() {
        "no tag".to_owned()
    } else {
        text.into_owned()
    }
}
