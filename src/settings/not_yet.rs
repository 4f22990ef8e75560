//! Flags whose feature does not exist yet. They are read and checked, and refused unless they are left at their
//! default.
//!
//! Who builds a feature moves its flags from `NotYetArgs` to [`super::flags`] and deletes their lines in `table`.
//!
//! A variable is as explicit as a flag where ignoring it would write something that nobody asked for (a commit without
//! its signature). Where only a trigger is missing (webhooks) it warns: the shipped Deployment passes these variables,
//! and updates still come with the next cycle.

use clap::{Args, builder::RangedU64ValueParser};

use super::{ListenAddress, SettingsError, environment::Environment, parse};
use crate::secret::Secret;

const MOST_EVENTS_AN_HOUR: u64 = i64::MAX as u64;

/// Flags that are accepted at their default only.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct NotYetArgs {
    /// Sign commits with this GPG key id or SSH private key file; not yet supported. [default: none]
    /// [env: GIT_COMMIT_SIGNING_KEY]
    #[arg(long, value_name = "KEY", help_heading = "Git")]
    git_commit_signing_key: Option<String>,
    /// openpgp or ssh; not yet supported. [default: openpgp] [env: GIT_COMMIT_SIGNING_METHOD]
    #[arg(long, value_name = "METHOD", help_heading = "Git")]
    git_commit_signing_method: Option<String>,
    /// Add a Signed-off-by line to commits; not yet supported. [default: false] [env: GIT_COMMIT_SIGN_OFF]
    #[arg(long, value_name = "BOOL", help_heading = "Git", value_parser = parse::boolean)]
    git_commit_sign_off: Option<bool>,
    /// Commit with git or through the forge's api; api is not yet supported. [default: git] [env: GIT_COMMIT_METHOD]
    #[arg(long, value_name = "METHOD", help_heading = "Git", value_parser = commit_method)]
    git_commit_method: Option<String>,
    /// Receive push notifications of registries; not yet supported. [default: false] [env: ENABLE_WEBHOOK]
    #[arg(long, value_name = "BOOL", help_heading = "Webhooks", value_parser = parse::boolean)]
    enable_webhook: Option<bool>,
    /// Refuse notifications of registries without a secret; not yet supported. [default: true]
    /// [env: WEBHOOK_REQUIRE_SECRET]
    #[arg(long, value_name = "BOOL", help_heading = "Webhooks", value_parser = parse::boolean)]
    webhook_require_secret: Option<bool>,
    /// The port for notifications; not yet supported. [default: 8082] [env: WEBHOOK_PORT]
    #[arg(long, value_name = "PORT", help_heading = "Webhooks")]
    webhook_port: Option<u16>,
    /// The secret of Docker Hub's notifications; not yet supported. [default: none] [env: DOCKER_WEBHOOK_SECRET]
    #[arg(long, value_name = "SECRET", help_heading = "Webhooks")]
    docker_webhook_secret: Option<Secret>,
    /// The secret of GitHub's notifications; not yet supported. [default: none] [env: GHCR_WEBHOOK_SECRET]
    #[arg(long, value_name = "SECRET", help_heading = "Webhooks")]
    ghcr_webhook_secret: Option<Secret>,
    /// The secret of Quay's notifications; not yet supported. [default: none] [env: QUAY_WEBHOOK_SECRET]
    #[arg(long, value_name = "SECRET", help_heading = "Webhooks")]
    quay_webhook_secret: Option<Secret>,
    /// The secret of Harbor's notifications; not yet supported. [default: none] [env: HARBOR_WEBHOOK_SECRET]
    #[arg(long, value_name = "SECRET", help_heading = "Webhooks")]
    harbor_webhook_secret: Option<Secret>,
    /// The secret of Aliyun's notifications; not yet supported. [default: none] [env: ALIYUN_ACR_WEBHOOK_SECRET]
    #[arg(long, value_name = "SECRET", help_heading = "Webhooks")]
    aliyun_acr_webhook_secret: Option<Secret>,
    /// The secret of Azure's notifications; not yet supported. [default: none] [env: ACR_WEBHOOK_SECRET]
    #[arg(long, value_name = "SECRET", help_heading = "Webhooks")]
    acr_webhook_secret: Option<Secret>,
    /// The secret of CloudEvents; not yet supported. [default: none] [env: CLOUDEVENTS_WEBHOOK_SECRET]
    #[arg(long, value_name = "SECRET", help_heading = "Webhooks")]
    cloudevents_webhook_secret: Option<Secret>,
    /// Notifications handled in an hour, 0 for all; not yet supported. [default: 0] [env: WEBHOOK_RATELIMIT_ALLOWED]
    #[arg(long, value_name = "NUMBER", help_heading = "Webhooks", value_parser = events_an_hour())]
    webhook_ratelimit_allowed: Option<u64>,
    /// Receive notifications without TLS; not yet supported. [default: false] [env: DISABLE_TLS]
    #[arg(long, value_name = "BOOL", help_heading = "Webhooks", value_parser = parse::boolean)]
    disable_tls: Option<bool>,
    /// The oldest TLS version for notifications; not yet supported. [default: 1.3] [env: TLS_MIN_VERSION]
    #[arg(long, value_name = "VERSION", help_heading = "Webhooks")]
    tlsminversion: Option<String>,
    /// The newest TLS version for notifications; not yet supported. [default: 1.3] [env: TLS_MAX_VERSION]
    #[arg(long, value_name = "VERSION", help_heading = "Webhooks")]
    tlsmaxversion: Option<String>,
    /// The TLS cipher suites for notifications; not yet supported. [default: none] [env: TLS_CIPHERS]
    #[arg(long, value_name = "NAMES", help_heading = "Webhooks")]
    tlsciphers: Option<String>,
    /// Let metrics and webhooks speak HTTP/2; not yet supported. [default: false]
    #[arg(long, value_name = "BOOL", help_heading = "Probes and metrics", value_parser = parse::boolean)]
    enable_http2: Option<bool>,
}

