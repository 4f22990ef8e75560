//! Override files: their names, and their content after an update.

use argocd_image_updater::{
    api::argocd::ApplicationSource,
    core::{
        image::ImageRef,
        render::argocd_source::{Overrides, render},
        resolve::{
            ApplicationKind, ManifestTarget,
            target::{ValuePlace, places::Part},
            write_target::override_file_path,
        },
        yaml::Edited,
    },
};
use serde_json::{Value, json};

pub(super) fn run(input: &Value) -> Result<Value, String> {
    match text(input, "kind") {
        Some("file_name") => Ok(file_name(input)),
        Some("content") => content(input),
        other => Err(format!("unknown kind {other:?}")),
    }
}

fn file_name(input: &Value) -> Value {
    let get = |key| text(input, key).unwrap_or_default();
    let (folder, name) = (get("source_path"), get("app_name"));
    json!({"path": override_file_path(folder, name, get("app_namespace"), get("argocd_namespace"))})
}

fn content(input: &Value) -> Result<Value, String> {
    let kind = match text(input, "source_type") {
        Some("Helm") => ApplicationKind::Helm,
        Some("Kustomize") => ApplicationKind::Kustomize,
        Some("Plugin") => ApplicationKind::Plugin,
        other => return Err(format!("unknown source type {other:?}")),
    };
    let mut source = input["live_source"].clone();
    let mut images = Vec::new();
    for image in input["images"].as_array().ok_or("no images")? {
        let target = target(kind, image);
        let (_, reference) = text(image, "ref")
            .and_then(|text| text.split_once('='))
            .ok_or("no alias in ref")?;
        if let Some(new) = text(image, "set_to") {
            set(&mut source, kind, &target, new);
        }
        images.push((target, reference_of(reference)));
    }
    let source: ApplicationSource = serde_json::from_value(source).map_err(|e| e.to_string())?;
    let images: Vec<_> = images.iter().map(|(target, image)| (target, image)).collect();
    let existing = text(input, "existing_file");
    let after = match render(existing, &Overrides::from_source(kind, &source, &images)) {
        Ok(Edited::New(text)) => json!(text),
        Ok(Edited::Unchanged) => json!(existing),
        Err(e) => return Err(e.to_string()),
    };
    Ok(json!({ "after": after }))
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

fn target(kind: ApplicationKind, image: &Value) -> ManifestTarget {
    let get = |key: &str| text(image, key).filter(|text| !text.is_empty()).map(str::to_owned);
    let plugin = (get("plugin_name"), get("plugin_tag"));
    let helm = (get("helm_name"), get("helm_tag"));
    match kind {
        ApplicationKind::Plugin if get("plugin_spec").is_some() => {
            ManifestTarget::Plugin(ValuePlace::Whole(get("plugin_spec").unwrap_or_default()))
        }
        ApplicationKind::Plugin if plugin != (None, None) => ManifestTarget::Plugin(ValuePlace::Split {
            name: plugin.0,
            tag: plugin.1,
        }),
        ApplicationKind::Kustomize => get("kustomize_name").map_or(ManifestTarget::Default, ManifestTarget::Kustomize),
        _ if get("helm_spec").is_some() => {
            ManifestTarget::Helm(ValuePlace::Whole(get("helm_spec").unwrap_or_default()).into())
        }
        _ if helm != (None, None) => {
            let place = ValuePlace::Split {
                name: Some(helm.0.unwrap_or_else(|| "image.name".to_owned())),
                tag: Some(helm.1.unwrap_or_else(|| "image.tag".to_owned())),
            };
            ManifestTarget::Helm(place.into())
        }
        _ => ManifestTarget::Default,
    }
}

/// Name and version of a full reference: a colon before the last slash belongs to the host.
fn split(reference: &str) -> (&str, &str, &str) {
    let (text, digest) = reference.split_once('@').unwrap_or((reference, ""));
    let last = text.rfind('/').map_or(0, |slash| slash + 1);
    match text[last..].find(':') {
        Some(colon) => (&text[..last + colon], &text[last + colon + 1..], digest),
        None => (text, "", digest),
    }
}

fn reference_of(text: &str) -> ImageRef {
    let (name, _, _) = split(text);
    let (registry, name) = match name.split_once('/') {
        Some((host, path)) if host == "localhost" || host.contains(['.', ':']) => (host, path),
        _ => ("", name),
    };
    ImageRef {
        registry: registry.to_owned(),
        name: name.to_owned(),
        version: None,
    }
}

const HELM: [&str; 2] = ["helm", "parameters"];
const PLUGIN: [&str; 2] = ["plugin", "env"];

/// Puts what was picked into the working copy of the source.
fn set(source: &mut Value, kind: ApplicationKind, target: &ManifestTarget, new: &str) {
    let (name, tag, digest) = split(new);
    let version = match (tag, digest) {
        (tag, "") => tag.to_owned(),
        ("", digest) => format!("latest@{digest}"),
        (tag, digest) => format!("{tag}@{digest}"),
    };
    let value = |part| match part {
        Part::Whole => new,
        Part::Name => name,
        Part::Tag => version.as_str(),
    };
    let put = |source: &mut Value, [outer, inner]: [&str; 2], key: &str, value: &str| {
        let list = &mut source[outer][inner];
        if list.is_null() {
            *list = json!([]);
        }
        let Some(list) = list.as_array_mut().filter(|_| !value.is_empty()) else {
            return;
        };
        list.retain(|entry| text(entry, "name") != Some(key));
        list.push(json!({"name": key, "value": value, "forceString": true}));
    };
    match (kind, target) {
        (ApplicationKind::Kustomize, target) => {
            let entry = match target {
                ManifestTarget::Kustomize(left) => format!("{left}={new}"),
                _ => new.to_owned(),
            };
            let list = &mut source["kustomize"]["images"];
            let mut images: Vec<Value> = list.as_array().cloned().unwrap_or_default();
            let left = |entry: &str| {
                entry
                    .split_once('=')
                    .map_or(split(entry).0, |(left, _)| left)
                    .to_owned()
            };
            images.retain(|image| image.as_str().is_none_or(|image| left(image) != left(&entry)));
            images.push(json!(entry));
            *list = json!(images);
        }
        (_, ManifestTarget::Plugin(place)) => {
            for (key, part) in place.parts() {
                put(source, PLUGIN, key, value(part));
            }
        }
        (_, ManifestTarget::Helm(places)) => {
            for (key, part) in places.iter().flat_map(ValuePlace::parts) {
                put(source, HELM, key, value(part));
            }
        }
        _ => {
            put(source, HELM, "image.name", name);
            put(source, HELM, "image.tag", &version);
        }
    }
}
