//! Asks the registries what the decisions need, each question once per cycle, and feeds the pure selection.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures::{Stream, StreamExt as _, stream};
use jiff::Timestamp;
use tokio::{
    sync::OnceCell,
    time::{Instant, timeout_at},
};

use super::{
    credentials::{self, CycleCredentials, Secrets},
    memory::{Memory, View},
    repository::Asked,
    verify,
};
use crate::{
    cluster::{Cluster, ClusterError, repositories::RepositorySecrets},
    core::{
        image::{ImageVersion, TagName},
        registries::TagSortMode,
        resolve::TrackedImage,
        select::{
            self, Candidate, Decision, FirstSeen, Knowledge, Known, Question, ReadLimit, Selection, Situation, TagList,
            TagOrder, TagStory, Waiting,
        },
        verdict::{Reason, Verdict},
    },
    identity::Identities,
    registry::{self, Freshness, Registries, RegistryError, RepoKey, Session},
};

/// Metadata requests of one decision at once; the registry's own limits come on top.
const PARALLEL_FACTS: usize = 20;

/// The longest that is read for one decision. What was read is kept, and the next cycle goes on.
const TIME: Duration = Duration::from_mins(10);

/// A decision asks again at most this often beside what its [`ReadLimit`] allows: it asks once for its order, and then tag
/// by tag on the way down.
const ROUNDS: usize = 44;

/// What one cycle has asked so far.
pub struct Cycle {
    pub(super) session: Session,
    now: Timestamp,
    pub(super) credentials: CycleCredentials,
    pub(super) signing_keys: verify::SigningKeys,
    repositories: OnceCell<Result<RepositorySecrets, ClusterError>>,
}

impl Cycle {
    /// A cycle over one session of the registries; ages are counted until `now`.
    pub fn new(session: Session, now: Timestamp) -> Self {
        Self {
            session,
            now,
            credentials: CycleCredentials::default(),
            signing_keys: verify::SigningKeys::default(),
            repositories: OnceCell::new(),
        }
    }

    /// When the cycle began.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Argo CD's repository Secrets, read once.
    pub(super) async fn repository_secrets(
        &self,
        cluster: &Cluster,
        namespace: &str,
    ) -> Result<&RepositorySecrets, Verdict> {
        let read = || async { cluster.repository_secrets(namespace).await };
        let secrets = self.repositories.get_or_init(read).await;
        secrets
            .as_ref()
            .map_err(|error| Verdict::new(Reason::CredentialsUnavailable, error.to_string()))
    }
}

/// What `tagsortmode` says, in the words of the selection.
pub(super) fn tag_order(mode: TagSortMode) -> TagOrder {
    match mode {
        TagSortMode::None => TagOrder::None,
        TagSortMode::LatestFirst => TagOrder::LatestFirst,
        TagSortMode::LatestLast => TagOrder::LatestLast,
    }
}

/// A picked tag, or why there is none; and what became of every tag when that was asked for.
#[derive(Debug, Clone)]
pub struct Pick {
    /// The tag, or the reason.
    pub candidate: Result<Candidate, Verdict>,
    /// What became of every tag.
    pub story: Vec<TagStory>,
    /// The tags that are too young, the best first; `None` when that could not be found out.
    pub waiting: Option<Vec<Waiting>>,
}

impl From<Verdict> for Pick {
    fn from(verdict: Verdict) -> Self {
        Self {
            candidate: Err(verdict),
            story: Vec::new(),
            waiting: None,
        }
    }
}

/// For whom a tag is picked.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// The namespace of the application; the image's own pull secret must lie there.
    pub namespace: &'a str,
    /// The version that runs; of several, the one that is replaced.
    pub live: Option<&'a ImageVersion>,
    /// The running versions that the policy admits.
    pub beside: &'a [ImageVersion],
    /// The version that stands where the pick is written.
    pub written: Option<&'a ImageVersion>,
    /// When tags of this image that wait for their age were first seen.
    pub first_seen: &'a FirstSeen,
    /// The tags that were found not to be signed as the image demands, and why; they are passed over.
    pub unverified: &'a BTreeMap<TagName, String>,
    /// Whether to keep what became of every tag.
    pub explain: bool,
}

/// Picks tags: asks registries, with the right credentials, whatever the pure selection has to know.
pub struct Observer {
    registries: Registries,
    pub(super) secrets: Secrets,
    pub(super) known_credentials: credentials::Known,
    pub(super) identities: Identities,
    memory: Memory,
    reads: ReadLimit,
}

impl Observer {
    /// An observer of these registries, whose credentials may lie in `secrets`.
    pub fn new(registries: Registries, secrets: Secrets) -> Self {
        Self {
            registries,
            secrets,
            known_credentials: credentials::Known::default(),
            identities: Identities::default(),
            memory: Memory::default(),
            reads: ReadLimit::default(),
        }
    }

    /// The same, whose decisions read at most `reads`.
    #[must_use]
    pub fn reading(self, reads: ReadLimit) -> Self {
        Self { reads, ..self }
    }

    /// The same, that logs in to clouds as these.
    #[must_use]
    pub fn with_identities(self, identities: Identities) -> Self {
        Self { identities, ..self }
    }

