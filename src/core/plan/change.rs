//! What changes: one image of one application, and the sources that its values go to.

use std::{borrow::Cow, fmt};

use crate::{
    api::argocd::{Application, ApplicationSource},
    core::{
        image::{ImageRef, ImageVersion, VersionWords},
        keys::ObjectKey,
        plan::kustomize,
        resolve::SourceSlot,
    },
};

/// One image of one application that changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageChange {
    /// The application.
    pub application: ObjectKey,
    /// The image's alias.
    pub alias: String,
    /// The image as configured.
    pub image: ImageRef,
    /// The version that ran before; empty for an image that did not run.
    pub old: ImageVersion,
    /// What is written. Never empty.
    pub new: ImageVersion,
    /// How both are named to people.
    pub words: VersionWords,
    /// What a person should know about it.
    pub note: Option<String>,
}

impl ImageChange {
    /// What ran before, for people; empty for an image that did not run.
    pub fn old_text(&self) -> Cow<'_, str> {
        self.words.of(&self.old)
    }

    /// What is written, for people.
    pub fn new_text(&self) -> Cow<'_, str> {
        self.words.of(&self.new)
    }
}

/// One source of an application, before and after its changes.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceEdit {
    /// Which source.
    pub slot: SourceSlot,
    /// As it was when the decision was made.
    pub before: ApplicationSource,
    /// With the new values.
    pub after: ApplicationSource,
}

impl SourceEdit {
    /// Puts the new values into `application`; a source that is not there any more is left alone.
    pub fn apply_to(&self, application: &mut Application) {
        let spec = &mut application.spec;
        let source = match self.slot {
            SourceSlot::Single => spec.source.as_mut(),
            SourceSlot::Multi(index) => spec.sources.as_mut().and_then(|sources| sources.get_mut(index)),
            SourceSlot::Hydrator => spec.source_hydrator.as_mut().map(|hydrator| &mut hydrator.dry_source),
        };
        if let Some(source) = source {
            source.clone_from(&self.after);
        }
    }
}

/// One value that an override file holds for an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A Helm parameter, written with `forceString`.
    HelmParameter {
        /// The parameter.
        name: String,
        /// Its value, never empty.
        value: String,
    },
    /// A Kustomize image override.
    KustomizeImage {
        /// The configured name that is replaced; `None` when the image goes by its own name.
        name: Option<String>,
        /// What replaces it, as configured, with the version.
        image: ImageRef,
    },
    /// A variable of a plugin.
    PluginVariable {
        /// The variable.
        name: String,
        /// Its value, never empty.
        value: String,
    },
    /// An image in plain manifests: the `image:` fields of its name, and the scalars marked with its alias.
    ManifestImage {
        /// The alias that setter comments name.
        alias: String,
        /// What is written, as configured, with the version.
        image: ImageRef,
        /// Whether the `image:` fields of its name are its own. They are nobody's when several images of the list share
        /// the name: then only marked places are written.
        fields: bool,
    },
}

/// Which value of a source or file is meant, whatever it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ValueKey {
    /// A Helm parameter, by its name.
    Helm(String),
    /// A Kustomize image, by what Kustomize looks for.
    Kustomize(String),
    /// A plugin variable, by its name.
    Plugin(String),
    /// The `image:` fields of plain manifests, by the full name of the image.
    Manifest(String),
    /// The places of plain manifests that a setter comment marks, by the alias in it.
    Marker(String),
}

impl Entry {
    /// Which value it is.
    pub fn key(&self) -> ValueKey {
        match self {
            Self::HelmParameter { name, .. } => ValueKey::Helm(name.clone()),
            Self::PluginVariable { name, .. } => ValueKey::Plugin(name.clone()),
            Self::KustomizeImage { name, image } => ValueKey::Kustomize(kustomize::left_of(name.as_deref(), image)),
            Self::ManifestImage {
                image, fields: true, ..
            } => ValueKey::Manifest(image.full_name()),
            Self::ManifestImage { alias, .. } => ValueKey::Marker(alias.clone()),
        }
    }

    /// The value itself, as text.
    pub fn value(&self) -> String {
        match self {
            Self::HelmParameter { value, .. } | Self::PluginVariable { value, .. } => value.clone(),
            Self::KustomizeImage { image, .. } | Self::ManifestImage { image, .. } => image.full_name_with_version(),
        }
    }
}

impl fmt::Display for ValueKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Helm(name) => write!(f, "the Helm parameter {name:?}"),
            Self::Kustomize(name) => write!(f, "the Kustomize image {name:?}"),
            Self::Plugin(name) => write!(f, "the plugin variable {name:?}"),
            Self::Manifest(name) => write!(f, "the image {name:?} of the manifests"),
            Self::Marker(alias) => write!(f, "the places of the manifests that are marked with {alias:?}"),
        }
    }
}
