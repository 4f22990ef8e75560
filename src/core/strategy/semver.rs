//! `semver`: the highest version within the constraint. Tags that are no versions have no place.

use super::{Ranked, Scope, SortKey, Strategy, Version, constraint::Constraint};
use crate::core::verdict::{Reason, Verdict};

/// The highest version within the constraint.
#[derive(Debug)]
pub(super) struct Semver;

impl Strategy for Semver {
    fn names(&self) -> &'static [&'static str] {
        &["semver"]
    }

    fn scope(&self, constraint: &str) -> Result<Scope, Verdict> {
        match Constraint::parse(constraint) {
            Ok(constraint) => Ok(Scope::Versions(constraint)),
            Err(error) => Err(Verdict::new(Reason::InvalidConstraint, error.to_string())),
        }
    }

    fn key(&self, tag: &Ranked<'_>) -> Option<SortKey> {
        Version::parse(tag.key).map(SortKey::Version)
    }
}
