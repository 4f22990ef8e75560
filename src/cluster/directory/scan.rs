//! Which files of a folder are read.

use std::{
    collections::BTreeSet,
    fs::{self, FileType},
    path::{Path, PathBuf},
};

use super::DirectoryError;

/// The most files that are read.
const MAX_FILES: usize = 20_000;

/// The deepest nesting of folders that is read.
const MAX_DEPTH: usize = 32;

/// The files to read, in the order of their names, and what was left out.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) files: BTreeSet<PathBuf>,
    pub(super) warnings: Vec<String>,
    links: Vec<PathBuf>,
}

/// Finds `*.yaml`, `*.yml` and `*.json` below `root`, which must be canonical. Hidden files and folders are not read, nor
/// is what a symbolic link leads to outside of `root`. A file that is also reached by a link is listed once.
pub(super) fn scan(root: &Path) -> Result<Scan, DirectoryError> {
    let mut scan = Scan::default();
    folder(root, 0, &mut scan)?;
    for link in std::mem::take(&mut scan.links) {
        match fs::canonicalize(&link) {
            Ok(target) if !target.starts_with(root) => {
                scan.warnings.push(format!(
                    "{}: leads out of the folder, so it is not read",
                    link.display()
                ));
            }
            // What a folder's link leads to is read at its own place.
            Ok(target) if target.is_file() && is_read(&link) => scan.add(root, target)?,
            Ok(_) => {}
            Err(e) => scan.warnings.push(format!("{}: {e}", link.display())),
        }
    }
    Ok(scan)
}

impl Scan {
    fn add(&mut self, root: &Path, file: PathBuf) -> Result<(), DirectoryError> {
        self.files.insert(file);
        if self.files.len() > MAX_FILES {
            return Err(DirectoryError::TooMany {
                folder: root.to_owned(),
                what: "files",
                most: MAX_FILES,
            });
        }
        Ok(())
    }
}

fn folder(path: &Path, depth: usize, scan: &mut Scan) -> Result<(), DirectoryError> {
    if depth > MAX_DEPTH {
        return Err(DirectoryError::TooMany {
            folder: path.to_owned(),
            what: "nested folders",
            most: MAX_DEPTH,
        });
    }
    let not_readable = |source| DirectoryError::NotReadable {
        path: path.to_owned(),
        source,
    };
    let mut entries: Vec<(PathBuf, FileType)> = Vec::new();
    for entry in fs::read_dir(path).map_err(not_readable)? {
        let entry = entry.map_err(not_readable)?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            entries.push((entry.path(), entry.file_type().map_err(not_readable)?));
        }
    }
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    for (path, kind) in entries {
        if kind.is_symlink() {
            scan.links.push(path);
        } else if kind.is_dir() {
            folder(&path, depth + 1, scan)?;
        } else if kind.is_file() && is_read(&path) {
            let root = path.clone();
            scan.add(&root, path)?;
        }
    }
    Ok(())
}

fn is_read(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "yaml" || extension == "yml" || extension == "json")
}
