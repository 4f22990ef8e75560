//! Lists and maps in indentation style: lines that come, go and change places.

use std::ops::Range;

use super::{
    super::{
        EditError,
        plan::PlannedItem,
        render,
        style::Style,
        text::{column, first_on_line, line_end, line_start, previous_line_end},
    },
    Emitter, Place,
};

/// How the dashes of a list stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dashes {
    pub(super) column: usize,
    /// From the dash to the value.
    pub(super) width: usize,
}

impl Emitter<'_> {
    /// Takes out the lines of every entry whose index is not in `kept`, which ascends and has at least one index.
    pub(super) fn remove_lines(&mut self, spots: &[Range<usize>], kept: &[usize]) -> Result<(), EditError> {
        let mut removed = (0..spots.len())
            .filter(|index| kept.binary_search(index).is_err())
            .peekable();
        let Some(first) = spots.first() else { return Ok(()) };
        let column = column(self.text, first.start);
        if removed.peek() == Some(&0) && !first_on_line(self.text, first.start) {
            // The entries stand behind a dash, so the first one that is kept moves up to it.
            let next = kept.first().copied().unwrap_or(0);
            let (Some(next_spot), Some(last)) = (spots.get(next), next.checked_sub(1).and_then(|n| spots.get(n)))
            else {
                return Err(EditError::Collision);
            };
            let between = self
                .text
                .get(line_end(self.text, last.end)..next_spot.start)
                .unwrap_or_default();
            if between.trim().is_empty() {
                self.splices.delete(first.start..next_spot.start);
            } else {
                self.splices.delete(first.start..line_end(self.text, last.end));
            }
            while removed.next_if(|index| *index < next).is_some() {}
        }
        let mut done = 0;
        for index in removed {
            let Some(spot) = spots.get(index) else { continue };
            let end = line_end(self.text, spot.end);
            let range = match previous_line_end(self.text, line_start(self.text, spot.start)) {
                Some(start) if start >= done => start..end,
                // Nothing is left above it on which its line could end.
                _ => spot.start.saturating_sub(column)..self.next_line(end),
            };
            done = range.end;
            self.splices.delete(range);
        }
        Ok(())
    }

    /// Adds lines below the entry with this index.
    pub(super) fn insert_lines_after(
        &mut self,
        spots: &[Range<usize>],
        index: usize,
        lines: &[String],
        column: usize,
        style: Style,
    ) {
        let Some(spot) = spots.get(index) else { return };
        let at = line_end(self.text, spot.end);
        for line in lines {
            self.splices
                .insert(at, format!("{}{}{line}", style.newline, " ".repeat(column)));
        }
    }

    /// A list whose entries keep their order.
    pub(super) fn block_list(
        &mut self,
        spots: &[Range<usize>],
        planned: &[PlannedItem<'_, '_>],
        dashes: Dashes,
        style: Style,
    ) -> Result<(), EditError> {
        let mut before = None;
        let mut kept = Vec::with_capacity(planned.len());
        for item in planned {
            match item {
                PlannedItem::Kept { index, plan } => {
                    self.plan(plan, Place::Item(dashes.column, dashes.width), style)?;
                    before = Some(*index);
                    kept.push(*index);
                }
                PlannedItem::New(value) => {
                    let line = render::item(value, dashes.column, dashes.width, style);
                    match before {
                        Some(index) => self.insert_lines_after(spots, index, &[line], dashes.column, style),
                        None => self.insert_line_in_front(spots, &line, dashes.column, style),
                    }
                }
            }
        }
        self.remove_lines(spots, &kept)
    }

    fn insert_line_in_front(&mut self, spots: &[Range<usize>], line: &str, column: usize, style: Style) {
        let Some(first) = spots.first() else { return };
        let indent = " ".repeat(column);
        if !first_on_line(self.text, first.start) {
            self.splices
                .insert(first.start, format!("{line}{}{indent}", style.newline));
            return;
        }
        let front = self.comments_above(first.start);
        if let Some(at) = previous_line_end(self.text, front) {
            self.splices.insert(at, format!("{}{indent}{line}", style.newline));
        } else {
            let mark = if self.text.starts_with('\u{feff}') {
                '\u{feff}'.len_utf8()
            } else {
                0
            };
            self.splices.insert(mark, format!("{indent}{line}{}", style.newline));
        }
    }

    /// A list whose entries change places: each takes the comments above it along.
    pub(super) fn reorder_lines(
        &mut self,
        spots: &[Range<usize>],
        planned: &[PlannedItem<'_, '_>],
        dashes: Dashes,
        style: Style,
    ) -> Result<(), EditError> {
        let (Some(first), Some(last)) = (spots.first(), spots.last()) else {
            return Ok(());
        };
        if !first_on_line(self.text, first.start) {
            return Err(EditError::Collision);
        }
        let indent = " ".repeat(dashes.column);
        let front = self.comments_above(first.start);
        let mut chunks = Vec::with_capacity(planned.len());
        for item in planned {
            chunks.push(match item {
                PlannedItem::New(value) => {
                    format!("{indent}{}", render::item(value, dashes.column, dashes.width, style))
                }
                PlannedItem::Kept { index, plan } => {
                    let start = match index.checked_sub(1).and_then(|before| spots.get(before)) {
                        Some(before) => self.next_line(line_end(self.text, before.end)),
                        None => front,
                    };
                    let end = spots.get(*index).map_or(start, |spot| line_end(self.text, spot.end));
                    self.part(plan, Place::Item(dashes.column, dashes.width), start..end, style)?
                }
            });
        }
        self.splices
            .replace(front..line_end(self.text, last.end), chunks.join(style.newline));
        Ok(())
    }

    /// The start of the first line of the comments that stand directly above the line of `at`.
    fn comments_above(&self, at: usize) -> usize {
        let mut start = line_start(self.text, at);
        while let Some(end) = previous_line_end(self.text, start) {
            let above = line_start(self.text, end);
            if !self
                .text
                .get(above..end)
                .unwrap_or_default()
                .trim_start()
                .starts_with('#')
            {
                break;
            }
            start = above;
        }
        start
    }

    fn next_line(&self, end: usize) -> usize {
        let rest = self.text.get(end..).unwrap_or_default();
        end + rest.find('\n').map_or(rest.len(), |at| at + 1)
    }
}
