//! The flags of `run`, with their help.
//!
//! A flag that was not given is `None`, so that the environment can change its default. What is given is a checked type
//! already: the command line refuses what it cannot use. Defaults are those of [`super::Settings`], told here in the
//! help; a test compares both with the table of flags that must stay.

use std::path::PathBuf;

use clap::{Args, builder::RangedU64ValueParser};

use super::{ListenAddress, WatchScope, not_yet::NotYetArgs, parse};
use crate::{
    core::duration::GoDuration,
    telemetry::{LogFormat, LogLevel},
};

/// Makes flags read as Go reads them: a boolean flag takes a value after `=` only, and what follows any other flag is
/// its value, also when it starts with a dash (`--interval -5s`).
pub fn as_in_go(command: clap::Command) -> clap::Command {
    command.mut_args(|arg| {
        let is_boolean = arg
            .get_value_names()
            .is_some_and(|names| names.iter().any(|name| name == "BOOL"));
        if is_boolean {
            arg.num_args(0..=1).require_equals(true).default_missing_value("true")
        } else if arg.get_action().takes_values() && !arg.is_positional() {
            arg.allow_hyphen_values(true)
        } else {
            arg
        }
    })
}

/// All flags of `run`. A command that takes them goes through [`as_in_go`].
#[derive(Debug, Clone, Default, Args)]
pub struct RunArgs {
    #[command(flatten)]
    pub(super) cycle: CycleArgs,
    #[command(flatten)]
    pub(super) kubernetes: KubernetesArgs,
    #[command(flatten)]
    pub(super) registry: RegistryArgs,
    #[command(flatten)]
    pub(super) git: GitArgs,
    #[command(flatten)]
    pub(super) log: LogArgs,
    #[command(flatten)]
    pub(super) server: ServerArgs,
    #[command(flatten)]
    pub(super) not_yet: NotYetArgs,
}

/// What runs, and when.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Cycles")]
pub(super) struct CycleArgs {
    /// Time between two checks of a resource: 90s, 1h30m. With 0 it is checked once and again when it changes, with a
    /// negative time never. A resource's own spec.interval wins over a time above 0. [default: 2m] [env: IMAGE_UPDATER_INTERVAL]
    #[arg(long, value_name = "DURATION")]
    pub(super) interval: Option<GoDuration>,
    /// The shortest spec.interval that a resource may ask for; a shorter one is raised. [default: 10s]
    #[arg(long, value_name = "DURATION", value_parser = parse::duration_from_zero)]
    pub(super) minimum_interval: Option<GoDuration>,
    /// Check every resource that exists once, and end. [default: false]
    #[arg(long, value_name = "BOOL", value_parser = parse::boolean)]
    pub(super) once: Option<bool>,
    /// Decide and tell, but change no Application and no repository; the status tells what was decided. [default: false]
    #[arg(long, value_name = "BOOL", value_parser = parse::boolean)]
    pub(super) dry_run: Option<bool>,
    /// Work on a folder of YAML files instead of a cluster: ImageUpdaters, Applications and Secrets are read from it,
    /// and changes of Applications are written back into their files. [default: none, a cluster]
    #[arg(long, value_name = "FOLDER", value_parser = parse::path)]
    pub(super) directory: Option<PathBuf>,
    /// Accepted for compatibility: there is nothing to warm up. [default: true]
    #[arg(long, value_name = "BOOL", value_parser = parse::boolean)]
    pub(super) warmup_cache: Option<bool>,
    /// How many Applications of a resource are decided at once, 1 to 100. [default: 10, which does not bound unless it
    /// is given] [env: MAX_CONCURRENT_APPS]
    #[arg(long, value_name = "NUMBER", value_parser = RangedU64ValueParser::<u8>::new().range(1..=100))]
    pub(super) max_concurrent_apps: Option<u8>,
    /// How many resources are decided at once, 1 to 10. [default: 1, which does not bound unless it is given]
    /// [env: MAX_CONCURRENT_RECONCILES]
    #[arg(long, value_name = "NUMBER", value_parser = RangedU64ValueParser::<u8>::new().range(1..=10))]
    pub(super) max_concurrent_reconciles: Option<u8>,
}

