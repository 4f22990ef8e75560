//! What is in the cluster, kept up to date by watches: never a list per cycle.
//!
//! One watch per kind and watched namespace. Objects are trimmed on arrival (`arrival`), kept by namespace (`store`), and
//! what changed is told once (`follow`). When the API server is away the stores keep what they knew.

use std::{
    collections::BTreeSet,
    fmt::Debug,
    sync::{Arc, atomic::AtomicUsize},
};

use kube::core::{NamespaceResourceScope, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Cluster;
use crate::{
    api::{argocd::Application, v1alpha1::ImageUpdater},
    core::{foreign::ForeignText, keys::ObjectKey},
};

mod arrival;
mod follow;
mod health;
mod store;

pub use health::Health;
pub use store::Store;

/// All Applications of the watched namespaces.
pub type Applications = Store<Application>;

/// All ImageUpdaters of the watched namespaces.
pub type Updaters = Store<ImageUpdater>;

/// How many events wait for their reader before a watch does.
const QUEUE: usize = 1024;

/// What is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// These namespaces, each by its own watch.
    Namespaces(Vec<String>),
    /// All namespaces, by one watch that needs cluster-wide rights.
    All,
}

/// What changed. The stores know it already when the event is read.
///
/// Before [`WatchEvent::Synced`] nothing but malformed objects is told; what is in the stores then is news.
#[derive(Debug, Clone)]
pub enum WatchEvent {
    /// All initial lists are in the stores. Told once.
    Synced,
    /// An Application appeared (`old` is `None`), went (`new` is `None`), or changed in what is kept of it.
    ApplicationChanged {
        /// Before.
        old: Option<Arc<Application>>,
        /// Now.
        new: Option<Arc<Application>>,
    },
    /// An ImageUpdater appeared, or changed in something else than its status.
    UpdaterApplied {
        /// Before.
        old: Option<Arc<ImageUpdater>>,
        /// Now.
        new: Arc<ImageUpdater>,
    },
    /// An ImageUpdater went, or cannot be read any more.
    UpdaterDeleted {
        /// Before.
        old: Arc<ImageUpdater>,
    },
    /// An object cannot be read. It is in no store, as if it were not there. Told again only when the error changes.
    Malformed {
        /// `Application` or `ImageUpdater`.
        kind: &'static str,
        /// Which one.
        key: ObjectKey,
        /// What is wrong with it.
        error: ForeignText,
    },
}

/// A kind that is watched.
pub trait Watched:
    Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned + Send + Sync + 'static
{
    /// Drops what is never read, to save memory.
    fn trim(&mut self);
    /// Whether a change from `self` to `other` is worth no event. Both are trimmed.
    fn says_the_same(&self, other: &Self) -> bool;
    /// The event for an object that appeared or changed.
    fn applied(old: Option<Arc<Self>>, new: Arc<Self>) -> WatchEvent;
    /// The event for an object that went.
    fn removed(old: Arc<Self>) -> WatchEvent;
}

/// Running watches, until the token given to [`start`] is cancelled.
pub struct Watches {
    /// The Applications.
    pub applications: Applications,
    /// The ImageUpdaters.
    pub updaters: Updaters,
    /// What changed. When nobody reads, the watches wait.
    pub events: mpsc::Receiver<WatchEvent>,
    /// Whether all is read, and what hinders it.
    pub health: Health,
}

/// Starts watching ImageUpdaters and Applications in `scope`, until `shutdown`.
pub fn start(cluster: &Cluster, scope: &Scope, shutdown: &CancellationToken) -> Watches {
    let places: Vec<Option<String>> = match scope {
        Scope::All => vec![None],
        // The same namespace named twice is one.
        Scope::Namespaces(names) => names
            .iter()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .cloned()
            .map(Some)
            .collect(),
    };
    let (sender, events) = mpsc::channel(QUEUE);
    let watches = Watches {
        applications: Store::default(),
        updaters: Store::default(),
        events,
        health: Health::default(),
    };
    let outlet = follow::Outlet {
        sender,
        health: watches.health.clone(),
        unsynced: Arc::new(AtomicUsize::new(places.len() * 2)),
    };
    for place in places {
        let applications = follow::follow(
            cluster.client(),
            place.clone(),
            watches.applications.clone(),
            outlet.clone(),
        );
        let updaters = follow::follow(cluster.client(), place, watches.updaters.clone(), outlet.clone());
        tokio::spawn(shutdown.clone().run_until_cancelled_owned(Box::pin(applications)));
        tokio::spawn(shutdown.clone().run_until_cancelled_owned(Box::pin(updaters)));
    }
    watches
}
