//! Which image a tag names, for everybody who asks apart.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    time::Duration,
};

use super::{View, bounded::Bounded};
use crate::core::image::{Digest, TagName};

/// The most tags, of all repositories together.
const MAX_TAGS: usize = 200_000;
/// The most repositories, counted once for each credentials.
const MAX_VIEWS: usize = 20_000;
/// The most repositories that are remembered as stale; more than that, and all are.
const MAX_STALE: usize = 10_000;
/// How long a decision that came to no end may go on from what was asked, however short the refresh interval is.
const MIN_CARRIED: Duration = Duration::from_hours(1);

/// What a tag named when it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeptTag {
    pub(crate) digest: Digest,
    /// Of the answer by tag, when there was one.
    pub(crate) etag: Option<Box<str>>,
    /// When the question was sent.
    pub(crate) asked: Duration,
}

/// What one asker knows of one repository.
#[derive(Default)]
struct Seen {
    /// Tags that were never asked for are asked by HEAD.
    by_head: bool,
    tags: HashMap<TagName, KeptTag>,
}

/// Which image a tag names.
pub(crate) struct Tags {
    refresh: Duration,
    views: Bounded<View, Seen>,
    stale: HashMap<(String, String), Duration>,
    all_stale: Option<Duration>,
}

impl Tags {
    pub(super) fn new(refresh: Duration) -> Self {
        Self {
            // So that moments in it can be multiplied.
            refresh: refresh.min(Duration::from_nanos(u64::MAX)),
            views: Bounded::new(MAX_VIEWS, MAX_TAGS),
            stale: HashMap::new(),
            all_stale: None,
        }
    }

    /// What the tag named when it was asked last.
    pub(crate) fn find(&mut self, view: &View, tag: &TagName) -> Option<KeptTag> {
        self.views.get(view)?.tags.get(tag).cloned()
    }

    /// Whether tags that were never asked for are asked by HEAD. That is decided at the first question about a repository,
    /// when either images of it are known from before (`has_facts`) or all have to be read: what is read meanwhile must not
    /// make a HEAD of every GET.
    pub(crate) fn begin(&mut self, view: &View, has_facts: bool) -> bool {
        if let Some(seen) = self.views.get(view) {
            return seen.by_head;
        }
        let seen = Seen {
            by_head: has_facts,
            tags: HashMap::new(),
        };
        self.views.put(view.clone(), seen, 0);
        has_facts
    }

    pub(crate) fn keep(&mut self, view: &View, tag: &TagName, kept: KeptTag) {
        if self.views.get(view).is_none() {
            self.views.put(view.clone(), Seen::default(), 0);
        }
        let Some(Seen { tags, .. }) = self.views.get(view) else {
            return;
        };
        // A repository that alone has more tags than fit must not drive out all others with every tag.
        if tags.len() < MAX_TAGS / 2 || tags.contains_key(tag) {
            tags.insert(tag.clone(), kept);
        }
        let len = tags.len();
        self.views.weigh(view, len);
    }

    pub(crate) fn forget(&mut self, view: &View, tag: &TagName) {
        if let Some(Seen { tags, .. }) = self.views.get(view) {
            tags.remove(tag);
            let len = tags.len();
            self.views.weigh(view, len);
        }
    }

    /// Whether it is time to ask again. Each tag has its own moment in the refresh interval, so that tags which were read
    /// together are not due together.
    pub(crate) fn is_due(&self, view: &View, tag: &TagName, kept: &KeptTag, now: Duration) -> bool {
        if self.refresh.is_zero() || self.is_stale(view, kept) {
            return true;
        }
        let refresh = self.refresh.as_nanos();
        let mut hash = DefaultHasher::new();
        (&view.repository, tag).hash(&mut hash);
        let moment = (u128::from(hash.finish()) * refresh) >> 64;
        let turn = |at: Duration| (at.as_nanos() + refresh - moment) / refresh;
        turn(now) > turn(kept.asked)
    }

    /// Whether it is young enough for a decision that came to no end to go on from it.
    pub(crate) fn may_be_carried(&self, view: &View, kept: &KeptTag, now: Duration) -> bool {
        now.saturating_sub(kept.asked) < self.refresh.max(MIN_CARRIED) && !self.is_stale(view, kept)
    }

