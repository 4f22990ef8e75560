//! The time that answers are dated with. It never goes back, and tells nothing of the date.

use std::time::Duration;

/// A clock that starts with the process.
#[cfg(not(test))]
#[derive(Debug)]
pub(super) struct Clock(std::time::Instant);

#[cfg(not(test))]
impl Default for Clock {
    fn default() -> Self {
        Self(std::time::Instant::now())
    }
}

#[cfg(not(test))]
impl Clock {
    /// The time since it started.
    pub(super) fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

/// A clock that stands still unless a test lets time pass: servers of tests answer as slowly as they like.
#[cfg(test)]
#[derive(Debug, Default)]
pub(super) struct Clock(std::sync::Mutex<Duration>);

#[cfg(test)]
impl Clock {
    pub(super) fn now(&self) -> Duration {
        *super::lock(&self.0)
    }

    pub(super) fn forward(&self, by: Duration) {
        *super::lock(&self.0) += by;
    }
}
