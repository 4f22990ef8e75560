//! Where a value stands in a document.

use std::fmt;

use super::{
    node::{Kind, Node},
    parse::Document,
    scalar,
};
use crate::core::foreign::ForeignText;

/// One step down.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Step {
    /// Into the entry of a map.
    Key(String),
    /// Into the entry of a list, counted from 0.
    Index(usize),
}

/// The way from the root of a document to a value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Path(Vec<Step>);

impl Path {
    /// The document itself.
    pub fn root() -> Self {
        Self::default()
    }

    /// One step on, into a map.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.0.push(Step::Key(key.into()));
        self
    }

    /// One step on, into a list.
    #[must_use]
    pub fn index(mut self, index: usize) -> Self {
        self.0.push(Step::Index(index));
        self
    }

    /// The steps.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }
}

impl From<Vec<Step>> for Path {
    fn from(steps: Vec<Step>) -> Self {
        Self(steps)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("the document");
        }
        let mut text = String::new();
        for (n, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if n == 0 => text.push_str(key),
                Step::Key(key) => text.extend([".", key]),
                Step::Index(index) => text.extend(["[", &index.to_string(), "]"]),
            }
        }
        // Keys are somebody's text, and this is read in logs and a status.
        fmt::Display::fmt(&ForeignText::new(&text), f)
    }
}

impl<'t> Document<'t> {
    /// The node at `path`; aliases and merge keys are not followed. Of equal keys the first counts.
    pub fn locate(&self, path: &Path) -> Option<&Node<'t>> {
        let mut node = &self.root;
        for step in path.steps() {
            node = match (&node.kind, step) {
                (Kind::Map { entries, .. }, Step::Key(key)) => {
                    &entries.iter().find(|entry| is_key(&entry.key, key))?.value
                }
                (Kind::List { items, .. }, Step::Index(index)) => &items.get(*index)?.node,
                _ => return None,
            };
        }
        Some(node)
    }

    /// The line of the key at `path` (or of the list entry), counted from 1; that of the nearest parent when there is none.
    pub fn line_of(&self, path: &Path) -> usize {
        let mut node = &self.root;
        let mut line = node.line;
        for step in path.steps() {
            (node, line) = match (&node.kind, step) {
                (Kind::Map { entries, .. }, Step::Key(key)) => {
                    match entries.iter().find(|entry| is_key(&entry.key, key)) {
                        Some(entry) => (&entry.value, entry.key.line),
                        None => return line,
                    }
                }
                (Kind::List { items, .. }, Step::Index(index)) => match items.get(*index) {
                    Some(item) => (&item.node, item.node.line),
                    None => return line,
                },
                _ => return line,
            };
        }
        line
    }
}

/// A key as Kubernetes reads it: numbers and booleans become text. `None` for a list, map or alias.
pub(super) fn key_text(key: &Node<'_>) -> Option<String> {
    let (value, style) = key.scalar()?;
    if scalar::is_text(value, style, key.tag_text()) {
        return Some(value.to_owned());
    }
    Some(match scalar::resolve(value) {
        scalar::Resolved::Null => "null".to_owned(),
        scalar::Resolved::Bool(bool) => bool.to_string(),
        _ => value.to_owned(),
    })
}

/// Whether the key is a merge key, `<<`.
pub(super) fn is_merge(key: &Node<'_>) -> bool {
    matches!(key.scalar(), Some(("<<", super::node::ScalarStyle::Plain))) && key.tag_text().is_none()
}

/// Whether `key` is meant by `name`, as it is written or as it is read (`y` and `true`).
pub(super) fn is_key(key: &Node<'_>, name: &str) -> bool {
    let Some((value, _)) = key.scalar() else { return false };
    if value == name {
        return !is_merge(key);
    }
    // Nothing else is read in another spelling than it is written.
    matches!(name, "null" | "true" | "false") && key_text(key).as_deref() == Some(name)
}
