//! The lease that lets one controller write at a time.
//!
//! The protocol, name and timings are those of Kubernetes' own controllers (client-go), so that this program and the
//! original exclude each other during a swap. It knows get, create and update (PUT with the `resourceVersion` that was
//! read), never server-side apply, which would conflict with the field ownership of a client that updates. Clocks of
//! different machines are never compared: a candidate measures from when it saw the holder renew.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use k8s_openapi::{api::coordination::v1 as k8s, apimachinery::pkg::apis::meta::v1::MicroTime};
use kube::{Api, api::PostParams};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep, sleep_until, timeout, timeout_at},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    cluster::{Cluster, ClusterError, error::Action},
    core::foreign::ForeignText,
};

/// The name of the lease. Fixed: the original holds the same one.
pub const LEASE_NAME: &str = "c21b75f2.argoproj.io";

/// How long giving the lease back may take.
const RELEASE_PATIENCE: Duration = Duration::from_secs(3);

/// How a lease is held. Every controller of one lease has to use the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timings {
    /// How long others wait after the last renewal that they saw. Whole seconds.
    pub duration: Duration,
    /// The lease counts as lost when it could not be renewed for so long; shorter than `duration`.
    pub renew_deadline: Duration,
    /// The pause between two tries, and between renewals.
    pub retry: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry: Duration::from_secs(2),
        }
    }
}

/// A candidate for the lease.
#[derive(Debug, Clone)]
pub struct Lease {
    cluster: Cluster,
    namespace: Arc<str>,
    identity: Arc<str>,
    timings: Timings,
}

/// What one try ended with.
enum Try {
    Ours,
    HeldBy(String),
}

/// The lease as it was last seen.
struct Seen {
    lease: k8s::Lease,
    /// When its content changed last, by our own clock.
    changed: Instant,
}

impl Seen {
    fn holder(&self) -> &str {
        let spec = self.lease.spec.as_ref();
        spec.and_then(|spec| spec.holder_identity.as_deref()).unwrap_or("")
    }

    /// When others may take it, unless it is renewed before.
    fn expires(&self, default: Duration) -> Instant {
        let spec = self.lease.spec.as_ref();
        let seconds = spec.and_then(|spec| spec.lease_duration_seconds);
        let lasts = seconds.map_or(default, |s| Duration::from_secs(u64::try_from(s).unwrap_or(0)));
        self.changed + lasts
    }
}

impl Lease {
    /// A candidate called `identity`, which no other process may use, for the lease in `namespace`.
    pub fn new(cluster: Cluster, namespace: impl Into<Arc<str>>, identity: impl Into<Arc<str>>) -> Self {
        Self {
            cluster,
            namespace: namespace.into(),
            identity: identity.into(),
            timings: Timings::default(),
        }
    }

    /// The same with other timings.
    #[must_use]
    pub fn with_timings(self, timings: Timings) -> Self {
        Self { timings, ..self }
    }

    /// Waits until the lease is ours, and keeps it from then on.
    ///
    /// Errors are logged and tried again for ever; drop the future to give up.
    pub async fn acquire(&self) -> Held {
        let mut seen = None;
        let mut told = String::new();
        loop {
            let tried = Instant::now();
            let state = match timeout(self.timings.renew_deadline, self.attempt(&mut seen)).await {
                Ok(Ok(Try::Ours)) => break self.hold(seen, tried),
                Ok(Ok(Try::HeldBy(other))) => format!("held by {}", ForeignText::new(&other)),
                Ok(Err(error)) => error.to_string(),
                Err(_) => "the Kubernetes API does not answer".to_owned(),
            };
            if told != state {
                tracing::info!(lease = LEASE_NAME, state, "waiting for the lease");
                told = state;
            }
            // Candidates that began together drift apart.
            sleep(self.timings.retry.mul_f64(1.0 + 0.2 * random_fraction())).await;
        }
    }

