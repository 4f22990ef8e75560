//! What a cloud gives to this process: credentials for its registries, without a script and without a Secret. And what
//! GitHub gives to an App: tokens for git.
//!
//! A leaf. The documented token exchanges of the vendors are spoken over [`crate::http`]; their own crates would weigh more
//! than all the rest. Nothing is read, built or asked before the first [`Identities::login`]. Only this module may ask
//! metadata addresses.
//!
//! A login is kept until shortly before it expires, shared by all who ask for it, and a failure is remembered for a
//! moment, so that many images make one exchange. `hosts` says which hosts are a vendor's own.

use std::{sync::Arc, time::Duration};

use url::Url;

use crate::{
    core::{foreign::ForeignText, resolve::credential_ref::Vendor},
    secret::Secret,
};

mod aws;
mod azure;
mod environment;
mod gcp;
mod github_app;
mod hosts;
mod kept;
mod rs256;
mod transport;

pub use environment::Environment;
pub use github_app::{GitHubApp, GitHubApps};
pub use hosts::vendor_of;
use kept::{Given, Kept};
use transport::Transport;

/// User and password for a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The user.
    pub username: String,
    /// The password; it changes within hours.
    pub password: Secret,
    /// Whose they are: vendor, place and principal. It stays while the password changes.
    pub source: String,
}

/// Which hosts may be told a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// The vendor's own registries only: somebody else than the operator chose the host.
    OwnHosts,
    /// Every host: the operator named it.
    AnyHost,
}

/// Why there is no login.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The host is not a registry of the vendor.
    #[error(
        "{vendor} credentials go only to the registries of that vendor over https, and {host} is none; an entry of \
         registries.conf may name it"
    )]
    ForeignHost {
        /// The vendor.
        vendor: &'static str,
        /// The host.
        host: ForeignText,
    },
    /// No source of identities is there.
    #[error("{vendor}: this process has no identity. Tried: {tried}. {remedy}")]
    NoIdentity {
        /// The vendor.
        vendor: &'static str,
        /// Each source and what is missing there.
        tried: String,
        /// What to set.
        remedy: &'static str,
    },
    /// A source is there and failed.
    #[error("{vendor}: {step}: {reason}")]
    Failed {
        /// The vendor.
        vendor: &'static str,
        /// The source or exchange, with the names of its settings.
        step: String,
        /// What happened.
        reason: ForeignText,
    },
}

impl IdentityError {
    fn failed(vendor: Vendor, step: impl Into<String>, reason: &str) -> Self {
        Self::Failed {
            vendor: vendor.as_str(),
            step: step.into(),
            reason: ForeignText::new(reason),
        }
    }
}

/// The identities of this process. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Identities {
    inner: Arc<Inner>,
}

struct Inner {
    environment: Environment,
    transport: Transport,
    logins: Kept<(Vendor, String)>,
}

impl Default for Identities {
    fn default() -> Self {
        Self::new(Environment::of_this_process())
    }
}

impl Identities {
    /// The identities that `environment` names. Nothing is read yet.
    pub fn new(environment: Environment) -> Self {
        Self {
            inner: Arc::new(Inner {
                environment,
                transport: Transport::default(),
                logins: Kept::new(Duration::ZERO),
            }),
        }
    }

    /// Whether variables name an identity of `vendor`. Nothing is asked, so one that only a metadata service knows is not
    /// seen.
    pub fn is_named(&self, vendor: Vendor) -> bool {
        let environment = &self.inner.environment;
        match vendor {
            Vendor::Aws => aws::is_named(environment),
            Vendor::Gcp => gcp::is_named(environment),
            Vendor::Azure => azure::is_named(environment),
        }
    }

    /// A login for the registry at `api_url`. One whose password was `refused` there is replaced.
    pub async fn login(
        &self,
        vendor: Vendor,
        api_url: &str,
        trust: Trust,
        refused: Option<&Secret>,
    ) -> Result<Login, IdentityError> {
        let foreign = || IdentityError::ForeignHost {
            vendor: vendor.as_str(),
            host: ForeignText::new(api_url),
        };
        let api = Url::parse(api_url).map_err(|_| foreign())?;
        if trust == Trust::OwnHosts && hosts::vendor_of_url(&api) != Some(vendor) {
            return Err(foreign());
        }
        let target = match vendor {
            Vendor::Aws => Target::Aws(aws::Endpoint::of(&api, &self.inner.environment)?),
            Vendor::Gcp => Target::Gcp,
            Vendor::Azure => Target::Azure(azure::registry(&api)?),
        };
        let ask = Box::pin(self.ask(&target));
        self.inner.logins.login((vendor, target.key()), refused, ask).await
    }

    async fn ask(&self, target: &Target) -> Result<Given, IdentityError> {
        let Inner {
            environment, transport, ..
        } = &*self.inner;
        match target {
            Target::Aws(endpoint) => aws::login(endpoint, environment, transport).await,
            Target::Gcp => gcp::login(environment, transport).await,
            Target::Azure(registry) => azure::login(registry, environment, transport).await,
        }
    }
}

/// What a login is for: all registries of one target share it.
enum Target {
    Aws(aws::Endpoint),
    Gcp,
    Azure(azure::Registry),
}

impl Target {
    fn key(&self) -> String {
        match self {
            Self::Aws(endpoint) => endpoint.key(),
            Self::Gcp => String::new(),
            Self::Azure(registry) => registry.key(),
        }
    }
}
