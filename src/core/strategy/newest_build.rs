//! `newest-build`: the newest creation date, or the newest place in a list that the registry sorts by age.

use super::{Need, Ranked, SortKey, SortPart, Strategy, TagOrder};

/// The newest creation date. An image without a date is the oldest.
#[derive(Debug)]
pub(super) struct NewestBuild;

impl Strategy for NewestBuild {
    fn names(&self) -> &'static [&'static str] {
        &["newest-build", "latest"]
    }

    fn need(&self, order: TagOrder) -> Need {
        match order {
            TagOrder::None => Need::Facts,
            TagOrder::LatestFirst | TagOrder::LatestLast => Need::Name,
        }
    }

    fn key(&self, tag: &Ranked<'_>) -> Option<SortKey> {
        let position = i128::try_from(tag.position).ok()?;
        let age = match tag.order {
            TagOrder::None => tag.facts?.created.map(jiff::Timestamp::as_nanosecond),
            TagOrder::LatestFirst => Some(-position),
            TagOrder::LatestLast => Some(position),
        };
        Some(SortKey::Parts(age.map(SortPart::Number).into_iter().collect()))
    }
}
