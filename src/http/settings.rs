//! What a client is built from, and what can be wrong with it.

use std::time::Duration;

use super::egress::Egress;
use crate::secret::Secret;

/// What a client is built from. Equal settings may share one client.
///
/// No field is a secret unless it is a [`Secret`], so `Debug` may be logged.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClientSettings {
    /// Certificates of servers are not checked.
    pub insecure: bool,
    /// Certificates (PEM) that are trusted besides the system's: those of CAs, and those that a server itself shows. They
    /// are ignored when `insecure`.
    pub extra_roots: Vec<Vec<u8>>,
    /// Which addresses may be asked.
    pub egress: Egress,
    /// Whether `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` count.
    pub system_proxy: bool,
    /// The URL of the proxy for every request (http, https, socks5 or socks5h; it may hold user and password). Then the
    /// environment does not count, `NO_PROXY` included.
    pub proxy: Option<Secret>,
    /// A certificate chain and its private key (PEM, in one text), for servers that ask who connects.
    pub client_identity: Option<Secret>,
    /// The longest that connecting takes: looking up the name, TCP, the proxy and TLS.
    pub connect_timeout: Duration,
    /// The longest silence of a server: until its answer begins, and between two parts of it.
    pub read_timeout: Duration,
    /// The longest that one request takes in all, redirects and body included. A request may set its own.
    pub total_timeout: Duration,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            insecure: false,
            extra_roots: Vec::new(),
            egress: Egress::Public,
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
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// A PEM text without a usable certificate.
    #[error("it holds no certificate that can be read (PEM is expected)")]
    NoCertificate,
    /// A proxy that is no URL, or of a kind that is not known.
    #[error(
        "the proxy is not a URL of scheme http, https, socks5 or socks5h without path (example: http://proxy.example.com:3128)"
    )]
    Proxy,
    /// No certificate among those that we should show.
    #[error("the client certificate cannot be read (a chain in PEM is expected, our own certificate first)")]
    ClientCertificate,
    /// No private key for it.
    #[error("the client key cannot be read (PEM is expected: PKCS#8, SEC1 or PKCS#1, not encrypted)")]
    ClientKey,
    /// The key is another certificate's.
    #[error("the client key does not belong to the client certificate (our own certificate has to come first)")]
    ClientKeyMismatch,
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}
