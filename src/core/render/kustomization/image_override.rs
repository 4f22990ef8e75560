//! One image that a kustomization shall get.

use super::KustomizationError;
use crate::core::{foreign::ForeignText, image::ImageRef, plan::Entry};

/// An image with its new version, and the name that it replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageOverride {
    /// The name in the manifests, without tag and digest, when it is another than the image's own.
    pub name: Option<String>,
    /// The image with its version.
    pub image: ImageRef,
}

impl ImageOverride {
    /// An override of `image`, for the configured `name` if there is one. A tag or digest in `name` counts for nothing.
    pub fn new(name: Option<&str>, image: ImageRef) -> Self {
        Self {
            name: name.map(|name| without_version(name).to_owned()),
            image,
        }
    }

    /// The Kustomize images among the values that were decided for an application.
    pub fn from_entries(entries: &[Entry]) -> Vec<Self> {
        let images = entries.iter().filter_map(|entry| match entry {
            Entry::KustomizeImage { name, image } => Some(Self::new(name.as_deref(), image.clone())),
            Entry::HelmParameter { .. } | Entry::PluginVariable { .. } | Entry::ManifestImage { .. } => None,
        });
        images.collect()
    }

    /// Reads an override as an Application holds it, `[name=]reference`.
    pub fn parse(text: &str) -> Result<Self, KustomizationError> {
        let (name, reference) = match text.split_once('=') {
            Some((name, reference)) => (Some(name).filter(|name| !name.is_empty()), reference),
            None => (None, text),
        };
        let image = ImageRef::parse(reference).map_err(|error| KustomizationError::Image {
            text: ForeignText::new(text),
            reason: error.to_string(),
        })?;
        Ok(Self::new(name, image))
    }

    /// The name of the entry.
    pub(super) fn left(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.image.full_name())
    }

    /// What the entry renames its image to.
    pub(super) fn new_name(&self) -> Option<String> {
        self.name.as_ref().map(|_| self.image.full_name())
    }

    pub(super) fn tag(&self) -> &str {
        self.image.version.as_ref().map_or("", |version| &version.tag)
    }

    pub(super) fn digest(&self) -> &str {
        self.image.version.as_ref().map_or("", |version| &version.digest)
    }

    pub(super) fn has_version(&self) -> bool {
        !(self.tag().is_empty() && self.digest().is_empty())
    }

    /// Whether an entry of this name is for the image. `index.docker.io/` in front of a name means nothing.
    pub(super) fn is_for(&self, name: &str) -> bool {
        let left = self.left();
        left == name || matches!((plain_name(&left), plain_name(name)), (Some(a), Some(b)) if a == b)
    }
}

/// The name as references are written elsewhere; `None` for a text that is no name or carries a version.
fn plain_name(text: &str) -> Option<String> {
    let image = ImageRef::parse(text).ok()?;
    image.version.is_none().then(|| image.full_name())
}

/// The text before tag and digest. A colon before the last slash belongs to the host.
fn without_version(text: &str) -> &str {
    let text = text.split_once('@').map_or(text, |(name, _)| name);
    let last = text.rfind('/').map_or(0, |slash| slash + 1);
    match text.get(last..).and_then(|name| name.find(':')) {
        Some(colon) => text.get(..last + colon).unwrap_or(text),
        None => text,
    }
}
