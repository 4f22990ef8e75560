//! Manners: how fast a registry is asked, how many requests are in flight, and what happens after a 429.
//!
//! The rate belongs to an entry of `registries.conf`. Everything else belongs to the [`Site`], the server behind it, which
//! several entries may share: a 429, or a 503 with `Retry-After`, closes it for everybody in this process until then, and
//! whoever comes to a closed site gets `RateLimited` at once and asks nothing.

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
    door: Mutex<Door>,
    /// How many pulls it still allows.
    pub(crate) quotas: Quotas,
}

struct Door {
    closed: Option<Closed>,
    /// How often it was closed.
    closings: u64,
    /// What was refused without a time, the last time that this happened.
    refused: Option<Kind>,
    backoff: Backoff,
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
    kind: Kind,
    closings: u64,
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
            kind,
            closings: self.site.door().closings,
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
            door: Mutex::new(Door {
                closed: None,
                closings: 0,
                refused: None,
                backoff: Backoff::new(FIRST_WAIT, LONGEST_WAIT, draw),
            }),
            quotas: Quotas::default(),
        }
    }

    /// Whether it may be asked now.
    pub(crate) fn check(&self) -> Result<(), MustWait> {
        self.door().told().map_or(Ok(()), Err)
    }

    fn door(&self) -> MutexGuard<'_, Door> {
        self.door.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entered<'_> {
    /// Looks at the answer: when the registry asks to wait, it is closed for everybody.
    pub(crate) fn answered(&self, status: StatusCode, headers: &HeaderMap) -> Result<(), MustWait> {
        let mut door = self.site.door();
        match (status, retry_after::read(headers, Timestamp::now())) {
            (StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE, Some(asked)) => Err(door.close(asked)),
            (StatusCode::TOO_MANY_REQUESTS, None) => Err(match door.told() {
                // It was sent before the registry was closed: of many refused at once, one counts.
                Some(told) if door.closings != self.closings => told,
                _ => {
                    let wait = door.backoff.wait();
                    door.refused = Some(self.kind);
                    door.close(wait)
                }
            }),
            // Others may be allowed while this kind still is not: pulls have a quota of their own at Docker Hub.
            _ if !status.is_server_error() && door.closings == self.closings && door.refused == Some(self.kind) => {
                door.refused = None;
                door.backoff.reset();
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl Door {
    fn close(&mut self, wait: Duration) -> MustWait {
        let wait = wait.clamp(Duration::from_secs(1), MAX_WAIT);
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
