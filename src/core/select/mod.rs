//! Which tag an image gets: a candidate, a verdict that says why there is none, or the questions to ask first.
//!
//! Pure and resumable: [`select`] is called again with what was learned. What drops a tag by its name alone is decided
//! in `core::strategy`; which running image is compared stands in [`live`], and [`explain`] tells what became of every
//! tag. Whether the candidate is written is none of its business.

use std::{
    cmp::Ordering,
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use crate::core::{
    foreign::ForeignText,
    image::{Digest, ImageVersion, TagFacts, TagName},
    strategy::{Need, Ranked, SortKey, policy::Dropped},
    verdict::{Reason, Verdict},
};

mod age;
mod explain;
pub mod live;

pub use age::{FirstSeen, Waiting};
pub use explain::{Fate, TagStory, explain};

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

/// What is known about one tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// What the registry says.
    Facts(Arc<TagFacts>),
    /// A lasting fact that rules the tag out, in words: it is gone, is no image, has no wanted platform.
    Excluded(String),
    /// It could not be read this time.
    Failed(Verdict),
}

/// What was learned about the tags of one repository.
#[derive(Debug, Clone, Default)]
pub struct Knowledge {
    tags: HashMap<TagName, Known>,
}

impl Knowledge {
    /// What is known about a tag; `None` when nobody asked yet.
    pub fn get(&self, tag: &TagName) -> Option<&Known> {
        self.tags.get(tag)
    }

    /// Takes the answer for a tag; a later answer replaces an earlier one.
    pub fn insert(&mut self, tag: TagName, known: Known) {
        self.tags.insert(tag, known);
    }
}

/// What has to be learned before a tag can be picked.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Question {
    /// What the registry says about this tag.
    Facts(TagName),
}

/// A decision, or what it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// The tag, or why there is none.
    Decided(Result<Candidate, Verdict>),
    /// Answer these, in any order and each at most once, then call again. Never empty.
    Need(Vec<Question>),
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

/// Picks one of `tags`, or says why none is picked.
///
/// Deterministic: only when `order` gives the order of the list a meaning does that order matter. Never picks a tag that
/// a filter or the constraint drops. Of equally good tags the running one (`live`) is kept, else the last in byte order
/// is picked. A tag about which something could not be read is never passed over: then nothing is decided.
pub fn select(
    policy: &Policy,
    live: Option<&ImageVersion>,
    tags: &TagList,
    order: TagOrder,
    known: &Knowledge,
) -> Selection {
    let mut best: Option<Contender<'_>> = None;
    let mut questions = BTreeSet::new();
    let mut failures = BTreeSet::new();
    for (position, tag) in tags.tags.iter().enumerate() {
        match standing(policy, live, tag, position, order, known) {
            Standing::Ranked(contender) => {
                best = Some(match best {
                    Some(best) if best.cmp_rank(&contender, policy).is_ge() => best,
                    _ => contender,
                });
            }
            Standing::Unknown => {
                questions.insert(tag);
            }
            Standing::Failed(_) => {
                failures.insert(tag);
            }
            Standing::Dropped(_) | Standing::Excluded(_) | Standing::Unranked => {}
        }
    }
    if !questions.is_empty() {
        return Selection::Need(questions.into_iter().cloned().map(Question::Facts).collect());
    }
    if let Some(first) = failures.first() {
        return Selection::Decided(Err(not_read(policy, tags, first, failures.len(), known)));
    }
    let Some(best) = best else {
        let message = explain::nothing_left(policy, tags, order, known);
        return Selection::Decided(Err(Verdict::new(Reason::NoTagMatches, message)));
    };
    if let Some(running) = live.and_then(|live| missing_and_higher(policy, live, tags, order, &best)) {
        let message = format!(
            "{running} runs and ranks higher than {}, the best of the list, but the registry does not list it any more",
            best.tag
        );
        return Selection::Decided(Err(Verdict::new(Reason::WouldDowngrade, message)));
    }
    Selection::Decided(Ok(best.candidate(policy)))
}

