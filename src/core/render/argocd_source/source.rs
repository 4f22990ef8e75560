//! What a source of an Application holds for configured images.

use serde_json::Value;

use super::{
    HelmParameter, Overrides, PluginVariable,
    kustomize::{Entry, Image},
};
use crate::{
    api::argocd::ApplicationSource,
    core::{
        image::ImageRef,
        resolve::{ApplicationKind, ManifestTarget, target::ValuePlace},
    },
};

impl Overrides {
    /// The entries of `source` that belong to `images`: each with the place that it is configured to stand in. What else
    /// the source holds was not put there for an image and stays out of the file.
    ///
    /// A plugin whose images have no plugin target is written in the layout of Helm.
    pub fn from_source(
        kind: ApplicationKind,
        source: &ApplicationSource,
        images: &[(&ManifestTarget, &ImageRef)],
    ) -> Self {
        let targets = || images.iter().map(|(target, _)| *target);
        let has_plugin_target = targets().any(|target| matches!(target, ManifestTarget::Plugin(_)));
        match kind {
            ApplicationKind::Kustomize => {
                let list = source
                    .kustomize
                    .as_ref()
                    .and_then(|kustomize| kustomize.images.as_deref());
                let is_ours = |text: &&String| images.iter().any(|(target, image)| belongs(text, target, image));
                Self::Kustomize(list.unwrap_or_default().iter().filter(is_ours).cloned().collect())
            }
            ApplicationKind::Plugin if has_plugin_target => {
                let names: Vec<String> = targets().flat_map(plugin_names).collect();
                let list = source.plugin.as_ref().and_then(|plugin| plugin.env.as_deref());
                let variables = named(list.unwrap_or_default(), &names);
                Self::Plugin(
                    variables
                        .map(|(name, value, _)| PluginVariable { name, value })
                        .collect(),
                )
            }
            // Plain manifests have no override file; without images none is made.
            ApplicationKind::Manifests | ApplicationKind::Markers => Self::Kustomize(Vec::new()),
            ApplicationKind::Helm | ApplicationKind::Plugin => {
                let names: Vec<String> = targets().flat_map(helm_names).collect();
                let list = source.helm.as_ref().and_then(|helm| helm.parameters.as_deref());
                let parameters = named(list.unwrap_or_default(), &names).map(|(name, value, entry)| HelmParameter {
                    name,
                    value,
                    force_string: entry.get("forceString").and_then(Value::as_bool).unwrap_or(false),
                });
                Self::Helm(parameters.collect())
            }
        }
    }
}

/// The entries of these names, each name once.
fn named<'a>(list: &'a [Value], names: &[String]) -> impl Iterator<Item = (String, String, &'a Value)> {
    let mut seen = Vec::new();
    list.iter().filter_map(move |entry| {
        let name = entry.get("name")?.as_str()?;
        let value = entry.get("value")?.as_str()?;
        if !names.iter().any(|wanted| wanted == name) || seen.contains(&name) {
            return None;
        }
        seen.push(name);
        Some((name.to_owned(), value.to_owned(), entry))
    })
}

fn helm_names(target: &ManifestTarget) -> Vec<String> {
    let places = target.helm_places();
    places.iter().flat_map(names).collect()
}

fn plugin_names(target: &ManifestTarget) -> Vec<String> {
    match target {
        ManifestTarget::Plugin(place) => names(place).collect(),
        _ => Vec::new(),
    }
}

fn names(place: &ValuePlace) -> impl Iterator<Item = String> {
    place.parts().map(|(name, _)| name.to_owned())
}

/// Whether a Kustomize entry stands for the configured image.
fn belongs(text: &str, target: &ManifestTarget, image: &ImageRef) -> bool {
    let entry = Entry::parse(text);
    let own = Image::new(&image.registry, &image.name);
    match target {
        ManifestTarget::Kustomize(name) => entry.left() == Entry::parse(name).left(),
        _ => entry.image == own && (entry.name.is_none() || entry.left() == own),
    }
}
