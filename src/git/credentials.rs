//! Which credentials a repository is spoken to with, read from the fields of a Secret.
//!
//! User and password (or a token as password) for now. Every other kind is refused by the name of its field, so that
//! nothing is tried anonymously, or without a protection that somebody asked for.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use super::url::RemoteUrl;
use crate::secret::Secret;

/// The user that forges expect beside a token.
const TOKEN_USER: &str = "x-access-token";

/// Fields of another kind of credential: not supported yet whenever they are not empty.
const OTHER_KINDS: &[&str] = &[
    "bearerToken",
    "sshPrivateKey",
    "tlsClientCertData",
    "tlsClientCertKey",
    "proxy",
    "githubAppID",
    "githubAppInstallationID",
    "githubAppPrivateKey",
    "githubAppEnterpriseBaseUrl",
    "gcpServiceAccountKey",
    "azureServicePrincipalClientId",
    "azureServicePrincipalClientSecret",
    "azureServicePrincipalTenantId",
    "azureActiveDirectoryEndpoint",
];

/// Switches: not supported yet when they are on.
const SWITCHES: &[&str] = &[
    "insecure",
    "insecureIgnoreHostKey",
    "forceHttpBasicAuth",
    "useAzureWorkloadIdentity",
];

/// How we prove who we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GitCredentials {
    /// Not at all.
    Anonymous,
    /// HTTP basic authentication.
    Password {
        /// The user. It is no secret: git names it in prompts. A token belongs into the password.
        username: String,
        /// The password or token.
        password: Secret,
    },
}

/// Tells credentials apart without holding them: equal credentials have equal identities.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CredentialsIdentity([u8; 32]);

/// Why a Secret does not give git credentials. The messages name fields, never values.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum GitCredentialsError {
    /// The Secret has credentials or options of a kind that is not supported yet.
    #[error("git credentials: the field {field} is not yet supported; use username and password over https://")]
    NotYetSupported {
        /// The field.
        field: &'static str,
    },
    /// A field is missing or empty.
    #[error("git credentials: the field {field} is missing or empty")]
    Missing {
        /// The field.
        field: &'static str,
    },
    /// A field holds what cannot be sent.
    #[error("git credentials: the field {field} {reason}")]
    Malformed {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl GitCredentials {
    /// The identity of these credentials: SHA-256 over kind, user and password.
    pub fn identity(&self) -> CredentialsIdentity {
        let mut hash = Sha256::new();
        match self {
            Self::Anonymous => hash.update(b"anonymous"),
            Self::Password { username, password } => {
                hash.update(b"password");
                // Lengths in front, so that no other pair of texts gives the same bytes.
                for part in [username.as_str(), password.expose()] {
                    hash.update(part.len().to_be_bytes());
                    hash.update(part);
                }
            }
        }
        CredentialsIdentity(hash.finalize().into())
    }
}

impl CredentialsIdentity {
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for CredentialsIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CredentialsIdentity")
    }
}

/// The credentials in the fields of Argo CD's `repository` and `repo-creds` Secrets (already merged).
///
/// `password` with `username`; an empty user becomes `x-access-token`. Without any credential the answer is
/// [`GitCredentials::Anonymous`]: whether that may write is the caller's decision.
pub fn from_repository_secret(fields: &BTreeMap<String, Secret>) -> Result<GitCredentials, GitCredentialsError> {
    refuse_other_kinds(fields)?;
    let username = text_field(fields, "username")?;
    let password = text_field(fields, "password")?;
    match (username, password) {
        (None, None) => Ok(GitCredentials::Anonymous),
        (Some(_), None) => Err(GitCredentialsError::Missing { field: "password" }),
        (username, Some(password)) => basic(username, password),
    }
}

/// The credentials in a Secret that a resource names itself (`git:secret:...`): `username` and `password` for the
/// repository at `url`, over `https://` or `http://`.
pub fn from_named_secret(
    fields: &BTreeMap<String, Secret>,
    _url: &RemoteUrl,
) -> Result<GitCredentials, GitCredentialsError> {
    // Both schemes of a `RemoteUrl` take the same fields; SSH will look at the URL.
    refuse_other_kinds(fields)?;
    let username = text_field(fields, "username")?;
    let password = text_field(fields, "password")?.ok_or(GitCredentialsError::Missing { field: "password" })?;
    basic(username, password)
}

