//! User and password for a registry, and how they are read from what a `CredentialRef` names.
//!
//! Secrets are read by the engine, which hands their content to [`from_user_password`] and [`from_docker_config`].
//! Variables and programs of this process are read here. No error repeats a value.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::{core::foreign::ForeignText, secret::Secret};

mod docker_config;
mod ext;
#[cfg(test)]
mod tests;

pub use docker_config::from_docker_config;
pub use ext::run_ext;

/// User and password. Either may be empty; then they are not sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user.
    pub username: String,
    /// The password or token.
    pub password: Secret,
}

/// Tells credentials apart in keys without holding them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CredentialsIdentity([u8; 32]);

/// Why there are no credentials where some should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// Not `user:password`.
    #[error("it is not of the form user:password")]
    Malformed,
    /// The environment variable is not set, or empty.
    #[error("the environment variable {name:?} is not set")]
    Unset {
        /// The variable.
        name: ForeignText,
    },
    /// Not UTF-8.
    #[error("it is not UTF-8 text")]
    NotText,
    /// The pull secret is no JSON object.
    #[error("it is not JSON of the form {{\"auths\": ...}}")]
    BadJson,
    /// The pull secret has no map `auths`.
    #[error("it has no map `auths`")]
    NoAuths,
    /// No entry is for this registry.
    #[error("it has no entry for {registry}")]
    NoMatch {
        /// Host and port, and path if there is one.
        registry: ForeignText,
    },
    /// The entry is no map.
    #[error("its entry for the registry is not a map")]
    BadEntry,
    /// The entry has neither `auth` nor `username` and `password`.
    #[error("its entry for the registry has neither `auth` nor `username` and `password`")]
    BadAuthType,
    /// `auth` is not base64.
    #[error("`auth` of its entry for the registry is not base64")]
    BadBase64,
    /// `auth` does not hold `user:password`.
    #[error("`auth` of its entry for the registry is not user:password in base64")]
    BadUserPass,
    /// The program failed.
    #[error("the program {path:?} {reason}")]
    Program {
        /// The path.
        path: ForeignText,
        /// What happened.
        reason: String,
    },
}

impl Credentials {
    /// User and password.
    pub fn new(username: impl Into<String>, password: impl Into<Secret>) -> Self {
        Self {
            username: username.into(),
            password: password.into(),
        }
    }

    /// Whether both halves are there; only then they are sent.
    pub fn is_complete(&self) -> bool {
        !self.username.is_empty() && !self.password.is_empty()
    }

    /// A key for caches that must not be shared across credentials.
    pub fn identity(&self) -> CredentialsIdentity {
        let mut hash = Sha256::new();
        hash.update(self.username.len().to_le_bytes());
        hash.update(self.username.as_bytes());
        hash.update(self.password.expose().as_bytes());
        CredentialsIdentity(hash.finalize().into())
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(***)")
    }
}

impl fmt::Debug for CredentialsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CredentialsIdentity(***)")
    }
}

/// Reads `user:password`, split at the first colon, as Secrets hold it. One trailing line break is removed; a half may be
/// empty.
pub fn from_user_password(text: &str) -> Result<Credentials, CredentialsError> {
    let (username, password) = without_line_break(text)
        .split_once(':')
        .ok_or(CredentialsError::Malformed)?;
    Ok(Credentials::new(username, password.to_owned()))
}

/// Reads the content of an environment variable: `user:password`, both halves non-empty.
pub fn from_env_value(name: &str, text: &str) -> Result<Credentials, CredentialsError> {
    if text.is_empty() {
        return Err(CredentialsError::Unset {
            name: ForeignText::new(name),
        });
    }
    from_user_password(text).and_then(|c| {
        if c.is_complete() {
            Ok(c)
        } else {
            Err(CredentialsError::Malformed)
        }
    })
}

/// Reads an environment variable of this process.
pub fn from_env(name: &str) -> Result<Credentials, CredentialsError> {
    // The standard library panics on names that no variable can have.
    if name.is_empty() || name.contains(['=', '\0']) {
        return from_env_value(name, "");
    }
    match std::env::var(name) {
        Ok(text) => from_env_value(name, &text),
        Err(std::env::VarError::NotPresent) => from_env_value(name, ""),
        Err(std::env::VarError::NotUnicode(_)) => Err(CredentialsError::NotText),
    }
}

fn without_line_break(text: &str) -> &str {
    text.strip_suffix("\r\n")
        .or_else(|| text.strip_suffix('\n'))
        .unwrap_or(text)
}
