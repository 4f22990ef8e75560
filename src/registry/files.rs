//! The files that an entry of `registries.conf` names: certificates, and the key of our own. Read, bounded, and told apart
//! by what is in them.

use std::{
    os::unix::fs::FileTypeExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use sha2::{Digest as _, Sha256};
use tokio::io::AsyncReadExt as _;

use crate::{core::registries::RegistryProfile, secret::Secret};

/// The largest file that is read: a bundle of all public CAs is far below 1 MiB.
const MAX_FILE: u64 = 4 << 20;

/// Which files an entry names, or may have by the host of its `api_url`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Names {
    /// The host of `api_url`; empty when no CA counts.
    host: String,
    ca: Option<String>,
    client: Option<(String, String)>,
}

/// What these files hold.
#[derive(Debug, Default)]
pub(crate) struct Files {
    /// CA certificates (PEM), and where they lie.
    pub(crate) ca: Option<(PathBuf, Vec<u8>)>,
    /// A certificate chain and its key (PEM), one behind the other.
    pub(crate) identity: Option<Secret>,
    /// Equal only when all of it is equal.
    pub(crate) id: FilesId,
}

/// The digest of what was read.
pub(crate) type FilesId = [u8; 32];

/// A file that cannot be used: the key that names it, and why.
#[derive(Debug)]
pub(crate) struct Unusable {
    pub(crate) key: &'static str,
    pub(crate) reason: String,
}

impl Names {
    /// `None` where there can be no files: for a registry that is not configured.
    pub(crate) fn of(profile: &RegistryProfile, api: &url::Url) -> Option<Self> {
        if !profile.configured {
            return None;
        }
        let host = api.host_str().filter(|_| !profile.insecure).unwrap_or("");
        Some(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            ca: profile.ca_file.clone().filter(|_| !profile.insecure),
            client: profile.client_cert.clone().zip(profile.client_key.clone()),
        })
    }

    /// Reads them. Without `ca_file` a file named after the host counts, in the first of `folders` that has one.
    pub(crate) async fn read(&self, folders: &[PathBuf]) -> Result<Arc<Files>, Unusable> {
        let mut files = Files::default();
        let mut digest = Sha256::new();
        if let Some(path) = self.ca_path(folders).await {
            let pem = read_bounded(&path)
                .await
                .map_err(|why| unusable("ca_file", &path, &why))?;
            add(&mut digest, b"ca", &pem);
            files.ca = Some((path, pem));
        }
        if let Some((certificate, key)) = &self.client {
            let pem = pem_text("client_cert", certificate, "CERTIFICATE-----").await?;
            let key = pem_text("client_key", key, "PRIVATE KEY-----").await?;
            add(&mut digest, b"certificate", pem.expose().as_bytes());
            add(&mut digest, b"key", key.expose().as_bytes());
            files.identity = Some(Secret::new(format!("{}\n{}", pem.expose(), key.expose())));
        }
        files.id = digest.finalize().into();
        Ok(Arc::new(files))
    }

    async fn ca_path(&self, folders: &[PathBuf]) -> Option<PathBuf> {
        if let Some(path) = &self.ca {
            return Some(PathBuf::from(path));
        }
        if self.host.is_empty() {
            return None;
        }
        for folder in folders {
            let path = folder.join(&self.host);
            if tokio::fs::metadata(&path).await.is_ok_and(|meta| meta.is_file()) {
                return Some(path);
            }
        }
        None
    }
}

/// A length before each part keeps two parts from being taken for others.
fn add(digest: &mut Sha256, name: &[u8], part: &[u8]) {
    digest.update(name);
    digest.update((part.len() as u64).to_be_bytes());
    digest.update(part);
}

fn unusable(key: &'static str, path: &Path, reason: &str) -> Unusable {
    Unusable {
        key,
        reason: format!("{}: {reason}", path.display()),
    }
}

async fn pem_text(key: &'static str, path: &str, marker: &str) -> Result<Secret, Unusable> {
    let path = Path::new(path);
    let fail = |why: &str| unusable(key, path, why);
    let bytes = read_bounded(path).await.map_err(|why| fail(&why))?;
    let text = String::from_utf8(bytes).map_err(|_| fail("it is not PEM text"))?;
    let text = Secret::new(text);
    if text.expose().contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") {
        return Err(fail("the key is encrypted; nobody is there to type its password"));
    }
    if !text.expose().contains(marker) {
        let wanted = if key == "client_key" {
            "private key"
        } else {
            "certificate"
        };
        return Err(fail(&format!("there is no {wanted} in it (PEM is expected)")));
    }
    Ok(text)
}

async fn read_bounded(path: &Path) -> Result<Vec<u8>, String> {
    // Opening a named pipe would wait for a writer.
    let meta = tokio::fs::metadata(path).await.map_err(|e| e.to_string())?;
    if meta.file_type().is_fifo() {
        return Err("it is not a file".to_owned());
    }
    let file = tokio::fs::File::open(path).await.map_err(|e| e.to_string())?;
    let mut bytes = Vec::new();
    let read = file.take(MAX_FILE + 1).read_to_end(&mut bytes).await;
    read.map_err(|e| e.to_string())?;
    if bytes.len() as u64 > MAX_FILE {
        return Err("it is larger than 4 MiB".to_owned());
    }
    Ok(bytes)
}
