//! Making a commit: new blobs, the trees above them, and the commit, written straight into the mirror. Blocking.

use std::collections::{BTreeMap, BTreeSet};

use git2::{FileMode, Repository, Tree, build::TreeUpdateBuilder};

use super::{
    error::Unusable,
    names::ObjectId,
    objects::{EXECUTABLE, FILE_LIMIT, ObjectError, Place, file, find_commit, look_up},
    repo_path::RepoPath,
};

/// Who makes a commit, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The name; characters that git does not allow (`<`, `>`, line breaks) are dropped.
    pub name: String,
    /// The mail address; likewise.
    pub email: String,
    /// The moment, recorded to the second and in UTC.
    pub time: jiff::Timestamp,
}

/// A commit that is to be made.
#[derive(Debug, Clone)]
pub struct NewCommit {
    /// The files with their new content.
    pub edits: Vec<(RepoPath, Vec<u8>)>,
    /// The message.
    pub message: String,
    /// Author and committer.
    pub author: Signature,
}

/// Makes the commits one on top of the other, the first on `parent`; nothing for one that changes nothing. The first error
/// ends it, with the index of its commit.
pub(super) fn commit_all(
    repository: &Repository,
    parent: ObjectId,
    commits: &[NewCommit],
) -> Result<Vec<Option<ObjectId>>, (usize, ObjectError)> {
    let mut at = parent;
    let mut made = Vec::with_capacity(commits.len());
    for (index, new) in commits.iter().enumerate() {
        let id = commit(repository, at, &new.edits, &new.message, &new.author).map_err(|error| (index, error))?;
        at = id.unwrap_or(at);
        made.push(id);
    }
    Ok(made)
}

/// A commit on top of `parent` in which each of the files has its new content; nothing if that changes nothing.
///
/// A file that is there keeps its mode, a new one is an ordinary file, missing folders come with it. The message is
/// tidied as `git commit -F` does it: blanks at line ends and needless empty lines go, lines starting with `#` stay.
pub(super) fn commit(
    repository: &Repository,
    parent: ObjectId,
    edits: &[(RepoPath, Vec<u8>)],
    message: &str,
    author: &Signature,
) -> Result<Option<ObjectId>, ObjectError> {
    let parent = find_commit(repository, parent)?;
    let before = parent.tree()?;
    // The last edit of a path counts.
    let edits: BTreeMap<&RepoPath, &[u8]> = edits.iter().map(|(path, bytes)| (path, bytes.as_slice())).collect();
    refuse_files_as_folders(&edits)?;
    let mut update = TreeUpdateBuilder::new();
    let mut changed = false;
    for (path, bytes) in edits {
        let mode = writable_mode(repository, &before, path, bytes)?;
        if let Some(mode) = mode {
            update.upsert(path.as_str(), repository.blob(bytes)?, mode);
            changed = true;
        }
    }
    if !changed {
        return Ok(None);
    }
    let after = update.create_updated(repository, &before)?;
    if after == before.id() {
        return Ok(None);
    }
    let author = signature(author)?;
    let message = tidy(message)?;
    let tree = repository.find_tree(after)?;
    let commit = repository.commit(None, &author, &author, &message, &tree, &[&parent])?;
    Ok(Some(commit.into()))
}

/// Whether `ancestor` is `commit` or an ancestor of it, as far as the mirror reaches.
pub(super) fn descends(repository: &Repository, commit: ObjectId, ancestor: ObjectId) -> Result<bool, ObjectError> {
    // More commits than one push ever has.
    const LIMIT: usize = 10_000;
    let mut at = commit;
    for _ in 0..LIMIT {
        if at == ancestor {
            return Ok(true);
        }
        // We make commits with one parent; another line of ancestors is nobody's push of ours.
        match find_commit(repository, at) {
            Ok(found) => match found.parent_id(0) {
                Ok(parent) => at = parent.into(),
                Err(_) => return Ok(false),
            },
            Err(ObjectError::NotFetched(missing)) if missing != commit => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

/// The mode to write `path` with; nothing when it has this content already.
fn writable_mode(
    repository: &Repository,
    tree: &Tree<'_>,
    path: &RepoPath,
    bytes: &[u8],
) -> Result<Option<FileMode>, ObjectError> {
    let unusable = |reason| Err(ObjectError::Unusable(path.clone(), reason));
    if bytes.len() > FILE_LIMIT {
        return unusable(Unusable::TooLarge);
    }
    match look_up(repository, tree, path.as_str())? {
        Place::Nothing => Ok(Some(FileMode::Blob)),
        Place::Unusable(reason) => unusable(reason),
        Place::Entry(entry) => match file(repository, &entry)? {
            Err(reason) => unusable(reason),
            Ok(old) if old == bytes => Ok(None),
            Ok(_) if entry.filemode() == EXECUTABLE => Ok(Some(FileMode::BlobExecutable)),
            Ok(_) => Ok(Some(FileMode::Blob)),
        },
    }
}

/// `a` and `a/b` cannot both be files.
fn refuse_files_as_folders(edits: &BTreeMap<&RepoPath, &[u8]>) -> Result<(), ObjectError> {
    let files: BTreeSet<&str> = edits.keys().map(|path| path.as_str()).collect();
    for path in edits.keys() {
        if path.parents().any(|folder| files.contains(folder)) {
            return Err(ObjectError::Unusable((*path).clone(), Unusable::Blocked));
        }
    }
    Ok(())
}

fn signature(author: &Signature) -> Result<git2::Signature<'static>, ObjectError> {
    let clean = |text: &str| {
        let text: String = text
            .chars()
            .filter(|c| !c.is_control() && !matches!(c, '<' | '>'))
            .collect();
        text.trim().to_owned()
    };
    let (name, email) = (clean(&author.name), clean(&author.email));
    if name.is_empty() || email.is_empty() {
        return Err(ObjectError::InvalidCommit(
            "the author's name or mail address is empty (gitConfig.author, --git-commit-user, --git-commit-email)"
                .into(),
        ));
    }
    git2::Signature::new(&name, &email, &git2::Time::new(author.time.as_second(), 0))
        .map_err(|error| ObjectError::InvalidCommit(format!("the author cannot be written: {}", error.message())))
}

fn tidy(message: &str) -> Result<String, ObjectError> {
    let message = git2::message_prettify(message.replace('\0', ""), None)?;
    if message.is_empty() {
        return Err(ObjectError::InvalidCommit("the message is empty".into()));
    }
    Ok(message)
}
