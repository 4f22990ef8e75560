//! The way from the best tag down to the one that is picked: what is too young, cannot be used or may not be read is
//! passed over, and nothing that the pick does not depend on is asked.

use std::sync::Arc;

use super::{
    Known, Query,
    age::{Ages, Waiting},
    ranking::{Contender, Ranking},
};
use crate::core::{
    image::{TagFacts, TagName},
    strategy::Need,
    verdict::Verdict,
};

/// How many tags are read at most on the way of one decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReadLimit {
    /// A few: later decisions go on from there. For a controller, which shares the registry with others for ever.
    #[default]
    InSteps,
    /// Many: nobody goes on, so the answer is wanted now. For commands that end.
    AtOnce,
}

impl ReadLimit {
    /// The number of tags.
    pub const fn most(self) -> usize {
        match self {
            Self::InSteps => 20,
            Self::AtOnce => 500,
        }
    }
}

/// Why a tag was passed over.
#[derive(Debug)]
pub(super) enum Passed<'a> {
    /// It is too young.
    Waits(Waiting),
    /// A lasting fact rules it out.
    Excluded(&'a str),
    /// The registry refuses to show it.
    Refused(&'a str),
    /// It was not looked at this time.
    Unread,
    /// It is not signed as it has to be.
    Unverified(&'a str),
}

/// Where the way ended.
#[derive(Debug)]
pub(super) enum End<'a> {
    /// At the best one that may be picked.
    Best(Contender<'a>, Option<&'a Arc<TagFacts>>),
    /// At the running tag, whose new image may not be picked, or not yet; it was passed over last.
    AtRunning,
    /// This tag has to be read first.
    Ask(&'a TagName),
    /// This tag could not be read.
    Held(&'a TagName, &'a Verdict),
    /// There is no other tag.
    Nothing,
}

/// The way.
pub(super) struct Walk<'a> {
    /// What was passed over, from the best one down.
    pub(super) passed: Vec<(Contender<'a>, Passed<'a>)>,
    /// Where it ended.
    pub(super) end: End<'a>,
}

enum Judged<'a> {
    Take(Option<&'a Arc<TagFacts>>),
    Pass(Passed<'a>),
    Ask,
    Hold(&'a Verdict),
}

impl<'a> Walk<'a> {
    /// Walks down `ranking`. `refused` says that the registry refused to show a tag already.
    pub(super) fn down(query: Query<'a>, ranking: &mut Ranking<'a>, refused: bool) -> Self {
        let mut judge = Judge {
            query,
            ages: Ages::of(query.policy, query.situation.now, &query.situation.first_seen),
            pins: query.policy.writes_digest(),
            refused,
            reads: 0,
        };
        let mut passed = Vec::new();
        let mut end = End::Nothing;
        for contender in ranking {
            match judge.look(&contender) {
                Judged::Take(facts) => end = End::Best(contender, facts),
                Judged::Ask => end = End::Ask(contender.tag),
                Judged::Hold(verdict) => end = End::Held(contender.tag, verdict),
                Judged::Pass(why) => {
                    // What stands below a tag that runs, and is only too young or not signed, would be a step back.
                    let stop =
                        contender.running && matches!(why, Passed::Waits(_) | Passed::Unread | Passed::Unverified(_));
                    passed.push((contender, why));
                    if !stop {
                        continue;
                    }
                    end = End::AtRunning;
                }
            }
            break;
        }
        Self { passed, end }
    }

    /// The tags that are too young, the best first.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Waiting> {
        self.passed.iter().filter_map(|(_, passed)| match passed {
            Passed::Waits(waiting) => Some(waiting),
            _ => None,
        })
    }

    /// A tag that the registry refused to show, and its words.
    pub(super) fn refused(&self) -> Option<(&'a TagName, &'a str)> {
        self.passed.iter().find_map(|(contender, passed)| match passed {
            Passed::Refused(why) => Some((contender.tag, *why)),
            _ => None,
        })
    }

    /// The tags that are not signed as they have to be, the best first, and why.
    pub(super) fn unverified(&self) -> impl Iterator<Item = (&'a TagName, &'a str)> {
        self.passed.iter().filter_map(|(contender, passed)| match passed {
            Passed::Unverified(why) => Some((contender.tag, *why)),
            _ => None,
        })
    }

    /// Whether the last tag that was passed over is not signed.
    pub(super) fn ends_unverified(&self) -> bool {
        matches!(self.passed.last(), Some((_, Passed::Unverified(_))))
    }

    /// How many tags were not looked at, because there were more than one decision may read.
    pub(super) fn unread(&self) -> usize {
        let unread = |(_, passed): &&(_, _)| matches!(passed, Passed::Unread);
        self.passed.iter().filter(unread).count()
    }
}

struct Judge<'a> {
    query: Query<'a>,
    ages: Option<Ages<'a>>,
    pins: bool,
    refused: bool,
    reads: usize,
}

impl<'a> Judge<'a> {
    fn look(&mut self, contender: &Contender<'a>) -> Judged<'a> {
        if let Some(why) = self.query.situation.unverified.get(contender.tag) {
            return Judged::Pass(Passed::Unverified(why));
        }
        let known = self.query.known;
        // What runs was old enough once; but with a digest only that very image did.
        let ages = self.ages.filter(|_| self.pins || !self.needs_no_age(contender));
        let must_read = self.pins || ages.is_some();
        let entry = self.usable(contender.tag);
        if !must_read {
            return match entry {
                Some(Known::Facts(facts)) => Judged::Take(Some(facts)),
                // Whether a refusal is a matter of one tag shows only when another one can be read.
                _ if self.refused && !known.shows_any() => self.judge_entry(contender, entry, None),
                _ => Judged::Take(None),
            };
        }
        if entry.is_none()
            && let Some(waiting) = ages.and_then(|ages| ages.remembered(contender.tag))
        {
            return Judged::Pass(Passed::Waits(waiting));
        }
        if let (None, Some(ages), Some(Known::Facts(kept))) = (entry, ages, known.get(contender.tag))
            && let Some(waiting) = ages.read(contender.tag, kept)
            && !contender.running
        {
            // Too old a fact to be written, and good enough to pass a tag over: it can only delay.
            return Judged::Pass(Passed::Waits(waiting));
        }
        self.judge_entry(contender, entry, ages)
    }

    /// What is known and may be used: a digest only when it was learned in this decision.
    fn usable(&self, tag: &TagName) -> Option<&'a Known> {
        let known = self.query.known;
        match known.get(tag) {
            Some(Known::Facts(_)) if self.pins => known.fresh(tag),
            entry => entry,
        }
    }

    fn judge_entry(
        &mut self,
        contender: &Contender<'a>,
        entry: Option<&'a Known>,
        ages: Option<Ages<'a>>,
    ) -> Judged<'a> {
        let by_name = self.query.policy.strategy().strategy().need(self.query.order) == Need::Name;
        if by_name && self.query.known.fresh(contender.tag).is_some() {
            self.reads += 1;
        }
        match entry {
            None if self.reads >= self.query.situation.reads.most() => Judged::Pass(Passed::Unread),
            None => Judged::Ask,
            Some(Known::Excluded(why)) => Judged::Pass(Passed::Excluded(why)),
            Some(Known::Refused(why)) => {
                self.refused = true;
                Judged::Pass(Passed::Refused(why))
            }
            Some(Known::Failed(verdict)) => Judged::Hold(verdict),
            Some(Known::Facts(facts)) => {
                let runs = self.needs_no_age(contender) && self.runs_digest(contender.tag, facts);
                let young = ages.filter(|_| !runs).and_then(|ages| ages.read(contender.tag, facts));
                match young {
                    Some(waiting) => Judged::Pass(Passed::Waits(waiting)),
                    None => Judged::Take(Some(facts)),
                }
            }
        }
    }

    /// The tag that would be replaced needs no age. One that runs beside it needs none where it is written already; else
    /// somebody may just have taken it back, and it waits like any other.
    fn needs_no_age(&self, contender: &Contender<'_>) -> bool {
        contender.replaced || (contender.running && self.query.situation.has_written(contender.tag))
    }

    fn runs_digest(&self, tag: &TagName, facts: &TagFacts) -> bool {
        let situation = self.query.situation;
        let digest = facts.digest.to_string();
        let mut live = situation.live.into_iter().chain(situation.beside);
        live.any(|live| live.tag == tag.as_str() && live.digest == digest)
    }
}