fn events_an_hour() -> RangedU64ValueParser<u64> {
    RangedU64ValueParser::new().range(..=MOST_EVENTS_AN_HOUR)
}

/// How a variable is read.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Secret,
    Boolean,
    /// From 0 to this one.
    Number(u64),
    CommitMethod,
}

/// What a variable does that is not at its default.
#[derive(Clone, Copy)]
enum Then {
    Refuse,
    Warn,
}

/// One setting: its flag as it was given, its default (`none` for the empty one), and its variable.
struct Row {
    flag: &'static str,
    given: Option<String>,
    default: &'static str,
    variable: Option<(&'static str, Kind, Then)>,
}

impl Row {
    fn new(flag: &'static str, given: Option<String>, default: &'static str) -> Self {
        Self {
            flag,
            given,
            default,
            variable: None,
        }
    }

    fn secret(flag: &'static str, given: Option<&Secret>, variable: &'static str) -> Self {
        Self::new(flag, given.map(shown), "none").warns(variable, Kind::Secret)
    }

    fn refuses(self, variable: &'static str, kind: Kind) -> Self {
        Self {
            variable: Some((variable, kind, Then::Refuse)),
            ..self
        }
    }

    fn warns(self, variable: &'static str, kind: Kind) -> Self {
        Self {
            variable: Some((variable, kind, Then::Warn)),
            ..self
        }
    }
}

/// Refuses what is set to anything but its default.
pub(super) fn check(args: NotYetArgs, env: &mut Environment<'_>) -> Result<(), SettingsError> {
    for Row {
        flag,
        given,
        default,
        variable,
    } in table(args)
    {
        let differs = |value: &str| value != default && !(value.is_empty() && default == "none");
        if let Some(given) = given {
            if differs(&given) {
                return Err(SettingsError::NotYet {
                    setting: format!("--{flag}"),
                    default: default.to_owned(),
                });
            }
            continue;
        }
        let Some((variable, kind, then)) = variable else {
            continue;
        };
        let Some(value) = read(variable, kind, env)? else {
            continue;
        };
        match then {
            _ if !differs(&value) => {}
            Then::Refuse => {
                return Err(SettingsError::NotYet {
                    setting: format!("the environment variable {variable}"),
                    default: default.to_owned(),
                });
            }
            Then::Warn => {
                env.warn(format!(
                    "the environment variable {variable} has no effect: --{flag} is not yet supported"
                ));
            }
        }
    }
    Ok(())
}

fn table(args: NotYetArgs) -> Vec<Row> {
    use Kind::{Boolean, CommitMethod, Number, Text};
    let NotYetArgs {
        git_commit_signing_key,
        git_commit_signing_method,
        git_commit_sign_off,
        git_commit_method,
        enable_webhook,
        webhook_require_secret,
        webhook_port,
        docker_webhook_secret,
        ghcr_webhook_secret,
        quay_webhook_secret,
        harbor_webhook_secret,
        aliyun_acr_webhook_secret,
        acr_webhook_secret,
        cloudevents_webhook_secret,
        webhook_ratelimit_allowed,
        disable_tls,
        tlsminversion,
        tlsmaxversion,
        tlsciphers,
        enable_http2,
    } = args;
    let (port, events) = (Number(u64::from(u16::MAX)), Number(MOST_EVENTS_AN_HOUR));
    vec![
        Row::new("enable-http2", text(enable_http2), "false"),
        Row::new("git-commit-signing-key", git_commit_signing_key, "none").refuses("GIT_COMMIT_SIGNING_KEY", Text),
        Row::new("git-commit-sign-off", text(git_commit_sign_off), "false").refuses("GIT_COMMIT_SIGN_OFF", Boolean),
        Row::new("git-commit-method", git_commit_method, "git").refuses("GIT_COMMIT_METHOD", CommitMethod),
        // Without a key the method signs nothing.
        Row::new("git-commit-signing-method", git_commit_signing_method, "openpgp")
            .warns("GIT_COMMIT_SIGNING_METHOD", Text),
        Row::new("enable-webhook", text(enable_webhook), "false").warns("ENABLE_WEBHOOK", Boolean),
        Row::new("webhook-require-secret", text(webhook_require_secret), "true")
            .warns("WEBHOOK_REQUIRE_SECRET", Boolean),
        Row::new("webhook-port", text(webhook_port), "8082").warns("WEBHOOK_PORT", port),
        Row::new("webhook-ratelimit-allowed", text(webhook_ratelimit_allowed), "0")
            .warns("WEBHOOK_RATELIMIT_ALLOWED", events),
        Row::new("disable-tls", text(disable_tls), "false").warns("DISABLE_TLS", Boolean),
        Row::new("tlsminversion", tlsminversion, "1.3").warns("TLS_MIN_VERSION", Text),
        Row::new("tlsmaxversion", tlsmaxversion, "1.3").warns("TLS_MAX_VERSION", Text),
        Row::new("tlsciphers", tlsciphers, "none").warns("TLS_CIPHERS", Text),
        Row::secret(
            "docker-webhook-secret",
            docker_webhook_secret.as_ref(),
            "DOCKER_WEBHOOK_SECRET",
        ),
        Row::secret(
            "ghcr-webhook-secret",
            ghcr_webhook_secret.as_ref(),
            "GHCR_WEBHOOK_SECRET",
        ),
        Row::secret(
            "quay-webhook-secret",
            quay_webhook_secret.as_ref(),
            "QUAY_WEBHOOK_SECRET",
        ),
        Row::secret(
            "harbor-webhook-secret",
            harbor_webhook_secret.as_ref(),
            "HARBOR_WEBHOOK_SECRET",
        ),
        Row::secret(
            "aliyun-acr-webhook-secret",
            aliyun_acr_webhook_secret.as_ref(),
            "ALIYUN_ACR_WEBHOOK_SECRET",
        ),
        Row::secret("acr-webhook-secret", acr_webhook_secret.as_ref(), "ACR_WEBHOOK_SECRET"),
        Row::secret(
            "cloudevents-webhook-secret",
            cloudevents_webhook_secret.as_ref(),
            "CLOUDEVENTS_WEBHOOK_SECRET",
        ),
    ]
}

fn text<T: ToString>(given: Option<T>) -> Option<String> {
    given.map(|value| value.to_string())
}

/// Only whether there is one: the rows are compared and told.
fn shown(secret: &Secret) -> String {
    if secret.is_empty() {
        String::new()
    } else {
        "set".to_owned()
    }
}

/// The variable's value as text, when it is set to something usable.
fn read(variable: &'static str, kind: Kind, env: &mut Environment<'_>) -> Result<Option<String>, SettingsError> {
    Ok(match kind {
        Kind::Text => env.text(variable),
        Kind::Secret => env.text(variable).map(|text| shown(&Secret::new(text))),
        Kind::Boolean => text(env.boolean(variable)),
        Kind::Number(most) => text(env.integer::<u64>(variable, 0, most)),
        Kind::CommitMethod => env.parsed(variable, commit_method)?,
    })
}

/// `git` or `api`; nothing is `git`.
fn commit_method(text: &str) -> Result<String, String> {
    match text {
        "" | "git" => Ok("git".to_owned()),
        "api" => Ok("api".to_owned()),
        _ => Err("it must be git or api".to_owned()),
    }
}

/// The shipped Deployment asks for metrics, so asking does not stop the start.
pub(super) fn warn_about_metrics(address: Option<&ListenAddress>, secure: Option<bool>, env: &mut Environment<'_>) {
    if address.is_some_and(|address| !address.is_off()) {
        env.warn("--metrics-bind-address has no effect: metrics are not yet supported".to_owned());
    }
    if secure == Some(false) {
        env.warn("--metrics-secure has no effect: metrics are not yet supported".to_owned());
    }
}
