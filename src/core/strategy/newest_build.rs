//! `newest-build`: the newest creation date, or the newest place in a list that the registry sorts by age.

use super::{Created, Need, Ranked, SortKey, Strategy, TagOrder};
use crate::core::image::manifest::FactsWanted;

/// The newest creation date. An image without a date is the oldest.
#[derive(Debug)]
pub(super) struct NewestBuild;

impl Strategy for NewestBuild {
    fn names(&self) -> &'static [&'static str] {
        &["newest-build", "latest"]
    }

    fn need(&self, order: TagOrder) -> Need {
        match order {
            TagOrder::None => Need::Facts(FactsWanted::Created),
            TagOrder::LatestFirst | TagOrder::LatestLast => Need::Name,
        }
    }

    fn key<'t>(&self, tag: Ranked<'t>) -> Option<SortKey<'t>> {
        let place = || i64::try_from(tag.position?).ok();
        match (tag.order, tag.created) {
            (TagOrder::None, Created::Unknown) => None,
            (TagOrder::None, Created::Never) => Some(SortKey::Date(None)),
            (TagOrder::None, Created::At(date)) => Some(SortKey::Date(Some(date))),
            (TagOrder::LatestFirst, _) => place().map(|place| SortKey::Place(-place)),
            (TagOrder::LatestLast, _) => place().map(SortKey::Place),
        }
    }
}
