//! Reading commits of a mirror: files, folders, and the difference of two commits for people. Blocking.

use std::fmt;

use git2::{DiffFormat, DiffOptions, ErrorCode, ObjectType, Repository, Tree, TreeEntry};

use super::{error::Unusable, names::ObjectId, repo_path::RepoPath};
use crate::core::foreign::ForeignText;

/// The most bytes of a file that is read or written.
pub const FILE_LIMIT: usize = 16 << 20;
/// The most bytes of a diff.
const DIFF_LIMIT: usize = 256 << 10;
/// How a file in Git LFS starts, and how large such a pointer is at most.
const LFS_START: &[u8] = b"version https://git-lfs.github.com/spec/";
const LFS_LIMIT: usize = 1024;

const SYMLINK: i32 = 0o120_000;
const SUBMODULE: i32 = 0o160_000;
pub(super) const EXECUTABLE: i32 = 0o100_755;

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileContent {
    /// A text file.
    Text(String),
    /// Something that cannot be edited.
    Unusable(Unusable),
}

impl fmt::Display for FileContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("a text file"),
            Self::Unusable(reason) => reason.fmt(f),
        }
    }
}

/// One entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name inside the folder.
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
}

/// What an entry of a folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A file, executable or not.
    File,
    /// A folder.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A submodule.
    Submodule,
}

/// Why objects cannot be read; the mirror adds which repository it is.
#[derive(Debug)]
pub(super) enum ObjectError {
    NotFetched(ObjectId),
    Damaged(ForeignText),
    Unusable(RepoPath, Unusable),
    InvalidCommit(String),
}

impl From<git2::Error> for ObjectError {
    fn from(error: git2::Error) -> Self {
        Self::Damaged(ForeignText::new(error.message()))
    }
}

/// The tree of a commit.
pub(super) fn tree_of(repository: &Repository, commit: ObjectId) -> Result<Tree<'_>, ObjectError> {
    Ok(find_commit(repository, commit)?.tree()?)
}

pub(super) fn find_commit(repository: &Repository, commit: ObjectId) -> Result<git2::Commit<'_>, ObjectError> {
    repository.find_commit(commit.oid()).map_err(|error| {
        if error.code() == ErrorCode::NotFound {
            ObjectError::NotFetched(commit)
        } else {
            error.into()
        }
    })
}

/// What stands at a path of a tree.
pub(super) enum Place {
    Nothing,
    Entry(TreeEntry<'static>),
    /// The way there is no folder.
    Unusable(Unusable),
}

pub(super) fn look_up(repository: &Repository, tree: &Tree<'_>, path: &str) -> Result<Place, ObjectError> {
    let Some((first, rest)) = path.split_once('/') else {
        return Ok(tree
            .get_name(path)
            .map_or(Place::Nothing, |entry| Place::Entry(entry.to_owned())));
    };
    let Some(entry) = tree.get_name(first) else {
        return Ok(Place::Nothing);
    };
    match kind_of(&entry) {
        EntryKind::Directory => look_up(repository, &repository.find_tree(entry.id())?, rest),
        EntryKind::Symlink => Ok(Place::Unusable(Unusable::Symlink)),
        EntryKind::Submodule => Ok(Place::Unusable(Unusable::Submodule)),
        EntryKind::File => Ok(Place::Unusable(Unusable::Blocked)),
    }
}

/// The file at `path`; nothing if there is none.
pub(super) fn read(
    repository: &Repository,
    commit: ObjectId,
    path: &RepoPath,
) -> Result<Option<FileContent>, ObjectError> {
    let tree = tree_of(repository, commit)?;
    match look_up(repository, &tree, path.as_str())? {
        Place::Nothing => Ok(None),
        Place::Unusable(reason) => Ok(Some(FileContent::Unusable(reason))),
        Place::Entry(entry) => Ok(Some(match file(repository, &entry)? {
            Ok(bytes) => match String::from_utf8(bytes) {
                Ok(text) => FileContent::Text(text),
                Err(_) => FileContent::Unusable(Unusable::NotText),
            },
            Err(reason) => FileContent::Unusable(reason),
        })),
    }
}

/// The content of an entry, if it is a file that can be edited.
pub(super) fn file(repository: &Repository, entry: &TreeEntry<'_>) -> Result<Result<Vec<u8>, Unusable>, ObjectError> {
    let unusable = |reason| Ok(Err(reason));
    match kind_of(entry) {
        EntryKind::Directory => return unusable(Unusable::Directory),
        EntryKind::Symlink => return unusable(Unusable::Symlink),
        EntryKind::Submodule => return unusable(Unusable::Submodule),
        EntryKind::File => {}
    }
    // The size stands in the header, so that nothing large is read only to be refused.
    let (size, _) = repository.odb()?.read_header(entry.id())?;
    if size > FILE_LIMIT {
        return unusable(Unusable::TooLarge);
    }
    let blob = repository.find_blob(entry.id())?;
    let bytes = blob.content();
    if bytes.len() < LFS_LIMIT && bytes.starts_with(LFS_START) {
        return unusable(Unusable::LfsPointer);
    }
    Ok(Ok(bytes.to_vec()))
}

/// What is in the folder `directory` (the root if not given), sorted as git sorts; nothing if it is no folder. Names that
/// are not UTF-8 are left out.
pub(super) fn list(
    repository: &Repository,
    commit: ObjectId,
    directory: Option<&RepoPath>,
) -> Result<Option<Vec<Entry>>, ObjectError> {
    let mut tree = tree_of(repository, commit)?;
    if let Some(directory) = directory {
        match look_up(repository, &tree, directory.as_str())? {
            Place::Entry(entry) if kind_of(&entry) == EntryKind::Directory => {
                tree = repository.find_tree(entry.id())?;
            }
            _ => return Ok(None),
        }
    }
    let entries = tree.iter().filter_map(|entry| {
        Some(Entry {
            name: entry.name().ok()?.to_owned(),
            kind: kind_of(&entry),
        })
    });
    Ok(Some(entries.collect()))
}

/// The changes from one commit to another as a unified diff, cut at 256 KiB.
pub(super) fn diff(repository: &Repository, from: ObjectId, to: ObjectId) -> Result<String, ObjectError> {
    let (old, new) = (tree_of(repository, from)?, tree_of(repository, to)?);
    let mut options = DiffOptions::new();
    options.context_lines(3);
    let changes = repository.diff_tree_to_tree(Some(&old), Some(&new), Some(&mut options))?;
    let mut text = Vec::new();
    let printed = changes.print(DiffFormat::Patch, |_, _, line| {
        if matches!(line.origin(), ' ' | '+' | '-') {
            text.push(line.origin() as u8);
        }
        text.extend_from_slice(line.content());
        text.len() <= DIFF_LIMIT
    });
    if text.len() > DIFF_LIMIT {
        text.truncate(DIFF_LIMIT);
        text.extend_from_slice(b"\n(the rest is left out)\n");
    } else {
        printed?;
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// What an entry is.
pub(super) fn kind_of(entry: &TreeEntry<'_>) -> EntryKind {
    match (entry.kind(), entry.filemode()) {
        (_, SYMLINK) => EntryKind::Symlink,
        (_, SUBMODULE) => EntryKind::Submodule,
        (Some(ObjectType::Tree), _) => EntryKind::Directory,
        _ => EntryKind::File,
    }
}
