//! One cycle from the driver's side: what is handed to the engine, and what becomes of its reports.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use serde_json::json;
use tokio::{
    sync::mpsc::{self, UnboundedSender},
    time::Instant,
};

use super::{cycles::Done, narrate, run::Config};
use crate::{
    api::{annotations, argocd::Application, v1alpha1::ImageUpdater},
    cluster::{Cluster, watch::Watches},
    core::{
        keys::ObjectKey,
        matching::assign::{Pick, Rules},
        report::{Remark, ResourceReport, status},
        schedule::{self, Due, Interval, Version},
    },
    engine::{Engine, Task, decide::WritePermit},
};

/// A cycle that is done sooner never shows as running: two more writes to the API server for nothing.
const SHOWN_AS_RUNNING_AFTER: Duration = Duration::from_secs(2);

/// Hands resources to the engine and writes what it reports.
pub(super) struct Reconciler {
    cluster: Cluster,
    engine: Arc<Engine>,
    permit: WritePermit,
    again: UnboundedSender<Again>,
    /// The compiled rules of each resource, to see which one a changed application concerns.
    rules: BTreeMap<ObjectKey, Rules>,
}

/// A resource that is worth another look, after this much time.
pub(super) type Again = (ObjectKey, Duration);

/// How often a resource runs. One whose interval cannot be read runs once, to say so.
pub(super) fn interval(updater: &ImageUpdater, config: &Config) -> Interval {
    if config.once || config.interval == Interval::Never {
        return config.interval;
    }
    let own = updater.spec.interval.as_deref();
    schedule::resource_interval(own, config.interval, config.minimum_interval).map_or(Interval::OnChange, |i| i.0)
}

/// Namespace and name of an object.
pub(super) fn key_of(object: &impl kube::Resource) -> ObjectKey {
    let meta = object.meta();
    ObjectKey::new(
        meta.namespace.clone().unwrap_or_default(),
        meta.name.clone().unwrap_or_default(),
    )
}

/// One resource of a cycle.
struct Item {
    key: ObjectKey,
    next: Option<Duration>,
    stalled: Vec<Remark>,
    task: Task,
}

impl Reconciler {
    /// What is worth another look before its next cycle goes to `again`.
    pub(super) fn new(
        cluster: Cluster,
        engine: Arc<Engine>,
        permit: WritePermit,
        again: UnboundedSender<Again>,
    ) -> Self {
        Self {
            cluster,
            engine,
            permit,
            again,
            rules: BTreeMap::new(),
        }
    }

    pub(super) fn is_own_write(&self, application: &Application) -> bool {
        self.engine.is_own_write(application)
    }

    pub(super) fn applied(&mut self, updater: &ImageUpdater) {
        let key = key_of(updater);
        match Rules::compile(&updater.spec.application_refs) {
            Ok(rules) => self.rules.insert(key, rules),
            // The next cycle stalls it and says why.
            Err(_) => self.rules.remove(&key),
        };
    }

    pub(super) fn deleted(&mut self, key: &ObjectKey) {
        self.rules.remove(key);
        self.engine.forget(key);
    }

    /// The resources that a changed application concerns, before or after the change.
    pub(super) fn touched(&self, old: Option<&Application>, new: Option<&Application>) -> Vec<(ObjectKey, ObjectKey)> {
        let mut touched = Vec::new();
        let states: Vec<&Application> = [old, new].into_iter().flatten().collect();
        let Some(application) = states.first().map(|a| ObjectKey::new(a.namespace(), a.name())) else {
            return touched;
        };
        for (resource, rules) in &self.rules {
            let concerns = |a: &&Application| !matches!(rules.pick(a.name(), a.metadata.labels.as_ref()), Pick::None);
            if resource.namespace == application.namespace && states.iter().any(concerns) {
                touched.push((resource.clone(), application.clone()));
            }
        }
        touched
    }

    /// One cycle over all that is due.
    pub(super) fn cycle(
        &self,
        due: Vec<(ObjectKey, Due, Option<Duration>)>,
        watches: &Watches,
        config: &Config,
        done: Done,
    ) -> impl Future<Output = ()> + Send + use<> {
        // Nobody else's claim may outlive its resource: whoever runs now may be the one to write instead.
        let active = |key: &ObjectKey| {
            let updater = watches.updaters.get(key);
            updater.is_some_and(|u| u.spec.suspend != Some(true) && u.metadata.deletion_timestamp.is_none())
        };
        self.engine
            .forget_absent(active, |key| watches.applications.get(key).is_some());
        let items = due
            .into_iter()
            .filter_map(|(key, due, next)| item(key, &due, next, watches, config))
            .collect();
        let run = Run {
            cluster: self.cluster.clone(),
            engine: self.engine.clone(),
            permit: self.permit.clone(),
            again: self.again.clone(),
            done,
        };
        async move { run.run(items).await }
    }
}

/// Gathers one resource; `None` when it is gone meanwhile.
fn item(key: ObjectKey, due: &Due, next: Option<Duration>, watches: &Watches, config: &Config) -> Option<Item> {
    let updater = watches.updaters.get(&key)?;
    let mut applications = watches.applications.list(&key.namespace);
    let partial = match due {
        Due::Full => false,
        Due::Partial(touched) => {
            applications.retain(|a| touched.contains(&key_of(&**a)));
            true
        }
    };
    let own = updater.spec.interval.as_deref();
    let (mut warnings, mut stalled) = (Vec::new(), Vec::new());
    match schedule::resource_interval(own, config.interval, config.minimum_interval) {
        Ok((_, warning)) => warnings.extend(warning),
        Err(remark) => stalled.push(remark),
    }
    Some(Item {
        key,
        next,
        stalled,
        task: Task {
            updater,
            applications,
            partial,
            warnings,
        },
    })
}

