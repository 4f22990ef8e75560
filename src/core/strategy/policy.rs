//! How the tag of one image is picked.

use super::{FilterReason, Misfit, Scope, StrategyKind, TagFilter};
use crate::core::{image::TagName, verdict::Verdict};

/// How the tag of one image is picked: a strategy with its constraint, and which tags may be picked at all.
#[derive(Debug, Clone)]
pub struct Policy {
    strategy: StrategyKind,
    scope: Scope,
    filter: TagFilter,
}

impl Policy {
    /// Reads the constraint as the strategy does. It is read before any tag is known, so that a mistake is reported
    /// whatever the registry holds; the verdict is `InvalidConstraint`.
    pub fn parse(strategy: StrategyKind, constraint: &str, filter: TagFilter) -> Result<Self, Verdict> {
        let scope = strategy.strategy().scope(constraint)?;
        Ok(Self {
            strategy,
            scope,
            filter,
        })
    }

    /// The strategy.
    pub fn strategy(&self) -> StrategyKind {
        self.strategy
    }

    /// What the constraint admits.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Which tags may be picked at all.
    pub fn filter(&self) -> &TagFilter {
        &self.filter
    }

    /// Whether a tag passes the filters and is within the constraint, or what drops it.
    pub fn admit(&self, tag: &TagName) -> Result<(), Dropped> {
        self.filter.admit(tag).map_err(Dropped::Filter)?;
        self.scope.admit(tag).map_err(Dropped::Scope)
    }
}

/// What drops a tag, by its name alone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dropped {
    /// A filter.
    Filter(FilterReason),
    /// The constraint.
    Scope(Misfit),
}
