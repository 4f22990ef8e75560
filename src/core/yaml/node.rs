//! What a parsed text consists of: nodes that know their bytes.

use std::{borrow::Cow, collections::HashMap, ops::Range};

/// One value of a document, with the bytes that it stands in.
#[derive(Debug, Clone)]
pub struct Node<'t> {
    pub(super) kind: Kind<'t>,
    /// Tag and anchor. Few nodes have any, and there are very many nodes.
    pub(super) properties: Option<Box<Properties<'t>>>,
    /// Where the value may begin: just after the colon, the dash, the bracket or the document marker.
    pub(super) from: usize,
    /// The first byte of the content: the opening quote, bracket, `|`, first key or first dash.
    pub(super) start: usize,
    /// One past the last byte of the content, without line break or comment.
    pub(super) end: usize,
    /// The line of `start`, counted from 1.
    pub(super) line: usize,
}

/// What can stand before a value.
#[derive(Debug, Clone, Default)]
pub(super) struct Properties<'t> {
    /// The resolved tag and where it is written.
    pub(super) tag: Option<(String, Range<usize>)>,
    pub(super) anchor: Option<Anchor<'t>>,
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
        let Some(properties) = &self.properties else {
            return self.from;
        };
        let tag = properties.tag.as_ref().map_or(0, |(_, span)| span.end);
        let anchor = properties.anchor.as_ref().map_or(0, |anchor| anchor.span.end);
        self.from.max(tag).max(anchor)
    }

    /// The first byte of the node, tag and anchor included.
    pub(super) fn outer_start(&self) -> usize {
        let Some(properties) = &self.properties else {
            return self.start;
        };
        let tag = properties.tag.as_ref().map_or(self.start, |(_, span)| span.start);
        let anchor = properties
            .anchor
            .as_ref()
            .map_or(self.start, |anchor| anchor.span.start);
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
        let (tag, _) = self.properties.as_ref()?.tag.as_ref()?;
        Some(tag)
    }

    pub(super) fn anchor(&self) -> Option<&Anchor<'t>> {
        self.properties.as_ref()?.anchor.as_ref()
    }

    /// Every node with an anchor in and below this one, by the number of its anchor. Numbers are never used twice.
    pub(super) fn anchors(&self) -> HashMap<usize, &Node<'t>> {
        let mut anchors = HashMap::new();
        self.collect_anchors(&mut anchors);
        anchors
    }

    fn collect_anchors<'n>(&'n self, anchors: &mut HashMap<usize, &'n Node<'t>>) {
        if let Some(anchor) = self.anchor() {
            anchors.insert(anchor.id, self);
        }
        match &self.kind {
            Kind::Scalar { .. } | Kind::Alias { .. } => {}
            Kind::List { items, .. } => items.iter().for_each(|item| item.node.collect_anchors(anchors)),
            Kind::Map { entries, .. } => {
                for entry in entries {
                    entry.key.collect_anchors(anchors);
                    entry.value.collect_anchors(anchors);
                }
            }
        }
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
