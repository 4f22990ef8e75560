//! What to do about an error: the only thing an error policy looks at.

use std::time::Duration;

/// What becomes of the work that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// A user must change something first; nothing is tried again before that.
    Stalled,
    /// Try again in the next cycle, later and later when it lasts.
    BackOff,
    /// Try again in the next cycle.
    Retry,
    /// Read the state again and decide again at once: somebody else wrote in between.
    DecideAgain,
    /// Not before this much time has passed.
    RateLimited(Duration),
}
