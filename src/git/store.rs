//! One mirror on disk: made, checked, swept after a kill, and thrown away when it is broken or too large.
//!
//! A mirror is a cache. Whatever is wrong with it, the answer is a new one.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use sha2::{Digest as _, Sha256};

use super::names::{BranchName, ObjectId};

/// Written last into a finished mirror; another number makes old mirrors unusable.
const FORMAT: &str = "argocd-image-updater mirror 1\n";
const FORMAT_FILE: &str = "mirror-format";
/// Where fetched and pushed heads are remembered.
pub(super) const REFERENCES: &str = "refs/mirror/";
/// Folders that wait to be removed start with this.
pub(super) const TRASH: &str = "trash-";

/// A mirror beyond one of these is made anew: packs, bytes in packs, loose objects (estimated), bytes of shallow commits.
const PACKS: usize = 100;
const PACK_BYTES: u64 = 4 << 30;
const LOOSE_OBJECTS: usize = 30_000;
const SHALLOW_BYTES: u64 = 64 << 10;
/// How deep a mirror is searched for what a killed git left.
const DEPTH: usize = 4;

/// The folder of one mirror.
#[derive(Debug, Clone)]
pub(super) struct Store {
    folder: PathBuf,
}

impl Store {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether there is a finished mirror of our format. Its objects may still be broken.
    pub(super) fn is_there(&self) -> bool {
        let format = fs::read(self.folder.join(FORMAT_FILE)).unwrap_or_default();
        format == FORMAT.as_bytes() && self.folder.join("HEAD").is_file() && self.folder.join("objects").is_dir()
    }

    /// Says that the mirror is finished.
    pub(super) fn seal(&self) -> io::Result<()> {
        fs::write(self.folder.join(FORMAT_FILE), FORMAT)
    }

    /// Whether all of these commits can be found.
    pub(super) fn has_commits<'a>(&self, commits: impl IntoIterator<Item = &'a ObjectId>) -> bool {
        let Ok(repository) = self.open() else {
            return false;
        };
        commits.into_iter().all(|id| repository.find_commit(id.oid()).is_ok())
    }

    /// The objects, without any configuration of a user.
    pub(super) fn open(&self) -> Result<git2::Repository, git2::Error> {
        let repository = git2::Repository::open_bare(&self.folder)?;
        repository.set_config(&git2::Config::new()?)?;
        Ok(repository)
    }

    /// Removes locks and temporary files. Only to be called while no git works in this mirror.
    pub(super) fn sweep(&self) {
        sweep(&self.folder, DEPTH);
    }

    /// Whether the mirror has grown beyond its limits.
    pub(super) fn is_too_large(&self) -> bool {
        let objects = self.folder.join("objects");
        let packs: Vec<u64> = entries(&objects.join("pack"))
            .filter(|entry| entry.path().extension().is_some_and(|kind| kind == "pack"))
            .filter_map(|entry| Some(entry.metadata().ok()?.len()))
            .collect();
        // Names of objects are spread evenly, so one of 256 folders tells for all.
        let loose = entries(&objects.join("17")).count() * 256;
        let shallow = fs::metadata(self.folder.join("shallow")).map_or(0, |about| about.len());
        packs.len() > PACKS
            || packs.iter().sum::<u64>() > PACK_BYTES
            || loose > LOOSE_OBJECTS
            || shallow > SHALLOW_BYTES
    }

    /// Removes the mirror.
    pub(super) fn remove(&self) -> io::Result<()> {
        self.discard()?.map_or(Ok(()), |trash| remove_all(&trash))
    }

    /// Moves the mirror away at once; the folder that is to be removed, if there was one.
    pub(super) fn discard(&self) -> io::Result<Option<PathBuf>> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let count = COUNTER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{TRASH}{}-{count}", std::process::id());
        let trash = self.folder.with_file_name(name);
        match fs::rename(&self.folder, &trash) {
            Ok(()) => Ok(Some(trash)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Removes a file or a folder with all that is in it.
pub(super) fn remove_all(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(about) if about.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Where the head of a branch is remembered. Names are hashed: `a` may go and `a/b` come, which is one file and one folder.
pub(super) fn local_reference(branch: &BranchName) -> String {
    let hash = hex::encode(Sha256::digest(branch.as_str()));
    format!("{REFERENCES}{}", &hash[..40])
}

fn sweep(folder: &Path, depth: usize) {
    for entry in entries(folder) {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let leftover = name.ends_with(".lock")
            || ["tmp_", ".tmp-", "shallow_", "incoming-"]
                .iter()
                .any(|start| name.starts_with(start));
        if leftover {
            // What cannot be removed shows up as an error of the next git.
            let _ = remove_all(&entry.path());
        } else if depth > 0 && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            sweep(&entry.path(), depth - 1);
        }
    }
}

/// What is in a folder; nothing when it cannot be read.
pub(super) fn entries(folder: &Path) -> impl Iterator<Item = fs::DirEntry> {
    fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_takes_leftovers_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("objects/pack")).unwrap();
        fs::create_dir_all(root.join("objects/tmp_objdir-incoming-x/aa")).unwrap();
        fs::create_dir_all(root.join("refs/mirror")).unwrap();
        let gone = [
            "shallow.lock",
            "refs/mirror/ab.lock",
            "objects/pack/tmp_pack_x",
            "shallow_Xy12",
        ];
        let kept = ["HEAD", "shallow", "refs/mirror/ab", "objects/pack/pack-1.pack"];
        for name in gone.iter().chain(&kept) {
            fs::write(root.join(name), "x").unwrap();
        }
        Store::new(root.to_path_buf()).sweep();
        for name in gone.iter().chain(&["objects/tmp_objdir-incoming-x"]) {
            assert!(!root.join(name).exists(), "{name}");
        }
        for name in kept {
            assert!(root.join(name).exists(), "{name}");
        }
    }

    #[test]
    fn too_many_shallow_commits_make_a_mirror_too_large() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().to_path_buf());
        assert!(!store.is_too_large());
        fs::write(folder.path().join("shallow"), vec![b'a'; 70 << 10]).unwrap();
        assert!(store.is_too_large());
    }
}
