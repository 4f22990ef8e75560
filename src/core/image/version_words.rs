//! How a version is named to people: in reports, logs, events and commit messages.

use std::borrow::Cow;

use super::ImageVersion;

/// What a person has to read to know what changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VersionWords {
    /// The digest if there is one, else the tag: only one of them can change.
    #[default]
    Either,
    /// `tag@digest` where there are both: either can change.
    Both,
}

impl VersionWords {
    /// The words for `version`; empty for an empty version.
    pub fn of(self, version: &ImageVersion) -> Cow<'_, str> {
        let ImageVersion { tag, digest } = version;
        match self {
            Self::Both if !tag.is_empty() && !digest.is_empty() => Cow::Owned(format!("{tag}@{digest}")),
            Self::Both | Self::Either => Cow::Borrowed(version.text()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_named_beside_its_digest_only_where_both_can_change() {
        for (tag, digest, either, both) in [
            ("v1", "", "v1", "v1"),
            ("v1", "sha256:0a", "sha256:0a", "v1@sha256:0a"),
            ("", "sha256:0a", "sha256:0a", "sha256:0a"),
            ("", "", "", ""),
        ] {
            let version = ImageVersion {
                tag: tag.to_owned(),
                digest: digest.to_owned(),
            };
            assert_eq!(VersionWords::Either.of(&version), either);
            assert_eq!(VersionWords::Both.of(&version), both);
        }
    }
}
