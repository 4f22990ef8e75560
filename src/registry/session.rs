//! One question once: what a cycle asks is asked once, however many resources, applications and images ask it.
//!
//! Answers are shared by registry, repository and credentials, never across credentials. So are errors: within a session
//! nothing is asked again. What lasts longer than a session is in [`super::cache`]. A registry that does not answer at all
//! is given up after a few tries.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{Mutex as AsyncMutex, OnceCell};

use super::{
    Credentials,
    cache::{View, parts::Part},
    client::Ask,
    connection::Connection,
    cosign,
    error::RegistryError,
    health::Health,
    metadata::{TagQuestion, Way},
    pool::Registries,
    tags,
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

/// The longest time for one tag list, together with the waits for its turns: thousands of lists may stand before it where
/// few requests a second are allowed.
const LIST_TIME: Duration = Duration::from_hours(1);

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
    views: Mutex<HashMap<Asker, Arc<Answers>>>,
}

/// A repository as somebody with this very password sees it, wherever the password lies: what was refused to one is asked
/// again with the next one of the same user, and what copies of one Secret ask is asked once.
type Asker = View;

/// What was asked about one repository by somebody.
#[derive(Default)]
struct Answers {
    list: OnceCell<Result<Arc<TagList>, RegistryError>>,
    tags: Mutex<HashMap<TagName, Arc<AsyncMutex<TagAnswers>>>>,
    signatures: Mutex<HashMap<Digest, Arc<AsyncMutex<cosign::Search>>>>,
}

/// What was asked about one tag.
#[derive(Default)]
struct TagAnswers {
    /// Which image it names; `Some` when that was asked in this session. `None` inside: it is gone.
    named: Option<Result<Option<Digest>, RegistryError>>,
    read: Vec<(Platforms, FactsWanted, Result<Known, RegistryError>)>,
}

impl TagAnswers {
    fn read(&self, platforms: &Platforms, wanted: FactsWanted) -> Option<Result<Known, RegistryError>> {
        let same = |(p, w, _): &&(Platforms, FactsWanted, _)| *w == wanted && p == platforms;
        self.read.iter().find(same).map(|(_, _, known)| known.clone())
    }
}

impl Session {
    pub(crate) fn new(registries: Registries) -> Self {
        Self {
            registries,
            health: Mutex::default(),
            views: Mutex::default(),
        }
    }

    /// All tags of a repository: the whole list, or an error.
    pub async fn tags(&self, repo: &RepoKey) -> Result<Arc<TagList>, RegistryError> {
        let (connection, health) = self.open(repo).await?;
        let view = View::new(&connection, repo);
        let answers = self.answers(repo, &view);
        // Thousands may wait for this answer: what only one of them does is not part of their size.
        let list = || {
            Box::pin(async {
                let ask = Ask {
                    connection: &connection,
                    health: &health,
                    repo,
                };
                let list = tags::list(&ask, self.registries.cache(), &view);
                match tokio::time::timeout(LIST_TIME, list).await {
                    Ok(list) => list.map(Arc::new),
                    Err(_) => Err(tags::too_slow(&ask, LIST_TIME)),
                }
            })
        };
        answers.list.get_or_init(list).await.clone()
    }

    /// What the registry says about one tag: facts, a lasting reason why it is no candidate, or an error.
    ///
    /// What an image says is read once as long as the cache holds it. Which image the tag names is asked at most once in this
    /// session: always with [`Freshness::Now`], else when nobody asked for [`super::Options::refresh`].
    pub async fn facts(
        &self,
        repo: &RepoKey,
        tag: &TagName,
        platforms: &Platforms,
        wanted: FactsWanted,
        freshness: Freshness,
    ) -> Result<Known, RegistryError> {
        let (connection, health) = self.open(repo).await?;
        let view = View::new(&connection, repo);
        let answers = self.answers(repo, &view);
        let answers = Arc::clone(lock(&answers.tags).entry(tag.clone()).or_default());
        let mut answers = answers.lock().await;
        if (answers.named.is_some() || freshness == Freshness::Kept)
            && let Some(known) = answers.read(platforms, wanted)
        {
            return known;
        }
        let question = TagQuestion {
            ask: &Ask {
                connection: &connection,
                health: &health,
                repo,
            },
            cache: self.registries.cache(),
            view: &view,
            tag,
        };
        let known = Box::pin(Self::ask(&question, &mut answers, platforms, wanted, freshness)).await;
        answers.read.push((platforms.clone(), wanted, known.clone()));
        known
    }

