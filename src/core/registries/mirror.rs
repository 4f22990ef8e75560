//! Mirrors: the places that are asked before the registry that an image names.
//!
//! A mirror stands in the place of the entry's `prefix`, as `location` of a mirror does in containers-registries.conf(5):
//! with prefix `docker.io` and mirror `harbor.example.com/dockerhub`, `docker.io/library/nginx` is asked for as
//! `dockerhub/library/nginx` of the registry that serves `harbor.example.com`.

use std::{fmt, sync::Arc};

use super::{
    RegistriesConf, RegistryProfile,
    lookup::is_hub,
    profile::{HUB, comparable},
};
use crate::core::image::ImageRef;

/// The most mirrors of one entry: each that fails costs time.
pub const MAX_MIRRORS: usize = 8;

/// A place that images are asked for at first: `host[:port][/path]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Mirror {
    host: String,
    /// Without a slash at either end; empty when the mirror is a whole registry.
    path: String,
}

/// Why a text is no mirror.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMirror {
    /// It has a scheme.
    #[error("it is a URL; write host[:port][/path], the rest is in the entry of that registry")]
    Url,
    /// Its host cannot be one.
    #[error("it does not begin with a host; write host[:port][/path]")]
    Host,
    /// Its path cannot begin the name of a repository.
    #[error("what follows its host is not the beginning of a repository name; write host[:port][/path]")]
    Path,
}

impl Mirror {
    /// Reads `host[:port][/path]`. A slash at the end counts for nothing.
    pub fn parse(text: &str) -> Result<Self, InvalidMirror> {
        if text.contains("://") {
            return Err(InvalidMirror::Url);
        }
        let text = text.trim_end_matches('/');
        let (host, path) = text.split_once('/').unwrap_or((text, ""));
        let url = url::Url::parse(&format!("https://{host}/")).map_err(|_| InvalidMirror::Host)?;
        let is_host = url.has_host() && url.username().is_empty() && url.password().is_none();
        if !is_host || url.path() != "/" || host.contains(['?', '#', '\\', '@', '%']) {
            return Err(InvalidMirror::Host);
        }
        let fits = |part: &str| {
            !matches!(part, "" | "." | "..") && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        };
        if !path.is_empty() && !path.split('/').all(fits) {
            return Err(InvalidMirror::Path);
        }
        Ok(Self {
            host: host.to_ascii_lowercase(),
            path: path.to_owned(),
        })
    }

    /// An image of the mirror; `rest` is what follows the prefix that the mirror stands for.
    pub fn image(&self, rest: &str) -> ImageRef {
        let name = match (self.path.as_str(), rest) {
            ("", rest) => rest.to_owned(),
            (path, "") => path.to_owned(),
            (path, rest) => format!("{path}/{rest}"),
        };
        ImageRef {
            registry: self.host.clone(),
            name,
            version: None,
        }
    }

    /// The mirror as prefixes are compared.
    pub(super) fn key(&self) -> String {
        comparable(&self.to_string())
    }
}

impl fmt::Display for Mirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)?;
        if !self.path.is_empty() {
            write!(f, "/{}", self.path)?;
        }
        Ok(())
    }
}

/// A repository of a registry that an image may be asked for at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The registry.
    pub profile: Arc<RegistryProfile>,
    /// The repository there.
    pub repository: String,
}

/// Where an image is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// These are asked first, in this order.
    pub mirrors: Vec<(Mirror, Place)>,
    /// The registry that the image names; it is asked when no mirror answers.
    pub registry: Place,
}

impl RegistriesConf {
    /// Where `image` is asked for: the mirrors of its registry, and that registry.
    ///
    /// A mirror is served by whatever entry serves its host and path (address, certificates, credentials, limit), and
    /// that entry's own mirrors and default namespace do not count. A mirror that leads back to the registry is left out.
    pub fn places(&self, image: &ImageRef) -> Places {
        let profile = self.lookup(image);
        let repository = profile.repository(image);
        let rest = behind_prefix(&profile, image, &repository);
        let registry = Place { profile, repository };
        let mirrors = registry.profile.mirrors.iter().map(|mirror| {
            let there = mirror.image(&rest);
            let place = Place {
                profile: self.lookup(&there),
                repository: there.name,
            };
            (mirror.clone(), place)
        });
        let mirrors = mirrors.filter(|(_, place)| *place != registry && !place.repository.is_empty());
        Places {
            mirrors: mirrors.collect(),
            registry,
        }
    }
}

/// What follows the profile's prefix in the full name of `repository`.
fn behind_prefix(profile: &RegistryProfile, image: &ImageRef, repository: &str) -> String {
    let prefix = profile.prefix_key();
    let host = comparable(&image.registry);
    let on_hub = is_hub(&prefix) || prefix.is_empty() && (host.is_empty() || host == HUB);
    let full = if on_hub && !repository.contains('/') {
        format!("library/{repository}")
    } else {
        repository.to_owned()
    };
    let path = prefix.split_once('/').map_or("", |(_, path)| path);
    match full.strip_prefix(path) {
        Some("") => String::new(),
        Some(rest) if path.is_empty() => rest.to_owned(),
        Some(rest) if rest.starts_with('/') => rest[1..].to_owned(),
        // The default namespace has put something in front.
        _ => full,
    }
}
