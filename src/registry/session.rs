//! One question once: what a cycle asks is asked once, however many resources, applications and images ask it.
//!
//! Answers are shared by registry, repository and credentials, never across credentials. So are errors: within a session
//! nothing is asked again. A registry that does not answer at all is given up after a few tries.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::{Mutex as AsyncMutex, OnceCell};

use super::{
    Credentials, CredentialsIdentity, client::Ask, connection::Connection, cosign, error::RegistryError,
    health::Health, metadata, pool::Registries, tags,
};
use crate::core::{
    image::{
        Digest, Platforms, TagFacts, TagName,
        manifest::{Exclusion, FactsWanted},
    },
    registries::RegistryProfile,
    select::TagList,
    signature::{PublicKey, Unverified, Verification},
};

/// The longest time for all pages of one tag list.
const LIST_TIME: Duration = Duration::from_mins(3);

/// A repository, and who asks for it.
#[derive(Debug, Clone)]
pub struct RepoKey {
    /// The registry.
    pub profile: Arc<RegistryProfile>,
    /// The repository, as [`RegistriesConf::places`](crate::core::registries::RegistriesConf::places) names it.
    pub repository: String,
    /// The credentials; `None` is anonymous.
    pub credentials: Option<Arc<Credentials>>,
}

/// What is known about a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// What the registry says.
    Facts(Arc<TagFacts>),
    /// A lasting reason why the tag is no candidate.
    Excluded(Exclusion),
}

/// How old the answer may be to the question which image a tag names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Freshness {
    /// It is asked in this session.
    Now,
    /// It may come from an earlier session.
    Kept,
}

/// One cycle's questions and answers.
pub struct Session {
    registries: Registries,
    health: Mutex<HashMap<u64, Arc<Health>>>,
    tags: Answers<Question, Arc<TagList>>,
    facts: Answers<(Question, TagName, Platforms, FactsWanted), Known>,
    signatures: Searches,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Question {
    connection: u64,
    repository: String,
    identity: Option<CredentialsIdentity>,
}

type Searches = Mutex<HashMap<(Question, Digest), Arc<AsyncMutex<cosign::Search>>>>;
type Answers<K, V> = Mutex<HashMap<K, Arc<OnceCell<Result<V, RegistryError>>>>>;

impl Session {
    pub(crate) fn new(registries: Registries) -> Self {
        Self {
            registries,
            health: Mutex::default(),
            tags: Mutex::default(),
            facts: Mutex::default(),
            signatures: Mutex::default(),
        }
    }

    /// All tags of a repository: the whole list, or an error.
    pub async fn tags(&self, repo: &RepoKey) -> Result<Arc<TagList>, RegistryError> {
        let (connection, health) = self.open(repo).await?;
        let answer = cell(&self.tags, question(&connection, repo));
        let list = async {
            let ask = Ask {
                connection: &connection,
                health: &health,
                repo,
            };
            match tokio::time::timeout(LIST_TIME, tags::list(&ask)).await {
                Ok(list) => list.map(Arc::new),
                Err(_) => Err(tags::too_slow(&ask, LIST_TIME)),
            }
        };
        answer.get_or_init(|| list).await.clone()
    }

    /// What the registry says about one tag: facts, a lasting reason why it is no candidate, or an error.
    pub async fn facts(
        &self,
        repo: &RepoKey,
        tag: &TagName,
        platforms: &Platforms,
        wanted: FactsWanted,
        _freshness: Freshness,
    ) -> Result<Known, RegistryError> {
        let (connection, health) = self.open(repo).await?;
        let key = (question(&connection, repo), tag.clone(), platforms.clone(), wanted);
        let answer = cell(&self.facts, key);
        let read = async {
            let ask = Ask {
                connection: &connection,
                health: &health,
                repo,
            };
            metadata::facts(&ask, tag, platforms, wanted).await
        };
        answer.get_or_init(|| read).await.clone()
    }

    /// Whether a manifest or index of the repository is signed by one of `keys`. [`Verification::Unverified`] only when
    /// every place of signatures was read; otherwise, without a matching signature, an error.
    ///
    /// What is verified once stays so as long as the process lives, for this digest and key, and costs nothing then.
    /// Everything else is asked once per session, whatever the keys. Without keys nothing is verified, nor asked.
    pub async fn verify(
        &self,
        repo: &RepoKey,
        digest: Digest,
        keys: &[PublicKey],
    ) -> Result<Verification, RegistryError> {
        if keys.is_empty() {
            return Ok(Verification::Unverified(Unverified::default()));
        }
        let proofs = self.registries.proofs();
        if let Some(key) = proofs.find(digest, keys) {
            return Ok(Verification::Verified { key });
        }
        let (connection, health) = self.open(repo).await?;
        let search = {
            let mut all = self.signatures.lock().unwrap_or_else(PoisonError::into_inner);
            let fresh = || Arc::new(AsyncMutex::new(cosign::Search::new(digest)));
            Arc::clone(all.entry((question(&connection, repo), digest)).or_insert_with(fresh))
        };
        let ask = Ask {
            connection: &connection,
            health: &health,
            repo,
        };
        let verification = cosign::verify(&search, &ask, digest, keys).await?;
        if let Verification::Verified { key } = verification {
            proofs.add(digest, key);
        }
        Ok(verification)
    }

    async fn open(&self, repo: &RepoKey) -> Result<(Arc<Connection>, Arc<Health>), RegistryError> {
        let connection = self.registries.connection(&repo.profile).await?;
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        let health = Arc::clone(health.entry(connection.id).or_default());
        Ok((connection, health))
    }
}

fn question(connection: &Connection, repo: &RepoKey) -> Question {
    Question {
        connection: connection.id,
        repository: repo.repository.clone(),
        // What was refused to one password is asked again with the next one of the same user.
        identity: repo.credentials.as_deref().map(Credentials::fingerprint),
    }
}

fn cell<K: std::hash::Hash + Eq, V>(answers: &Answers<K, V>, key: K) -> Arc<OnceCell<Result<V, RegistryError>>> {
    let mut answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(answers.entry(key).or_default())
}