    fn hold(&self, seen: Option<Seen>, renewed: Instant) -> Held {
        let (lost, stop) = (CancellationToken::new(), CancellationToken::new());
        let (sender, renewals) = watch::channel(renewed);
        let keeping = {
            let (lease, lost, stop) = (self.clone(), lost.clone(), stop.clone());
            tokio::spawn(async move { lease.keep(seen, &sender, &stop, &lost).await })
        };
        Held {
            lease: self.clone(),
            lost,
            renewals,
            keeping,
            stop: stop.drop_guard(),
        }
    }

    /// Renews until `stop`, and returns the lease as it was last seen; or until it is lost.
    async fn keep(
        &self,
        mut seen: Option<Seen>,
        renewals: &watch::Sender<Instant>,
        stop: &CancellationToken,
        lost: &CancellationToken,
    ) -> Option<Seen> {
        let mut next = *renewals.borrow() + self.timings.retry;
        loop {
            let deadline = *renewals.borrow() + self.timings.renew_deadline;
            if stop
                .run_until_cancelled(sleep_until(next.min(deadline)))
                .await
                .is_none()
            {
                return seen;
            }
            let tried = Instant::now();
            next = tried + self.timings.retry;
            let why = match timeout_at(deadline, self.attempt(&mut seen)).await {
                // A process that was stopped for a while must not go on as if nothing had happened.
                _ if tried >= deadline => "it could not be renewed in time".to_owned(),
                Ok(Ok(Try::Ours)) => {
                    renewals.send_replace(tried);
                    continue;
                }
                Ok(Ok(Try::HeldBy(other))) => format!("{} took it", ForeignText::new(&other)),
                Ok(Err(error)) => {
                    tracing::warn!(lease = LEASE_NAME, %error, "the lease was not renewed");
                    continue;
                }
                Err(_) => "the Kubernetes API does not answer".to_owned(),
            };
            tracing::error!(lease = LEASE_NAME, why, "the lease is lost");
            lost.cancel();
            return None;
        }
    }

    /// Takes or renews the lease, if it is ours, nobody's, or its holder has been silent for too long.
    async fn attempt(&self, seen: &mut Option<Seen>) -> Result<Try, ClusterError> {
        if let Some(ours) = seen.as_ref().filter(|seen| seen.holder() == &*self.identity) {
            match self.put(ours.lease.clone(), seen).await {
                // Somebody touched or removed it: look at it again.
                Err(ClusterError::Conflict { .. } | ClusterError::NotFound { .. }) => {}
                done => return done.map(|()| Try::Ours),
            }
        }
        let found = self.api().get_opt(LEASE_NAME).await;
        let Some(found) = found.map_err(|error| self.action("get").failed(&error))? else {
            let created = self
                .api()
                .create(&PostParams::default(), &self.claimed(k8s::Lease::default()))
                .await;
            let created = created.map_err(|error| self.action("create").failed(&error))?;
            Self::see(seen, created);
            return Ok(Try::Ours);
        };
        let current = Self::see(seen, found);
        let holder = current.holder();
        if !holder.is_empty() && holder != &*self.identity && Instant::now() < current.expires(self.timings.duration) {
            return Ok(Try::HeldBy(holder.to_owned()));
        }
        let lease = current.lease.clone();
        self.put(lease, seen).await.map(|()| Try::Ours)
    }

    async fn put(&self, lease: k8s::Lease, seen: &mut Option<Seen>) -> Result<(), ClusterError> {
        self.replace(self.claimed(lease), seen).await
    }

    async fn replace(&self, lease: k8s::Lease, seen: &mut Option<Seen>) -> Result<(), ClusterError> {
        let stored = self.api().replace(LEASE_NAME, &PostParams::default(), &lease).await;
        let stored = stored.map_err(|error| self.action("update").failed(&error))?;
        Self::see(seen, stored);
        Ok(())
    }

    /// Notes what the lease looks like; the clock starts anew only when its content is another.
    fn see(seen: &mut Option<Seen>, lease: k8s::Lease) -> &Seen {
        let changed = match seen.take() {
            Some(before) if before.lease.spec == lease.spec => before.changed,
            _ => Instant::now(),
        };
        seen.insert(Seen { lease, changed })
    }