    async fn ask(
        question: &TagQuestion<'_>,
        answers: &mut TagAnswers,
        platforms: &Platforms,
        wanted: FactsWanted,
        freshness: Freshness,
    ) -> Result<Known, RegistryError> {
        let kept = match freshness {
            Freshness::Kept if answers.named.is_none() => undue(question),
            Freshness::Kept | Freshness::Now => None,
        };
        let manifest = match (kept, &answers.named) {
            (None, None) => Self::name(question, answers, Way::Cheapest).await,
            _ => None,
        };
        let digest = match (kept, &answers.named) {
            (None, Some(named)) => named.clone()?,
            (kept, _) => kept,
        };
        let Some(digest) = digest else {
            return Ok(Known::Excluded(Exclusion::Gone));
        };
        let known = question.read(digest, manifest, platforms, wanted).await;
        if known != Ok(Known::Excluded(Exclusion::PartMissing { digest })) {
            return known;
        }
        // Images that no tag names any more are deleted, and some servers show none by its digest. So its manifest
        // must come with the answer.
        question.forget();
        let manifest = Self::name(question, answers, Way::Get).await;
        match answers.named.clone() {
            Some(Ok(Some(digest))) => question.read(digest, manifest, platforms, wanted).await,
            Some(Err(error)) => Err(error),
            Some(Ok(None)) | None => Ok(Known::Excluded(Exclusion::Gone)),
        }
    }

    /// Asks which image the tag names; gives its manifest when that came with the answer.
    async fn name(question: &TagQuestion<'_>, answers: &mut TagAnswers, way: Way) -> Option<Part> {
        let named = question.name(way).await;
        // What was read of another image before does not count any more.
        answers.read.clear();
        let (named, manifest) = match named {
            Ok(Some((digest, manifest))) => (Ok(Some(digest)), manifest),
            Ok(None) => (Ok(None), None),
            Err(error) => (Err(error), None),
        };
        answers.named = Some(named);
        manifest
    }

    /// What is known of these tags without asking anything, for a decision that goes on from an earlier one: a tag may name
    /// another image by now, but was asked not long ago.
    pub async fn kept(
        &self,
        repo: &RepoKey,
        tags: &[TagName],
        platforms: &Platforms,
        wanted: FactsWanted,
    ) -> Vec<(TagName, Known)> {
        let Ok((connection, _)) = self.open(repo).await else {
            return Vec::new();
        };
        let (view, cache) = (View::new(&connection, repo), self.registries.cache());
        let now = cache.now();
        let known = |tag: &TagName| {
            let digest = {
                let mut kept_tags = cache.tags();
                let kept = kept_tags.find(&view, tag)?;
                kept_tags.may_be_carried(&view, &kept, now).then_some(kept.digest)?
            };
            Some((tag.clone(), cache.facts().find(&view, digest, platforms, wanted)?))
        };
        tags.iter().filter_map(known).collect()
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
        let answers = self.answers(repo, &View::new(&connection, repo));
        let search = {
            let fresh = || Arc::new(AsyncMutex::new(cosign::Search::new(digest)));
            Arc::clone(lock(&answers.signatures).entry(digest).or_insert_with(fresh))
        };
        let ask = Ask {
            connection: &connection,
            health: &health,
            repo,
        };
        let verification = Box::pin(cosign::verify(&search, &ask, digest, keys)).await?;
        if let Verification::Verified { key } = verification {
            proofs.add(digest, key);
        }
        Ok(verification)
    }

    async fn open(&self, repo: &RepoKey) -> Result<(Arc<Connection>, Arc<Health>), RegistryError> {
        let connection = Box::pin(self.registries.connection(&repo.profile)).await?;
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        let health = Arc::clone(health.entry(connection.id).or_default());
        Ok((connection, health))
    }

    fn answers(&self, repo: &RepoKey, view: &View) -> Arc<Answers> {
        let asker = Asker {
            identity: repo.credentials.as_deref().map(Credentials::fingerprint),
            ..view.clone()
        };
        Arc::clone(lock(&self.views).entry(asker).or_default())
    }
}

/// The image that the tag named when it was asked last, when that is not due.
fn undue(question: &TagQuestion<'_>) -> Option<Digest> {
    let TagQuestion { cache, view, tag, .. } = question;
    let now = cache.now();
    let mut tags = cache.tags();
    let kept = tags.find(view, tag)?;
    (!tags.is_due(view, tag, &kept, now)).then_some(kept.digest)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
