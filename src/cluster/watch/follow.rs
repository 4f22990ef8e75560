//! One watch: from the events of the API server to the store and our own events.

use std::{
    collections::{BTreeSet, HashMap},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::StreamExt;
use kube::{
    Api,
    runtime::watcher::{self, Config, Event, InitialListStrategy, watcher},
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};

use super::{Health, Store, WatchEvent, Watched, arrival::Arrival};
use crate::{
    cluster::{ClusterError, error::Action},
    core::{foreign::ForeignText, keys::ObjectKey},
};

/// Objects per page of a list. Applications are large; a page in memory costs several times its text.
const PAGE: u32 = 50;

/// How long the server lets a watch run, in seconds. A connection that died silently is noticed after this.
const WATCH_SECONDS: u32 = 120;

/// The pauses after an error: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(15));

/// What watches share.
#[derive(Clone)]
pub(super) struct Outlet {
    pub(super) sender: mpsc::Sender<WatchEvent>,
    pub(super) health: Health,
    /// How many watches have not read everything yet.
    pub(super) unsynced: Arc<AtomicUsize>,
}

/// Follows the objects of kind `K` in `namespace` (or in all). Never ends.
pub(super) async fn follow<K: Watched>(
    client: kube::Client,
    namespace: Option<String>,
    store: Store<K>,
    outlet: Outlet,
) {
    let api: Api<Arrival<K>> = match &namespace {
        Some(namespace) => Api::namespaced(client, namespace),
        None => Api::all(client),
    };
    let config = Config {
        page_size: Some(PAGE),
        timeout: Some(WATCH_SECONDS),
        initial_list_strategy: InitialListStrategy::ListWatch,
        ..Config::default()
    };
    let mut follower = Follower {
        which: Action::new::<K>("watch", namespace.as_deref()).to_string(),
        namespace,
        store,
        outlet,
        malformed: HashMap::new(),
        listed: BTreeSet::new(),
        synced: false,
    };
    let mut pause = Pause::default();
    let mut stream = pin!(watcher(api, config));
    while let Some(event) = stream.next().await {
        match event {
            Ok(event) => follower.take(event).await,
            Err(error) => {
                follower.failed(&error);
                sleep(pause.next()).await;
            }
        }
    }
}

struct Follower<K> {
    /// For people: `watch applications.argoproj.io in namespace argocd`.
    which: String,
    namespace: Option<String>,
    store: Store<K>,
    outlet: Outlet,
    /// What is known to be malformed, and why.
    malformed: HashMap<ObjectKey, ForeignText>,
    /// What the list in progress has shown so far.
    listed: BTreeSet<ObjectKey>,
    synced: bool,
}

impl<K: Watched> Follower<K> {
    async fn take(&mut self, event: Event<Arrival<K>>) {
        // The first of these only says that a list is about to be tried.
        if !matches!(event, Event::Init) && self.outlet.health.recover(&self.which) {
            tracing::info!(watch = self.which, "the watch works again");
        }
        match event {
            Event::Init => self.listed.clear(),
            Event::InitApply(arrival) => {
                self.listed.insert(arrival.key());
                self.arrived(arrival).await;
            }
            Event::InitDone => self.list_ended().await,
            Event::Apply(arrival) => self.arrived(arrival).await,
            Event::Delete(arrival) => self.gone(&arrival.key()).await,
        }
    }

    async fn arrived(&mut self, arrival: Arrival<K>) {
        let key = arrival.key();
        match arrival.object {
            Ok(new) => {
                self.malformed.remove(&key);
                let old = self.store.put(&key, Arc::clone(&new));
                if !old.as_ref().is_some_and(|old| old.says_the_same(&new)) {
                    self.tell(K::applied(old, new)).await;
                }
            }
            Err(error) => self.unreadable(key, error).await,
        }
    }

    async fn unreadable(&mut self, key: ObjectKey, error: ForeignText) {
        if let Some(old) = self.store.remove(&key) {
            self.tell(K::removed(old)).await;
        }
        if self.malformed.get(&key) == Some(&error) {
            return;
        }
        self.malformed.insert(key.clone(), error.clone());
        let event = WatchEvent::Malformed {
            kind: kind_of::<K>(),
            key,
            error,
        };
        if self.all_synced() {
            self.tell(event).await;
        } else if self.outlet.sender.try_send(event).is_err() {
            // Whoever waits for the first lists to be read does not read events yet, so nobody may wait for them.
            tracing::warn!(watch = self.which, "more malformed objects than can be told");
        }
    }

    async fn gone(&mut self, key: &ObjectKey) {
        self.malformed.remove(key);
        if let Some(old) = self.store.remove(key) {
            self.tell(K::removed(old)).await;
        }
    }

    /// What a complete list did not show is gone.
    async fn list_ended(&mut self) {
        let listed = std::mem::take(&mut self.listed);
        for key in self.store.keys(self.namespace.as_deref()) {
            if !listed.contains(&key) {
                self.gone(&key).await;
            }
        }
        self.malformed.retain(|key, _| listed.contains(key));
        if !std::mem::replace(&mut self.synced, true) && self.outlet.unsynced.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.outlet.health.set_ready();
            self.tell(WatchEvent::Synced).await;
        }
    }

    /// Tells an event, unless it is part of what [`WatchEvent::Synced`] stands for.
    async fn tell(&self, event: WatchEvent) {
        if self.all_synced() {
            // Without a reader only the stores are of interest.
            let _ = self.outlet.sender.send(event).await;
        }
    }

    fn all_synced(&self) -> bool {
        self.outlet.unsynced.load(Ordering::Acquire) == 0
    }

    fn failed(&self, error: &watcher::Error) {
        let action = |verb| Action::new::<K>(verb, self.namespace.as_deref());
        let error = match error {
            watcher::Error::InitialListFailed(error) => action("list").failed(error),
            watcher::Error::WatchStartFailed(error) | watcher::Error::WatchFailed(error) => {
                action("watch").failed(error)
            }
            // The server has forgotten the version from which we wanted to go on: a new list, nothing more.
            watcher::Error::WatchError(status) if status.code == 410 => return,
            watcher::Error::WatchError(status) => action("watch").answered(status),
            watcher::Error::NoResourceVersion => ClusterError::Unreadable {
                action: Box::new(action("watch")),
                reason: ForeignText::new("it has no resourceVersion"),
            },
        };
        if self.outlet.health.fail(&self.which, &error.to_string()) {
            tracing::warn!(watch = self.which, %error, "the watch failed and is tried again");
        }
    }
}

fn kind_of<K: Watched>() -> &'static str {
    match K::kind(&()) {
        std::borrow::Cow::Borrowed(kind) => kind,
        std::borrow::Cow::Owned(_) => "object",
    }
}

/// Longer and longer pauses, from the beginning again after a minute without errors.
#[derive(Default)]
struct Pause {
    last: Option<(Instant, Duration)>,
}

impl Pause {
    fn next(&mut self) -> Duration {
        let (first, longest) = PAUSES;
        let pause = match self.last {
            Some((at, pause)) if at.elapsed() < pause + Duration::from_mins(1) => (pause * 2).min(longest),
            _ => first,
        };
        self.last = Some((Instant::now(), pause));
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_to_a_bound_and_begin_again_after_a_quiet_minute() {
        let mut pause = Pause::default();
        let millis: Vec<_> = (0..7).map(|_| pause.next().as_millis()).collect();
        assert_eq!(millis, [500, 1000, 2000, 4000, 8000, 15000, 15000]);
        sleep(Duration::from_secs(76)).await;
        assert_eq!(pause.next().as_millis(), 500);
    }
}
