//! `numerical`: the highest number, of any length.

use super::{Ranked, Scope, SortKey, SortPart, Strategy};
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

    fn key(&self, tag: &Ranked<'_>) -> Option<SortKey> {
        let digits = digits(tag.key)?;
        let length = i128::try_from(digits.len()).ok()?;
        Some(SortKey::Parts(vec![
            SortPart::Number(length),
            SortPart::Text(digits.into()),
        ]))
    }

    fn has_order(&self) -> bool {
        true
    }
}

/// The digits of a number without its leading zeros; `None` for anything else.
pub(super) fn digits(text: &str) -> Option<&str> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.trim_start_matches('0'))
}
