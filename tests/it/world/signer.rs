//! Somebody who signs images with the real cosign, without any network or transparency log.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{path::PathBuf, process::Command};

use argocd_image_updater::core::{image::Digest, signature::PublicKey};

use super::ReferenceRegistry;
use crate::support::servers;

/// The old format, as flags of `cosign sign`: a tag `.sig` beside the image.
pub const OLD: &[&str] = &["--new-bundle-format=false"];
/// The new format: a bundle that refers to the image.
pub const NEW: &[&str] = &["--new-bundle-format=true"];

/// Somebody with a key pair, in a folder of their own.
pub struct Signer {
    folder: tempfile::TempDir,
}

impl Signer {
    /// With a key pair as cosign makes it.
    pub fn new() -> Self {
        let signer = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        signer.cosign(&["generate-key-pair"]);
        signer
    }

    /// With an imported key pair on P-384.
    pub fn on_p384() -> Self {
        let signer = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
        std::fs::write(signer.path("own.pem"), pair.serialize_pem()).unwrap();
        signer.cosign(&["import-key-pair", "--key", "own.pem", "--output-key-prefix", "cosign"]);
        signer
    }

    /// A file of the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The public key, as cosign writes it.
    pub fn key_text(&self) -> String {
        std::fs::read_to_string(self.path("cosign.pub")).unwrap()
    }

    /// The public key.
    pub fn key(&self) -> PublicKey {
        let mut keys = PublicKey::parse_all(self.key_text().as_bytes()).unwrap();
        assert_eq!(keys.len(), 1);
        keys.remove(0)
    }

    /// Signs an image of the reference registry, in the format that `flags` say.
    pub async fn sign(&self, repository: &str, image: Digest, flags: &[&str]) {
        let host = ReferenceRegistry::shared().await.host();
        let image = format!("{host}/{repository}@{image}");
        let offline = [
            "--tlog-upload=false",
            "--use-signing-config=false",
            "--allow-http-registry",
            "--yes",
        ];
        let mut all = vec!["sign", "--key", "cosign.key"];
        all.extend(offline.iter().chain(flags));
        all.push(&image);
        self.cosign(&all);
    }

    /// Runs cosign where any word to the world outside would fail: through a proxy that is not there.
    fn cosign(&self, arguments: &[&str]) {
        let output = Command::new(servers::path("cosign"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .env("COSIGN_PASSWORD", "correct horse")
            .env("HTTP_PROXY", "http://127.0.0.1:1")
            .env("HTTPS_PROXY", "http://127.0.0.1:1")
            .output()
            .unwrap();
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "cosign {arguments:?}: {words}");
    }
}
