//! Edits of YAML text that leave every other byte alone.
//!
//! A text is parsed into nodes that know their bytes; changes become replacements of byte ranges; what changed of the new
//! text, or all of it, is parsed again and compared with what was meant. A difference is an error, and then nothing is
//! returned. Comments, quotes, anchors, blank lines, indentation, line breaks, document markers, other documents and a
//! missing final line break stay.
//!
//! Pure, and bounded in size, depth and alias expansion. It knows nothing of Kubernetes or Helm files: what to change is
//! said by [`super::render`] (files in git) and by the directory mode.
//!
//! Read on: [`Stream`] (text to nodes), `plan` (what is meant), `emit` (plan to replacements), `verify` and `reread`.

mod builder;
mod diff;
mod emit;
mod fresh;
mod look;
mod node;
mod parse;
mod path;
mod plan;
mod render;
mod reread;
mod scalar;
mod splice;
mod style;
mod text;
mod value;
mod verify;
mod walk;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, btree_map::Entry};

use serde_json::Value;

pub use look::{Look, Shape};
pub use node::Node;
pub use parse::{Document, MAX_DEPTH, MAX_TEXT, ParseError, Stream};
pub use path::{Path, Step};
pub use value::ValueError;
pub use walk::{Comment, Walk};

use plan::Plan;

/// A text that was edited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edited {
    /// It says already what was asked for.
    Unchanged,
    /// The whole new text.
    New(String),
}

/// One change of a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// What is changed. Where the path meets an alias, the place that the alias means is changed.
    pub path: Path,
    /// How.
    pub op: Op,
}

/// How a place changes.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// Gives the place this value: a scalar keeps its quotes, a list or map keeps what is equal. Missing keys on the way,
    /// and the key itself, are inserted; list entries are not.
    Set(Value),
    /// Adds an entry at the end of the list. A missing list is made.
    Append(Value),
    /// Adds an entry before the one with this index.
    Insert(usize, Value),
    /// Takes the key or the list entry out, with its lines. Comments above it stay.
    Remove,
    /// Gives the last key of the path another name.
    Rename(String),
    /// Puts the entries of the list in another order; each moves with the comments above it. Holds, for every new place,
    /// the old index.
    Reorder(Vec<usize>),
}

/// Why a text was not edited.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum EditError {
    /// The text is no YAML.
    #[error("not YAML: {0}")]
    Parse(#[from] ParseError),
    /// The document is no data.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// There is no such document.
    #[error("document {index} of {count}")]
    NoSuchDocument {
        /// The index that was asked for, from 0.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// The document does not read as the caller believed.
    #[error("the document is not the one that was read before")]
    Changed,
    /// Nothing is there.
    #[error("{path}: not there")]
    NotFound {
        /// The place.
        path: Path,
    },
    /// A key leads into something that is no map.
    #[error("{path}: leads through something that is no map")]
    NotAMap {
        /// The place.
        path: Path,
    },
    /// An index leads into something that is no list.
    #[error("{path}: leads through something that is no list")]
    NotAList {
        /// The place.
        path: Path,
    },
    /// The list is shorter.
    #[error("{path}: there is no entry {index} among {len}")]
    IndexOutOfRange {
        /// The place.
        path: Path,
        /// The index that was asked for, from 0.
        index: usize,
        /// How many there are.
        len: usize,
    },
    /// The place comes from a merge key (`<<`); changing it would change other places too.
    #[error("{path}: comes from a merge key (<<); write it out in the file first")]
    Merged {
        /// The place.
        path: Path,
    },
    /// The order names an entry twice or not at all.
    #[error("{path}: not an order of the list's entries")]
    BadOrder {
        /// The place.
        path: Path,
    },
    /// The text is written in a way that is not edited.
    #[error("line {line}: {what} cannot be edited; change it by hand once")]
    Unsupported {
        /// The line, counted from 1.
        line: usize,
        /// What stands there.
        what: &'static str,
    },
    /// Two changes touch the same bytes.
    #[error("the changes touch each other; make them one at a time")]
    Collision,
    /// The new text would not say what was meant.
    #[error("the edited text would not say what was meant, so nothing is changed")]
    NotAsMeant,
}

/// Applies `changes`, one after the other, to the document with this index (from 0).
///
/// A text without any document (empty, or only comments) counts as one whose only document is null.
pub fn edit(text: &str, document: usize, changes: &[Change]) -> Result<Edited, EditError> {
    edit_stream(&Stream::parse(text)?, document, changes)
}

/// As [`edit`], of a text that was read already.
pub fn edit_stream(stream: &Stream<'_>, document: usize, changes: &[Change]) -> Result<Edited, EditError> {
    let nothing = nothing(stream.text);
    let root = root(stream, document, &nothing)?;
    let mut plan = Plan::Keep(root);
    for change in changes {
        plan.apply(root, change)?;
    }
    finish(stream, &[Planned { document, root, plan }])
}

/// As [`edit_stream`], of several documents at once; each change comes with the index of its document (from 0).
pub fn edit_documents(stream: &Stream<'_>, changes: &[(usize, Change)]) -> Result<Edited, EditError> {
    let nothing = nothing(stream.text);
    let mut planned: BTreeMap<usize, Planned<'_, '_>> = BTreeMap::new();
    for (document, change) in changes {
        let document = *document;
        let planned = match planned.entry(document) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let root = root(stream, document, &nothing)?;
                let plan = Plan::Keep(root);
                entry.insert(Planned { document, root, plan })
            }
        };
        planned.plan.apply(planned.root, change)?;
    }
    let planned: Vec<_> = planned.into_values().collect();
    finish(stream, &planned)
}

