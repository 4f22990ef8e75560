//! Where the mirrors of git repositories lie: in `--cache-dir`, so that they survive a restart, else in a temporary folder
//! that ends with the program.

use std::{
    env,
    fs::{self, File, TryLockError},
    os::unix::fs::MetadataExt as _,
    path::Path,
    time::Duration,
};

use anyhow::Context as _;
use tempfile::TempDir;

use crate::git::Mirrors;

/// What temporary folders of this program are called in front.
const PREFIX: &str = "argocd-image-updater-";
/// The folder of the mirrors in either place.
const FOLDER: &str = "git";
/// A younger folder may belong to a program that is just starting.
const STALE_AFTER: Duration = Duration::from_mins(10);

/// Opens the folder of the mirrors; the temporary one has to be kept as long as they are used.
pub(super) fn open(cache_dir: Option<&Path>) -> anyhow::Result<(Mirrors, Option<TempDir>)> {
    let options = super::git::options()?;
    let temporary = env::temp_dir();
    remove_stale(&temporary);
    if let Some(folder) = cache_dir {
        return Ok((Mirrors::new(folder.join(FOLDER), options).context("--cache-dir")?, None));
    }
    let scratch = tempfile::Builder::new()
        .prefix(PREFIX)
        .tempdir_in(&temporary)
        .context("no temporary folder")?;
    Ok((Mirrors::new(scratch.path().join(FOLDER), options)?, Some(scratch)))
}

/// Removes temporary folders of programs that were killed: their locks are free. What cannot be removed stays.
fn remove_stale(temporary: &Path) {
    let user = rustix::process::geteuid().as_raw();
    for entry in fs::read_dir(temporary).into_iter().flatten().flatten() {
        let is_ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        // The folder itself and not what a link of that name leads to.
        let Some(about) = is_ours.then(|| entry.metadata().ok()).flatten() else {
            continue;
        };
        let is_old = about
            .modified()
            .is_ok_and(|changed| changed.elapsed().is_ok_and(|age| age > STALE_AFTER));
        if about.is_dir() && about.uid() == user && is_old && is_abandoned(&entry.path().join(FOLDER)) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Whether there are mirrors in `folder`, and nobody holds one of their locks.
fn is_abandoned(folder: &Path) -> bool {
    let locks: Vec<File> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|slot| File::open(slot.path().join(".lock")).ok())
        .collect();
    !locks.is_empty()
        && locks
            .iter()
            .all(|lock| !matches!(lock.try_lock(), Err(TryLockError::WouldBlock)))
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn only_old_folders_of_programs_that_are_gone_are_removed() {
        let temporary = tempfile::tempdir().expect("a temporary folder");
        let old = SystemTime::now() - 2 * STALE_AFTER;
        let make = |name: &str, changed: SystemTime| {
            let slot = temporary.path().join(name).join("git/git-0");
            fs::create_dir_all(&slot).expect("a folder");
            let lock = File::create(slot.join(".lock")).expect("a lock");
            let folder = File::open(temporary.path().join(name)).expect("the folder");
            folder.set_modified(changed).expect("its time");
            lock
        };
        let held = make("argocd-image-updater-held", old);
        held.lock().expect("a free lock");
        drop(make("argocd-image-updater-left", old));
        drop(make("argocd-image-updater-young", SystemTime::now()));
        drop(make("somebody-else", old));
        fs::create_dir(temporary.path().join("argocd-image-updater-other")).expect("a folder");

        remove_stale(temporary.path());

        let mut left: Vec<_> = fs::read_dir(temporary.path())
            .expect("the folder")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        left.sort();
        let kept = ["held", "other", "young"].map(|name| format!("{PREFIX}{name}"));
        assert_eq!(left, [&kept[..], &["somebody-else".to_owned()]].concat());
    }
}
