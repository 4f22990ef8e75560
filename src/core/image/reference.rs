//! Image references as users and Argo CD write them.
//!
//! One grammar for both: host and path are split as Docker does, and what follows the path is free text, because a
//! configured image carries a version constraint where a running one carries a tag (`nginx:~1.26`). Whether that text
//! is a legal tag is asked of [`super::TagName`], whether it is a constraint of `core::strategy::constraint`.

use std::fmt;

use crate::core::foreign::ForeignText;

mod grammar;

use grammar::{is_host, is_path, split_host, split_version};

/// The longest text that is looked at, in bytes.
const MAX_LENGTH: usize = 4096;

/// The registry that an image without a registry comes from.
const DOCKER_HUB: &str = "docker.io";

/// The name of [`DOCKER_HUB`] in old references.
const OLD_DOCKER_HUB: &str = "index.docker.io";

/// Where Docker Hub keeps its official images.
const OFFICIAL: &str = "library/";

/// A parsed image reference.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImageRef {
    /// The registry as written; empty for Docker Hub unless the text starts with `docker.io/`.
    pub registry: String,
    /// The repository, without the registry. `library/` in front of an official image of Docker Hub is only kept when
    /// the text begins with it. Never empty.
    pub name: String,
    /// Tag and digest; `None` when the text has neither.
    pub version: Option<ImageVersion>,
}

/// What comes after the name: a tag, a digest, or both. Absent parts are empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct ImageVersion {
    /// The tag; in a configured image the version constraint.
    pub tag: String,
    /// The digest as written, `sha256:...`.
    pub digest: String,
}

/// A text that is no image reference.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum InvalidReference {
    /// There is nothing.
    #[error("an image name is missing")]
    Empty,
    /// It is longer than any reference.
    #[error("the image reference that starts with {start:?} is longer than {MAX_LENGTH} bytes")]
    TooLong {
        /// Its start.
        start: ForeignText,
    },
    /// What stands before the first `/` looks like a registry, and is none.
    #[error("{text:?} is not an image reference: {host:?} is not a host name with an optional port")]
    Host {
        /// The whole text.
        text: ForeignText,
        /// The part in question.
        host: ForeignText,
    },
    /// The repository has an empty component, or one with blanks in it.
    #[error(
        "{text:?} is not an image reference: {path:?} is not a repository name (example: registry.example.com/shop/api)"
    )]
    Path {
        /// The whole text.
        text: ForeignText,
        /// The part in question.
        path: ForeignText,
    },
}

impl ImageRef {
    /// Parses `[host/]path[:tag][@digest]`.
    ///
    /// The first path component is a host when it contains `.`, `:` or an upper-case letter, or is `localhost`, and
    /// something follows it; this is the rule of Docker. The tag is free text.
    pub fn parse(text: &str) -> Result<Self, InvalidReference> {
        if text.is_empty() {
            return Err(InvalidReference::Empty);
        }
        if text.len() > MAX_LENGTH {
            return Err(InvalidReference::TooLong {
                start: ForeignText::new(text),
            });
        }
        let (host, rest) = split_host(text);
        if let Some(host) = host.filter(|host| !is_host(host)) {
            return Err(InvalidReference::Host {
                text: ForeignText::new(text),
                host: ForeignText::new(host),
            });
        }
        let (path, version) = split_version(rest);
        if !is_path(path) {
            return Err(InvalidReference::Path {
                text: ForeignText::new(text),
                path: ForeignText::new(path),
            });
        }
        let (registry, name) = match host {
            None => ("", path),
            // Without its host the text would begin with another one.
            Some(OLD_DOCKER_HUB) if split_host(rest.strip_prefix(OFFICIAL).unwrap_or(rest)).0.is_some() => {
                (DOCKER_HUB, unofficial(path))
            }
            Some(OLD_DOCKER_HUB) => ("", unofficial(path)),
            Some(DOCKER_HUB) => (DOCKER_HUB, unofficial(path)),
            Some(other) => (other, path),
        };
        Ok(Self {
            registry: registry.to_owned(),
            name: name.to_owned(),
            version,
        })
    }

