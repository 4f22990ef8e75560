//! The JSON of referrers lists, indexes and signature manifests, as far as it is read.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::core::image::{
    Digest,
    manifest::{Fetched, OCI_INDEX, OCI_MANIFEST},
};

/// A Sigstore bundle, as the type of an artifact and as that of a layer.
pub(super) const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
/// A simple signing payload.
const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// Where the signature over a simple signing payload stands.
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
/// The most layers of one manifest that are looked at.
const MAX_LAYERS: usize = 500;

/// Why a list or manifest cannot be read. To be put after its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unread {
    #[error("is not JSON, or was cut off")]
    NotJson,
    #[error("has another shape")]
    Shape,
}

/// What the `Content-Type` says that was fetched.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    Manifest,
    Index,
    /// A manifest of a kind that never holds signatures.
    Other,
    /// Nothing that a registry gives when it is asked for a manifest.
    NoManifest(String),
}

/// Where in a layer the signatures stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LayerKind {
    /// All in the blob.
    Bundle,
    /// These, in annotations; the blob is what was signed.
    SimpleSigning(Vec<String>),
}

/// The layers of a manifest that may hold signatures.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Layers {
    /// Each blob once: several signers of an image sign the same payload.
    pub(super) usable: Vec<(Digest, LayerKind)>,
    /// There are more layers than are looked at.
    pub(super) limited: bool,
}

/// An entry of an index or of a referrers list, which has the form of an index.
#[derive(Debug, Deserialize)]
pub(super) struct Entry {
    #[serde(default)]
    pub(super) digest: String,
    #[serde(rename = "artifactType")]
    pub(super) artifact_type: Option<String>,
}

#[derive(Deserialize)]
struct Index {
    #[serde(deserialize_with = "Option::deserialize")]
    manifests: Option<Vec<Entry>>,
}

#[derive(Deserialize)]
struct Manifest {
    #[serde(rename = "mediaType")]
    media_type: Option<String>,
    layers: Option<Vec<Layer>>,
}

#[derive(Deserialize)]
struct Layer {
    #[serde(rename = "mediaType", default)]
    media_type: String,
    #[serde(default)]
    digest: String,
    annotations: Option<BTreeMap<String, Value>>,
}

impl Place {
    pub(super) fn of(fetched: Fetched<'_>) -> Self {
        let media_type = fetched.media_type.unwrap_or("").split(';').next().unwrap_or("").trim();
        match media_type.to_ascii_lowercase() {
            manifest if manifest == OCI_MANIFEST => Self::Manifest,
            index if index == OCI_INDEX => Self::Index,
            vendor if vendor.starts_with("application/vnd.") => Self::Other,
            other => Self::NoManifest(other),
        }
    }
}

/// The entries of an index or of a page of a referrers list.
pub(super) fn entries(body: &[u8]) -> Result<Vec<Entry>, Unread> {
    Ok(json::<Index>(body)?.manifests.unwrap_or_default())
}

/// The layers of a signature manifest.
pub(super) fn layers(body: &[u8]) -> Result<Layers, Unread> {
    let manifest: Manifest = json(body)?;
    if manifest.media_type.is_some_and(|own| own != OCI_MANIFEST) {
        // OCI image specification, "Image Manifest": it must be the type that it was sent as.
        return Err(Unread::Shape);
    }
    let all = manifest.layers.unwrap_or_default();
    let mut layers = Layers {
        limited: all.len() > MAX_LAYERS,
        ..Layers::default()
    };
    for layer in all.into_iter().take(MAX_LAYERS) {
        if let (Ok(digest), Some(kind)) = (layer.digest.parse(), layer.kind()) {
            layers.add(digest, kind);
        }
    }
    Ok(layers)
}

impl Layer {
    fn kind(&self) -> Option<LayerKind> {
        match self.media_type.as_str() {
            BUNDLE => Some(LayerKind::Bundle),
            SIMPLE_SIGNING => {
                let signature = self.annotations.as_ref()?.get(SIGNATURE)?.as_str()?;
                Some(LayerKind::SimpleSigning(vec![signature.to_owned()]))
            }
            _ => None,
        }
    }
}

impl Layers {
    fn add(&mut self, digest: Digest, kind: LayerKind) {
        let mut known = self.usable.iter_mut().filter(|(known, _)| *known == digest);
        let same = known.find_map(|(_, known)| match (known, &kind) {
            (LayerKind::SimpleSigning(known), LayerKind::SimpleSigning(_)) => Some(Some(known)),
            (LayerKind::Bundle, LayerKind::Bundle) => Some(None),
            _ => None,
        });
        match (same, kind) {
            (Some(Some(known)), LayerKind::SimpleSigning(more)) => known.extend(more),
            (Some(_), _) => {}
            (None, kind) => self.usable.push((digest, kind)),
        }
    }
}

fn json<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Unread> {
    serde_json::from_slice(body).map_err(|e| match e.classify() {
        serde_json::error::Category::Data => Unread::Shape,
        _ => Unread::NotJson,
    })
}
