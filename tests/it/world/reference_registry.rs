//! The reference implementation of an OCI registry as a child process, one for all tests; each test has its own prefix.

use std::{
    process::{Child, Command},
    time::Duration,
};

use reqwest::Client;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::sync::OnceCell;

use crate::support::{
    image_shelf::{DOCKER, OCI, Shelf},
    servers::{self, Household},
};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

static SHARED: OnceCell<ReferenceRegistry> = OnceCell::const_new();

/// A running registry.
pub struct ReferenceRegistry {
    host: String,
    household: Household,
    _process: Child,
}

impl ReferenceRegistry {
    /// The registry of this test process.
    pub async fn shared() -> &'static Self {
        SHARED.get_or_init(Self::start).await
    }

    async fn start() -> Self {
        let port = servers::free_port();
        let household = Household::new("registry");
        let conf = json!({
            "version": "0.1",
            "log": { "level": "warn" },
            "storage": {
                "filesystem": { "rootdirectory": household.folder().join("data") },
                "delete": { "enabled": true },
            },
            "http": { "addr": format!("127.0.0.1:{port}") },
        });
        let path = household.folder().join("config.yml");
        std::fs::write(&path, conf.to_string()).expect("a writable folder");
        let mut command = Command::new(servers::path("registry"));
        command.arg("serve").arg(&path);
        let process = household.spawn("registry", &command);
        let registry = Self {
            host: format!("127.0.0.1:{port}"),
            household,
            _process: process,
        };
        registry.ready().await;
        registry
    }

    async fn ready(&self) {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        while client().get(self.url("")).send().await.is_err() {
            assert!(
                tokio::time::Instant::now() < deadline,
                "the registry does not answer:\n{}",
                self.household.log("registry")
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// `127.0.0.1:port`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Where it keeps what was pushed.
    pub fn storage(&self) -> std::path::PathBuf {
        self.household.folder().join("data")
    }

    fn url(&self, rest: &str) -> String {
        format!("http://{}/v2/{rest}", self.host)
    }

    /// Pushes a small image for `linux/amd64`; answers its manifest's digest.
    pub async fn push(&self, repository: &str, tag: &str, created: &str) -> String {
        let config = json!({
            "os": "linux", "architecture": "amd64", "created": created, "config": {},
            "rootfs": { "type": "layers", "diff_ids": [] }, "author": format!("{repository}:{tag}"),
        })
        .to_string();
        let config_digest = self.upload(repository, &config).await;
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": { "mediaType": CONFIG, "digest": config_digest, "size": config.len() }, "layers": [],
        })
        .to_string();
        self.put_manifest(repository, tag, MANIFEST, manifest).await
    }

    /// Pushes everything on a shelf.
    pub async fn push_all(&self, repository: &str, images: &Shelf) {
        let contents = images.contents();
        for content in &contents {
            let body = String::from_utf8_lossy(content.bytes).into_owned();
            if [OCI.config, DOCKER.config].contains(&content.media_type) {
                self.upload(repository, &body).await;
            } else {
                self.put_manifest(repository, content.digest, content.media_type, body)
                    .await;
            }
        }
        for (tag, digest) in images.tags() {
            let content = contents
                .iter()
                .find(|content| content.digest == digest)
                .expect("it is there");
            let body = String::from_utf8_lossy(content.bytes).into_owned();
            self.put_manifest(repository, tag, content.media_type, body).await;
        }
    }

    /// Puts a manifest of any type.
    pub async fn put_manifest(&self, repository: &str, tag: &str, media_type: &str, body: String) -> String {
        let digest = digest(&body);
        let put = client().put(self.url(&format!("{repository}/manifests/{tag}")));
        let answer = put
            .header("Content-Type", media_type)
            .body(body)
            .send()
            .await
            .expect("the registry answers");
        assert!(answer.status().is_success(), "{repository}:{tag}: {}", answer.status());
        digest
    }

    /// Takes a manifest away, whoever refers to it.
    pub async fn delete_manifest(&self, repository: &str, digest: &str) {
        let delete = client().delete(self.url(&format!("{repository}/manifests/{digest}")));
        let answer = delete.send().await.expect("the registry answers");
        assert!(
            answer.status().is_success(),
            "{repository}@{digest}: {}",
            answer.status()
        );
    }

    /// Gives an image another tag as well.
    pub async fn tag(&self, repository: &str, existing: &str, new: &str) {
        let get = client().get(self.url(&format!("{repository}/manifests/{existing}")));
        let answer = get
            .header("Accept", MANIFEST)
            .send()
            .await
            .expect("the registry answers");
        let body = answer.text().await.expect("a manifest");
        self.put_manifest(repository, new, MANIFEST, body).await;
    }

    async fn upload(&self, repository: &str, blob: &str) -> String {
        let digest = digest(blob);
        let begin = client().post(self.url(&format!("{repository}/blobs/uploads/")));
        let answer = begin.send().await.expect("the registry answers");
        let location = answer.headers()["Location"]
            .to_str()
            .expect("an ASCII location")
            .to_owned();
        let separator = if location.contains('?') { '&' } else { '?' };
        let put = client().put(format!("{location}{separator}digest={digest}"));
        let answer = put
            .header("Content-Type", "application/octet-stream")
            .body(blob.to_owned())
            .send()
            .await;
        assert!(
            answer.expect("the registry answers").status().is_success(),
            "{repository}"
        );
        digest
    }
}

fn digest(body: &str) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(body)))
}

/// A client of the runtime that asks: connections end with the runtime that opened them.
fn client() -> Client {
    // There is one already unless this is the first test.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().build().expect("a client")
}
