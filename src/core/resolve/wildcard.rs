//! One entry for many images: an `imageName` with `*` in components of its path.
//!
//! Pure. A wildcard stands for the running images of an application that no literal entry names. Each of them becomes an
//! image of its own, in the spelling of the entry (registry, prefix, constraint), with a derived alias and with
//! placeholders of its `manifestTargets` filled in. The order of the running images never matters.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use crate::{
    api::v1alpha1::ImageConfig,
    core::{
        foreign::ForeignText,
        image::{ImageRef, reference::InvalidReference},
        report::Remark,
        resolve::{
            ApplicationKind, CurrentFrom, ManifestTarget, ResolvedImage, TrackedImage, aliases, manifest_target,
            origin::Origin,
            target::{HelmPlaces, ValuePlace},
        },
        select::live::LiveImages,
        verdict::{Reason, Verdict},
    },
};

/// The wildcards of one list of images.
#[derive(Debug, Clone)]
pub struct Wildcards {
    /// The most specific first, which is the one with the most literal characters, then the earlier one.
    entries: Vec<Wildcard>,
}

/// What a list of images comes to in one application.
#[derive(Debug, Clone)]
pub struct Expansion {
    /// The images: those of the list, and in the place of each wildcard what it stands for.
    pub images: Arc<[ResolvedImage]>,
    /// What a user has to change before all of them can be followed.
    pub stalled: Vec<Remark>,
}

/// One entry with a `*`.
#[derive(Debug, Clone)]
struct Wildcard {
    /// Its index in the list.
    index: usize,
    /// Where it stands.
    origin: Origin,
    reference: ImageRef,
}

/// Reads an `imageName`. In the host a `*` is refused: an image of any registry could be meant.
pub(super) fn reference(image_name: &str) -> Result<ImageRef, String> {
    ImageRef::parse(image_name).map_err(|error| match error {
        InvalidReference::Host { .. } if aliases::is_wildcard(image_name) => {
            format!("{error}; * may stand for components of the path, not for the registry")
        }
        error => error.to_string(),
    })
}

/// What should be looked at in the entry `image` at `origin`, if it is a wildcard: settings that have no effect there.
pub(super) fn warnings(image: &ImageConfig, origin: &Origin, force_update: bool) -> Vec<Remark> {
    if !aliases::is_wildcard(&image.image_name) {
        return Vec::new();
    }
    let remark = |name: &str, message: &str| Remark {
        field: origin.field(name),
        message: message.to_owned(),
    };
    // In annotations the alias names the settings.
    let listed = matches!(origin, Origin::Resource(_));
    let alias = image
        .alias
        .as_deref()
        .is_some_and(|alias| listed && !alias.trim().is_empty());
    let alias = alias.then(|| {
        remark(
            "alias",
            "not used: the images that a wildcard stands for get derived aliases; remove it",
        )
    });
    let force = force_update.then(|| {
        remark(
            "imageName",
            "forceUpdate has no effect on a wildcard, which stands for running images only; list the image by its name",
        )
    });
    alias.into_iter().chain(force).collect()
}

impl Wildcards {
    /// The wildcards of `images`, which stand at `origins`; `None` when there are none.
    pub fn of(images: &[ResolvedImage], origins: &[Origin]) -> Option<Self> {
        let entry = |(index, (image, origin)): (usize, (&ResolvedImage, &Origin))| {
            let reference = image.reference.as_ref().filter(|reference| is_wildcard(reference))?;
            Some(Wildcard {
                index,
                origin: origin.clone(),
                reference: reference.clone(),
            })
        };
        let mut entries: Vec<_> = images.iter().zip(origins).enumerate().filter_map(entry).collect();
        entries.sort_by_key(|entry| (std::cmp::Reverse(entry.literal_characters()), entry.index));
        (!entries.is_empty()).then_some(Self { entries })
    }

