//! Texts of flags and variables that become types.

use std::{convert::Infallible, path::PathBuf};

use crate::{
    core::duration::GoDuration,
    telemetry::{LogFormat, LogLevel},
};

/// A boolean of the command line, as Go's `strconv.ParseBool` takes it.
pub(super) fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err("it must be true or false".to_owned()),
    }
}

/// A log level, in any letter case.
pub(super) fn log_level(text: &str) -> Result<LogLevel, String> {
    match text.to_ascii_lowercase().as_str() {
        "trace" => Ok(LogLevel::Trace),
        "debug" => Ok(LogLevel::Debug),
        "info" => Ok(LogLevel::Info),
        "warn" => Ok(LogLevel::Warn),
        "error" => Ok(LogLevel::Error),
        _ => Err("it must be trace, debug, info, warn or error".to_owned()),
    }
}

/// A log format, exactly.
pub(super) fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("it must be text or json".to_owned()),
    }
}

/// A duration that is not below zero.
pub(super) fn duration_from_zero(text: &str) -> Result<GoDuration, String> {
    let duration: GoDuration = text.parse().map_err(|error| format!("{error}"))?;
    if duration.is_negative() {
        return Err("it must not be negative".to_owned());
    }
    Ok(duration)
}

/// A path, which may be empty: that says "none".
#[expect(clippy::unnecessary_wraps, reason = "clap asks for a Result")]
pub(super) fn path(text: &str) -> Result<PathBuf, Infallible> {
    Ok(PathBuf::from(text))
}
