//! From text to nodes with byte positions.

use super::{builder::Builder, node::Node};
use crate::core::foreign::ForeignText;

/// The largest text that is read, in bytes.
pub const MAX_TEXT: usize = 16 << 20;

/// The deepest nesting of lists and maps that is read.
pub const MAX_DEPTH: usize = 100;

/// A text that is no YAML, or more than is read.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("line {line}: {reason}")]
pub struct ParseError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub reason: ForeignText,
}

/// All documents of a text.
#[derive(Debug)]
pub struct Stream<'t> {
    pub(super) text: &'t str,
    pub(super) documents: Vec<Document<'t>>,
}

/// One document of a text.
#[derive(Debug)]
pub struct Document<'t> {
    pub(super) root: Node<'t>,
    /// Whether a `...` line ends it.
    pub(super) closed: bool,
}

impl<'t> Stream<'t> {
    /// Reads `text`. A text of nothing but comments has no document.
    pub fn parse(text: &'t str) -> Result<Self, ParseError> {
        if text.len() > MAX_TEXT {
            return Err(ParseError::at(
                1,
                &format!("{} bytes are more than the {MAX_TEXT} that are read", text.len()),
            ));
        }
        Builder::new(text).stream()
    }

    /// The documents, in order.
    pub fn documents(&self) -> &[Document<'t>] {
        &self.documents
    }
}

impl<'t> Document<'t> {
    /// The value of the document.
    pub fn root(&self) -> &Node<'t> {
        &self.root
    }
}

impl ParseError {
    pub(super) fn at(line: usize, reason: &str) -> Self {
        Self {
            line,
            reason: ForeignText::new(reason),
        }
    }
}