/// The running tag, when it fits the policy, is not listed any more and ranks higher than the best that is listed: a
/// registry that lost a tag must not take an application back. Only names can be compared; a running tag that the policy
/// does not admit says nothing, so that a changed constraint may well go down.
fn missing_and_higher(
    policy: &Policy,
    live: &ImageVersion,
    tags: &TagList,
    order: TagOrder,
    best: &Contender<'_>,
) -> Option<TagName> {
    let tag = TagName::new(&live.tag)?;
    let by_name = order == TagOrder::None && policy.strategy().strategy().need(order) == Need::Name;
    if !by_name || tags.tags.contains(&tag) {
        return None;
    }
    match standing(policy, Some(live), &tag, 0, order, &Knowledge::default()) {
        Standing::Ranked(running) if policy.compare(&running.key, &best.key).is_gt() => {}
        _ => return None,
    }
    Some(tag)
}

/// Where one tag stands.
enum Standing<'a> {
    /// Its name drops it.
    Dropped(Dropped),
    /// A lasting fact drops it.
    Excluded(&'a str),
    /// It has no place in the strategy's order.
    Unranked,
    /// It has to be asked about.
    Unknown,
    /// It could not be read.
    Failed(&'a Verdict),
    /// It may be picked.
    Ranked(Contender<'a>),
}

/// A tag that may be picked.
struct Contender<'a> {
    tag: &'a TagName,
    key: SortKey,
    running: bool,
    facts: Option<&'a Arc<TagFacts>>,
}

impl Contender<'_> {
    /// The better one is greater; equal only for the same tag.
    fn cmp_rank(&self, other: &Self, policy: &Policy) -> Ordering {
        let by_name = || self.tag.cmp(other.tag);
        policy
            .compare(&self.key, &other.key)
            .then_with(|| self.running.cmp(&other.running))
            .then_with(by_name)
    }

    fn candidate(&self, policy: &Policy) -> Candidate {
        let pinned = policy.writes_digest();
        let digest = self.facts.filter(|_| pinned).map(|facts| facts.digest);
        Candidate {
            tag: self.tag.clone(),
            digest,
            facts: self.facts.cloned(),
        }
    }
}

fn standing<'a>(
    policy: &Policy,
    live: Option<&ImageVersion>,
    tag: &'a TagName,
    position: usize,
    order: TagOrder,
    known: &'a Knowledge,
) -> Standing<'a> {
    let key = match policy.admit(tag) {
        Ok(key) => key,
        Err(dropped) => return Standing::Dropped(dropped),
    };
    let strategy = policy.strategy().strategy();
    let facts = match (strategy.need(order), known.get(tag)) {
        (_, Some(Known::Facts(facts))) => Some(facts),
        (Need::Name, _) => None,
        (Need::Facts, None) => return Standing::Unknown,
        (Need::Facts, Some(Known::Excluded(why))) => return Standing::Excluded(why),
        (Need::Facts, Some(Known::Failed(verdict))) => return Standing::Failed(verdict),
    };
    match strategy.key(&Ranked {
        key,
        position,
        order,
        facts,
    }) {
        Some(key) => {
            let running = live.is_some_and(|live| live.tag == tag.as_str());
            Standing::Ranked(Contender {
                tag,
                key,
                running,
                facts,
            })
        }
        None => Standing::Unranked,
    }
}

fn not_read(policy: &Policy, tags: &TagList, first: &TagName, failed: usize, known: &Knowledge) -> Verdict {
    let asked: BTreeSet<_> = tags.tags.iter().filter(|tag| policy.admit(tag).is_ok()).collect();
    let why = match known.get(first) {
        Some(Known::Failed(verdict)) => verdict.to_string(),
        _ => String::new(),
    };
    let (read, asked) = (asked.len().saturating_sub(failed), asked.len());
    let message = format!("{read} of {asked} tags could be read, so nothing is decided yet; {first}: {why}");
    Verdict::new(Reason::MetadataUnavailable, message)
}

#[cfg(test)]
mod tests;
