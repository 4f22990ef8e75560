//! Manners: how fast a registry is asked, how many requests are in flight, and what happens after a 429.
//!
//! A 429, or a 503 with `Retry-After`, closes the [`Gate`] of that registry for everybody in this process until then
//! ([`Gate::close`]); whoever comes to the closed gate gets `RateLimited` at once and asks nothing.

use std::{
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use jiff::Timestamp;
use reqwest::{StatusCode, header::HeaderMap};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::Instant,
};

/// How long a registry is left alone when it does not say how long.
const DEFAULT_WAIT: Duration = Duration::from_mins(1);
/// The longest that a registry is left alone, whatever it says.
const MAX_WAIT: Duration = Duration::from_hours(6);
/// The most unused requests that may be made up for at once.
const BURST: NonZeroU32 = NonZeroU32::new(10).expect("10 is not zero");

/// Every request to one registry goes through its gate.
pub(crate) struct Gate {
    rate: Option<DefaultDirectRateLimiter>,
    slots: Semaphore,
    closed_until: Mutex<Option<Closed>>,
}

#[derive(Debug, Clone, Copy)]
struct Closed {
    until: Instant,
    shown: Timestamp,
}

/// The gate is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MustWait {
    pub(crate) until: Timestamp,
    pub(crate) wait: Duration,
}

impl Gate {
    /// A gate for `limit` requests a second (`None` is unlimited), and `in_flight` at the same time.
    pub(crate) fn new(limit: Option<NonZeroU32>, in_flight: usize) -> Self {
        Self {
            rate: limit.map(|n| RateLimiter::direct(Quota::per_second(n).allow_burst(n.min(BURST)))),
            slots: Semaphore::new(in_flight.max(1)),
            closed_until: Mutex::new(None),
        }
    }

    /// Waits for the turn of a request; `limited` is false for probes and tokens, which do not count against the rate.
    /// The request is in flight as long as the permit lives.
    pub(crate) async fn enter(&self, limited: bool) -> Result<SemaphorePermit<'_>, MustWait> {
        self.check()?;
        if limited && let Some(rate) = &self.rate {
            rate.until_ready().await;
        }
        let permit = self.slots.acquire().await.expect("the semaphore is never closed");
        // It may have been closed while this request waited.
        self.check()?;
        Ok(permit)
    }

    /// Looks at an answer: when the registry asks to wait, the gate is closed for everybody.
    pub(crate) fn close_if_asked(&self, status: StatusCode, headers: &HeaderMap) -> Result<(), MustWait> {
        let asked = headers
            .get("retry-after")
            .and_then(|v| v.to_str().ok())
            .and_then(retry_after);
        match (status, asked) {
            (StatusCode::TOO_MANY_REQUESTS, asked) => Err(self.close(asked.unwrap_or(DEFAULT_WAIT))),
            (StatusCode::SERVICE_UNAVAILABLE, Some(asked)) => Err(self.close(asked)),
            _ => Ok(()),
        }
    }

    fn close(&self, wait: Duration) -> MustWait {
        let wait = wait.clamp(Duration::from_secs(1), MAX_WAIT);
        let closed = Closed {
            until: Instant::now() + wait,
            shown: shown(wait),
        };
        let mut current = self.closed_until.lock().unwrap_or_else(PoisonError::into_inner);
        if current.is_none_or(|c| c.until < closed.until) {
            *current = Some(closed);
        }
        MustWait {
            until: closed.shown,
            wait,
        }
    }

    fn check(&self) -> Result<(), MustWait> {
        let closed = *self.closed_until.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(closed) = closed else { return Ok(()) };
        let wait = closed.until.saturating_duration_since(Instant::now());
        if wait.is_zero() {
            return Ok(());
        }
        Err(MustWait {
            until: closed.shown,
            wait,
        })
    }
}

/// The moment in `wait`, in whole seconds.
fn shown(wait: Duration) -> Timestamp {
    let seconds = Timestamp::now()
        .as_second()
        .saturating_add(i64::try_from(wait.as_secs()).unwrap_or(0));
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
}

/// `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date.
fn retry_after(text: &str) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    let seconds = date.as_second().saturating_sub(Timestamp::now().as_second());
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(retry_after: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(text) = retry_after {
            headers.insert("retry-after", text.parse().unwrap());
        }
        headers
    }

    #[tokio::test(start_paused = true)]
    async fn a_429_closes_the_gate_for_everybody_until_then() {
        let gate = Gate::new(None, 10);
        assert!(gate.enter(true).await.is_ok());
        let told = gate
            .close_if_asked(StatusCode::TOO_MANY_REQUESTS, &headers(Some("30")))
            .unwrap_err();
        assert_eq!(told.wait, Duration::from_secs(30));
        assert!(gate.enter(true).await.is_err());
        assert!(gate.enter(false).await.is_err());
        tokio::time::advance(Duration::from_secs(29)).await;
        assert!(gate.enter(true).await.is_err());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(gate.enter(true).await.is_ok());
    }

    #[test]
    fn only_a_registry_that_asks_for_it_is_left_alone() {
        for (status, retry_after, wait) in [
            (200, None, None),
            (429, None, Some(60)),
            (429, Some("soon"), Some(60)),
            (429, Some("0"), Some(1)),
            (429, Some("99999999"), Some(6 * 3600)),
            (429, Some("Sun, 06 Nov 1994 08:49:37 GMT"), Some(1)),
            (503, None, None),
            (503, Some("5"), Some(5)),
        ] {
            let gate = Gate::new(None, 1);
            let told = gate.close_if_asked(StatusCode::from_u16(status).unwrap(), &headers(retry_after));
            assert_eq!(told.err().map(|m| m.wait.as_secs()), wait, "{status} {retry_after:?}");
        }
    }

    #[tokio::test]
    async fn the_rate_is_kept() {
        let gate = Gate::new(NonZeroU32::new(20), 100);
        let start = std::time::Instant::now();
        for _ in 0..14 {
            drop(gate.enter(true).await.unwrap());
        }
        // Ten are free, four come 50 ms apart.
        assert!(start.elapsed() >= Duration::from_millis(180), "{:?}", start.elapsed());
    }
}
