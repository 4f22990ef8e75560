//! One cycle from the driver's side: what is handed to the engine, and what becomes of its reports.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use tokio::{sync::mpsc, time::Instant};

use super::run::Config;
use crate::{
    api::{annotations, argocd::Application, v1alpha1::ImageUpdater},
    cluster::{Cluster, watch::Watches},
    core::{
        keys::ObjectKey,
        matching::assign::{Pick, Rules},
        report::{ApplicationReport, Remark, ResourceReport, WriteOutcome, counts::Counts, status},
        schedule::{self, Due, Interval, Version},
        verdict::Verdict,
    },
    engine::{Engine, Task, decide::WritePermit},
    telemetry::fields,
};

/// A cycle that is done sooner never shows as running: two more writes to the API server for nothing.
const SHOWN_AS_RUNNING_AFTER: Duration = Duration::from_secs(2);

/// Hands resources to the engine and writes what it reports.
pub(super) struct Reconciler {
    cluster: Cluster,
    engine: Arc<Engine>,
    permit: WritePermit,
    /// The compiled rules of each resource, to see which one a changed application concerns.
    rules: BTreeMap<ObjectKey, Rules>,
}

/// Namespace and name of an object.
pub(super) fn key_of(object: &impl kube::Resource) -> ObjectKey {
    let meta = object.meta();
    ObjectKey::new(
        meta.namespace.clone().unwrap_or_default(),
        meta.name.clone().unwrap_or_default(),
    )
}

/// What makes a resource due when it changes.
pub(super) fn version(updater: &ImageUpdater) -> Version {
    let requested = updater
        .metadata
        .annotations
        .as_ref()
        .and_then(|a| a.get(annotations::RECONCILE_REQUESTED_AT));
    Version {
        generation: updater.metadata.generation.unwrap_or(0),
        requested: requested.cloned(),
    }
}

/// One resource of a cycle.
struct Item {
    key: ObjectKey,
    next: Option<Duration>,
    stalled: Vec<Remark>,
    task: Task,
}

impl Reconciler {
    pub(super) fn new(cluster: Cluster, engine: Arc<Engine>, permit: WritePermit) -> Self {
        Self {
            cluster,
            engine,
            permit,
            rules: BTreeMap::new(),
        }
    }

