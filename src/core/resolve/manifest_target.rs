//! Where an image stands in the manifests: `manifestTargets` as a type that later stages need not question.
//!
//! The texts may hold `{name}` and `{alias}`, so that one entry fits many images: [`parse`] reads what is written, [`fill`]
//! puts the image in. Anything else in braces stays as it is.

use std::collections::HashSet;

use crate::{
    api::v1alpha1::{HelmTarget, HelmTargetPlace, ManifestTargets, PluginTarget},
    core::{
        foreign::ForeignText,
        image::ImageRef,
        resolve::{
            ApplicationKind, ManifestTarget,
            aliases::without_version,
            target::{
                HelmPlaces, ValuePlace,
                places::{DEFAULT_HELM_NAME, DEFAULT_HELM_TAG},
            },
        },
    },
};

/// Stands for the last path component of the image's name.
const NAME: &str = "{name}";
/// Stands for the image's alias.
const ALIAS: &str = "{alias}";

/// A `manifestTargets` that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidManifestTarget {
    /// More than one kind.
    #[error("only one of helm, kustomize and plugin can be set")]
    SeveralKinds,
    /// A Kustomize target without the image's name.
    #[error("kustomize.name is empty; name the image that Kustomize replaces")]
    NoKustomizeName,
    /// A plugin target that would never hold the version.
    #[error("plugin needs spec, or a tag variable: the version would be written nowhere")]
    NoPluginVersion,
    /// A further place without any name.
    #[error("helm.additional[{index}] is empty; set its tag, name or spec, or remove it")]
    EmptyPlace {
        /// Its index.
        index: usize,
    },
    /// Two values for one name: they would replace each other for ever.
    #[error("{name:?} is named more than once; each value needs a name of its own")]
    NamedTwice {
        /// The field of the target.
        field: &'static str,
        /// The name.
        name: ForeignText,
    },
}

impl InvalidManifestTarget {
    /// The field of the image that is meant.
    pub fn field(&self) -> &'static str {
        match self {
            Self::NamedTwice { field, .. } => field,
            Self::SeveralKinds | Self::NoKustomizeName | Self::NoPluginVersion | Self::EmptyPlace { .. } => {
                "manifestTargets"
            }
        }
    }
}

/// Reads `targets`, with placeholders as they are; absent and empty are the defaults of the application's kind. Names are
/// trimmed. Of Helm and plugin targets a `spec` is used alone; the Helm names have defaults, each on its own, except that
/// the name gets none beside a tag with a placeholder: it would be the same for many images. Further Helm places have no
/// defaults. A Kustomize name loses tag and digest.
pub fn parse(targets: Option<&ManifestTargets>) -> Result<ManifestTarget, InvalidManifestTarget> {
    let Some(ManifestTargets {
        helm,
        kustomize,
        plugin,
    }) = targets
    else {
        return Ok(ManifestTarget::Default);
    };
    let target = match (helm, kustomize, plugin) {
        (None, None, None) => ManifestTarget::Default,
        (Some(helm), None, None) => ManifestTarget::Helm(helm_places(helm)?),
        (None, Some(kustomize), None) => kustomize_target(&kustomize.name)?,
        (None, None, Some(plugin)) => ManifestTarget::Plugin(plugin_place(plugin)?),
        _ => return Err(InvalidManifestTarget::SeveralKinds),
    };
    each_name_once(target)
}

/// `target` for one image: its placeholders are replaced.
pub fn fill(target: &ManifestTarget, image: &ImageRef, alias: &str) -> Result<ManifestTarget, InvalidManifestTarget> {
    let name = image.name.rsplit('/').next().unwrap_or(&image.name);
    let fill = |text: &str| filled(text, name, alias);
    let target = match target {
        ManifestTarget::Default => ManifestTarget::Default,
        ManifestTarget::Helm(HelmPlaces { first, more }) => ManifestTarget::Helm(HelmPlaces {
            first: first.map(fill),
            more: more.iter().map(|place| place.map(fill)).collect(),
        }),
        ManifestTarget::Kustomize(name) => kustomize_target(&fill(name))?,
        ManifestTarget::Plugin(place) => ManifestTarget::Plugin(place.map(fill)),
    };
    each_name_once(target)
}

