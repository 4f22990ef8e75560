//! How many pulls a registry still allows, as it says itself, and a part of them that is left to the cluster.
//!
//! Docker Hub counts each GET of a manifest as a pull, of a user or, without credentials, of an IP address; HEAD and tag
//! lists do not count. Its answers carry `ratelimit-limit: 100;w=21600` and `ratelimit-remaining: 76;w=21600` (Docker's
//! documentation, "Docker Hub pull usage and limits"): pulls, and the seconds in which they may be made. Nodes behind the
//! same address pull from the same quota, and they come first: the last tenth is theirs.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use reqwest::header::HeaderMap;
use tokio::{
    sync::{Mutex as AsyncMutex, OwnedMutexGuard},
    time::Instant,
};

use super::{credentials::CredentialsIdentity, limiter};

/// The part of the limit that is left alone.
const RESERVED_PART: u64 = 10;
/// The longest wait for one more pull: what is left is asked for again then.
const LONGEST_WAIT: Duration = Duration::from_hours(1);
/// The time in which the pulls may be made, when the registry does not say it.
const DEFAULT_WINDOW: Duration = Duration::from_hours(1);
/// The most identities whose quota is remembered.
const MAX_IDENTITIES: usize = 10_000;

/// What a server allows each of those who ask it.
#[derive(Default)]
pub(crate) struct Quotas {
    known: Mutex<HashMap<Option<CredentialsIdentity>, Arc<Quota>>>,
}

impl Quotas {
    /// What it allows this one.
    pub(crate) fn of(&self, identity: Option<CredentialsIdentity>) -> Arc<Quota> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_IDENTITIES && !known.contains_key(&identity) {
            known.retain(|_, quota| Arc::strong_count(quota) > 1);
        }
        Arc::clone(known.entry(identity).or_default())
    }
}

/// What one server allows one identity.
#[derive(Default)]
pub(crate) struct Quota {
    state: Mutex<State>,
    /// Held by the first pull, until it is known whether there is a quota at all.
    first: Arc<AsyncMutex<()>>,
}

#[derive(Default)]
struct State {
    /// Whether a pull was answered.
    is_known: bool,
    /// What the registry said about its quota, if it has one.
    told: Option<Told>,
    /// At most so many pulls are left, those in flight taken off.
    left: u64,
    /// How many pulls were sent.
    sent: u64,
    in_flight: u64,
    /// When there should be one pull more than what is left alone.
    again: Option<(Instant, Timestamp)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Told {
    limit: u64,
    window: Duration,
}

/// What is left is not for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reserved {
    /// How many pulls the registry allows in all.
    pub(crate) limit: u64,
    pub(crate) until: Timestamp,
    pub(crate) wait: Duration,
}

/// The turn of a pull. The first one keeps it until its answer was read.
pub(crate) struct Turn {
    _first: Option<OwnedMutexGuard<()>>,
}

/// A request whose answer may tell what is left.
pub(crate) struct Watched {
    quota: Arc<Quota>,
    is_pull: bool,
    /// No other pull was in flight when it was sent.
    alone: bool,
    sent: u64,
    _turn: Turn,
}

impl Quota {
    /// Whether a pull may be made now, as far as is known.
    pub(crate) fn check(&self) -> Result<(), Reserved> {
        self.state().check()
    }

    /// Waits until a pull may be sent, as long as nobody knows what is left: the very first is sent alone. To be asked for
    /// before anything that others wait for too.
    pub(crate) async fn turn(&self) -> Turn {
        if self.state().is_known {
            return Turn { _first: None };
        }
        let first = Arc::clone(&self.first).lock_owned().await;
        Turn {
            _first: (!self.state().is_known).then_some(first),
        }
    }

    /// Sends a pull, if that leaves enough.
    pub(crate) fn pull(self: &Arc<Self>, turn: Turn) -> Result<Watched, Reserved> {
        let mut state = self.state();
        state.check()?;
        if let Some(told) = state.told {
            // Past the moment at which there should be one more, there is one.
            state.left = state.left.max(told.reserve() + 1) - 1;
            state.again = None;
        }
        let alone = state.in_flight == 0;
        state.sent += 1;
        state.in_flight += 1;
        Ok(Watched {
            quota: Arc::clone(self),
            is_pull: true,
            alone,
            sent: state.sent,
            _turn: turn,
        })
    }

