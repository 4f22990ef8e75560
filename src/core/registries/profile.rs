//! One registry: where it is, and how it is spoken to.

use std::{num::NonZeroU32, time::Duration};

use super::Mirror;
use crate::{
    api::registries_conf::RegistryEntry,
    core::{
        image::ImageRef,
        resolve::credential_ref::{CredentialRef, InvalidCredentialRef},
    },
    secret::Secret,
};

/// The host under which Docker Hub's images are named.
pub(super) const HUB: &str = "docker.io";
/// Requests per second of a registry that is not configured.
const INFERRED_LIMIT: NonZeroU32 = NonZeroU32::new(20).expect("20 is not zero");
/// Requests per second of Docker Hub when it is not configured.
const HUB_LIMIT: NonZeroU32 = NonZeroU32::new(10).expect("10 is not zero");

/// The order in which a registry lists its tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TagSortMode {
    /// No order that says anything about time.
    #[default]
    None,
    /// The newest tag stands first.
    LatestFirst,
    /// The newest tag stands last.
    LatestLast,
}

impl TagSortMode {
    /// Reads `latest-first`, `latest-last` or `none` in any case; an empty text is `none`.
    pub fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "" | "none" => Some(Self::None),
            "latest-first" => Some(Self::LatestFirst),
            "latest-last" => Some(Self::LatestLast),
            _ => None,
        }
    }

    /// As it is written in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::LatestFirst => "latest-first",
            Self::LatestLast => "latest-last",
        }
    }
}

/// The effective settings of one registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryProfile {
    /// A label for people; the host when it was inferred.
    pub name: String,
    /// The images it serves: `host[:port][/path]`; empty only for a default registry.
    pub prefix: String,
    /// Base URL of the API, without a trailing slash. Not yet checked to be a URL.
    pub api_url: String,
    /// Namespace put in front of one-component names; empty when there is none.
    pub default_namespace: String,
    /// Requests per second; `None` is unlimited.
    pub limit: Option<NonZeroU32>,
    /// Where its credentials lie; an error when the text cannot be read; `None` is anonymous.
    pub credentials: Option<Result<CredentialRef, InvalidCredentialRef>>,
    /// How long credentials that were read stay in use; `None` is for as long as the process lives.
    pub credentials_expire: Option<Duration>,
    /// The order of its tag lists.
    pub tag_order: TagSortMode,
    /// Whether the server's certificate is not checked.
    pub insecure: bool,
    /// A file with more CA certificates.
    pub ca_file: Option<String>,
    /// More CA certificates (PEM).
    pub ca_data: Option<String>,
    /// Where its images are asked for first, in this order, in the place of [`Self::prefix`].
    pub mirrors: Vec<Mirror>,
    /// A file with our own certificate chain (PEM).
    pub client_cert: Option<String>,
    /// A file with the private key of [`Self::client_cert`] (PEM).
    pub client_key: Option<String>,
    /// The URL of the proxy; it may hold user and password.
    pub proxy: Option<Secret>,
    /// Whether it stands in `registries.conf`; only then a CA file named after its host is looked for.
    pub configured: bool,
    /// Whether it serves images without a registry part.
    pub default: bool,
}

impl RegistryProfile {
    /// The profile of a checked entry. A mirror that is none is left out.
    pub(super) fn configured(written: &RegistryEntry, credentials_expire: Option<Duration>) -> Self {
        let text = |field: &Option<String>| field.clone().filter(|t| !t.is_empty());
        let api_url = written.api_url.as_deref().unwrap_or("");
        let limit = written.limit.unwrap_or(0).max(0);
        Self {
            name: written.name.clone().unwrap_or_default(),
            prefix: written.prefix.clone().unwrap_or_default(),
            api_url: api_url.strip_suffix('/').unwrap_or(api_url).to_owned(),
            default_namespace: text(&written.defaultns).unwrap_or_default(),
            limit: NonZeroU32::new(u32::try_from(limit).unwrap_or(u32::MAX)),
            credentials: text(&written.credentials).map(|t| CredentialRef::parse(&t)),
            credentials_expire,
            tag_order: TagSortMode::parse(written.tagsortmode.as_deref().unwrap_or("")).unwrap_or_default(),
            insecure: written.insecure.unwrap_or(false),
            ca_file: text(&written.ca_file),
            ca_data: text(&written.ca_data),
            mirrors: written
                .mirrors
                .iter()
                .flatten()
                .filter_map(|mirror| Mirror::parse(mirror).ok())
                .collect(),
            client_cert: text(&written.client_cert),
            client_key: text(&written.client_key),
            proxy: written.proxy.clone().filter(|url| !url.is_empty()),
            configured: true,
            default: written.default.unwrap_or(false),
        }
    }

    /// Docker Hub, when the file does not configure it.
    pub(super) fn docker_hub() -> Self {
        Self {
            name: "Docker Hub".to_owned(),
            prefix: HUB.to_owned(),
            api_url: "https://registry-1.docker.io".to_owned(),
            default_namespace: "library".to_owned(),
            limit: Some(HUB_LIMIT),
            default: true,
            ..Self::inferred(HUB)
        }
    }

    /// The registry of a host that nobody configured.
    pub(super) fn inferred(host: &str) -> Self {
        Self {
            name: host.to_owned(),
            prefix: host.to_owned(),
            api_url: format!("https://{host}"),
            default_namespace: String::new(),
            limit: Some(INFERRED_LIMIT),
            credentials: None,
            credentials_expire: None,
            tag_order: TagSortMode::None,
            insecure: false,
            ca_file: None,
            ca_data: None,
            mirrors: Vec::new(),
            client_cert: None,
            client_key: None,
            proxy: None,
            configured: false,
            default: false,
        }
    }

    /// The repository to ask for: the image's name, with the default namespace when the name has one component.
    pub fn repository(&self, image: &ImageRef) -> String {
        if self.default_namespace.is_empty() || image.name.contains('/') {
            image.name.clone()
        } else {
            format!("{}/{}", self.default_namespace, image.name)
        }
    }

    /// The prefix as it is compared: host in lower case, one spelling of Docker Hub, no trailing slash.
    pub(super) fn prefix_key(&self) -> String {
        comparable(self.prefix.trim_end_matches('/'))
    }
}

/// `host[:port][/path]` with the host in lower case and one spelling for Docker Hub.
pub(super) fn comparable(text: &str) -> String {
    let (host, path) = text.split_at(text.find('/').unwrap_or(text.len()));
    let host = host.to_ascii_lowercase();
    let host = if host == "index.docker.io" { HUB } else { &host };
    format!("{host}{path}")
}

/// What a token for reading must allow. Azure's registries know two more actions, which their scope maps ask for.
pub fn token_actions(api_url: &str) -> &'static [&'static str] {
    if api_url.contains(".azurecr.io") {
        &["pull", "metadata_read", "content_read"]
    } else {
        &["pull"]
    }
}