    /// Everything that was asked about a repository until `now` has to be asked again.
    pub(crate) fn mark_stale(&mut self, api_url: &str, repository: &str, now: Duration) {
        if self.stale.len() >= MAX_STALE {
            self.stale.clear();
            self.all_stale = Some(now);
        }
        self.stale.insert((api_url.to_owned(), repository.to_owned()), now);
    }

    fn is_stale(&self, view: &View, kept: &KeptTag) -> bool {
        if self.all_stale.is_some_and(|since| kept.asked <= since) {
            return true;
        }
        if self.stale.is_empty() {
            return false;
        }
        let since = self.stale.get(&(view.api_url.clone(), view.repository.clone()));
        since.is_some_and(|since| kept.asked <= *since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn view(repository: &str) -> View {
        View {
            connection: 1,
            api_url: "https://r.test/".to_owned(),
            repository: repository.to_owned(),
            identity: None,
        }
    }

    fn kept(asked: Duration) -> KeptTag {
        KeptTag {
            digest: Digest::of(b"image"),
            etag: None,
            asked,
        }
    }

    fn name(n: usize) -> TagName {
        TagName::new(&format!("1.0.{n}")).unwrap()
    }

    /// How many of 1,000 tags are due between two moments, when each was asked when it was due.
    fn due(tags: &Tags, asked: Duration, now: Duration) -> usize {
        let is_due = |n: &usize| tags.is_due(&view("app"), &name(*n), &kept(asked), now);
        (0..1000).filter(is_due).count()
    }

    #[test]
    fn tags_that_were_asked_together_are_due_one_after_the_other_and_each_once_an_interval() {
        let tags = Tags::new(HOUR);
        for start in [Duration::ZERO, HOUR * 7 / 3] {
            assert_eq!(due(&tags, start, start), 0);
            let half = due(&tags, start, start + HOUR / 2);
            assert!((400..600).contains(&half), "{half}");
            assert_eq!(due(&tags, start, start + HOUR), 1000);
            let steps: Vec<_> = (0..30)
                .map(|n| due(&tags, start + HOUR * n / 30, start + HOUR * (n + 1) / 30))
                .collect();
            assert_eq!(steps.iter().sum::<usize>(), 1000, "{steps:?}");
            assert!(steps.iter().all(|n| *n < 80), "{steps:?}");
        }
    }

    #[test]
    fn without_an_interval_everything_is_due_always() {
        assert_eq!(due(&Tags::new(Duration::ZERO), HOUR, HOUR), 1000);
    }

    #[test]
    fn what_was_asked_before_a_repository_became_stale_is_due_and_what_was_asked_later_is_not() {
        let mut tags = Tags::new(HOUR);
        tags.mark_stale("https://r.test/", "app", HOUR);
        let due = |repository, asked| tags.is_due(&view(repository), &name(0), &kept(asked), asked + HOUR / 1000);
        let moment = Duration::from_millis(1);
        assert!(due("app", HOUR));
        assert!(!due("app", HOUR + moment));
        assert!(!due("other", HOUR));
    }

    #[test]
    fn more_stale_repositories_than_are_remembered_make_all_stale() {
        let mut tags = Tags::new(HOUR);
        for n in 0..=MAX_STALE {
            tags.mark_stale("https://r.test/", &format!("app{n}"), HOUR);
        }
        assert!(tags.is_due(&view("app0"), &name(0), &kept(HOUR), HOUR));
    }

    #[test]
    fn a_repository_with_more_tags_than_fit_leaves_room_for_others() {
        let mut tags = Tags::new(HOUR);
        tags.keep(&view("small"), &name(0), kept(HOUR));
        for n in 0..MAX_TAGS {
            tags.keep(&view("large"), &name(n), kept(HOUR));
        }
        assert!(tags.find(&view("small"), &name(0)).is_some());
        assert!(tags.find(&view("large"), &name(MAX_TAGS / 2 - 1)).is_some());
        assert!(tags.find(&view("large"), &name(MAX_TAGS / 2)).is_none());
    }
}
