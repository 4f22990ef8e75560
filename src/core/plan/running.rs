//! What runs, compared with what is wanted.

use crate::core::{
    image::{ImageRef, ImageVersion},
    resolve::TrackedImage,
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
