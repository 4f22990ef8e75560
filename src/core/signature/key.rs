//! Public keys: read and proved before anything is checked with them.

use std::fmt;

use p256::{
    ecdsa::signature::hazmat::PrehashVerifier as _,
    pkcs8::{ObjectIdentifier, der::Decode as _, spki::SubjectPublicKeyInfoRef},
};

use super::{
    pem::{self, Damage},
    signed::Signed,
};
use crate::core::{foreign::ForeignText, image::Digest};

/// The longest text with keys that is read.
const MAX_TEXT: usize = 1 << 20;
/// The most keys in one text.
const MAX_KEYS: usize = 100;

const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
/// For the messages only.
const OTHERS: [(&str, &str); 4] = [
    ("1.2.840.113549.1.1.1", "RSA"),
    ("1.3.101.112", "Ed25519"),
    ("1.3.132.0.33", "P-224"),
    ("1.3.132.0.10", "secp256k1"),
];

/// A public key that may have signed an image: ECDSA on P-256, P-384 or P-521, its point proved to be on the curve.
#[derive(Clone)]
pub struct PublicKey {
    id: KeyId,
    curve: Curve,
}

/// Names a public key: the SHA-256 digest of its PKIX form. `openssl pkey -pubin -outform der | sha256sum` prints the
/// same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(Digest);

#[derive(Clone)]
enum Curve {
    P256(Box<p256::ecdsa::VerifyingKey>),
    P384(Box<p384::ecdsa::VerifyingKey>),
    P521(Box<p521::ecdsa::VerifyingKey>),
}

/// Why a text holds no usable keys. It names the block by its number, never its content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// There is nothing like a key in it.
    #[error("it holds no PEM block; give the file that `cosign generate-key-pair` calls cosign.pub")]
    NoKey,
    /// More text, or more keys, than are read.
    #[error("it is longer than 1 MiB, or holds more than {MAX_KEYS} PEM blocks")]
    TooLarge,
    /// One of the blocks cannot be used; then none is.
    #[error("PEM block {number} ({label}): {problem}")]
    Block {
        /// Its place in the text, from 1.
        number: usize,
        /// Its label.
        label: ForeignText,
        /// What is wrong with it.
        problem: KeyProblem,
    },
}

/// What is wrong with one PEM block.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    /// It is cut off or garbled.
    #[error("{0}")]
    Damaged(Damage),
    /// A private key has no business here.
    #[error("it is a private key; only the public key is wanted here (`cosign public-key --key cosign.key` prints it)")]
    Private,
    /// A certificate.
    #[error("it is a certificate; give the public key alone (`openssl x509 -pubkey -noout` prints it)")]
    Certificate,
    /// Not a `SubjectPublicKeyInfo` (RFC 5280).
    #[error("it is not a public key in PKIX form (BEGIN PUBLIC KEY)")]
    NotPkix,
    /// A kind of key, or a curve, that is not supported.
    #[error("{0} keys are not supported; use an ECDSA key on P-256, P-384 or P-521")]
    Unsupported(String),
    /// The numbers in it are no point of its curve.
    #[error("it is damaged: its point is not on the curve")]
    NotOnCurve,
}

impl PublicKey {
    /// All keys of a text of PEM blocks; each of them may have signed. One unusable block spoils the text: whoever
    /// wrote it meant all of them.
    pub fn parse_all(text: &[u8]) -> Result<Vec<Self>, InvalidKey> {
        if text.len() > MAX_TEXT {
            return Err(InvalidKey::TooLarge);
        }
        let text = String::from_utf8_lossy(text);
        let blocks = pem::blocks(&text);
        match blocks.len() {
            0 => return Err(InvalidKey::NoKey),
            1..=MAX_KEYS => {}
            _ => return Err(InvalidKey::TooLarge),
        }
        let mut keys: Vec<Self> = Vec::with_capacity(blocks.len());
        for (at, block) in blocks.into_iter().enumerate() {
            let label = ForeignText::new(block.label);
            let key = Self::of_block(block).map_err(|problem| InvalidKey::Block {
                number: at + 1,
                label,
                problem,
            })?;
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        Ok(keys)
    }

    /// Its name in results and messages.
    pub fn id(&self) -> KeyId {
        self.id
    }

    fn of_block(block: pem::Block<'_>) -> Result<Self, KeyProblem> {
        if block.label.ends_with("PRIVATE KEY") {
            return Err(KeyProblem::Private);
        }
        if block.label.ends_with("CERTIFICATE") {
            return Err(KeyProblem::Certificate);
        }
        Self::of_pkix(&block.content.map_err(KeyProblem::Damaged)?)
    }

    /// A `SubjectPublicKeyInfo` (RFC 5280, RFC 5480). The label of its block does not matter.
    fn of_pkix(der: &[u8]) -> Result<Self, KeyProblem> {
        let info = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| KeyProblem::NotPkix)?;
        if info.algorithm.oid != EC {
            return Err(KeyProblem::Unsupported(name(info.algorithm.oid)));
        }
        let curve = info.algorithm.parameters_oid().map_err(|_| KeyProblem::NotPkix)?;
        let point = info.subject_public_key.as_bytes().ok_or(KeyProblem::NotPkix)?;
        let read = match curve {
            P256 => p256::ecdsa::VerifyingKey::from_sec1_bytes(point).map(|key| Curve::P256(Box::new(key))),
            P384 => p384::ecdsa::VerifyingKey::from_sec1_bytes(point).map(|key| Curve::P384(Box::new(key))),
            P521 => p521::ecdsa::VerifyingKey::from_sec1_bytes(point).map(|key| Curve::P521(Box::new(key))),
            other => return Err(KeyProblem::Unsupported(format!("ECDSA {}", name(other)))),
        };
        Ok(Self {
            id: KeyId(Digest::of(der)),
            curve: read.map_err(|_| KeyProblem::NotOnCurve)?,
        })
    }

    /// Whether this key made the signature.
    pub(super) fn made(&self, signed: &Signed) -> bool {
        let der = signed.signature.as_slice();
        let hashes = &signed.hashes;
        match &self.curve {
            Curve::P256(key) => p256::ecdsa::Signature::from_der(der)
                .is_ok_and(|signature| key.verify_prehash(&hashes.sha256, &signature).is_ok()),
            Curve::P384(key) => p384::ecdsa::Signature::from_der(der).is_ok_and(|signature| {
                let fits = |hash: &[u8]| key.verify_prehash(hash, &signature).is_ok();
                fits(&hashes.sha256) || fits(&hashes.sha384)
            }),
            Curve::P521(key) => p521::ecdsa::Signature::from_der(der).is_ok_and(|signature| {
                // The crate refuses hashes shorter than half of the field; zeros in front do not change the number.
                let mut padded = [0; 66];
                padded[66 - 32..].copy_from_slice(&hashes.sha256);
                let fits = |hash: &[u8]| key.verify_prehash(hash, &signature).is_ok();
                fits(&padded) || fits(&hashes.sha512)
            }),
        }
    }
}

/// A name that people know, else the number of the object identifier.
fn name(oid: ObjectIdentifier) -> String {
    let number = oid.to_string();
    let known = OTHERS.iter().find(|(known, _)| *known == number);
    known.map_or(number, |(_, name)| (*name).to_owned())
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.id)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
