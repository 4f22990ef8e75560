//! Whether all watches have read everything once, and what hinders them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

/// After so long the same error of the same watch is news again.
const STALE: Duration = Duration::from_mins(5);

type Troubles = BTreeMap<String, (String, Instant)>;

/// The state of all watches together; cheap to clone, all clones are one.
#[derive(Debug, Clone)]
pub struct Health {
    ready: Arc<watch::Sender<bool>>,
    troubles: Arc<Mutex<Troubles>>,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            ready: Arc::new(watch::Sender::new(false)),
            troubles: Arc::default(),
        }
    }
}

impl Health {
    /// Waits until all initial lists are in the stores. Never ends while something hinders it: see [`Self::troubles`].
    pub async fn ready(&self) {
        // Cannot fail: the sender lives in `self`.
        let _ = self.ready.subscribe().wait_for(|ready| *ready).await;
    }

    /// Whether all initial lists are in the stores.
    pub fn is_ready(&self) -> bool {
        *self.ready.borrow()
    }

    /// The last error of each watch that failed and has told nothing since.
    pub fn troubles(&self) -> Vec<String> {
        self.lock().values().map(|(error, _)| error.clone()).collect()
    }

    pub(super) fn set_ready(&self) {
        self.ready.send_replace(true);
    }

    /// Notes that the watch `which` failed, and tells whether that is news.
    pub(super) fn fail(&self, which: &str, error: &str) -> bool {
        let mut troubles = self.lock();
        let known = troubles.get(which);
        let news = known.is_none_or(|(told, at)| told != error || at.elapsed() > STALE);
        if news {
            troubles.insert(which.to_owned(), (error.to_owned(), Instant::now()));
        }
        news
    }

    /// Notes that the watch `which` works, and tells whether that is news.
    pub(super) fn recover(&self, which: &str) -> bool {
        self.lock().remove(which).is_some()
    }

    fn lock(&self) -> MutexGuard<'_, Troubles> {
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
