//! How the tag of one image is picked.

use std::{cmp::Ordering, time::Duration};

use super::{Extract, FilterReason, Misfit, Need, Reading, Scope, SortKey, StrategyKind, TagFilter, TagOrder};
use crate::core::{
    image::{TagName, VersionWords, manifest::FactsWanted},
    verdict::Verdict,
};

/// How the tag of one image is picked: a strategy with its constraint, which tags may be picked at all, and what else
/// holds for the pick.
#[derive(Debug, Clone)]
pub struct Policy {
    strategy: StrategyKind,
    scope: Scope,
    options: PolicyOptions,
}

/// What is configured beside strategy and constraint. The default changes nothing.
#[derive(Debug, Clone, Default)]
pub struct PolicyOptions {
    /// Which tags may be picked at all.
    pub filter: TagFilter,
    /// What is compared of a tag, instead of all of it.
    pub extract: Option<Extract>,
    /// Which end of the order is picked; only some strategies have an order to turn around.
    pub order: SortOrder,
    /// How old a tag has to be before it is picked.
    pub minimum_age: Option<Duration>,
    /// Whether the pick may rank below the running tag.
    pub allow_downgrade: bool,
    /// Whether the digest is written behind the tag, whatever the strategy.
    pub pin_digest: bool,
}

/// Which end of a strategy's order is picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SortOrder {
    /// The last, which is the highest.
    #[default]
    Asc,
    /// The first, which is the lowest.
    Desc,
}

impl From<TagFilter> for PolicyOptions {
    fn from(filter: TagFilter) -> Self {
        Self {
            filter,
            ..Self::default()
        }
    }
}

impl Policy {
    /// Reads the constraint as the strategy does. It is read before any tag is known, so that a mistake is reported
    /// whatever the registry holds; the verdict is `InvalidConstraint`.
    pub fn parse(strategy: StrategyKind, constraint: &str, options: impl Into<PolicyOptions>) -> Result<Self, Verdict> {
        let scope = strategy.strategy().scope(constraint)?;
        Ok(Self {
            strategy,
            scope,
            options: options.into(),
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

    /// What is configured beside strategy and constraint.
    pub fn options(&self) -> &PolicyOptions {
        &self.options
    }

    /// Whether the digest is written behind the tag, `tag@sha256:...`.
    pub fn writes_digest(&self) -> bool {
        self.options.pin_digest || self.strategy.strategy().writes_digest()
    }

    /// How versions are named to people. A strategy that follows one tag by its digest only has the digest to tell; a
    /// pinned version has a tag that changes as well.
    pub fn version_words(&self) -> VersionWords {
        if self.options.pin_digest && !self.strategy.strategy().writes_digest() {
            VersionWords::Both
        } else {
            VersionWords::Either
        }
    }

    /// What is compared of a tag that the filters, `extract` and the constraint admit, or what drops it.
    ///
    /// Where every text counts as a version, the tags of signatures do not, unless `allowTags` says which tags are meant.
    pub fn admit<'t>(&self, tag: &'t TagName) -> Result<Reading<'t>, Dropped> {
        self.options.filter.admit(tag).map_err(Dropped::Filter)?;
        let any = self.scope == Scope::Any && self.options.filter.allows_all();
        if any && tag.names_attachment() {
            return Err(Dropped::Scope(Misfit::Attachment));
        }
        let key = self.key(tag.as_str()).map_err(Dropped::Scope)?;
        self.scope.admit(key).map_err(Dropped::Scope)
    }

    /// What is asked about a tag, whenever something is asked: dates where tags are ranked by them or have to be old
    /// enough, else only the digest.
    pub fn facts_wanted(&self, order: TagOrder) -> FactsWanted {
        match self.strategy.strategy().need(order) {
            _ if self.options.minimum_age.is_some() => FactsWanted::Created,
            Need::Facts(wanted) => wanted,
            Need::Name => FactsWanted::Digest,
        }
    }

    /// Policies with one identity ask the same about the same tags, in the same order.
    pub fn identity(&self) -> String {
        let Self {
            strategy,
            scope,
            options:
                PolicyOptions {
                    filter,
                    extract,
                    order,
                    minimum_age,
                    allow_downgrade,
                    pin_digest,
                },
        } = self;
        let extract = extract.as_ref().map(Extract::text);
        let filter = filter.texts();
        format!(
            "{strategy:?} {scope:?} {filter:?} {extract:?} {order:?} {minimum_age:?} {allow_downgrade} {pin_digest}"
        )
    }

    /// Whether `extract` and the constraint admit a tag, whatever the filters say.
    pub fn in_scope(&self, tag: &TagName) -> bool {
        self.key(tag.as_str()).and_then(|key| self.scope.admit(key)).is_ok()
    }

    /// Which of two places is the better one: greater is better.
    pub fn compare(&self, a: &SortKey<'_>, b: &SortKey<'_>) -> Ordering {
        match self.options.order {
            SortOrder::Desc if self.strategy.strategy().has_order() => b.cmp(a),
            SortOrder::Asc | SortOrder::Desc => a.cmp(b),
        }
    }

    // The digest strategy follows one tag by its whole name.
    fn key<'t>(&self, tag: &'t str) -> Result<&'t str, Misfit> {
        match &self.options.extract {
            Some(extract) if !matches!(self.scope, Scope::Tag(_)) => {
                extract.key(tag).ok_or_else(|| Misfit::NotExtracted(extract.text()))
            }
            _ => Ok(tag),
        }
    }
}

/// What drops a tag, by its name alone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dropped {
    /// A filter.
    Filter(FilterReason),
    /// The constraint, or `extract`.
    Scope(Misfit),
}
