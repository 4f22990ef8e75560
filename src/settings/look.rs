//! The flags of the commands that look and write nothing: `plan`, `test`, `registries check` and `template`.

use std::path::PathBuf;

use clap::{Args, ValueEnum, builder::RangedU64ValueParser};

use super::{Settings, SettingsError, WatchScope, environment::Environment, parse, path, set, text};
use crate::{
    core::{duration::GoDuration, keys::ObjectKey},
    telemetry::{LogFormat, LogLevel},
};

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum OutputFormat {
    /// For people.
    #[default]
    #[value(alias = "table")]
    Text,
    /// One JSON object.
    Json,
    /// The same as YAML.
    Yaml,
}

/// Whether text is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless the variable NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What a template makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TemplateKind {
    /// A commit message.
    Message,
    /// The name of a branch.
    Branch,
}

/// The flags of `template`.
#[derive(Debug, Clone, Default, Args)]
pub struct TemplateArgs {
    /// The file with the template, - for standard input. [default: none, the built-in template]
    #[arg(value_name = "PATH")]
    pub path: Option<PathBuf>,
    /// message or branch: what the template makes. [default: what its fields are of, else message]
    #[arg(long, value_name = "KIND", value_enum, hide_possible_values = true)]
    pub kind: Option<TemplateKind>,
    /// A label of the sample images beside the usual ones; may be repeated. [default: none]
    #[arg(long, value_name = "KEY=VALUE", value_parser = label)]
    pub label: Vec<(String, String)>,
}

fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("it must be KEY=VALUE (example: org.opencontainers.image.version=1.0.1)".to_owned()),
    }
}

/// The flags of `plan`.
#[derive(Debug, Clone, Default, Args)]
pub struct PlanArgs {
    /// The file that says how to reach the cluster. [default: none; then KUBECONFIG, the pod's service account,
    /// ~/.kube/config]
    #[arg(long, value_name = "FILE", value_parser = parse::path, conflicts_with = "directory")]
    kubeconfig: Option<PathBuf>,
    /// Read a folder of YAML files instead of a cluster. Nothing is written to it. [default: none, a cluster]
    #[arg(long, value_name = "FOLDER", value_parser = parse::path)]
    directory: Option<PathBuf>,
    /// Show only this ImageUpdater, namespace/name. All others still take part in deciding who owns what. [default: all
    /// of the watched namespaces]
    #[arg(long, value_name = "NAMESPACE/NAME", value_parser = object_key)]
    resource: Option<ObjectKey>,
    /// text, json or yaml. json and yaml are described in docs/plan.schema.json. [default: text]
    #[arg(short, long, value_name = "FORMAT", value_enum, hide_possible_values = true)]
    output: Option<OutputFormat>,
    /// Show every tag as well, with its rank, or with the filter or rule that dropped it. [default: false]
    #[arg(long, value_name = "BOOL", value_parser = parse::boolean)]
    explain: Option<bool>,
    /// auto, always or never. [default: auto, on a terminal unless NO_COLOR is set]
    #[arg(long, value_name = "WHEN", value_enum, hide_possible_values = true)]
    color: Option<ColorChoice>,
    /// The namespace of Argo CD. [default: none, that of the kubeconfig's context or of the pod] [env:
    /// ARGOCD_NAMESPACE]
    #[arg(long, value_name = "NAMESPACE")]
    argocd_namespace: Option<String>,
    /// The namespaces to look at: a,b,c or * for all. [default: none, only the program's own, and that of --resource]
    /// [env: IMAGE_UPDATER_WATCH_NAMESPACES]
    #[arg(long, value_name = "NAMESPACES")]
    watch_namespaces: Option<WatchScope>,
    /// The file that describes registries. Without the file, or with an empty path, built-in settings apply.
    /// [default: /app/config/registries.conf]
    #[arg(long, value_name = "FILE")]
    registries_conf_path: Option<String>,
    /// Let resources take registry credentials from variables (env:) and scripts (ext:) of this program. [default: true]
    #[arg(long, value_name = "BOOL", value_parser = parse::boolean)]
    allow_env_ext_credentials: Option<bool>,
    /// Let Applications outside Argo CD's namespace write with its credentials wherever these reach. [default: false]
    #[arg(long, value_name = "BOOL", value_parser = parse::boolean)]
    allow_foreign_repositories: Option<bool>,
    /// trace, debug, info, warn or error; logs go to standard error. [default: warn]
    #[arg(long, value_name = "LEVEL", value_parser = parse::log_level)]
    loglevel: Option<LogLevel>,
}

