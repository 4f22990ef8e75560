//! What became of every tag, in words for a person.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::{Contender, Knowledge, Policy, Standing, TagList, TagOrder, standing};
use crate::core::{
    foreign::ForeignText,
    image::{ImageVersion, TagName},
    strategy::{FilterReason, Misfit, Scope, policy::Dropped},
    verdict::Verdict,
};

/// The most causes that are told in one sentence.
const MAX_CAUSES: usize = 5;

/// What became of one tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagStory {
    /// The tag.
    pub tag: TagName,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It is the best one.
    Chosen,
    /// It is as good as the best one and is running already.
    Kept,
    /// It is the n-th best, from 1. Also the first when nothing could be decided.
    Ranked(usize),
    /// It could not be read this time, so nothing is decided.
    NotRead(Verdict),
    /// Nobody asked about it yet.
    NotAsked,
    /// A filter drops it.
    Filtered(FilterReason),
    /// The constraint does not admit it.
    OutOfScope(Misfit),
    /// A lasting fact rules it out.
    Excluded(String),
    /// It has no place in the strategy's order.
    Unranked,
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chosen => f.write_str("chosen"),
            Self::Kept => f.write_str("chosen: as good as any other, and running already"),
            Self::Ranked(1) => f.write_str("best of those that could be read"),
            Self::Ranked(place) => write!(f, "number {place} in order"),
            Self::NotRead(verdict) => write!(f, "could not be read: {verdict}"),
            Self::NotAsked => f.write_str("not asked about yet"),
            Self::Filtered(reason) => reason.fmt(f),
            Self::OutOfScope(misfit) => misfit.fmt(f),
            Self::Excluded(why) => write!(f, "cannot be used: {}", ForeignText::new(why)),
            Self::Unranked => f.write_str("has no place in the order of the strategy"),
        }
    }
}

/// Tells for every tag why it was dropped, how it ranks, or that it was chosen; the arguments are those of
/// [`super::select`]. The ranked tags come first, the best in front; the others follow by name.
pub fn explain(
    policy: &Policy,
    live: Option<&ImageVersion>,
    tags: &TagList,
    order: TagOrder,
    known: &Knowledge,
) -> Vec<TagStory> {
    let mut ranked = Vec::new();
    let mut others = BTreeMap::new();
    for (position, tag) in tags.tags.iter().enumerate() {
        match fate(standing(policy, live, tag, position, order, known)) {
            Ok(contender) => ranked.push(contender),
            Err(fate) => {
                others.insert(tag, fate);
            }
        }
    }
    ranked.sort_by(|a, b| b.cmp_rank(a, policy));
    // A registry may list a tag twice; its better place counts.
    let mut told = BTreeSet::new();
    ranked.retain(|contender| told.insert(contender.tag));

    let held = others
        .values()
        .any(|fate| matches!(fate, Fate::NotRead(_) | Fate::NotAsked));
    let kept = ranked.first().is_some_and(|best| best.running)
        && ranked
            .get(1)
            .zip(ranked.first())
            .is_some_and(|(second, best)| second.key == best.key);
    let place = |index: usize| match index {
        0 if held => Fate::Ranked(1),
        0 if kept => Fate::Kept,
        0 => Fate::Chosen,
        index => Fate::Ranked(index + 1),
    };
    let best = ranked
        .iter()
        .enumerate()
        .map(|(index, contender)| (contender.tag, place(index)));
    best.chain(others)
        .map(|(tag, fate)| TagStory { tag: tag.clone(), fate })
        .collect()
}

/// Why no tag is left, in one sentence.
pub(super) fn nothing_left(policy: &Policy, tags: &TagList, order: TagOrder, known: &Knowledge) -> String {
    let strange = tags.dropped.len();
    if tags.tags.is_empty() && strange == 0 {
        return "the repository has no tags".to_owned();
    }
    if let Scope::Tag(tracked) = policy.scope()
        && !tags.tags.iter().any(|tag| tag.as_str() == &**tracked)
    {
        return format!("the repository has no tag {}", ForeignText::new(tracked));
    }
    let mut counts = BTreeMap::new();
    let mut told = BTreeSet::new();
    for (position, tag) in tags.tags.iter().enumerate() {
        if let Err(fate) = fate(standing(policy, None, tag, position, order, known))
            && told.insert(tag)
        {
            *counts.entry(fate.to_string()).or_insert(0_usize) += 1;
        }
    }
    if strange > 0 {
        counts.insert("outside of the grammar of tags".to_owned(), strange);
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| Reverse(*count));
    let total = told.len() + strange;
    let more = counts.len().saturating_sub(MAX_CAUSES);
    let mut causes: Vec<_> = counts
        .iter()
        .take(MAX_CAUSES)
        .map(|(cause, count)| format!("{count} {cause}"))
        .collect();
    if more > 0 {
        causes.push(format!("{more} more reasons"));
    }
    format!("none of {total} tags can be used: {}", causes.join("; "))
}

/// The fate of a tag that cannot be picked; the tag itself when it can.
fn fate(standing: Standing<'_>) -> Result<Contender<'_>, Fate> {
    Err(match standing {
        Standing::Ranked(contender) => return Ok(contender),
        Standing::Dropped(Dropped::Filter(reason)) => Fate::Filtered(reason),
        Standing::Dropped(Dropped::Scope(misfit)) => Fate::OutOfScope(misfit),
        Standing::Excluded(why) => Fate::Excluded(why.to_owned()),
        Standing::Unranked => Fate::Unranked,
        Standing::Unknown => Fate::NotAsked,
        Standing::Failed(verdict) => Fate::NotRead(verdict.clone()),
    })
}
