//! All registries that this process speaks to, for as long as it lives.

use std::{
    collections::{HashMap, HashSet},
    num::NonZeroU32,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

use super::{
    cache::{Cache, CacheError, Keeper},
    connection::Connection,
    cosign::Proofs,
    counts::RegistryRequests,
    error::RegistryError,
    files::{self, Files, FilesId, Unusable},
    limiter::Sites,
    options::Options,
    reload::{RegistriesChanges, ReloadError},
    session::Session,
};
use crate::{
    core::{
        foreign::ForeignText,
        image::ImageRef,
        registries::{Place, Places, RegistriesConf, RegistryProfile},
    },
    http::{self, ClientError, ClientSettings},
    secret::Secret,
};

/// The most registries that are remembered; idle ones are forgotten first.
const MAX_CONNECTIONS: usize = 1024;

/// The registries: their clients, limits, tokens and what they asked for. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Registries {
    inner: Arc<Inner>,
}

struct Inner {
    /// What is configured now; a reload puts something else in its place.
    present: RwLock<Present>,
    options: Options,
    next_id: AtomicU64,
    connections: Mutex<HashMap<ConnectionKey, Arc<Connection>>>,
    clients: Mutex<HashMap<ClientSettings, http::Client>>,
    sites: Sites,
    proofs: Proofs,
    cache: Arc<Cache>,
    problem: watch::Sender<Option<Arc<ReloadError>>>,
}

/// A `registries.conf` and the files that it names.
#[derive(Default)]
struct Present {
    conf: Arc<RegistriesConf>,
    files: HashMap<files::Names, Arc<Files>>,
}

/// Another `registries.conf`, of which everything could be read.
pub(crate) struct Prepared {
    conf: Arc<RegistriesConf>,
    files: HashMap<files::Names, Arc<Files>>,
    /// Of the files of each entry, in the order of the entries.
    ids: Vec<FilesId>,
    connections: HashSet<ConnectionKey>,
    clients: HashSet<ClientSettings>,
}

impl Prepared {
    /// Equal for one text only when the files that it names hold the same.
    pub(crate) fn id(&self) -> FilesId {
        Sha256::digest(self.ids.concat()).into()
    }
}

/// What makes two profiles the same server, spoken to in the same way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct ConnectionKey {
    api_url: String,
    limit: Option<NonZeroU32>,
    insecure: bool,
    ca_data: Option<String>,
    proxy: Option<Secret>,
    configured: bool,
    files: FilesId,
}

impl ConnectionKey {
    fn new(profile: &RegistryProfile, files: &Files) -> Self {
        Self {
            api_url: profile.api_url.clone(),
            limit: profile.limit,
            insecure: profile.insecure,
            ca_data: profile.ca_data.clone(),
            proxy: profile.proxy.clone(),
            configured: profile.configured,
            files: files.id,
        }
    }
}

impl Registries {
    /// The registries of a `registries.conf`. Nothing is contacted yet.
    pub fn new(conf: Arc<RegistriesConf>, options: Options) -> Self {
        let cache = Arc::new(Cache::new(options.refresh));
        Self {
            inner: Arc::new(Inner {
                present: RwLock::new(Present {
                    conf,
                    files: HashMap::new(),
                }),
                cache,
                options,
                next_id: AtomicU64::new(0),
                connections: Mutex::default(),
                clients: Mutex::default(),
                sites: Sites::default(),
                proofs: Proofs::default(),
                problem: watch::Sender::default(),
            }),
        }
    }

    /// What is configured now.
    pub fn conf(&self) -> Arc<RegistriesConf> {
        Arc::clone(&self.present().conf)
    }

    /// The registry that serves an image.
    pub fn lookup(&self, image: &ImageRef) -> Arc<RegistryProfile> {
        self.limited(self.conf().lookup(image))
    }

    /// Where an image is asked for.
    pub fn places(&self, image: &ImageRef) -> Places {
        let limited = |place: Place| Place {
            profile: self.limited(place.profile),
            ..place
        };
        let Places { mirrors, registry } = self.conf().places(image);
        Places {
            mirrors: mirrors
                .into_iter()
                .map(|(mirror, place)| (mirror, limited(place)))
                .collect(),
            registry: limited(registry),
        }
    }

