//! Images in plain manifests: the `image:` fields of containers, and scalars that a setter comment marks.
//!
//! Pure. A field counts when it stands in an entry of `containers`, `initContainers` or `ephemeralContainers`, anywhere in a
//! Kubernetes object, so that pods, workloads, lists of objects and custom resources with pod templates are all found.
//! Another `image:` may mean anything (what a policy forbids, what a mirror stands for), and is only written when it is
//! marked. A field keeps the spelling of its name and gets the new tag and digest.
//!
//! A setter comment marks the last value of its line, in any YAML: see `marker`. What is marked follows its marker alone.

use serde_json::json;

use super::file::{NewText, TargetText};
use crate::{
    api::argocd::{ManifestPart, ManifestText},
    core::{
        foreign::ForeignText,
        image::ImageRef,
        plan::{Entry, manifests::value_of},
        resolve::PathPattern,
        yaml::{self, Change, EditError, Edited, Op, ParseError},
    },
};

mod marker;
mod scan;

use scan::{File, Hit};

/// Manifests that were not edited.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum ManifestsError {
    /// The pattern names no file.
    #[error(
        "{pattern}: no file matches; a folder is written as folder/*.yaml, or folder/**/*.yaml with those below it"
    )]
    NoFile {
        /// The pattern.
        pattern: PathPattern,
    },
    /// A file that may hold an image of ours cannot be read.
    #[error("{path}: not YAML: {error}; mend it, or leave it out of the pattern")]
    NotYaml {
        /// The file.
        path: ForeignText,
        /// Why.
        error: ParseError,
    },
    /// A file could not be edited.
    #[error("{path}: {error}")]
    Edit {
        /// The file.
        path: ForeignText,
        /// Why.
        error: EditError,
    },
    /// A setter comment that is no JSON.
    #[error("{path}: line {line}: the setter comment cannot be read; write it as # {{\"$imageupdater\": \"alias\"}}")]
    BadMarker {
        /// The file.
        path: ForeignText,
        /// The line, counted from 1.
        line: usize,
    },
    /// A setter comment that asks for a part that images do not have.
    #[error(
        "{path}: line {line}: {part:?} is no part of an image; the setter comment may end in :tag, :name or :digest, or in \
         the alias {alias:?} for the whole reference"
    )]
    UnknownPart {
        /// The file.
        path: ForeignText,
        /// The line, counted from 1.
        line: usize,
        /// The alias.
        alias: ForeignText,
        /// What follows it.
        part: ForeignText,
    },
    /// A setter comment behind nothing, or behind a list or map.
    #[error("{path}: line {line}: the setter comment must stand at the end of a line with a single value")]
    NothingMarked {
        /// The file.
        path: ForeignText,
        /// The line, counted from 1.
        line: usize,
    },
    /// A place for a digest, and there is none.
    #[error(
        "{path}: line {line}: the setter comment asks for a digest, and for {alias:?} only a tag is known; set pinDigest: \
         true, or take the comment out"
    )]
    NoDigest {
        /// The file.
        path: ForeignText,
        /// The line, counted from 1.
        line: usize,
        /// The alias.
        alias: ForeignText,
    },
    /// A value in a place that no path leads to.
    #[error(
        "{path}: line {line}: the value cannot be edited where it stands (equal keys, or a merge key); write it out once"
    )]
    NotEditable {
        /// The file.
        path: ForeignText,
        /// The line, counted from 1.
        line: usize,
    },
    /// Two places that shall differ are one, because of an alias of YAML.
    #[error("{path}: line {line}: the value is shared by places that get different values; write it out once for each")]
    SharedPlace {
        /// The file.
        path: ForeignText,
        /// The line, counted from 1.
        line: usize,
    },
    /// An image stands nowhere.
    #[error(
        "{pattern}: no container has the image {image}, and no setter comment names {alias:?}; write the image into an \
         image: field, or put # {{\"$imageupdater\": \"{alias}\"}} at the end of the line that holds it"
    )]
    NotFound {
        /// The files.
        pattern: PathPattern,
        /// The alias.
        alias: ForeignText,
        /// The image.
        image: ForeignText,
    },
    /// An image that shares its name with another of the list is marked nowhere.
    #[error(
        "{pattern}: several images of the list are {image}, so that image: fields do not tell them apart, and no setter \
         comment names {alias:?}; put # {{\"$imageupdater\": \"{alias}\"}} at the end of the line that holds it"
    )]
    NotMarked {
        /// The files.
        pattern: PathPattern,
        /// The alias.
        alias: ForeignText,
        /// The image.
        image: ForeignText,
    },
}

/// An image that is looked for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The alias that setter comments name.
    pub alias: &'a str,
    /// The image.
    pub image: &'a ImageRef,
    /// Whether the `image:` fields of its name are its own.
    pub fields: bool,
}

