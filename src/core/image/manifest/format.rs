//! The JSON of manifests, indexes and configs, as far as it is read.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, de::IgnoredAny};

use super::{DOCKER_LIST, DOCKER_MANIFEST, Exclusion, OCI_INDEX, OCI_MANIFEST, Unreadable};
use crate::core::{
    foreign::ForeignText,
    image::{Digest, Platform},
};

/// What a manifest is, as far as it matters for reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// The manifest of one image.
    Image,
    /// A list of manifests.
    Index,
    /// Docker's old format.
    Schema1,
    /// Something else, of this media type.
    Other(String),
}

impl Kind {
    /// The kind of a media type without parameters; `None` for what is no manifest of any vendor.
    pub(super) fn of(media_type: &str) -> Option<Self> {
        match media_type.to_ascii_lowercase().as_str() {
            OCI_MANIFEST | DOCKER_MANIFEST => Some(Self::Image),
            OCI_INDEX | DOCKER_LIST => Some(Self::Index),
            schema1 if schema1.starts_with("application/vnd.docker.distribution.manifest.v1") => Some(Self::Schema1),
            vendor if vendor.starts_with("application/vnd.") => Some(Self::Other(vendor.to_owned())),
            _ => None,
        }
    }

    /// What the bytes say themselves: their `mediaType`, else their `schemaVersion`, else which lists they have. `None`
    /// when that tells nothing.
    pub(super) fn in_body(body: &[u8]) -> Option<Self> {
        let words: OwnWords = serde_json::from_slice(body).ok()?;
        let media_type = words
            .media_type
            .as_ref()
            .and_then(|text| text.as_str())
            .and_then(Self::of);
        media_type.or_else(|| match (words.schema_version, words.config, words.manifests) {
            (Some(version), ..) if version == 1 => Some(Self::Schema1),
            (_, Some(_), None) => Some(Self::Image),
            (_, None, Some(_)) => Some(Self::Index),
            _ => None,
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Image => "an image manifest",
            Self::Index => "an index",
            Self::Schema1 => "a Docker schema 1 manifest",
            Self::Other(media_type) => media_type,
        })
    }
}

/// What a manifest says about itself.
#[derive(Deserialize)]
struct OwnWords {
    #[serde(rename = "mediaType")]
    media_type: Option<serde_json::Value>,
    #[serde(rename = "schemaVersion")]
    schema_version: Option<serde_json::Value>,
    config: Option<IgnoredAny>,
    manifests: Option<IgnoredAny>,
}

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
