//! What a registry turned out not to do, learned from its answers.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// After so many useless answers in a row to HEAD, tags are asked for by GET at once.
const MAX_USELESS: u32 = 3;

/// What one registry turned out not to do.
#[derive(Debug, Default)]
pub(crate) struct Habits {
    useless_heads: AtomicU32,
    refuses_page_size: AtomicBool,
}

impl Habits {
    /// Whether HEAD may tell the digest of a tag.
    pub(crate) fn knows_head(&self) -> bool {
        self.useless_heads.load(Ordering::Relaxed) < MAX_USELESS
    }

    /// A HEAD told the digest, or told nothing where a GET did.
    pub(crate) fn learn_head(&self, useful: bool) {
        if useful {
            self.useless_heads.store(0, Ordering::Relaxed);
        } else {
            self.useless_heads.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether a page size may be asked for.
    pub(crate) fn takes_page_size(&self) -> bool {
        !self.refuses_page_size.load(Ordering::Relaxed)
    }

    /// The registry answers without a page size, and did not with one.
    pub(crate) fn refuse_page_size(&self) {
        self.refuses_page_size.store(true, Ordering::Relaxed);
    }
}
