//! Images in plain manifests: `image:` fields, and scalars that a setter comment marks.
//!
//! Pure.

use super::file::{NewText, TargetText};
use crate::core::plan::Entry;

/// Manifests that were not edited.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum ManifestsError {
    /// The pattern names no file.
    #[error("{pattern}: no file matches")]
    NoFile {
        /// The pattern.
        pattern: String,
    },
}

/// Whether the file at `path` is one that `pattern` names.
pub fn matches(pattern: &str, path: &str) -> bool {
    pattern == path
}

/// Whether a file below `folder` may be one that `pattern` names.
pub fn may_hold(pattern: &str, folder: &str) -> bool {
    pattern.starts_with(folder)
}

/// The files of `files` that change when `entries` are put into them.
pub fn render(pattern: &str, files: &[TargetText], _entries: &[Entry]) -> Result<Vec<NewText>, ManifestsError> {
    if files.is_empty() {
        return Err(ManifestsError::NoFile {
            pattern: pattern.to_owned(),
        });
    }
    Ok(Vec::new())
}
