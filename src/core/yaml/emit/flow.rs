//! Lists and maps in brackets.

use std::ops::Range;

use super::{
    super::{
        EditError,
        node::Node,
        plan::PlannedItem,
        render,
        style::Style,
        text::{byte, column, first_on_line, line_end, skip_trivia},
    },
    Emitter, Place, unsupported,
};

/// An entry of the new collection.
#[derive(Debug)]
pub(super) enum Piece {
    Kept(usize),
    New(String),
}

impl Emitter<'_> {
    pub(super) fn flow_list(
        &mut self,
        node: &Node<'_>,
        spots: &[Range<usize>],
        planned: &[PlannedItem<'_, '_>],
        style: Style,
    ) -> Result<(), EditError> {
        let mut pieces = Vec::with_capacity(planned.len());
        let mut order = Vec::with_capacity(planned.len());
        for item in planned {
            pieces.push(match item {
                PlannedItem::Kept { index, .. } => {
                    order.push(*index);
                    Piece::Kept(*index)
                }
                PlannedItem::New(value) => Piece::New(render::inline(value, true, style)),
            });
        }
        if !order.is_sorted() {
            return self.reorder_flow(node, spots, planned, style);
        }
        for item in planned {
            if let PlannedItem::Kept { plan, .. } = item {
                self.plan(plan, Place::Flow, style)?;
            }
        }
        self.flow_entries(node, spots, &pieces, style)
    }

    /// Entries that come and go; those that are kept (at least one) keep their order.
    pub(super) fn flow_entries(
        &mut self,
        node: &Node<'_>,
        spots: &[Range<usize>],
        pieces: &[Piece],
        style: Style,
    ) -> Result<(), EditError> {
        let kept: Vec<usize> = pieces
            .iter()
            .filter_map(|piece| match piece {
                Piece::Kept(index) => Some(*index),
                Piece::New(_) => None,
            })
            .collect();
        if kept.len() == spots.len() && kept.len() == pieces.len() {
            return Ok(());
        }
        if !matches!(byte(self.text, node.start), Some(b'{' | b'[')) {
            return Err(unsupported(node, "a `key: value` in a list without braces"));
        }
        let (Some(first), Some(last), Some(last_kept)) = (spots.first(), spots.last(), kept.last()) else {
            return Ok(());
        };
        let separator = self.separator_of(first.start, style);
        let mut before = None;
        for piece in pieces {
            match (piece, before.and_then(|index: usize| spots.get(index))) {
                (Piece::Kept(index), _) => before = Some(*index),
                (Piece::New(new), None) => self.splices.insert(first.start, format!("{new}{separator}")),
                (Piece::New(new), Some(spot)) if spot.end == last.end => self.append_flow(spot.end, new, &separator),
                (Piece::New(new), Some(spot)) => self.splices.insert(spot.end, format!("{separator}{new}")),
            }
        }
        for (index, pair) in spots.windows(2).enumerate().take(*last_kept) {
            if let ([this, next], false) = (pair, kept.binary_search(&index).is_ok()) {
                self.splices.delete(this.start..next.start);
            }
        }
        if let Some(spot) = spots.get(*last_kept) {
            self.splices.delete(spot.end..last.end);
        }
        Ok(())
    }

    /// Adds an entry behind the last one, which may have a comma and a comment behind it.
    fn append_flow(&mut self, end: usize, new: &str, separator: &str) {
        let next = skip_trivia(self.text, end);
        let comma = byte(self.text, next) == Some(b',');
        let behind = if comma { next + 1 } else { end };
        let lines = separator.trim_start_matches(',');
        if !separator.contains('\n') {
            let text = if comma {
                format!("{lines}{new}")
            } else {
                format!("{separator}{new}")
            };
            self.splices.insert(behind, text);
            return;
        }
        let line = line_end(self.text, behind);
        let rest = self.text.get(behind..line).unwrap_or_default().trim_start();
        let at = if rest.is_empty() || rest.starts_with('#') {
            line
        } else {
            behind
        };
        if comma {
            self.splices.insert(at, format!("{lines}{new},"));
        } else {
            self.splices.insert(end, ",");
            self.splices.insert(at, format!("{lines}{new}"));
        }
    }

    /// Entries on lines of their own are followed by such.
    fn separator_of(&self, first: usize, style: Style) -> String {
        if first_on_line(self.text, first) {
            format!(",{}{}", style.newline, " ".repeat(column(self.text, first)))
        } else {
            ", ".to_owned()
        }
    }

    fn reorder_flow(
        &mut self,
        node: &Node<'_>,
        spots: &[Range<usize>],
        planned: &[PlannedItem<'_, '_>],
        style: Style,
    ) -> Result<(), EditError> {
        let (Some(first), Some(last)) = (spots.first(), spots.last()) else {
            return Ok(());
        };
        let commented = spots.windows(2).any(|pair| match pair {
            [this, next] => self
                .text
                .get(this.end..next.start)
                .is_none_or(|between| between.contains('#')),
            _ => false,
        });
        if commented {
            return Err(unsupported(node, "the order of a list in brackets with comments"));
        }
        let mut parts = Vec::with_capacity(planned.len());
        for item in planned {
            parts.push(match item {
                PlannedItem::New(value) => render::inline(value, true, style),
                PlannedItem::Kept { index, plan } => {
                    let window = spots.get(*index).cloned().ok_or(EditError::Collision)?;
                    self.part(plan, Place::Flow, window, style)?
                }
            });
        }
        self.splices.replace(
            first.start..last.end,
            parts.join(&self.separator_of(first.start, style)),
        );
        Ok(())
    }
}
