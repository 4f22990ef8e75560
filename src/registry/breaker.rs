//! A registry that does not answer is left alone, over sessions, so that nobody waits for it again and again.
//!
//! When a session gives it up, it is left alone for 30 s, and twice as long each time that one probe then finds it no
//! better, 10 minutes at most. Everybody else is told at once what was seen last, and until when.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::{
    sync::{Mutex as AsyncMutex, MutexGuard as AsyncMutexGuard},
    time::Instant,
};

use super::{
    backoff::{Backoff, Draw, chance},
    limiter,
};
use crate::core::foreign::ForeignText;

/// How long a registry is left alone that was given up for the first time.
const FIRST: Duration = Duration::from_secs(30);
/// The longest that it is left alone before it is tried again.
const LONGEST: Duration = Duration::from_mins(10);

/// Whether one registry is left alone.
pub(crate) struct Breaker {
    state: Mutex<State>,
    probing: AsyncMutex<()>,
}

struct State {
    left_alone: Option<(Instant, LeftAlone)>,
    backoff: Backoff,
}

/// Why a registry is left alone, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LeftAlone {
    pub(crate) reason: ForeignText,
    pub(crate) until: Timestamp,
}

/// Whether a registry may be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nothing is wrong.
    Good,
    /// Nobody asks it.
    LeftAlone(LeftAlone),
    /// It was left alone long enough: one probe decides.
    Due,
}

impl Default for Breaker {
    fn default() -> Self {
        Self::new(chance)
    }
}

impl Breaker {
    pub(crate) fn new(draw: Draw) -> Self {
        Self {
            state: Mutex::new(State {
                left_alone: None,
                backoff: Backoff::new(FIRST, LONGEST, draw),
            }),
            probing: AsyncMutex::new(()),
        }
    }

    pub(crate) fn standing(&self) -> Standing {
        match &self.state().left_alone {
            None => Standing::Good,
            Some((until, _)) if *until <= Instant::now() => Standing::Due,
            Some((_, left_alone)) => Standing::LeftAlone(left_alone.clone()),
        }
    }

    /// Only one probes; the others wait for what it finds.
    pub(crate) async fn alone(&self) -> AsyncMutexGuard<'_, ()> {
        self.probing.lock().await
    }

    /// It was given up for this reason. Sessions that find the same at the same time count as one.
    pub(crate) fn given_up(&self, reason: &ForeignText) {
        let mut state = self.state();
        if matches!(&state.left_alone, Some((until, _)) if *until > Instant::now()) {
            return;
        }
        let wait = state.backoff.wait();
        let left_alone = LeftAlone {
            reason: reason.clone(),
            until: limiter::shown(wait),
        };
        state.left_alone = Some((Instant::now() + wait, left_alone));
    }

    /// It answers. Only when it answers `more` than a probe, the next wait is a short one again.
    pub(crate) fn answered(&self, more: bool) {
        let mut state = self.state();
        state.left_alone = None;
        if more {
            state.backoff.reset();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_registry_that_stays_dead_is_left_alone_twice_as_long_each_time() {
        let breaker = Breaker::new(|| 0);
        let reason = ForeignText::new("no answer");
        assert_eq!(breaker.standing(), Standing::Good);
        for wait in [30, 60, 120, 240, 480, 600, 600] {
            breaker.given_up(&reason);
            breaker.given_up(&ForeignText::new("another session"));
            let Standing::LeftAlone(left_alone) = breaker.standing() else {
                panic!("it is left alone")
            };
            assert_eq!(left_alone.reason, reason);
            tokio::time::advance(Duration::from_secs(wait - 1)).await;
            assert!(matches!(breaker.standing(), Standing::LeftAlone(_)), "{wait}");
            tokio::time::advance(Duration::from_secs(1)).await;
            assert_eq!(breaker.standing(), Standing::Due, "{wait}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_alone_does_not_make_the_next_wait_short() {
        let waited = |more: &[bool]| {
            let breaker = Breaker::new(|| 0);
            for more in more {
                breaker.given_up(&ForeignText::new("no answer"));
                breaker.answered(*more);
                assert_eq!(breaker.standing(), Standing::Good);
            }
            breaker.given_up(&ForeignText::new("no answer"));
            let until = breaker
                .state()
                .left_alone
                .as_ref()
                .map(|(until, _)| *until - Instant::now());
            until.unwrap().as_secs()
        };
        assert_eq!(waited(&[]), 30);
        assert_eq!(waited(&[false, false]), 120);
        assert_eq!(waited(&[false, true]), 30);
    }
}
