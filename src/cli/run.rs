//! `run`: puts the parts together and starts the controller.

use std::{path::Path, sync::Arc};

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    cluster::{
        Cluster, connect,
        directory::{self, DirectoryApi, DirectoryOptions},
        watch::Scope,
    },
    controller::{
        health::{self, Readiness},
        lease::Lease,
        run::{self, Config, Ended},
    },
    core::{image::Platform, registries::RegistriesConf, resolve::Author, schedule::Interval},
    engine::{Engine, Options},
    git::{MirrorOptions, Mirrors},
    registry::{self, Registries},
    settings::{COMMIT_TEMPLATE_PATH, Settings, WatchScope, not_yet},
    telemetry,
};

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Status 0.
    Success,
    /// Status 1.
    Failure,
}

/// Runs the controller until a signal, or until everything was done once.
pub async fn run(settings: Settings, warnings: Vec<String>) -> anyhow::Result<Exit> {
    telemetry::init(settings.log_level, settings.log_format);
    for warning in &warnings {
        tracing::warn!("{warning}");
    }
    let conf = registries_conf(&settings.registries_conf_path)?;
    refuse_commit_template()?;
    let world = World::connect(&settings).await?;
    let scratch = tempfile::Builder::new()
        .prefix("argocd-image-updater-")
        .tempdir()
        .context("no temporary folder")?;
    let shutdown = CancellationToken::new();
    signals(shutdown.clone())?;
    let readiness = Readiness::default();
    probes(&settings, &readiness, &shutdown).await?;

    let registries = Registries::new(Arc::new(conf), registry::Options::default());
    if let Some(problem) = registries.check_settings().await.into_iter().next() {
        return Err(problem).with_context(|| settings.registries_conf_path.clone());
    }
    let mirrors = Mirrors::new(scratch.path().join("git"), MirrorOptions::new(std::env::current_exe()?))?;
    let options = Options {
        argocd_namespace: world.argocd_namespace.clone(),
        platform: Platform::of_this_program(),
        dry_run: settings.dry_run,
        events: !settings.disable_kube_events,
        author: Author {
            name: settings.git_commit_user.clone(),
            email: settings.git_commit_email.clone(),
        },
        allow_env_ext_credentials: settings.allow_env_ext_credentials,
        explain: false,
        max_deciding: max_deciding(&settings),
    };
    let engine = Arc::new(Engine::new(world.cluster.clone(), registries, mirrors, options));
    let config = Config {
        scope: world.scope,
        interval: if settings.once {
            Interval::OnChange
        } else {
            Interval::from_flag(settings.interval)
        },
        minimum_interval: settings.minimum_interval.to_std(),
        once: settings.once,
        lease: world.lease,
    };
    tracing::info!(version = env!("CARGO_PKG_VERSION"), interval = %settings.interval, "argocd-image-updater starts");
    let ended = run::run(world.cluster, engine, config, &readiness, shutdown).await;
    drop(world.directory);
    Ok(if ended == Ended::Normally {
        Exit::Success
    } else {
        Exit::Failure
    })
}

/// The cluster, real or served from a folder, and what follows from it.
struct World {
    cluster: Cluster,
    argocd_namespace: String,
    scope: Scope,
    lease: Option<Lease>,
    /// Holds the folder's lock while the program runs.
    directory: Option<DirectoryApi>,
}

impl World {
    async fn connect(settings: &Settings) -> anyhow::Result<Self> {
        match &settings.directory {
            Some(folder) => Self::folder(settings, folder),
            None => Self::cluster(settings).await,
        }
    }

    fn folder(settings: &Settings, folder: &Path) -> anyhow::Result<Self> {
        let namespace = settings.argocd_namespace.clone().unwrap_or_else(|| "argocd".to_owned());
        let api = directory::open(
            folder,
            DirectoryOptions {
                default_namespace: namespace.clone(),
            },
        )?;
        for warning in api.warnings() {
            tracing::warn!("{warning}");
        }
        let scope = match &settings.watch_namespaces {
            WatchScope::Own | WatchScope::All => Scope::All,
            WatchScope::Namespaces(names) => Scope::Namespaces(names.clone()),
        };
        let cluster = Cluster::new(api.client());
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

/// The bound on applications that are decided at once, when one of the flags is given; the other counts as documented.
fn max_deciding(settings: &Settings) -> Option<usize> {
    let (apps, resources) = (settings.max_concurrent_apps, settings.max_concurrent_reconciles);
    (apps.is_some() || resources.is_some())
        .then(|| usize::from(apps.unwrap_or(10)) * usize::from(resources.unwrap_or(1)))
}

/// The registries file. A missing one, or a folder in its place, means the built-in registries.
fn registries_conf(path: &str) -> anyhow::Result<RegistriesConf> {
    let empty = || RegistriesConf::parse("").context("the built-in registries");
    if path.is_empty() {
        return empty();
    }
    match std::fs::read_to_string(path) {
        Ok(text) => {
            let conf = RegistriesConf::parse(&text).with_context(|| path.to_owned())?;
            for warning in conf.warnings() {
                tracing::warn!("{path}: {warning}");
            }
            tracing::info!("{path} is read");
            Ok(conf)
        }
        Err(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::NotFound | std::io::ErrorKind::IsADirectory
            ) =>
        {
            tracing::info!("{path} is not there: only built-in registry settings apply");
            empty()
        }
        Err(error) => Err(error).with_context(|| format!("{path} cannot be read")),
    }
}

/// Templates of commit messages are not implemented yet; one that is mounted must not be ignored.
fn refuse_commit_template() -> anyhow::Result<()> {
    let text = match std::fs::read_to_string(COMMIT_TEMPLATE_PATH) {
        Ok(text) => Some(text),
        Err(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::NotFound | std::io::ErrorKind::IsADirectory
            ) =>
        {
            None
        }
        Err(error) => return Err(error).context(COMMIT_TEMPLATE_PATH),
    };
    Ok(not_yet::commit_template(text.as_deref())?)
}

async fn probes(settings: &Settings, readiness: &Readiness, shutdown: &CancellationToken) -> anyhow::Result<()> {
    if settings.once || settings.directory.is_some() && settings.health_probe_is_default() {
        return Ok(());
    }
    let address = &settings.health_probe_bind_address;
    if address.is_off() {
        return Ok(());
    }
    let listener = TcpListener::bind(address.socket_addrs())
        .await
        .with_context(|| format!("--health-probe-bind-address={address}"))?;
    tokio::spawn(health::serve(listener, readiness.clone(), shutdown.clone()));
    Ok(())
}

/// The first signal ends the program in good order, the second one at once with 1.
fn signals(shutdown: CancellationToken) -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt()).context("signals")?;
    let mut terminate = signal(SignalKind::terminate()).context("signals")?;
    tokio::spawn(async move {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        shutdown.cancel();
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        std::process::exit(1);
    });
    Ok(())
}
