//! What the manifests behind a tag say: its digest, its date and its labels, for the wanted platforms.
//!
//! Pure and resumable: a [`TagReader`] is given the manifest of a tag and says what else must be fetched, in bounded
//! rounds, until it has facts or a reason why the tag is no candidate. `registry::metadata` fetches for it. The
//! formats are those of the OCI image specification and of Docker's image manifest version 2, schema 2.

use std::collections::{BTreeMap, VecDeque};

use super::{Digest, Platform, Platforms, TagFacts};
use crate::core::foreign::ForeignText;

mod created;
mod exclusion;
mod format;
#[cfg(test)]
mod tests;

pub use exclusion::{Exclusion, Unreadable};
use format::{Config, Index, Kind, Manifest, Stop, digest, json};

/// An image manifest of the OCI image specification.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// An image manifest of Docker, schema 2.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// A manifest list of Docker.
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// An image index of the OCI image specification.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// What is asked for, in this order.
pub const ACCEPTED: [&str; 4] = [OCI_MANIFEST, DOCKER_MANIFEST, DOCKER_LIST, OCI_INDEX];

/// The most indexes that may be nested in each other.
const MAX_DEPTH: usize = 3;
/// The most manifests and configs that are read for one tag.
const MAX_FETCHES: usize = 200;

/// What has to be known about a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FactsWanted {
    /// The digest. Of an index neither date nor labels are read.
    Digest,
    /// Digest, date and labels.
    Created,
}

/// Something in the tag's repository that must be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fetch {
    /// The manifest with this digest.
    Manifest(Digest),
    /// The config blob with this digest.
    Config(Digest),
}

impl Fetch {
    /// The digest that the fetched bytes must have.
    pub fn digest(&self) -> Digest {
        match self {
            Self::Manifest(digest) | Self::Config(digest) => *digest,
        }
    }
}

/// What was fetched. The caller has checked the digest of what was asked for by digest.
#[derive(Debug, Clone, Copy)]
pub struct Fetched<'a> {
    /// The `Content-Type`, parameters and all; of a config it does not matter.
    pub media_type: Option<&'a str>,
    /// The bytes.
    pub body: &'a [u8],
}

/// What a [`TagReader`] wants next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// These must be fetched, and given to [`TagReader::answer`] in the same order. Never empty.
    Need(Vec<Fetch>),
    /// The end.
    Done(Result<TagFacts, Exclusion>),
}

/// Reads one tag.
#[derive(Debug)]
pub struct TagReader {
    digest: Digest,
    platforms: Platforms,
    wanted: FactsWanted,
    behind_index: bool,
    pending: VecDeque<Pending>,
    fetched: usize,
    confirmed: bool,
    images: Vec<Image>,
}

/// Something that is still to be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pending {
    fetch: Fetch,
    /// An index already said that this is a wanted platform, and is believed: configs often lack the variant.
    trusted: bool,
    depth: usize,
}

/// A wanted image behind the tag.
#[derive(Debug)]
struct Image {
    created: Option<jiff::Timestamp>,
    labels: BTreeMap<String, String>,
}

impl TagReader {
    /// Begins with the manifest that the tag names. An exclusion is known at once; then there is nothing to read.
    pub fn start(
        platforms: Platforms,
        wanted: FactsWanted,
        manifest: Fetched<'_>,
    ) -> Result<Result<Self, Exclusion>, Unreadable> {
        let mut reader = Self {
            digest: Digest::of(manifest.body),
            platforms,
            wanted,
            behind_index: false,
            pending: VecDeque::new(),
            fetched: 0,
            confirmed: false,
            images: Vec::new(),
        };
        match reader.manifest(manifest, false, 0) {
            Ok(()) => Ok(Ok(reader)),
            Err(Stop::Excluded(exclusion)) => Ok(Err(exclusion)),
            Err(Stop::Unreadable(why)) => Err(why),
        }
    }

    /// What is wanted next. Asking twice without an answer gives the same.
    pub fn step(&self) -> Step {
        if self.wanted == FactsWanted::Digest && self.behind_index && self.confirmed {
            return Step::Done(Ok(self.facts(None, BTreeMap::new())));
        }
        if !self.pending.is_empty() {
            return Step::Need(self.pending.iter().map(|pending| pending.fetch).collect());
        }
        // The first of the newest: the order of the index decides between equal dates.
        let mut newest: Option<&Image> = None;
        for image in &self.images {
            if newest.is_none_or(|best| image.created > best.created) {
                newest = Some(image);
            }
        }
        match newest {
            None => Step::Done(Err(Exclusion::NoWantedPlatform {
                wanted: self.platforms.to_string(),
            })),
            Some(_) if self.wanted == FactsWanted::Digest && self.behind_index => {
                Step::Done(Ok(self.facts(None, BTreeMap::new())))
            }
            Some(image) => Step::Done(Ok(self.facts(image.created, image.labels.clone()))),
        }
    }

