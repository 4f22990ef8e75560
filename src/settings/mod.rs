//! What the program was told at its start: the command line, over the environment, over defaults.
//!
//! [`Settings::resolve`] is pure: the environment comes in as a function, warnings go out as text. Flags and their help
//! are in [`flags`], how variables are read in [`environment`], and what is accepted only at its default, because its
//! feature does not exist yet, in [`not_yet`]. A leaf: it knows neither the command line's subcommands nor the engine.

pub mod flags;
pub mod listen;
pub mod not_yet;
pub mod watch_scope;

mod environment;
mod parse;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use self::{
    environment::Environment,
    flags::{CycleArgs, GitArgs, KubernetesArgs, LogArgs, RegistryArgs, ServerArgs},
};
pub use self::{flags::RunArgs, listen::ListenAddress, watch_scope::WatchScope};
use crate::{
    core::{duration::GoDuration, foreign::ForeignText},
    telemetry::{LogFormat, LogLevel},
};

/// Where the registries file lies unless a flag says otherwise.
pub const REGISTRIES_CONF_PATH: &str = "/app/config/registries.conf";
/// Where the template of commit messages lies unless a flag says otherwise.
pub const COMMIT_TEMPLATE_PATH: &str = "/app/config/commit.template";

const INTERVAL: GoDuration = GoDuration::from_secs(120);
const MINIMUM_INTERVAL: GoDuration = GoDuration::from_secs(10);
const SHORT_INTERVAL: GoDuration = GoDuration::from_secs(60);
const ZERO: GoDuration = GoDuration::from_secs(0);
const COMMIT_USER: &str = "argocd-image-updater";
const COMMIT_EMAIL: &str = "noreply@argoproj.io";

/// The settings of `run`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Time between two cycles of a resource. Zero: once, and again on changes; negative: never.
    pub interval: GoDuration,
    /// The shortest interval that a resource may ask for; never negative.
    pub minimum_interval: GoDuration,
    /// Run every resource once and end. `interval` is zero and there are no probes then.
    pub once: bool,
    /// Decide, but write nothing.
    pub dry_run: bool,
    /// A folder that is served as the cluster.
    pub directory: Option<PathBuf>,
    /// How many applications are decided at once, 1 to 100; no bound unless given.
    pub max_concurrent_apps: Option<u8>,
    /// How many resources are decided at once, 1 to 10; no bound unless given.
    pub max_concurrent_reconciles: Option<u8>,
    /// The file that says how to reach the cluster; absent: the usual places.
    pub kubeconfig: Option<PathBuf>,
    /// The namespace of Argo CD; absent: that of the kubeconfig's context or of the pod.
    pub argocd_namespace: Option<String>,
    /// The namespaces that are watched.
    pub watch_namespaces: WatchScope,
    /// Whether nothing is written without the lease.
    pub leader_election: bool,
    /// The namespace of the lease; absent: the namespace of the pod.
    pub leader_election_namespace: Option<String>,
    /// Do not create Events.
    pub disable_kube_events: bool,
    /// The registries file; empty for none.
    pub registries_conf_path: String,
    /// Whether resources may use credentials from `env:` and `ext:` sources.
    pub allow_env_ext_credentials: bool,
    /// The author's name of commits.
    pub git_commit_user: String,
    /// The author's mail address of commits.
    pub git_commit_email: String,
    /// What is logged.
    pub log_level: LogLevel,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Where `/healthz` and `/readyz` answer.
    pub health_probe_bind_address: ListenAddress,
}

/// Why the program does not start with what it was told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A variable whose text cannot be used, of the kind that has no harmless default.
    #[error("the environment variable {variable} is {text:?}: {reason}")]
    Variable {
        /// The variable.
        variable: &'static str,
        /// Its text.
        text: ForeignText,
        /// Why it cannot be used, with an example.
        reason: String,
    },
    /// A setting whose feature does not exist yet.
    #[error("{setting} is not yet supported: leave it out, or at its default ({default})")]
    NotYet {
        /// The flag or the variable.
        setting: String,
        /// The value that is accepted.
        default: String,
    },
    /// A commit message template, which would silently not be used.
    #[error("{} has a commit message template, which is not yet supported: remove it (ConfigMap key \
        git.commit-message-template) to use the default message", path.display())]
    CommitTemplate {
        /// The file.
        path: PathBuf,
    },
}

