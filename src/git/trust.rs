//! Files of CA certificates, named like the host that they are for.

use std::path::{Path, PathBuf};

/// The most bytes of a file of CA certificates that is looked at.
const LIMIT: u64 = 4 << 20;

/// The file of CA certificates for `host` and its content, if one of the folders has one that holds any.
pub(super) async fn ca_bundle(folders: &[PathBuf], host: &str) -> Option<(PathBuf, Vec<u8>)> {
    // A host is one plain file name, or there is no file for it.
    if host.is_empty() || host.contains('/') || host.starts_with('.') {
        return None;
    }
    for folder in folders {
        let path = folder.join(host);
        if let Some(bytes) = certificates(&path).await {
            return Some((path, bytes));
        }
    }
    None
}

async fn certificates(path: &Path) -> Option<Vec<u8>> {
    let about = tokio::fs::metadata(path).await.ok()?;
    if !about.is_file() || about.len() > LIMIT {
        return None;
    }
    let bytes = tokio::fs::read(path).await.ok()?;
    String::from_utf8_lossy(&bytes)
        .contains("-----BEGIN CERTIFICATE-----")
        .then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_named_like_the_host_is_trusted_for_it() {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let certificate = "-----BEGIN CERTIFICATE-----\n";
        std::fs::write(folders[0].path().join("empty.example.com"), "").unwrap();
        std::fs::create_dir(folders[0].path().join("folder.example.com")).unwrap();
        std::fs::write(folders[1].path().join("git.example.com"), certificate).unwrap();
        std::fs::write(folders[1].path().join(".hidden"), certificate).unwrap();
        let places = folders.each_ref().map(|folder| folder.path().to_path_buf());
        let expected = places[1].join("git.example.com");
        assert_eq!(
            ca_bundle(&places, "git.example.com").await,
            Some((expected, certificate.into()))
        );
        for host in [
            "empty.example.com",
            "folder.example.com",
            "other.example.com",
            "",
            "..",
            ".hidden",
            "a/b",
        ] {
            assert_eq!(ca_bundle(&places, host).await, None, "{host}");
        }
    }
}
