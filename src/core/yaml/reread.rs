//! Reading a long text again only where it changed.
//!
//! A parser of YAML goes from the start of a text to its end, and between two entries of the map at the root it knows
//! nothing but the anchors so far: no bracket and no quote is open, the indentation is that of the root. So where only
//! values of such entries were replaced, everything else is read as before, provided that each replaced part
//! - is, from its key up to and with the key of the entry behind it, again exactly one entry and that key, and
//! - has the same anchors in the same order, which the comparison of its nodes tells.
//!
//! Such a part is read by itself, which says the same as reading it in its place: an alias of an anchor elsewhere, or a
//! tag that a directive defines, cannot be read by itself and makes the whole text be read. So does everything else that is
//! not this simple.

use std::ops::Range;

use super::{
    Stream,
    node::{Entry, Kind},
    plan::{KeptEntry, Plan},
    splice::Splices,
    text::column,
    verify,
};

/// The entries of the root map that change, with the bytes that they stand in.
pub(super) struct Parts<'p, 'd, 't> {
    text: &'t str,
    parts: Vec<Part<'p, 'd, 't>>,
}

struct Part<'p, 'd, 't> {
    plan: &'p Plan<'d, 't>,
    entry: &'d Entry<'t>,
    /// The entry behind it; `None` at the end of the text.
    next: Option<&'d Entry<'t>>,
    /// In the new text.
    new: Range<usize>,
}

impl<'p, 'd, 't> Parts<'p, 'd, 't> {
    /// The changed parts of a document; `None` where its changes are not this simple. `splices` are all of the text.
    pub(super) fn of(stream: &Stream<'t>, document: usize, plan: &'p Plan<'d, 't>, splices: &Splices) -> Option<Self> {
        let Plan::Map { node, kept, added } = plan else {
            return None;
        };
        let Kind::Map { flow: false, entries } = &node.kind else {
            return None;
        };
        let first = entries.first()?;
        if !added.is_empty() || kept.len() != entries.len() || column(stream.text, first.start) != 0 {
            return None;
        }
        let is_open = stream.documents.len() == document + 1 && !stream.documents.last()?.closed;
        let mut parts = Vec::new();
        let (mut seen, mut grown) = (0, 0);
        for (place, KeptEntry { index, rename, plan }) in kept.iter().enumerate() {
            if *index != place || rename.is_some() {
                return None;
            }
            if matches!(plan, Plan::Keep(_)) {
                continue;
            }
            let entry = entries.get(place)?;
            let next = entries.get(place + 1);
            if next.map_or(!is_open, |next| next.unusual) || entry.unusual {
                return None;
            }
            let old = entry.start..next.map_or(stream.text.len(), |next| next.start);
            // The line break in front of the next key stays.
            let last = if next.is_some() {
                old.end.checked_sub(1)?
            } else {
                old.end
            };
            let (count, growth) = splices.within(&(entry.value.from..last));
            seen += count;
            let start = old.start.checked_add_signed(grown)?;
            grown += growth;
            let new = start..old.end.checked_add_signed(grown)?;
            parts.push(Part { plan, entry, next, new });
        }
        (seen == splices.len() && !parts.is_empty()).then_some(Self {
            text: stream.text,
            parts,
        })
    }

    /// Whether `new` is certain to say what was meant. `false` says nothing: then the whole text has to be read.
    pub(super) fn are_as_meant(&self, new: &str) -> bool {
        self.parts.iter().all(|part| part.is_as_meant(self.text, new).is_some())
    }
}

impl Part<'_, '_, '_> {
    fn is_as_meant(&self, old: &str, new: &str) -> Option<()> {
        let mut probe = new.get(self.new.clone())?.to_owned();
        if let Some(next) = self.next {
            probe.push_str(old.get(next.start..next.value.from)?);
            probe.push('\n');
        }
        let stream = Stream::parse(&probe).ok()?;
        let [document] = stream.documents.as_slice() else {
            return None;
        };
        let Kind::Map { flow: false, entries } = &document.root.kind else {
            return None;
        };
        let (entry, next) = match (entries.as_slice(), self.next) {
            ([entry], None) if !document.closed => (entry, None),
            ([entry, key], Some(next)) => (entry, Some((key, next))),
            _ => return None,
        };
        let next_is_same = next.is_none_or(|(key, next)| {
            key.start == self.new.len() && key.value.is_nothing() && verify::same(&key.key, &next.key)
        });
        let is_meant = next_is_same
            && entry.start == 0
            && verify::same(&entry.key, &self.entry.key)
            && verify::is_meant(self.plan, &entry.value);
        is_meant.then_some(())
    }
}
