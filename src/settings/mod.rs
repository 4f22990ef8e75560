//! What the program was told at its start: the command line, over the environment, over defaults.
//!
//! [`Settings::resolve`] is pure: the environment comes in as a function, warnings go out as text. Flags and their help
//! are in [`flags`], how variables are read in `environment`, and what is accepted only at its default, because its
//! feature does not exist yet, in [`not_yet`]. A leaf: it knows neither the command line's subcommands nor the engine.

pub mod flags;
pub mod listen;
pub mod look;
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

const SHORT_INTERVAL: GoDuration = GoDuration::from_secs(60);
const ZERO: GoDuration = GoDuration::from_secs(0);

/// The settings of `run`. The default is what nothing given means.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
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
    /// After how long a tag is asked again which image it names; never negative. Zero: in every cycle.
    pub metadata_refresh_interval: GoDuration,
    /// The folder in which facts about images are kept over restarts.
    pub cache_dir: Option<PathBuf>,
    /// The author's name of commits.
    pub git_commit_user: String,
    /// The author's mail address of commits.
    pub git_commit_email: String,
    /// The file with the template of commit messages; empty for none.
    pub git_commit_message_path: PathBuf,
    /// Whether Applications outside Argo CD's namespace may write wherever its credentials reach.
    pub allow_foreign_repositories: bool,
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
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            interval: GoDuration::from_secs(120),
            minimum_interval: GoDuration::from_secs(10),
            once: false,
            dry_run: false,
            directory: None,
            max_concurrent_apps: None,
            max_concurrent_reconciles: None,
            kubeconfig: None,
            argocd_namespace: None,
            watch_namespaces: WatchScope::Own,
            leader_election: true,
            leader_election_namespace: None,
            disable_kube_events: false,
            registries_conf_path: REGISTRIES_CONF_PATH.to_owned(),
            allow_env_ext_credentials: true,
            metadata_refresh_interval: GoDuration::from_secs(3600),
            cache_dir: None,
            git_commit_user: "argocd-image-updater".to_owned(),
            git_commit_email: "noreply@argoproj.io".to_owned(),
            git_commit_message_path: COMMIT_TEMPLATE_PATH.into(),
            allow_foreign_repositories: false,
            log_level: LogLevel::Info,
            log_format: LogFormat::Text,
            health_probe_bind_address: ListenAddress::default_probe(),
        }
    }
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
        let mut settings = Self::default();
        settings.take_cycle(cycle, &mut env);
        settings.take_kubernetes(kubernetes, &mut env)?;
        settings.take_registry(registry);
        settings.take_git(git, &env);
        settings.take_log(log, &env)?;
        settings.take_server(server, &mut env);
        if settings.once {
            settings.interval = ZERO;
            settings.health_probe_bind_address = ListenAddress::off();
        }
        Ok((settings, env.into_warnings()))
    }

    fn take_cycle(&mut self, args: CycleArgs, env: &mut Environment<'_>) {
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
        } = args;
        let interval = interval.or_else(|| env.duration("IMAGE_UPDATER_INTERVAL", self.interval));
        set(&mut self.interval, interval);
        if self.interval > ZERO && self.interval < SHORT_INTERVAL {
            env.warn(format!(
                "an interval of {} is short: registries may limit the requests of this program",
                self.interval
            ));
        }
        set(&mut self.minimum_interval, minimum_interval);
        set(&mut self.once, once);
        set(&mut self.dry_run, dry_run);
        self.directory = path(directory);
        self.max_concurrent_apps = max_concurrent_apps.or_else(|| env.integer("MAX_CONCURRENT_APPS", 1, 100));
        self.max_concurrent_reconciles =
            max_concurrent_reconciles.or_else(|| env.integer("MAX_CONCURRENT_RECONCILES", 1, 10));
    }

    fn take_kubernetes(&mut self, args: KubernetesArgs, env: &mut Environment<'_>) -> Result<(), SettingsError> {
        let KubernetesArgs {
            kubeconfig,
            argocd_namespace,
            watch_namespaces,
            leader_election,
            leader_election_namespace,
            kube_events,
            disable_kube_events,
        } = args;
        self.kubeconfig = path(kubeconfig);
        self.argocd_namespace = text(argocd_namespace.or_else(|| env.text("ARGOCD_NAMESPACE")));
        let scope = match watch_namespaces {
            Some(scope) => Some(scope),
            None => env.parsed("IMAGE_UPDATER_WATCH_NAMESPACES", str::parse)?,
        };
        set(&mut self.watch_namespaces, scope);
        set(&mut self.leader_election, leader_election);
        self.leader_election_namespace = text(leader_election_namespace);
        let disabled = disable_kube_events.or(kube_events.map(|wanted| !wanted));
        set(
            &mut self.disable_kube_events,
            disabled.or_else(|| env.events_disabled()),
        );
        Ok(())
    }

    fn take_registry(&mut self, args: RegistryArgs) {
        let RegistryArgs {
            registries_conf_path,
            allow_env_ext_credentials,
            metadata_refresh_interval,
            cache_dir,
        } = args;
        set(&mut self.registries_conf_path, registries_conf_path);
        set(&mut self.allow_env_ext_credentials, allow_env_ext_credentials);
        set(&mut self.metadata_refresh_interval, metadata_refresh_interval);
        self.cache_dir = path(cache_dir);
    }

    fn take_git(&mut self, args: GitArgs, env: &Environment<'_>) {
        let GitArgs {
            git_commit_user,
            git_commit_email,
            git_commit_message_path,
            allow_foreign_repositories,
        } = args;
        set(&mut self.git_commit_message_path, git_commit_message_path);
        set(&mut self.allow_foreign_repositories, allow_foreign_repositories);
        set(
            &mut self.git_commit_user,
            git_commit_user.or_else(|| env.text("GIT_COMMIT_USER")),
        );
        set(
            &mut self.git_commit_email,
            git_commit_email.or_else(|| env.text("GIT_COMMIT_EMAIL")),
        );
    }

    fn take_log(&mut self, args: LogArgs, env: &Environment<'_>) -> Result<(), SettingsError> {
        let LogArgs { loglevel, logformat } = args;
        let level = match loglevel {
            Some(level) => Some(level),
            None => env.parsed("IMAGE_UPDATER_LOGLEVEL", parse::log_level)?,
        };
        let format = match logformat {
            Some(format) => Some(format),
            None => env.parsed("IMAGE_UPDATER_LOGFORMAT", parse::log_format)?,
        };
        set(&mut self.log_level, level);
        set(&mut self.log_format, format);
        Ok(())
    }

    fn take_server(&mut self, args: ServerArgs, env: &mut Environment<'_>) {
        let ServerArgs {
            health_probe_bind_address,
            metrics_bind_address,
            metrics_secure,
        } = args;
        set(&mut self.health_probe_bind_address, health_probe_bind_address);
        not_yet::warn_about_metrics(metrics_bind_address.as_ref(), metrics_secure, env);
    }

    /// Whether the probes answer at the default address, which is not worth an error where there is no kubelet.
    pub fn health_probe_is_default(&self) -> bool {
        self.health_probe_bind_address == ListenAddress::default_probe()
    }
}

/// What is given takes the place of the default.
fn set<T>(place: &mut T, given: Option<T>) {
    if let Some(value) = given {
        *place = value;
    }
}

/// An explicitly empty text says "not set", and wins over the environment.
fn text(given: Option<String>) -> Option<String> {
    given.filter(|text| !text.is_empty())
}

fn path(given: Option<PathBuf>) -> Option<PathBuf> {
    given.filter(|path| path != Path::new(""))
}
