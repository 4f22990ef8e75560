//! What a new list of an override file has to repeat.
//!
//! Argo CD lays an override file over the source of the Application as a JSON merge patch (RFC 7386), so a list in the file
//! takes the place of the whole list of the source. A list that is new in the file would silence what the source says of
//! images that were left out in this cycle (their registry is away, their signatures are not checked yet). Values of
//! images that are not configured are none of ours and are not repeated.

use crate::{
    api::argocd::{Application, ApplicationSource},
    core::{
        image::ImageRef,
        plan::{change::Entry, claims::Claims, kustomize, place, values},
        resolve::{ApplicationKind, ResolvedImage, TrackedApplication, WriteTarget, source_type, target::ValuePlace},
    },
};

/// What the sources say of configured images and `entries` do not, in the order of the images. Empty for an application
/// that is not written to git.
pub(super) fn repeated(
    application: &Application,
    tracked: &TrackedApplication,
    claims: &Claims,
    entries: &[Entry],
) -> Vec<Entry> {
    let mut repeated = Vec::new();
    if !matches!(tracked.target, WriteTarget::Git(_)) {
        return repeated;
    }
    let Some(source) = source_type::source_in(application, tracked.source) else {
        return repeated;
    };
    for (index, image) in tracked.images.iter().enumerate() {
        let others = claims.others(index, tracked.source);
        for entry in said(application, tracked, image, source, &others) {
            let is_known = |known: &Entry| place_of(known) == place_of(&entry);
            if !entries.iter().any(is_known) && !repeated.iter().any(is_known) {
                repeated.push(entry);
            }
        }
    }
    repeated
}

/// The values of `image` that stand in `source`.
fn said(
    application: &Application,
    tracked: &TrackedApplication,
    image: &ResolvedImage,
    source: &ApplicationSource,
    others: &[String],
) -> Vec<Entry> {
    let Ok(followed) = &image.tracked else {
        // Its settings cannot be used, so where its values stand is only known where the image itself tells.
        let reference = image.reference.as_ref();
        return reference.map_or_else(Vec::new, |reference| images(source, None, reference, others));
    };
    let Ok(place) = place::place(application, tracked, followed) else {
        return Vec::new();
    };
    let target = &followed.manifest_target;
    match place.kind {
        ApplicationKind::Helm => {
            let list = values::helm_list(source);
            let places = target.helm_places();
            let parameters = places
                .iter()
                .flat_map(|place| named(place, |name| values::value_of(list, name)));
            parameters
                .map(|(name, value)| Entry::HelmParameter { name, value })
                .collect()
        }
        ApplicationKind::Plugin => {
            let list = values::plugin_list(source);
            let Ok(place) = values::plugin_place(target) else {
                return Vec::new();
            };
            named(place, |name| values::value_of(list, name))
                .map(|(name, value)| Entry::PluginVariable { name, value })
                .collect()
        }
        ApplicationKind::Kustomize => images(source, target.kustomize_name(), &followed.reference, others),
        ApplicationKind::Manifests | ApplicationKind::Markers => Vec::new(),
    }
}

/// The parts of a place that have a value. An empty value is never written.
fn named<'v>(place: &ValuePlace, value: impl Fn(&str) -> Option<&'v str>) -> impl Iterator<Item = (String, String)> {
    place.parts().filter_map(move |(name, _)| {
        let value = value(name).filter(|value| !value.is_empty())?;
        Some((name.to_owned(), value.to_owned()))
    })
}

/// The Kustomize entries of an image. One that is no reference is not repeated; Kustomize cannot read it either.
fn images(source: &ApplicationSource, name: Option<&str>, image: &ImageRef, others: &[String]) -> Vec<Entry> {
    let list = values::kustomize_list(source);
    let found = kustomize::places(list, name, image, others).into_iter();
    let entry = |index: usize| {
        let entry = kustomize::Override::split(list.get(index)?);
        Some(Entry::KustomizeImage {
            name: entry.name.map(str::to_owned),
            image: ImageRef::parse(entry.reference).ok()?,
        })
    };
    found.filter_map(entry).collect()
}

/// Which value of which list an entry is.
fn place_of(entry: &Entry) -> (ApplicationKind, String) {
    match entry {
        Entry::HelmParameter { name, .. } => (ApplicationKind::Helm, name.clone()),
        Entry::PluginVariable { name, .. } => (ApplicationKind::Plugin, name.clone()),
        Entry::KustomizeImage { name, image } => {
            let text = kustomize::text(name.as_deref(), image);
            (
                ApplicationKind::Kustomize,
                kustomize::Override::split(&text).left().to_owned(),
            )
        }
        Entry::ManifestImage { image, .. } => (ApplicationKind::Manifests, image.full_name()),
    }
}
