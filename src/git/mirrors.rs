//! All mirrors of this process: one for each repository and credentials, bounded in number.

use std::{
    fs::{self, DirBuilder, File, TryLockError},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use sha2::{Digest as _, Sha256};

use super::{
    credentials::{CredentialsIdentity, GitCredentials},
    error::GitError,
    mirror::Mirror,
    store::{Store, TRASH, entries, remove_all},
    transport::{GitProgram, TransportOptions},
    url::RemoteUrl,
};

/// How many processes may share one root; each has a folder of its own in it.
const SLOTS: usize = 16;
/// Held while a process uses its folder.
const LOCK_FILE: &str = ".lock";

/// How mirrors are kept and git is run.
#[derive(Debug, Clone)]
pub struct MirrorOptions {
    /// How git is run.
    pub transport: TransportOptions,
    /// The most mirrors (64); those used longest ago are removed. One that is in use is never removed.
    pub max_mirrors: usize,
}

impl Default for MirrorOptions {
    /// This very program answers git's prompts.
    fn default() -> Self {
        // A program that does not know where it lies is looked for in PATH.
        Self::new(std::env::current_exe().unwrap_or_else(|_| PathBuf::from("argocd-image-updater")))
    }
}

impl MirrorOptions {
    /// The defaults, with `askpass` to answer git's prompts: a program that calls
    /// [`answer_if_asked`](super::askpass::answer_if_asked) first (usually our own, `std::env::current_exe()`).
    pub fn new(askpass: PathBuf) -> Self {
        Self {
            transport: TransportOptions::new(askpass),
            max_mirrors: 64,
        }
    }
}

/// How often git went to the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Listings of references.
    pub ls_remote: u64,
    /// Fetches.
    pub fetch: u64,
    /// Pushes.
    pub push: u64,
}

/// What all mirrors share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) git: GitProgram,
    pub(super) ls_remote: AtomicU64,
    pub(super) fetch: AtomicU64,
    pub(super) push: AtomicU64,
    /// Unlocked by the system when this process ends, however it ends.
    _lock: File,
}

type Key = (RemoteUrl, CredentialsIdentity);

/// The mirrors under one root.
#[derive(Debug)]
pub struct Mirrors {
    shared: Arc<Shared>,
    folder: PathBuf,
    limit: usize,
    /// The most recently used one last.
    open: Mutex<Vec<(Key, Arc<Mirror>)>>,
}

impl Mirrors {
    /// Uses `root` for mirrors; it is made, for this user only, if it is not there. What an earlier process left in it is
    /// used again. Several processes may have the same root: they do not share mirrors.
    pub fn new(root: impl AsRef<Path>, options: MirrorOptions) -> Result<Self, GitError> {
        let root = root.as_ref();
        let (folder, lock) = claim(root).map_err(|error| GitError::Folder {
            path: root.display().to_string(),
            reason: error.to_string(),
        })?;
        tidy(&folder, options.max_mirrors);
        Ok(Self {
            shared: Arc::new(Shared {
                git: GitProgram::new(options.transport, folder.clone()),
                ls_remote: AtomicU64::new(0),
                fetch: AtomicU64::new(0),
                push: AtomicU64::new(0),
                _lock: lock,
            }),
            folder,
            limit: options.max_mirrors.max(1),
            open: Mutex::new(Vec::new()),
        })
    }

    /// The mirror of `url` for these credentials. Nothing is read or fetched yet; only a missing git is told.
    pub async fn open(&self, url: &RemoteUrl, credentials: &GitCredentials) -> Result<Arc<Mirror>, GitError> {
        self.shared.git.check().await?;
        Ok(self.find_or_add(url, credentials))
    }

    fn find_or_add(&self, url: &RemoteUrl, credentials: &GitCredentials) -> Arc<Mirror> {
        let key = (url.clone(), credentials.identity());
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let mirror = match open.iter().position(|(other, _)| *other == key) {
            Some(at) => open.remove(at).1,
            None => Arc::new(Mirror::new(
                Arc::clone(&self.shared),
                url.clone(),
                credentials.clone(),
                Store::new(self.folder.join(folder_name(&key))),
            )),
        };
        open.push((key, Arc::clone(&mirror)));
        // Moved away under the lock, so that who opens one of them again finds no half-removed folder.
        let trash = evict(&mut open, self.limit);
        drop(open);
        remove_in_background(trash);
        mirror
    }

    /// How often git went to the network since the start.
    pub fn counters(&self) -> Counters {
        Counters {
            ls_remote: self.shared.ls_remote.load(Ordering::Relaxed),
            fetch: self.shared.fetch.load(Ordering::Relaxed),
            push: self.shared.push.load(Ordering::Relaxed),
        }
    }
}