    /// What `images`, the list that these wildcards are of, comes to in an application of this kind where `live` run.
    pub fn expand(&self, images: &[ResolvedImage], live: &LiveImages, kind: ApplicationKind) -> Expansion {
        let found = self.found(images, live);
        let literal = images
            .iter()
            .enumerate()
            .filter(|(index, _)| !found.contains_key(index));
        let taken: Vec<&str> = literal.map(|(_, image)| image.alias.as_str()).collect();
        let mut aliases = aliases_of(&taken, &found);
        let mut stalled = Vec::new();
        let mut expanded = Vec::new();
        let mut owned: HashSet<String> = images
            .iter()
            .enumerate()
            .filter(|(index, image)| !found.contains_key(index) && is_followed(image, live))
            .flat_map(|(_, image)| places_of(image, kind))
            .collect();
        for (index, image) in images.iter().enumerate() {
            let entry = self.entries.iter().find(|entry| entry.index == index);
            let (Some(entry), Ok(tracked)) = (entry, &image.tracked) else {
                expanded.push(image.clone());
                continue;
            };
            let names = found.get(&index).into_iter().flatten();
            let matches: Vec<_> = names
                .map(|reference| entry.image(tracked, reference, aliases.remove(reference).unwrap_or_default()))
                .collect();
            if matches.is_empty() {
                expanded.push(entry.nothing_runs(image));
            } else {
                let settled = entry.each_in_its_own_place(matches, kind, &owned, &mut stalled);
                owned.extend(settled.iter().flat_map(|image| places_of(image, kind)));
                expanded.extend(settled);
            }
        }
        Expansion {
            images: expanded.into(),
            stalled,
        }
    }

    /// The names that run, in the spelling of the wildcard that they belong to, by the index of that wildcard. What a literal
    /// entry names belongs to that entry, also when the entry is refused.
    fn found(&self, images: &[ResolvedImage], live: &LiveImages) -> HashMap<usize, BTreeSet<ImageRef>> {
        let renamed: Vec<_> = images.iter().filter_map(renamed_by_kustomize).collect();
        let literal = images.iter().filter_map(|image| image.reference.as_ref());
        let owned: HashSet<_> = literal
            .filter(|reference| !is_wildcard(reference))
            .chain(&renamed)
            .map(ImageRef::canonical)
            .collect();
        let mut found: HashMap<usize, BTreeSet<ImageRef>> = self
            .entries
            .iter()
            .map(|entry| (entry.index, BTreeSet::new()))
            .collect();
        for running in live.iter().map(|live| &live.reference) {
            // No repository has such a name; it could be taken for an entry.
            if is_wildcard(running) || owned.contains(&running.canonical()) {
                continue;
            }
            if let Some(entry) = self.entries.iter().find(|entry| entry.fits(running)) {
                found.entry(entry.index).or_default().insert(entry.spelled(running));
            }
        }
        found
    }
}

/// Whether `reference` stands for many images.
pub(super) fn is_wildcard(reference: &ImageRef) -> bool {
    reference.name.contains('*')
}

/// The name under which a literal image runs before Kustomize renames it.
fn renamed_by_kustomize(image: &ResolvedImage) -> Option<ImageRef> {
    let tracked = image
        .tracked
        .as_ref()
        .ok()
        .filter(|image| !is_wildcard(&image.reference))?;
    ImageRef::parse(tracked.manifest_target.kustomize_name()?).ok()
}

/// A derived alias for every image that was found.
fn aliases_of(taken: &[&str], found: &HashMap<usize, BTreeSet<ImageRef>>) -> HashMap<ImageRef, String> {
    let references: BTreeSet<_> = found.values().flatten().collect();
    let names: Vec<_> = references.iter().map(|reference| reference.full_name()).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let aliases = aliases::derive_beside(taken, &names);
    references.into_iter().cloned().zip(aliases).collect()
}

impl Wildcard {
    fn literal_characters(&self) -> usize {
        let (_, name) = self.reference.canonical();
        name.chars().filter(|c| *c != '*').count()
    }

    fn fits(&self, running: &ImageRef) -> bool {
        let ((registry, pattern), (other, name)) = (self.reference.canonical(), running.canonical());
        let count = |path: &str| path.split('/').count();
        registry == other
            && count(pattern) == count(name)
            && pattern
                .split('/')
                .zip(name.split('/'))
                .all(|(pattern, name)| component_fits(pattern, name))
    }

    /// What runs, with registry, prefix and constraint as the entry spells them.
    fn spelled(&self, running: &ImageRef) -> ImageRef {
        let (_, pattern) = self.reference.canonical();
        let prefix = self.reference.name.strip_suffix(pattern).unwrap_or_default();
        let (_, name) = running.canonical();
        ImageRef {
            registry: self.reference.registry.clone(),
            name: format!("{prefix}{name}"),
            version: self.reference.version.clone(),
        }
    }

