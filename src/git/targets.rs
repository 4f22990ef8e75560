//! Reading the files that write targets name, at one commit. Blocking.

use git2::{Repository, Tree};

use super::{
    error::Unusable,
    names::ObjectId,
    objects::{EntryKind, ObjectError, Place, file, kind_of, look_up, tree_of},
    repo_path::RepoPath,
};
use crate::core::{
    render::file::{Reading, TargetText},
    resolve::PathPattern,
};

/// The most files that one pattern may name, and the most bytes in them.
const MAX_MATCHES: usize = 2_000;
const MAX_MATCHED_BYTES: usize = 64 << 20;
/// How deep folders are searched for a pattern.
const MAX_DEPTH: usize = 50;

/// Why the files of a target cannot be read or written.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum TargetFault {
    /// The path is none.
    #[error("{0}")]
    Path(#[from] super::names::InvalidName),
    /// Something stands there that is no file to edit.
    #[error("{path} is {reason}")]
    Unusable {
        /// The path.
        path: RepoPath,
        /// What it is.
        reason: Unusable,
    },
    /// A pattern names more than is read.
    #[error("{pattern}: it names more than {MAX_MATCHES} files or {} MiB; use a narrower pattern", MAX_MATCHED_BYTES >> 20)]
    TooMany {
        /// The pattern.
        pattern: PathPattern,
    },
}

/// What a reading found: the files, or why there are none to edit.
pub type Found = Result<Vec<TargetText>, TargetFault>;

/// The files that each of `readings` names in a commit, in their order.
pub(super) fn read_all(
    repository: &Repository,
    commit: ObjectId,
    readings: &[Reading],
) -> Result<Vec<Found>, ObjectError> {
    let tree = tree_of(repository, commit)?;
    let reader = Reader { repository, tree };
    readings.iter().map(|reading| reader.read(reading)).collect()
}

struct Reader<'r> {
    repository: &'r Repository,
    tree: Tree<'r>,
}

impl Reader<'_> {
    fn read(&self, reading: &Reading) -> Result<Found, ObjectError> {
        match reading {
            Reading::File(path) => {
                let text = match self.text(path)? {
                    Ok(text) => text,
                    Err(fault) => return Ok(Err(fault)),
                };
                let path = path.clone();
                Ok(Ok(vec![TargetText { path, text }]))
            }
            Reading::FirstOf { folder, names } => {
                for name in *names {
                    let path = match folder.as_str() {
                        "." | "" => (*name).to_owned(),
                        folder => format!("{folder}/{name}"),
                    };
                    match self.text(&path)? {
                        Ok(None) => {}
                        Ok(text) => return Ok(Ok(vec![TargetText { path, text }])),
                        Err(fault) => return Ok(Err(fault)),
                    }
                }
                Ok(Ok(Vec::new()))
            }
            Reading::Matching(pattern) => self.matching(pattern),
        }
    }

    /// The text at `path`; `None` when nothing is there.
    fn text(&self, path: &str) -> Result<Result<Option<String>, TargetFault>, ObjectError> {
        let path = match RepoPath::parse(path) {
            Ok(path) => path,
            Err(error) => return Ok(Err(error.into())),
        };
        let unusable = |reason| {
            Ok(Err(TargetFault::Unusable {
                path: path.clone(),
                reason,
            }))
        };
        match look_up(self.repository, &self.tree, path.as_str())? {
            Place::Nothing => Ok(Ok(None)),
            Place::Unusable(reason) => unusable(reason),
            Place::Entry(entry) => match file(self.repository, &entry)? {
                Err(reason) => unusable(reason),
                Ok(bytes) => match String::from_utf8(bytes) {
                    Ok(text) => Ok(Ok(Some(text))),
                    Err(_) => unusable(Unusable::NotText),
                },
            },
        }
    }

    fn matching(&self, pattern: &PathPattern) -> Result<Found, ObjectError> {
        let mut paths = Vec::new();
        if !self.walk(&self.tree, "", pattern, MAX_DEPTH, &mut paths)? {
            return Ok(Err(TargetFault::TooMany {
                pattern: pattern.clone(),
            }));
        }
        let (mut files, mut bytes) = (Vec::with_capacity(paths.len()), 0);
        for path in paths {
            match self.text(&path)? {
                Ok(text) => {
                    bytes += text.as_ref().map_or(0, String::len);
                    files.push(TargetText { path, text });
                }
                // A pattern takes what can be edited; only a path that is written out has to be a file.
                Err(fault) if pattern.is_one_path() => return Ok(Err(fault)),
                Err(_) => {}
            }
            if bytes > MAX_MATCHED_BYTES {
                return Ok(Err(TargetFault::TooMany {
                    pattern: pattern.clone(),
                }));
            }
        }
        Ok(Ok(files))
    }

    /// Collects the paths that match; false when there are too many.
    fn walk(
        &self,
        tree: &Tree<'_>,
        folder: &str,
        pattern: &PathPattern,
        depth: usize,
        paths: &mut Vec<String>,
    ) -> Result<bool, ObjectError> {
        for entry in tree {
            let Ok(name) = entry.name() else { continue };
            let path = if folder.is_empty() {
                name.to_owned()
            } else {
                format!("{folder}/{name}")
            };
            match kind_of(&entry) {
                EntryKind::Directory => {
                    if depth > 0 && pattern.may_hold(&path) {
                        let below = self.repository.find_tree(entry.id())?;
                        if !self.walk(&below, &path, pattern, depth - 1, paths)? {
                            return Ok(false);
                        }
                    }
                }
                EntryKind::File | EntryKind::Symlink | EntryKind::Submodule => {
                    if pattern.matches(&path) {
                        paths.push(path);
                    }
                }
            }
            if paths.len() > MAX_MATCHES {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
