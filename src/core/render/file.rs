//! The files of a write target: which of them are read, and what becomes of them.
//!
//! Pure. Where the texts come from, and which commit the new ones go to, is decided by the caller, so that a refused push
//! can be rendered again on the new head. Each form of target has a module of its own beside this one.

use super::{
    argocd_source,
    helm_values::{self, HelmValuesError, ValueWrite},
    kustomization::{self, ImageOverride, KustomizationError},
    manifests::{self, ManifestsError},
    overrides,
};
use crate::core::{
    plan::Entry,
    resolve::{PathPattern, TargetFile},
    yaml::Edited,
};

/// The names of a kustomization, in the order in which they are looked for.
pub const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// What has to be read before a target can be rendered. Paths count from the repository root.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Reading {
    /// This file; it may be missing.
    File(String),
    /// The first of these names that the folder has.
    FirstOf {
        /// The folder; `.` is the root.
        folder: String,
        /// The names.
        names: &'static [&'static str],
    },
    /// Every file whose path matches the pattern.
    Matching(PathPattern),
}

/// A file as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetText {
    /// The path from the repository root.
    pub path: String,
    /// Its text; `None` when there is no such file yet.
    pub text: Option<String>,
}

/// What is written for one application.
#[derive(Debug, Clone, Copy)]
pub struct FileWrites<'a> {
    /// The values of the images that change.
    pub changed: &'a [Entry],
    /// The values of all images whose version is settled, which an override file lists.
    pub all: &'a [Entry],
    /// What the Application's source says of configured images that `all` leaves out, for a list that is new in an override
    /// file.
    pub repeated: &'a [Entry],
}

/// A file with its new text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewText {
    /// The path from the repository root.
    pub path: String,
    /// The whole new text.
    pub text: String,
}

/// A target that cannot be rendered.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum FileError {
    /// An override file.
    #[error("{path}: {error}")]
    Override {
        /// The file.
        path: String,
        /// Why.
        error: argocd_source::RenderError,
    },
    /// A values file.
    #[error("{path}: {error}")]
    HelmValues {
        /// The file.
        path: String,
        /// Why.
        error: HelmValuesError,
    },
    /// A kustomization.
    #[error("{path}: {error}")]
    Kustomization {
        /// The file.
        path: String,
        /// Why.
        error: KustomizationError,
    },
    /// Plain manifests.
    #[error(transparent)]
    Manifests(#[from] ManifestsError),
    /// There is no kustomization in the folder.
    #[error("{folder}: there is no kustomization.yaml, kustomization.yml or Kustomization in this folder")]
    NoKustomization {
        /// The folder.
        folder: String,
    },
    /// The caller read something else than was asked for.
    #[error("{0}: the file was not read")]
    NotRead(String),
}

/// What has to be read for `target`.
pub fn reading(target: &TargetFile) -> Reading {
    match target {
        TargetFile::Override(path) | TargetFile::HelmValues(path) => Reading::File(path.clone()),
        TargetFile::Kustomization(folder) => Reading::FirstOf {
            folder: folder.clone(),
            names: &KUSTOMIZATIONS,
        },
        TargetFile::Manifests(pattern) => Reading::Matching(pattern.clone()),
    }
}

/// The files that change when `writes` are put into `target`, which reads as `files`; none when they say so already.
pub fn render(target: &TargetFile, files: &[TargetText], writes: FileWrites<'_>) -> Result<Vec<NewText>, FileError> {
    let one = || {
        files
            .first()
            .ok_or_else(|| FileError::NotRead(target.path().to_owned()))
    };
    let (path, edited) = match target {
        TargetFile::Override(path) => {
            let edited = overrides::render(one()?.text.as_deref(), writes.all, writes.repeated);
            let path = path.clone();
            match edited {
                Ok(edited) => (path, edited),
                Err(error) => return Err(FileError::Override { path, error }),
            }
        }
        TargetFile::HelmValues(path) => {
            let edited = helm_values::render(one()?.text.as_deref(), &ValueWrite::from_entries(writes.changed));
            let path = path.clone();
            match edited {
                Ok(edited) => (path, edited),
                Err(error) => return Err(FileError::HelmValues { path, error }),
            }
        }
        TargetFile::Kustomization(folder) => {
            let missing = || FileError::NoKustomization { folder: folder.clone() };
            let file = files.first().ok_or_else(missing)?;
            let text = file.text.as_deref().ok_or_else(missing)?;
            let path = file.path.clone();
            match kustomization::render(text, &ImageOverride::from_entries(writes.changed)) {
                Ok(edited) => (path, edited),
                Err(error) => return Err(FileError::Kustomization { path, error }),
            }
        }
        TargetFile::Manifests(pattern) => return Ok(manifests::render(pattern, files, writes.changed)?),
    };
    Ok(match edited {
        Edited::Unchanged => Vec::new(),
        Edited::New(text) => vec![NewText { path, text }],
    })
}
