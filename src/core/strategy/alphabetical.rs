//! `alphabetical`: the last name in byte order.

use super::{Ranked, Reading, SortKey, Strategy};

/// The last name in byte order.
#[derive(Debug)]
pub(super) struct Alphabetical;

impl Strategy for Alphabetical {
    fn names(&self) -> &'static [&'static str] {
        &["alphabetical", "name"]
    }

    fn key<'t>(&self, tag: Ranked<'t>) -> Option<SortKey<'t>> {
        match tag.read {
            Reading::Text(text) => Some(SortKey::Text(text)),
            Reading::Version(_) | Reading::Number(_) => None,
        }
    }

    fn has_order(&self) -> bool {
        true
    }
}