    /// Sends a request that is no pull.
    pub(crate) fn look(self: &Arc<Self>) -> Watched {
        let state = self.state();
        Watched {
            quota: Arc::clone(self),
            is_pull: false,
            alone: state.in_flight == 0,
            sent: state.sent,
            _turn: Turn { _first: None },
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watched {
    /// There is an answer. `headers` are those of the registry itself; `None` when what they say is not about its quota.
    pub(crate) fn answered(&self, headers: Option<&HeaderMap>) {
        let mut state = self.quota.state();
        let number = |name| read(headers?, name);
        if let (Some((limit, window)), Some((left, _))) = (number("ratelimit-limit"), number("ratelimit-remaining")) {
            // Answers overtake each other, and what they say is older than what was sent since. Only one that was alone
            // may say that there is more than was thought.
            let exact = self.alone && state.sent == self.sent;
            let before = state.told.map(|_| state.left);
            state.told = Some(Told {
                limit,
                window: window.unwrap_or(DEFAULT_WINDOW),
            });
            state.left = match before {
                Some(before) if !exact => before.min(left),
                None if !exact => left.saturating_sub(state.in_flight),
                _ => left,
            };
            if before != Some(state.left) {
                state.again = None;
            }
        }
        state.is_known |= self.is_pull;
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if self.is_pull {
            let mut state = self.quota.state();
            state.in_flight = state.in_flight.saturating_sub(1);
        }
    }
}

impl State {
    fn check(&mut self) -> Result<(), Reserved> {
        let Some(told) = self.told.filter(|told| self.left <= told.reserve()) else {
            return Ok(());
        };
        let (at, until) = *self.again.get_or_insert_with(|| {
            let wait = told.wait(self.left);
            (Instant::now() + wait, limiter::shown(wait))
        });
        let wait = at.saturating_duration_since(Instant::now());
        if wait.is_zero() {
            return Ok(());
        }
        Err(Reserved {
            limit: told.limit,
            until,
            wait,
        })
    }
}

impl Told {
    /// How many are left to the cluster.
    fn reserve(self) -> u64 {
        self.limit.div_ceil(RESERVED_PART)
    }

    /// How long it takes until one more than the reserve is there, when they come back evenly.
    fn wait(self, left: u64) -> Duration {
        let missing = (self.reserve() + 1).saturating_sub(left);
        let each = self.window.as_secs().checked_div(self.limit).unwrap_or(u64::MAX).max(1);
        Duration::from_secs(each.saturating_mul(missing)).min(LONGEST_WAIT)
    }
}

/// `100;w=21600`: a number, and the seconds for which it counts.
fn read(headers: &HeaderMap, name: &str) -> Option<(u64, Option<Duration>)> {
    let text = headers.get(name)?.to_str().ok()?;
    let mut parts = text.split(',').next()?.split(';').map(str::trim);
    let number = parts.next()?.parse().ok()?;
    let window = parts.find_map(|part| part.strip_prefix("w=")?.parse().ok());
    Some((number, window.filter(|seconds| *seconds > 0).map(Duration::from_secs)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(limit: &str, remaining: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in [("ratelimit-limit", limit), ("ratelimit-remaining", remaining)] {
            if !value.is_empty() {
                headers.insert(name, value.parse().unwrap());
            }
        }
        headers
    }

    async fn next(quota: &Arc<Quota>) -> Result<Watched, Reserved> {
        let turn = quota.turn().await;
        quota.pull(turn)
    }

    async fn pull(quota: &Arc<Quota>, limit: &str, remaining: &str) {
        let watched = next(quota).await.unwrap();
        watched.answered(Some(&headers(limit, remaining)));
    }

    #[tokio::test(start_paused = true)]
    async fn pulls_wait_as_soon_as_only_the_reserve_is_left() {
        for (limit, remaining, wait) in [
            ("100;w=21600", "76;w=21600", None),
            ("100;w=21600", "11;w=21600", None),
            ("100;w=21600", "10;w=21600", Some(216)),
            ("100;w=21600", "8;w=21600", Some(3 * 216)),
            ("100;w=21600", "0;w=21600", Some(11 * 216)),
            ("100, 100;w=60", "0", Some(11 * 36)),
            ("100", "10", Some(36)),
            ("100;w=0", "10", Some(36)),
            ("10;w=3600", "1;w=3600", Some(360)),
            ("0;w=3600", "0;w=3600", Some(3600)),
            ("1;w=99999999999", "0", Some(3600)),
            ("", "0", None),
            ("100;w=21600", "", None),
            ("100;w=21600", "none", None),
            ("99999999999999999999999", "0", None),
        ] {
            let quota = Arc::<Quota>::default();
            pull(&quota, limit, remaining).await;
            let told = quota.check().err().map(|told| told.wait.as_secs());
            assert_eq!(told, wait, "{limit} {remaining}");
            assert_eq!(next(&quota).await.err().map(|told| told.wait.as_secs()), wait);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_pull_goes_on_when_it_should_be_there_and_its_answer_tells_how_much_is() {
        let quota = Arc::<Quota>::default();
        pull(&quota, "100;w=21600", "10;w=21600").await;
        let before = quota.check().unwrap_err();
        tokio::time::advance(Duration::from_secs(100)).await;
        assert_eq!(
            quota.check().unwrap_err().until,
            before.until,
            "the text stays the same"
        );
        tokio::time::advance(Duration::from_secs(116)).await;
        let one = next(&quota).await.unwrap();
        assert!(next(&quota).await.is_err(), "one only");
        one.answered(Some(&headers("100;w=21600", "99;w=21600")));
        drop(one);
        assert!(quota.check().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_later_answer_that_is_no_pull_opens_it_again() {
        let quota = Arc::<Quota>::default();
        pull(&quota, "100;w=21600", "3;w=21600").await;
        assert!(quota.check().is_err());
        quota.look().answered(Some(&headers("100;w=21600", "50;w=21600")));
        assert!(quota.check().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn answers_that_overtake_each_other_never_make_it_more() {
        let quota = Arc::<Quota>::default();
        pull(&quota, "100;w=21600", "13;w=21600").await;
        let mut flying = Vec::new();
        while let Ok(one) = next(&quota).await {
            flying.push(one);
        }
        assert_eq!(flying.len(), 3);
        let look = quota.look();
        for (one, left) in flying.iter().zip(["10", "11", "12"]) {
            one.answered(Some(&headers("100;w=21600", left)));
        }
        drop(flying);
        look.answered(Some(&headers("100;w=21600", "12;w=21600")));
        assert!(quota.check().is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_goes_before_the_first_answer_tells_whether_there_is_a_quota() {
        for (limit, remaining, free) in [("", "", true), ("100;w=21600", "10;w=21600", false)] {
            let quota = Arc::<Quota>::default();
            let first = next(&quota).await.unwrap();
            let second = next(&quota);
            tokio::pin!(second);
            assert!(futures::poll!(&mut second).is_pending());
            first.answered(Some(&headers(limit, remaining)));
            drop(first);
            assert_eq!(second.await.is_ok(), free);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_tells_nothing_of_pulls_lets_the_others_go() {
        let quota = Arc::<Quota>::default();
        let first = next(&quota).await.unwrap();
        let (second, third) = (next(&quota), next(&quota));
        tokio::pin!(second, third);
        assert!(futures::poll!(&mut second).is_pending() && futures::poll!(&mut third).is_pending());
        first.answered(None);
        drop(first);
        // Both at once: neither waits for the end of the other.
        let flying = [second.await, third.await];
        assert!(flying.iter().all(Result::is_ok));
    }

    #[tokio::test(start_paused = true)]
    async fn identities_have_quotas_of_their_own() {
        let quotas = Quotas::default();
        assert!(Arc::ptr_eq(&quotas.of(None), &quotas.of(None)));
        let bob = super::super::Credentials::new("bob", crate::secret::Secret::new("x")).identity();
        assert!(!Arc::ptr_eq(&quotas.of(None), &quotas.of(Some(bob))));
    }
}
