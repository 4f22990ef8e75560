//! One cycle, in one direction: resolve, observe and select, plan, apply, report.
//!
//! The engine owns no clock and no loop: the controller says what is due and gets one report per resource as soon as
//! that resource is done, so that a slow registry or repository holds up only those who use it. Decisions are made in
//! `core`; here they are fed and carried out.
//!
//! | stage | where |
//! |---|---|
//! | resolve | [`crate::core::resolve`] |
//! | observe, select | [`observe`], which asks registries and feeds [`crate::core::select`] |
//! | verify | `verify`, for what would change |
//! | plan | [`crate::core::plan`]; `contest` holds what another writer owns or has taken back |
//! | apply | [`apply`]: one patch per Application, one fetch and one push per git branch |
//! | report | [`crate::core::report`] |

mod app_tokens;
pub mod apply;
mod collect;
mod compiled;
mod contest;
pub mod credentials;
pub mod decide;
mod labels;
mod memory;
mod messages;
pub mod observe;
mod permission;
mod repository;
mod verify;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures::{StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use jiff::Timestamp;
use tokio::sync::{Semaphore, mpsc::UnboundedSender};

pub use self::app_tokens::app_tokens;
use self::{credentials::Secrets, decide::WritePermit, observe::Observer};
use crate::{
    api::{annotations, argocd::Application, v1alpha1::ImageUpdater},
    cluster::Cluster,
    core::{
        image::Platform,
        keys::ObjectKey,
        plan::{
            SourceEdit, managed,
            ownership::{self, Ledger, Rank, Target},
            taken_back::Memory,
        },
        render::{application_patch, message_template::MessageTemplate},
        report::{ApplicationReport, Remark, ResourceReport},
        resolve::{Author, Compiled, ResolveContext, TrackedApplication, WriteTarget},
        select::{ReadLimit, live::LiveImages},
    },
    git::Mirrors,
    registry::Registries,
};

/// What the engine needs to know besides the resources.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent switches, each a flag of its own"
)]
pub struct Options {
    /// The namespace of Argo CD.
    pub argocd_namespace: String,
    /// The platform that images are chosen for unless a resource says otherwise.
    pub platform: Platform,
    /// Decide, but write nothing.
    pub dry_run: bool,
    /// Create Events.
    pub events: bool,
    /// Author and committer of commits.
    pub author: Author,
    /// The template of commit messages for resources without one of their own.
    pub message: Arc<MessageTemplate>,
    /// Whether namespaced resources may use `env:` and `ext:` credentials.
    pub allow_env_ext_credentials: bool,
    /// Whether Applications outside Argo CD's namespace may write wherever its credentials reach.
    pub allow_foreign_repositories: bool,
    /// Keep what became of every tag.
    pub explain: bool,
    /// How many applications are decided at once; `None` is no bound.
    pub max_deciding: Option<usize>,
    /// How many tags one decision reads at most.
    pub reads: ReadLimit,
}

/// One resource that is due.
#[derive(Debug, Clone)]
pub struct Task {
    /// The resource.
    pub updater: Arc<ImageUpdater>,
    /// The applications it may select.
    pub applications: Vec<Arc<Application>>,
    /// Whether these are only some of them.
    pub partial: bool,
    /// What the driver already noticed about the resource.
    pub warnings: Vec<Remark>,
}

/// The pipeline and what it holds on to between cycles.
pub struct Engine {
    cluster: Cluster,
    observer: Observer,
    mirrors: Mirrors,
    options: Options,
    deciding: Option<Semaphore>,
    own_writes: Mutex<HashMap<ObjectKey, Vec<SourceEdit>>>,
    ledger: Mutex<Ledger>,
    memory: Mutex<Memory>,
    setbacks: Mutex<apply::setbacks::Setbacks>,
    failures: Mutex<apply::Failures>,
    /// The default branches of repositories, as far as they were seen.
    default_branches: Mutex<HashMap<String, String>>,
    progress: Progress,
    compiled: compiled::Known,
    /// Who writes to which repository, and who waits for it.
    lanes: apply::git::Lanes,
    messages: messages::Messages,
}

/// How many applications were to be decided since the start, and how many are.
#[derive(Debug, Default)]
struct Progress {
    wanted: AtomicUsize,
    decided: AtomicUsize,
}

/// An application that is followed, on its way through the pipeline.
#[derive(Debug)]
pub(crate) struct Work {
    /// The index of its resource among the tasks.
    resource: usize,
    updater: Arc<ImageUpdater>,
    /// What its resource asks for.
    rules: Arc<Compiled>,
    application: Arc<Application>,
    tracked: TrackedApplication,
    /// Who comes first where several resources want one place.
    rank: Rank,
}

