//! What is kept from one session to the next, so that a registry is not asked again for what cannot have changed.
//!
//! * [`facts`]: what manifests and configs say, by digest. They follow from bytes that were proved to have that digest, so
//!   they never grow old and belong to nobody: their key has no credentials in it. Who may read them is proved by the
//!   question which image a tag names, and that is asked with the asker's own credentials. (The tokens of cloud registries
//!   change every hour; with them in the key everything would be lost as often.) Only this is ever written to a file.
//! * [`tags`]: which image a tag names, for each repository and each credentials apart; asked again when it is due.
//! * [`pages`]: pages of tag lists with their `ETag`, for each credentials apart; used only when the registry says 304.
//! * [`parts`]: manifests of tags that could not be read to their end, so that the next attempt goes on from there.
//!
//! Everything is bounded, and losing any of it costs requests and nothing else.

mod bounded;
mod clock;
pub(super) mod facts;
mod file;
pub(super) mod habits;
mod keeper;
pub(super) mod pages;
pub(super) mod parts;
pub(super) mod tags;
#[cfg(test)]
mod tests;

pub use file::CacheError;
pub use keeper::Keeper;

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use self::{clock::Clock, facts::Facts, pages::Pages, parts::Parts, tags::Tags};
use super::{CredentialsIdentity, connection::Connection, session::RepoKey};

/// A repository as somebody sees it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct View {
    /// [`Connection::id`].
    pub(crate) connection: u64,
    /// The base URL of the API, as [`Connection::api`] spells it.
    pub(crate) api_url: String,
    pub(crate) repository: String,
    pub(crate) identity: Option<CredentialsIdentity>,
}

impl View {
    pub(crate) fn new(connection: &Connection, repo: &RepoKey) -> Self {
        Self {
            connection: connection.id,
            api_url: connection.api.as_str().to_owned(),
            repository: repo.repository.clone(),
            identity: repo.credentials.as_deref().map(super::Credentials::identity),
        }
    }
}

/// Everything that is kept.
pub(crate) struct Cache {
    clock: Clock,
    facts: Mutex<Facts>,
    tags: Mutex<Tags>,
    pages: Mutex<Pages>,
    parts: Mutex<Parts>,
}

impl Cache {
    /// An empty one. Which image a tag names is asked again after `refresh`; zero: in every session.
    pub(crate) fn new(refresh: Duration) -> Self {
        Self {
            clock: Clock::default(),
            facts: Mutex::default(),
            tags: Mutex::new(Tags::new(refresh)),
            pages: Mutex::default(),
            parts: Mutex::default(),
        }
    }

    /// The time that answers are dated with.
    pub(crate) fn now(&self) -> Duration {
        self.clock.now()
    }

    pub(crate) fn facts(&self) -> MutexGuard<'_, Facts> {
        lock(&self.facts)
    }

    pub(crate) fn tags(&self) -> MutexGuard<'_, Tags> {
        lock(&self.tags)
    }

    pub(crate) fn pages(&self) -> MutexGuard<'_, Pages> {
        lock(&self.pages)
    }

    pub(crate) fn parts(&self) -> MutexGuard<'_, Parts> {
        lock(&self.parts)
    }

    /// Lets time pass.
    #[cfg(test)]
    pub(crate) fn forward(&self, by: Duration) {
        self.clock.forward(by);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
