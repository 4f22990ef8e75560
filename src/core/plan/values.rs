//! The values of an image in a source: Helm parameters, Kustomize images, plugin variables; and images in plain manifests,
//! which a copy of the source says when somebody read them into it.
//!
//! Nothing but those lists is touched. Parameters and variables are raw objects, so that keys which this program does not
//! know survive. An empty value is never written.

use serde_json::{Value, json};

use crate::{
    api::argocd::ApplicationSource,
    core::{
        image::ImageRef,
        plan::{change::Entry, kustomize, manifests},
        resolve::{ApplicationKind, ManifestTarget, source_type::SourceType, target::ValuePlace},
    },
};

/// Why an image has no values in a source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// The source is of a type that cannot hold it.
    #[error("a source of type {wanted} is needed, and this one is {found:?}")]
    WrongSourceType {
        /// What is needed.
        wanted: &'static str,
        /// What is there.
        found: SourceType,
    },
    /// The version of the image would be written nowhere.
    #[error("a plugin needs manifestTargets.plugin with spec, or with a tag variable")]
    PluginTargetIncomplete,
}

pub(super) fn plugin_place(target: &ManifestTarget) -> Result<&ValuePlace, ValueError> {
    match target {
        ManifestTarget::Plugin(place) if place.holds_version() => Ok(place),
        _ => Err(ValueError::PluginTargetIncomplete),
    }
}

/// The values of `image` in one place. A part that the image does not have gives none.
fn values_in(place: &ValuePlace, image: &ImageRef) -> impl Iterator<Item = (String, String)> {
    let values = place.parts().map(|(name, part)| (name.to_owned(), part.of(image)));
    values.filter(|(_, value)| !value.is_empty())
}

/// The values of `image` in a source of this kind, in all its places. A reference without version gives no value for the
/// tag. `alias` is the image's own.
pub fn entries(
    kind: ApplicationKind,
    alias: &str,
    image: &ImageRef,
    target: &ManifestTarget,
) -> Result<Vec<Entry>, ValueError> {
    Ok(match kind {
        ApplicationKind::Helm => {
            let places = target.helm_places();
            let parameters = places.iter().flat_map(|place| values_in(place, image));
            parameters
                .map(|(name, value)| Entry::HelmParameter { name, value })
                .collect()
        }
        ApplicationKind::Plugin => values_in(plugin_place(target)?, image)
            .map(|(name, value)| Entry::PluginVariable { name, value })
            .collect(),
        ApplicationKind::Kustomize => vec![Entry::KustomizeImage {
            name: target.kustomize_name().map(str::to_owned),
            image: image.clone(),
        }],
        ApplicationKind::Manifests | ApplicationKind::Markers => vec![Entry::ManifestImage {
            alias: alias.to_owned(),
            image: image.clone(),
            fields: kind == ApplicationKind::Manifests,
        }],
    })
}

/// What stands in `source` for `image` now, as one text; empty when there is nothing, or only a part. Of several places the
/// first one counts; of a Kustomize image the whole entry, its left side included.
pub fn current(
    kind: ApplicationKind,
    source: &ApplicationSource,
    image: &ImageRef,
    target: &ManifestTarget,
) -> Result<String, ValueError> {
    let joined = |list: &[Value], place: &ValuePlace| match place {
        ValuePlace::Whole(name) => value_of(list, name).unwrap_or("").to_owned(),
        ValuePlace::Split { name, tag } => {
            let find = |name: &Option<String>| name.as_deref().and_then(|name| value_of(list, name));
            match (find(name), find(tag)) {
                (Some(name), Some(tag)) => format!("{name}:{tag}"),
                _ => String::new(),
            }
        }
    };
    match kind {
        ApplicationKind::Helm => Ok(joined(helm_list(source), &target.helm_places().first)),
        ApplicationKind::Plugin => Ok(joined(plugin_list(source), plugin_place(target)?)),
        ApplicationKind::Kustomize => {
            let list = kustomize_list(source);
            let found = kustomize::places(list, target.kustomize_name(), image, &[]);
            let entry = found.first().and_then(|index| list.get(*index));
            Ok(entry.cloned().unwrap_or_default())
        }
        // An Application's own source holds no images of plain manifests.
        ApplicationKind::Manifests | ApplicationKind::Markers => Ok(String::new()),
    }
}