impl Work {
    fn key(&self) -> ObjectKey {
        key_of(&self.application)
    }

    /// What its claims are about.
    fn place(&self) -> Target {
        match &self.tracked.target {
            WriteTarget::Application => {
                let uid = self.application.metadata.uid.clone();
                Target::Application(uid.unwrap_or_else(|| self.key().to_string()))
            }
            WriteTarget::Git(target) => Target::file(
                apply::git::repository_key(&target.repository),
                target.base.as_deref(),
                target.file.path(),
            ),
        }
    }
}

fn key_of(application: &Application) -> ObjectKey {
    ObjectKey::new(application.namespace(), application.name())
}

/// What one future of a cycle brings: reports of applications, each with the index of its resource. `None`: the resource
/// does not follow the application any more, and there is nothing to report.
type Done = Vec<(usize, Option<ApplicationReport>)>;

impl Engine {
    /// An engine over the three outside worlds.
    pub fn new(cluster: Cluster, registries: Registries, mirrors: Mirrors, options: Options) -> Self {
        Self {
            observer: Observer::new(registries, Secrets::Cluster(cluster.clone())).reading(options.reads),
            cluster,
            mirrors,
            deciding: options.max_deciding.map(Semaphore::new),
            options,
            own_writes: Mutex::default(),
            progress: Progress::default(),
            compiled: compiled::Known::default(),
            messages: messages::Messages::default(),
            ledger: Mutex::default(),
            memory: Mutex::default(),
            setbacks: Mutex::default(),
            failures: Mutex::default(),
            default_branches: Mutex::default(),
            lanes: apply::git::Lanes::default(),
        }
    }

    /// Whether nothing may be written.
    pub fn is_dry_run(&self) -> bool {
        self.options.dry_run
    }

    /// Whether an Application's sources are what was last written to it here: news to everybody but us.
    pub fn is_own_write(&self, application: &Application) -> bool {
        let writes = self.own_writes.lock().unwrap_or_else(PoisonError::into_inner);
        writes
            .get(&key_of(application))
            .is_some_and(|edits| application_patch::took_effect(application, edits))
    }

