//! Replacements of byte ranges, applied at once.

use std::ops::Range;

use super::EditError;

/// Replacements on one text. Those of empty ranges at one place keep the order in which they were added.
#[derive(Debug, Default)]
pub(super) struct Splices(Vec<(Range<usize>, String)>);

impl Splices {
    pub(super) fn replace(&mut self, range: Range<usize>, text: impl Into<String>) {
        self.0.push((range, text.into()));
    }

    pub(super) fn insert(&mut self, at: usize, text: impl Into<String>) {
        self.replace(at..at, text);
    }

    pub(super) fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    pub(super) fn delete(&mut self, range: Range<usize>) {
        if !range.is_empty() {
            self.replace(range, "");
        }
    }

    /// How many replacements there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// How many replacements lie in `range`, and how many bytes longer they make it.
    pub(super) fn within(&self, range: &Range<usize>) -> (usize, isize) {
        let inside = self.0.iter();
        let inside = inside.filter(|(replaced, _)| range.start <= replaced.start && replaced.end <= range.end);
        inside.fold((0, 0), |(count, growth), (replaced, new)| {
            (
                count + 1,
                growth + new.len().cast_signed() - replaced.len().cast_signed(),
            )
        })
    }

    /// The part `window` of `text` with all replacements done. They must lie in it and not overlap.
    pub(super) fn apply(mut self, text: &str, window: Range<usize>) -> Result<String, EditError> {
        // Stable, so insertions at one place stay in order, and go before what is replaced from there on.
        self.0.sort_by_key(|(range, _)| (range.start, range.end));
        let mut out = String::with_capacity(window.len() + 256);
        let mut done = window.start;
        for (range, new) in self.0 {
            if range.start < done || range.end > window.end {
                return Err(EditError::Collision);
            }
            out.push_str(text.get(done..range.start).ok_or(EditError::Collision)?);
            out.push_str(&new);
            done = range.end;
        }
        out.push_str(text.get(done..window.end).ok_or(EditError::Collision)?);
        Ok(out)
    }
}
