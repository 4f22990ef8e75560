//! How registries are spoken to, whatever `registries.conf` says of each.

use std::{num::NonZeroU32, path::PathBuf, time::Duration};

use crate::http::ClientSettings;

/// How registries are spoken to, apart from `registries.conf`.
#[derive(Debug, Clone)]
pub struct Options {
    /// Requests in flight per registry.
    pub in_flight: usize,
    /// Folders in which a CA bundle named after the host of `api_url` is looked for; the first that has one counts.
    pub ca_folders: Vec<PathBuf>,
    /// Requests per second, whatever `registries.conf` says.
    pub limit: Option<NonZeroU32>,
    /// After how long it is asked again which image a tag names; zero: in every session.
    pub refresh: Duration,
    /// Time limits and proxy. TLS is set per registry.
    pub http: ClientSettings,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            in_flight: 10,
            // The first is mounted with other certificates in the shipped Deployment, so there is a second.
            ca_folders: ["/app/config/tls", "/app/config/registry-tls"]
                .map(PathBuf::from)
                .to_vec(),
            limit: None,
            refresh: Duration::from_hours(1),
            http: ClientSettings::default(),
        }
    }
}