fn basic(username: Option<&str>, password: &str) -> Result<GitCredentials, GitCredentialsError> {
    let username = username.unwrap_or(TOKEN_USER);
    if username.contains(':') {
        return Err(GitCredentialsError::Malformed {
            field: "username",
            reason: "contains a colon, which HTTP basic authentication cannot carry",
        });
    }
    Ok(GitCredentials::Password {
        username: username.to_owned(),
        password: Secret::new(password),
    })
}

fn refuse_other_kinds(fields: &BTreeMap<String, Secret>) -> Result<(), GitCredentialsError> {
    let value = |field: &str| fields.get(field).map_or("", |value| value.expose().trim());
    if let Some(field) = OTHER_KINDS.iter().find(|field| !value(field).is_empty()) {
        return Err(GitCredentialsError::NotYetSupported { field });
    }
    // As Argo CD reads them: what is no boolean is false.
    let on = |field: &str| matches!(value(field), "1" | "t" | "T" | "true" | "TRUE" | "True");
    match SWITCHES.iter().find(|field| on(field)) {
        Some(field) => Err(GitCredentialsError::NotYetSupported { field }),
        None => Ok(()),
    }
}

/// A field of one line; the line break that an editor leaves at its end is not part of it. Empty is absent.
fn text_field<'a>(
    fields: &'a BTreeMap<String, Secret>,
    field: &'static str,
) -> Result<Option<&'a str>, GitCredentialsError> {
    let text = fields
        .get(field)
        .map_or("", |value| value.expose().trim_end_matches(['\r', '\n']));
    if text.chars().any(char::is_control) {
        return Err(GitCredentialsError::Malformed {
            field,
            reason: "contains a line break or control character",
        });
    }
    Ok((!text.is_empty()).then_some(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> BTreeMap<String, Secret> {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), Secret::new(*value)))
            .collect()
    }

    fn password(username: &str, password: &str) -> GitCredentials {
        GitCredentials::Password {
            username: username.to_owned(),
            password: Secret::new(password),
        }
    }

    #[test]
    fn user_and_password_are_read_from_a_repository_secret() {
        for (given, expected) in [
            (
                fields(&[("username", "bob"), ("password", "pw\n")]),
                password("bob", "pw"),
            ),
            (
                fields(&[("password", "pw"), ("insecure", "false")]),
                password("x-access-token", "pw"),
            ),
            (
                fields(&[("username", ""), ("password", "p w")]),
                password("x-access-token", "p w"),
            ),
            (
                fields(&[("url", "https://h/a"), ("insecure", "maybe")]),
                GitCredentials::Anonymous,
            ),
        ] {
            assert_eq!(from_repository_secret(&given), Ok(expected));
        }
    }

    #[test]
    fn every_other_kind_is_refused_by_the_name_of_its_field() {
        for field in OTHER_KINDS.iter().chain(SWITCHES) {
            let given = fields(&[("username", "bob"), ("password", "pw"), (field, "true")]);
            let expected = Err(GitCredentialsError::NotYetSupported { field });
            assert_eq!(from_repository_secret(&given), expected);
            let url = RemoteUrl::parse("https://h/a").unwrap();
            assert_eq!(from_named_secret(&given, &url), expected);
        }
    }

    #[test]
    fn an_incomplete_secret_says_which_field_is_missing() {
        let url = RemoteUrl::parse("http://h/a").unwrap();
        let missing = GitCredentialsError::Missing { field: "password" };
        assert_eq!(
            from_repository_secret(&fields(&[("username", "bob")])),
            Err(missing.clone())
        );
        assert_eq!(from_named_secret(&fields(&[]), &url), Err(missing));
        let error = from_repository_secret(&fields(&[("username", "a"), ("password", "top\nsecret")])).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("top"), "{error:?}");
        assert!(from_repository_secret(&fields(&[("username", "a:b"), ("password", "x")])).is_err());
    }

    #[test]
    fn the_identity_tells_credentials_apart() {
        let all = [
            GitCredentials::Anonymous,
            password("a", "bc"),
            password("ab", "c"),
            password("a", "bd"),
        ];
        for (i, left) in all.iter().enumerate() {
            for (k, right) in all.iter().enumerate() {
                assert_eq!(left.identity() == right.identity(), i == k);
            }
        }
    }
}
