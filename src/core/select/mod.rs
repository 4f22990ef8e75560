//! Which tag an image gets: a candidate, a verdict that says why there is none, or the questions to ask first.
//!
//! Pure and resumable: [`select`] is called again with what was learned. What drops a tag by its name alone is decided
//! in `core::strategy`; `ranking` puts the others in order, `walk` goes down from the best one, `downgrade` keeps
//! what runs from being replaced by less. Which running image is compared stands in [`live`], and [`explain`] tells what
//! became of every tag. Whether the candidate is written is none of its business.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;

use crate::core::{
    foreign::ForeignText,
    image::{Digest, ImageVersion, TagFacts, TagName},
    verdict::{Reason, Verdict},
};

mod age;
mod downgrade;
mod explain;
mod knowledge;
pub mod live;
mod ranking;
mod walk;

pub use age::{FirstSeen, Waiting};
pub use explain::{Fate, TagStory, explain};
pub use knowledge::{Knowledge, Known};
pub use walk::ReadLimit;

use age::Ages;
use ranking::{Contender, Outside, Ranking};
use walk::{End, Walk};

pub use crate::core::strategy::{Policy, TagOrder};

/// The complete tag list of a repository, in the order of the registry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TagList {
    /// The tags.
    pub tags: Vec<TagName>,
    /// What the registry lists as tags and is outside of their grammar.
    pub dropped: Vec<ForeignText>,
}

impl TagList {
    /// Sorts what a registry lists into tags and others.
    pub fn from_texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut list = Self::default();
        for text in texts {
            match TagName::new(text) {
                Some(tag) => list.tags.push(tag),
                None => list.dropped.push(ForeignText::new(text)),
            }
        }
        list
    }
}

/// What a decision depends on beside the policy and the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Situation<'a> {
    /// The version that runs; of several, the one that is replaced.
    pub live: Option<&'a ImageVersion>,
    /// The versions that run and that the policy admits: several during a rollout, or where an old one is still reported.
    /// [`Self::live`] may be among them.
    pub beside: &'a [ImageVersion],
    /// The version that stands where the pick is written, whether it runs or not.
    pub written: Option<&'a ImageVersion>,
    /// When the images behind running and written tags were created, as far as anybody remembers; it counts when the
    /// registry does not list such a tag any more.
    pub dates: BTreeMap<TagName, Timestamp>,
    /// When tags that wait for their age were first seen.
    pub first_seen: FirstSeen,
    /// Ages are counted until now.
    pub now: Timestamp,
    /// How many tags are read at most.
    pub reads: ReadLimit,
    /// The tags that were found not to be signed as the image's policy demands, and why; they are passed over.
    pub unverified: BTreeMap<TagName, String>,
}

impl Situation<'_> {
    /// Whether `tag` is the one that is replaced.
    fn replaces(&self, tag: &TagName) -> bool {
        self.live.is_some_and(|live| live.tag == tag.as_str())
    }

    /// Whether `tag` runs.
    fn runs(&self, tag: &TagName) -> bool {
        self.replaces(tag) || self.beside.iter().any(|live| live.tag == tag.as_str())
    }

    /// Whether `tag` is written.
    fn has_written(&self, tag: &TagName) -> bool {
        self.written.is_some_and(|written| written.tag == tag.as_str())
    }

    /// Nothing runs, nothing waits.
    pub fn at(now: Timestamp) -> Self {
        Self {
            live: None,
            beside: &[],
            written: None,
            dates: BTreeMap::new(),
            first_seen: FirstSeen::default(),
            now,
            reads: ReadLimit::default(),
            unverified: BTreeMap::new(),
        }
    }
}

/// What has to be learned before a tag can be picked.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Question {
    /// What the registry says about this tag now: at least [`Policy::facts_wanted`].
    Facts(TagName),
}

/// A decision, or what it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// The end.
    Decided(Decision),
    /// Answer these, in any order and each at most once, then call again. Never empty.
    Need(Vec<Question>),
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The tag, or why there is none.
    pub picked: Result<Candidate, Verdict>,
    /// The tags above the pick that are too young, the best first; `None` when the decision is held.
    pub waiting: Option<Vec<Waiting>>,
    /// Whether the next decision should go on from [`Knowledge::kept`]: not everything could be read this time.
    pub unfinished: bool,
}

impl Decision {
    fn held(verdict: Verdict) -> Self {
        Self {
            picked: Err(verdict),
            waiting: None,
            unfinished: true,
        }
    }
}

/// A tag that was picked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The tag.
    pub tag: TagName,
    /// The digest that is written behind it; only some strategies write one.
    pub digest: Option<Digest>,
    /// What the registry says about it, if that had to be asked.
    pub facts: Option<Arc<TagFacts>>,
    /// What a person should know about this pick.
    pub note: Option<String>,
}

impl Candidate {
    /// What is written behind the image name.
    pub fn version(&self) -> ImageVersion {
        ImageVersion {
            tag: self.tag.as_str().to_owned(),
            digest: self.digest.map(|digest| digest.to_string()).unwrap_or_default(),
        }
    }
}

/// Everything that a decision is made from.
#[derive(Clone, Copy)]
struct Query<'a> {
    policy: &'a Policy,
    situation: &'a Situation<'a>,
    tags: &'a TagList,
    order: TagOrder,
    known: &'a Knowledge,
}