    fn remember_write(&self, key: ObjectKey, edits: &[SourceEdit]) {
        self.own_writes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key, edits.to_vec());
    }

    /// How many applications are decided, and of how many, for somebody who waits.
    pub fn progress(&self) -> (usize, usize) {
        let Progress { wanted, decided } = &self.progress;
        (decided.load(Ordering::Relaxed), wanted.load(Ordering::Relaxed))
    }

    /// Drops what is kept about a resource that is gone.
    pub fn forget(&self, resource: &ObjectKey) {
        self.compiled.forget(resource);
    }

    /// A resource that writes nothing for now claims nothing.
    pub fn release(&self, resource: &ObjectKey) {
        self.ledger().keep_only(resource, &BTreeSet::new());
    }

    /// Forgets claims and writes of resources and applications that are not there any more, or are suspended.
    pub fn forget_absent(&self, resource: impl Fn(&ObjectKey) -> bool, application: impl Fn(&ObjectKey) -> bool) {
        let present =
            |claimant: &ownership::Claimant| resource(&claimant.resource) && application(&claimant.application);
        self.ledger().retain(present);
        self.memory().retain(present);
        self.failures().retain(present);
        self.own_writes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|key, _| application(key));
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counters of the registries, for benches and tests.
    pub fn registries(&self) -> &Registries {
        self.observer.registries()
    }

    /// That the registries file on disk is not what is in use, as every resource tells it.
    pub fn registries_remark(&self) -> Option<Remark> {
        let problem = self.registries().problem()?;
        Some(Remark {
            field: String::new(),
            message: format!(
                "the registries file was changed and cannot be used, so what it said before stays in use: {problem}"
            ),
        })
    }

    /// Runs one cycle over all that is due. Each resource's report is sent with its index as soon as it is complete.
    ///
    /// Nothing is written without `permit`: the lease may be lost, or the program ends.
    pub async fn cycle(
        &self,
        tasks: &[Task],
        permit: &WritePermit,
        reports: &UnboundedSender<(usize, ResourceReport)>,
    ) {
        let cycle = self.observer.cycle(Timestamp::now());
        let mut collected = collect::Collected::new(tasks.len(), reports);
        let mut works = Vec::new();
        for (index, task) in tasks.iter().enumerate() {
            self.resolve(index, task, &mut collected, &mut works);
        }
        self.progress.wanted.fetch_add(works.len(), Ordering::Relaxed);
        let (direct, git): (Vec<_>, Vec<_>) = works
            .into_iter()
            .partition(|work| work.tracked.target == WriteTarget::Application);
        let mut running: FuturesUnordered<BoxFuture<'_, Done>> = FuturesUnordered::new();
        let mut applications: BTreeMap<ObjectKey, Vec<Work>> = BTreeMap::new();
        for work in direct {
            applications.entry(work.key()).or_default().push(work);
        }
        for works in applications.into_values() {
            running.push(Box::pin(self.update_application(&cycle, works, permit)));
        }
        for group in apply::git::groups(git) {
            running.push(Box::pin(self.update_repository(&cycle, group, permit)));
        }
        while let Some(done) = running.next().await {
            for (resource, report) in done {
                if let Some((task, report)) = tasks.get(resource).zip(report.as_ref())
                    && let Some(telling) = self.tell_failure(task, report)
                {
                    running.push(Box::pin(telling));
                }
                collected.add(resource, report);
            }
        }
    }

    fn resolve_context(&self) -> ResolveContext {
        ResolveContext {
            argocd_namespace: self.options.argocd_namespace.clone(),
            runtime_platform: self.options.platform.clone(),
            allow_env_ext_credentials: self.options.allow_env_ext_credentials,
        }
    }

    /// What the resource asks for; what is already settled goes to the report.
    fn resolve(&self, index: usize, task: &Task, collected: &mut collect::Collected<'_>, works: &mut Vec<Work>) {
        let context = self.resolve_context();
        let requested = task.updater.metadata.annotations.as_ref();
        let mut report = ResourceReport {
            generation: task.updater.metadata.generation.unwrap_or(0),
            partial: task.partial,
            requested: requested
                .and_then(|a| a.get(annotations::RECONCILE_REQUESTED_AT))
                .cloned(),
            warnings: task.warnings.iter().cloned().chain(self.registries_remark()).collect(),
            ..ResourceReport::default()
        };
        let before = works.len();
        match self.compiled.get(&task.updater, &context) {
            Err(stalled) => {
                report.stalled = stalled;
                self.announce_claims(task, &[]);
            }
            Ok(rules) => {
                sort(index, task, &rules, &mut report, works);
                self.announce_claims(task, works.get(before..).unwrap_or_default());
            }
        }
        collected.begin(index, report, works.len() - before);
    }

    /// Says what a resource is about to claim, before anybody decides, so that no one writes what a stronger one of the
    /// same cycle wants otherwise. What it does not select any more is released.
    fn announce_claims(&self, task: &Task, works: &[Work]) {
        let mut ledger = self.ledger();
        let mut kept: BTreeSet<ObjectKey> = works.iter().map(Work::key).collect();
        let meta = &task.updater.metadata;
        let resource = ObjectKey::new(
            meta.namespace.as_deref().unwrap_or_default(),
            meta.name.as_deref().unwrap_or_default(),
        );
        if task.partial {
            let looked_at: BTreeSet<ObjectKey> = task.applications.iter().map(|a| key_of(a)).collect();
            let others = ledger.claimants().filter(|claimant| claimant.resource == resource);
            let others = others.map(|claimant| claimant.application);
            kept.extend(others.filter(|application| !looked_at.contains(application)));
        }
        ledger.keep_only(&resource, &kept);
        for work in works {
            let live = LiveImages::parse(work.application.live_images());
            let claims = ownership::claims(&work.application, &work.tracked, &live, None);
            ledger.announce(&work.rank, &work.place(), claims);
        }
    }
}

/// What is followed becomes work, the rest is reported.
fn sort(index: usize, task: &Task, rules: &Arc<Compiled>, report: &mut ResourceReport, works: &mut Vec<Work>) {
    let resolved = rules.resolve(&task.applications);
    report.warnings.extend(resolved.warnings);
    report.stalled_in_part = resolved.stalled;
    let before = works.len();
    for application in resolved.applications {
        let key = key_of(&application.application);
        match application.tracked {
            Ok(tracked) => works.push(Work {
                resource: index,
                updater: task.updater.clone(),
                rules: rules.clone(),
                rank: Rank::new(&task.updater, key, application.specificity),
                application: application.application,
                tracked,
            }),
            Err(verdict) => report.applications.push(ApplicationReport::refused(key, verdict)),
        }
    }
    // Only a full look knows which applications there are, and only its warnings are kept.
    if !task.partial {
        let direct = works.iter().skip(before);
        let direct = direct.filter(|work| work.tracked.target == WriteTarget::Application);
        let written = direct.map(|work| &*work.application);
        report.warnings.extend(managed::remark(written, &task.applications));
    }
}
