//! `run`: puts the parts together and starts the controller.

use std::sync::Arc;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{
    template_file,
    world::{Access, World, registries_conf},
};
use crate::{
    controller::{
        health::{self, Readiness},
        run::{self, Config, Ended},
    },
    core::{image::Platform, registries::RegistriesConf, resolve::Author, schedule::Interval, select::ReadLimit},
    engine::{Engine, Options},
    registry::{self, Registries, RegistriesFile},
    settings::Settings,
    telemetry,
};

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Status 0.
    Success,
    /// Status 1.
    Failure,
    /// Status 2: `plan` found something to change.
    Changes,
}

impl Exit {
    /// The status.
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failure => 1,
            Self::Changes => 2,
        }
    }
}

/// Runs the controller until a signal, or until everything was done once.
pub async fn run(settings: Settings, warnings: Vec<String>) -> anyhow::Result<Exit> {
    telemetry::init(settings.log_level, settings.log_format);
    for warning in &warnings {
        tracing::warn!("{warning}");
    }
    let conf = registries_conf(&settings.registries_conf_path, false)?;
    let message = template_file::message(&settings.git_commit_message_path)?;
    let world = World::connect(&settings, Access::Write).await?;
    let shutdown = CancellationToken::new();
    signals(shutdown.clone())?;
    let readiness = Readiness::default();
    probes(&settings, &readiness, &shutdown).await?;

    let registries = registries(&settings, conf, &shutdown).await?;
    let facts = match &settings.cache_dir {
        Some(folder) => Some(registries.keep_facts_in(folder).await.context("--cache-dir")?),
        None => None,
    };
    let (mirrors, _scratch) = super::mirrors::open(settings.cache_dir.as_deref())?;
    let options = Options {
        argocd_namespace: world.argocd_namespace.clone(),
        platform: Platform::of_this_program(),
        dry_run: settings.dry_run,
        events: !settings.disable_kube_events,
        author: Author {
            name: settings.git_commit_user.clone(),
            email: settings.git_commit_email.clone(),
        },
        message: Arc::new(message),
        allow_env_ext_credentials: settings.allow_env_ext_credentials,
        allow_foreign_repositories: settings.allow_foreign_repositories,
        explain: false,
        max_deciding: max_deciding(&settings),
        reads: if settings.once {
            ReadLimit::AtOnce
        } else {
            ReadLimit::InSteps
        },
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
    if let Some(facts) = facts {
        facts.finish().await;
    }
    drop(world.directory);
    Ok(if ended == Ended::Normally {
        Exit::Success
    } else {
        Exit::Failure
    })
}

/// The registries of the file, which is followed while the program runs. A certificate that cannot be read ends the start.
async fn registries(
    settings: &Settings,
    conf: RegistriesConf,
    shutdown: &CancellationToken,
) -> anyhow::Result<Registries> {
    let options = registry::Options {
        refresh: settings.metadata_refresh_interval.to_std(),
        ..registry::Options::default()
    };
    let registries = Registries::new(Arc::new(conf), options);
    if let Some(problem) = registries.check_settings().await.into_iter().next() {
        return Err(problem).with_context(|| settings.registries_conf_path.clone());
    }
    if !settings.once && !settings.registries_conf_path.is_empty() {
        let file = RegistriesFile::new(&settings.registries_conf_path, registries.clone());
        tokio::spawn(file.follow(registry::LOOK_EVERY, shutdown.clone()));
    }
    Ok(registries)
}

/// The bound on applications that are decided at once, when one of the flags is given; the other counts as documented.
pub(super) fn max_deciding(settings: &Settings) -> Option<usize> {
    let (apps, resources) = (settings.max_concurrent_apps, settings.max_concurrent_reconciles);
    (apps.is_some() || resources.is_some())
        .then(|| usize::from(apps.unwrap_or(10)) * usize::from(resources.unwrap_or(1)))
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
