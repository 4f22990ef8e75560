//! Why an image does not change: one closed set of reasons.

use std::fmt;

use jiff::Timestamp;

/// Defines the closed set once: the enum, the list of all, and the words of the generated documentation.
macro_rules! reasons {
    ($($name:ident, $attention:literal, $words:literal;)+) => {
        /// Why an image (or a whole application) does not change. Also the reason of events and conditions.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
        pub enum Reason {
            $(#[doc = $words] $name,)+
        }

        impl Reason {
            /// All reasons, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// What it means, in one sentence.
            pub fn words(self) -> &'static str {
                match self { $(Self::$name => $words),+ }
            }

            /// Whether a person has to do something about it (it is reported as an error), or it is the normal state
            /// of things.
            pub fn needs_attention(self) -> bool {
                match self { $(Self::$name => $attention),+ }
            }
        }
    };
}

reasons! {
    UpToDate, false, "The chosen tag is running or already written.";
    NotLive, false, "Argo CD does not report the image as running in this application.";
    NoTagMatches, false, "No tag passes the filters and the constraint.";
    WouldDowngrade, false, "A tag that runs or is written ranks higher than the pick, also when the registry does not list it any more.";
    TooYoung, false, "The best tags are younger than minimumAge.";
    Reverted, true, "What was written was taken back twice by somebody else.";
    NotVerified, true, "None of the wanted keys has signed the picked image.";
    KeyUnavailable, true, "A public key that imagesVerification names is not there.";
    MetadataUnavailable, true, "What has to be known about a tag could not be read.";
    ListIncomplete, true, "The tag list could not be read to its end.";
    RegistryUnavailable, true, "The registry does not answer, or not as a registry does.";
    RateLimited, true, "The registry asked to wait, or the pulls that it still allows are left to the cluster.";
    Unauthorized, true, "The registry refused the credentials, or the lack of them.";
    RepositoryNotFound, true, "The registry says that the repository does not exist.";
    InvalidConstraint, true, "The version constraint cannot be read.";
    InvalidPattern, true, "A pattern or label selector cannot be read.";
    InvalidSetting, true, "Another setting cannot be read.";
    CredentialsUnavailable, true, "The credentials cannot be read, or may not be used here.";
    Conflict, true, "Another image, or another resource, owns the place that this one would write.";
    UnsupportedSource, true, "The application has no source of a supported type.";
    UnsupportedSetting, true, "A setting that this version does not implement is set.";
    TargetUnusable, true, "The place that should be written cannot be written.";
    WriteFailed, true, "Writing failed.";
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
    /// When it is worth looking again, where that is known: a registry said how long it wants to be left alone.
    pub again: Option<Timestamp>,
}

impl Verdict {
    /// A verdict for `reason`.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            again: None,
        }
    }

    /// The same, worth another look at this time.
    #[must_use]
    pub fn with_another_look(self, again: Option<Timestamp>) -> Self {
        Self { again, ..self }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.message)
    }
}
