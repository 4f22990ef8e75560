//! The life of the program: start, lease, loop, shutdown.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    cycles::Cycles,
    health::Readiness,
    lease::Lease,
    reconcile::{self, Again, Reconciler},
    triggers,
};
use crate::{
    api::{argocd::Application, v1alpha1::ImageUpdater},
    cluster::{
        Cluster,
        watch::{self, Scope, WatchEvent, Watches},
    },
    core::{
        keys::ObjectKey,
        schedule::{Due, Interval, Schedule, Version},
    },
    engine::{Engine, decide::WritePermit},
    registry::RegistriesChanges,
};

/// How long writes in flight may take to end after a signal. The pod's own grace period is 10 s.
const GRACE: Duration = Duration::from_secs(8);

/// How the controller runs.
#[derive(Debug)]
pub struct Config {
    /// Where resources and applications are watched.
    pub scope: Scope,
    /// How often a resource without an interval of its own runs.
    pub interval: Interval,
    /// The least interval a resource may ask for.
    pub minimum_interval: Duration,
    /// Run every resource once and end.
    pub once: bool,
    /// The lease, when there may be another replica.
    pub lease: Option<Lease>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// On a signal, or because everything was done once.
    Normally,
    /// The lease is lost: another replica works now.
    LeaseLost,
}

/// Runs until `shutdown` is cancelled, the lease is lost or, with `once`, everything was done.
pub async fn run(
    cluster: Cluster,
    engine: Arc<Engine>,
    config: Config,
    readiness: &Readiness,
    shutdown: CancellationToken,
) -> Ended {
    let Some(lease) = config.lease.clone() else {
        lead(cluster, engine, config, readiness, &shutdown, WritePermit::default()).await;
        return Ended::Normally;
    };
    // A replica that waits is ready: it does what it is there for.
    readiness.set(true);
    let held = tokio::select! {
        held = lease.acquire() => held,
        () = shutdown.cancelled() => return Ended::Normally,
    };
    tracing::info!("the lease is held");
    readiness.set(false);
    let permit = WritePermit::while_held(held.check());
    let lost = held.lost();
    tokio::select! {
        () = lead(cluster, engine, config, readiness, &shutdown, permit.clone()) => {
            held.release().await;
            Ended::Normally
        }
        () = lost.cancelled() => {
            permit.stop.cancel();
            tracing::error!("the lease is lost, nothing more is written");
            Ended::LeaseLost
        }
    }
}

/// Works until `shutdown` or, with `once`, until everything was done; then lets writes in flight end.
async fn lead(
    cluster: Cluster,
    engine: Arc<Engine>,
    config: Config,
    readiness: &Readiness,
    shutdown: &CancellationToken,
    permit: WritePermit,
) {
    let watching = CancellationToken::new();
    let _stop_watching = watching.clone().drop_guard();
    let watches = watch::start(&cluster, &config.scope, &watching);
    let registries = engine.registries().changes();
    let (sender, again) = mpsc::unbounded_channel();
    let mut controller = Controller {
        reconciler: Reconciler::new(cluster, engine, permit.clone(), sender),
        again,
        schedule: Schedule::default(),
        remaining: None,
        start: Instant::now(),
        running: Cycles::default(),
        watches,
        registries,
        config,
    };
    tokio::select! {
        () = controller.work(readiness) => {}
        () = shutdown.cancelled() => {}
    }
    permit.ending.cancel();
    if !controller.running.is_empty() {
        tracing::info!("ending: writes in flight may finish");
        if timeout(GRACE, controller.running.finish()).await.is_err() {
            tracing::warn!("writes in flight did not finish in time");
        }
    }
    permit.stop.cancel();
    controller.running.shutdown().await;
}

