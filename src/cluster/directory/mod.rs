//! A folder of YAML files, served as a Kubernetes API inside the process.
//!
//! [`open`], or [`look`] where nothing is to be written, reads every `*.yaml`, `*.yml` and `*.json` file of a folder and
//! its sub-folders (several documents per file; `kind: List` is read, and written, as its items).
//! [`DirectoryApi::client`] gives an ordinary client; who uses it does not know that there is no server. ImageUpdater,
//! Application, AppProject, Secret and ConfigMap are served, other kinds are passed over. Hidden files and folders are not
//! read.
//!
//! A patch goes into the object's own file at once: only the changed lines, atomically, and not when the file is another
//! than was read (409; it is read again then). Status and events go into the sidecar folder `.argocd-image-updater`, whose
//! lock keeps a second process out.
//!
//! It decides nothing about images. Read on: `scan` and `read` (folder to objects), `store`, `service` (requests), `patch`
//! (writing), `watch`.

mod answer;
mod files;
mod json_patch;
mod kind;
mod lock;
mod patch;
mod read;
mod reload;
mod request;
mod scan;
mod schema;
mod selector;
mod service;
mod store;
mod watch;

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

pub use read::{Fault, UnreadFile};

use lock::Lock;
use read::Reader;
use reload::Loaded;
use store::Store;

/// How a folder is read.
#[derive(Debug, Clone)]
pub struct DirectoryOptions {
    /// The namespace of objects that name none.
    pub default_namespace: String,
}

/// A folder that cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// There is no such folder.
    #[error("{}: there is no such folder", .folder.display())]
    Missing {
        /// The folder.
        folder: PathBuf,
    },
    /// It is a file.
    #[error("{}: not a folder", .folder.display())]
    NotAFolder {
        /// The path.
        folder: PathBuf,
    },
    /// It, or something in it, cannot be read.
    #[error("{}: cannot be read: {source}", .path.display())]
    NotReadable {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Nothing can be written to it, so neither status nor changes could be kept.
    #[error(
        "{}: cannot be written to: {source}; the folder must be writable, as changes, status and a lock are kept in it",
        .folder.display()
    )]
    NotWritable {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process works on it.
    #[error("{}: {holder} works on this folder already; only one can at a time", .folder.display())]
    Locked {
        /// The folder.
        folder: PathBuf,
        /// Who, as far as is known.
        holder: String,
    },
    /// There is more in it than is read.
    #[error("{}: more than {most} {what}", .folder.display())]
    TooMany {
        /// The folder.
        folder: PathBuf,
        /// What there is too much of.
        what: &'static str,
        /// The bound.
        most: usize,
    },
    /// Files with mistakes that must be mended first.
    #[error("{}", list(.0))]
    Invalid(Vec<Fault>),
}

fn list(faults: &[Fault]) -> String {
    const SHOWN: usize = 20;

    let mut lines: Vec<String> = faults.iter().take(SHOWN).map(ToString::to_string).collect();
    if faults.len() > SHOWN {
        lines.push(format!("and {} more", faults.len() - SHOWN));
    }
    lines.join("\n")
}

/// The API over a folder. A folder that was locked stays so until this and all its clients are dropped.
#[derive(Debug)]
pub struct DirectoryApi {
    shared: Arc<Shared>,
    warnings: Vec<String>,
    unread: Vec<UnreadFile>,
}

/// What requests work on.
#[derive(Debug)]
struct Shared {
    root: PathBuf,
    sidecar: PathBuf,
    reader: Reader,
    store: Mutex<Store>,
    /// The version of the store, for watches.
    changed: tokio::sync::watch::Sender<u64>,
    /// Without it nothing is written.
    lock: Option<Lock>,
}

/// Reads the folder and takes its lock.
pub fn open(folder: &Path, options: DirectoryOptions) -> Result<DirectoryApi, DirectoryError> {
    let root = root_of(folder)?;
    let sidecar = files::sidecar(&root).map_err(|source| DirectoryError::NotWritable {
        folder: folder.to_owned(),
        source,
    })?;
    let lock = Lock::take(folder, &sidecar)?;
    serve(root, sidecar, Some(lock), options)
}

/// Reads the folder and writes nothing to it, not even a lock: another process may work on it meanwhile. Every request
/// but reading is refused (405).
pub fn look(folder: &Path, options: DirectoryOptions) -> Result<DirectoryApi, DirectoryError> {
    let root = root_of(folder)?;
    let sidecar = root.join(files::SIDECAR);
    serve(root, sidecar, None, options)
}

/// The folder, without symbolic links.
fn root_of(folder: &Path) -> Result<PathBuf, DirectoryError> {
    let metadata = fs::metadata(folder).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => DirectoryError::Missing {
            folder: folder.to_owned(),
        },
        _ => DirectoryError::NotReadable {
            path: folder.to_owned(),
            source,
        },
    })?;
    if !metadata.is_dir() {
        return Err(DirectoryError::NotAFolder {
            folder: folder.to_owned(),
        });
    }
    fs::canonicalize(folder).map_err(|source| DirectoryError::NotReadable {
        path: folder.to_owned(),
        source,
    })
}

fn serve(
    root: PathBuf,
    sidecar: PathBuf,
    lock: Option<Lock>,
    options: DirectoryOptions,
) -> Result<DirectoryApi, DirectoryError> {
    let reader = Reader {
        schema: schema::Schema::of_image_updater(),
        default_namespace: options.default_namespace,
    };
    let Loaded {
        store,
        warnings,
        unread,
    } = reload::load(&root, &sidecar, &reader)?;
    let (changed, _) = tokio::sync::watch::channel(store.version);
    let shared = Shared {
        root,
        sidecar,
        reader,
        store: Mutex::new(store),
        changed,
        lock,
    };
    Ok(DirectoryApi {
        shared: Arc::new(shared),
        warnings,
        unread,
    })
}

impl DirectoryApi {
    /// A client of this API. Must be called inside a tokio runtime.
    pub fn client(&self) -> kube::Client {
        let shared = Arc::clone(&self.shared);
        let default_namespace = self.shared.reader.default_namespace.clone();
        let service = tower::service_fn(move |request| service::serve(Arc::clone(&shared), request));
        kube::Client::new(service, default_namespace)
    }

    /// What was left out while the folder was read, each with its file.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The files of which nothing was read; [`Self::warnings`] has them too.
    pub fn unread(&self) -> &[UnreadFile] {
        &self.unread
    }

    /// The folder, without symbolic links.
    pub fn folder(&self) -> &Path {
        &self.shared.root
    }
}

impl Shared {
    fn store(&self) -> MutexGuard<'_, Store> {
        // Every change of the store is complete before anything that could panic, so a poisoned one is sound.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the watches.
    fn told(&self, store: &Store) {
        self.changed.send_replace(store.version);
    }
}
