//! Tags, and what a registry says about them.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;

use super::Digest;

/// A tag within the grammar of the OCI distribution specification: `[A-Za-z0-9_][A-Za-z0-9._-]{0,127}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TagName(Arc<str>);

impl TagName {
    /// The tag, or `None` for a text outside the grammar.
    pub fn new(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let word = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
        let fits = bytes.first().is_some_and(word)
            && bytes.len() <= 128
            && bytes.iter().all(|b| word(b) || *b == b'.' || *b == b'-');
        fits.then(|| Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for TagName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a registry says about one tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagFacts {
    /// The digest of the manifest or index that the tag names.
    pub digest: Digest,
    /// When the newest wanted image behind the tag was created; `None` when nobody says, which counts as the oldest.
    pub created: Option<Timestamp>,
    /// The labels of that image.
    pub labels: BTreeMap<String, String>,
}
