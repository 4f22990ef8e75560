//! What is remembered of repositories and branches that could not be written, so that a server that says no is not asked
//! again in every cycle.
//!
//! Pure memory, with time as an argument. While a wait lasts the verdict of the last failure is told again, word for word,
//! with the time of the next try, and no request is made.
//!
//! | failure | waits |
//! |---|---|
//! | lasting: a hook, a protected branch, credentials, no such repository, one that cannot be used | 1 min, doubling to 1 h |
//! | passing: no answer, no connection, a server in trouble | 10 s, doubling to 5 min |
//! | the branch moved: somebody else wrote | not at all |
//!
//! A person who mends something and asks for a cycle, or changes the resource, waits for nothing; nor does who writes by
//! other credentials, which are another place. Losing this memory costs one request per place.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    time::Duration,
};

use jiff::Timestamp;

use crate::core::{disposition::Disposition, keys::ObjectKey, schedule::Version, verdict::Verdict};

/// The first and the longest wait after a refusal that lasts until somebody does something.
const LASTING: (Duration, Duration) = (Duration::from_mins(1), Duration::from_hours(1));

/// The first and the longest wait after a fault that passes by itself.
const PASSING: (Duration, Duration) = (Duration::from_secs(10), Duration::from_mins(5));

/// A place that nobody wrote to for so long after its wait was over begins with the shortest wait again.
const FORGOTTEN_AFTER: Duration = Duration::from_hours(6);

/// The most places that are remembered.
const MOST_PLACES: usize = 500;

/// The most resources that are remembered of one place.
const MOST_ASKERS: usize = 10_000;

/// What fails as one: a repository, or a branch of it, with these credentials.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    repository: String,
    branch: Option<String>,
    credentials: String,
}

impl Place {
    /// The whole repository. `credentials` is the text of their identity, never a secret.
    pub fn repository(url: impl Into<String>, credentials: impl Into<String>) -> Self {
        Self {
            repository: url.into(),
            branch: None,
            credentials: credentials.into(),
        }
    }

    /// One branch of the same repository.
    #[must_use]
    pub fn branch(&self, name: impl Into<String>) -> Self {
        Self {
            branch: Some(name.into()),
            ..self.clone()
        }
    }
}

/// The resources that want to write, each as it is now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Askers(BTreeSet<u64>);

impl FromIterator<(ObjectKey, Version)> for Askers {
    fn from_iter<I: IntoIterator<Item = (ObjectKey, Version)>>(all: I) -> Self {
        let mark = |(key, version): (ObjectKey, Version)| {
            let mut hasher = DefaultHasher::new();
            (key.namespace, key.name).hash(&mut hasher);
            (version.uid, version.generation, version.requested).hash(&mut hasher);
            hasher.finish()
        };
        Self(all.into_iter().map(mark).take(MOST_ASKERS).collect())
    }
}

/// A place that could not be written.
#[derive(Debug)]
struct Setback {
    verdict: Verdict,
    is_lasting: bool,
    /// How often in a row.
    failures: u32,
    since: Timestamp,
    wait: Duration,
    /// Who has been told.
    askers: Askers,
}

impl Setback {
    /// When it is tried again.
    fn until(&self) -> Timestamp {
        // The longest wait is an hour: only the end of time itself is out of reach.
        self.since.checked_add(self.wait).unwrap_or(Timestamp::MAX)
    }

    /// A clock that was set back ends the wait: nobody knows how long it would last.
    fn waits(&self, now: Timestamp) -> bool {
        self.since <= now && now < self.until()
    }

    fn is_forgotten(&self, now: Timestamp) -> bool {
        let end = self.until().checked_add(FORGOTTEN_AFTER);
        now < self.since || end.is_ok_and(|end| end <= now)
    }

    fn told(&self) -> Verdict {
        self.verdict.clone().with_another_look(Some(self.until()))
    }
}

/// The places that could not be written lately.
#[derive(Debug, Default)]
pub struct Setbacks {
    known: BTreeMap<Place, Setback>,
}

impl Setbacks {
    /// Whether `place` may be tried. An error is the verdict of its last failure, with the time of the next try.
    ///
    /// Somebody among `askers` who was not told yet, as it is new, changed or asks for a cycle, need not wait.
    pub fn check(&self, place: &Place, askers: &Askers, now: Timestamp) -> Result<(), Verdict> {
        match self.known.get(place) {
            Some(setback) if setback.waits(now) && askers.0.is_subset(&setback.askers.0) => Err(setback.told()),
            _ => Ok(()),
        }
    }

