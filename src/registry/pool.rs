//! All registries that this process speaks to, for as long as it lives.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{connection::Connection, cosign::Proofs, counts::RegistryRequests, error::RegistryError, session::Session};
use crate::{
    core::{
        foreign::ForeignText,
        image::ImageRef,
        registries::{RegistriesConf, RegistryProfile},
    },
    http::{self, ClientSettings},
};

/// The most registries that are remembered; idle ones are forgotten first.
const MAX_CONNECTIONS: usize = 1024;
/// The largest CA file that is read.
const MAX_CA_FILE: u64 = 4 << 20;

/// How registries are spoken to, apart from `registries.conf`.
#[derive(Debug, Clone)]
pub struct Options {
    /// Requests in flight per registry.
    pub in_flight: usize,
    /// Folders in which a CA bundle named after the host of `api_url` is looked for; the first that has one counts.
    pub ca_folders: Vec<PathBuf>,
    /// Requests per second, whatever `registries.conf` says.
    pub limit: Option<NonZeroU32>,
    /// Time limits and proxy. TLS is set per registry.
    pub http: ClientSettings,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            in_flight: 10,
            ca_folders: vec![PathBuf::from("/app/config/tls")],
            limit: None,
            http: ClientSettings::default(),
        }
    }
}

/// The registries: their clients, limits, tokens and what they asked for. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Registries {
    inner: Arc<Inner>,
}

struct Inner {
    conf: Arc<RegistriesConf>,
    options: Options,
    next_id: AtomicU64,
    connections: Mutex<HashMap<ConnectionKey, Arc<Connection>>>,
    clients: Mutex<HashMap<ClientSettings, http::Client>>,
    proofs: Proofs,
}

/// What makes two profiles the same server, spoken to in the same way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct ConnectionKey {
    api_url: String,
    limit: Option<NonZeroU32>,
    insecure: bool,
    ca_file: Option<String>,
    ca_data: Option<String>,
    configured: bool,
}

impl From<&RegistryProfile> for ConnectionKey {
    fn from(profile: &RegistryProfile) -> Self {
        Self {
            api_url: profile.api_url.clone(),
            limit: profile.limit,
            insecure: profile.insecure,
            ca_file: profile.ca_file.clone(),
            ca_data: profile.ca_data.clone(),
            configured: profile.configured,
        }
    }
}

impl Registries {
    /// The registries of a `registries.conf`. Nothing is contacted yet.
    pub fn new(conf: Arc<RegistriesConf>, options: Options) -> Self {
        Self {
            inner: Arc::new(Inner {
                conf,
                options,
                next_id: AtomicU64::new(0),
                connections: Mutex::default(),
                clients: Mutex::default(),
                proofs: Proofs::default(),
            }),
        }
    }

    /// The registry that serves an image.
    pub fn lookup(&self, image: &ImageRef) -> Arc<RegistryProfile> {
        let profile = self.inner.conf.lookup(image);
        match self.inner.options.limit {
            limit @ Some(_) => Arc::new(RegistryProfile {
                limit,
                ..(*profile).clone()
            }),
            None => profile,
        }
    }

    /// One cycle: every question is asked once, however many ask it.
    pub fn session(&self) -> Session {
        Session::new(self.clone())
    }

    /// Reads the certificates of every configured registry, and checks its `api_url`: for the start of the program.
    pub async fn check_settings(&self) -> Vec<RegistryError> {
        let mut problems = Vec::new();
        for profile in self.inner.conf.entries() {
            if let Err(problem) = self.connection(profile).await {
                problems.push(problem);
            }
        }
        problems
    }

    /// The requests that each registry got since the process started.
    pub fn requests(&self) -> Vec<RegistryRequests> {
        let connections = self.inner.connections.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = connections.values().map(|c| c.requests()).collect();
        all.sort_by(|a, b| (&a.registry, &a.api_url).cmp(&(&b.registry, &b.api_url)));
        all
    }

    pub(crate) async fn connection(&self, profile: &RegistryProfile) -> Result<Arc<Connection>, RegistryError> {
        let key = ConnectionKey::from(profile);
        if let Some(known) = self.connections().get(&key) {
            return Ok(Arc::clone(known));
        }
        let api = Connection::api_url(profile)?;
        let client = self.client(profile, &api).await?;
        let mut connections = self.connections();
        if connections.len() >= MAX_CONNECTIONS {
            connections.retain(|_, connection| Arc::strong_count(connection) > 1);
        }
        // Another asker may have been faster; there must be one gate only.
        let connection = connections.entry(key).or_insert_with(|| {
            let id = self.inner.next_id.fetch_add(1, Ordering::Relaxed);
            Arc::new(Connection::new(id, profile, api, client, self.inner.options.in_flight))
        });
        Ok(Arc::clone(connection))
    }

    /// The signatures that were proved since the process started.
    pub(crate) fn proofs(&self) -> &Proofs {
        &self.inner.proofs
    }

    fn connections(&self) -> std::sync::MutexGuard<'_, HashMap<ConnectionKey, Arc<Connection>>> {
        self.inner.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A client for the TLS settings of `profile`; registries with the same settings share one.
    async fn client(&self, profile: &RegistryProfile, api: &url::Url) -> Result<http::Client, RegistryError> {
        let fail = |key, reason: &str| RegistryError::InvalidSetting {
            registry: profile.name.clone(),
            key,
            reason: ForeignText::new(reason),
        };
        let mut settings = self.inner.options.http.clone();
        settings.insecure = profile.insecure;
        let mut key = "ca_data";
        if !profile.insecure {
            if let Some(path) = self.ca_file(profile, api).await {
                let read = read_bounded(&path).await;
                settings
                    .extra_roots
                    .push(read.map_err(|why| fail("ca_file", &format!("{}: {why}", path.display())))?);
                key = "ca_file";
            }
            if let Some(pem) = &profile.ca_data {
                // Names the right key when only one of the two is bad.
                let mut alone = settings.clone();
                alone.extra_roots = vec![pem.clone().into_bytes()];
                if settings.extra_roots.is_empty() {
                    settings = alone;
                } else {
                    http::client(&alone).map_err(|e| fail("ca_data", &e.to_string()))?;
                    settings.extra_roots.extend(alone.extra_roots);
                }
            }
        }
        if let Some(known) = self
            .inner
            .clients
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&settings)
        {
            return Ok(known.clone());
        }
        let client = http::client(&settings).map_err(|e| fail(key, &e.to_string()))?;
        let mut clients = self.inner.clients.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(clients.entry(settings).or_insert(client).clone())
    }

    /// `ca_file`, else a file named after the host in one of the folders, when there is one.
    async fn ca_file(&self, profile: &RegistryProfile, api: &url::Url) -> Option<PathBuf> {
        if let Some(path) = &profile.ca_file {
            return Some(PathBuf::from(path));
        }
        let host = api.host_str().filter(|_| profile.configured)?.trim_matches(['[', ']']);
        for folder in &self.inner.options.ca_folders {
            let path = folder.join(host);
            if tokio::fs::metadata(&path).await.is_ok_and(|meta| meta.is_file()) {
                return Some(path);
            }
        }
        None
    }
}

async fn read_bounded(path: &Path) -> Result<Vec<u8>, String> {
    let size = tokio::fs::metadata(path).await.map_err(|e| e.to_string())?.len();
    if size > MAX_CA_FILE {
        return Err("it is larger than 4 MiB".to_owned());
    }
    tokio::fs::read(path).await.map_err(|e| e.to_string())
}