/// Picks one of `tags`, says why none is picked, or asks.
///
/// Deterministic: the order of `tags` does not matter unless `order` says so. A tag that a filter or the constraint drops
/// is never picked and never asked about. A tag that could not be read holds the decision, because it may be the best
/// one. Of equally good tags the running one is kept, else the last name in byte order wins. Nothing is picked below a tag
/// that runs or is written, that the policy admits and that ranks higher, unless the policy allows it.
pub fn select(
    policy: &Policy,
    situation: &Situation<'_>,
    tags: &TagList,
    order: TagOrder,
    known: &Knowledge,
) -> Selection {
    let query = Query {
        policy,
        situation,
        tags,
        order,
        known,
    };
    let (mut unknown, mut unread, mut refused) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut ranking = Ranking::new(query, |tag, why| match why {
        Outside::Unknown => _ = unknown.insert(tag),
        Outside::Failed(verdict) => _ = unread.insert((tag, verdict.to_string())),
        Outside::Refused(why) => _ = refused.insert((tag, why.to_owned())),
        Outside::Dropped(_) | Outside::Excluded(_) | Outside::Unranked => {}
    });
    if !unknown.is_empty() {
        return Selection::Need(unknown.into_iter().cloned().map(Question::Facts).collect());
    }
    if unread.is_empty() && !known.shows_any() {
        unread.clone_from(&refused);
    }
    if let Some((tag, why)) = unread.first() {
        let asked: BTreeSet<_> = tags.tags.iter().filter(|tag| policy.admit(tag).is_ok()).collect();
        let read = asked.len().saturating_sub(unread.len());
        return Selection::Decided(Decision::held(not_read(read, asked.len(), tag, why)));
    }
    let walk = Walk::down(query, &mut ranking, !refused.is_empty());
    conclude(query, &walk)
}

/// What the way down the ranking comes to.
fn conclude<'a>(query: Query<'a>, walk: &Walk<'a>) -> Selection {
    let known = query.known;
    let refused = walk.refused().filter(|_| !known.shows_any());
    let waiting: Vec<_> = walk.waiting().cloned().collect();
    let unread = walk.unread();
    let cut = unread > 0;
    let held_back = cut || !waiting.is_empty();
    let picked = match &walk.end {
        End::Ask(tag) => return Selection::Need(vec![Question::Facts((*tag).clone())]),
        End::Held(tag, verdict) => {
            let read = known.kept().len();
            let held = not_read(read, known.len(), tag, &verdict.to_string()).with_another_look(verdict.again);
            return Selection::Decided(Decision::held(held));
        }
        End::Nothing | End::AtRunning if refused.is_some() => {
            let (tag, why) = refused.expect("it was refused");
            return Selection::Decided(Decision::held(not_read(0, known.len(), tag, why)));
        }
        End::AtRunning if walk.ends_unverified() => Err(not_verified(walk)),
        End::Nothing if walk.unverified().next().is_some() => Err(not_verified(walk)),
        End::AtRunning => Err(too_young(query, &waiting, unread)),
        End::Nothing if held_back => Err(too_young(query, &waiting, unread)),
        End::Nothing => Err(Verdict::new(Reason::NoTagMatches, explain::nothing_left(query))),
        // What runs is the best that is old enough, or nobody knows yet whether something better is.
        End::Best(best, _) if cut || (best.replaced && held_back) => Err(too_young(query, &waiting, unread)),
        End::Best(best, facts) => downgrade::guard(query, walk, best).map(|note| Candidate {
            tag: best.tag.clone(),
            digest: facts.filter(|_| query.policy.writes_digest()).map(|facts| facts.digest),
            facts: facts.cloned(),
            note: noted(note, walk),
        }),
    };
    Selection::Decided(Decision {
        picked,
        waiting: Some(waiting),
        unfinished: cut,
    })
}

fn not_read(read: usize, asked: usize, tag: &TagName, why: &str) -> Verdict {
    let message = format!("{read} of {asked} read, so nothing is decided yet; {tag}: {why}");
    Verdict::new(Reason::MetadataUnavailable, message)
}

/// Which tags are not signed, the best one in words; `None` when there are none.
fn unverified(walk: &Walk<'_>) -> Option<String> {
    let mut unverified = walk.unverified();
    let (tag, why) = unverified.next()?;
    let more = match unverified.count() {
        0 => String::new(),
        1 => "; nor is one more tag".to_owned(),
        more => format!("; nor are {more} more tags"),
    };
    Some(format!("{tag} is not verified: {why}{more}"))
}

fn not_verified(walk: &Walk<'_>) -> Verdict {
    Verdict::new(Reason::NotVerified, unverified(walk).unwrap_or_default())
}

/// `note`, and what was passed over on the way to the pick.
fn noted(note: Option<String>, walk: &Walk<'_>) -> Option<String> {
    match (note, unverified(walk)) {
        (Some(note), Some(unverified)) => Some(format!("{note}; {unverified}")),
        (note, unverified) => note.or(unverified),
    }
}

/// `unread` tags were not looked at.
fn too_young(query: Query<'_>, waiting: &[Waiting], unread: usize) -> Verdict {
    let Situation {
        now, first_seen, reads, ..
    } = query.situation;
    let bound = format!(
        "{unread} tags were not looked at, since one decision reads at most {}",
        reads.most()
    );
    let later = match reads {
        ReadLimit::InSteps => bound + "; the next one goes on",
        ReadLimit::AtOnce => bound,
    };
    let ages = Ages::of(query.policy, *now, first_seen);
    let Some((best, ages)) = waiting.first().zip(ages) else {
        return Verdict::new(Reason::MetadataUnavailable, format!("nothing is decided yet: {later}"));
    };
    let mut message = ages.words(best);
    if waiting.len() > 1 {
        message = format!("{message}; {} more tags are too young", waiting.len() - 1);
    }
    if unread > 0 {
        message = format!("{message}; {later}");
    }
    Verdict::new(Reason::TooYoung, message)
}

#[cfg(test)]
mod tests;
