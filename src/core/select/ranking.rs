//! Where each tag stands, and the tags that may be picked from the best one down.

use std::{
    cmp::Ordering,
    collections::{BinaryHeap, HashSet},
};

use super::{Known, Query};
use crate::core::{
    image::TagName,
    strategy::{Created, Need, Policy, Ranked, SortKey, policy::Dropped},
    verdict::Verdict,
};

/// Why a tag is not in the order, or not yet.
pub(super) enum Outside<'a> {
    /// Its name drops it.
    Dropped(Dropped),
    /// A lasting fact drops it.
    Excluded(&'a str),
    /// The registry refuses to show it.
    Refused(&'a str),
    /// It has no place in the strategy's order.
    Unranked,
    /// It has to be asked about.
    Unknown,
    /// It could not be read.
    Failed(&'a Verdict),
}

/// A tag that may be picked.
#[derive(Debug)]
pub(super) struct Contender<'a> {
    pub(super) tag: &'a TagName,
    pub(super) key: SortKey<'a>,
    /// Whether it runs.
    pub(super) running: bool,
    /// Whether it is the running tag that would be replaced.
    pub(super) replaced: bool,
    policy: &'a Policy,
}

// The better one is greater. Of equally good ones what runs stays, else the last name wins; equal only for one tag.
impl Ord for Contender<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.policy
            .compare(&self.key, &other.key)
            .then_with(|| self.replaced.cmp(&other.replaced))
            .then_with(|| self.running.cmp(&other.running))
            .then_with(|| self.tag.cmp(other.tag))
    }
}

impl PartialOrd for Contender<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Contender<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Contender<'_> {}

/// The contenders, the best one first. Only as much is sorted as is looked at.
pub(super) struct Ranking<'a> {
    heap: BinaryHeap<Contender<'a>>,
    told: HashSet<&'a TagName>,
}

impl<'a> Ranking<'a> {
    /// Ranks the tags of a list; `outside` is told about every other one.
    pub(super) fn new(query: Query<'a>, mut outside: impl FnMut(&'a TagName, Outside<'a>)) -> Self {
        let mut contenders = Vec::with_capacity(query.tags.tags.len());
        for (position, tag) in query.tags.tags.iter().enumerate() {
            match standing(query, tag, position) {
                Ok(contender) => contenders.push(contender),
                Err(why) => outside(tag, why),
            }
        }
        Self {
            heap: contenders.into(),
            told: HashSet::new(),
        }
    }

    /// The best one that is left, without taking it.
    pub(super) fn peek(&self) -> Option<&Contender<'a>> {
        self.heap.peek()
    }
}

impl<'a> Iterator for Ranking<'a> {
    type Item = Contender<'a>;

    /// A registry may list a tag twice; its better place counts.
    fn next(&mut self) -> Option<Contender<'a>> {
        loop {
            let best = self.heap.pop()?;
            if self.told.insert(best.tag) {
                return Some(best);
            }
        }
    }
}

fn standing<'a>(query: Query<'a>, tag: &'a TagName, position: usize) -> Result<Contender<'a>, Outside<'a>> {
    let policy = query.policy;
    let read = policy.admit(tag).map_err(Outside::Dropped)?;
    let strategy = policy.strategy().strategy();
    let created = match (strategy.need(query.order), query.known.get(tag)) {
        (_, Some(Known::Facts(facts))) => facts.created.into(),
        (Need::Name, _) => Created::Unknown,
        (Need::Facts(_), None) => return Err(Outside::Unknown),
        (Need::Facts(_), Some(Known::Excluded(why))) => return Err(Outside::Excluded(why)),
        (Need::Facts(_), Some(Known::Refused(why))) => return Err(Outside::Refused(why)),
        (Need::Facts(_), Some(Known::Failed(verdict))) => return Err(Outside::Failed(verdict)),
    };
    let ranked = Ranked {
        read,
        position: Some(position),
        order: query.order,
        created,
    };
    Ok(Contender {
        tag,
        key: strategy.key(ranked).ok_or(Outside::Unranked)?,
        running: query.situation.runs(tag),
        replaced: query.situation.replaces(tag),
        policy,
    })
}
