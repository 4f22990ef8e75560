//! The one place that speaks to container registries: polite, complete, safe.
//!
//! It follows the OCI distribution specification and Docker's token specification. What a tag means is decided in `core`;
//! here questions are asked, and an answer is complete or an error. Credentials come in as values; the engine reads the
//! Secrets that they lie in.
//!
//! Read [`Session`] for "one question once", `cache` for what is kept after it, `client` for one request and `answer` for who may say what in return, `limiter` for
//! rates and for what happens after a 429, `quota` for pulls that are counted, `breaker` for registries that do not answer,
//! `auth` for who is told which credentials, `tags` for paging, `metadata` for manifests and `cosign` for signatures.

mod answer;
mod auth;
mod backoff;
mod breaker;
mod cache;
pub mod challenge;
mod check;
mod client;
mod connection;
mod cosign;
mod counts;
pub mod credentials;
mod error;
mod files;
mod health;
mod hidden;
mod limiter;
pub mod link;
mod metadata;
mod options;
mod pool;
mod quota;
mod refresh;
mod reload;
mod retry_after;
mod session;
mod tags;
#[cfg(test)]
mod tests;
mod token;

pub use cache::{CacheError, Keeper};
pub use check::Login;
pub use counts::RegistryRequests;
pub use credentials::{Credentials, CredentialsIdentity};
pub use error::RegistryError;
pub use options::Options;
pub use pool::Registries;
pub use reload::{LOOK_EVERY, Look, RegistriesChanges, RegistriesFile, ReloadError};
pub use session::{Freshness, Known, RepoKey, Session};
