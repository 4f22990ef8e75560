//! What became of every tag, for `--explain`.

use super::{Ink, Page};
use crate::core::report::plan_view::{TagFate, TagPlan};

/// The widest column for tags; a longer one is cut.
const WIDEST_TAG: usize = 40;

/// One line for each tag.
pub fn lines(page: Page, indent: usize, tags: &[TagPlan]) -> String {
    let width = tags.iter().map(|tag| tag.tag.chars().count()).max().unwrap_or(0);
    let width = if page.width.is_some() {
        width.min(WIDEST_TAG)
    } else {
        width
    };
    let line = |tag: &TagPlan| {
        let ink = match tag.fate {
            TagFate::Chosen => Ink::Green,
            TagFate::Ranked => Ink::Plain,
            TagFate::NotRead => Ink::Red,
            TagFate::Filtered
            | TagFate::OutOfScope
            | TagFate::Excluded
            | TagFate::TooYoung
            | TagFate::NotVerified
            | TagFate::NotAsked => Ink::Dim,
        };
        page.row(indent, &[(ink, &tag.tag, width)], ink, &tag.message)
    };
    tags.iter().map(line).collect()
}