    /// One image that the entry, which is resolved to `entry`, stands for.
    fn image(&self, entry: &TrackedImage, reference: &ImageRef, alias: String) -> ResolvedImage {
        let target = manifest_target::fill(&entry.manifest_target, reference, &alias);
        let tracked = target.map(|manifest_target| {
            Arc::new(TrackedImage {
                alias: alias.clone(),
                reference: reference.clone(),
                manifest_target,
                ..entry.clone()
            })
        });
        ResolvedImage {
            alias,
            reference: Some(reference.clone()),
            tracked: tracked.map_err(|error| {
                let field = self.origin.field(error.field());
                Verdict::new(Reason::InvalidSetting, format!("{field}: {error}"))
            }),
        }
    }

    fn nothing_runs(&self, image: &ResolvedImage) -> ResolvedImage {
        let message = format!(
            "no running image of the application matches {}, apart from those that other entries name",
            ForeignText::new(&self.reference.full_name())
        );
        ResolvedImage {
            tracked: Err(Verdict::new(Reason::NotLive, message)),
            ..image.clone()
        }
    }

    /// Refuses those of `matches` that would be written to the place of another, or to one that an entry without wildcards
    /// or an earlier wildcard owns: they would replace each other for ever.
    fn each_in_its_own_place(
        &self,
        matches: Vec<ResolvedImage>,
        kind: ApplicationKind,
        owned: &HashSet<String>,
        stalled: &mut Vec<Remark>,
    ) -> Vec<ResolvedImage> {
        let mut used: HashMap<String, usize> = HashMap::new();
        for place in matches.iter().flat_map(|image| places_of(image, kind)) {
            *used.entry(place).or_default() += 1;
        }
        let is_shared = |place: &String| owned.contains(place) || used.get(place).is_some_and(|uses| *uses > 1);
        let shared = |image: &ResolvedImage| {
            let field = image.tracked.as_ref().ok()?.manifest_target.field(kind);
            Some((field, places_of(image, kind).into_iter().find(is_shared)?))
        };
        let refused = |image: ResolvedImage| {
            let Some((field, place)) = shared(&image) else {
                return image;
            };
            let remark = Remark {
                field: self.origin.field(field),
                message: format!(
                    "{} to {:?}; put {{alias}} or {{name}} into it (example: helm.tag: \"{{alias}}.image.tag\")",
                    if owned.contains(&place) {
                        "running images match, and another entry of the list is written"
                    } else {
                        "several running images match, and would all be written"
                    },
                    ForeignText::new(&place)
                ),
            };
            let verdict = Verdict::new(Reason::InvalidSetting, remark.to_string());
            if !stalled.contains(&remark) {
                stalled.push(remark);
            }
            ResolvedImage {
                tracked: Err(verdict),
                ..image
            }
        };
        matches.into_iter().map(refused).collect()
    }
}

/// Whether a literal entry is followed where `live` run, so that it keeps its places.
fn is_followed(image: &ResolvedImage, live: &LiveImages) -> bool {
    image.tracked.as_ref().is_ok_and(|image| {
        let name = image.manifest_target.kustomize_name();
        image.force_update
            || image.current_from == CurrentFrom::Manifest
            || live.find(&image.reference, name, &image.policy, None).is_some()
    })
}

/// The names under which an image is written; none for one that is refused.
fn places_of(image: &ResolvedImage, kind: ApplicationKind) -> Vec<String> {
    match &image.tracked {
        Ok(tracked) => places(&tracked.manifest_target, kind),
        Err(_) => Vec::new(),
    }
}

/// The names under which an image is written. Kustomize without a name goes by the image's own, which no other has.
fn places(target: &ManifestTarget, kind: ApplicationKind) -> Vec<String> {
    let names = |places: &HelmPlaces| {
        let parts = places.iter().flat_map(ValuePlace::parts);
        parts.map(|(name, _)| name.to_owned()).collect()
    };
    match (target, kind) {
        (
            ManifestTarget::Default,
            ApplicationKind::Kustomize
            | ApplicationKind::Plugin
            | ApplicationKind::Manifests
            | ApplicationKind::Markers,
        ) => Vec::new(),
        (ManifestTarget::Default, ApplicationKind::Helm) | (ManifestTarget::Helm(_), _) => names(&target.helm_places()),
        (ManifestTarget::Kustomize(name), _) => vec![name.clone()],
        (ManifestTarget::Plugin(place), _) => place.parts().map(|(name, _)| name.to_owned()).collect(),
    }
}

/// Whether `text`, one component of a path, is what `pattern` says, in which each `*` stands for any text.
fn component_fits(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(first) else {
        return false;
    };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in middle.split('*') {
        match text.split_once(part) {
            Some((_, after)) => text = after,
            None => return false,
        }
    }
    text.ends_with(last)
}

#[cfg(test)]
mod tests;