    /// The lease with us as its holder, renewed now.
    fn claimed(&self, mut lease: k8s::Lease) -> k8s::Lease {
        let now = now();
        let is_new = lease.metadata.resource_version.is_none();
        lease.metadata.name = Some(LEASE_NAME.to_owned());
        lease.metadata.namespace = Some(self.namespace.to_string());
        let spec = lease.spec.get_or_insert_default();
        let ours = spec.holder_identity.as_deref() == Some(&*self.identity);
        if !ours {
            let before = spec.lease_transitions.unwrap_or(0);
            spec.holder_identity = Some(self.identity.to_string());
            spec.lease_transitions = Some(before.saturating_add(i32::from(!is_new)));
            spec.acquire_time = Some(now.clone());
        }
        spec.lease_duration_seconds = i32::try_from(self.timings.duration.as_secs()).ok();
        spec.renew_time = Some(now);
        lease
    }

    fn api(&self) -> Api<k8s::Lease> {
        Api::namespaced(self.cluster.client(), &self.namespace)
    }

    fn action(&self, verb: &'static str) -> Action {
        Action::new::<k8s::Lease>(verb, Some(&self.namespace)).named(LEASE_NAME)
    }
}

/// The lease while it is ours. Dropping it stops the renewals, without giving the lease back.
pub struct Held {
    lease: Lease,
    lost: CancellationToken,
    renewals: watch::Receiver<Instant>,
    keeping: JoinHandle<Option<Seen>>,
    stop: DropGuard,
}

impl Held {
    /// Cancelled when the lease is lost: nothing may be written any more.
    pub fn lost(&self) -> CancellationToken {
        self.lost.clone()
    }

    /// Whether the lease is certainly ours right now. Ask before every write.
    pub fn is_held(&self) -> bool {
        self.check()()
    }

    /// The same question for those who write, who do not own the lease.
    pub fn check(&self) -> impl Fn() -> bool + Send + Sync + 'static {
        let (lost, renewals, deadline) = (
            self.lost.clone(),
            self.renewals.clone(),
            self.lease.timings.renew_deadline,
        );
        move || !lost.is_cancelled() && renewals.borrow().elapsed() < deadline
    }

    /// Gives the lease back, so that the next candidate need not wait for it to expire.
    pub async fn release(self) {
        drop(self.stop);
        // A renewal in flight decides which version of the lease has to be replaced.
        let Ok(Ok(Some(seen))) = timeout(RELEASE_PATIENCE, self.keeping).await else {
            return;
        };
        let mut lease = seen.lease.clone();
        let spec = lease.spec.get_or_insert_default();
        let now = now();
        spec.holder_identity = None;
        spec.lease_duration_seconds = Some(1);
        spec.acquire_time = Some(now.clone());
        spec.renew_time = Some(now);
        match timeout(RELEASE_PATIENCE, self.lease.replace(lease, &mut Some(seen))).await {
            Ok(Ok(())) => tracing::info!(lease = LEASE_NAME, "the lease is given back"),
            Ok(Err(error)) => tracing::warn!(lease = LEASE_NAME, %error, "the lease could not be given back"),
            Err(_) => tracing::warn!(lease = LEASE_NAME, "the lease could not be given back in time"),
        }
    }
}

fn random() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    // Keyed from the randomness of the operating system, and by another key each time.
    RandomState::new().hash_one(std::process::id())
}

/// From 0 to 1.
fn random_fraction() -> f64 {
    f64::from(u32::try_from(random() >> 32).unwrap_or(0)) / f64::from(u32::MAX)
}

fn now() -> MicroTime {
    MicroTime(Timestamp::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_timings_are_those_of_other_controllers() {
        let Timings {
            duration,
            renew_deadline,
            retry,
        } = Timings::default();
        assert_eq!([duration, renew_deadline, retry].map(|d| d.as_secs()), [15, 10, 2]);
    }
}
