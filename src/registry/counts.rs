//! How many requests each registry got, by kind.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Ping,
    Token,
    Tags,
    Referrers,
    Manifest,
    Head,
    Blob,
}

/// Counters of one registry.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    ping: AtomicU64,
    token: AtomicU64,
    tags: AtomicU64,
    referrers: AtomicU64,
    manifest: AtomicU64,
    head: AtomicU64,
    blob: AtomicU64,
}

/// The requests that one registry got since the process started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryRequests {
    /// The registry's name.
    pub registry: String,
    /// Its base URL.
    pub api_url: String,
    /// Initial probes.
    pub ping: u64,
    /// Tokens asked for.
    pub token: u64,
    /// Pages of tag lists.
    pub tags: u64,
    /// Pages of lists of signatures (referrers).
    pub referrers: u64,
    /// Manifests and indexes, of signatures too.
    pub manifest: u64,
    /// Questions which image a tag names, by HEAD.
    pub head: u64,
    /// Configs and signatures.
    pub blob: u64,
}

impl Counts {
    pub(crate) fn add(&self, kind: Kind) {
        let counter = match kind {
            Kind::Ping => &self.ping,
            Kind::Token => &self.token,
            Kind::Tags => &self.tags,
            Kind::Referrers => &self.referrers,
            Kind::Manifest => &self.manifest,
            Kind::Head => &self.head,
            Kind::Blob => &self.blob,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn read(&self, registry: &str, api_url: &str) -> RegistryRequests {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        RegistryRequests {
            registry: registry.to_owned(),
            api_url: api_url.to_owned(),
            ping: get(&self.ping),
            token: get(&self.token),
            tags: get(&self.tags),
            referrers: get(&self.referrers),
            manifest: get(&self.manifest),
            head: get(&self.head),
            blob: get(&self.blob),
        }
    }
}