    /// Remembers that `place` failed, and answers the verdict with the time of the next try. A try that somebody asked for
    /// during the wait does not make the next one longer.
    pub fn failed(
        &mut self,
        place: Place,
        askers: Askers,
        verdict: Verdict,
        disposition: Disposition,
        now: Timestamp,
    ) -> Verdict {
        self.known.retain(|_, setback| !setback.is_forgotten(now));
        let (is_lasting, at_least) = match disposition {
            Disposition::Stalled | Disposition::BackOff => (true, Duration::ZERO),
            Disposition::Retry => (false, Duration::ZERO),
            Disposition::RateLimited(wait) => (false, wait.min(LASTING.1)),
            Disposition::DecideAgain => return verdict,
        };
        let before = self.known.remove(&place);
        let before = before.filter(|before| before.is_lasting == is_lasting);
        let failures = before.as_ref().map_or(1, |before| {
            before.failures.saturating_add(u32::from(!before.waits(now)))
        });
        let (first, longest) = if is_lasting { LASTING } else { PASSING };
        let doubled = first.saturating_mul(2_u32.saturating_pow(failures - 1));
        let mut told = askers;
        if let Some(before) = before
            && before.askers.0.len() + told.0.len() <= MOST_ASKERS
        {
            told.0.extend(before.askers.0);
        }
        let setback = Setback {
            verdict,
            is_lasting,
            failures,
            since: now,
            wait: doubled.min(longest).max(at_least),
            askers: told,
        };
        let verdict = setback.told();
        self.known.insert(place, setback);
        self.bound();
        verdict
    }

    /// Forgets the failures of `place`: it was written, or listed.
    pub fn succeeded(&mut self, place: &Place) {
        self.known.remove(place);
    }

