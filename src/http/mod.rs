//! The one place where HTTP clients are built: TLS, proxy, redirects, time limits, and which addresses are asked.
//!
//! A leaf for `registry`, `git`, identities and, later, forges. It knows nothing of what is asked. Credentials are never
//! part of a client: they are set per request, and a redirect to another origin drops them. A [`Client`] is the only way
//! out: it checks every URL that it is given or redirected to, and every address that a name stands for ([`egress`]).

mod client;
pub mod egress;
mod error;
mod form;
mod proxy;
mod redirect;
mod resolver;
mod settings;
mod tls;

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "the edge: these are servers, and a process with an environment"
)]
mod tests;

pub use client::{Client, RequestBuilder, client};
pub use egress::Egress;
pub use error::{RequestError, reason};
pub use form::{form, once};
pub use settings::{ClientError, ClientSettings};
pub use tls::use_ring;

/// How this program names itself to servers.
pub const USER_AGENT: &str = concat!("argocd-image-updater/", env!("CARGO_PKG_VERSION"));