/// The settings of `plan`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanSettings {
    /// What `run` would be told, with everything that writes turned off.
    pub run: Settings,
    /// The only resource to show.
    pub resource: Option<ObjectKey>,
    /// How the answer is written.
    pub output: OutputFormat,
    /// Whether every tag is shown.
    pub explain: bool,
    /// Whether text is coloured.
    pub color: ColorChoice,
}

impl PlanSettings {
    /// The settings that `args` and the environment make together; and what to warn about, once logs are there.
    pub fn resolve(args: PlanArgs, env: &dyn Fn(&str) -> Option<String>) -> Result<(Self, Vec<String>), SettingsError> {
        let PlanArgs {
            kubeconfig,
            directory,
            resource,
            output,
            explain,
            color,
            argocd_namespace,
            watch_namespaces,
            registries_conf_path,
            allow_env_ext_credentials,
            allow_foreign_repositories,
            loglevel,
        } = args;
        let env = Environment::new(env);
        let mut run = Settings {
            once: true,
            dry_run: true,
            leader_election: false,
            disable_kube_events: true,
            kubeconfig: path(kubeconfig),
            directory: path(directory),
            argocd_namespace: text(argocd_namespace.or_else(|| env.text("ARGOCD_NAMESPACE"))),
            log_level: loglevel.unwrap_or(LogLevel::Warn),
            log_format: LogFormat::Text,
            ..Settings::default()
        };
        let scope = match watch_namespaces {
            Some(scope) => Some(scope),
            None => env.parsed("IMAGE_UPDATER_WATCH_NAMESPACES", str::parse)?,
        };
        set(&mut run.watch_namespaces, scope);
        set(&mut run.registries_conf_path, registries_conf_path);
        set(&mut run.allow_env_ext_credentials, allow_env_ext_credentials);
        set(&mut run.allow_foreign_repositories, allow_foreign_repositories);
        let settings = Self {
            run,
            resource,
            output: output.unwrap_or_default(),
            explain: explain.unwrap_or(false),
            color: color.unwrap_or_default(),
        };
        Ok((settings, env.into_warnings()))
    }
}