/// Whether every value of `image` stands in `source` already. The left side of a Kustomize entry is not compared.
pub fn holds(source: &ApplicationSource, entries: &[Entry], others: &[String]) -> bool {
    entries.iter().all(|entry| match entry {
        Entry::HelmParameter { name, value } => value_of(helm_list(source), name) == Some(value),
        Entry::PluginVariable { name, value } => value_of(plugin_list(source), name) == Some(value),
        Entry::ManifestImage { alias, image, .. } => manifests::holds(source, alias, image),
        Entry::KustomizeImage { name, image } => {
            let list = kustomize_list(source);
            let wanted = image.full_name_with_version();
            let mut found = kustomize::places(list, name.as_deref(), image, others)
                .into_iter()
                .peekable();
            found.peek().is_some()
                && found.all(|index| {
                    list.get(index)
                        .is_some_and(|text| kustomize::Override::split(text).reference == wanted)
                })
        }
    })
}

/// Puts `entries` into `source`. What has the same name is replaced where it stands, the rest is appended, everything
/// else is kept. `others` are the left sides of Kustomize entries that belong to other images.
pub fn put(source: &mut ApplicationSource, entries: &[Entry], others: &[String]) {
    for entry in entries {
        match entry {
            Entry::HelmParameter { name, value } => {
                let list = source.helm.get_or_insert_default().parameters.get_or_insert_default();
                put_named(list, name, &json!({"name": name, "value": value, "forceString": true}));
            }
            Entry::PluginVariable { name, value } => {
                let list = source.plugin.get_or_insert_default().env.get_or_insert_default();
                put_named(list, name, &json!({"name": name, "value": value}));
            }
            Entry::ManifestImage { .. } => {}
            Entry::KustomizeImage { name, image } => {
                let list = source.kustomize.get_or_insert_default().images.get_or_insert_default();
                put_image(list, name.as_deref(), image, others);
            }
        }
    }
}

/// Sets the values of `image` on `source`. See [`put`].
pub fn set(
    kind: ApplicationKind,
    source: &mut ApplicationSource,
    image: &ImageRef,
    target: &ManifestTarget,
    others: &[String],
) -> Result<(), ValueError> {
    put(source, &entries(kind, "", image, target)?, others);
    Ok(())
}

pub(super) fn helm_list(source: &ApplicationSource) -> &[Value] {
    source
        .helm
        .as_ref()
        .and_then(|helm| helm.parameters.as_deref())
        .unwrap_or(&[])
}

pub(super) fn kustomize_list(source: &ApplicationSource) -> &[String] {
    source
        .kustomize
        .as_ref()
        .and_then(|kustomize| kustomize.images.as_deref())
        .unwrap_or(&[])
}

pub(super) fn plugin_list(source: &ApplicationSource) -> &[Value] {
    source
        .plugin
        .as_ref()
        .and_then(|plugin| plugin.env.as_deref())
        .unwrap_or(&[])
}

fn is_named(object: &Value, name: &str) -> bool {
    object.get("name").and_then(Value::as_str) == Some(name)
}

/// The value of the last object of this name, which is the one that counts.
pub(super) fn value_of<'a>(list: &'a [Value], name: &str) -> Option<&'a str> {
    let object = list.iter().rev().find(|object| is_named(object, name))?;
    object.get("value").and_then(Value::as_str)
}

/// Sets the keys of `wanted` in every object of this name, or appends it.
fn put_named(list: &mut Vec<Value>, name: &str, wanted: &Value) {
    let mut found = false;
    for object in list.iter_mut().filter(|object| is_named(object, name)) {
        found = true;
        if let (Some(object), Some(wanted)) = (object.as_object_mut(), wanted.as_object()) {
            object.extend(wanted.clone());
        }
    }
    if !found {
        list.push(wanted.clone());
    }
}

fn put_image(list: &mut Vec<String>, name: Option<&str>, image: &ImageRef, others: &[String]) {
    let text = kustomize::text(name, image);
    let found = kustomize::places(list, name, image, others);
    if found.is_empty() {
        list.push(text);
        return;
    }
    for index in found {
        if let Some(entry) = list.get_mut(index) {
            entry.clone_from(&text);
        }
    }
}

#[cfg(test)]
mod tests;