/// The files of `files` that change when `entries` are put into them.
///
/// A file without the name of an image that changes and without its alias in a setter comment is not looked at, so that
/// templates and other files that are no YAML may lie beside. With one place that cannot be written nothing is.
pub fn render(pattern: &PathPattern, files: &[TargetText], entries: &[Entry]) -> Result<Vec<NewText>, ManifestsError> {
    let wanted: Vec<Wanted<'_>> = entries.iter().filter_map(Wanted::of).collect();
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let mut texts = files
        .iter()
        .filter_map(|file| Some((file, file.text.as_deref()?)))
        .peekable();
    if texts.peek().is_none() {
        return Err(ManifestsError::NoFile {
            pattern: pattern.clone(),
        });
    }
    let mut found = vec![false; wanted.len()];
    let mut changed = Vec::new();
    for (file, text) in texts {
        if let Edited::New(text) = edit(&file.path, text, &wanted, &mut found)? {
            let path = file.path.clone();
            changed.push(NewText { path, text });
        }
    }
    match wanted.iter().zip(found).find(|(_, found)| !found) {
        Some((wanted, _)) => Err(wanted.nowhere(pattern)),
        None => Ok(changed),
    }
}

/// What `files` say of the images `wanted`, in the order of the files and of their lines.
pub fn read(files: &[TargetText], wanted: &[Wanted<'_>]) -> Result<Vec<ManifestText>, ManifestsError> {
    let mut texts = Vec::new();
    for (file, text) in files.iter().filter_map(|file| Some((file, file.text.as_deref()?))) {
        File::with(&file.path, text, wanted, |file| {
            let said = file.hits.iter().filter_map(|hit| {
                let wanted = wanted.get(hit.image)?;
                Some(ManifestText {
                    alias: wanted.alias.to_owned(),
                    part: hit.part,
                    text: hit.present.to_owned(),
                })
            });
            texts.extend(said);
            Ok(())
        })?;
    }
    Ok(texts)
}

impl<'a> Wanted<'a> {
    /// The image of an entry; `None` for an entry of another kind, and for one without version.
    fn of(entry: &'a Entry) -> Option<Self> {
        match entry {
            Entry::ManifestImage { alias, image, fields } if !image.tag_with_digest().is_empty() => Some(Self {
                alias,
                image,
                fields: *fields,
            }),
            _ => None,
        }
    }

    fn nowhere(&self, pattern: &PathPattern) -> ManifestsError {
        let (pattern, alias) = (pattern.clone(), ForeignText::new(self.alias));
        let image = ForeignText::new(&self.image.full_name());
        if self.fields {
            ManifestsError::NotFound { pattern, alias, image }
        } else {
            ManifestsError::NotMarked { pattern, alias, image }
        }
    }
}

/// Puts the images into one file, and notes which of them have a place in it.
fn edit(path: &str, text: &str, wanted: &[Wanted<'_>], found: &mut [bool]) -> Result<Edited, ManifestsError> {
    let mut edited = Edited::Unchanged;
    File::with(path, text, wanted, |file| {
        let mut changes = Vec::new();
        for hit in &file.hits {
            if let Some(found) = found.get_mut(hit.image) {
                *found = true;
            }
            if let Some(value) = wrong_value(file, hit, wanted)? {
                let (document, place) = file.place(hit)?;
                let op = Op::Set(json!(value));
                changes.push((document, Change { path: place, op }));
            }
        }
        if !changes.is_empty() {
            let error = |error| ManifestsError::Edit {
                path: ForeignText::new(path),
                error,
            };
            edited = yaml::edit_documents(file.stream, &changes).map_err(error)?;
        }
        Ok(())
    })?;
    if let Edited::New(new) = &edited {
        check(path, new, wanted)?;
    }
    Ok(edited)
}

/// The value that should stand at a place, when it does not.
fn wrong_value(file: &File<'_, '_>, hit: &Hit<'_>, wanted: &[Wanted<'_>]) -> Result<Option<String>, ManifestsError> {
    let Some(wanted) = wanted.get(hit.image) else {
        return Ok(None);
    };
    let value = value_of(hit.part, wanted.image, hit.present);
    if value.is_none() && hit.part == ManifestPart::Digest && !hit.present.is_empty() {
        return Err(ManifestsError::NoDigest {
            path: ForeignText::new(file.path),
            line: hit.line,
            alias: ForeignText::new(wanted.alias),
        });
    }
    Ok(value.filter(|value| !file.says(hit, value)))
}

/// An alias of YAML may lead two images to one place; then the last value would have replaced the others.
fn check(path: &str, text: &str, wanted: &[Wanted<'_>]) -> Result<(), ManifestsError> {
    File::with(path, text, wanted, |file| {
        for hit in &file.hits {
            if wrong_value(file, hit, wanted)?.is_some() {
                return Err(ManifestsError::SharedPlace {
                    path: ForeignText::new(path),
                    line: hit.line,
                });
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests;