/// The argument and the flags of `test`.
#[derive(Debug, Clone, Default, Args)]
pub struct TestArgs {
    /// The image, with or without a tag. The tag is no constraint: see --semver-constraint.
    #[arg(value_name = "IMAGE")]
    pub image: String,
    /// A version constraint (1.x, ~1.2, >=1.0.0); with the strategy digest the tag to follow. [default: none]
    #[arg(long, value_name = "CONSTRAINT", help_heading = "Which tags")]
    pub semver_constraint: Option<String>,
    /// Only tags that match this: regexp:EXPRESSION, or any. [default: any]
    #[arg(long, value_name = "PATTERN", help_heading = "Which tags")]
    pub allow_tags: Option<String>,
    /// No tags that match this glob; may be given several times, commas belong to the pattern. [default: none]
    #[arg(long, value_name = "GLOB", help_heading = "Which tags")]
    pub ignore_tags: Vec<String>,
    /// Platforms for which the image must exist, such as linux/arm64; repeat it or separate them by commas. Checked where
    /// the registry is asked about a tag: newest-build, digest, --pin-digest, --minimum-age. [default: the platform of
    /// this program]
    #[arg(long, value_name = "PLATFORM", value_delimiter = ',', help_heading = "Which tags")]
    pub platforms: Vec<String>,
    /// Only tags that are at least this old, such as 72h, by the creation date that the image tells. [default: none]
    #[arg(long, value_name = "DURATION", value_parser = parse::duration_from_zero, help_heading = "Which tags")]
    pub minimum_age: Option<GoDuration>,
    /// semver, newest-build, alphabetical, numerical or digest. [default: semver]
    #[arg(long, value_name = "STRATEGY", help_heading = "Which one of them")]
    pub update_strategy: Option<String>,
    /// A regular expression with one group, or one named key: what it captures is compared. [default: none]
    #[arg(long, value_name = "EXPRESSION", help_heading = "Which one of them")]
    pub extract: Option<String>,
    /// asc or desc, for numerical and alphabetical. [default: asc]
    #[arg(long, value_name = "ORDER", help_heading = "Which one of them")]
    pub order: Option<String>,
    /// Add the digest to the answer: tag@sha256:... [default: false]
    #[arg(long, value_name = "BOOL", value_parser = parse::boolean, help_heading = "Which one of them")]
    pub pin_digest: Option<bool>,
    /// The tag that runs, to see what would be held back as a downgrade. [default: none, so nothing is one]
    #[arg(long, value_name = "TAG", help_heading = "Which one of them")]
    pub current: Option<String>,
    /// Show every tag as well, with its rank, or with the filter or rule that dropped it. [default: false]
    #[arg(long, value_name = "BOOL", value_parser = parse::boolean, help_heading = "Output")]
    pub explain: Option<bool>,
    /// auto, always or never. [default: auto, on a terminal unless NO_COLOR is set]
    #[arg(
        long,
        value_name = "WHEN",
        value_enum,
        hide_possible_values = true,
        help_heading = "Output"
    )]
    pub color: Option<ColorChoice>,
    /// trace, debug, info, warn or error; logs go to standard error. [default: warn]
    #[arg(long, value_name = "LEVEL", value_parser = parse::log_level, help_heading = "Output")]
    pub loglevel: Option<LogLevel>,
    /// The file that describes registries; it must be usable. [default: /app/config/registries.conf if there is such a
    /// file, else built-in settings]
    #[arg(long, value_name = "FILE", help_heading = "Registries")]
    pub registries_conf_path: Option<String>,
    /// Where the registry's credentials lie, instead of what the registries file says: secret:NAMESPACE/NAME#FIELD,
    /// pullsecret:NAMESPACE/NAME, env:NAME, ext:/PATH, aws:, gcp: or azure:. [default: none]
    #[arg(long, value_name = "SOURCE", help_heading = "Registries")]
    pub credentials: Option<String>,
    /// Requests per second. [default: what the registries file says]
    #[arg(long, value_name = "NUMBER", value_parser = RangedU64ValueParser::<u32>::new().range(1..), help_heading = "Registries")]
    pub rate_limit: Option<u32>,
    /// The file that says how to reach the cluster; only used when credentials lie in a Secret. [default: none; then
    /// KUBECONFIG, the pod's service account, ~/.kube/config]
    #[arg(long, value_name = "FILE", value_parser = parse::path, help_heading = "Registries")]
    pub kubeconfig: Option<PathBuf>,
}

/// The flags of `registries check`.
#[derive(Debug, Clone, Default, Args)]
pub struct RegistriesCheckArgs {
    /// The file that describes registries; it must be there. [default: /app/config/registries.conf if there is such a file,
    /// else built-in settings]
    #[arg(long, alias = "registries-conf-path", value_name = "FILE")]
    pub conf: Option<String>,
    /// The file that says how to reach the cluster; only used when credentials lie in a Secret. [default: none; then
    /// KUBECONFIG, the pod's service account, ~/.kube/config]
    #[arg(long, value_name = "FILE", value_parser = parse::path)]
    pub kubeconfig: Option<PathBuf>,
    /// text (a table), json or yaml. [default: text]
    #[arg(short, long, value_name = "FORMAT", value_enum, hide_possible_values = true)]
    pub output: Option<OutputFormat>,
    /// auto, always or never. [default: auto, on a terminal unless NO_COLOR is set]
    #[arg(long, value_name = "WHEN", value_enum, hide_possible_values = true)]
    pub color: Option<ColorChoice>,
    /// trace, debug, info, warn or error; logs go to standard error. [default: warn]
    #[arg(long, value_name = "LEVEL", value_parser = parse::log_level)]
    pub loglevel: Option<LogLevel>,
}

/// `namespace/name`.
fn object_key(text: &str) -> Result<ObjectKey, String> {
    match text.split_once('/') {
        Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() && !name.contains('/') => {
            Ok(ObjectKey::new(namespace, name))
        }
        _ => Err("it must be namespace/name (example: argocd/shop)".to_owned()),
    }
}
