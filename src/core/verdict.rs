//! Why an image does not change: one closed set of reasons.

use std::fmt;

/// Why an image (or a whole application) does not change. Also the reason of events and conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
pub enum Reason {
    /// The chosen tag is running or already written.
    UpToDate,
    /// Argo CD does not report the image as running in this application.
    NotLive,
    /// No tag passes the filters and the constraint.
    NoTagMatches,
    /// The running tag ranks higher than the pick.
    WouldDowngrade,
    /// What has to be known about a tag could not be read.
    MetadataUnavailable,
    /// The tag list could not be read to its end.
    ListIncomplete,
    /// The registry does not answer, or not as a registry does.
    RegistryUnavailable,
    /// The registry asked to wait.
    RateLimited,
    /// The registry refused the credentials, or the lack of them.
    Unauthorized,
    /// The registry says that the repository does not exist.
    RepositoryNotFound,
    /// The version constraint cannot be read.
    InvalidConstraint,
    /// A pattern or label selector cannot be read.
    InvalidPattern,
    /// Another setting cannot be read.
    InvalidSetting,
    /// The credentials cannot be read, or may not be used here.
    CredentialsUnavailable,
    /// Another resource owns what this one would write.
    Conflict,
    /// The application has no source of a supported type.
    UnsupportedSource,
    /// A setting that this version does not implement is set.
    UnsupportedSetting,
    /// The place that should be written cannot be written.
    TargetUnusable,
    /// Writing failed.
    WriteFailed,
}

impl Reason {
    /// Whether a person has to do something about it (it is reported as an error), or it is the normal state of things.
    pub fn needs_attention(self) -> bool {
        !matches!(
            self,
            Self::UpToDate | Self::NotLive | Self::NoTagMatches | Self::WouldDowngrade
        )
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// A reason with what it is about, in words for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The reason.
    pub reason: Reason,
    /// A sentence for a person: what was seen, and the way out where there is one.
    pub message: String,
}

impl Verdict {
    /// A verdict for `reason`.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.message)
    }
}
