//! Which files of a repository a target means: one path, a glob, or what Argo CD reads of a folder.
//!
//! In a glob, `*` and `?` stay inside one component and `**` is any number of folders; nothing else is special. Argo CD's
//! own `source.directory.include` and `exclude` have another syntax: see `wild`. Matching takes at most the product of both
//! lengths.

use std::fmt;

use super::repository_path::{self, OutsideRepository};
use crate::{api::argocd::DirectorySource, core::foreign::ForeignText};

mod tokens;
mod wild;

use tokens::{Token, matches, may_begin};
pub use wild::InvalidWild;
use wild::Wild;

/// The endings of the files that Argo CD reads of a folder of plain manifests ("Directory" in its user guide).
const ENDINGS: [&str; 3] = [".yaml", ".yml", ".json"];

/// The files that a target means.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PathPattern {
    /// As messages name it, from the repository root.
    text: String,
    files: Files,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Files {
    /// The path itself.
    One,
    /// Every path that these tokens match.
    Glob(Vec<Token>),
    /// What Argo CD reads of a folder.
    Folder {
        /// The folder with a slash behind it; empty for the root.
        prefix: String,
        recurse: bool,
        include: Option<Wild>,
        exclude: Option<Wild>,
    },
}

impl PathPattern {
    /// The path or glob `text`, relative to `folder`, or from the repository root when it begins with a slash.
    pub fn parse(folder: &str, text: &str) -> Result<Self, OutsideRepository> {
        let path = repository_path::join(folder, text)?;
        // The folder is the Application's own, so a star in it is a star.
        let is_glob = text.contains(['*', '?']);
        let literal = if is_glob && !text.starts_with('/') && !text.split('/').any(|part| part == "..") {
            repository_path::join("", folder)?
        } else {
            String::new()
        };
        let files = if is_glob {
            let literal = match literal.as_str() {
                "." => "",
                literal => literal,
            };
            Files::Glob(tokens::of_glob(&path, literal))
        } else {
            Files::One
        };
        Ok(Self { text: path, files })
    }

    /// What Argo CD reads of `folder`: the files in it, with `recurse` also those of the folders below.
    pub fn of_folder(folder: &str, directory: Option<&DirectorySource>) -> Result<Self, InvalidFolder> {
        let folder = repository_path::join("", folder)?;
        let given = |text: Option<&String>| text.filter(|text| !text.is_empty()).map(|text| Wild::parse(text));
        let recurse = directory.is_some_and(|directory| directory.recurse == Some(true));
        let include = given(directory.and_then(|directory| directory.include.as_ref())).transpose()?;
        let exclude = given(directory.and_then(|directory| directory.exclude.as_ref())).transpose()?;
        let prefix = match folder.as_str() {
            "." => String::new(),
            folder => format!("{folder}/"),
        };
        let below = if recurse { "**/" } else { "" };
        Ok(Self {
            text: format!("{prefix}{below}*.yaml"),
            files: Files::Folder {
                prefix,
                recurse,
                include,
                exclude,
            },
        })
    }

    /// The pattern as messages name it, from the repository root.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it names one path, so that something has to be there.
    pub fn is_one_path(&self) -> bool {
        matches!(self.files, Files::One)
    }

    /// Whether the file at `path`, from the repository root, is meant.
    pub fn matches(&self, path: &str) -> bool {
        match &self.files {
            Files::One => self.text == path,
            Files::Glob(tokens) => matches(tokens, path),
            Files::Folder {
                prefix,
                recurse,
                include,
                exclude,
            } => path.strip_prefix(prefix.as_str()).is_some_and(|name| {
                (*recurse || !name.contains('/'))
                    && ENDINGS.iter().any(|ending| name.ends_with(ending))
                    && !exclude.as_ref().is_some_and(|exclude| exclude.matches(name))
                    && include.as_ref().is_none_or(|include| include.matches(name))
            }),
        }
    }

    /// Whether a file below `folder`, from the repository root and without a slash behind it, can be meant.
    pub fn may_hold(&self, folder: &str) -> bool {
        let leads_to = |path: &str| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
        match &self.files {
            Files::One => leads_to(&self.text),
            Files::Glob(tokens) => may_begin(tokens, folder),
            Files::Folder { prefix, recurse, .. } => {
                leads_to(prefix) || (*recurse && folder.starts_with(prefix.as_str()))
            }
        }
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", ForeignText::new(&self.text))
    }
}

impl fmt::Debug for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PathPattern({:?})", self.text)
    }
}

/// A folder whose files cannot be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFolder {
    /// It is not in the repository.
    #[error(transparent)]
    Outside(#[from] OutsideRepository),
    /// `source.directory` has a pattern that cannot be read.
    #[error(transparent)]
    Wild(#[from] InvalidWild),
}

#[cfg(test)]
mod tests;
