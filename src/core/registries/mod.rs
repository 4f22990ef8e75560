//! Which registry serves an image, and how it is spoken to: the rules of `registries.conf`.
//!
//! Pure: the text of the file comes in, profiles go out. Certificates and credentials are only named here; `registry`
//! reads them. The schema of the file is `api::registries_conf`; [`lookup`](RegistriesConf::lookup) is in `lookup`.

use std::{sync::Arc, time::Duration};

use crate::{
    api::registries_conf::{RegistriesFile, RegistryEntry},
    core::{duration::GoDuration, foreign::ForeignText},
    secret::Secret,
};

mod lookup;
mod mirror;
mod profile;
#[cfg(test)]
mod tests;
mod warning;

pub use mirror::{InvalidMirror, MAX_MIRRORS, Mirror, Place, Places};
pub use profile::{RegistryProfile, TagSortMode, token_actions};
pub use warning::EntryWarning;

/// The most bytes that a `registries.conf` may have.
pub const MAX_FILE: usize = 1 << 20;

/// The registries that the operator configured, besides the built-in one and those that are inferred.
#[derive(Debug, Clone, Default)]
pub struct RegistriesConf {
    /// In the order of the file; of entries with the same prefix only the last.
    entries: Vec<Arc<RegistryProfile>>,
    warnings: Vec<EntryWarning>,
}

/// Why a `registries.conf` cannot be used. `entry` is `registries[<index>] (<name>)`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistriesConfError {
    /// Not YAML, an unknown or duplicate key, or a value of the wrong type.
    #[error("registries.conf cannot be read: {0}")]
    BadYaml(ForeignText),
    /// A `credsexpire` that is no duration. A bare number is none: it once meant nanoseconds.
    #[error("registries.conf: {entry}: `credsexpire`: {reason}")]
    BadDuration {
        /// The entry.
        entry: String,
        /// What is wrong with it.
        reason: ForeignText,
    },
    /// An entry without `name`.
    #[error("registries.conf: {entry}: `name` is missing; give the entry a label")]
    NameMissing {
        /// The entry.
        entry: String,
    },
    /// An entry without `api_url`.
    #[error("registries.conf: {entry}: `api_url` is missing (example: https://registry.example.com)")]
    ApiUrlMissing {
        /// The entry.
        entry: String,
    },
    /// An entry without `prefix` that is not the default.
    #[error("registries.conf: {entry}: `prefix` is missing; name the host of its images, or set `default: true`")]
    PrefixMissing {
        /// The entry.
        entry: String,
    },
    /// Two entries without `prefix`.
    #[error("registries.conf: {entry}: `prefix` is missing, and another entry has none either")]
    TwoWithoutPrefix {
        /// The second of them.
        entry: String,
    },
    /// A `tagsortmode` that does not exist.
    #[error("registries.conf: {entry}: `tagsortmode` is {text:?}; use latest-first, latest-last or none")]
    BadTagSortMode {
        /// The entry.
        entry: String,
        /// What is written there.
        text: ForeignText,
    },
    /// A certificate of our own without its key, or the other way round.
    #[error(
        "registries.conf: {entry}: `{given}` is there and `{missing}` is not; a server that asks who connects needs both"
    )]
    HalfIdentity {
        /// The entry.
        entry: String,
        /// The key that is there.
        given: &'static str,
        /// The key that is not.
        missing: &'static str,
    },
    /// A `proxy` that cannot be used. What is written there is not told: it may hold a password.
    #[error("registries.conf: {entry}: `proxy` {reason} (example: http://proxy.example.com:3128)")]
    BadProxy {
        /// The entry.
        entry: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// More mirrors than are asked in turn.
    #[error("registries.conf: {entry}: `mirrors` names more than {MAX_MIRRORS} places; keep the nearest")]
    TooManyMirrors {
        /// The entry.
        entry: String,
    },
    /// Two entries with `default: true`.
    #[error("registries.conf: {first} and {second} both say `default: true`; keep one")]
    TwoDefaults {
        /// The first of them.
        first: String,
        /// The second.
        second: String,
    },
}

/// An error of the YAML reader without the text that it quotes: a Secret mounted in the wrong place must not be told.
fn unquoted(error: &str) -> String {
    match (error.find('"'), error.rfind('"')) {
        (Some(first), Some(last)) if first < last => format!("{}...{}", &error[..=first], &error[last..]),
        _ => error.to_owned(),
    }
}

/// The same without the names of all keys, behind which the place would be cut off.
fn without_keys(error: &str) -> String {
    match error.rfind(", expected one of `") {
        None => error.to_owned(),
        Some(from) => {
            let place = error[from..].rfind(" at line ").map_or("", |at| &error[from + at..]);
            format!("{}{place}", &error[..from])
        }
    }
}

/// Reads the file and checks each entry by itself. Rules between entries are checked by [`RegistriesConf::new`].
pub fn parse_file(yaml: &str) -> Result<RegistriesFile, RegistriesConfError> {
    let bad = |why: &str| RegistriesConfError::BadYaml(ForeignText::new(why));
    if yaml.len() > MAX_FILE {
        return Err(bad("it is larger than 1 MiB"));
    }
    let is_empty = |line: &str| matches!(line.trim(), "" | "---" | "...") || line.trim_start().starts_with('#');
    if yaml.lines().all(is_empty) {
        return Ok(RegistriesFile::default());
    }
    let file: Option<RegistriesFile> =
        yaml_serde::from_str(yaml).map_err(|e| bad(&without_keys(&unquoted(&e.to_string()))))?;
    let file = file.unwrap_or_default();
    for (index, entry) in file.registries.iter().flatten().enumerate() {
        expiry(entry).map_err(|reason| RegistriesConfError::BadDuration {
            entry: label(index, entry),
            reason,
        })?;
    }
    let mut without_prefix = 0;
    for (index, entry) in file.registries.iter().flatten().enumerate() {
        check_entry(index, entry, &mut without_prefix)?;
    }
    Ok(file)
}

