//! The JSON of manifests, indexes and configs, as far as it is read.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Exclusion, Unreadable};
use crate::core::{
    foreign::ForeignText,
    image::{Digest, Platform},
};

#[derive(Deserialize)]
pub(super) struct Manifest {
    pub(super) config: Option<Descriptor>,
}

#[derive(Deserialize)]
pub(super) struct Index {
    pub(super) manifests: Option<Vec<Descriptor>>,
}

#[derive(Deserialize)]
pub(super) struct Descriptor {
    pub(super) digest: String,
    pub(super) platform: Option<PlatformField>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct PlatformField {
    os: Option<String>,
    architecture: Option<String>,
    variant: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Config {
    #[serde(flatten)]
    pub(super) platform: PlatformField,
    pub(super) created: Option<serde_json::Value>,
    #[serde(rename = "config")]
    container: Option<ContainerConfig>,
}

#[derive(Deserialize)]
struct ContainerConfig {
    #[serde(rename = "Labels")]
    labels: Option<BTreeMap<String, Option<String>>>,
}

impl From<PlatformField> for Platform {
    fn from(field: PlatformField) -> Self {
        Self {
            variant: field.variant.unwrap_or_default(),
            ..Self::new(field.os.unwrap_or_default(), field.architecture.unwrap_or_default())
        }
    }
}

impl Config {
    /// Takes the labels out.
    pub(super) fn labels(&mut self) -> BTreeMap<String, String> {
        let labels = self.container.take().and_then(|c| c.labels).unwrap_or_default();
        labels
            .into_iter()
            .map(|(key, value)| (key, value.unwrap_or_default()))
            .collect()
    }
}

/// Why reading stops before its end.
pub(super) enum Stop {
    Excluded(Exclusion),
    Unreadable(Unreadable),
}

impl From<Exclusion> for Stop {
    fn from(exclusion: Exclusion) -> Self {
        Self::Excluded(exclusion)
    }
}

/// A digest that a manifest names.
pub(super) fn digest(text: &str) -> Result<Digest, Stop> {
    text.parse().map_err(|_| {
        Stop::Excluded(Exclusion::NotAnImage {
            why: ForeignText::new(&format!("{text} is not a sha256 digest")),
        })
    })
}

/// What is no JSON at all may have been cut off on the way. JSON of another shape is a lasting fact about the tag.
pub(super) fn json<'a, T: Deserialize<'a>>(body: &'a [u8], what: &'static str) -> Result<T, Stop> {
    serde_json::from_slice(body).map_err(|e| match e.classify() {
        serde_json::error::Category::Data => Stop::Excluded(Exclusion::NotAnImage {
            why: ForeignText::new(&format!("{what} has another shape: {e}")),
        }),
        _ => Stop::Unreadable(Unreadable::NotJson { what }),
    })
}
