//! The mark of a candidate that may be written: it passed, or needed no, signature check.
//!
//! The mark is only given here, so that nothing becomes an [`ImageChange`](super::ImageChange) on another way: by
//! [`Picked::new`] to an image without a policy, by [`Verified::signed`] to one whose signatures were checked.

use crate::core::{
    image::Digest,
    select::Candidate,
    signature::{SignaturePolicy, Unverified, Verification},
};

/// A value whose signatures were checked as far as a policy demands it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified<T>(T);

/// What was picked for an image: it may be written, or its signatures have to be checked first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Picked {
    /// It may be written.
    Verified(Verified<Candidate>),
    /// It may not be written. That it runs, or is written already, can be said all the same.
    Unchecked(Candidate),
}

impl Picked {
    /// A fresh pick for an image with this policy. Without one nothing has to be checked.
    pub fn new(candidate: Candidate, policy: Option<&SignaturePolicy>) -> Self {
        match policy {
            None => Self::Verified(Verified(candidate)),
            Some(_) => Self::Unchecked(candidate),
        }
    }

    /// What was picked, checked or not.
    pub fn candidate(&self) -> &Candidate {
        match self {
            Self::Verified(Verified(candidate)) | Self::Unchecked(candidate) => candidate,
        }
    }
}

impl From<Verified<Candidate>> for Picked {
    fn from(candidate: Verified<Candidate>) -> Self {
        Self::Verified(candidate)
    }
}

/// Why a candidate gets no mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotSigned {
    /// It was looked at, and is not signed as it has to be.
    #[error("{0}")]
    Unverified(Unverified),
    /// Another image was looked at than the one that would be written.
    #[error("its signatures were read for {checked}, but {written} would be written")]
    OtherDigest {
        /// What was looked at.
        checked: Digest,
        /// What would be written.
        written: Digest,
    },
}

impl Verified<Candidate> {
    /// Marks a candidate for which `digest`, the manifest or index behind its tag, was checked. Where a digest is
    /// written behind the tag, it has to be the same.
    pub fn signed(candidate: Candidate, digest: Digest, verification: Verification) -> Result<Self, NotSigned> {
        match (verification, candidate.digest) {
            (Verification::Unverified(unverified), _) => Err(NotSigned::Unverified(unverified)),
            (Verification::Verified { .. }, Some(written)) if written != digest => Err(NotSigned::OtherDigest {
                checked: digest,
                written,
            }),
            (Verification::Verified { key: _ }, _) => Ok(Self(candidate)),
        }
    }
}

impl<T> Verified<T> {
    /// The value.
    pub fn get(&self) -> &T {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{
        image::TagName,
        signature::{KeyRef, OnUnverified, samples},
    };

    fn candidate(digest: Option<Digest>) -> Candidate {
        Candidate {
            tag: TagName::new("1.0").unwrap(),
            digest,
            facts: None,
            note: None,
        }
    }

    #[test]
    fn only_an_image_without_a_policy_is_free_of_a_check() {
        let policy = SignaturePolicy {
            keys: vec![KeyRef {
                secret_name: "s".to_owned(),
                key: "k".to_owned(),
            }],
            on_unverified: OnUnverified::Block,
        };
        assert!(matches!(Picked::new(candidate(None), None), Picked::Verified(_)));
        let picked = Picked::new(candidate(None), Some(&policy));
        assert_eq!(picked, Picked::Unchecked(candidate(None)));
        assert_eq!(picked.candidate(), &candidate(None));
    }

    #[test]
    fn a_mark_needs_a_signature_of_the_very_digest_that_is_written() {
        let (checked, other) = (Digest::of(b"checked"), Digest::of(b"other"));
        let signed = Verification::Verified {
            key: samples::Signer::new(1).key().id(),
        };
        let unsigned = Verification::Unverified(Unverified::default());
        for (written, verification, expected) in [
            (None, signed, Ok(())),
            (Some(checked), signed, Ok(())),
            (
                Some(other),
                signed,
                Err(NotSigned::OtherDigest {
                    checked,
                    written: other,
                }),
            ),
            (None, unsigned, Err(NotSigned::Unverified(Unverified::default()))),
            (
                Some(checked),
                unsigned,
                Err(NotSigned::Unverified(Unverified::default())),
            ),
        ] {
            let marked = Verified::signed(candidate(written), checked, verification);
            assert_eq!(marked.map(|_| ()), expected, "{written:?} {verification:?}");
        }
    }
}