/// What becomes of one document. Several are in the order of their documents.
struct Planned<'d, 't> {
    document: usize,
    root: &'d Node<'t>,
    plan: Plan<'d, 't>,
}

/// Turns the difference between `before` and `after` into changes of the document with this index (from 0), which must
/// read as `before`. The new document reads as `after`; aliases are written out where their value changes.
pub fn apply_value(text: &str, document: usize, before: &Value, after: &Value) -> Result<Edited, EditError> {
    let stream = Stream::parse(text)?;
    let nothing = nothing(text);
    let root = root(&stream, document, &nothing)?;
    let mut reader = value::Reader::new(root);
    if reader.read(root)? != *before {
        return Err(EditError::Changed);
    }
    let plan = diff::reconcile(root, after, &mut reader)?;
    let edited = finish(&stream, &[Planned { document, root, plan }])?;
    let Edited::New(new) = &edited else {
        return if before == after {
            Ok(edited)
        } else {
            Err(EditError::NotAsMeant)
        };
    };
    let again = Stream::parse(new)?;
    let reads = again.documents.get(document).ok_or(EditError::NotAsMeant)?.to_value()?;
    if reads == *after {
        Ok(edited)
    } else {
        Err(EditError::NotAsMeant)
    }
}

/// Writes a value as a new file: indentation of two blanks, dashes not indented.
pub fn write(value: &Value) -> String {
    let style = style::Style {
        newline: "\n",
        step: 2,
        dash: 0,
        json: false,
    };
    format!("{}\n", render::block(value, 0, style))
}

/// The document that a text without documents stands for.
fn nothing(text: &str) -> Node<'static> {
    let kind = node::Kind::Scalar {
        value: "".into(),
        style: node::ScalarStyle::Plain,
    };
    let end = text.len();
    Node {
        kind,
        properties: None,
        from: end,
        start: end,
        end,
        line: 1,
    }
}

fn root<'d, 't: 'd>(stream: &'d Stream<'t>, document: usize, nothing: &'d Node<'t>) -> Result<&'d Node<'t>, EditError> {
    match stream.documents.get(document) {
        Some(document) => Ok(&document.root),
        None if document == 0 => Ok(nothing),
        None => Err(EditError::NoSuchDocument {
            index: document,
            count: stream.documents.len(),
        }),
    }
}

fn finish(stream: &Stream<'_>, planned: &[Planned<'_, '_>]) -> Result<Edited, EditError> {
    let mut splices = splice::Splices::default();
    let mut parts = None;
    for Planned { document, root, plan } in planned {
        let edits = emit::emit(stream, *document, root, plan)?;
        // What can be read again in parts is one document; of several the whole text is.
        parts = match planned {
            [_] => reread::Parts::of(stream, *document, plan, &edits),
            _ => None,
        };
        splices.extend(edits);
    }
    let new = splices.apply(stream.text, 0..stream.text.len())?;
    if new == stream.text {
        return Ok(Edited::Unchanged);
    }
    if parts.is_some_and(|parts| parts.are_as_meant(&new)) {
        debug_assert!(
            is_meant(stream, planned, &new),
            "a part that is as meant belongs to a text that is"
        );
        return Ok(Edited::New(new));
    }
    if is_meant(stream, planned, &new) {
        Ok(Edited::New(new))
    } else {
        Err(EditError::NotAsMeant)
    }
}

/// Whether the whole text `new` says what was meant.
fn is_meant(stream: &Stream<'_>, planned: &[Planned<'_, '_>], new: &str) -> bool {
    let Ok(again) = Stream::parse(new) else { return false };
    let as_many = again.documents.len() == stream.documents.len().max(1);
    let is_planned = |index: usize| planned.binary_search_by_key(&index, |planned| planned.document).is_ok();
    let others_are_same = again
        .documents
        .iter()
        .zip(&stream.documents)
        .enumerate()
        .all(|(index, (new, old))| is_planned(index) || verify::same(&old.root, &new.root));
    let meant = planned.iter().all(|Planned { document, plan, .. }| {
        let new = again.documents.get(*document);
        new.is_some_and(|new| verify::is_meant(plan, &new.root))
    });
    as_many && others_are_same && meant
}