fn check_entry(index: usize, written: &RegistryEntry, without_prefix: &mut usize) -> Result<(), RegistriesConfError> {
    let entry = label(index, written);
    let absent = |field: &Option<String>| field.as_deref().unwrap_or("").is_empty();
    if absent(&written.name) {
        return Err(RegistriesConfError::NameMissing { entry });
    }
    if absent(&written.api_url) {
        return Err(RegistriesConfError::ApiUrlMissing { entry });
    }
    if absent(&written.prefix) {
        if written.default != Some(true) {
            return Err(RegistriesConfError::PrefixMissing { entry });
        }
        *without_prefix += 1;
        if *without_prefix > 1 {
            return Err(RegistriesConfError::TwoWithoutPrefix { entry });
        }
    }
    let text = written.tagsortmode.as_deref().unwrap_or("");
    if TagSortMode::parse(text).is_none() {
        return Err(RegistriesConfError::BadTagSortMode {
            entry,
            text: ForeignText::new(text),
        });
    }
    let half = |given, missing| RegistriesConfError::HalfIdentity {
        entry: entry.clone(),
        given,
        missing,
    };
    match (absent(&written.client_cert), absent(&written.client_key)) {
        (false, true) => return Err(half("client_cert", "client_key")),
        (true, false) => return Err(half("client_key", "client_cert")),
        _ => {}
    }
    if let Some(proxy) = written.proxy.as_ref().filter(|url| !url.is_empty()) {
        check_proxy(proxy).map_err(|reason| RegistriesConfError::BadProxy {
            entry: entry.clone(),
            reason,
        })?;
    }
    if written.mirrors.as_ref().is_some_and(|all| all.len() > MAX_MIRRORS) {
        return Err(RegistriesConfError::TooManyMirrors { entry });
    }
    Ok(())
}

/// A proxy is the URL of a host; http, https, socks5 (names are looked up here) or socks5h (the proxy does that).
fn check_proxy(proxy: &Secret) -> Result<(), &'static str> {
    let url = url::Url::parse(proxy.expose()).map_err(|_| "is not a URL")?;
    if !matches!(url.scheme(), "http" | "https" | "socks5" | "socks5h") {
        return Err("must start with http://, https://, socks5:// or socks5h://");
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err("names no host");
    }
    Ok(())
}

/// How long credentials of this entry stay in use; zero and less is for as long as the process lives.
fn expiry(written: &RegistryEntry) -> Result<Option<Duration>, ForeignText> {
    match written.credsexpire.as_deref() {
        None | Some("") => Ok(None),
        Some(text) => match text.parse::<GoDuration>() {
            Ok(duration) => Ok(Some(duration.to_std()).filter(|d| !d.is_zero())),
            Err(why) => Err(ForeignText::new(&why.to_string())),
        },
    }
}

fn label(index: usize, written: &RegistryEntry) -> String {
    let name = ForeignText::new(written.name.as_deref().unwrap_or(""));
    if name.as_str().is_empty() {
        format!("registries[{index}]")
    } else {
        format!("registries[{index}] ({name})")
    }
}

impl RegistriesConf {
    /// Reads and checks a whole `registries.conf`. An empty text is a file without entries.
    pub fn parse(yaml: &str) -> Result<Self, RegistriesConfError> {
        Self::new(&parse_file(yaml)?)
    }

    /// The effective entries of `file`.
    pub fn new(file: &RegistriesFile) -> Result<Self, RegistriesConfError> {
        let mut conf = Self::default();
        let mut default: Option<String> = None;
        for (index, written) in file.registries.iter().flatten().enumerate() {
            let entry = label(index, written);
            if written.default == Some(true) {
                if let Some(first) = default {
                    return Err(RegistriesConfError::TwoDefaults { first, second: entry });
                }
                default = Some(entry.clone());
            }
            conf.add(&entry, written);
        }
        Ok(conf)
    }

    /// What is odd in the file but does not stop the start.
    pub fn warnings(&self) -> &[EntryWarning] {
        &self.warnings
    }

    /// What is odd in the entry that `profile`, one of [`Self::entries`], was made of.
    pub fn warnings_of(&self, profile: &Arc<RegistryProfile>) -> impl Iterator<Item = &EntryWarning> {
        let is_its_own = |warning: &&EntryWarning| Arc::ptr_eq(&warning.profile, profile);
        self.warnings.iter().filter(is_its_own)
    }

    /// The configured registries, in the order of the file.
    pub fn entries(&self) -> &[Arc<RegistryProfile>] {
        &self.entries
    }

    fn add(&mut self, entry: &str, written: &RegistryEntry) {
        let profile = RegistryProfile::configured(written, expiry(written).unwrap_or_default());
        let profile = Arc::new(profile);
        let same = self.entries.iter().position(|e| e.prefix_key() == profile.prefix_key());
        let replaced = same.map(|at| self.entries.remove(at));
        let replaced = replaced.as_ref().map(|old| old.name.as_str());
        self.warnings
            .extend(warning::of_entry(entry, written, &profile, replaced));
        self.entries.push(profile);
    }
}
