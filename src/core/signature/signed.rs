//! Signatures, and what they were made over: bound to one image before a key is even looked at.
//!
//! Two forms carry them. A Sigstore bundle (`application/vnd.dev.sigstore.bundle.v0.3+json`) holds a DSSE envelope;
//! what is signed is its pre-authentication encoding. A simple signing layer holds the signature in an annotation; what
//! is signed is the blob. In both the payload says which image is meant: an in-toto statement by its subjects, anything
//! else as a simple signing payload does.

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::base64_text;
use crate::core::image::Digest;

/// The most signatures of one envelope that are looked at.
const MAX_SIGNATURES: usize = 50;

/// A signature over something that names the wanted image. Who made it is open.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Signed {
    /// ASN.1, as received.
    pub(super) signature: Vec<u8>,
    /// Of the signed bytes.
    pub(super) hashes: Hashes,
}

/// What a signature may have been made over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Hashes {
    pub(super) sha256: [u8; 32],
    pub(super) sha384: [u8; 48],
    pub(super) sha512: [u8; 64],
}

/// Why there is no signature of the wanted image in a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Useless {
    /// It names another image, or none.
    OtherImage,
    /// It is malformed, or without a signature.
    Malformed,
}

#[derive(Deserialize)]
struct Bundle {
    #[serde(rename = "dsseEnvelope")]
    envelope: Option<Envelope>,
}

/// DSSE, "Envelope".
#[derive(Deserialize)]
struct Envelope {
    payload: Option<String>,
    #[serde(rename = "payloadType")]
    payload_type: Option<String>,
    signatures: Option<Vec<EnvelopeSignature>>,
}

#[derive(Deserialize)]
struct EnvelopeSignature {
    sig: Option<String>,
}

/// The signatures of a bundle.
pub(super) fn of_bundle(blob: &[u8], image: Digest) -> Result<Vec<Signed>, Useless> {
    let bundle: Bundle = serde_json::from_slice(blob).map_err(|_| Useless::Malformed)?;
    let envelope = bundle.envelope.ok_or(Useless::Malformed)?;
    let payload = base64_text::decode(&envelope.payload.unwrap_or_default()).map_err(|_| Useless::Malformed)?;
    bind(&payload, image)?;
    let hashes = Hashes::of_envelope(&envelope.payload_type.unwrap_or_default(), &payload);
    let signatures = envelope.signatures.unwrap_or_default();
    let signed: Vec<_> = signatures
        .into_iter()
        .take(MAX_SIGNATURES)
        .filter_map(|signature| Signed::new(&signature.sig?, hashes))
        .collect();
    if signed.is_empty() {
        return Err(Useless::Malformed);
    }
    Ok(signed)
}

/// The signatures over a simple signing payload; they stand in annotations.
pub(super) fn of_simple_signing(blob: &[u8], annotations: &[String], image: Digest) -> Result<Vec<Signed>, Useless> {
    bind(blob, image)?;
    let hashes = Hashes::of([blob]);
    let signed: Vec<_> = annotations
        .iter()
        .filter_map(|signature| Signed::new(signature, hashes))
        .collect();
    if signed.is_empty() {
        return Err(Useless::Malformed);
    }
    Ok(signed)
}

impl Signed {
    fn new(text: &str, hashes: Hashes) -> Option<Self> {
        let signature = base64_text::decode(text).ok()?;
        (!signature.is_empty()).then_some(Self { signature, hashes })
    }
}

impl Hashes {
    pub(super) fn of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let (mut sha256, mut sha384, mut sha512) = (Sha256::new(), Sha384::new(), Sha512::new());
        for part in parts {
            sha256.update(part);
            sha384.update(part);
            sha512.update(part);
        }
        Self {
            sha256: sha256.finalize().into(),
            sha384: sha384.finalize().into(),
            sha512: sha512.finalize().into(),
        }
    }

    /// DSSE, "Protocol": `"DSSEv1" SP LEN(type) SP type SP LEN(payload) SP payload`, lengths in bytes.
    pub(super) fn of_envelope(payload_type: &str, payload: &[u8]) -> Self {
        let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
        Self::of([head.as_bytes(), payload])
    }
}

/// Proves that a payload names `image`.
fn bind(payload: &[u8], image: Digest) -> Result<(), Useless> {
    let payload: Value = serde_json::from_slice(payload).map_err(|_| Useless::Malformed)?;
    let wanted = image.to_string();
    let is_statement = payload["_type"]
        .as_str()
        .is_some_and(|kind| kind.starts_with("https://in-toto.io/Statement"));
    let is_meant = if is_statement {
        let subjects = payload["subject"].as_array().map_or(&[][..], Vec::as_slice);
        let hex = wanted.strip_prefix("sha256:");
        hex.is_some()
            && subjects
                .iter()
                .any(|subject| subject["digest"]["sha256"].as_str() == hex)
    } else {
        payload["critical"]["image"]["docker-manifest-digest"].as_str() == Some(&wanted)
    };
    if is_meant { Ok(()) } else { Err(Useless::OtherImage) }
}
