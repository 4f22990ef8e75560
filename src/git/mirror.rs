//! One repository as we know it: a bare, shallow mirror, and the remote behind it.
//!
//! Reading and committing are local and may run side by side. Fetches take turns. Whatever makes or sweeps the mirror on
//! disk waits until nobody uses it. Every method may be cancelled at any point.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use sha2::{Digest as _, Sha256};
use tokio::sync::RwLock;

use super::{
    answers,
    commit::{self, NewCommit, Signature},
    credentials::GitCredentials,
    error::GitError,
    heads::{RemoteHeads, Sha256Listing},
    mirrors::Shared,
    names::{BranchName, ObjectId},
    objects::{self, Entry, FileContent},
    process::Output,
    push::{self, PushError, ReferenceResult, Refusal},
    redact::redact,
    repo_path::RepoPath,
    store::{Store, local_reference},
    targets::{self, Found},
    transport::Operation,
    upkeep::blocking,
    url::RemoteUrl,
};
use crate::core::{foreign::ForeignText, render::file::Reading};

/// A repository for one set of credentials.
#[derive(Debug)]
pub struct Mirror {
    pub(super) shared: Arc<Shared>,
    pub(super) url: RemoteUrl,
    pub(super) credentials: GitCredentials,
    pub(super) store: Store,
    /// Held for writing while the mirror on disk is made or swept, for reading by everybody else.
    pub(super) gate: Arc<RwLock<()>>,
    fetching: tokio::sync::Mutex<()>,
    /// Whether the mirror on disk was checked by this process.
    pub(super) ready: AtomicBool,
    /// Whether a git was killed in it.
    pub(super) interrupted: AtomicBool,
    /// Whether objects in it cannot be read.
    pub(super) damaged: Arc<AtomicBool>,
    /// The heads that were fetched or pushed, by [`local_reference`]. Their commits are complete.
    known: Mutex<BTreeMap<String, ObjectId>>,
}