struct Controller {
    reconciler: Reconciler,
    /// Resources that are worth another look before their next cycle.
    again: mpsc::UnboundedReceiver<Again>,
    schedule: Schedule,
    /// With `--once`: the resources that existed at start and are not done yet.
    remaining: Option<BTreeSet<ObjectKey>>,
    start: Instant,
    running: Cycles,
    watches: Watches,
    /// Wakes when the registries file was taken over, or could not be.
    registries: RegistriesChanges,
    config: Config,
}

impl Controller {
    /// The loop. Ends only with `--once`.
    async fn work(&mut self, readiness: &Readiness) {
        let mut synced = false;
        loop {
            if synced {
                self.start_due();
                if self.remaining.as_ref().is_some_and(BTreeSet::is_empty) {
                    return;
                }
            }
            let wakeup = self.schedule.next_wakeup().filter(|_| synced).map(|at| self.start + at);
            tokio::select! {
                event = self.watches.events.recv() => match event {
                    Some(WatchEvent::Synced) => {
                        synced = true;
                        readiness.set(true);
                        self.on_synced();
                    }
                    Some(event) => self.on_event(event, synced),
                    // The watches end with the program only.
                    None => return,
                },
                () = self.registries.next() => self.schedule.all_due(self.start.elapsed()),
                Some((key, after)) = self.again.recv() => {
                    let now = self.start.elapsed();
                    self.schedule.again(&key, now + after, now);
                }
                () = sleep_until(wakeup) => {}
                keys = self.running.next() => self.on_finished(&keys),
            }
        }
    }

    fn on_synced(&mut self) {
        let updaters = self.watches.updaters.all();
        for updater in &updaters {
            self.on_applied(updater);
        }
        if self.config.once {
            self.remaining = Some(updaters.iter().map(|updater| reconcile::key_of(&**updater)).collect());
        }
    }

    fn on_applied(&mut self, updater: &ImageUpdater) {
        let interval = reconcile::interval(updater, &self.config);
        let version = Version::of(updater);
        self.schedule
            .applied(reconcile::key_of(updater), version, interval, self.start.elapsed());
        self.reconciler.applied(updater);
    }

    fn on_event(&mut self, event: WatchEvent, synced: bool) {
        let now = self.start.elapsed();
        match event {
            WatchEvent::Synced => {}
            WatchEvent::UpdaterApplied { new, .. } => self.on_applied(&new),
            WatchEvent::UpdaterDeleted { old } => {
                let key = reconcile::key_of(&*old);
                self.schedule.deleted(&key);
                self.reconciler.deleted(&key);
                self.running.forget(&key);
                self.on_finished(&[key]);
            }
            WatchEvent::ApplicationChanged { old, new } => {
                let own = |application: &Application| self.reconciler.is_own_write(application);
                if synced && triggers::is_relevant(old.as_deref(), new.as_deref(), own) {
                    for (resource, application) in self.reconciler.touched(old.as_deref(), new.as_deref()) {
                        self.schedule.touched(&resource, application, now);
                    }
                }
            }
            WatchEvent::Malformed { kind, key, error } => {
                tracing::warn!(%error, "{kind} {key} cannot be read and is left alone");
            }
        }
    }

    fn start_due(&mut self) {
        let now = self.start.elapsed();
        let due = self.schedule.take_due(now);
        if due.is_empty() {
            return;
        }
        let next = |key: &ObjectKey| self.schedule.next_full(key).map(|at| at.saturating_sub(now));
        let due: Vec<(ObjectKey, Due, Option<Duration>)> = due
            .into_iter()
            .map(|(key, what)| {
                let next = next(&key);
                (key, what, next)
            })
            .collect();
        let keys = due.iter().map(|(key, ..)| key.clone()).collect();
        let (reconciler, watches, config) = (&self.reconciler, &self.watches, &self.config);
        self.running
            .start(keys, |done| reconciler.cycle(due, watches, config, done));
    }

    fn on_finished(&mut self, keys: &[ObjectKey]) {
        for key in keys {
            self.schedule.finished(key);
            if let Some(remaining) = &mut self.remaining {
                remaining.remove(key);
            }
        }
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
