//! User and password for a registry, and how they are read from what a `CredentialRef` names.
//!
//! Secrets are read by the engine, which hands their content to [`from_user_password`] and [`from_docker_config`]; what a
//! cloud gives comes from `identity`. Variables and programs of this process are read here. No error repeats a value.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::{core::foreign::ForeignText, secret::Secret};

mod docker_config;
mod ext;
#[cfg(test)]
mod ext_tests;
mod redact;
#[cfg(test)]
mod tests;

pub use docker_config::from_docker_config;
pub use ext::run_ext;

/// The user name that stands for "the password is an identity token", as Docker's credential helpers write it.
const TOKEN_USER: &str = "<token>";

/// User and password, or an identity token. Any of them may be empty; then nothing is sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user.
    pub username: String,
    /// The password or token.
    pub password: Secret,
    /// Whether the password is an OAuth2 refresh token, which is told to token servers only.
    identity_token: bool,
    /// Whose they are, when the password changes while that stays the same.
    source: Option<CredentialsIdentity>,
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
    /// The entry has no credentials in it.
    #[error("its entry for the registry has neither `auth` nor `username` and `password` nor `identitytoken`")]
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
    /// User and password. The user `<token>` says that the password is an identity token.
    pub fn new(username: impl Into<String>, password: impl Into<Secret>) -> Self {
        let (username, password) = (username.into(), password.into());
        Self {
            identity_token: username == TOKEN_USER,
            username,
            password,
            source: None,
        }
    }

    /// An identity token (an OAuth2 refresh token), with the user that stands beside it.
    pub fn with_identity_token(username: impl Into<String>, token: impl Into<Secret>) -> Self {
        Self {
            identity_token: true,
            ..Self::new(username, token)
        }
    }

    /// The same, whose [`identity`](Self::identity) is that of the user at `source` (where the credentials come from, and
    /// for which registry): who it is, not what the password is at the moment.
    ///
    /// That is safe because nothing that is kept under the identity opens anything. Each request is sent with the present
    /// password, or a token that was given for it, and the tag list is asked in every cycle: when the password is wrong by
    /// now, or may read less, the registry says so. What is used without asking (which image a tag named not long ago) was
    /// given to the same user of the same source. Other users and other sources never have the same identity.
    #[must_use]
    pub fn of_source(self, source: &[&str]) -> Self {
        let mut parts: Vec<_> = source.iter().map(|part| part.as_bytes()).collect();
        parts.push(self.username.as_bytes());
        Self {
            source: Some(CredentialsIdentity::of(b"source", &parts)),
            ..self
        }
    }

    /// Whether the password is an identity token, which only a token server takes.
    pub fn is_identity_token(&self) -> bool {
        self.identity_token
    }

    /// Whether everything is there that is needed to log in; only then it is sent.
    pub fn is_complete(&self) -> bool {
        !self.password.is_empty() && (self.identity_token || !self.username.is_empty())
    }

    /// A key for caches that must not be shared across users. It outlives the password when the [source](Self::of_source)
    /// is known. An identity token names its user only to the token server, and incomplete credentials are no user: they
    /// are told apart by their values.
    pub fn identity(&self) -> CredentialsIdentity {
        match self.source {
            Some(source) if self.is_complete() && !self.identity_token => source,
            _ => self.fingerprint(),
        }
    }

    /// A key for these very values: what a registry refused is not refused for the password that comes next.
    pub fn fingerprint(&self) -> CredentialsIdentity {
        let kind: &[u8] = if self.identity_token { b"token" } else { b"password" };
        CredentialsIdentity::of(kind, &[self.username.as_bytes(), self.password.expose().as_bytes()])
    }
}

impl CredentialsIdentity {
    fn of(kind: &[u8], parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in std::iter::once(&kind).chain(parts) {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
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
