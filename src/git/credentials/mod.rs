//! Who we are for a repository, and how it is connected to.
//!
//! Values only, made by [`from_repository_secret`] and [`from_named_secret`] out of the fields of a Secret. What is spoken
//! for them is in `askpass`, `ssh` and `transport`.

use sha2::{Digest as _, Sha256};
use url::Url;

use crate::secret::Secret;

mod connection;
mod fields;
mod ssh_key;

pub use connection::{ClientCertificate, Connection, Proxy, ProxyKind};
pub use fields::{GitCredentialsError, from_named_secret, from_repository_secret};
pub use ssh_key::SshKey;

/// The user that forges expect beside a token.
pub(super) const TOKEN_USER: &str = "x-access-token";

/// What a repository is spoken to with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitCredentials {
    /// How we prove who we are.
    pub login: Login,
    /// How we connect.
    pub connection: Connection,
}

/// How we prove who we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// Not at all, or by a client certificate.
    Anonymous,
    /// HTTP basic authentication (RFC 7617).
    Password {
        /// The user; some forges take a token for it.
        username: Secret,
        /// The password or token.
        password: Secret,
        /// Sent with the first request, for servers that would answer an anonymous one otherwise.
        unasked: bool,
    },
    /// A token of RFC 6750, sent with every request.
    Bearer(Secret),
    /// A private key for SSH.
    SshKey(SshKey),
    /// A GitHub App, whose tokens live one hour.
    GitHubApp(GitHubApp),
}

/// The fields of a GitHub App.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitHubApp {
    /// Its number.
    pub id: u64,
    /// The number of its installation; looked up from the repository when it is absent.
    pub installation: Option<u64>,
    /// Its private key: RSA, PEM.
    pub private_key: Secret,
    /// The REST API of the server; `None` is that of github.com.
    pub base_url: Option<Url>,
}

/// Tells credentials apart without holding them: equal credentials have equal identities.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CredentialsIdentity([u8; 32]);

impl GitCredentials {
    /// Nobody, over the connections that the environment asks for.
    pub fn anonymous() -> Self {
        Login::Anonymous.into()
    }

    /// User and password, sent when the server asks for them.
    pub fn password(username: &str, password: &str) -> Self {
        let login = Login::Password {
            username: username.into(),
            password: password.into(),
            unasked: false,
        };
        login.into()
    }

    /// The identity of these credentials: SHA-256 over all of them.
    ///
    /// Tokens of a GitHub App are no part of it, so it stays while they are renewed; the App's private key is, since who
    /// has another key is somebody else.
    pub fn identity(&self) -> CredentialsIdentity {
        let mut hash = Sha256::new();
        for part in self.login.parts().iter().chain(&self.connection.parts()) {
            // Lengths in front, so that no other list of texts gives the same bytes.
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
        CredentialsIdentity(hash.finalize().into())
    }

    /// Every text that must not be shown.
    pub(super) fn secrets(&self) -> Vec<&str> {
        let mut secrets = match &self.login {
            Login::Anonymous => Vec::new(),
            Login::Password { password, .. } => vec![password.expose()],
            Login::Bearer(token) => vec![token.expose()],
            Login::SshKey(key) => [Some(key.text()), key.passphrase()]
                .into_iter()
                .flatten()
                .map(Secret::expose)
                .collect(),
            Login::GitHubApp(app) => vec![app.private_key.expose()],
        };
        secrets.extend(self.connection.secrets());
        secrets
    }
}

impl Login {
    /// All that makes it what it is, as many texts for each kind.
    fn parts(&self) -> Vec<String> {
        let expose = |secret: &Secret| secret.expose().to_owned();
        match self {
            Self::Anonymous => vec!["anonymous".to_owned()],
            Self::Password {
                username,
                password,
                unasked,
            } => vec![format!("password {unasked}"), expose(username), expose(password)],
            Self::Bearer(token) => vec!["bearer".to_owned(), expose(token)],
            Self::SshKey(key) => {
                let passphrase = key.passphrase().map(expose).unwrap_or_default();
                vec!["ssh".to_owned(), expose(key.text()), passphrase]
            }
            Self::GitHubApp(app) => {
                let installation = app.installation.map(|id| id.to_string()).unwrap_or_default();
                let base = app.base_url.as_ref().map(Url::to_string).unwrap_or_default();
                let key = expose(&app.private_key);
                vec!["github".to_owned(), app.id.to_string(), installation, key, base]
            }
        }
    }
}

impl From<Login> for GitCredentials {
    fn from(login: Login) -> Self {
        Self {
            login,
            connection: Connection::default(),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_identity_tells_credentials_apart() {
        let with = |change: &dyn Fn(&mut Connection)| {
            let mut credentials = GitCredentials::anonymous();
            change(&mut credentials.connection);
            credentials
        };
        let app = |id, installation, key: &str| {
            GitCredentials::from(Login::GitHubApp(GitHubApp {
                id,
                installation,
                private_key: key.into(),
                base_url: None,
            }))
        };
        let unasked = Login::Password {
            username: "a".into(),
            password: "bc".into(),
            unasked: true,
        };
        let all = [
            GitCredentials::anonymous(),
            GitCredentials::password("a", "bc"),
            GitCredentials::password("ab", "c"),
            GitCredentials::password("a", "bd"),
            unasked.into(),
            Login::Bearer("bc".into()).into(),
            app(1, None, "k"),
            app(1, Some(2), "k"),
            app(12, None, "k"),
            app(1, None, "l"),
            with(&|connection| connection.insecure = true),
            with(&|connection| connection.proxy = Proxy::parse("http://p", "").ok()),
            with(&|connection| connection.proxy = Proxy::parse("http://p", "h").ok()),
            with(&|connection| {
                connection.client_certificate = Some(ClientCertificate {
                    certificate: "c".into(),
                    key: "k".into(),
                });
            }),
        ];
        for (i, left) in all.iter().enumerate() {
            for (k, right) in all.iter().enumerate() {
                assert_eq!(left.identity() == right.identity(), i == k, "{i} {k}");
            }
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let mut credentials = GitCredentials::password("token-user", "hunter2");
        credentials.connection.proxy = Proxy::parse("http://bob:hunter3@p", "").ok();
        let shown = format!("{credentials:?}");
        for secret in ["token-user", "hunter2", "hunter3"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