    /// The profile with the limit that counts.
    fn limited(&self, profile: Arc<RegistryProfile>) -> Arc<RegistryProfile> {
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
        for profile in self.conf().entries() {
            if let Err(problem) = self.connection(&self.limited(Arc::clone(profile))).await {
                problems.push(problem);
            }
        }
        problems
    }

    /// Reads all that `conf` names and checks it, as at the start of the program; nothing changes yet.
    pub(crate) async fn prepare(&self, conf: Arc<RegistriesConf>) -> Result<Prepared, RegistryError> {
        let mut prepared = Prepared {
            files: HashMap::new(),
            ids: Vec::new(),
            connections: HashSet::new(),
            clients: HashSet::from([self.inner.options.http.clone()]),
            conf,
        };
        for profile in prepared.conf.entries() {
            let profile = self.limited(Arc::clone(profile));
            let api = Connection::api_url(&profile)?;
            let Some(names) = files::Names::of(&profile, &api) else {
                continue;
            };
            let files = self.read(&profile, &names).await?;
            let (settings, _) = self.client(&profile, &files)?;
            prepared.clients.insert(settings);
            prepared.connections.insert(ConnectionKey::new(&profile, &files));
            prepared.ids.push(files.id);
            prepared.files.insert(names, files);
        }
        Ok(prepared)
    }

    /// Puts `prepared` in the place of what is configured. An entry that is still spoken to in the same way keeps its
    /// connection, with limits, tokens and the time it asked to wait; the others are forgotten. Tells whether anything is new.
    pub(crate) fn adopt(&self, prepared: Prepared) -> bool {
        let mut present = self.inner.present.write().unwrap_or_else(PoisonError::into_inner);
        let is_new = present.conf.entries() != prepared.conf.entries()
            || prepared
                .files
                .iter()
                .any(|(names, files)| present.files.get(names).is_some_and(|known| known.id != files.id));
        present.conf = prepared.conf;
        present.files = prepared.files;
        drop(present);
        self.connections()
            .retain(|key, _| !key.configured || prepared.connections.contains(key));
        self.clients().retain(|settings, _| prepared.clients.contains(settings));
        is_new
    }

    /// Says that the file on disk is not what is configured, and why; `None` when it is again.
    pub(crate) fn set_problem(&self, problem: Option<Arc<ReloadError>>) {
        self.inner.problem.send_replace(problem);
    }

    /// Why what is configured is not what the file on disk says now; `None` when it is.
    pub fn problem(&self) -> Option<Arc<ReloadError>> {
        self.inner.problem.borrow().clone()
    }

    /// Wakes whoever waits, each time that the file on disk was taken over or could not be.
    pub fn changes(&self) -> RegistriesChanges {
        RegistriesChanges(self.inner.problem.subscribe())
    }

    /// The requests that each registry got since the process started.
    pub fn requests(&self) -> Vec<RegistryRequests> {
        let connections = self.inner.connections.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = connections.values().map(|c| c.requests()).collect();
        all.sort_by(|a, b| (&a.registry, &a.api_url).cmp(&(&b.registry, &b.api_url)));
        all
    }

    pub(crate) async fn connection(&self, profile: &RegistryProfile) -> Result<Arc<Connection>, RegistryError> {
        let api = Connection::api_url(profile)?;
        let files = self.files(profile, &api).await?;
        let key = ConnectionKey::new(profile, &files);
        if let Some(known) = self.connections().get(&key) {
            return Ok(Arc::clone(known));
        }
        let (_, client) = self.client(profile, &files)?;
        let mut connections = self.connections();
        if connections.len() >= MAX_CONNECTIONS {
            connections.retain(|_, connection| Arc::strong_count(connection) > 1);
        }
        // Another asker may have been faster; there must be one gate only.
        let connection = connections.entry(key).or_insert_with(|| {
            let id = self.inner.next_id.fetch_add(1, Ordering::Relaxed);
            let site = self.inner.sites.of(api.origin(), self.inner.options.in_flight);
            Arc::new(Connection::new(id, profile, api, client, site))
        });
        Ok(Arc::clone(connection))
    }

    /// Says that a repository, as [`RegistryProfile::repository`] names it, may have changed: which images its tags name is
    /// asked again by everybody, whatever was kept. Sessions that run go on with what they asked already.
    pub fn mark_stale(&self, profile: &RegistryProfile, repository: &str) {
        if let Ok(api) = Connection::api_url(profile) {
            let now = self.cache().now();
            self.cache().tags().mark_stale(api.as_str(), repository, now);
        }
    }

