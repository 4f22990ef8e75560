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

    /// Whether it names what is attached to an image by its digest, as a signature is: `sha256-<hex>` (OCI distribution
    /// specification, "Referrers Tag Schema"), with or without a suffix like `.sig` (cosign).
    pub fn names_attachment(&self) -> bool {
        let digest = self.0.strip_prefix("sha256-").unwrap_or_default();
        let (hex, rest) = digest.split_at_checked(64).unwrap_or_default();
        let is_hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        !hex.is_empty() && hex.bytes().all(is_hex) && (rest.is_empty() || rest.starts_with('.'))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_attached_to_an_image_is_told_by_its_name() {
        let digest = "0123456789abcdef".repeat(4);
        for (name, expected) in [
            (format!("sha256-{digest}"), true),
            (format!("sha256-{digest}.sig"), true),
            (format!("sha256-{digest}.att"), true),
            (format!("sha256-{digest}0"), false),
            (format!("sha256-{}", digest.to_uppercase()), false),
            (format!("sha256-{}", digest.split_at(63).0), false),
            (format!("sha512-{digest}"), false),
            (digest, false),
            ("sha256-1".to_owned(), false),
            ("1.0.0".to_owned(), false),
        ] {
            let tag = TagName::new(&name).unwrap();
            assert_eq!(tag.names_attachment(), expected, "{name}");
        }
    }
}
