//! What the observer remembers from one cycle to the next, bounded: which decisions came to no end, and when running images
//! were created. Losing any of it costs requests, or a comparison that nobody else can make. What was read for a decision
//! is in the cache of the registries.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;

use crate::{
    core::{
        image::{Platforms, TagName},
        select::Policy,
    },
    registry::{CredentialsIdentity, RepoKey},
};

/// The most decisions that are remembered because they came to no end.
const MAX_UNFINISHED: usize = 10_000;
/// The most dates of running images.
const MAX_DATES: usize = 20_000;

/// A repository as somebody sees it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct View {
    registry: (String, String),
    repository: String,
    credentials: Option<CredentialsIdentity>,
    platforms: Platforms,
}

impl View {
    pub(super) fn new(repo: &RepoKey, platforms: &Platforms) -> Self {
        Self {
            registry: (repo.profile.prefix.clone(), repo.profile.api_url.clone()),
            repository: repo.repository.clone(),
            credentials: repo.credentials.as_ref().map(|credentials| credentials.identity()),
            platforms: platforms.clone(),
        }
    }
}

/// What the observer remembers.
#[derive(Debug, Default)]
pub(super) struct Memory {
    unfinished: Mutex<Bounded<(View, String), ()>>,
    dates: Mutex<Bounded<(View, TagName), Timestamp>>,
}

impl Memory {
    /// Whether this decision came to no end when it was made last: then it goes on from what was read.
    pub(super) fn is_unfinished(&self, view: &View, policy: &Policy) -> bool {
        let unfinished = lock(&self.unfinished);
        !unfinished.entries.is_empty() && unfinished.entries.contains_key(&(view.clone(), policy.identity()))
    }

    /// Remembers whether the decision came to an end.
    pub(super) fn came_to_an_end(&self, view: &View, policy: &Policy, ended: bool) {
        let mut unfinished = lock(&self.unfinished);
        if !ended {
            unfinished.put((view.clone(), policy.identity()), ());
            unfinished.bound(MAX_UNFINISHED, |()| 1);
        } else if !unfinished.entries.is_empty() {
            unfinished.entries.remove(&(view.clone(), policy.identity()));
        }
    }

    /// When the image behind a tag was created, as it was last read.
    pub(super) fn date(&self, view: &View, tag: &TagName) -> Option<Timestamp> {
        let key = (view.clone(), tag.clone());
        lock(&self.dates).entries.get(&key).map(|(_, date)| *date)
    }

    /// Remembers the date of a running or written tag.
    pub(super) fn remember_date(&self, view: &View, tag: &TagName, date: Timestamp) {
        let mut dates = lock(&self.dates);
        dates.put((view.clone(), tag.clone()), date);
        dates.bound(MAX_DATES, |_| 1);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A map that forgets what was put longest ago.
#[derive(Debug)]
struct Bounded<K, V> {
    entries: HashMap<K, (u64, V)>,
    puts: u64,
}

impl<K, V> Default for Bounded<K, V> {
    fn default() -> Self {
        Self {
            entries: HashMap::new(),
            puts: 0,
        }
    }
}

impl<K: Eq + Hash, V> Bounded<K, V> {
    fn put(&mut self, key: K, value: V) {
        self.puts += 1;
        self.entries.insert(key, (self.puts, value));
    }

    /// Forgets the oldest half, by size, when all together are larger than `most`.
    fn bound(&mut self, most: usize, size: impl Fn(&V) -> usize) {
        let total: usize = self.entries.values().map(|(_, value)| size(value)).sum();
        if total <= most {
            return;
        }
        let mut newest: Vec<_> = self.entries.values().map(|(put, value)| (*put, size(value))).collect();
        newest.sort_unstable_by(|a, b| b.cmp(a));
        let mut left = most / 2;
        let mut oldest_kept = u64::MAX;
        for (put, size) in newest {
            if size > left {
                break;
            }
            left -= size;
            oldest_kept = put;
        }
        self.entries.retain(|_, (put, _)| *put >= oldest_kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten_first_and_never_more_than_fit_are_kept() {
        let mut all = Bounded::default();
        for n in 0..10 {
            all.put(n, 1);
            all.bound(8, |size| *size);
        }
        let mut kept: Vec<_> = all.entries.keys().copied().collect();
        kept.sort_unstable();
        assert_eq!(kept, [5, 6, 7, 8, 9]);
        all.put(10, 9);
        all.bound(8, |size| *size);
        assert!(all.entries.is_empty(), "one that is too large by itself is not kept");
    }

    #[test]
    fn what_is_put_again_is_young_again() {
        let mut all = Bounded::default();
        for n in [1, 2, 3, 4, 1] {
            all.put(n, ());
        }
        all.bound(3, |()| 1);
        let kept: Vec<_> = all.entries.keys().copied().collect();
        assert_eq!(kept, [1]);
    }
}
