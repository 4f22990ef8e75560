//! The repositories of one group: each is opened and listed once per cycle for everybody with the same credentials.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::OnceCell;

use super::Fault;
use crate::{
    core::{
        resolve::{GitCredentialRef, GitTarget},
        verdict::Reason,
    },
    engine::{Engine, Work, credentials, observe::Cycle},
    git::{Mirror, RemoteHeads, RemoteUrl},
};

/// A repository that is spoken to, with its heads as they were listed.
#[derive(Debug)]
pub(super) struct Remote {
    pub(super) mirror: Arc<Mirror>,
    pub(super) heads: RemoteHeads,
}

type Cell<T> = Arc<OnceCell<Result<Arc<T>, Fault>>>;

/// What was opened and listed so far.
#[derive(Default)]
pub(super) struct Remotes {
    /// By whose credentials they are.
    opened: Mutex<HashMap<String, Cell<Mirror>>>,
    /// By the mirror: different Secrets may hold the same credentials.
    listed: Mutex<HashMap<usize, Cell<Remote>>>,
}

impl Remotes {
    /// The repository that `work` is written to, in the state of this cycle.
    pub(super) async fn of(
        &self,
        engine: &Engine,
        cycle: &Cycle,
        work: &Work,
        target: &GitTarget,
    ) -> Result<Arc<Remote>, Fault> {
        let mirror = self.mirror(engine, cycle, work, target).await?;
        self.listed(mirror).await
    }

    /// Its mirror; no server is asked.
    pub(super) async fn mirror(
        &self,
        engine: &Engine,
        cycle: &Cycle,
        work: &Work,
        target: &GitTarget,
    ) -> Result<Arc<Mirror>, Fault> {
        let opened = cell(&self.opened, credentials_key(work, target));
        let mirror = opened.get_or_init(|| async { engine.open(cycle, work, target).await });
        mirror.await.clone()
    }

    /// Its heads, as they were listed once.
    pub(super) async fn listed(&self, mirror: Arc<Mirror>) -> Result<Arc<Remote>, Fault> {
        let listed = cell(&self.listed, Arc::as_ptr(&mirror) as usize);
        let list = || async {
            let heads = mirror.heads().await?;
            let mirror = Arc::clone(&mirror);
            Ok(Arc::new(Remote { mirror, heads }))
        };
        listed.get_or_init(list).await.clone()
    }
}

fn cell<K: std::hash::Hash + Eq, T>(cells: &Mutex<HashMap<K, Cell<T>>>, key: K) -> Cell<T> {
    let mut cells = cells.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(cells.entry(key).or_default())
}

/// Whose credentials write this; a repository Secret may serve one project only.
fn credentials_key(work: &Work, target: &GitTarget) -> String {
    match &target.credentials {
        GitCredentialRef::Secret(key) => format!("secret {key}"),
        GitCredentialRef::RepoCreds => {
            format!("project {}", work.application.project())
        }
    }
}

impl Engine {
    async fn open(&self, cycle: &Cycle, work: &Work, target: &GitTarget) -> Result<Arc<Mirror>, Fault> {
        let url = RemoteUrl::parse(&target.repository)
            .map_err(|error| Fault::now(Reason::TargetUnusable, error.to_string()))?;
        let credentials = credentials::git(self, cycle, work, target, &url).await?;
        Ok(self.mirrors.open(&url, &credentials).await?)
    }
}