/// The cluster.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Kubernetes")]
pub(super) struct KubernetesArgs {
    /// The file that says how to reach the cluster. [default: none; then KUBECONFIG, the pod's service account,
    /// ~/.kube/config]
    #[arg(long, value_name = "FILE", value_parser = parse::path)]
    pub(super) kubeconfig: Option<PathBuf>,
    /// The namespace of Argo CD. [default: none, that of the kubeconfig's context or of the pod] [env:
    /// ARGOCD_NAMESPACE]
    #[arg(long, value_name = "NAMESPACE")]
    pub(super) argocd_namespace: Option<String>,
    /// The namespaces to watch: a,b,c or * for all. They need the same Roles as the program's own. [default: none, only
    /// the program's own] [env: IMAGE_UPDATER_WATCH_NAMESPACES]
    #[arg(long, value_name = "NAMESPACES")]
    pub(super) watch_namespaces: Option<WatchScope>,
    /// Write only while holding a lease, so that replicas do not work against each other. [default: true]
    #[arg(long, value_name = "BOOL", value_parser = parse::boolean)]
    pub(super) leader_election: Option<bool>,
    /// The namespace of the lease. [default: none, the namespace of the pod]
    #[arg(long, value_name = "NAMESPACE")]
    pub(super) leader_election_namespace: Option<String>,
    /// Tell updates as Events of the Application. [default: true] [env: IMAGE_UPDATER_CREATE_KUBE_EVENTS]
    #[arg(long, value_name = "BOOL", value_parser = parse::boolean)]
    pub(super) kube_events: Option<bool>,
    /// The opposite of --kube-events, and its older name. Mind the variable: true turns events off. [default: false]
    /// [env: IMAGE_UPDATER_KUBE_EVENTS]
    #[arg(long, value_name = "BOOL", value_parser = parse::boolean, conflicts_with = "kube_events")]
    pub(super) disable_kube_events: Option<bool>,
}

/// Registries.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Registries")]
pub(super) struct RegistryArgs {
    /// The file that describes registries. Without the file, or with an empty path, built-in settings apply.
    /// [default: /app/config/registries.conf]
    #[arg(long, value_name = "FILE")]
    pub(super) registries_conf_path: Option<String>,
    /// Let resources take registry credentials from variables (env:) and scripts (ext:) of the controller. Turn it off
    /// where tenants write resources. [default: true]
    #[arg(long, value_name = "BOOL", value_parser = parse::boolean)]
    pub(super) allow_env_ext_credentials: Option<bool>,
    /// After how long a tag is asked again which image it names; 0 asks in every cycle. Tags whose digest is written are
    /// always asked in the cycle, and what an image says is never asked twice. [default: 1h]
    #[arg(long, value_name = "DURATION", value_parser = parse::duration_from_zero)]
    pub(super) metadata_refresh_interval: Option<GoDuration>,
    /// Keep what images say (dates, labels, platforms, by their digests) and mirrors of git repositories in this folder, so that a restart asks
    /// for none of it again. It must be writable, by this program alone. [default: none, only in memory]
    #[arg(long, value_name = "FOLDER", value_parser = parse::path)]
    pub(super) cache_dir: Option<PathBuf>,
}

/// Commits.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Git")]
pub(super) struct GitArgs {
    /// Author and committer of commits. [default: argocd-image-updater] [env: GIT_COMMIT_USER]
    #[arg(long, value_name = "NAME")]
    pub(super) git_commit_user: Option<String>,
    /// Mail address of author and committer. [default: noreply@argoproj.io] [env: GIT_COMMIT_EMAIL]
    #[arg(long, value_name = "ADDRESS")]
    pub(super) git_commit_email: Option<String>,
    /// The file with the template of commit messages. Without the file, or with an empty path, the built-in one is used;
    /// docs/templates.md shows how to write one. [default: /app/config/commit.template]
    #[arg(long, value_name = "FILE", value_parser = parse::path)]
    pub(super) git_commit_message_path: Option<PathBuf>,
    /// Let Applications outside Argo CD's namespace write with its credentials wherever these reach, and not only to the
    /// branches of their sources and to what their AppProject allows. [default: false]
    #[arg(long, value_name = "BOOL", value_parser = parse::boolean)]
    pub(super) allow_foreign_repositories: Option<bool>,
}

/// Logs.
#[derive(Debug, Clone, Copy, Default, Args)]
#[command(next_help_heading = "Logs")]
pub(super) struct LogArgs {
    /// trace, debug, info, warn or error. [default: info] [env: IMAGE_UPDATER_LOGLEVEL]
    #[arg(long, value_name = "LEVEL", value_parser = parse::log_level)]
    pub(super) loglevel: Option<LogLevel>,
    /// text or json. [default: text] [env: IMAGE_UPDATER_LOGFORMAT]
    #[arg(long, value_name = "FORMAT", value_parser = parse::log_format)]
    pub(super) logformat: Option<LogFormat>,
}

/// What others may ask of the program.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Probes and metrics")]
pub(super) struct ServerArgs {
    /// Where /healthz and /readyz answer; 0 for nowhere. [default: :8081]
    #[arg(long, value_name = "ADDRESS")]
    pub(super) health_probe_bind_address: Option<ListenAddress>,
    /// Where /metrics will answer; not yet supported, only warned about. [default: 0, nowhere]
    #[arg(long, value_name = "ADDRESS")]
    pub(super) metrics_bind_address: Option<ListenAddress>,
    /// Whether metrics ask for HTTPS and a token; not yet supported, only warned about. [default: true]
    #[arg(long, value_name = "BOOL", value_parser = parse::boolean)]
    pub(super) metrics_secure: Option<bool>,
}
