//! Signatures of images, as cosign makes them with a key pair.
//!
//! Owns what a public key is, where signatures lie, what they are made over, and when one counts: it must name the very
//! digest that is about to be deployed, and be made by one of the given keys. Certificates (keyless signing) and
//! transparency logs are not looked at. Pure: `registry::cosign` fetches what a [`SignatureSearch`] asks for.
//!
//! Formats: Sigstore bundle 0.3 around a DSSE envelope, in-toto statement 1, and the simple signing payload of
//! `containers/image`. Read [`SignatureSearch`] for where is looked, `signed` for what is signed, [`PublicKey`] for
//! keys, [`SignaturePolicy`] for what a resource demands.

use std::fmt;

mod base64_text;
mod format;
mod key;
mod pem;
mod policy;
#[cfg(test)]
pub(crate) mod samples;
mod search;
mod signed;
#[cfg(test)]
mod tests;

pub use key::{InvalidKey, KeyId, KeyProblem, PublicKey};
pub use pem::Damage;
pub use policy::{InvalidPolicy, KeyField, KeyRef, OnUnverified, SignaturePolicy};
pub use search::{Answer, Fetch, Searched, SignatureSearch, Step};

/// What came out about one image and some keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verification {
    /// It is signed. This stays true for this digest and this key.
    Verified {
        /// The key that made the signature.
        key: KeyId,
    },
    /// Everything was read, and none of the keys has signed it. It may be signed later.
    Unverified(Unverified),
}

/// What was seen instead of a signature by one of the keys. Prints as the end of a sentence about the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unverified {
    /// Signatures over this image that none of the keys made.
    pub by_others: usize,
    /// Signed things that lie with this image, but name another.
    pub of_others: usize,
    /// What cannot be read, or is not there although it is listed.
    pub unusable: usize,
    /// There was more than is looked at for one image.
    pub limited: bool,
}

impl fmt::Display for Unverified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self { by_others: 1, .. } => f.write_str("its one signature was made by another key")?,
            Self { by_others: 2.., .. } => write!(f, "its {} signatures were made by other keys", self.by_others)?,
            Self { of_others: 1.., .. } => f.write_str("the signatures that lie with it are for another image")?,
            Self { unusable: 1.., .. } => f.write_str("what lies in the place of its signatures cannot be used")?,
            _ => f.write_str("it is not signed")?,
        }
        if self.limited {
            f.write_str("; there is more than is looked at for one image")?;
        }
        Ok(())
    }
}
