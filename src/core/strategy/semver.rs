//! `semver`: the highest version within the constraint. Tags that are no versions have no place.

use super::{Ranked, Reading, Scope, SortKey, Strategy, constraint::Constraint};
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

    fn key<'t>(&self, tag: Ranked<'t>) -> Option<SortKey<'t>> {
        match tag.read {
            Reading::Version(version) => Some(SortKey::Version(version)),
            Reading::Text(_) | Reading::Number(_) => None,
        }
    }
}
