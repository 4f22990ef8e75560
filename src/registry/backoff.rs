//! Waiting longer each time, and not all at the same moment.

use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    time::Duration,
};

/// Draws a number below 1024: where in its range a wait lies.
pub(crate) type Draw = fn() -> u32;

/// Waits that double from the first to the longest. Each is shortened by up to a quarter, so that many programs that were
/// refused at one moment do not come back at one moment.
#[derive(Debug)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
    draw: Draw,
}

impl Backoff {
    pub(crate) fn new(first: Duration, longest: Duration, draw: Draw) -> Self {
        Self {
            first,
            longest,
            next: first,
            draw,
        }
    }

    /// The next wait.
    pub(crate) fn wait(&mut self) -> Duration {
        let whole = self.next;
        self.next = (whole * 2).min(self.longest);
        whole.saturating_sub(whole / 4 / 1024 * (self.draw)().min(1024))
    }

    /// What was wrong is over.
    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }
}

/// Chance, as good as the keys of a hash map are.
pub(crate) fn chance() -> u32 {
    u32::try_from(RandomState::new().build_hasher().finish() % 1024).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_to_the_longest_and_start_over_after_a_success() {
        let mut backoff = Backoff::new(Duration::from_mins(1), Duration::from_mins(10), || 0);
        let waits: Vec<_> = (0..6).map(|_| backoff.wait().as_secs()).collect();
        assert_eq!(waits, [60, 120, 240, 480, 600, 600]);
        backoff.reset();
        assert_eq!(backoff.wait().as_secs(), 60);
    }

    #[test]
    fn chance_shortens_a_wait_by_a_quarter_at_most() {
        let wait = |draw: Draw| Backoff::new(Duration::from_secs(100), Duration::from_secs(100), draw).wait();
        assert_eq!(wait(|| 0), Duration::from_secs(100));
        assert_eq!(wait(|| 512).as_millis(), 87_500);
        assert_eq!(wait(|| u32::MAX).as_millis(), 75_000);
    }

    #[test]
    fn chance_is_below_1024_and_not_always_the_same() {
        let drawn: std::collections::BTreeSet<_> = (0..100).map(|_| chance()).collect();
        assert!(drawn.len() > 1 && drawn.iter().all(|n| *n < 1024), "{drawn:?}");
    }
}