    /// Of too many, the one that is tried again first is dropped.
    fn bound(&mut self) {
        while self.known.len() > MOST_PLACES {
            let soonest = self.known.iter().min_by_key(|(_, setback)| setback.until());
            let Some(place) = soonest.map(|(place, _)| place.clone()) else {
                return;
            };
            self.known.remove(&place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::verdict::Reason;

    /// So many seconds after the beginning.
    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_767_225_600 + seconds).unwrap()
    }

    fn askers(resources: &[(&str, i64, &str)]) -> Askers {
        let one = |(name, generation, requested): &(&str, i64, &str)| {
            let version = Version {
                uid: format!("uid of {name}"),
                generation: *generation,
                requested: Some((*requested).to_owned()).filter(|text| !text.is_empty()),
            };
            (ObjectKey::new("argocd", *name), version)
        };
        resources.iter().map(one).collect()
    }

    fn deploy_main() -> Place {
        Place::repository("https://git.example.com/deploy", "identity").branch("main")
    }

    fn refused() -> Verdict {
        Verdict::new(
            Reason::WriteFailed,
            "refused to update main: protected branch hook declined",
        )
    }

    /// The waits after failures, each of which happens when the wait before it is over.
    fn waits(disposition: Disposition, count: usize) -> Vec<i64> {
        let (mut setbacks, mut now, mut waits) = (Setbacks::default(), 0, Vec::new());
        for _ in 0..count {
            let verdict = setbacks.failed(
                deploy_main(),
                askers(&[("shop", 1, "")]),
                refused(),
                disposition,
                at(now),
            );
            let wait = verdict.again.unwrap().as_second() - at(now).as_second();
            waits.push(wait);
            now += wait;
        }
        waits
    }

    #[test]
    fn waits_double_up_to_their_bound() {
        let hour = Duration::from_hours(1);
        for (disposition, expected) in [
            (Disposition::BackOff, [60, 120, 240, 480, 960, 1920, 3600, 3600]),
            (Disposition::Stalled, [60, 120, 240, 480, 960, 1920, 3600, 3600]),
            (Disposition::Retry, [10, 20, 40, 80, 160, 300, 300, 300]),
            (
                Disposition::RateLimited(Duration::from_secs(90)),
                [90, 90, 90, 90, 160, 300, 300, 300],
            ),
            (Disposition::RateLimited(hour * 9), [3600; 8]),
        ] {
            assert_eq!(waits(disposition, 8), expected, "{disposition:?}");
        }
        assert_eq!(waits(Disposition::BackOff, 200).last(), Some(&3600));
    }

    #[test]
    fn while_a_wait_lasts_the_last_failure_is_told_again_with_the_time_of_the_next_try() {
        let mut setbacks = Setbacks::default();
        let shop = askers(&[("shop", 1, "")]);
        assert_eq!(setbacks.check(&deploy_main(), &shop, at(0)), Ok(()), "nothing is known");

        let told = setbacks.failed(deploy_main(), shop.clone(), refused(), Disposition::BackOff, at(0));

        assert_eq!(told, refused().with_another_look(Some(at(60))));
        for (now, expected) in [(0, Err(told.clone())), (59, Err(told)), (60, Ok(())), (-1, Ok(()))] {
            assert_eq!(
                setbacks.check(&deploy_main(), &shop, at(now)),
                expected,
                "after {now} s"
            );
        }
    }

    #[test]
    fn only_the_same_repository_branch_and_credentials_wait() {
        let mut setbacks = Setbacks::default();
        let shop = askers(&[("shop", 1, "")]);
        setbacks.failed(deploy_main(), shop.clone(), refused(), Disposition::BackOff, at(0));
        let repository = Place::repository("https://git.example.com/deploy", "identity");
        for (place, waits) in [
            (deploy_main(), true),
            (repository.branch("next"), false),
            (repository.clone(), false),
            (
                Place::repository("https://git.example.com/other", "identity").branch("main"),
                false,
            ),
            (
                Place::repository("https://git.example.com/deploy", "new password").branch("main"),
                false,
            ),
        ] {
            assert_eq!(setbacks.check(&place, &shop, at(1)).is_err(), waits, "{place:?}");
        }
    }

    #[test]
    fn who_changed_or_asks_for_a_cycle_does_not_wait() {
        let mut setbacks = Setbacks::default();
        let told = [("shop", 1, ""), ("web", 4, "monday")];
        setbacks.failed(deploy_main(), askers(&told), refused(), Disposition::BackOff, at(0));
        for (now, waits) in [
            (vec![("shop", 1, "")], true),
            (vec![("web", 4, "monday"), ("shop", 1, "")], true),
            (vec![("shop", 2, "")], false),
            (vec![("shop", 1, "now")], false),
            (vec![("web", 4, "tuesday"), ("shop", 1, "")], false),
            (vec![("new", 1, ""), ("shop", 1, "")], false),
        ] {
            assert_eq!(
                setbacks.check(&deploy_main(), &askers(&now), at(1)).is_err(),
                waits,
                "{now:?}"
            );
        }
    }

    #[test]
    fn a_try_that_was_asked_for_does_not_make_the_wait_longer_and_is_told_once() {
        let mut setbacks = Setbacks::default();
        let fail = |setbacks: &mut Setbacks, requested, now| {
            let shop = askers(&[("shop", 1, requested)]);
            let again = setbacks
                .failed(deploy_main(), shop, refused(), Disposition::BackOff, at(now))
                .again;
            again.unwrap().as_second() - at(now).as_second()
        };
        assert_eq!(fail(&mut setbacks, "", 0), 60);
        for (requested, now) in [("a", 5), ("b", 10), ("c", 15)] {
            assert_eq!(fail(&mut setbacks, requested, now), 60, "{requested}");
            let same = askers(&[("shop", 1, requested)]);
            assert!(
                setbacks.check(&deploy_main(), &same, at(now + 1)).is_err(),
                "{requested}"
            );
        }
        let other = askers(&[("shop", 1, "")]);
        assert!(
            setbacks.check(&deploy_main(), &other, at(16)).is_err(),
            "it knows already"
        );
        assert_eq!(fail(&mut setbacks, "c", 75), 120, "the wait was over");
    }

    #[test]
    fn a_success_or_another_kind_of_failure_starts_with_the_shortest_wait() {
        let shop = || askers(&[("shop", 1, "")]);
        let again = |setbacks: &mut Setbacks, disposition, now| {
            let verdict = setbacks.failed(deploy_main(), shop(), refused(), disposition, at(now));
            verdict.again.map(|again| again.as_second() - at(now).as_second())
        };
        let mut setbacks = Setbacks::default();
        assert_eq!(again(&mut setbacks, Disposition::BackOff, 0), Some(60));
        assert_eq!(again(&mut setbacks, Disposition::BackOff, 60), Some(120));
        setbacks.succeeded(&deploy_main());
        assert_eq!(setbacks.check(&deploy_main(), &shop(), at(61)), Ok(()));
        assert_eq!(again(&mut setbacks, Disposition::BackOff, 61), Some(60));
        assert_eq!(again(&mut setbacks, Disposition::Retry, 121), Some(10));
        assert_eq!(again(&mut setbacks, Disposition::Retry, 131), Some(20));
        assert_eq!(
            again(&mut setbacks, Disposition::Retry, 24 * 3600),
            Some(10),
            "long ago"
        );
        assert_eq!(
            again(&mut setbacks, Disposition::DecideAgain, 48 * 3600),
            None,
            "others may write"
        );
        assert_eq!(setbacks.check(&deploy_main(), &shop(), at(48 * 3600)), Ok(()));
    }

    #[test]
    fn the_memory_is_bounded_and_keeps_the_longest_waits() {
        let mut setbacks = Setbacks::default();
        let repository = Place::repository("https://git.example.com/deploy", "identity");
        let shop = || askers(&[("shop", 1, "")]);
        for branch in 0..2 * MOST_PLACES {
            let place = repository.branch(branch.to_string());
            let now = at(i64::try_from(branch / 100).unwrap());
            setbacks.failed(place, shop(), refused(), Disposition::BackOff, now);
        }
        assert_eq!(setbacks.known.len(), MOST_PLACES);
        let waits = |branch: usize| {
            let place = repository.branch(branch.to_string());
            setbacks.check(&place, &shop(), at(10)).is_err()
        };
        assert!(waits(2 * MOST_PLACES - 1) && !waits(0));
    }
}
