//! Manners: how fast a registry is asked, how many requests are in flight, and what happens after a 429.
//!
//! The rate belongs to an entry of `registries.conf`. Everything else belongs to the [`Site`], the server behind it, which
//! several entries may share: a 429, or a 503 with `Retry-After`, closes it for everybody in this process until then, and
//! whoever comes to a closed site gets `RateLimited` at once and asks nothing. Nobody but the server itself closes it: a
//! token server elsewhere has a [`Door`] of its own, and the target of a redirect has none.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use governor::{Quota, RateLimiter, clock::Clock, middleware::NoOpMiddleware, state::InMemoryState, state::NotKeyed};
use jiff::Timestamp;
use reqwest::{StatusCode, header::HeaderMap};
use tokio::{
    sync::{Mutex as AsyncMutex, Semaphore, SemaphorePermit},
    time::Instant,
};
use url::Origin;

use super::{
    backoff::{Backoff, Draw, chance},
    counts::Kind,
    quota::Quotas,
    retry_after,
};

/// How long a registry is left alone when it does not say how long; twice as long each time.
const FIRST_WAIT: Duration = Duration::from_mins(1);
/// The longest that a registry is left alone when it does not say how long.
const LONGEST_WAIT: Duration = Duration::from_hours(1);
/// The longest that a registry is left alone, whatever it says.
const MAX_WAIT: Duration = Duration::from_hours(6);
/// The longest that a token server elsewhere is left alone, whatever it says.
const MAX_TOKEN_WAIT: Duration = Duration::from_mins(10);
/// The most unused requests that may be made up for at once.
const BURST: NonZeroU32 = NonZeroU32::new(10).expect("10 is not zero");
/// The most servers that are remembered; idle ones are forgotten first.
const MAX_SITES: usize = 1024;

/// Every request to one registry goes through its gate.
pub(crate) struct Gate {
    rate: Option<Rate>,
    pub(crate) site: Arc<Site>,
}

/// So many requests a second, in the order in which they came.
struct Rate {
    limiter: RateLimiter<NotKeyed, InMemoryState, SinceStart, NoOpMiddleware<Duration>>,
    clock: SinceStart,
    turn: AsyncMutex<()>,
}

/// The time of the runtime, which tests can advance.
#[derive(Debug, Clone, Copy)]
struct SinceStart(Instant);

impl Clock for SinceStart {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

/// The servers that this process speaks to: one for each scheme, host and port.
#[derive(Default)]
pub(crate) struct Sites {
    known: Mutex<HashMap<Origin, Arc<Site>>>,
}

impl Sites {
    /// The server at `origin`, which gets `in_flight` requests at the same time.
    pub(crate) fn of(&self, origin: Origin, in_flight: usize) -> Arc<Site> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_SITES {
            known.retain(|_, site| Arc::strong_count(site) > 1);
        }
        Arc::clone(
            known
                .entry(origin)
                .or_insert_with(|| Arc::new(Site::new(in_flight, chance))),
        )
    }
}

/// One server, whoever asks it.
pub(crate) struct Site {
    slots: Semaphore,
    door: Door,
    /// How many pulls it still allows.
    pub(crate) quotas: Quotas,
}

/// Whether a server may be asked, as it says itself.
pub(crate) struct Door {
    state: Mutex<State>,
    /// The longest that it stays closed, whatever the server says.
    longest: Duration,
}

struct State {
    closed: Option<Closed>,
    /// How often it was closed.
    closings: u64,
    /// What was refused without a time, the last time that this happened.
    refused: Option<Kind>,
    backoff: Backoff,
}

/// A request that went through a door: what it is, and how often the door was closed before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Passed {
    kind: Kind,
    closings: u64,
}

#[derive(Debug, Clone, Copy)]
struct Closed {
    until: Instant,
    shown: Timestamp,
}

/// The registry is not to be asked now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MustWait {
    pub(crate) until: Timestamp,
    pub(crate) wait: Duration,
}

/// A request in flight, as long as this lives.
pub(crate) struct Entered<'a> {
    site: &'a Site,
    passed: Passed,
    _slot: SemaphorePermit<'a>,
}

impl Gate {
    /// A gate for `limit` requests a second (`None` is unlimited) to `site`.
    pub(crate) fn new(limit: Option<NonZeroU32>, site: Arc<Site>) -> Self {
        let clock = SinceStart(Instant::now());
        let rate = limit.map(|n| Rate {
            limiter: RateLimiter::direct_with_clock(Quota::per_second(n).allow_burst(n.min(BURST)), clock),
            clock,
            turn: AsyncMutex::new(()),
        });
        Self { rate, site }
    }