impl Mirror {
    pub(super) fn new(shared: Arc<Shared>, url: RemoteUrl, credentials: GitCredentials, store: Store) -> Self {
        Self {
            shared,
            url,
            credentials,
            store,
            gate: Arc::default(),
            fetching: tokio::sync::Mutex::default(),
            ready: AtomicBool::new(false),
            interrupted: AtomicBool::new(false),
            damaged: Arc::default(),
            known: Mutex::default(),
        }
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// The repository.
    pub fn url(&self) -> &RemoteUrl {
        &self.url
    }

    /// Tells the credentials apart from others, without telling them.
    pub fn credentials_key(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(b"shown");
        hash.update(self.credentials.identity().as_bytes());
        hex::encode(&hash.finalize()[..8])
    }

    /// Lists the references of the remote: one request, no mirror needed.
    pub async fn heads(&self) -> Result<RemoteHeads, GitError> {
        count(&self.shared.ls_remote);
        let url = self.url.as_str();
        let arguments = [
            "ls-remote",
            "--symref",
            "--",
            url,
            "HEAD",
            "refs/heads/*",
            "refs/tags/*",
        ];
        let output = self.run(Operation::ListRemote, &arguments, String::new()).await?;
        RemoteHeads::parse(&output.stdout).map_err(|Sha256Listing| GitError::Sha256 {
            repository: self.url.clone(),
        })
    }

    /// Fetches the heads of these branches, without history, in one request; the heads as they are now.
    pub async fn fetch(&self, branches: &[BranchName]) -> Result<BTreeMap<BranchName, ObjectId>, GitError> {
        let _turn = self.fetching.lock().await;
        self.fetch_in_turn(branches).await
    }

    /// Makes the heads of these branches readable: those of `heads` that are not here yet are fetched in one request, and
    /// nothing is asked when all are. A head that moved since the listing comes as it is now.
    pub async fn ensure(
        &self,
        heads: &RemoteHeads,
        branches: &[BranchName],
    ) -> Result<BTreeMap<BranchName, ObjectId>, GitError> {
        let _turn = self.fetching.lock().await;
        self.prepare().await?;
        let (mut here, mut missing) = (BTreeMap::new(), Vec::new());
        for branch in branches {
            match heads.branch(branch) {
                Some(id) if self.contains(id) => {
                    here.insert(branch.clone(), id);
                }
                Some(_) => missing.push(branch.clone()),
                None => {
                    return Err(GitError::BranchGone {
                        repository: self.url.clone(),
                        branch: branch.clone(),
                    });
                }
            }
        }
        here.append(&mut self.fetch_in_turn(&missing).await?);
        Ok(here)
    }

    /// Whether this head was fetched or pushed before, so that it needs no fetch.
    pub fn contains(&self, commit: ObjectId) -> bool {
        self.known().values().any(|id| *id == commit)
    }

    /// The file at `path` in a commit; nothing if there is none.
    pub async fn read(&self, commit: ObjectId, path: &RepoPath) -> Result<Option<FileContent>, GitError> {
        let path = path.clone();
        self.local(move |repository| objects::read(repository, commit, &path))
            .await
    }

    /// What is in a folder of a commit (the root if not given); nothing if there is no such folder.
    pub async fn list(&self, commit: ObjectId, directory: Option<&RepoPath>) -> Result<Option<Vec<Entry>>, GitError> {
        let directory = directory.cloned();
        self.local(move |repository| objects::list(repository, commit, directory.as_ref()))
            .await
    }

    /// Makes a commit on `parent` with these files; nothing if they change nothing. It is nowhere but in the mirror.
    pub async fn commit(
        &self,
        parent: ObjectId,
        edits: &[(RepoPath, Vec<u8>)],
        message: &str,
        author: &Signature,
    ) -> Result<Option<ObjectId>, GitError> {
        let (edits, message, author) = (edits.to_vec(), message.to_owned(), author.clone());
        self.local(move |repository| commit::commit(repository, parent, &edits, &message, &author))
            .await
    }

    /// Makes commits one on top of the other, the first on `parent`; nothing for one that changes nothing. They are nowhere
    /// but in the mirror. An error is that of the commit with this index; then none of them counts.
    pub async fn commit_all(
        &self,
        parent: ObjectId,
        commits: Vec<NewCommit>,
    ) -> Result<Vec<Option<ObjectId>>, (Option<usize>, GitError)> {
        let failed = Arc::new(Mutex::new(None));
        let index = Arc::clone(&failed);
        let made = self.local(move |repository| {
            commit::commit_all(repository, parent, &commits).map_err(|(at, error)| {
                *index.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
                error
            })
        });
        made.await
            .map_err(|error| (failed.lock().unwrap_or_else(PoisonError::into_inner).take(), error))
    }

    /// The files that write targets name at a commit, in the order of `readings`.
    pub async fn read_all(&self, commit: ObjectId, readings: Vec<Reading>) -> Result<Vec<Found>, GitError> {
        self.local(move |repository| targets::read_all(repository, commit, &readings))
            .await
    }

    /// The changes between two commits as a unified diff for people, cut at 256 KiB.
    pub async fn diff(&self, from: ObjectId, to: ObjectId) -> Result<String, GitError> {
        self.local(move |repository| objects::diff(repository, from, to)).await
    }

    /// Pushes `commit` to `branch`, whose head is `expected`; nothing means that the branch is new.
    ///
    /// The commit has to follow `expected`, and the server has to have `expected` still: nobody's commit is lost.
    pub async fn push(
        &self,
        branch: &BranchName,
        commit: ObjectId,
        expected: Option<ObjectId>,
    ) -> Result<(), PushError> {
        if let Some(expected) = expected
            && !self
                .local(move |repository| commit::descends(repository, commit, expected))
                .await?
        {
            return Err(PushError::NotDescendant {
                branch: branch.clone(),
                commit,
                expected,
            });
        }
        self.prepare().await?;
        let guard = self.gate.read().await;
        let output = self.run_push(branch, commit, expected).await?;
        match push::reference_result(&output.stdout, &branch.reference()) {
            ReferenceResult::Done => {}
            ReferenceResult::Rejected(reason) => {
                let told = self.answer_to_push(&reason, &output.stderr);
                return Err(push::rejected(&self.url, branch, expected, told));
            }
            ReferenceResult::Unknown => return Err(self.failure(Operation::Push, &output).into()),
        }
        self.remember(branch, commit).await;
        drop(guard);
        Ok(())
    }

    fn answer_to_push(&self, reason: &str, stderr: &str) -> Refusal {
        let clean = |text| redact(text, &self.credentials);
        Refusal {
            moved_head: answers::is_moved_head(reason, stderr),
            answer: answers::refusal(&clean(reason), &clean(stderr)),
        }
    }

    async fn run_push(
        &self,
        branch: &BranchName,
        commit: ObjectId,
        expected: Option<ObjectId>,
    ) -> Result<Output, GitError> {
        count(&self.shared.push);
        let reference = branch.reference();
        // An empty id means that the branch must not be there.
        let expected = expected.map_or_else(String::new, |id| id.to_string());
        let lease = format!("--force-with-lease={reference}:{expected}");
        let update = format!("{commit}:{reference}");
        let arguments = ["push", "--porcelain", &lease, "--", self.url.as_str(), &update];
        self.call(Operation::Push, &arguments, String::new()).await
    }

    /// Keeps the pushed head, so that it needs no fetch even after a restart. Only a saving: failures do no harm.
    async fn remember(&self, branch: &BranchName, commit: ObjectId) {
        let (reference, id) = (local_reference(branch), commit.to_string());
        let arguments = ["update-ref", &reference, &id];
        let _ = self.run(Operation::UpdateReference, &arguments, String::new()).await;
        self.known().insert(reference, commit);
    }

    async fn fetch_in_turn(&self, branches: &[BranchName]) -> Result<BTreeMap<BranchName, ObjectId>, GitError> {
        if branches.is_empty() {
            return Ok(BTreeMap::new());
        }
        let store = self.store.clone();
        if blocking(&self.url, move || store.is_too_large()).await? {
            self.damaged.store(true, Ordering::Release);
        }
        self.prepare().await?;
        let first = self.fetch_once(branches).await;
        match first {
            // An error that does not come from the server may come from the mirror: once more with a new one.
            Err(GitError::Failed { .. } | GitError::Damaged { .. }) if !self.known().is_empty() => {
                self.damaged.store(true, Ordering::Release);
                self.prepare().await?;
                self.fetch_once(branches).await
            }
            other => other,
        }
    }

    async fn fetch_once(&self, branches: &[BranchName]) -> Result<BTreeMap<BranchName, ObjectId>, GitError> {
        let _guard = self.gate.read().await;
        count(&self.shared.fetch);
        let arguments = [
            "fetch",
            "--quiet",
            "--depth=1",
            "--no-tags",
            "--no-write-fetch-head",
            "--stdin",
            "--",
            self.url.as_str(),
        ];
        let mut wanted = String::new();
        for branch in branches {
            wanted.extend(["+", &branch.reference(), ":", &local_reference(branch), "\n"]);
        }
        self.run(Operation::Fetch, &arguments, wanted).await?;
        let known = self.read_references().await?;
        let found: Option<BTreeMap<_, _>> = branches
            .iter()
            .map(|branch| Some((branch.clone(), *known.get(&local_reference(branch))?)))
            .collect();
        *self.known() = known;
        found.ok_or_else(|| GitError::Damaged {
            repository: self.url.clone(),
            reason: ForeignText::new("a fetched branch is not there"),
        })
    }

    pub(super) fn known(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, ObjectId>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