    /// Keeps what images say, by their digests, in a file of `folder`: what it says counts from now on, and what is learned
    /// is written every few minutes and by [`Keeper::finish`]. An error when the folder cannot be written.
    pub async fn keep_facts_in(&self, folder: &Path) -> Result<Keeper, CacheError> {
        Keeper::start(Arc::clone(&self.inner.cache), folder).await
    }

    /// What is kept from one session to the next.
    pub(crate) fn cache(&self) -> &Cache {
        &self.inner.cache
    }

    /// The signatures that were proved since the process started.
    pub(crate) fn proofs(&self) -> &Proofs {
        &self.inner.proofs
    }

    fn present(&self) -> RwLockReadGuard<'_, Present> {
        self.inner.present.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn connections(&self) -> MutexGuard<'_, HashMap<ConnectionKey, Arc<Connection>>> {
        self.inner.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn clients(&self) -> MutexGuard<'_, HashMap<ClientSettings, http::Client>> {
        self.inner.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The files of a profile: as they were when the configuration was read, or read now.
    async fn files(&self, profile: &RegistryProfile, api: &url::Url) -> Result<Arc<Files>, RegistryError> {
        let Some(names) = files::Names::of(profile, api) else {
            return Ok(Arc::default());
        };
        if let Some(known) = self.present().files.get(&names) {
            return Ok(Arc::clone(known));
        }
        let read = self.read(profile, &names).await?;
        let mut present = self.inner.present.write().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::clone(present.files.entry(names).or_insert(read)))
    }

    async fn read(&self, profile: &RegistryProfile, names: &files::Names) -> Result<Arc<Files>, RegistryError> {
        let read = names.read(&self.inner.options.ca_folders).await;
        read.map_err(|Unusable { key, reason }| invalid(profile, key, &reason))
    }

    /// A client for the TLS settings and the proxy of `profile`; registries with the same settings share one.
    fn client(
        &self,
        profile: &RegistryProfile,
        files: &Files,
    ) -> Result<(ClientSettings, http::Client), RegistryError> {
        let mut settings = self.inner.options.http.clone();
        settings.insecure = profile.insecure;
        settings.client_identity.clone_from(&files.identity);
        settings.proxy = profile.proxy.clone().or(settings.proxy);
        if !profile.insecure {
            let of_file = files.ca.as_ref().map(|(_, pem)| pem.clone());
            let of_entry = profile.ca_data.as_ref().map(|pem| pem.clone().into_bytes());
            // To those that the options give for every registry.
            settings.extra_roots.extend(of_file.into_iter().chain(of_entry));
        }
        if let Some(known) = self.clients().get(&settings) {
            return Ok((settings, known.clone()));
        }
        let client = http::client(&settings).map_err(|error| self.explain(profile, files, &error))?;
        let client = self.clients().entry(settings.clone()).or_insert(client).clone();
        Ok((settings, client))
    }

    /// Why there is no client with these settings, with the key that is to blame.
    fn explain(&self, profile: &RegistryProfile, files: &Files, error: &ClientError) -> RegistryError {
        match error {
            ClientError::Proxy => return invalid(profile, "proxy", &error.to_string()),
            ClientError::ClientKey => return invalid(profile, "client_key", &error.to_string()),
            ClientError::ClientCertificate | ClientError::ClientKeyMismatch => {
                return invalid(profile, "client_cert", &error.to_string());
            }
            ClientError::NoCertificate | ClientError::Tls(_) => {}
        }
        let builds = |settings: ClientSettings| http::client(&settings).is_ok();
        let entry_alone = profile.ca_data.as_ref().is_some_and(|pem| {
            builds(ClientSettings {
                extra_roots: vec![pem.clone().into_bytes()],
                ..self.inner.options.http.clone()
            })
        });
        match &files.ca {
            Some((path, _)) if profile.ca_data.is_none() || entry_alone => {
                invalid(profile, "ca_file", &format!("{}: {error}", path.display()))
            }
            _ => invalid(profile, "ca_data", &error.to_string()),
        }
    }
}

fn invalid(profile: &RegistryProfile, key: &'static str, reason: &str) -> RegistryError {
    RegistryError::InvalidSetting {
        registry: profile.name.clone(),
        key,
        reason: ForeignText::new(reason),
    }
}
