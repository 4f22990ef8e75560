//! What changes: one image of one application, and the sources that its values go to.

use crate::{
    api::argocd::ApplicationSource,
    core::{
        image::{ImageRef, ImageVersion},
        keys::ObjectKey,
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
    /// What a person should know about it.
    pub note: Option<String>,
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
}