/// Replaces placeholders in one pass, so that what an alias holds is never read as one.
fn filled(text: &str, name: &str, alias: &str) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        let (before, from) = rest.split_at(at);
        filled.push_str(before);
        if let Some(after) = from.strip_prefix(NAME) {
            filled.push_str(name);
            rest = after;
        } else if let Some(after) = from.strip_prefix(ALIAS) {
            filled.push_str(alias);
            rest = after;
        } else {
            filled.push('{');
            rest = from.strip_prefix('{').unwrap_or_default();
        }
    }
    filled.push_str(rest);
    filled
}

fn has_placeholder(text: &str) -> bool {
    text.contains(NAME) || text.contains(ALIAS)
}

fn given(text: Option<&String>) -> Option<String> {
    text.map(|text| text.trim())
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

fn helm_places(target: &HelmTarget) -> Result<HelmPlaces, InvalidManifestTarget> {
    let HelmTarget {
        name,
        tag,
        spec,
        additional,
    } = target;
    let first = if let Some(spec) = given(spec.as_ref()) {
        ValuePlace::Whole(spec)
    } else {
        let tag = given(tag.as_ref()).unwrap_or_else(|| DEFAULT_HELM_TAG.to_owned());
        let default = (!has_placeholder(&tag)).then(|| DEFAULT_HELM_NAME.to_owned());
        ValuePlace::Split {
            name: given(name.as_ref()).or(default),
            tag: Some(tag),
        }
    };
    let more = additional.iter().flatten().enumerate();
    Ok(HelmPlaces {
        first,
        more: more
            .map(|(index, place)| further_place(place).ok_or(InvalidManifestTarget::EmptyPlace { index }))
            .collect::<Result<_, _>>()?,
    })
}

/// A further place, exactly as it is given.
fn further_place(place: &HelmTargetPlace) -> Option<ValuePlace> {
    let HelmTargetPlace { name, tag, spec } = place;
    if let Some(spec) = given(spec.as_ref()) {
        return Some(ValuePlace::Whole(spec));
    }
    let (name, tag) = (given(name.as_ref()), given(tag.as_ref()));
    (name.is_some() || tag.is_some()).then_some(ValuePlace::Split { name, tag })
}

fn kustomize_target(name: &str) -> Result<ManifestTarget, InvalidManifestTarget> {
    match without_version(name.trim()) {
        "" => Err(InvalidManifestTarget::NoKustomizeName),
        name => Ok(ManifestTarget::Kustomize(name.to_owned())),
    }
}

fn plugin_place(target: &PluginTarget) -> Result<ValuePlace, InvalidManifestTarget> {
    let PluginTarget { name, tag, spec } = target;
    if let Some(spec) = given(spec.as_ref()) {
        return Ok(ValuePlace::Whole(spec));
    }
    let (name, tag) = (given(name.as_ref()), given(tag.as_ref()));
    if tag.is_none() {
        return Err(InvalidManifestTarget::NoPluginVersion);
    }
    Ok(ValuePlace::Split { name, tag })
}

fn each_name_once(target: ManifestTarget) -> Result<ManifestTarget, InvalidManifestTarget> {
    let names: Vec<&str> = match &target {
        ManifestTarget::Default | ManifestTarget::Kustomize(_) => Vec::new(),
        ManifestTarget::Helm(places) => places.iter().flat_map(names).collect(),
        ManifestTarget::Plugin(place) => names(place).collect(),
    };
    let mut seen = HashSet::new();
    match names.into_iter().find(|name| !seen.insert(*name)) {
        Some(name) => Err(InvalidManifestTarget::NamedTwice {
            field: target.field(ApplicationKind::Helm),
            name: ForeignText::new(name),
        }),
        None => Ok(target),
    }
}

fn names(place: &ValuePlace) -> impl Iterator<Item = &str> {
    place.parts().map(|(name, _)| name)
}

#[cfg(test)]
mod tests;
