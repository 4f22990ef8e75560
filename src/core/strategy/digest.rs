//! `digest`: one fixed tag, written with the digest of the image behind it.

use super::{Need, Ranked, Scope, SortKey, Strategy, TagOrder};
use crate::core::{
    image::manifest::FactsWanted,
    verdict::{Reason, Verdict},
};

/// The newest image behind one fixed tag.
#[derive(Debug)]
pub(super) struct Digest;

impl Strategy for Digest {
    fn names(&self) -> &'static [&'static str] {
        &["digest"]
    }

    fn scope(&self, constraint: &str) -> Result<Scope, Verdict> {
        if constraint.is_empty() {
            let message = "strategy digest needs the tag to follow behind the image name (example: shop/api:main)";
            return Err(Verdict::new(Reason::InvalidConstraint, message));
        }
        Ok(Scope::Tag(constraint.into()))
    }

    // Whatever the order of the list means: without the digest there is nothing to write.
    fn need(&self, _order: TagOrder) -> Need {
        Need::Facts(FactsWanted::Digest)
    }

    fn key<'t>(&self, _tag: Ranked<'t>) -> Option<SortKey<'t>> {
        Some(SortKey::Only)
    }

    fn writes_digest(&self) -> bool {
        true
    }
}