    /// Takes the answers to the last [`Step::Need`], in its order; `None` is something that the registry does not have.
    /// An exclusion ends the reading.
    pub fn answer(&mut self, answers: &[Option<Fetched<'_>>]) -> Result<Result<(), Exclusion>, Unreadable> {
        for answer in answers {
            let Some(pending) = self.pending.pop_front() else {
                break;
            };
            match self.take(pending, *answer) {
                Ok(()) => {}
                Err(Stop::Excluded(exclusion)) => return Ok(Err(exclusion)),
                Err(Stop::Unreadable(why)) => return Err(why),
            }
        }
        Ok(Ok(()))
    }

    fn take(&mut self, pending: Pending, answer: Option<Fetched<'_>>) -> Result<(), Stop> {
        let digest = pending.fetch.digest();
        let fetched = answer.ok_or(Exclusion::PartMissing { digest })?;
        match pending.fetch {
            Fetch::Manifest(_) => self.manifest(fetched, pending.trusted, pending.depth),
            Fetch::Config(_) => self.config(fetched.body, pending.trusted),
        }
    }

    fn manifest(&mut self, fetched: Fetched<'_>, trusted: bool, depth: usize) -> Result<(), Stop> {
        let media_type = fetched.media_type.unwrap_or("").split(';').next().unwrap_or("").trim();
        let Some(kind) = Kind::of(media_type) else {
            // A login page, or a proxy's own words: this says nothing about the tag.
            return Err(Stop::Unreadable(Unreadable::MediaType(ForeignText::new(media_type))));
        };
        let own = Kind::in_body(fetched.body);
        // The digest covers the bytes and not the header: where they differ, the header is wrong this time.
        if let Some(own) = own.as_ref().filter(|own| **own != kind) {
            return Err(Stop::Unreadable(Unreadable::OtherType {
                header: ForeignText::new(media_type),
                body: ForeignText::new(&own.to_string()),
            }));
        }
        match kind {
            Kind::Image => {
                let manifest: Manifest = json(fetched.body, "the manifest")?;
                let config = manifest.config.ok_or(Exclusion::NotAnImage {
                    why: ForeignText::new("the manifest names no config"),
                })?;
                self.enqueue(Fetch::Config(digest(&config.digest)?), trusted, depth)
            }
            Kind::Index => self.index(fetched.body, depth),
            Kind::Schema1 | Kind::Other(_) if own.is_none() => Err(Exclusion::Labelled {
                media_type: ForeignText::new(media_type),
            }
            .into()),
            Kind::Schema1 => Err(Exclusion::Schema1.into()),
            Kind::Other(vendor) => Err(Exclusion::NotAnImage {
                why: ForeignText::new(&format!("its type is {vendor}")),
            }
            .into()),
        }
    }

    fn index(&mut self, body: &[u8], depth: usize) -> Result<(), Stop> {
        if depth >= MAX_DEPTH {
            return Err(Exclusion::TooLarge.into());
        }
        let index: Index = json(body, "the index")?;
        let entries = index.manifests.unwrap_or_default();
        if entries.is_empty() {
            return Err(Exclusion::EmptyIndex.into());
        }
        if depth == 0 {
            self.behind_index = true;
        }
        for entry in entries {
            let platform = entry.platform.map(Platform::from);
            if platform
                .as_ref()
                .is_some_and(|platform| !self.platforms.wants(platform))
            {
                continue;
            }
            let trusted = platform.is_some();
            self.confirmed |= trusted;
            self.enqueue(Fetch::Manifest(digest(&entry.digest)?), trusted, depth + 1)?;
        }
        Ok(())
    }

    fn config(&mut self, body: &[u8], trusted: bool) -> Result<(), Stop> {
        let mut config: Config = json(body, "the image config")?;
        let labels = config.labels();
        if trusted || self.platforms.wants(&config.platform.into()) {
            self.confirmed = true;
            self.images.push(Image {
                created: config.created.as_ref().and_then(created::read),
                labels,
            });
        }
        Ok(())
    }

    fn enqueue(&mut self, fetch: Fetch, trusted: bool, depth: usize) -> Result<(), Stop> {
        let pending = Pending { fetch, trusted, depth };
        if self.pending.contains(&pending) {
            return Ok(());
        }
        self.fetched += 1;
        if self.fetched > MAX_FETCHES {
            return Err(Exclusion::TooLarge.into());
        }
        self.pending.push_back(pending);
        Ok(())
    }

    fn facts(&self, created: Option<jiff::Timestamp>, labels: BTreeMap<String, String>) -> TagFacts {
        TagFacts {
            digest: self.digest,
            created,
            labels,
        }
    }
}
