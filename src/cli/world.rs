//! What a command works on: a cluster, real or served from a folder, and the registries file.

use std::{io::ErrorKind, path::Path};

use anyhow::Context as _;

use crate::{
    cluster::{
        Cluster, connect,
        directory::{self, DirectoryApi, DirectoryOptions},
        watch::Scope,
    },
    controller::lease::Lease,
    core::registries::RegistriesConf,
    settings::{Settings, WatchScope},
};

/// Whether a command may write to a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// It may, and keeps others out meanwhile.
    Write,
    /// It only looks.
    Read,
}

/// The cluster, real or served from a folder, and what follows from it.
pub(super) struct World {
    pub(super) cluster: Cluster,
    pub(super) argocd_namespace: String,
    pub(super) scope: Scope,
    pub(super) lease: Option<Lease>,
    /// Holds the folder's lock while the program runs.
    pub(super) directory: Option<DirectoryApi>,
}

impl World {
    pub(super) async fn connect(settings: &Settings, access: Access) -> anyhow::Result<Self> {
        match &settings.directory {
            Some(folder) => Self::folder(settings, folder, access),
            None => Self::cluster(settings).await,
        }
    }

    fn folder(settings: &Settings, folder: &Path, access: Access) -> anyhow::Result<Self> {
        let namespace = settings.argocd_namespace.clone().unwrap_or_else(|| "argocd".to_owned());
        let options = DirectoryOptions {
            default_namespace: namespace.clone(),
        };
        let api = match access {
            Access::Write => directory::open(folder, options)?,
            Access::Read => directory::look(folder, options)?,
        };
        // Who only looks tells of unread files in the answer.
        let told: Vec<String> = match access {
            Access::Write => Vec::new(),
            Access::Read => api.unread().iter().map(ToString::to_string).collect(),
        };
        for warning in api.warnings().iter().filter(|warning| !told.contains(warning)) {
            tracing::warn!("{warning}");
        }
        let scope = match &settings.watch_namespaces {
            WatchScope::Own | WatchScope::All => Scope::All,
            WatchScope::Namespaces(names) => Scope::Namespaces(names.clone()),
        };
        let cluster = Cluster::of_folder(api.client());
        Ok(Self {
            cluster,
            argocd_namespace: namespace,
            scope,
            lease: None,
            directory: Some(api),
        })
    }

    async fn cluster(settings: &Settings) -> anyhow::Result<Self> {
        let (client, context_namespace) = connect::client(settings.kubeconfig.as_deref()).await?;
        let own = connect::own_namespace(settings.argocd_namespace.as_deref().unwrap_or(""), &context_namespace);
        // In a pod the context's namespace is the pod's.
        let argocd_namespace = settings.argocd_namespace.clone().unwrap_or(context_namespace);
        let cluster = Cluster::new(client);
        let scope = match &settings.watch_namespaces {
            WatchScope::Own => Scope::Namespaces(vec![own.clone()]),
            WatchScope::All => Scope::All,
            WatchScope::Namespaces(names) => Scope::Namespaces(names.clone()),
        };
        // A dry run writes nothing that another replica could write at the same time.
        let lease = (settings.leader_election && !settings.dry_run).then(|| {
            let namespace = settings.leader_election_namespace.clone().unwrap_or(own);
            Lease::new(cluster.clone(), namespace, identity())
        });
        Ok(Self {
            cluster,
            argocd_namespace,
            scope,
            lease,
            directory: None,
        })
    }
}

/// The holder name in the lease: the pod's name, and something that no second process has.
fn identity() -> String {
    let host = std::env::var("HOSTNAME").ok().filter(|h| !h.is_empty());
    let host = host.or_else(|| std::fs::read_to_string("/proc/sys/kernel/hostname").ok());
    let host = host.map_or_else(|| "argocd-image-updater".to_owned(), |h| h.trim().to_owned());
    let nanos = jiff::Timestamp::now().as_nanosecond();
    format!("{host}_{:x}-{nanos:x}", std::process::id())
}

/// The registries file, its warnings in the log. A missing one, or a folder in its place, means the built-in registries,
/// unless it is `required`.
pub(super) fn registries_conf(path: &str, required: bool) -> anyhow::Result<RegistriesConf> {
    let conf = read_registries_conf(path, required)?;
    for warning in conf.warnings() {
        tracing::warn!("{path}: {warning}");
    }
    Ok(conf)
}

/// The same, for who tells the warnings elsewhere.
pub(super) fn read_registries_conf(path: &str, required: bool) -> anyhow::Result<RegistriesConf> {
    let empty = || RegistriesConf::parse("").context("the built-in registries");
    if path.is_empty() {
        return empty();
    }
    match std::fs::read_to_string(path) {
        Ok(text) => {
            let conf = RegistriesConf::parse(&text).with_context(|| path.to_owned())?;
            tracing::info!("{path} is read");
            Ok(conf)
        }
        Err(error) if !required && matches!(error.kind(), ErrorKind::NotFound | ErrorKind::IsADirectory) => {
            tracing::info!("{path} is not there: only built-in registry settings apply");
            empty()
        }
        Err(error) => Err(error).with_context(|| format!("{path} cannot be read")),
    }
}
