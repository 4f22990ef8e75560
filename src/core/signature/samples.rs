//! Signed images for the tests, here and in `registry`: what cosign writes, made small.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use p256::ecdsa::{SigningKey, signature::hazmat::PrehashSigner as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::*;
use crate::core::image::{
    Digest,
    manifest::{Fetched, OCI_INDEX, OCI_MANIFEST},
};

pub(crate) const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
pub(crate) const SIMPLE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";

/// Somebody who signs. Each number is another person.
pub(crate) struct Signer(SigningKey);

impl Signer {
    pub(crate) fn new(number: u8) -> Self {
        Self(SigningKey::from_slice(&[number; 32]).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        let mut der = hex::decode("3059301306072a8648ce3d020106082a8648ce3d030107034200").unwrap();
        der.extend_from_slice(self.0.verifying_key().to_encoded_point(false).as_bytes());
        format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            STANDARD.encode(der)
        )
    }

    pub(crate) fn key(&self) -> PublicKey {
        PublicKey::parse_all(self.pem().as_bytes()).unwrap().remove(0)
    }

    pub(crate) fn sign(&self, bytes: &[u8]) -> String {
        let signature: p256::ecdsa::Signature = self.0.sign_prehash(&Sha256::digest(bytes)).unwrap();
        STANDARD.encode(signature.to_der().as_bytes())
    }

    /// A bundle around any payload.
    pub(crate) fn bundle(&self, payload: &Value) -> String {
        bundle("application/vnd.in-toto+json", &payload.to_string(), &[self])
    }
}

pub(crate) fn bundle(payload_type: &str, payload: &str, signers: &[&Signer]) -> String {
    let encoded = format!(
        "DSSEv1 {} {payload_type} {} {payload}",
        payload_type.len(),
        payload.len()
    );
    let signatures: Vec<_> = signers
        .iter()
        .map(|signer| json!({"sig": signer.sign(encoded.as_bytes())}))
        .collect();
    json!({
        "mediaType": BUNDLE,
        "verificationMaterial": {"publicKey": {"hint": "x"}},
        "dsseEnvelope": {"payload": STANDARD.encode(payload), "payloadType": payload_type, "signatures": signatures},
    })
    .to_string()
}

pub(crate) fn statement(images: &[Digest]) -> Value {
    let subjects: Vec<_> = images
        .iter()
        .map(|image| json!({"digest": {"sha256": image.to_string().replace("sha256:", "")}}))
        .collect();
    json!({"_type": "https://in-toto.io/Statement/v1", "subject": subjects, "predicate": {}})
}

pub(crate) fn simple(image: Digest) -> String {
    json!({
        "critical": {
            "identity": {"docker-reference": "r.test/app"},
            "image": {"docker-manifest-digest": image.to_string()},
            "type": "cosign container image signature",
        },
        "optional": null,
    })
    .to_string()
}

/// What lies in one repository.
#[derive(Debug, Default, Clone)]
pub(crate) struct Shelf {
    /// The pages of the referrers list; none: there is no such list.
    pub(crate) referrers: Vec<String>,
    /// Media type and body, by tag or digest.
    pub(crate) manifests: BTreeMap<String, (String, String)>,
    pub(crate) blobs: BTreeMap<String, String>,
}

impl Shelf {
    /// Puts a manifest with layers (type, blob, signature in the annotation) there; answers its entry for a list.
    pub(crate) fn artifact(&mut self, layers: &[(&str, &str, Option<&str>)]) -> Value {
        let body = self.manifest(layers);
        let digest = Digest::of(body.as_bytes()).to_string();
        self.manifests.insert(digest.clone(), (OCI_MANIFEST.to_owned(), body));
        json!({"mediaType": OCI_MANIFEST, "digest": digest, "size": 1, "artifactType": BUNDLE})
    }

    /// The same, but under a tag.
    pub(crate) fn tagged(&mut self, tag: &str, layers: &[(&str, &str, Option<&str>)]) {
        let body = self.manifest(layers);
        self.manifests.insert(tag.to_owned(), (OCI_MANIFEST.to_owned(), body));
    }

    /// An index under a tag.
    pub(crate) fn index(&mut self, tag: &str, entries: &[Value]) {
        self.manifests
            .insert(tag.to_owned(), (OCI_INDEX.to_owned(), list(entries)));
    }

    fn manifest(&mut self, layers: &[(&str, &str, Option<&str>)]) -> String {
        let layers: Vec<_> = layers
            .iter()
            .map(|(media_type, blob, signature)| {
                let digest = Digest::of(blob.as_bytes()).to_string();
                self.blobs.insert(digest.clone(), (*blob).to_owned());
                let mut layer = json!({"mediaType": media_type, "digest": digest, "size": blob.len()});
                if let Some(signature) = signature {
                    layer["annotations"] = json!({"dev.cosignproject.cosign/signature": signature});
                }
                layer
            })
            .collect();
        json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "layers": layers}).to_string()
    }

    /// Searches it to the end or to a signature by one of `keys`; also tells what was asked for.
    pub(crate) fn search(&self, image: Digest, keys: &[PublicKey]) -> (Result<KeyId, Searched>, Vec<Fetch>) {
        let mut search = SignatureSearch::new(image);
        let mut asked = Vec::new();
        let result = self.go_on(&mut search, keys, &mut asked);
        (result, asked)
    }

    pub(crate) fn go_on(
        &self,
        search: &mut SignatureSearch,
        keys: &[PublicKey],
        asked: &mut Vec<Fetch>,
    ) -> Result<KeyId, Searched> {
        let mut page = 0;
        loop {
            if let Some(key) = search.signed_by(keys) {
                return Ok(key);
            }
            let needed = match search.step() {
                Step::Need(needed) => needed,
                Step::Done(searched) => return Err(searched),
            };
            assert_eq!(search.step(), Step::Need(needed.clone()));
            let answers: Vec<_> = needed.iter().map(|fetch| self.answer(fetch, &mut page)).collect();
            search.answer(&answers);
            asked.extend(needed);
        }
    }

    fn answer(&self, fetch: &Fetch, page: &mut usize) -> Answer<'_> {
        match fetch {
            Fetch::Referrers | Fetch::MoreReferrers => {
                *page += 1;
                let Some(body) = self.referrers.get(*page - 1) else {
                    return Answer::Missing;
                };
                of(Some(OCI_INDEX), body, *page < self.referrers.len())
            }
            Fetch::Tag(tag) => self.manifest_at(tag.as_str()),
            Fetch::Manifest(digest) => self.manifest_at(&digest.to_string()),
            Fetch::Blob(digest) => self
                .blobs
                .get(&digest.to_string())
                .map_or(Answer::Missing, |body| of(None, body, false)),
        }
    }

    fn manifest_at(&self, name: &str) -> Answer<'_> {
        let found = self.manifests.get(name);
        found.map_or(Answer::Missing, |(media_type, body)| of(Some(media_type), body, false))
    }
}

fn of<'a>(media_type: Option<&'a str>, body: &'a str, more: bool) -> Answer<'a> {
    if body == UNREADABLE {
        return Answer::Unreadable;
    }
    Answer::Found {
        fetched: Fetched {
            media_type,
            body: body.as_bytes(),
        },
        more,
    }
}

/// A body that is never read.
pub(crate) const UNREADABLE: &str = "unreadable";

/// An index, or a page of a referrers list.
pub(crate) fn list(entries: &[Value]) -> String {
    json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).to_string()
}
