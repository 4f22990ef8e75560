//! What a parsed text consists of: nodes that know their bytes.

use std::{borrow::Cow, ops::Range};

/// One value of a document, with the bytes that it stands in.
#[derive(Debug, Clone)]
pub struct Node<'t> {
    pub(super) kind: Kind<'t>,
    /// The resolved tag and where it is written.
    pub(super) tag: Option<(String, Range<usize>)>,
    pub(super) anchor: Option<Anchor<'t>>,
    /// Where the value may begin: just after the colon, the dash, the bracket or the document marker.
    pub(super) from: usize,
    /// The first byte of the content: the opening quote, bracket, `|`, first key or first dash.
    pub(super) start: usize,
    /// One past the last byte of the content, without line break or comment.
    pub(super) end: usize,
    /// The line of `start`, counted from 1.
    pub(super) line: usize,
}

/// A name that other places of the document refer to.
#[derive(Debug, Clone)]
pub(super) struct Anchor<'t> {
    pub(super) id: usize,
    pub(super) name: Cow<'t, str>,
    pub(super) span: Range<usize>,
}

#[derive(Debug, Clone)]
pub(super) enum Kind<'t> {
    Scalar { value: Cow<'t, str>, style: ScalarStyle },
    Alias { id: usize, name: &'t str },
    List { flow: bool, items: Vec<Item<'t>> },
    Map { flow: bool, entries: Vec<Entry<'t>> },
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScalarStyle {
    Plain,
    Single,
    Double,
    Literal,
    Folded,
}

impl ScalarStyle {
    pub(super) fn is_block(self) -> bool {
        matches!(self, Self::Literal | Self::Folded)
    }
}

/// An entry of a list.
#[derive(Debug, Clone)]
pub(super) struct Item<'t> {
    /// Where its dash stands, or its first byte in a flow list.
    pub(super) start: usize,
    pub(super) node: Node<'t>,
}

/// An entry of a map.
#[derive(Debug, Clone)]
pub(super) struct Entry<'t> {
    /// The first byte of the entry, tag and anchor of the key included.
    pub(super) start: usize,
    pub(super) key: Node<'t>,
    pub(super) value: Node<'t>,
    /// Written as `? key`, or without a colon: what is in it is not edited.
    pub(super) unusual: bool,
}

impl<'t> Node<'t> {
    /// The line on which the value begins, counted from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The text of a scalar, without quotes. `None` for lists, maps and aliases.
    pub fn text(&self) -> Option<&str> {
        self.scalar().map(|(value, _)| value)
    }

    /// Where the content may begin at the earliest: after tag and anchor.
    pub(super) fn content_from(&self) -> usize {
        let tag = self.tag.as_ref().map_or(0, |(_, span)| span.end);
        let anchor = self.anchor.as_ref().map_or(0, |anchor| anchor.span.end);
        self.from.max(tag).max(anchor)
    }

    /// The first byte of the node, tag and anchor included.
    pub(super) fn outer_start(&self) -> usize {
        let tag = self.tag.as_ref().map_or(self.start, |(_, span)| span.start);
        let anchor = self.anchor.as_ref().map_or(self.start, |anchor| anchor.span.start);
        self.start.min(tag).min(anchor)
    }

    /// A list or map in indentation style.
    pub(super) fn is_block_collection(&self) -> bool {
        matches!(
            self.kind,
            Kind::List { flow: false, .. } | Kind::Map { flow: false, .. }
        )
    }

    /// A `|` or `>` scalar.
    pub(super) fn is_block_scalar(&self) -> bool {
        matches!(self.kind, Kind::Scalar { style, .. } if style.is_block())
    }

    /// A scalar of no bytes, which means null.
    pub(super) fn is_nothing(&self) -> bool {
        matches!(
            self.kind,
            Kind::Scalar {
                style: ScalarStyle::Plain,
                ..
            }
        ) && self.start == self.end
    }

    /// The value and style of a scalar.
    pub(super) fn scalar(&self) -> Option<(&str, ScalarStyle)> {
        match &self.kind {
            Kind::Scalar { value, style } => Some((value, *style)),
            _ => None,
        }
    }

    pub(super) fn tag_text(&self) -> Option<&str> {
        self.tag.as_ref().map(|(tag, _)| tag.as_str())
    }

    /// The nodes directly below, in the order of the text; of a map keys and values in turn.
    pub(super) fn children(&self) -> Vec<&Node<'t>> {
        match &self.kind {
            Kind::Scalar { .. } | Kind::Alias { .. } => Vec::new(),
            Kind::List { items, .. } => items.iter().map(|item| &item.node).collect(),
            Kind::Map { entries, .. } => entries.iter().flat_map(|entry| [&entry.key, &entry.value]).collect(),
        }
    }
}
