//! Whether the image behind a tag is signed by a key, given everything that its repository holds.

use std::collections::HashMap;

use argocd_image_updater::core::{
    image::{
        Digest,
        manifest::{Fetched, OCI_INDEX},
    },
    signature::{Answer, Fetch, PublicKey, SignatureSearch, Step},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Input {
    public_key: String,
    tag: String,
    referrers_status: u16,
    referrers: Option<Vec<Value>>,
    #[serde(default)]
    manifests_by_tag: HashMap<String, Manifest>,
    #[serde(default)]
    manifests_by_digest: HashMap<String, Manifest>,
    #[serde(default)]
    blobs_base64: HashMap<String, String>,
}

#[derive(Deserialize)]
struct Manifest {
    media_type: String,
    body: String,
}

/// A repository that answers as a registry would.
struct Repository {
    referrers: Result<Vec<u8>, u16>,
    tags: HashMap<String, Manifest>,
    manifests: HashMap<String, Manifest>,
    blobs: HashMap<String, Vec<u8>>,
}

pub(super) fn run(input: &Value) -> Result<Value, String> {
    let input: Input = serde_json::from_value(input.clone()).map_err(|e| e.to_string())?;
    let image = input
        .manifests_by_tag
        .get(&input.tag)
        .map(|m| Digest::of(m.body.as_bytes()));
    let keys = PublicKey::parse_all(input.public_key.as_bytes());
    let mut blobs = HashMap::new();
    for (digest, base64) in input.blobs_base64 {
        blobs.insert(digest, STANDARD.decode(base64).map_err(|e| e.to_string())?);
    }
    let list = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": input.referrers}).to_string();
    let repository = Repository {
        referrers: match input.referrers_status {
            200 => Ok(list.into_bytes()),
            status => Err(status),
        },
        tags: input.manifests_by_tag,
        manifests: input.manifests_by_digest,
        blobs,
    };
    // An image or a key that cannot be had is not verified either.
    let verified = match (image, keys) {
        (Some(image), Ok(keys)) => verified(&repository, image, &keys),
        _ => false,
    };
    Ok(json!({"verified": verified}))
}

fn verified(repository: &Repository, image: Digest, keys: &[PublicKey]) -> bool {
    let mut search = SignatureSearch::new(image);
    loop {
        if search.signed_by(keys).is_some() {
            return true;
        }
        let Step::Need(needed) = search.step() else {
            return false;
        };
        let answers: Vec<_> = needed.iter().map(|fetch| repository.answer(fetch)).collect();
        search.answer(&answers);
    }
}

impl Repository {
    fn answer(&self, fetch: &Fetch) -> Answer<'_> {
        match fetch {
            Fetch::Referrers => match &self.referrers {
                Ok(list) => found(Some(OCI_INDEX), list),
                Err(404) => Answer::Missing,
                Err(_) => Answer::Unreadable,
            },
            Fetch::MoreReferrers => Answer::Missing,
            Fetch::Tag(tag) => manifest(self.tags.get(tag.as_str())),
            Fetch::Manifest(digest) => {
                let manifest = self.manifests.get(&digest.to_string());
                proved(
                    *digest,
                    manifest.map(|m| (Some(m.media_type.as_str()), m.body.as_bytes())),
                )
            }
            Fetch::Blob(digest) => {
                let blob = self.blobs.get(&digest.to_string());
                proved(*digest, blob.map(|blob| (None, blob.as_slice())))
            }
        }
    }
}

fn manifest(manifest: Option<&Manifest>) -> Answer<'_> {
    manifest.map_or(Answer::Missing, |m| found(Some(&m.media_type), m.body.as_bytes()))
}

/// Whoever asks by digest gets the bytes with that digest, or none.
fn proved<'a>(digest: Digest, what: Option<(Option<&'a str>, &'a [u8])>) -> Answer<'a> {
    match what {
        None => Answer::Missing,
        Some((_, body)) if Digest::of(body) != digest => Answer::Unreadable,
        Some((media_type, body)) => found(media_type, body),
    }
}

fn found<'a>(media_type: Option<&'a str>, body: &'a [u8]) -> Answer<'a> {
    Answer::Found {
        fetched: Fetched { media_type, body },
        more: false,
    }
}
