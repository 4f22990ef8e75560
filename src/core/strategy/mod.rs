//! The rules that pick one tag of many.

/// A strategy, as configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StrategyKind {
    /// The highest version within the constraint.
    Semver,
    /// The newest creation date.
    NewestBuild,
    /// The last name in byte order.
    Alphabetical,
    /// The newest image behind one fixed tag.
    Digest,
    /// The highest number.
    Numerical,
}

/// Which tags may be picked at all.
#[derive(Debug, Clone)]
pub struct TagFilter {}
