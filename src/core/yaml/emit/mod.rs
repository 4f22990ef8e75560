//! From a plan to replacements of bytes.
//!
//! Everything that is kept gives no replacement at all. What is added takes the habits of its surroundings.

mod block;
mod flow;
mod replace;

use serde_json::{Map, Value};

use super::{
    EditError, Stream,
    node::{Kind, Node, ScalarStyle},
    plan::{KeptEntry, Plan, PlannedItem},
    render, scalar,
    splice::Splices,
    style::Style,
    text::{column, same_line},
};

/// Where a value stands.
#[derive(Debug, Clone, Copy)]
enum Place {
    Root,
    /// Below a key in this column.
    Under(usize),
    /// Behind a dash in this column, so many columns from it.
    Item(usize, usize),
    /// In a flow collection.
    Flow,
}

struct Emitter<'t> {
    text: &'t str,
    splices: Splices,
    /// The document reaches to the end of the text.
    open_ended: bool,
}

/// The replacements that make the document with this index what `plan` says.
pub(super) fn emit(
    stream: &Stream<'_>,
    document: usize,
    root: &Node<'_>,
    plan: &Plan<'_, '_>,
) -> Result<Splices, EditError> {
    let closed = stream.documents.get(document).is_some_and(|document| document.closed);
    let last = document + 1 >= stream.documents.len();
    let mut emitter = Emitter {
        text: stream.text,
        splices: Splices::default(),
        open_ended: last && !closed,
    };
    emitter.plan(plan, Place::Root, Style::of(stream.text, root))?;
    Ok(emitter.splices)
}

impl Emitter<'_> {
    fn plan(&mut self, plan: &Plan<'_, '_>, place: Place, style: Style) -> Result<(), EditError> {
        match plan {
            Plan::Keep(_) => Ok(()),
            Plan::Replace(node, value) => self.replace(node, value, place, style),
            Plan::Map { node, kept, added } => self.map(node, kept, added, place, style),
            Plan::List { node, items } => self.list(node, items, place, style),
        }
    }

    fn map(
        &mut self,
        node: &Node<'_>,
        kept: &[KeptEntry<'_, '_>],
        added: &Map<String, Value>,
        place: Place,
        style: Style,
    ) -> Result<(), EditError> {
        let Kind::Map { flow, entries } = &node.kind else {
            return Ok(());
        };
        let (Some(first), false) = (entries.first(), kept.is_empty()) else {
            if entries.is_empty() && added.is_empty() {
                return Ok(());
            }
            return self.replace(node, &Value::Object(added.clone()), place, style);
        };
        let style = style.below(self.text, node);
        let column = column(self.text, first.start);
        let below = if *flow { Place::Flow } else { Place::Under(column) };
        for kept in kept {
            let Some(entry) = entries.get(kept.index) else { continue };
            let changes = kept.rename.is_some() || !matches!(kept.plan, Plan::Keep(_));
            if changes && entry.unusual {
                return Err(unsupported(&entry.key, "a key written with `?`, or without a colon,"));
            }
            if let Some(name) = &kept.rename {
                let quotes = entry.key.scalar().map_or(ScalarStyle::Plain, |(_, style)| style);
                let name = scalar::write_text(name, quotes, *flow);
                self.splices.replace(entry.key.start..entry.key.end, name);
            }
            self.plan(&kept.plan, below, style)?;
        }
        let spots: Vec<_> = entries.iter().map(|entry| entry.start..entry.value.end).collect();
        let order: Vec<usize> = kept.iter().map(|kept| kept.index).collect();
        if *flow {
            let new = added.iter().map(|(key, value)| {
                let pair = Value::Object(Map::from_iter([(key.clone(), value.clone())]));
                let text = render::inline(&pair, true, style);
                flow::Piece::New(
                    text.strip_prefix('{')
                        .and_then(|t| t.strip_suffix('}'))
                        .unwrap_or(&text)
                        .to_owned(),
                )
            });
            let pieces: Vec<_> = order.iter().map(|index| flow::Piece::Kept(*index)).chain(new).collect();
            return self.flow_entries(node, &spots, &pieces, style);
        }
        self.remove_lines(&spots, &order)?;
        let lines = render::entries(added, column, style);
        if let Some(last) = order.last() {
            self.insert_lines_after(&spots, *last, &lines, column, style);
        }
        Ok(())
    }

    fn list(
        &mut self,
        node: &Node<'_>,
        planned: &[PlannedItem<'_, '_>],
        place: Place,
        style: Style,
    ) -> Result<(), EditError> {
        let Kind::List { flow, items } = &node.kind else {
            return Ok(());
        };
        let order: Vec<usize> = planned
            .iter()
            .filter_map(|item| match item {
                PlannedItem::Kept { index, .. } => Some(*index),
                PlannedItem::New(_) => None,
            })
            .collect();
        let (Some(first), false) = (items.first(), order.is_empty()) else {
            if items.is_empty() && planned.is_empty() {
                return Ok(());
            }
            let new = planned.iter().filter_map(|item| match item {
                PlannedItem::New(value) => Some(value.clone()),
                PlannedItem::Kept { .. } => None,
            });
            return self.replace(node, &Value::Array(new.collect()), place, style);
        };
        let spots: Vec<_> = items.iter().map(|item| item.start..item.node.end).collect();
        if *flow {
            return self.flow_list(node, &spots, planned, style);
        }
        let column = column(self.text, first.start);
        let inner = first.node.outer_start();
        let width = if !first.node.is_nothing() && same_line(self.text, first.start, inner) {
            inner.saturating_sub(first.start).clamp(2, 16)
        } else {
            2
        };
        let dashes = block::Dashes { column, width };
        if order.is_sorted() {
            self.block_list(&spots, planned, dashes, style)
        } else {
            self.reorder_lines(&spots, planned, dashes, style)
        }
    }

    /// The text of one part of the file after the changes of `plan`, which all lie in it.
    fn part(
        &self,
        plan: &Plan<'_, '_>,
        place: Place,
        window: std::ops::Range<usize>,
        style: Style,
    ) -> Result<String, EditError> {
        let mut part = Emitter {
            text: self.text,
            splices: Splices::default(),
            open_ended: false,
        };
        part.plan(plan, place, style)?;
        part.splices.apply(self.text, window)
    }
}

fn unsupported(node: &Node<'_>, what: &'static str) -> EditError {
    EditError::Unsupported {
        line: node.line(),
        what,
    }
}