/// What a running cycle needs, apart from the controller that started it.
struct Run {
    cluster: Cluster,
    engine: Arc<Engine>,
    permit: WritePermit,
    again: UnboundedSender<Again>,
    done: Done,
}

impl Run {
    async fn run(&self, items: Vec<Item>) {
        let mut active = Vec::new();
        for item in items {
            self.drop_finalizer(&item).await;
            if item.task.updater.metadata.deletion_timestamp.is_some() {
                continue;
            }
            if item.task.updater.spec.suspend == Some(true) {
                self.engine.release(&item.key);
                self.suspended(&item).await;
            } else if item.stalled.is_empty() {
                active.push(item);
            } else {
                // It writes nothing before it is mended, so it must not hold up others.
                self.engine.release(&item.key);
                let report = ResourceReport {
                    generation: item.task.updater.metadata.generation.unwrap_or(0),
                    requested: Version::of(&item.task.updater).requested,
                    stalled: item.stalled.clone(),
                    warnings: item
                        .task
                        .warnings
                        .iter()
                        .cloned()
                        .chain(self.engine.registries_remark())
                        .collect(),
                    ..ResourceReport::default()
                };
                self.record(&item, &report).await;
            }
        }
        if !active.is_empty() {
            self.run_engine(&active).await;
        }
    }

    async fn run_engine(&self, items: &[Item]) {
        let tasks: Vec<Task> = items.iter().map(|item| item.task.clone()).collect();
        let mut open: BTreeSet<usize> = (0..items.len()).filter(|i| !items[*i].task.partial).collect();
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let cycle = async move { self.engine.cycle(&tasks, &self.permit, &sender).await };
        let record = async {
            let shown = Instant::now() + SHOWN_AS_RUNNING_AFTER;
            let mut slow = false;
            loop {
                tokio::select! {
                    next = receiver.recv() => {
                        let Some((index, report)) = next else {
                            // The program ends before these were done: they must not show as running for ever.
                            for item in open.iter().filter(|_| slow).filter_map(|index| items.get(*index)) {
                                let before = item.task.updater.status.as_ref().and_then(|s| s.conditions.as_ref());
                                self.patch_status(item, json!({ "status": { "conditions": before } })).await;
                            }
                            return;
                        };
                        open.remove(&index);
                        if let Some(item) = items.get(index) {
                            self.record(item, &report).await;
                        }
                    }
                    () = tokio::time::sleep_until(shown), if !slow => {
                        slow = true;
                        for item in open.iter().filter_map(|index| items.get(*index)) {
                            self.running(item).await;
                        }
                    }
                }
            }
        };
        tokio::join!(cycle, record);
    }

    /// Older programs put a finalizer on the resource; nothing needs it, and it blocks deletion.
    async fn drop_finalizer(&self, item: &Item) {
        let finalizers = item.task.updater.metadata.finalizers.as_deref().unwrap_or(&[]);
        if finalizers.iter().any(|f| f == annotations::FINALIZER)
            && !self.engine.is_dry_run()
            && let Err(error) = self.cluster.remove_finalizer(&item.task.updater).await
        {
            tracing::warn!(%error, "cannot remove the finalizer of {}", item.key);
        }
    }

    async fn suspended(&self, item: &Item) {
        let updater = &item.task.updater;
        let before = updater.status.clone().unwrap_or_default();
        let generation = updater.metadata.generation.unwrap_or(0);
        let known = before.conditions.as_ref().into_iter().flatten();
        let mut known = known.filter(|c| c.type_ == "Suspended" && c.observed_generation == Some(generation));
        if known.next().is_some() {
            return;
        }
        tracing::info!(
            "{} is suspended: nothing is asked and nothing is written for it",
            item.key
        );
        self.patch_status(item, status::suspended_patch(&before, generation, Timestamp::now()))
            .await;
    }

    async fn running(&self, item: &Item) {
        let updater = &item.task.updater;
        let before = updater.status.clone().unwrap_or_default();
        let generation = updater.metadata.generation.unwrap_or(0);
        self.patch_status(item, status::running_patch(&before, generation, Timestamp::now()))
            .await;
    }

    async fn record(&self, item: &Item, report: &ResourceReport) {
        narrate::log(&item.key, item.task.updater.status.as_ref(), report);
        let before = item.task.updater.status.clone().unwrap_or_default();
        let now = Timestamp::now();
        let again = report
            .again()
            .map(|at| Duration::try_from(at.duration_since(now)).unwrap_or_default());
        let again = again.filter(|again| item.next.is_some_and(|next| *again < next));
        if let Some(again) = again {
            // Nobody listens any more when the program ends.
            let _ = self.again.send((item.key.clone(), again));
        }
        if let Some(patch) = status::final_patch(&before, report, again.or(item.next), now) {
            self.patch_status(item, patch).await;
        }
        self.done.tell(&item.key);
    }

    async fn patch_status(&self, item: &Item, patch: serde_json::Value) {
        if !self.permit.may_finish() {
            return;
        }
        if let Err(error) = self.cluster.patch_status(&item.key, patch).await {
            tracing::warn!(%error, "cannot write the status of {}", item.key);
        }
    }
}
