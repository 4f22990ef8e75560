//! The cycles that run, and which of their resources are not done yet.
//!
//! A resource is free again as soon as it is done itself: one that waits for a dead registry holds up nobody who happened
//! to be due at the same moment. A cycle that ends early, even by a panic, frees all of its resources.

use std::{
    collections::{BTreeSet, HashMap},
    future::Future,
};

use tokio::{
    sync::mpsc,
    task::{self, JoinSet},
};

use crate::core::keys::ObjectKey;

/// Tells that a resource of the running cycle is done.
#[derive(Debug, Clone)]
pub(super) struct Done(mpsc::UnboundedSender<(task::Id, ObjectKey)>);

impl Done {
    /// Called inside the task of the cycle.
    pub(super) fn tell(&self, key: &ObjectKey) {
        // Nobody listens any more when the program ends.
        let _ = self.0.send((task::id(), key.clone()));
    }
}

/// The running cycles.
#[derive(Debug)]
pub(super) struct Cycles {
    tasks: JoinSet<()>,
    open: HashMap<task::Id, BTreeSet<ObjectKey>>,
    done: mpsc::UnboundedReceiver<(task::Id, ObjectKey)>,
    sender: mpsc::UnboundedSender<(task::Id, ObjectKey)>,
}

impl Default for Cycles {
    fn default() -> Self {
        let (sender, done) = mpsc::unbounded_channel();
        Self {
            tasks: JoinSet::new(),
            open: HashMap::new(),
            done,
            sender,
        }
    }
}

impl Cycles {
    /// Runs one cycle over the resources `keys`.
    pub(super) fn start<F>(&mut self, keys: BTreeSet<ObjectKey>, cycle: impl FnOnce(Done) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let handle = self.tasks.spawn(cycle(Done(self.sender.clone())));
        self.open.insert(handle.id(), keys);
    }

    /// Whether nothing runs.
    pub(super) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// A resource is gone: what its cycle says about it later concerns nobody.
    pub(super) fn forget(&mut self, key: &ObjectKey) {
        for keys in self.open.values_mut() {
            keys.remove(key);
        }
    }

    /// The next resources that are done. Waits for ever while nothing runs; may be cancelled.
    pub(super) async fn next(&mut self) -> Vec<ObjectKey> {
        loop {
            tokio::select! {
                Some((id, key)) = self.done.recv() => {
                    if self.open.get_mut(&id).is_some_and(|keys| keys.remove(&key)) {
                        return vec![key];
                    }
                }
                Some(ended) = self.tasks.join_next_with_id() => {
                    let id = match ended {
                        Ok((id, ())) => id,
                        Err(error) => {
                            tracing::error!(%error, "a cycle ended early");
                            error.id()
                        }
                    };
                    if let Some(keys) = self.open.remove(&id).filter(|keys| !keys.is_empty()) {
                        return keys.into_iter().collect();
                    }
                }
                else => std::future::pending().await,
            }
        }
    }

    /// Waits for all that runs.
    pub(super) async fn finish(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }

    /// Ends all that runs, at once.
    pub(super) async fn shutdown(&mut self) {
        self.tasks.shutdown().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> ObjectKey {
        ObjectKey::new("argocd", name)
    }

    #[tokio::test]
    async fn a_resource_is_free_when_it_is_done_and_the_rest_when_the_cycle_ends() {
        let mut cycles = Cycles::default();
        let (go, wait) = tokio::sync::oneshot::channel::<()>();
        cycles.start([key("fast"), key("slow")].into(), |done| async move {
            done.tell(&key("fast"));
            let _ = wait.await;
        });
        assert_eq!(cycles.next().await, [key("fast")]);
        go.send(()).expect("the cycle waits");
        assert_eq!(cycles.next().await, [key("slow")]);
        assert!(cycles.is_empty());
    }

    #[tokio::test]
    async fn a_cycle_that_panics_frees_its_resources() {
        let mut cycles = Cycles::default();
        cycles.start([key("a"), key("b")].into(), |_| async { panic!("on purpose") });
        assert_eq!(cycles.next().await, [key("a"), key("b")]);
    }

    #[tokio::test]
    async fn a_resource_that_went_is_not_told_of() {
        let mut cycles = Cycles::default();
        cycles.start([key("gone"), key("kept")].into(), |done| async move {
            done.tell(&key("gone"));
            done.tell(&key("kept"));
        });
        cycles.forget(&key("gone"));
        assert_eq!(cycles.next().await, [key("kept")]);
    }
}
