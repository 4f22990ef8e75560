//! What runs, compared with what is wanted.

use crate::core::{
    image::{ImageRef, ImageVersion, TagName},
    resolve::TrackedImage,
    select::live::LiveImages,
};

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

/// Of an image that is written to several places: one that runs with another version than `wanted`. While there is one, a
/// place may be behind although another place is up to date. Versions that the constraint does not admit are followed by
/// somebody else.
pub(super) fn behind(image: &TrackedImage, live: &LiveImages, wanted: &ImageVersion) -> Option<ImageRef> {
    if image.manifest_target.helm_places().more.is_empty() {
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
pub(super) fn current_text(running: &ImageRef) -> String {
    let text = running.version.as_ref().map_or("", ImageVersion::text);
    if text.is_empty() {
        "no tag".to_owned()
    } else {
        text.to_owned()
    }
}
