//! The mark of a candidate that may be written: it passed, or needed no, signature check.
//!
//! The mark is only given here, so that nothing becomes an [`ImageChange`](super::ImageChange) on another way.

/// A value whose signatures were checked as far as a policy demands it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified<T>(T);

impl<T> Verified<T> {
    /// Marks a value for which no policy demands signatures. Images that are under a policy never come this far: they
    /// are refused as long as signatures cannot be checked.
    pub fn no_policy(value: T) -> Self {
        Self(value)
    }

    /// The value.
    pub fn get(&self) -> &T {
        &self.0
    }

    /// The value, without its mark.
    pub fn into_inner(self) -> T {
        self.0
    }
}
