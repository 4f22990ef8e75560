//! The `images` of a kustomization file: only `newTag`, `digest` and `newName` of the images concerned change.
//!
//! Pure. A tag replaces the digest and a digest the tag, because Kustomize takes the digest of the two; everything else
//! in an entry (its quotes, comments, `tagSuffix`, the name it is renamed to) is the user's. Which file of a folder is the
//! kustomization is asked elsewhere; the edit itself is made by [`crate::core::yaml`].

mod image_override;

use serde_json::{Map, Value, json};

use crate::core::{
    foreign::ForeignText,
    yaml::{self, Change, EditError, Edited, Look, Node, Op, ParseError, Path, Shape, Stream},
};

pub use image_override::ImageOverride;

const IMAGES: &str = "images";
const NAME: &str = "name";
const NEW_NAME: &str = "newName";
const NEW_TAG: &str = "newTag";
const DIGEST: &str = "digest";

/// A kustomization that was not edited.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum KustomizationError {
    /// The file could not be edited.
    #[error("the kustomization: {0}")]
    Edit(#[from] EditError),
    /// Kustomize reads one document from the file.
    #[error("the kustomization holds {count} documents; it must be exactly one")]
    NotOneDocument {
        /// How many there are; empty ones do not count.
        count: usize,
    },
    /// The document is a list or a text.
    #[error("the kustomization is no map of keys")]
    NotAMap,
    /// `images` is there, and something else.
    #[error("line {line}: images is no list; write it as entries of the form `- name: ...`")]
    ImagesNotAList {
        /// The line, counted from 1.
        line: usize,
    },
    /// An entry of `images` that Kustomize cannot read either.
    #[error("line {line}: images[{index}] has no keys; write it as `- name: ...`")]
    EntryNotAMap {
        /// The entry, counted from 0.
        index: usize,
        /// The line, counted from 1.
        line: usize,
    },
    /// An override is no image reference.
    #[error("the image {text:?} that should be written: {reason}")]
    Image {
        /// The text.
        text: ForeignText,
        /// Why.
        reason: String,
    },
}

impl From<ParseError> for KustomizationError {
    fn from(error: ParseError) -> Self {
        Self::Edit(error.into())
    }
}

/// Writes `images` into the kustomization `existing`.
///
/// An image changes every entry of its `name`. Where there is none and the image is not renamed, the entries that rename
/// another image to it change; where there are none either, an entry is added. An image without tag and digest changes
/// nothing, and without any image to write the file is not looked at.
pub fn render(existing: &str, images: &[ImageOverride]) -> Result<Edited, KustomizationError> {
    let images = last_of_each_name(images);
    if images.is_empty() {
        return Ok(Edited::Unchanged);
    }
    let stream = Stream::parse(existing)?;
    let index = only_document(&stream)?;
    let document = stream
        .documents()
        .get(index)
        .ok_or(KustomizationError::NotOneDocument { count: 0 })?;
    let look = Look::new(document);
    let entries = entries(&look)?;
    let mut changes = Vec::new();
    for image in images {
        let found = places(&entries, image);
        if found.is_empty() {
            changes.push(Change {
                path: Path::root().key(IMAGES),
                op: Op::Append(new_entry(image)),
            });
        }
        for entry in found {
            change_entry(&look, entry, image, &mut changes);
        }
    }
    Ok(yaml::edit_stream(&stream, index, &changes)?)
}

/// The images of the kustomization `existing` that have a name, as an Application holds them: `[name=]reference`.
pub fn images(existing: &str) -> Result<Vec<String>, KustomizationError> {
    let stream = Stream::parse(existing)?;
    let index = only_document(&stream)?;
    let Some(document) = stream.documents().get(index) else {
        return Ok(Vec::new());
    };
    let look = Look::new(document);
    let image = |entry: &Entry<'_, '_>| {
        let mut image = match (entry.name?, entry.new_name) {
            (name, Some(new_name)) => format!("{name}={new_name}"),
            (name, None) => name.to_owned(),
        };
        for (sign, key) in [(':', NEW_TAG), ('@', DIGEST)] {
            if let Some(value) = text(&look, entry.node, key).filter(|value| !value.is_empty()) {
                image.push(sign);
                image.push_str(value);
            }
        }
        Some(image)
    };
    Ok(entries(&look)?.iter().filter_map(image).collect())
}

