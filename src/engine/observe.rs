//! Asks the registries what the decisions need, each question once per cycle, and feeds the pure selection.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use tokio::{
    sync::OnceCell,
    time::{Instant, timeout_at},
};

use super::{
    credentials::{self, CycleCredentials, Secrets},
    memory::{Memory, View},
    permission::CycleProjects,
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
            self, Candidate, Decision, FirstSeen, Knowledge, Known, Policy, Question, ReadLimit, Selection, Situation,
            TagList, TagOrder, TagStory, Waiting,
        },
        strategy::{Need, StrategyKind},
        verdict::{Reason, Verdict},
    },
    identity::Identities,
    registry::{self, Freshness, Registries, RegistryError, RepoKey, Session},
};

/// Metadata requests of one decision at once; the registry's own limits come on top.
const PARALLEL_FACTS: usize = 20;

/// A decision asks again at most this often beside what its [`ReadLimit`] allows: it asks once for its order, and then tag
/// by tag on the way down.
const ROUNDS: usize = 44;

/// The longest time for asking about one image in one cycle. What was read until then is kept, and the next cycle goes on
/// from there.
const IMAGE_TIME: Duration = Duration::from_mins(5);

/// The same where no cycle follows: for commands that end.
const LAST_IMAGE_TIME: Duration = Duration::from_mins(30);

/// What one cycle has asked so far.
pub struct Cycle {
    pub(super) session: Session,
    now: Timestamp,
    pub(super) credentials: CycleCredentials,
    pub(super) signing_keys: verify::SigningKeys,
    repositories: OnceCell<Result<RepositorySecrets, ClusterError>>,
    pub(super) projects: CycleProjects,
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
            projects: CycleProjects::default(),
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

/// Until when it is asked about one image.
#[derive(Clone, Copy)]
struct Bound {
    end: Instant,
    reads: ReadLimit,
}

impl Bound {
    fn from_now(reads: ReadLimit) -> Self {
        Self {
            end: Instant::now() + Self::time(reads),
            reads,
        }
    }

    fn time(reads: ReadLimit) -> Duration {
        match reads {
            ReadLimit::InSteps => IMAGE_TIME,
            ReadLimit::AtOnce => LAST_IMAGE_TIME,
        }
    }

    /// It is over.
    fn verdict(self, reason: Reason, what: &str) -> Verdict {
        let minutes = Self::time(self.reads).as_secs() / 60;
        let later = match self.reads {
            ReadLimit::InSteps => "; the next cycle goes on",
            ReadLimit::AtOnce => "",
        };
        Verdict::new(reason, format!("{what} within {minutes} min{later}"))
    }
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
        let bound = Bound::from_now(self.reads);
        let Asked { repo, tags, .. } = match timeout_at(bound.end, self.ask(cycle, image, asker.namespace)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(verdict)) => return verdict.into(),
            Err(_) => {
                return bound
                    .verdict(Reason::RegistryUnavailable, "its tags were not listed")
                    .into();
            }
        };
        self.decide(cycle, &repo, image, asker, &tags, bound).await
    }

    /// Asks until there is a decision. One that comes to no end is gone on with in the next cycle.
    async fn decide(
        &self,
        cycle: &Cycle,
        repo: &RepoKey,
        image: &TrackedImage,
        asker: Asker<'_>,
        tags: &TagList,
        bound: Bound,
    ) -> Pick {
        let order = tag_order(repo.profile.tag_order);
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
        let mut known = if self.memory.is_unfinished(&view, policy) {
            kept(cycle, repo, image, order, tags).await
        } else {
            Knowledge::default()
        };
        let held = |verdict| Decision {
            picked: Err(verdict),
            waiting: None,
            unfinished: true,
        };
        let endless = Verdict::new(Reason::MetadataUnavailable, "the decision asks without end");
        let mut decision = held(endless);
        for _ in 0..ROUNDS + self.reads.most() {
            match select::select(policy, &situation, tags, order, &known) {
                Selection::Decided(decided) => {
                    decision = decided;
                    break;
                }
                Selection::Need(questions) => {
                    let answers = answer(cycle, repo, image, order, questions, &mut known);
                    if timeout_at(bound.end, answers).await.is_err() {
                        decision = held(bound.verdict(Reason::MetadataUnavailable, "not every tag was read"));
                        break;
                    }
                }
            }
        }
        self.memory.came_to_an_end(&view, policy, !decision.unfinished);
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

/// What was learned for this decision in earlier cycles. None of it counts as learned now.
async fn kept(cycle: &Cycle, repo: &RepoKey, image: &TrackedImage, order: TagOrder, tags: &TagList) -> Knowledge {
    let wanted = image.policy.facts_wanted(order);
    let mut known = Knowledge::default();
    for (tag, answer) in cycle.session.kept(repo, &tags.tags, &image.platforms, wanted).await {
        known.insert(tag, read(answer));
    }
    known.kept()
}

fn read(answer: registry::Known) -> Known {
    match answer {
        registry::Known::Facts(facts) => Known::Facts(facts),
        registry::Known::Excluded(why) => Known::Excluded(why.to_string()),
    }
}

/// How old the answer about a tag may be. The digest that is written is always asked in this cycle; where every tag is read
/// to find the best one, only that one is: the selection asks once more about it, since nothing else counts as learned now.
fn freshness(policy: &Policy, order: TagOrder, tag: &TagName, known: &Knowledge) -> Freshness {
    let reads_all = policy.strategy() != StrategyKind::Digest && policy.strategy().strategy().need(order) != Need::Name;
    if policy.writes_digest() && (!reads_all || known.get(tag).is_some()) {
        Freshness::Now
    } else {
        Freshness::Kept
    }
}

/// Asks the registry, many questions at once.
async fn answer(
    cycle: &Cycle,
    repo: &RepoKey,
    image: &TrackedImage,
    order: TagOrder,
    questions: Vec<Question>,
    known: &mut Knowledge,
) {
    let wanted = image.policy.facts_wanted(order);
    let questions: Vec<_> = questions
        .into_iter()
        .map(|Question::Facts(tag)| (freshness(&image.policy, order, &tag, known), tag))
        .collect();
    let answers: Vec<_> = stream::iter(questions)
        .map(|(freshness, tag)| async move {
            let answer = cycle.session.facts(repo, &tag, &image.platforms, wanted, freshness);
            let answer = match answer.await {
                Ok(answer) => read(answer),
                Err(error @ RegistryError::TagRefused { .. }) => Known::Refused(error.to_string()),
                Err(error) => Known::Failed(error.verdict()),
            };
            (freshness, tag, answer)
        })
        .buffer_unordered(PARALLEL_FACTS)
        .collect()
        .await;
    for (freshness, tag, answer) in answers {
        if freshness == Freshness::Kept && image.policy.writes_digest() {
            known.insert_old(tag, answer);
        } else {
            known.insert(tag, answer);
        }
    }
}
