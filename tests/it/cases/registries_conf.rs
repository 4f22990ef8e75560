//! `registries.conf`: what the file says, and which registry serves an image.

use argocd_image_updater::{
    api::registries_conf::RegistryEntry,
    core::{
        duration::GoDuration,
        image::ImageRef,
        registries::{RegistriesConf, RegistriesConfError, TagSortMode, parse_file},
    },
};
use serde_json::{Map, Value, json};

pub(super) fn run(input: &Value) -> Result<Value, String> {
    let yaml = input["yaml"].as_str().ok_or("no yaml")?;
    match input["kind"].as_str() {
        Some("parse") => Ok(match parse_file(yaml) {
            Ok(file) => json!({"registries": file.registries.iter().flatten().map(entry).collect::<Vec<_>>()}),
            Err(error) => json!({"error": label(&error)}),
        }),
        Some("lookup") => {
            let conf = match RegistriesConf::parse(yaml) {
                Ok(conf) => conf,
                Err(error) => return Ok(json!({"error": label(&error)})),
            };
            let images = input["images_in_order"].as_array().ok_or("no images")?;
            let lookups: Vec<Value> = images
                .iter()
                .filter_map(Value::as_str)
                .map(|i| lookup(&conf, i))
                .collect();
            Ok(json!({"lookups": lookups}))
        }
        other => Err(format!("unknown kind {other:?}")),
    }
}

fn lookup(conf: &RegistriesConf, text: &str) -> Value {
    let profile = conf.lookup(&image(text));
    json!({
        "image": text,
        "name": profile.name,
        "api_url": profile.api_url,
        "default_namespace": profile.default_namespace,
        "requests_per_second": profile.limit,
    })
}

/// Keys that are empty, zero or false are not shown, except those of every entry.
fn entry(entry: &RegistryEntry) -> Value {
    let mut shown = Map::new();
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    for (key, value) in [
        ("api_url", text(&entry.api_url)),
        ("name", text(&entry.name)),
        ("prefix", text(&entry.prefix)),
    ] {
        let value = if key == "api_url" {
            value.strip_suffix('/').unwrap_or(&value).to_owned()
        } else {
            value
        };
        shown.insert(key.to_owned(), value.into());
    }
    for (key, field) in [
        ("defaultns", &entry.defaultns),
        ("credentials", &entry.credentials),
        ("ca_file", &entry.ca_file),
        ("ca_data", &entry.ca_data),
    ] {
        if let Some(value) = field.as_ref().filter(|v| !v.is_empty()) {
            shown.insert(key.to_owned(), value.clone().into());
        }
    }
    if let Some(text) = entry.tagsortmode.as_deref().filter(|t| !t.is_empty())
        && let Some(mode) = TagSortMode::parse(text)
    {
        shown.insert("tagsortmode".to_owned(), mode.as_str().into());
    }
    for (key, field) in [
        ("default", entry.default),
        ("insecure", entry.insecure),
        ("ping", entry.ping),
    ] {
        if field == Some(true) {
            shown.insert(key.to_owned(), true.into());
        }
    }
    if let Some(limit) = entry.limit.filter(|limit| *limit != 0) {
        shown.insert("limit".to_owned(), limit.into());
    }
    let expire = entry
        .credsexpire
        .as_deref()
        .and_then(|text| text.parse::<GoDuration>().ok());
    if let Some(expire) = expire.filter(|d| !d.is_zero()) {
        shown.insert("credsexpire_seconds".to_owned(), expire.to_std().as_secs_f64().into());
    }
    Value::Object(shown)
}

fn image(text: &str) -> ImageRef {
    let (registry, name) = match text.split_once('/') {
        Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => (host, rest),
        _ => ("", text),
    };
    ImageRef {
        registry: registry.to_owned(),
        name: name.to_owned(),
        version: None,
    }
}

fn label(error: &RegistriesConfError) -> &'static str {
    match error {
        RegistriesConfError::BadYaml(_) | RegistriesConfError::BadDuration { .. } => "bad_yaml",
        RegistriesConfError::NameMissing { .. } => "name_missing",
        RegistriesConfError::ApiUrlMissing { .. } => "api_url_missing",
        RegistriesConfError::PrefixMissing { .. } => "prefix_missing",
        RegistriesConfError::TwoWithoutPrefix { .. } => "two_without_prefix",
        RegistriesConfError::BadTagSortMode { .. } => "bad_tag_sort_mode",
        RegistriesConfError::TwoDefaults { .. } => "two_defaults",
        RegistriesConfError::HalfIdentity { .. } => "half_identity",
        RegistriesConfError::BadProxy { .. } => "bad_proxy",
        RegistriesConfError::TooManyMirrors { .. } => "too_many_mirrors",
    }
}