    /// Parses `[alias=]reference`; an empty alias is none. See [`split_alias`].
    pub fn parse_with_alias(text: &str) -> Result<(Option<String>, Self), InvalidReference> {
        let (alias, reference) = split_alias(text);
        Ok((alias.map(str::to_owned), Self::parse(reference)?))
    }

    /// Registry and name, as configured: `registry.example.com/shop/api`, `nginx`.
    pub fn full_name(&self) -> String {
        let repeated = self
            .name
            .strip_prefix(&self.registry)
            .is_some_and(|rest| rest.starts_with('/'));
        if self.registry.is_empty() || repeated {
            self.name.clone()
        } else {
            format!("{}/{}", self.registry, self.name)
        }
    }

    /// The full name with the tag and the digest that there are: `nginx:1.27@sha256:...`.
    pub fn full_name_with_version(&self) -> String {
        let mut text = self.full_name();
        if let Some(ImageVersion { tag, digest }) = &self.version {
            for (separator, part) in [(':', tag), ('@', digest)] {
                if !part.is_empty() {
                    text.push(separator);
                    text.push_str(part);
                }
            }
        }
        text
    }

    /// What a manifest writes beside the name: `tag`, `tag@digest`, or `latest@digest` when there is only a digest.
    /// Empty when there is neither.
    pub fn tag_with_digest(&self) -> String {
        let Some(ImageVersion { tag, digest }) = &self.version else {
            return String::new();
        };
        match (tag.as_str(), digest.as_str()) {
            (tag, "") => tag.to_owned(),
            ("", digest) => format!("latest@{digest}"),
            (tag, digest) => format!("{tag}@{digest}"),
        }
    }

    /// Whether both name the same repository. The spellings of Docker Hub (`nginx`, `library/nginx`,
    /// `docker.io/library/nginx`, `index.docker.io/nginx`) are one.
    pub fn same_image(&self, other: &Self) -> bool {
        self.canonical() == other.canonical()
    }

    /// The same image with another version.
    #[must_use]
    pub fn with_version(&self, version: ImageVersion) -> Self {
        Self {
            registry: self.registry.clone(),
            name: self.name.clone(),
            version: Some(version),
        }
    }

    /// Registry and name in the one spelling that all spellings of Docker Hub share: no registry, and no `library/` in
    /// front of an official image. The name is the end of [`Self::name`].
    pub fn canonical(&self) -> (&str, &str) {
        match self.registry.as_str() {
            "" | DOCKER_HUB | OLD_DOCKER_HUB => ("", unofficial(&self.name)),
            other => (other, &self.name),
        }
    }
}

/// The name of an official image without the folder of Docker Hub that they lie in; any other name as it is.
fn unofficial(path: &str) -> &str {
    let official = path.strip_prefix(OFFICIAL).filter(|rest| !rest.contains('/'));
    official.unwrap_or(path)
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.full_name_with_version())
    }
}

impl ImageVersion {
    /// The version in one word: the digest if there is one, else the tag. People read it as
    /// [`VersionWords`](super::VersionWords) say.
    pub fn text(&self) -> &str {
        if self.digest.is_empty() {
            &self.tag
        } else {
            &self.digest
        }
    }

    /// Whether both mean the same content as far as can be told: equal digests as soon as either has one, else equal
    /// tags.
    pub fn same_as(&self, other: &Self) -> bool {
        if self.digest.is_empty() && other.digest.is_empty() {
            self.tag == other.tag
        } else {
            self.digest == other.digest
        }
    }
}

/// Splits `alias=reference` at the first `=`. What stands before it is an alias only when it holds no `:`, so that the
/// `=` of a constraint (`nginx:>=1.26`) is left alone. An empty alias is none.
pub fn split_alias(text: &str) -> (Option<&str>, &str) {
    match text.split_once('=') {
        Some((alias, reference)) if !alias.contains(':') => (Some(alias).filter(|a| !a.is_empty()), reference),
        _ => (None, text),
    }
}

#[cfg(test)]
mod tests;
