//! How old tags are, and since when those that are too young wait.
//!
//! `minimumAge` delays what is picked; it is no security boundary, because who builds an image chooses its date.

use std::{collections::BTreeMap, time::Duration};

use jiff::{SignedDuration, Timestamp, Unit};

use crate::{
    api::v1alpha1::PendingTag,
    core::{
        image::{TagFacts, TagName},
        strategy::Policy,
    },
};

/// 2010-01-01T00:00:00Z in seconds since 1970. There were no container images before; an earlier date is a placeholder
/// of a reproducible build.
const FIRST_DATE: i64 = 1_262_304_000;

/// Since when the tags of one image that wait for their age are known to wait, as a resource's status keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FirstSeen {
    since: BTreeMap<String, Timestamp>,
}

impl FirstSeen {
    /// What `pending` says about the image with this full name.
    pub fn of(image: &str, pending: &[PendingTag]) -> Self {
        let of_image = pending.iter().filter(|entry| entry.image == image);
        Self {
            since: of_image.map(|entry| (entry.tag.clone(), entry.first_seen.0)).collect(),
        }
    }
}

/// A tag that may be picked as soon as it is old enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The tag; where its digest is written as well, `tag@sha256:...`, so that a new digest waits for itself.
    pub tag: String,
    /// Since when its age counts.
    pub since: Timestamp,
}

/// The rule that a policy has about ages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ages<'a> {
    pub(super) minimum: Duration,
    pub(super) now: Timestamp,
    pub(super) first_seen: &'a FirstSeen,
    /// Whether an age belongs to a digest behind the tag.
    pub(super) by_digest: bool,
}

impl<'a> Ages<'a> {
    /// `None` when the policy does not ask for an age.
    pub(super) fn of(policy: &Policy, now: Timestamp, first_seen: &'a FirstSeen) -> Option<Self> {
        Some(Self {
            minimum: policy.options().minimum_age?,
            now,
            first_seen,
            by_digest: policy.writes_digest(),
        })
    }

    /// A tag that is known to be too young without being read.
    pub(super) fn remembered(&self, tag: &TagName) -> Option<Waiting> {
        let found = if self.by_digest {
            let start = format!("{tag}@");
            let entries = self.first_seen.since.range(start.clone()..);
            entries
                .take_while(|(text, _)| text.starts_with(&start))
                .max_by_key(|(_, since)| **since)
        } else {
            self.first_seen.since.get_key_value(tag.as_str())
        };
        let (text, since) = found?;
        self.young(text.clone(), *since)
    }

    /// A tag that was read and is too young.
    pub(super) fn read(&self, tag: &TagName, facts: &TagFacts) -> Option<Waiting> {
        let text = if self.by_digest {
            format!("{tag}@{}", facts.digest)
        } else {
            tag.to_string()
        };
        let usable = |created: &Timestamp| created.as_second() > FIRST_DATE && *created <= self.now;
        let seen = || self.first_seen.since.get(&text).copied();
        let since = facts.created.filter(usable).or_else(seen).unwrap_or(self.now);
        self.young(text, since)
    }

    fn young(&self, tag: String, since: Timestamp) -> Option<Waiting> {
        // Nothing was seen in the future: who wrote that down had another clock.
        let since = since.min(self.now);
        let too_young = self.now.duration_since(since).unsigned_abs() < self.minimum;
        too_young.then_some(Waiting { tag, since })
    }

    /// How old a waiting tag is, how old it has to be, and when it will be.
    pub(super) fn words(&self, waiting: &Waiting) -> String {
        let Waiting { tag, since } = waiting;
        let age = spoken(self.now.duration_since(*since).unsigned_abs());
        let minimum = spoken(self.minimum);
        let wait = SignedDuration::try_from(self.minimum).unwrap_or(SignedDuration::MAX);
        match since.checked_add(wait).and_then(|time| time.round(Unit::Second)) {
            Ok(time) => format!("{tag} is {age} old and has to be {minimum} old, which it is at {time}"),
            Err(_) => format!("{tag} is {age} old and has to be {minimum} old"),
        }
    }
}

/// A duration as a person says it, without what does not matter: `71h59m`, `5m`, `12s`.
fn spoken(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, minutes) => format!("{minutes}m"),
        (hours, 0) => format!("{hours}h"),
        (hours, minutes) => format!("{hours}h{minutes}m"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_spoken_shortly() {
        for (seconds, text) in [(0, "0s"), (59, "59s"), (61, "1m"), (7200, "2h"), (259_140, "71h59m")] {
            assert_eq!(spoken(Duration::from_secs(seconds)), text);
        }
    }
}