/// What is written for each image, in the order of the images; of two for one name the last counts.
fn last_of_each_name(images: &[ImageOverride]) -> Vec<&ImageOverride> {
    let mut kept: Vec<&ImageOverride> = Vec::with_capacity(images.len());
    for image in images.iter().filter(|image| image.has_version()) {
        match kept.iter_mut().find(|other| other.left() == image.left()) {
            Some(place) => *place = image,
            None => kept.push(image),
        }
    }
    kept
}

/// The index of the one document that is not empty.
fn only_document(stream: &Stream<'_>) -> Result<usize, KustomizationError> {
    let shape = |document| {
        let look = Look::new(document);
        look.shape(look.root())
    };
    let filled: Vec<_> = stream
        .documents()
        .iter()
        .map(shape)
        .enumerate()
        .filter(|(_, shape)| *shape != Shape::Null)
        .collect();
    match filled.as_slice() {
        [(index, Shape::Map)] => Ok(*index),
        [_] => Err(KustomizationError::NotAMap),
        other => Err(KustomizationError::NotOneDocument { count: other.len() }),
    }
}

/// An entry of the list, as far as it is known for which image it is.
struct Entry<'d, 't> {
    index: usize,
    node: &'d Node<'t>,
    name: Option<&'d str>,
    new_name: Option<&'d str>,
}

fn entries<'d, 't>(look: &Look<'d, 't>) -> Result<Vec<Entry<'d, 't>>, KustomizationError> {
    let Some(list) = look.entry(look.root(), IMAGES) else {
        return Ok(Vec::new());
    };
    let len = match look.shape(list) {
        Shape::Null => 0,
        Shape::List(len) => len,
        Shape::Map | Shape::Scalar(_) => return Err(KustomizationError::ImagesNotAList { line: list.line() }),
    };
    let mut entries = Vec::with_capacity(len);
    for index in 0..len {
        let Some(node) = look.item(list, index) else { continue };
        if look.shape(node) != Shape::Map {
            return Err(KustomizationError::EntryNotAMap {
                index,
                line: node.line(),
            });
        }
        entries.push(Entry {
            index,
            node,
            name: text(look, node, NAME),
            new_name: text(look, node, NEW_NAME),
        });
    }
    Ok(entries)
}

/// The text that counts for `key` of a map, also when a merge key brings it.
fn text<'d>(look: &Look<'d, '_>, node: &'d Node<'_>, key: &str) -> Option<&'d str> {
    let value = look.entry(node, key).or_else(|| look.merged(node, key))?;
    match look.shape(value) {
        Shape::Scalar(text) => Some(text),
        _ => None,
    }
}

/// The entries that an image changes.
fn places<'e, 'd, 't>(entries: &'e [Entry<'d, 't>], image: &ImageOverride) -> Vec<&'e Entry<'d, 't>> {
    let named: Vec<_> = entries
        .iter()
        .filter(|entry| entry.name.is_some_and(|name| image.is_for(name)))
        .collect();
    if !named.is_empty() || image.name.is_some() {
        return named;
    }
    // The user renames another image to this one; a second entry under the new name would never be looked at.
    entries
        .iter()
        .filter(|entry| entry.new_name.is_some_and(|name| image.is_for(name)))
        .collect()
}

fn new_entry(image: &ImageOverride) -> Value {
    let mut entry = Map::new();
    entry.insert(NAME.to_owned(), json!(image.left()));
    if let Some(name) = image.new_name() {
        entry.insert(NEW_NAME.to_owned(), json!(name));
    }
    for (key, value) in [(NEW_TAG, image.tag()), (DIGEST, image.digest())] {
        if !value.is_empty() {
            entry.insert(key.to_owned(), json!(value));
        }
    }
    Value::Object(entry)
}

fn change_entry(look: &Look<'_, '_>, entry: &Entry<'_, '_>, image: &ImageOverride, changes: &mut Vec<Change>) {
    let path = Path::root().key(IMAGES).index(entry.index);
    let set = |key: &str, value: &str| Change {
        path: path.clone().key(key),
        op: Op::Set(json!(value)),
    };
    if let Some(name) = image.new_name()
        && entry.new_name != Some(name.as_str())
    {
        changes.push(set(NEW_NAME, &name));
    }
    for (key, value) in [(NEW_TAG, image.tag()), (DIGEST, image.digest())] {
        if !value.is_empty() {
            changes.push(set(key, value));
        } else if look.entry(entry.node, key).is_some() || look.merged(entry.node, key).is_some() {
            // A merge key cannot be taken out here; the editor says so.
            changes.push(Change {
                path: path.clone().key(key),
                op: Op::Remove,
            });
        }
    }
}

#[cfg(test)]
mod tests;