impl Settings {
    /// The settings that `args` and the environment make together; and what to warn about, once logs are there.
    ///
    /// `env` reads one variable; an empty one counts as not set.
    pub fn resolve(args: RunArgs, env: &dyn Fn(&str) -> Option<String>) -> Result<(Self, Vec<String>), SettingsError> {
        // Without `..`, here and below, so that a flag that nothing reads does not compile.
        let RunArgs {
            cycle,
            kubernetes,
            registry,
            git,
            log,
            server,
            not_yet,
        } = args;
        let mut env = Environment::new(env);
        not_yet::check(not_yet, &mut env)?;
        let CycleArgs {
            interval,
            minimum_interval,
            once,
            dry_run,
            directory,
            // There is nothing to warm up: a cycle asks for what it needs, and asks once for all resources.
            warmup_cache: _,
            max_concurrent_apps,
            max_concurrent_reconciles,
        } = cycle;
        let KubernetesArgs {
            kubeconfig,
            argocd_namespace,
            watch_namespaces,
            leader_election,
            leader_election_namespace,
            kube_events,
            disable_kube_events,
        } = kubernetes;
        let RegistryArgs {
            registries_conf_path,
            allow_env_ext_credentials,
        } = registry;
        let GitArgs {
            git_commit_user,
            git_commit_email,
        } = git;
        let LogArgs { loglevel, logformat } = log;
        let ServerArgs {
            health_probe_bind_address,
            metrics_bind_address,
            metrics_secure,
        } = server;
        not_yet::warn_about_metrics(metrics_bind_address.as_ref(), metrics_secure, &mut env);

        let once = once.unwrap_or(false);
        let interval = interval
            .or_else(|| env.duration("IMAGE_UPDATER_INTERVAL", INTERVAL))
            .unwrap_or(INTERVAL);
        warn_about_interval(interval, &mut env);
        let disable_kube_events = disable_kube_events
            .or_else(|| kube_events.map(|wanted| !wanted))
            .or_else(|| env.events_disabled())
            .unwrap_or(false);
        let settings = Self {
            interval: if once { ZERO } else { interval },
            minimum_interval: minimum_interval.unwrap_or(MINIMUM_INTERVAL),
            once,
            dry_run: dry_run.unwrap_or(false),
            directory: path(directory),
            max_concurrent_apps: max_concurrent_apps.or_else(|| env.integer("MAX_CONCURRENT_APPS", 1, 100)),
            max_concurrent_reconciles: max_concurrent_reconciles
                .or_else(|| env.integer("MAX_CONCURRENT_RECONCILES", 1, 10)),
            kubeconfig: path(kubeconfig),
            argocd_namespace: text(argocd_namespace.or_else(|| env.text("ARGOCD_NAMESPACE"))),
            watch_namespaces: match watch_namespaces {
                Some(scope) => scope,
                None => env
                    .parsed("IMAGE_UPDATER_WATCH_NAMESPACES", str::parse)?
                    .unwrap_or_default(),
            },
            leader_election: leader_election.unwrap_or(true),
            leader_election_namespace: text(leader_election_namespace),
            disable_kube_events,
            registries_conf_path: registries_conf_path.unwrap_or_else(|| REGISTRIES_CONF_PATH.to_owned()),
            allow_env_ext_credentials: allow_env_ext_credentials.unwrap_or(true),
            git_commit_user: git_commit_user
                .or_else(|| env.text("GIT_COMMIT_USER"))
                .unwrap_or_else(|| COMMIT_USER.to_owned()),
            git_commit_email: git_commit_email
                .or_else(|| env.text("GIT_COMMIT_EMAIL"))
                .unwrap_or_else(|| COMMIT_EMAIL.to_owned()),
            log_level: match loglevel {
                Some(level) => level,
                None => env
                    .parsed("IMAGE_UPDATER_LOGLEVEL", parse::log_level)?
                    .unwrap_or_default(),
            },
            log_format: match logformat {
                Some(format) => format,
                None => env
                    .parsed("IMAGE_UPDATER_LOGFORMAT", parse::log_format)?
                    .unwrap_or_default(),
            },
            health_probe_bind_address: match health_probe_bind_address {
                _ if once => ListenAddress::off(),
                Some(address) => address,
                None => ListenAddress::default_probe(),
            },
        };
        Ok((settings, env.into_warnings()))
    }

    /// Whether the probes answer at the default address, which is not worth an error where there is no kubelet.
    pub fn health_probe_is_default(&self) -> bool {
        self.health_probe_bind_address == ListenAddress::default_probe()
    }
}

fn warn_about_interval(interval: GoDuration, env: &mut Environment<'_>) {
    if interval > ZERO && interval < SHORT_INTERVAL {
        env.warn(format!(
            "an interval of {interval} is short: registries may limit the requests of this program"
        ));
    }
}

/// An explicitly empty text says "not set", and wins over the environment.
fn text(given: Option<String>) -> Option<String> {
    given.filter(|text| !text.is_empty())
}

fn path(given: Option<PathBuf>) -> Option<PathBuf> {
    given.filter(|path| path != Path::new(""))
}