    /// The registries.
    pub fn registries(&self) -> &Registries {
        &self.registries
    }

    /// A cycle over these registries: every question is asked once within it. Ages are counted until `now`.
    pub fn cycle(&self, now: Timestamp) -> Cycle {
        Cycle::new(self.registries.session(), now)
    }

    /// Picks a tag for one image.
    pub async fn pick(&self, cycle: &Cycle, image: &TrackedImage, asker: Asker<'_>) -> Pick {
        let Asked { repo, tags } = match self.ask(cycle, image, asker.namespace).await {
            Ok(answer) => answer,
            Err(verdict) => return verdict.into(),
        };
        let order = tag_order(repo.profile.tag_order);
        self.decide(cycle, &repo, image, asker, &tags, order).await
    }

    /// Asks until there is a decision. One that comes to no end is gone on with in the next cycle.
    async fn decide(
        &self,
        cycle: &Cycle,
        repo: &RepoKey,
        image: &TrackedImage,
        asker: Asker<'_>,
        tags: &TagList,
        order: TagOrder,
    ) -> Pick {
        let policy = &image.policy;
        let view = View::new(repo, &image.platforms);
        let current = asker.live.into_iter().chain(asker.beside).chain(asker.written);
        let current: BTreeSet<_> = current.filter_map(|version| TagName::new(&version.tag)).collect();
        let date = |tag: &TagName| Some((tag.clone(), self.memory.date(&view, tag)?));
        let situation = Situation {
            live: asker.live,
            beside: asker.beside,
            written: asker.written,
            dates: current.iter().filter_map(date).collect(),
            first_seen: asker.first_seen.clone(),
            now: cycle.now,
            reads: self.reads,
            unverified: asker.unverified.clone(),
        };
        let mut known = self.memory.held(&view, policy);
        let deadline = Instant::now() + TIME;
        let mut decision = Decision {
            picked: Err(Verdict::new(
                Reason::MetadataUnavailable,
                "the decision asks without end",
            )),
            waiting: None,
            unfinished: true,
        };
        for _ in 0..ROUNDS + self.reads.most() {
            match select::select(policy, &situation, tags, order, &known) {
                Selection::Decided(decided) => {
                    decision = decided;
                    break;
                }
                Selection::Need(questions) => {
                    if !answer(cycle, repo, image, order, questions, &mut known, deadline).await {
                        let message = format!(
                            "{} of {} tags were read within {} min; the next cycle goes on",
                            known.kept().len(),
                            tags.tags.len(),
                            TIME.as_secs() / 60
                        );
                        decision.picked = Err(Verdict::new(Reason::MetadataUnavailable, message));
                        break;
                    }
                }
            }
        }
        if decision.unfinished {
            self.memory.hold(&view, policy, known.kept());
        } else {
            self.memory.release(&view, policy);
        }
        for tag in &current {
            if let Some(Known::Facts(facts)) = known.fresh(tag)
                && let Some(created) = facts.created
            {
                self.memory.remember_date(&view, tag, created);
            }
        }
        let story = if asker.explain {
            select::explain(policy, &situation, tags, order, &known)
        } else {
            Vec::new()
        };
        Pick {
            candidate: decision.picked,
            story,
            waiting: decision.waiting,
        }
    }
}

/// Asks the registry, many questions at once; `false` when there was not enough time for all of them.
async fn answer(
    cycle: &Cycle,
    repo: &RepoKey,
    image: &TrackedImage,
    order: TagOrder,
    questions: Vec<Question>,
    known: &mut Knowledge,
    deadline: Instant,
) -> bool {
    let wanted = image.policy.facts_wanted(order);
    let answers = stream::iter(questions)
        .map(|Question::Facts(tag)| async move {
            let answer = match cycle
                .session
                .facts(repo, &tag, &image.platforms, wanted, Freshness::Now)
                .await
            {
                Ok(registry::Known::Facts(facts)) => Known::Facts(facts),
                Ok(registry::Known::Excluded(why)) => Known::Excluded(why.to_string()),
                Err(error @ RegistryError::TagRefused { .. }) => Known::Refused(error.to_string()),
                Err(error) => Known::Failed(error.verdict()),
            };
            (tag, answer)
        })
        .buffer_unordered(PARALLEL_FACTS);
    take_until(deadline, answers, |(tag, answer)| known.insert(tag, answer)).await
}

/// Takes what comes until then; whether that was all.
async fn take_until<T>(deadline: Instant, items: impl Stream<Item = T>, mut take: impl FnMut(T)) -> bool {
    let mut items = std::pin::pin!(items);
    loop {
        match timeout_at(deadline, items.next()).await {
            Ok(Some(item)) => take(item),
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_came_in_time_is_kept_when_the_rest_never_comes() {
        let deadline = Instant::now() + TIME;
        let mut taken = Vec::new();
        assert!(take_until(deadline, stream::iter([1, 2]), |n| taken.push(n)).await);
        let stuck = stream::iter([3, 4]).chain(stream::pending());
        assert!(!take_until(deadline, stuck, |n| taken.push(n)).await);
        assert_eq!(taken, [1, 2, 3, 4]);
        assert_eq!(Instant::now(), deadline);
    }
}