/// A folder under `root` that no other process uses, and the lock that says so.
fn claim(root: &Path) -> io::Result<(PathBuf, File)> {
    let private = |path: &Path| DirBuilder::new().recursive(true).mode(0o700).create(path);
    private(root)?;
    let root = root.canonicalize()?;
    for slot in 0..SLOTS {
        let folder = root.join(format!("git-{slot}"));
        private(&folder)?;
        let lock = File::create(folder.join(LOCK_FILE))?;
        match lock.try_lock() {
            Ok(()) => return Ok((folder, lock)),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Err(io::Error::other(format!("{SLOTS} other processes use this folder")))
}

/// Takes the mirrors used longest ago out of the list until it has no more than `max`; their folders, moved away.
fn evict(open: &mut Vec<(Key, Arc<Mirror>)>, max: usize) -> Vec<PathBuf> {
    let mut excess = open.len().saturating_sub(max);
    let mut trash = Vec::new();
    open.retain(|(_, mirror)| {
        // One reference is ours; another one means that somebody works with it.
        let goes = excess > 0 && Arc::strong_count(mirror) == 1;
        if goes {
            excess -= 1;
            // What cannot be moved is found and removed by the next process.
            trash.extend(mirror.store().discard().ok().flatten());
        }
        !goes
    });
    trash
}

fn remove_in_background(trash: Vec<PathBuf>) {
    if trash.is_empty() {
        return;
    }
    let work = move || {
        for folder in trash {
            // What is left is removed by the next process.
            let _ = remove_all(&folder);
        }
    };
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn_blocking(work)),
        Err(_) => work(),
    }
}

/// Removes what an earlier process wanted to remove, and the oldest mirrors beyond the limit.
fn tidy(folder: &Path, max_mirrors: usize) {
    let mut mirrors: Vec<(SystemTime, PathBuf)> = Vec::new();
    for entry in entries(folder) {
        if entry.file_name().to_string_lossy().starts_with(TRASH) {
            // It stays until the next start when it cannot be removed now.
            let _ = remove_all(&entry.path());
        } else if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            let changed = entry.metadata().and_then(|about| about.modified());
            mirrors.push((changed.unwrap_or(SystemTime::UNIX_EPOCH), entry.path()));
        }
    }
    mirrors.sort();
    let excess = mirrors.len().saturating_sub(max_mirrors);
    for (_, path) in mirrors.into_iter().take(excess) {
        let _ = fs::remove_dir_all(path);
    }
}

/// The same in every process, so that mirrors survive a restart; it tells neither the URL nor the credentials.
fn folder_name((url, identity): &Key) -> String {
    let mut hash = Sha256::new();
    hash.update(identity.as_bytes());
    hash.update(url.as_str());
    hex::encode(&hash.finalize()[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mirrors(root: &Path, max: usize) -> Mirrors {
        let mut options = MirrorOptions::new(PathBuf::from("/bin/false"));
        options.max_mirrors = max;
        Mirrors::new(root, options).unwrap()
    }

    fn url(name: &str) -> RemoteUrl {
        RemoteUrl::parse(&format!("https://git.example.com/{name}")).unwrap()
    }

    #[test]
    fn a_mirror_belongs_to_a_repository_and_credentials() {
        let root = tempfile::tempdir().unwrap();
        let mirrors = mirrors(root.path(), 64);
        let password = GitCredentials::password("a", "b");
        let first = mirrors.find_or_add(&url("a"), &GitCredentials::anonymous());
        assert!(Arc::ptr_eq(
            &first,
            &mirrors.find_or_add(&url("a/"), &GitCredentials::anonymous())
        ));
        assert!(!Arc::ptr_eq(
            &first,
            &mirrors.find_or_add(&url("b"), &GitCredentials::anonymous())
        ));
        assert!(!Arc::ptr_eq(&first, &mirrors.find_or_add(&url("a"), &password)));
    }

    #[test]
    fn the_mirror_used_longest_ago_goes_first_and_one_in_use_stays() {
        let root = tempfile::tempdir().unwrap();
        let mirrors = mirrors(root.path(), 2);
        let folder = |mirror: &Mirror| {
            fs::create_dir_all(mirror.store().folder()).unwrap();
            mirror.store().folder().to_path_buf()
        };
        let held = mirrors.find_or_add(&url("held"), &GitCredentials::anonymous());
        let held_folder = folder(&held);
        let old = folder(&mirrors.find_or_add(&url("old"), &GitCredentials::anonymous()));
        let new = folder(&mirrors.find_or_add(&url("new"), &GitCredentials::anonymous()));
        assert!(held_folder.exists() && new.exists() && !old.exists());
        assert_eq!(mirrors.open.lock().unwrap().len(), 2);
    }

    #[test]
    fn two_processes_with_one_root_do_not_meet() {
        let root = tempfile::tempdir().unwrap();
        let (first, second) = (mirrors(root.path(), 2), mirrors(root.path(), 2));
        assert_ne!(first.folder, second.folder);
        let left = first.folder.clone();
        drop(first);
        assert_eq!(mirrors(root.path(), 2).folder, left);
    }
}
