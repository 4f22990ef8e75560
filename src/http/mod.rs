//! The one place where HTTP clients are built: TLS, proxy, redirects, time limits.
//!
//! A leaf for `registry`, and later for forges and identities. It knows nothing of what is asked. Credentials are never
//! part of a client: they are set per request, and a redirect to another origin drops them.

mod form;

use std::time::Duration;

use reqwest::{Client, redirect};

use crate::secret::Secret;

pub use form::{form, once};

/// How this program names itself to servers.
pub const USER_AGENT: &str = concat!("argocd-image-updater/", env!("CARGO_PKG_VERSION"));
/// The most redirects that are followed.
const MAX_REDIRECTS: usize = 10;

/// What a client is built from. Equal settings may share one client.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClientSettings {
    /// Certificates of servers are not checked.
    pub insecure: bool,
    /// CA certificates (PEM) that are trusted besides the system's. They are ignored when `insecure`.
    pub extra_roots: Vec<Vec<u8>>,
    /// Only plain http is spoken; a system without CA certificates is then no error.
    pub plain_http: bool,
    /// Whether `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` count.
    pub system_proxy: bool,
    /// The URL of the proxy for every request (http, https, socks5 or socks5h; it may hold user and password). Then the
    /// environment does not count.
    pub proxy: Option<Secret>,
    /// A certificate chain and its private key (PEM, in one text), for servers that ask who connects.
    pub client_identity: Option<Secret>,
    /// The longest that connecting takes, TLS included.
    pub connect_timeout: Duration,
    /// The longest silence of a server: until its answer begins, and between two parts of it.
    pub read_timeout: Duration,
    /// The longest that one request takes in all.
    pub total_timeout: Duration,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            insecure: false,
            extra_roots: Vec::new(),
            plain_http: false,
            system_proxy: true,
            proxy: None,
            client_identity: None,
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(10),
            total_timeout: Duration::from_mins(1),
        }
    }
}

/// Why a client cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// A PEM text without a usable certificate.
    #[error("it holds no certificate that can be read (PEM is expected)")]
    NoCertificate,
    /// A proxy that is no URL.
    #[error("the proxy is not a URL (example: http://proxy.example.com:3128)")]
    Proxy,
    /// A PEM text without a usable certificate and key of our own.
    #[error("it holds no certificate with its private key that can be read (PEM is expected)")]
    ClientIdentity,
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}

/// Builds a client.
///
/// Redirects are followed ten times at most and never from https to http; `Authorization` does not go along to another
/// scheme, host or port.
pub fn client(settings: &ClientSettings) -> Result<Client, ClientError> {
    use_ring();
    let attempt = |without_system_roots: bool| -> Result<Client, ClientError> {
        let mut builder = Client::builder()
            .user_agent(USER_AGENT)
            .referer(false)
            .redirect(redirect::Policy::custom(follow))
            .connect_timeout(settings.connect_timeout)
            .read_timeout(settings.read_timeout)
            .timeout(settings.total_timeout);
        if !settings.system_proxy {
            builder = builder.no_proxy();
        }
        if let Some(proxy) = &settings.proxy {
            let proxy = reqwest::Proxy::all(proxy.expose()).map_err(|_| ClientError::Proxy)?;
            builder = builder.no_proxy().proxy(proxy);
        }
        if let Some(identity) = &settings.client_identity {
            let identity = reqwest::Identity::from_pem(identity.expose().as_bytes());
            builder = builder.identity(identity.map_err(|_| ClientError::ClientIdentity)?);
        }
        builder = if settings.insecure {
            builder.tls_danger_accept_invalid_certs(true)
        } else if without_system_roots {
            builder.tls_certs_only([])
        } else {
            builder.tls_certs_merge(certificates(&settings.extra_roots)?)
        };
        builder.build().map_err(|e| ClientError::Tls(reason(&e)))
    };
    match attempt(false) {
        Err(ClientError::Tls(_)) if settings.plain_http => attempt(true),
        built => built,
    }
}

/// Chooses ring as the provider of TLS for the whole process. Whoever came first keeps its choice.
pub fn use_ring() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // An error means that another thread was faster, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}

/// Why a request failed, without its URL (which may carry secrets): the innermost cause, where the reason stands.
pub fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "it took too long".to_owned();
    }
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    if std::ptr::addr_eq(innermost, error) {
        return "the request failed".to_owned();
    }
    innermost.to_string()
}

fn certificates(bundles: &[Vec<u8>]) -> Result<Vec<reqwest::Certificate>, ClientError> {
    let mut all = Vec::new();
    for pem in bundles {
        let found = reqwest::Certificate::from_pem_bundle(pem).map_err(|_| ClientError::NoCertificate)?;
        if found.is_empty() {
            return Err(ClientError::NoCertificate);
        }
        all.extend(found);
    }
    Ok(all)
}

fn follow(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let leaves_tls =
        attempt.url().scheme() != "https" && attempt.previous().last().is_some_and(|from| from.scheme() == "https");
    if leaves_tls {
        return attempt.error("it redirects from https to http");
    }
    if attempt.previous().len() > MAX_REDIRECTS {
        return attempt.error("it redirects too often");
    }
    attempt.follow()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pem_text_without_a_certificate_is_an_error() {
        for pem in ["", "PEM", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"] {
            let settings = ClientSettings {
                extra_roots: vec![pem.as_bytes().to_vec()],
                ..ClientSettings::default()
            };
            assert!(matches!(client(&settings), Err(ClientError::NoCertificate)), "{pem}");
            let insecure = ClientSettings {
                insecure: true,
                ..settings
            };
            assert!(client(&insecure).is_ok(), "{pem}");
        }
    }

    #[test]
    fn choosing_the_provider_twice_is_no_panic() {
        use_ring();
        use_ring();
    }
}
