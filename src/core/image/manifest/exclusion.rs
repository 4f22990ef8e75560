//! Why a tag is no candidate, or cannot be judged now.

use crate::core::{foreign::ForeignText, image::Digest};

/// What makes a tag no candidate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Exclusion {
    /// The tag was listed, but has no manifest (any more).
    #[error("the registry has no manifest for it")]
    Gone,
    /// A manifest or config that it needs is not there.
    #[error("the registry does not have {digest}, which it refers to")]
    PartMissing {
        /// What is missing.
        digest: Digest,
    },
    /// Docker's old manifest format.
    #[error("it has a Docker schema 1 manifest, which is not supported; push it again with a current tool")]
    Schema1,
    /// An index without entries.
    #[error("it is an index without images")]
    EmptyIndex,
    /// No image for a wanted platform is behind it.
    #[error("it has no image for {wanted}")]
    NoWantedPlatform {
        /// The wanted platforms.
        wanted: String,
    },
    /// Something else than a container image.
    #[error("it is not a container image: {why}")]
    NotAnImage {
        /// What was seen.
        why: ForeignText,
    },
    /// Only the header of the answer says that it is something else than a container image. The digest does not cover the
    /// header, so this is no fact about the bytes.
    #[error("the registry says that it is not a container image: its type is {media_type}")]
    Labelled {
        /// The `Content-Type`.
        media_type: ForeignText,
    },
    /// More manifests than are read for one tag, or indexes nested too deep.
    #[error("it refers to too many manifests, or nests them too deep")]
    TooLarge,
}

/// An answer that says nothing about the tag; asking again may help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// The `Content-Type` is none that was asked for.
    #[error("the answer has the content type {0:?} instead of a manifest's")]
    MediaType(ForeignText),
    /// The bytes are something else than what the `Content-Type` says.
    #[error("the answer has the content type {header:?}, but its own words are those of {body}")]
    OtherType {
        /// What the header says.
        header: ForeignText,
        /// What the bytes say.
        body: ForeignText,
    },
    /// The bytes are no JSON.
    #[error("{what} is not JSON, or was cut off")]
    NotJson {
        /// What should have been read.
        what: &'static str,
    },
}
