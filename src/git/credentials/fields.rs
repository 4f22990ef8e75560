//! Reads credentials from the fields of a Secret, as Argo CD names them. What is not supported is refused by the name of
//! its field, so that nothing is tried anonymously, or without a protection that somebody asked for.

use std::collections::BTreeMap;

use url::Url;

use super::{ClientCertificate, Connection, GitCredentials, GitHubApp, Login, Proxy, SshKey, TOKEN_USER};
use crate::{
    git::url::{RemoteUrl, Scheme},
    secret::Secret,
};

type Fields = BTreeMap<String, Secret>;

/// Fields of the clouds' own credentials: not supported yet whenever they are not empty.
const CLOUDS: &[&str] = &[
    "gcpServiceAccountKey",
    "azureServicePrincipalClientId",
    "azureServicePrincipalClientSecret",
    "azureServicePrincipalTenantId",
    "azureActiveDirectoryEndpoint",
];

/// A switch of the same: not supported yet when it is on.
const CLOUD_SWITCH: &str = "useAzureWorkloadIdentity";

/// Why a Secret does not give git credentials. The messages name fields, never values.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum GitCredentialsError {
    /// The Secret has credentials or options of a kind that is not supported yet.
    #[error(
        "git credentials: the field {field} is not yet supported; use username and password, bearerToken, a GitHub App \
         or sshPrivateKey"
    )]
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
    /// The credentials are for the other kind of URL.
    #[error("git credentials: the field {field} is of no use for this repository URL: {remedy}")]
    OtherScheme {
        /// The field that is there.
        field: &'static str,
        /// What to do.
        remedy: &'static str,
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

use GitCredentialsError::{Malformed, Missing, NotYetSupported, OtherScheme};

/// The credentials in the fields of Argo CD's `repository` and `repo-creds` Secrets (already merged), for the repository at
/// `url`.
///
/// Over https and http the first that is there counts: `password` (an empty `username` becomes `x-access-token`),
/// `bearerToken`, a GitHub App. Over SSH it is `sshPrivateKey`. Without any the answer is anonymous: whether that may
/// write is the caller's decision. Credentials for the other kind of URL only are an error.
pub fn from_repository_secret(fields: &Fields, url: &RemoteUrl) -> Result<GitCredentials, GitCredentialsError> {
    refuse_clouds(fields)?;
    let login = match url.scheme() {
        Scheme::Https | Scheme::Http => web_login(fields)?,
        Scheme::Ssh => ssh_login(fields)?,
    };
    Ok(GitCredentials {
        login,
        connection: connection(fields, url)?,
    })
}

/// The credentials in a Secret that a resource names itself (`git:secret:...`), for the repository at `url`.
///
/// The fields are those of [`from_repository_secret`], but some credential has to be there.
pub fn from_named_secret(fields: &Fields, url: &RemoteUrl) -> Result<GitCredentials, GitCredentialsError> {
    let credentials = from_repository_secret(fields, url)?;
    let shown = credentials.connection.client_certificate.is_some();
    match (&credentials.login, url.scheme()) {
        (Login::Anonymous, Scheme::Ssh) => Err(Missing { field: "sshPrivateKey" }),
        (Login::Anonymous, _) if !shown => Err(Missing { field: "password" }),
        _ => Ok(credentials),
    }
}

fn web_login(fields: &Fields) -> Result<Login, GitCredentialsError> {
    let username = line(fields, "username")?;
    if let Some(password) = line(fields, "password")? {
        return basic(username, password, is_on(fields, "forceHttpBasicAuth"));
    }
    if let Some(token) = line(fields, "bearerToken")? {
        return Ok(Login::Bearer(token.into()));
    }
    if let Some(app) = github_app(fields)? {
        return Ok(Login::GitHubApp(app));
    }
    if username.is_some() {
        return Err(Missing { field: "password" });
    }
    if text(fields, "sshPrivateKey").is_some() {
        return Err(OtherScheme {
            field: "sshPrivateKey",
            remedy: "use an SSH URL (ssh://user@host/path or user@host:path), or add username and password",
        });
    }
    Ok(Login::Anonymous)
}

fn ssh_login(fields: &Fields) -> Result<Login, GitCredentialsError> {
    if let Some(key) = text(fields, "sshPrivateKey") {
        let passphrase = line(fields, "sshPrivateKeyPassphrase")?;
        let key = SshKey::parse(key, passphrase).map_err(|reason| Malformed {
            field: "sshPrivateKey",
            reason,
        })?;
        return Ok(Login::SshKey(key));
    }
    for field in ["password", "bearerToken", "githubAppPrivateKey"] {
        if text(fields, field).is_some() {
            return Err(OtherScheme {
                field,
                remedy: "use the https:// URL, or add sshPrivateKey",
            });
        }
    }
    Ok(Login::Anonymous)
}

fn basic(username: Option<&str>, password: &str, unasked: bool) -> Result<Login, GitCredentialsError> {
    let username = username.unwrap_or(TOKEN_USER);
    if username.contains(':') {
        return Err(Malformed {
            field: "username",
            reason: "contains a colon, which HTTP basic authentication cannot carry",
        });
    }
    Ok(Login::Password {
        username: username.into(),
        password: password.into(),
        unasked,
    })
}

/// The App, when one of its fields is there.
fn github_app(fields: &Fields) -> Result<Option<GitHubApp>, GitCredentialsError> {
    let (id, key) = (number(fields, "githubAppID")?, text(fields, "githubAppPrivateKey"));
    let (id, key) = match (id, key) {
        (None, None) => return Ok(None),
        (None, Some(_)) => return Err(Missing { field: "githubAppID" }),
        (Some(_), None) => {
            return Err(Missing {
                field: "githubAppPrivateKey",
            });
        }
        (Some(id), Some(key)) => (id, key),
    };
    if !key.contains("-----BEGIN ") {
        return Err(Malformed {
            field: "githubAppPrivateKey",
            reason: "is not a private key in PEM",
        });
    }
    Ok(Some(GitHubApp {
        id,
        installation: number(fields, "githubAppInstallationID")?,
        private_key: key.into(),
        base_url: line(fields, "githubAppEnterpriseBaseUrl")?.map(base_url).transpose()?,
    }))
}

/// The REST API of GitHub Enterprise Server is below `/api/v3`; hosts of their own for it (`api.<name>.ghe.com`) have it
/// at the root ("REST API" of GitHub's documentation).
fn base_url(text: &str) -> Result<Url, GitCredentialsError> {
    let malformed = |reason| Malformed {
        field: "githubAppEnterpriseBaseUrl",
        reason,
    };
    let wrong = "is not a URL like https://github.example.com/api/v3";
    let mut url = Url::parse(text.trim_end_matches('/')).map_err(|_| malformed(wrong))?;
    if !matches!(url.scheme(), "https" | "http") || url.query().is_some() || url.fragment().is_some() {
        return Err(malformed(wrong));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(malformed("must not hold user and password"));
    }
    if url.path() == "/" && !url.host_str().is_some_and(|host| host.starts_with("api.")) {
        url.set_path("/api/v3");
    }
    Ok(url)
}

fn connection(fields: &Fields, url: &RemoteUrl) -> Result<Connection, GitCredentialsError> {
    let is_ssh = url.scheme() == Scheme::Ssh;
    let proxy = match line(fields, "proxy")? {
        None => None,
        Some(proxy) => {
            let malformed = |reason| Malformed { field: "proxy", reason };
            let no_proxy = line(fields, "noProxy")?.unwrap_or_default();
            let proxy = Proxy::parse(proxy, no_proxy).map_err(malformed)?;
            if is_ssh && proxy.kind() == super::ProxyKind::Https {
                return Err(malformed(
                    "is an https:// proxy, which SSH cannot go through: use socks5:// or http://",
                ));
            }
            Some(proxy)
        }
    };
    let client_certificate = match (text(fields, "tlsClientCertData"), text(fields, "tlsClientCertKey")) {
        (None, None) => None,
        (Some(certificate), Some(key)) => Some(ClientCertificate {
            certificate: certificate.into(),
            key: key.into(),
        }),
        (None, Some(_)) => {
            return Err(Missing {
                field: "tlsClientCertData",
            });
        }
        (Some(_), None) => {
            return Err(Missing {
                field: "tlsClientCertKey",
            });
        }
    };
    Ok(Connection {
        insecure: is_on(fields, "insecure") || is_ssh && is_on(fields, "insecureIgnoreHostKey"),
        proxy,
        client_certificate: client_certificate.filter(|_| !is_ssh),
    })
}

fn refuse_clouds(fields: &Fields) -> Result<(), GitCredentialsError> {
    if let Some(field) = CLOUDS.iter().find(|field| text(fields, field).is_some()) {
        return Err(NotYetSupported { field });
    }
    if is_on(fields, CLOUD_SWITCH) {
        return Err(NotYetSupported { field: CLOUD_SWITCH });
    }
    Ok(())
}

/// A field as it is. Blank is absent.
fn text<'a>(fields: &'a Fields, field: &str) -> Option<&'a str> {
    fields
        .get(field)
        .map(Secret::expose)
        .filter(|text| !text.trim().is_empty())
}

/// A switch. As Argo CD reads them: what is no boolean is false.
fn is_on(fields: &Fields, field: &str) -> bool {
    let value = fields.get(field).map_or("", |value| value.expose().trim());
    matches!(value, "1" | "t" | "T" | "true" | "TRUE" | "True")
}

fn number(fields: &Fields, field: &'static str) -> Result<Option<u64>, GitCredentialsError> {
    let Some(text) = line(fields, field)? else {
        return Ok(None);
    };
    let reason = "is not a decimal number";
    text.trim().parse().map(Some).map_err(|_| Malformed { field, reason })
}

/// A field of one line; the line break that an editor leaves at its end is not part of it. Empty is absent.
fn line<'a>(fields: &'a Fields, field: &'static str) -> Result<Option<&'a str>, GitCredentialsError> {
    let text = fields
        .get(field)
        .map_or("", |value| value.expose().trim_end_matches(['\r', '\n']));
    if text.chars().any(char::is_control) {
        return Err(Malformed {
            field,
            reason: "contains a line break or control character",
        });
    }
    Ok((!text.is_empty()).then_some(text))
}

#[cfg(test)]
mod tests;
