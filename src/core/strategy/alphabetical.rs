//! `alphabetical`: the last name in byte order.

use super::{Ranked, SortKey, SortPart, Strategy};

/// The last name in byte order.
#[derive(Debug)]
pub(super) struct Alphabetical;

impl Strategy for Alphabetical {
    fn names(&self) -> &'static [&'static str] {
        &["alphabetical", "name"]
    }

    fn key(&self, tag: &Ranked<'_>) -> Option<SortKey> {
        Some(SortKey::Parts(vec![SortPart::Text(tag.key.into())]))
    }

    fn has_order(&self) -> bool {
        true
    }
}
