//! Logging: one line per real event, as text (`time="..." level=info msg="..." key=value`) or JSON.
//!
//! A leaf. Field names are fixed in [`fields`]; what a stranger wrote is cleaned before it gets here, and cleaned again
//! by the text format, so that no log line can be forged.

pub mod fields;
mod format;

use std::io::IsTerminal as _;

use tracing_subscriber::{EnvFilter, layer::SubscriberExt as _, util::SubscriberInitExt as _};

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// `time="..." level=info msg="..." key=value`.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// What is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogLevel {
    /// Everything.
    Trace,
    /// Decisions and requests.
    Debug,
    /// What happened.
    #[default]
    Info,
    /// What needs a look.
    Warn,
    /// What failed.
    Error,
}

/// Sends all log lines of this process to standard error. Lines of libraries appear from `warn` up only, except at
/// `trace`. A second call changes nothing.
pub fn init(level: LogLevel, format: LogFormat) {
    let name = match level {
        LogLevel::Trace => "trace",
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
    };
    let libraries = match level {
        LogLevel::Trace => "debug",
        LogLevel::Error => "error",
        _ => "warn",
    };
    // A failed watch is told by the watch itself, in the words of the missing rule; the library would print whole answers.
    let filter = EnvFilter::new(format!(
        "{libraries},argocd_image_updater={name},kube_runtime=off,kube_client=off"
    ));
    let colours = std::io::stderr().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
        && std::env::var("ENABLE_LOG_COLORS").map_or(true, |v| v != "false");
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .fmt_fields(format::Collected)
        .event_format(format::Lines { format, colours });
    // An error means that a subscriber is there already, which then stays.
    let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
}
