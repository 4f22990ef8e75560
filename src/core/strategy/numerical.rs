//! `numerical`: the highest number, of any length.

use super::{Ranked, Reading, Scope, SortKey, Strategy};
use crate::core::verdict::Verdict;

/// The highest number: `226` is above `26`. Leading zeros do not count.
#[derive(Debug)]
pub(super) struct Numerical;

impl Strategy for Numerical {
    fn names(&self) -> &'static [&'static str] {
        &["numerical"]
    }

    fn scope(&self, _constraint: &str) -> Result<Scope, Verdict> {
        Ok(Scope::Numbers)
    }

    fn key<'t>(&self, tag: Ranked<'t>) -> Option<SortKey<'t>> {
        match tag.read {
            Reading::Number(digits) => Some(SortKey::Number(digits)),
            Reading::Text(_) | Reading::Version(_) => None,
        }
    }

    fn has_order(&self) -> bool {
        true
    }
}
