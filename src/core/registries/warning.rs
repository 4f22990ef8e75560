//! What is odd in an entry of `registries.conf` and does not stop the start.

use std::{fmt, sync::Arc};

use super::{Mirror, RegistryProfile};
use crate::{api::registries_conf::RegistryEntry, core::foreign::ForeignText};

/// Something odd in an entry. Shown with the name of the file, the entry and the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryWarning {
    /// `registries[<index>] (<name>)`.
    pub entry: String,
    /// The key that has to be changed.
    pub key: &'static str,
    /// What is wrong with it, and what to do.
    pub reason: String,
    /// Whether a part of the entry does nothing at all: it serves no image, or a mirror is never asked.
    pub is_idle: bool,
    /// The entry as it was read.
    pub(super) profile: Arc<RegistryProfile>,
}

impl EntryWarning {
    /// The key and what is wrong with it, where the entry is known.
    pub fn words(&self) -> String {
        format!("`{}`: {}", self.key, self.reason)
    }
}

impl fmt::Display for EntryWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "registries.conf: {}: {}", self.entry, self.words())
    }
}

/// All that is odd in one entry, whatever the others say. `replaced` is the name of the entry before it that has its prefix.
pub(super) fn of_entry(
    entry: &str,
    written: &RegistryEntry,
    profile: &Arc<RegistryProfile>,
    replaced: Option<&str>,
) -> Vec<EntryWarning> {
    let mut all = Vec::new();
    let mut add = |key, is_idle, reason: String| {
        all.push(EntryWarning {
            entry: entry.to_owned(),
            key,
            reason,
            is_idle,
            profile: Arc::clone(profile),
        });
    };
    if let Some(Err(why)) = &profile.credentials {
        let reason = format!("{why}; images of this registry are left alone until it is mended");
        add("credentials", false, reason);
    }
    let is_https = profile.api_url.starts_with("https://");
    let is_http = profile.api_url.starts_with("http://");
    if !is_https && !is_http {
        let reason = "it does not start with https:// or http://; requests will fail";
        add("api_url", false, reason.to_owned());
    }
    let behind_scheme = profile.api_url.split_once("://").map_or("", |(_, rest)| rest);
    if behind_scheme.trim_end_matches('/').ends_with("/v2") {
        let reason = "it ends in /v2, which is added to every request; leave it out";
        add("api_url", false, reason.to_owned());
    }
    if profile.prefix.contains("://") {
        let reason = "it is a URL and serves no image; write host[:port][/path]";
        add("prefix", true, reason.to_owned());
    }
    if let Some(limit) = written.limit.filter(|limit| *limit < 0) {
        let reason = format!("{limit} is no limit; write how many requests per second, or 0 for no limit");
        add("limit", false, reason);
    }
    if profile.insecure {
        let given = [("ca_file", &profile.ca_file), ("ca_data", &profile.ca_data)];
        for (key, _) in given.into_iter().filter(|(_, value)| value.is_some()) {
            add(key, false, "it has no effect beside `insecure: true`".to_owned());
        }
    }
    if profile.client_cert.is_some() && is_http {
        let reason = "it has no effect, since `api_url` is not https";
        add("client_cert", false, reason.to_owned());
    }
    for text in written.mirrors.iter().flatten() {
        match Mirror::parse(text) {
            Err(why) => add(
                "mirrors",
                true,
                format!("{:?} is not asked: {why}", ForeignText::new(text)),
            ),
            Ok(mirror) if mirror.key() == profile.prefix_key() => {
                let reason = format!("{mirror} is the `prefix` itself and is not asked twice; name another place");
                add("mirrors", false, reason);
            }
            Ok(_) => {}
        }
    }
    if let Some(name) = replaced {
        let name = ForeignText::new(name);
        add(
            "prefix",
            false,
            format!("it replaces the entry {name:?} with the same prefix"),
        );
    }
    all
}
