//! Manifests and configs of tags that could not be read to their end.

use bytes::Bytes;

use super::{View, bounded::Bounded};
use crate::core::image::Digest;

/// The most of them.
const MAX_PARTS: usize = 10_000;
/// The most bytes that they take, about.
const MAX_BYTES: usize = 16 << 20;
/// What one takes beside its bytes.
const PART: usize = 300;

/// A manifest or config whose bytes have the digest that it was asked by.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) media_type: Option<String>,
    pub(crate) body: Bytes,
}

/// What was read of tags before something went wrong: a quota that ran out costs no request twice.
pub(crate) struct Parts {
    kept: Bounded<(View, Digest), Part>,
}

impl Default for Parts {
    fn default() -> Self {
        Self {
            kept: Bounded::new(MAX_PARTS, MAX_BYTES),
        }
    }
}

impl Parts {
    /// Takes a part out; whoever fails again puts it back.
    pub(crate) fn take(&mut self, view: &View, digest: Digest) -> Option<Part> {
        if self.kept.len() == 0 {
            return None;
        }
        self.kept.remove(&(view.clone(), digest))
    }

    pub(crate) fn keep(&mut self, view: &View, digest: Digest, part: Part) {
        let weight = PART + part.body.len();
        self.kept.put((view.clone(), digest), part, weight);
    }
}
