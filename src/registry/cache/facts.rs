//! What manifests and configs say, by digest.

use std::collections::HashSet;

use sha2::{Digest as _, Sha256};

use super::{View, bounded::Bounded};
use crate::{
    core::image::{
        Digest, Platforms,
        manifest::{Exclusion, FactsWanted},
    },
    registry::session::Known,
};

/// The most images of which something is kept.
pub(super) const MAX_ENTRIES: usize = 100_000;
/// The most bytes that they take, about.
const MAX_BYTES: usize = 32 << 20;
/// What one takes beside its texts: key, slot, allocations.
const ENTRY: usize = 200;

/// How many bytes of a key are its place.
const PLACE: usize = 8;
/// How long a key is.
pub(super) const KEY: usize = PLACE + 32;

/// Which question about which image: the beginning of the hash of registry and repository, then the hash of these, digest,
/// platforms and what is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key(pub(super) [u8; KEY]);

/// A repository, whoever asks for it. Two that happen to have one place cost a few HEAD requests.
type Place = [u8; PLACE];

fn place(view: &View) -> Place {
    let mut hash = Sha256::new();
    for part in [&view.api_url, &view.repository] {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    beginning(&hash.finalize())
}

fn beginning(bytes: &[u8]) -> Place {
    let mut place = Place::default();
    place.copy_from_slice(&bytes[..PLACE]);
    place
}

impl Key {
    fn new(view: &View, digest: Digest, platforms: &Platforms, wanted: FactsWanted) -> Self {
        let mut hash = Sha256::new();
        let mut part = |bytes: &[u8]| {
            hash.update(bytes.len().to_le_bytes());
            hash.update(bytes);
        };
        part(view.api_url.as_bytes());
        part(view.repository.as_bytes());
        part(digest.bytes());
        part(match wanted {
            FactsWanted::Digest => b"digest",
            FactsWanted::Created => b"created",
        });
        for platform in &platforms.0 {
            part(platform.os.as_bytes());
            part(platform.arch.as_bytes());
            part(platform.variant.as_bytes());
        }
        let mut key = [0; KEY];
        key[..PLACE].copy_from_slice(&place(view));
        key[PLACE..].copy_from_slice(&hash.finalize());
        Self(key)
    }
}

/// What manifests and configs say, by digest.
pub(crate) struct Facts {
    kept: Bounded<Key, Known>,
    /// Of which repositories something is kept, or was.
    places: HashSet<Place>,
    changes: u64,
}

impl Default for Facts {
    fn default() -> Self {
        Self {
            kept: Bounded::new(MAX_ENTRIES, MAX_BYTES),
            places: HashSet::new(),
            changes: 0,
        }
    }
}

impl Facts {
    /// What is known of an image. Who knows its date knows its digest as well.
    pub(crate) fn find(
        &mut self,
        view: &View,
        digest: Digest,
        platforms: &Platforms,
        wanted: FactsWanted,
    ) -> Option<Known> {
        let mut get = |wanted| self.kept.get(&Key::new(view, digest, platforms, wanted)).cloned();
        let found = match wanted {
            FactsWanted::Created => get(FactsWanted::Created),
            FactsWanted::Digest => get(FactsWanted::Created)
                // What keeps the date from being read need not keep the digest from it.
                .filter(|known| matches!(known, Known::Facts(_)))
                .or_else(|| get(FactsWanted::Digest)),
        };
        // A file that somebody else wrote may say otherwise.
        found.filter(|known| !matches!(known, Known::Facts(facts) if facts.digest != digest))
    }

    /// Whether something is known of images of the repository, so that a digest may be all that is missing.
    pub(crate) fn has_some_of(&self, view: &View) -> bool {
        self.places.contains(&place(view))
    }

    /// Keeps what follows from the image's own bytes; what the registry may have tomorrow is not kept.
    pub(crate) fn keep(
        &mut self,
        view: &View,
        digest: Digest,
        platforms: &Platforms,
        wanted: FactsWanted,
        known: &Known,
    ) {
        if is_lasting(known) {
            self.put(Key::new(view, digest, platforms, wanted), known.clone());
            self.changes += 1;
        }
    }

    pub(super) fn put(&mut self, key: Key, known: Known) {
        let weight = weight(&known);
        self.kept.put(key, known, weight);
        self.places.insert(beginning(&key.0));
        if self.places.len() > 2 * MAX_ENTRIES {
            self.places = self.kept.iter().map(|(key, _)| beginning(&key.0)).collect();
        }
    }

    pub(super) fn all(&self) -> Vec<(Key, Known)> {
        self.kept.iter().map(|(key, known)| (*key, known.clone())).collect()
    }

    /// Grows with everything that was learned.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }
}

fn is_lasting(known: &Known) -> bool {
    match known {
        Known::Facts(_) => true,
        Known::Excluded(why) => match why {
            Exclusion::Gone | Exclusion::PartMissing { .. } | Exclusion::Labelled { .. } => false,
            Exclusion::Schema1
            | Exclusion::EmptyIndex
            | Exclusion::NoWantedPlatform { .. }
            | Exclusion::NotAnImage { .. }
            | Exclusion::TooLarge => true,
        },
    }
}

fn weight(known: &Known) -> usize {
    let texts = match known {
        Known::Facts(facts) => facts.labels.iter().map(|(k, v)| 64 + k.len() + v.len()).sum(),
        Known::Excluded(Exclusion::NoWantedPlatform { wanted }) => wanted.len(),
        Known::Excluded(Exclusion::NotAnImage { why }) => why.as_str().len(),
        Known::Excluded(_) => 0,
    };
    ENTRY + texts
}
