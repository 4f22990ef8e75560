//! Why a registry's answer cannot be used.

use std::time::Duration;

use jiff::Timestamp;

use crate::core::{
    disposition::Disposition,
    foreign::ForeignText,
    verdict::{Reason, Verdict},
};

/// Why a question to a registry has no answer. `registry` is its name for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// A setting of the registry cannot be used.
    #[error("registry {registry}: `{key}`: {reason}")]
    InvalidSetting {
        /// The registry.
        registry: String,
        /// The key in `registries.conf`.
        key: &'static str,
        /// What is wrong with it.
        reason: ForeignText,
    },
    /// A repository name that no registry can have.
    #[error("registry {registry}: {repository:?} is not a repository name")]
    InvalidRepository {
        /// The registry.
        registry: String,
        /// The name.
        repository: ForeignText,
    },
    /// It does not answer, or not as a registry does.
    #[error("registry {registry} is not available: {reason}")]
    Unavailable {
        /// The registry.
        registry: String,
        /// What was seen.
        reason: ForeignText,
    },
    /// It did not answer lately. Nobody asks it anything before then, when it is tried once more.
    #[error("registry {registry} is not available: {reason}; it is left alone until {until}")]
    LeftAlone {
        /// The registry.
        registry: String,
        /// What was seen last.
        reason: ForeignText,
        /// When it is tried again.
        until: Timestamp,
    },
    /// It asked to wait. Nobody asks it anything before then.
    #[error("registry {registry} asks to wait until {until}")]
    RateLimited {
        /// The registry.
        registry: String,
        /// When it may be asked again.
        until: Timestamp,
        /// How long that was when this was found.
        wait: Duration,
    },
    /// It counts pulls, and only those are left that the cluster itself may need.
    #[error(
        "registry {registry} allows {limit} pulls, of which the last tenth is left to the cluster; the next manifest is \
         read at {until} (credentials, or better ones, may allow more)"
    )]
    QuotaReserved {
        /// The registry.
        registry: String,
        /// How many pulls it allows in all.
        limit: u64,
        /// When there should be one more.
        until: Timestamp,
        /// How long that was when this was found.
        wait: Duration,
    },
    /// It refuses the credentials, or the lack of them.
    #[error("registry {registry} refuses to let us read {repository}: {reason}")]
    Unauthorized {
        /// The registry.
        registry: String,
        /// The repository.
        repository: String,
        /// What it says, and whether credentials were sent.
        reason: ForeignText,
    },
    /// It knows who asks, and forbids it (403). For a tag list that is the same as `Unauthorized`.
    #[error("registry {registry} forbids to read {repository}: {reason}")]
    Forbidden {
        /// The registry.
        registry: String,
        /// The repository.
        repository: String,
        /// What it says, and whether credentials were sent.
        reason: ForeignText,
    },
    /// It does not show this tag (403, 412 or 451), whatever it says about others: a scanner or a lawyer may forbid it.
    #[error("registry {registry} does not show {subject} of {repository}: {reason}")]
    TagRefused {
        /// The registry.
        registry: String,
        /// The repository.
        repository: String,
        /// The tag.
        subject: String,
        /// What it says.
        reason: ForeignText,
    },
    /// It says that the repository does not exist.
    #[error("registry {registry} has no repository {repository}")]
    RepositoryNotFound {
        /// The registry.
        registry: String,
        /// The repository.
        repository: String,
    },
    /// The tag list could not be read to its end.
    #[error("the tag list of {repository} in registry {registry} is incomplete: {reason}")]
    ListIncomplete {
        /// The registry.
        registry: String,
        /// The repository.
        repository: String,
        /// What was seen.
        reason: ForeignText,
    },
    /// What is behind a tag could not be read.
    #[error("{subject} of {repository} in registry {registry} could not be read: {reason}")]
    MetadataUnavailable {
        /// The registry.
        registry: String,
        /// The repository.
        repository: String,
        /// The tag or digest.
        subject: String,
        /// What was seen.
        reason: ForeignText,
    },
}

impl RegistryError {
    /// The verdict for every image that needed the answer.
    pub fn verdict(&self) -> Verdict {
        let reason = match self {
            Self::InvalidSetting { .. } | Self::InvalidRepository { .. } => Reason::InvalidSetting,
            Self::Unavailable { .. } | Self::LeftAlone { .. } => Reason::RegistryUnavailable,
            Self::RateLimited { .. } | Self::QuotaReserved { .. } => Reason::RateLimited,
            Self::Unauthorized { .. } | Self::Forbidden { .. } => Reason::Unauthorized,
            Self::RepositoryNotFound { .. } => Reason::RepositoryNotFound,
            Self::ListIncomplete { .. } => Reason::ListIncomplete,
            Self::MetadataUnavailable { .. } | Self::TagRefused { .. } => Reason::MetadataUnavailable,
        };
        Verdict::new(reason, self.to_string()).with_another_look(self.until())
    }

    /// Until when the registry is not to be asked, where it said so.
    fn until(&self) -> Option<Timestamp> {
        match self {
            Self::RateLimited { until, .. } | Self::QuotaReserved { until, .. } => Some(*until),
            _ => None,
        }
    }

    /// Whether other credentials may help.
    pub fn is_unauthorized(&self) -> bool {
        matches!(self, Self::Unauthorized { .. } | Self::Forbidden { .. })
    }

    /// What to do about it.
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::InvalidSetting { .. } | Self::InvalidRepository { .. } => Disposition::Stalled,
            Self::RateLimited { wait, .. } | Self::QuotaReserved { wait, .. } => Disposition::RateLimited(*wait),
            Self::Unauthorized { .. }
            | Self::Forbidden { .. }
            | Self::TagRefused { .. }
            | Self::RepositoryNotFound { .. } => Disposition::BackOff,
            Self::Unavailable { .. }
            | Self::LeftAlone { .. }
            | Self::ListIncomplete { .. }
            | Self::MetadataUnavailable { .. } => Disposition::Retry,
        }
    }
}
