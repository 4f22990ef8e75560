//! One registry as this process knows it: where it is, its gate, what it asked for, the tokens it gave.
//!
//! Nothing here belongs to one repository or one user; tokens are kept apart by scope and credentials.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use url::Url;

use super::{
    breaker::Breaker,
    cache::habits::Habits,
    challenge::Challenge,
    counts::{Counts, RegistryRequests},
    error::RegistryError,
    limiter::{Door, Gate, Site},
    token::Tokens,
};
use crate::{
    core::{foreign::ForeignText, registries::RegistryProfile},
    http,
};

/// The longest repository name that is asked for.
const MAX_REPOSITORY: usize = 255;

/// The most repositories whose own challenges are remembered; more than that, and all ask anew.
const MAX_LEARNED: usize = 10_000;

/// The shared state of one registry.
pub(crate) struct Connection {
    /// Unique in this process.
    pub(crate) id: u64,
    /// The name for people of the entry that was asked first; others may share the server.
    pub(crate) name: String,
    /// Base URL of the API.
    pub(crate) api: Url,
    pub(crate) client: http::Client,
    pub(crate) gate: Gate,
    /// Whether its token server may be asked, where that is another origin.
    pub(crate) token_door: Door,
    /// Whether it is left alone because it does not answer.
    pub(crate) breaker: Breaker,
    pub(crate) counts: Counts,
    pub(crate) tokens: Tokens,
    pub(crate) habits: Habits,
    /// Actions of the tokens that are asked for, joined.
    pub(crate) actions: String,
    challenges: Mutex<Known>,
}

/// What a registry asks for, as far as it said so.
#[derive(Default)]
struct Known {
    /// The answer of the probe, for every repository that says nothing else.
    general: Option<Arc<Vec<Challenge>>>,
    /// What a repository asked for itself: one that is private must not close its neighbours.
    repositories: HashMap<String, Arc<Vec<Challenge>>>,
}

impl Connection {
    pub(crate) fn new(id: u64, profile: &RegistryProfile, api: Url, client: http::Client, site: Arc<Site>) -> Self {
        Self {
            id,
            name: profile.name.clone(),
            api,
            client,
            gate: Gate::new(profile.limit, site),
            token_door: Door::of_tokens(),
            breaker: Breaker::default(),
            counts: Counts::default(),
            tokens: Tokens::default(),
            habits: Habits::default(),
            actions: crate::core::registries::token_actions(&profile.api_url).join(","),
            challenges: Mutex::default(),
        }
    }

    /// The base URL of a profile: http or https, a host, and no credentials, query or fragment in it.
    pub(crate) fn api_url(profile: &RegistryProfile) -> Result<Url, RegistryError> {
        let fail = |reason: &str| RegistryError::InvalidSetting {
            registry: profile.name.clone(),
            key: "api_url",
            reason: ForeignText::new(reason),
        };
        let url = Url::parse(&profile.api_url)
            .map_err(|_| fail("it is not a URL (example: https://registry.example.com)"))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(fail("it must start with https:// or http:// and name a host"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(fail("it must not hold user or password; use `credentials`"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(fail("it must not hold a query or fragment"));
        }
        Ok(url)
    }

    /// `<api>/v2/` for the probe.
    pub(crate) fn probe_url(&self) -> Url {
        self.join(["v2", ""].into_iter())
    }

    /// `<api>/v2/<repository>/<tail>`, every part encoded.
    /// `None` for a name that no repository has, and that could lead elsewhere.
    pub(crate) fn url(&self, repository: &str, tail: [&str; 2]) -> Option<Url> {
        let fits = |part: &str| {
            !part.is_empty()
                && part != "."
                && part != ".."
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        };
        let is_name = repository.len() <= MAX_REPOSITORY && repository.split('/').all(fits);
        is_name.then(|| self.join(std::iter::once("v2").chain(repository.split('/')).chain(tail)))
    }

    fn join<'a>(&self, parts: impl Iterator<Item = &'a str>) -> Url {
        let mut url = self.api.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(parts);
        }
        url
    }

    /// What is asked for in a repository, when it is known. Empty: nothing is.
    pub(crate) fn challenges(&self, repository: &str) -> Option<Arc<Vec<Challenge>>> {
        let known = self.challenges.lock().unwrap_or_else(PoisonError::into_inner);
        known.repositories.get(repository).or(known.general.as_ref()).cloned()
    }

    /// Remembers what the probe told.
    pub(crate) fn learn_general(&self, challenges: Vec<Challenge>) {
        let mut known = self.challenges.lock().unwrap_or_else(PoisonError::into_inner);
        known.general = Some(Arc::new(challenges));
    }

    /// Remembers what a repository asks for; `true` when that is news.
    pub(crate) fn learn(&self, repository: &str, challenges: Vec<Challenge>) -> bool {
        let mut known = self.challenges.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known.repositories.get(repository).or(known.general.as_ref());
        if before.is_some_and(|before| **before == challenges) {
            return false;
        }
        if known.repositories.len() >= MAX_LEARNED {
            known.repositories.clear();
        }
        known.repositories.insert(repository.to_owned(), Arc::new(challenges));
        true
    }

    pub(crate) fn requests(&self) -> RegistryRequests {
        self.counts.read(&self.name, self.api.as_str().trim_end_matches('/'))
    }
}
