//! The images of one repository, for scripted registries: manifests, indexes, configs and tags, served as the OCI
//! distribution specification says ("Pulling manifests", "Pulling blobs", "Listing Tags").

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::scripted_registry::{Asked, Reply, error, typed, with};

/// Media types of the OCI image specification.
pub const OCI: Family = Family {
    manifest: "application/vnd.oci.image.manifest.v1+json",
    index: "application/vnd.oci.image.index.v1+json",
    config: "application/vnd.oci.image.config.v1+json",
};
/// Media types of Docker's image manifest version 2, schema 2.
pub const DOCKER: Family = Family {
    manifest: "application/vnd.docker.distribution.manifest.v2+json",
    index: "application/vnd.docker.distribution.manifest.list.v2+json",
    config: "application/vnd.docker.container.image.v1+json",
};
/// Docker's old manifest format.
pub const SCHEMA_1: &str = "application/vnd.docker.distribution.manifest.v1+prettyjws";

/// Media types that belong together.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    pub manifest: &'static str,
    pub index: &'static str,
    pub config: &'static str,
}

/// A manifest, index or config.
#[derive(Debug, Clone, Copy)]
pub struct Content<'a> {
    pub digest: &'a str,
    pub media_type: &'a str,
    pub bytes: &'a [u8],
}

/// One repository.
#[derive(Debug, Clone, Default)]
pub struct Shelf {
    /// In the order in which they were tagged.
    tags: Vec<(String, String)>,
    /// digest -> media type, bytes
    content: BTreeMap<String, (String, Vec<u8>)>,
}

impl Shelf {
    /// Keeps bytes; answers their digest.
    pub fn put(&mut self, media_type: &str, body: &str) -> String {
        let digest = format!("sha256:{}", hex::encode(Sha256::digest(body)));
        self.content
            .insert(digest.clone(), (media_type.to_owned(), body.as_bytes().to_vec()));
        digest
    }

    /// An image for a platform (`linux/arm64`); answers the digest of its manifest.
    pub fn image(&mut self, family: Family, platform: &str, created: &str) -> String {
        let (os, architecture) = platform.split_once('/').expect("os/arch");
        let config = json!({
            "os": os, "architecture": architecture, "created": created, "config": { "Labels": { "built": created } },
            "rootfs": { "type": "layers", "diff_ids": [] },
        })
        .to_string();
        let digest = self.put(family.config, &config);
        let manifest = json!({
            "schemaVersion": 2, "mediaType": family.manifest,
            "config": { "mediaType": family.config, "digest": digest, "size": config.len() }, "layers": [],
        });
        self.put(family.manifest, &manifest.to_string())
    }

    /// A build attestation, as BuildKit attaches it to an index ("Image attestation storage").
    pub fn attestation(&mut self) -> String {
        let config = self.put(
            OCI.config,
            r#"{"architecture":"unknown","os":"unknown","config":{},"rootfs":{}}"#,
        );
        let manifest = json!({
            "schemaVersion": 2, "mediaType": OCI.manifest,
            "config": { "mediaType": OCI.config, "digest": config, "size": 2 },
            "layers": [{ "mediaType": "application/vnd.in-toto+json", "digest": config, "size": 2 }],
        });
        self.put(OCI.manifest, &manifest.to_string())
    }

    /// An index over manifests with their platforms; answers its digest.
    pub fn index(&mut self, family: Family, children: &[(&str, &str)]) -> String {
        let children: Vec<Value> = children
            .iter()
            .map(|(digest, platform)| {
                let (os, architecture) = platform.split_once('/').expect("os/arch");
                json!({
                    "mediaType": self.content[*digest].0, "digest": digest, "size": self.content[*digest].1.len(),
                    "platform": { "os": os, "architecture": architecture },
                })
            })
            .collect();
        let index = json!({ "schemaVersion": 2, "mediaType": family.index, "manifests": children });
        self.put(family.index, &index.to_string())
    }

    /// Lets a tag name a digest.
    pub fn tag(&mut self, name: &str, digest: &str) {
        match self.tags.iter_mut().find(|(tag, _)| tag == name) {
            Some(entry) => digest.clone_into(&mut entry.1),
            None => self.tags.push((name.to_owned(), digest.to_owned())),
        }
    }

    /// An image for `linux/amd64` with a tag; answers its digest.
    pub fn push(&mut self, family: Family, name: &str, created: &str) -> String {
        let digest = self.image(family, "linux/amd64", created);
        self.tag(name, &digest);
        digest
    }

    /// The tags in the order of their first push.
    pub fn pushed(&self) -> Vec<String> {
        self.tags.iter().map(|(name, _)| name.clone()).collect()
    }

    /// The tags in the order of their bytes.
    pub fn sorted(&self) -> Vec<String> {
        let mut names = self.pushed();
        names.sort();
        names
    }

    /// Media type and bytes of a digest.
    pub fn bytes(&self, digest: &str) -> Option<&(String, Vec<u8>)> {
        self.content.get(digest)
    }

    /// Everything on it; what others refer to comes first.
    pub fn contents(&self) -> Vec<Content<'_>> {
        let mut all: Vec<_> = self
            .content
            .iter()
            .map(|(digest, (media_type, bytes))| Content {
                digest,
                media_type,
                bytes,
            })
            .collect();
        all.sort_by_key(|content| match content.media_type {
            of if of == OCI.config || of == DOCKER.config => 0,
            of if of == OCI.index || of == DOCKER.index => 2,
            _ => 1,
        });
        all
    }

    /// The tags with their digests.
    pub fn tags(&self) -> &[(String, String)] {
        &self.tags
    }

    /// Answers for a manifest or blob below `base` (`/v2/library/nginx`); `None` for everything else.
    pub fn answer(&self, asked: &Asked, base: &str) -> Option<Reply> {
        let rest = asked.path.strip_prefix(base)?;
        if let Some(reference) = rest.strip_prefix("/manifests/") {
            return Some(self.manifest(reference));
        }
        let digest = rest.strip_prefix("/blobs/")?;
        Some(match self.content.get(digest) {
            Some((_, bytes)) => typed(200, "application/octet-stream", bytes.clone()),
            None => error(404, "BLOB_UNKNOWN", "blob unknown to registry"),
        })
    }

    fn manifest(&self, reference: &str) -> Reply {
        let by_tag = self.tags.iter().find(|(name, _)| name == reference);
        let digest = by_tag.map_or(reference, |(_, digest)| digest);
        match self.content.get(digest) {
            Some((media_type, bytes)) => {
                let reply = typed(200, media_type, bytes.clone());
                with(
                    with(reply, "docker-content-digest", digest),
                    "content-length",
                    &bytes.len().to_string(),
                )
            }
            None => error(404, "MANIFEST_UNKNOWN", "manifest unknown"),
        }
    }
}

/// A part of a list: what comes after `last`, and the last name of it when more follows.
pub fn page<'a>(names: &'a [String], last: Option<&str>, size: usize) -> (&'a [String], Option<&'a str>) {
    let from = last.map_or(0, |last| match names.iter().position(|name| name == last) {
        Some(at) => at + 1,
        None => names.partition_point(|name| name.as_str() <= last),
    });
    let until = names.len().min(from + size);
    let more = (until < names.len()).then(|| names[until - 1].as_str());
    (&names[from..until], more)
}