    /// How often a resource runs. One whose interval cannot be read runs once, to say so.
    pub(super) fn interval(&self, updater: &ImageUpdater, config: &Config) -> Interval {
        if config.once || config.interval == Interval::Never {
            return config.interval;
        }
        let own = updater.spec.interval.as_deref();
        schedule::resource_interval(own, config.interval, config.minimum_interval).map_or(Interval::OnChange, |i| i.0)
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

    /// One cycle over all that is due; resolves to the keys of its resources.
    pub(super) fn cycle(
        &self,
        due: Vec<(ObjectKey, Due, Option<Duration>)>,
        watches: &Watches,
        config: &Config,
    ) -> impl Future<Output = Vec<ObjectKey>> + Send + 'static {
        let keys: Vec<ObjectKey> = due.iter().map(|(key, ..)| key.clone()).collect();
        let items = due
            .into_iter()
            .filter_map(|(key, due, next)| item(key, &due, next, watches, config))
            .collect();
        let run = Run {
            cluster: self.cluster.clone(),
            engine: self.engine.clone(),
            permit: self.permit.clone(),
        };
        async move {
            run.run(items).await;
            keys
        }
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
    if let Some(other) = updater
        .spec
        .namespace
        .as_deref()
        .filter(|n| !n.is_empty() && *n != key.namespace)
    {
        warnings.push(Remark {
            field: "spec.namespace".to_owned(),
            message: format!(
                "{other:?} is ignored: applications are looked for in {:?}, this resource's namespace",
                key.namespace
            ),
        });
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
                self.suspended(&item).await;
            } else if item.stalled.is_empty() {
                active.push(item);
            } else {
                let report = ResourceReport {
                    generation: item.task.updater.metadata.generation.unwrap_or(0),
                    requested: version(&item.task.updater).requested,
                    stalled: item.stalled.clone(),
                    warnings: item.task.warnings.clone(),
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
                        let Some((index, report)) = next else { return };
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
            && let Err(error) = self.cluster.remove_finalizer(&item.task.updater).await
        {
            tracing::warn!(%error, "cannot remove the finalizer of {}", item.key);
        }
    }

    async fn suspended(&self, item: &Item) {
        let updater = &item.task.updater;
        let before = updater.status.clone().unwrap_or_default();
        let generation = updater.metadata.generation.unwrap_or(0);
        if before.observed_generation == Some(generation) {
            return;
        }
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
        log(item, report);
        let before = item.task.updater.status.clone().unwrap_or_default();
        if let Some(patch) = status::final_patch(&before, report, item.next, Timestamp::now()) {
            self.patch_status(item, patch).await;
        }
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

/// One line for each change, for each problem that is new, and one for the cycle.
fn log(item: &Item, report: &ResourceReport) {
    let span = fields::resource(&item.key.namespace, &item.key.name);
    let _in = span.enter();
    let before = item.task.updater.status.as_ref();
    let conditions: Vec<_> = before
        .and_then(|s| s.conditions.as_ref())
        .into_iter()
        .flatten()
        .collect();
    for remark in &report.stalled {
        tracing::error!("{remark}");
    }
    for remark in &report.warnings {
        // What the Warning condition already says was logged when it was new.
        let text = remark.to_string();
        if conditions
            .iter()
            .any(|c| c.type_ == "Warning" && c.message.contains(&text))
        {
            tracing::debug!("{text}");
        } else {
            tracing::warn!("{text}");
        }
    }
    let known: BTreeSet<_> = before
        .and_then(|s| s.problems.as_ref())
        .into_iter()
        .flatten()
        .map(|p| (p.application.as_str(), p.alias.as_deref(), p.reason.as_str()))
        .collect();
    for application in &report.applications {
        log_application(application, &known);
    }
    let counts = Counts::of(report);
    tracing::info!(
        applications = counts.applications,
        images_considered = counts.images_considered,
        images_skipped = counts.images_skipped,
        images_updated = counts.images_updated,
        errors = counts.errors,
        "{}",
        if report.partial {
            "cycle done for changed applications"
        } else {
            "cycle done"
        }
    );
}

/// Problems that the status already tells: application, alias and reason.
type KnownProblems<'a> = BTreeSet<(&'a str, Option<&'a str>, &'a str)>;

fn log_application(application: &ApplicationReport, known: &KnownProblems<'_>) {
    let key = application.application.to_string();
    let span = fields::application(&key);
    let _in = span.enter();
    let problem = |alias: Option<&str>, image: &str, verdict: &Verdict| {
        let reason = verdict.reason.to_string();
        let (alias_text, message) = (alias.unwrap_or_default(), &verdict.message);
        let is_news = verdict.reason.needs_attention() && !known.contains(&(key.as_str(), alias, reason.as_str()));
        match (is_news, alias) {
            (true, Some(_)) => tracing::warn!(image_alias = alias_text, image_name = image, reason, "{message}"),
            (true, None) => tracing::warn!(reason, "{message}"),
            (false, _) => tracing::debug!(image_alias = alias_text, image_name = image, reason, "{message}"),
        }
    };
    if let Some(verdict) = &application.refused {
        problem(None, "", verdict);
    }
    if let WriteOutcome::Failed(verdict) = &application.write {
        problem(None, "", verdict);
    }
    for image in &application.images {
        let (alias, name) = (image.alias.as_str(), image.image.as_str());
        let change = match &image.decision {
            Ok(change) => change,
            Err(verdict) => {
                problem(Some(alias), name, verdict);
                continue;
            }
        };
        let (old, new) = (change.old.text(), change.new.text());
        match &application.write {
            written if written.is_written() => {
                tracing::info!(image_alias = alias, image_name = name, old, new, "updated");
            }
            WriteOutcome::DryRun => {
                tracing::info!(
                    image_alias = alias,
                    image_name = name,
                    old,
                    new,
                    "would be updated (dry run)"
                );
            }
            _ => tracing::debug!(image_alias = alias, image_name = name, old, new, "not written"),
        }
    }
}