    /// Waits for the turn of a request. Probes and tokens do not count against the rate. Whoever waits asks `may` again
    /// each time that it is about to go on: the registry may have died, or closed, in the meantime.
    pub(crate) async fn enter<E>(&self, kind: Kind, may: impl Fn() -> Result<(), E>) -> Result<Entered<'_>, E> {
        may()?;
        if !matches!(kind, Kind::Ping | Kind::Token)
            && let Some(rate) = &self.rate
        {
            let _turn = rate.turn.lock().await;
            may()?;
            rate.ready().await;
        }
        let slot = self.site.slots.acquire().await.expect("the semaphore is never closed");
        may()?;
        Ok(Entered {
            site: &self.site,
            passed: self.site.door.pass(kind),
            _slot: slot,
        })
    }
}

impl Rate {
    async fn ready(&self) {
        while let Err(early) = self.limiter.check() {
            tokio::time::sleep(early.wait_time_from(self.clock.now())).await;
        }
    }
}

impl Site {
    pub(crate) fn new(in_flight: usize, draw: Draw) -> Self {
        Self {
            slots: Semaphore::new(in_flight.max(1)),
            door: Door::new(MAX_WAIT, draw),
            quotas: Quotas::default(),
        }
    }

    /// Whether it may be asked now.
    pub(crate) fn check(&self) -> Result<(), MustWait> {
        self.door.check()
    }
}

impl Entered<'_> {
    /// Looks at the registry's own answer: when it asks to wait, it is closed for everybody.
    pub(crate) fn answered(&self, status: StatusCode, headers: &HeaderMap) -> Result<(), MustWait> {
        self.site.door.answered(self.passed, status, headers)
    }
}

impl Door {
    fn new(longest: Duration, draw: Draw) -> Self {
        Self {
            state: Mutex::new(State {
                closed: None,
                closings: 0,
                refused: None,
                backoff: Backoff::new(FIRST_WAIT, LONGEST_WAIT.min(longest), draw),
            }),
            longest,
        }
    }

    /// The door of a token server that is not the registry's own origin. Nobody but those who need a token waits there.
    pub(crate) fn of_tokens() -> Self {
        Self::new(MAX_TOKEN_WAIT, chance)
    }

    /// Whether the server may be asked now.
    pub(crate) fn check(&self) -> Result<(), MustWait> {
        self.state().told().map_or(Ok(()), Err)
    }

    /// A request goes through.
    pub(crate) fn pass(&self, kind: Kind) -> Passed {
        let closings = self.state().closings;
        Passed { kind, closings }
    }

    /// Looks at the answer: whether the server asks to wait.
    pub(crate) fn answered(&self, passed: Passed, status: StatusCode, headers: &HeaderMap) -> Result<(), MustWait> {
        let mut state = self.state();
        match (status, retry_after::read(headers, Timestamp::now())) {
            (StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE, Some(asked)) => {
                Err(state.close(asked.min(self.longest)))
            }
            (StatusCode::TOO_MANY_REQUESTS, None) => Err(match state.told() {
                // It was sent before the server was closed: of many refused at once, one counts.
                Some(told) if state.closings != passed.closings => told,
                _ => {
                    let wait = state.backoff.wait();
                    state.refused = Some(passed.kind);
                    state.close(wait)
                }
            }),
            // Others may be allowed while this kind still is not: pulls have a quota of their own at Docker Hub.
            _ if !status.is_server_error()
                && state.closings == passed.closings
                && state.refused == Some(passed.kind) =>
            {
                state.refused = None;
                state.backoff.reset();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn close(&mut self, wait: Duration) -> MustWait {
        let wait = wait.max(Duration::from_secs(1));
        let closed = Closed {
            until: Instant::now() + wait,
            shown: shown(wait),
        };
        self.closings += 1;
        let longer = self.closed.filter(|before| before.until >= closed.until);
        let closed = *self.closed.insert(longer.unwrap_or(closed));
        MustWait {
            until: closed.shown,
            wait: closed.until.saturating_duration_since(Instant::now()),
        }
    }

    fn told(&self) -> Option<MustWait> {
        let closed = self.closed?;
        let wait = closed.until.saturating_duration_since(Instant::now());
        (!wait.is_zero()).then_some(MustWait {
            until: closed.shown,
            wait,
        })
    }
}

/// The moment in `wait`, in whole seconds.
pub(crate) fn shown(wait: Duration) -> Timestamp {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let seconds = Timestamp::now()
        .as_second()
        .saturating_add(i64::try_from(seconds).unwrap_or(0));
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
