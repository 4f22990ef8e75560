//! What became of every tag, in words for a person.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::{
    Ages, Contender, Decision, Knowledge, Outside, Policy, Query, Ranking, Selection, Situation, TagList, TagOrder,
    conclude,
    walk::{End, Passed, Walk},
};
use crate::core::{
    foreign::ForeignText,
    image::TagName,
    strategy::{FilterReason, Misfit, Scope, policy::Dropped},
    verdict::{Reason, Verdict},
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
    /// It is the best one that is left, and ranks below what runs or is written.
    Lower,
    /// It is too young, in words.
    TooYoung(String),
    /// It is not signed as it has to be, in words.
    Unverified(String),
    /// It may be the best one; a later decision looks at it.
    Later,
    /// The registry refuses to show it, in words.
    Refused(String),
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
            Self::Lower => f.write_str("best of those that can be used, but lower than what runs or is written"),
            Self::TooYoung(why) => write!(f, "too young: {why}"),
            Self::Unverified(why) => write!(f, "not verified: {why}"),
            Self::Later => f.write_str("was not looked at: one decision reads so many tags and no more"),
            Self::Refused(why) => write!(f, "may not be read: {}", ForeignText::new(why)),
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
    situation: &Situation<'_>,
    tags: &TagList,
    order: TagOrder,
    known: &Knowledge,
) -> Vec<TagStory> {
    let query = Query {
        policy,
        situation,
        tags,
        order,
        known,
    };
    let mut others = BTreeMap::new();
    let mut refused = false;
    let mut ranking = Ranking::new(query, |tag, why| {
        let fate = outside(why);
        refused |= matches!(fate, Fate::Refused(_));
        others.insert(tag, fate);
    });
    let open = |fate: &Fate| match fate {
        Fate::NotRead(_) | Fate::NotAsked => true,
        Fate::Refused(_) => !known.shows_any(),
        _ => false,
    };
    let mut stories = if others.values().any(open) {
        Vec::new()
    } else {
        told(query, &Walk::down(query, &mut ranking, refused), &ranking)
    };
    let first = places(&stories) + 1;
    let rest = ranking.enumerate();
    stories.extend(rest.map(|(index, contender)| (contender.tag, Fate::Ranked(first + index))));
    let stories = stories.into_iter();
    let stories: Vec<_> = stories.map(|(tag, fate)| TagStory { tag: tag.clone(), fate }).collect();
    // A registry may list a tag twice, in and out of the order never.
    let others = others.into_iter();
    let others = others.map(|(tag, fate)| TagStory { tag: tag.clone(), fate });
    stories.into_iter().chain(others).collect()
}

/// The tags that the decision looked at.
fn told<'a>(query: Query<'a>, walk: &Walk<'a>, rest: &Ranking<'a>) -> Vec<(&'a TagName, Fate)> {
    let ages = Ages::of(query.policy, query.situation.now, &query.situation.first_seen);
    let passed = walk.passed.iter().map(|(contender, passed)| {
        let fate = match passed {
            Passed::Waits(waiting) => Fate::TooYoung(ages.map_or_else(String::new, |ages| ages.words(waiting))),
            Passed::Excluded(why) => Fate::Excluded((*why).to_owned()),
            Passed::Refused(why) => Fate::Refused((*why).to_owned()),
            Passed::Unread => Fate::Later,
            Passed::Unverified(why) => Fate::Unverified((*why).to_owned()),
        };
        (contender.tag, fate)
    });
    let mut told: Vec<_> = passed.collect();
    let place = places(&told) + 1;
    let last = match &walk.end {
        End::Best(best, _) => Some((best.tag, end(best, rest.peek()))),
        End::Ask(tag) => Some((*tag, Fate::NotAsked)),
        End::Held(tag, verdict) => Some((*tag, Fate::NotRead((*verdict).clone()))),
        End::AtRunning | End::Nothing => None,
    };
    told.extend(last.map(|(tag, fate)| match (fate, conclude(query, walk)) {
        (
            Fate::Chosen | Fate::Kept,
            Selection::Decided(Decision {
                picked: Err(verdict), ..
            }),
        ) => match verdict.reason {
            // Either way something that ranks higher runs or is written.
            Reason::WouldDowngrade | Reason::NotVerified => (tag, Fate::Lower),
            _ => (tag, Fate::Ranked(place)),
        },
        (fate, _) => (tag, fate),
    }));
    told
}

/// How many of them have a place in the order.
fn places(told: &[(&TagName, Fate)]) -> usize {
    let placed = |fate: &Fate| {
        matches!(
            fate,
            Fate::Chosen | Fate::Kept | Fate::Lower | Fate::TooYoung(_) | Fate::Unverified(_) | Fate::Ranked(_)
        )
    };
    told.iter().filter(|(_, fate)| placed(fate)).count()
}

/// The fate of the best tag that may be picked.
fn end(best: &Contender<'_>, next: Option<&Contender<'_>>) -> Fate {
    let equal = next.is_some_and(|next| next.key == best.key);
    if best.running && equal {
        Fate::Kept
    } else {
        Fate::Chosen
    }
}

/// Why no tag is left, in one sentence.
pub(super) fn nothing_left(query: Query<'_>) -> String {
    let Query {
        policy,
        situation,
        tags,
        order,
        known,
    } = query;
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
    for TagStory { tag, fate } in explain(policy, situation, tags, order, known) {
        if told.insert(tag) {
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

fn outside(why: Outside<'_>) -> Fate {
    match why {
        Outside::Dropped(Dropped::Filter(reason)) => Fate::Filtered(reason),
        Outside::Dropped(Dropped::Scope(misfit)) => Fate::OutOfScope(misfit),
        Outside::Excluded(why) => Fate::Excluded(why.to_owned()),
        Outside::Refused(why) => Fate::Refused(why.to_owned()),
        Outside::Unranked => Fate::Unranked,
        Outside::Unknown => Fate::NotAsked,
        Outside::Failed(verdict) => Fate::NotRead(verdict.clone()),
    }
}
