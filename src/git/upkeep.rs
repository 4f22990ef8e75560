//! Keeps the mirror on disk usable, and is the way from a [`Mirror`] to libgit2 and to the `git` program.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
};

use tokio::{sync::OwnedRwLockReadGuard, task};

use super::{
    error::GitError,
    mirror::Mirror,
    names::ObjectId,
    objects::ObjectError,
    process::Output,
    redact::redact,
    store::REFERENCES,
    transport::{Call, Operation},
    url::RemoteUrl,
};
use crate::core::foreign::ForeignText;

impl Mirror {
    /// The heads that the mirror on disk remembers.
    pub(super) async fn read_references(&self) -> Result<BTreeMap<String, ObjectId>, GitError> {
        let arguments = ["for-each-ref", "--format=%(refname) %(objectname)", REFERENCES];
        let output = self.run(Operation::ListReferences, &arguments, String::new()).await?;
        let pair = |line: &str| {
            let (name, id) = line.split_once(' ')?;
            Some((name.to_owned(), ObjectId::parse(id).ok()?))
        };
        Ok(output.stdout.lines().filter_map(pair).collect())
    }

    /// Makes the mirror on disk usable: nothing to do most times; swept after a kill; made anew when it is broken.
    pub(super) async fn prepare(&self) -> Result<(), GitError> {
        let usable = || {
            self.ready.load(Ordering::Acquire)
                && !self.interrupted.load(Ordering::Acquire)
                && !self.damaged.load(Ordering::Acquire)
        };
        if usable() {
            return Ok(());
        }
        let _alone = self.gate.write().await;
        if usable() {
            return Ok(());
        }
        self.ready.store(false, Ordering::Release);
        self.interrupted.store(false, Ordering::Release);
        if self.damaged.load(Ordering::Acquire) || !self.load().await? {
            self.make().await?;
        }
        self.damaged.store(false, Ordering::Release);
        self.ready.store(true, Ordering::Release);
        Ok(())
    }

    /// Takes up the mirror that is on disk, if there is one that works.
    async fn load(&self) -> Result<bool, GitError> {
        let store = self.store.clone();
        let there = blocking(&self.url, move || {
            store.sweep();
            store.is_there()
        });
        if !there.await? {
            return Ok(false);
        }
        let Ok(known) = self.read_references().await else {
            return Ok(false);
        };
        let store = self.store.clone();
        let commits: Vec<ObjectId> = known.values().copied().collect();
        if !blocking(&self.url, move || store.has_commits(&commits)).await? {
            return Ok(false);
        }
        *self.known() = known;
        Ok(true)
    }

    /// Throws the mirror away and makes an empty one.
    async fn make(&self) -> Result<(), GitError> {
        self.known().clear();
        let folder_error = |error: std::io::Error| GitError::Folder {
            path: self.store.folder().display().to_string(),
            reason: error.to_string(),
        };
        let store = self.store.clone();
        blocking(&self.url, move || store.remove())
            .await?
            .map_err(folder_error)?;
        let folder = self.store.folder().to_string_lossy().into_owned();
        let arguments = [
            "init",
            "--quiet",
            "--bare",
            "--template=",
            "--object-format=sha1",
            "--",
            &folder,
        ];
        self.run(Operation::Initialise, &arguments, String::new()).await?;
        self.store.seal().map_err(folder_error)
    }

    /// Works on the objects in a thread that may block. The mirror stays until that thread is done, even if nobody waits.
    pub(super) async fn local<T: Send + 'static>(
        &self,
        work: impl FnOnce(&git2::Repository) -> Result<T, ObjectError> + Send + 'static,
    ) -> Result<T, GitError> {
        self.prepare().await?;
        let guard: OwnedRwLockReadGuard<()> = Arc::clone(&self.gate).read_owned().await;
        let (store, url, damaged) = (self.store.clone(), self.url.clone(), Arc::clone(&self.damaged));
        let result = blocking(&self.url, move || {
            let _guard = guard;
            store
                .open()
                .map_err(ObjectError::from)
                .and_then(|repository| work(&repository))
        })
        .await?;
        result.map_err(|error| match error {
            ObjectError::NotFetched(commit) => GitError::NotFetched {
                repository: url,
                commit,
            },
            ObjectError::InvalidCommit(reason) => GitError::InvalidCommit { reason },
            ObjectError::Unusable(path, reason) => GitError::PathUnusable {
                repository: url,
                path,
                reason,
            },
            ObjectError::Damaged(reason) => {
                damaged.store(true, Ordering::Release);
                GitError::Damaged {
                    repository: url,
                    reason,
                }
            }
        })
    }

    /// Runs git; anything but success is an error.
    pub(super) async fn run(
        &self,
        operation: Operation,
        arguments: &[&str],
        stdin: String,
    ) -> Result<Output, GitError> {
        let output = self.call(operation, arguments, stdin).await?;
        if output.status.success() {
            Ok(output)
        } else {
            Err(self.failure(operation, &output))
        }
    }

    /// Runs git; the caller looks at what it printed.
    pub(super) async fn call(
        &self,
        operation: Operation,
        arguments: &[&str],
        stdin: String,
    ) -> Result<Output, GitError> {
        let call = Call {
            operation,
            arguments,
            stdin,
            url: &self.url,
            credentials: &self.credentials,
            mirror: self.store.folder(),
            interrupted: &self.interrupted,
        };
        self.shared.git.run(call).await
    }

    /// What git's words mean; damage is remembered.
    pub(super) fn failure(&self, operation: Operation, output: &Output) -> GitError {
        let clean = redact(&output.stderr, &self.credentials);
        let error = GitError::from_stderr(&self.url, operation.name(), &output.stderr, &clean);
        if matches!(error, GitError::Damaged { .. }) {
            self.damaged.store(true, Ordering::Release);
        }
        error
    }
}

/// Runs `work` in a thread that may block.
pub(super) async fn blocking<T: Send + 'static>(
    url: &RemoteUrl,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, GitError> {
    task::spawn_blocking(work).await.map_err(|error| GitError::Failed {
        repository: url.clone(),
        operation: "work on the mirror",
        answer: ForeignText::new(&error.to_string()),
    })
}
