//! Private keys for SSH: which kinds there are, told from their armour (RFC 7468) without opening them.
//!
//! Opening them is left to `ssh`, which knows every format and cipher that its users have.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::secret::Secret;

/// How the binary part of OpenSSH's own format begins (PROTOCOL.key of OpenSSH).
const MAGIC: &[u8] = b"openssh-key-v1\0";

/// A private key in one of the formats that `ssh` reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshKey {
    text: Secret,
    passphrase: Option<Secret>,
}

impl SshKey {
    /// Takes a private key: OpenSSH's format, PKCS#1 (`BEGIN RSA PRIVATE KEY`), SEC 1 (`BEGIN EC PRIVATE KEY`) or PKCS#8.
    /// One that is encrypted needs its passphrase; one that is not ignores it. The error says what is wrong with the field
    /// of the key.
    pub fn parse(text: &str, passphrase: Option<&str>) -> Result<Self, &'static str> {
        // Editors and forms of web pages add these; ssh takes neither them nor a missing last line break.
        let text = text.replace("\r\n", "\n").trim().to_owned() + "\n";
        let encrypted = is_encrypted(&text)?;
        let passphrase = match (encrypted, passphrase) {
            (true, None) => return Err("is encrypted: add its passphrase as sshPrivateKeyPassphrase"),
            (true, Some(passphrase)) => Some(Secret::new(passphrase)),
            (false, _) => None,
        };
        Ok(Self {
            text: text.into(),
            passphrase,
        })
    }

    /// The key.
    pub(in crate::git) fn text(&self) -> &Secret {
        &self.text
    }

    /// What opens it, when it is encrypted.
    pub(in crate::git) fn passphrase(&self) -> Option<&Secret> {
        self.passphrase.as_ref()
    }
}

/// Whether the key is encrypted; an error when it is none.
fn is_encrypted(text: &str) -> Result<bool, &'static str> {
    let private = "is not a private key in PEM (it begins with a line like -----BEGIN OPENSSH PRIVATE KEY-----)";
    if text.starts_with("PuTTY-User-Key-File") {
        return Err("is a key of PuTTY: export it in the format of OpenSSH");
    }
    if text.starts_with("ssh-") || text.starts_with("ecdsa-") || text.contains("PUBLIC KEY") {
        return Err("is a public key; the private one is needed");
    }
    let (label, rest) = text
        .strip_prefix("-----BEGIN ")
        .and_then(|rest| rest.split_once("-----\n"))
        .ok_or(private)?;
    let (body, _) = rest
        .split_once(&format!("-----END {label}-----"))
        .ok_or("is cut off: its last line, -----END ...-----, is missing")?;
    match label {
        "ENCRYPTED PRIVATE KEY" => Ok(true),
        // RFC 1421, as OpenSSL writes it.
        "RSA PRIVATE KEY" | "EC PRIVATE KEY" => Ok(body.starts_with("Proc-Type: 4,ENCRYPTED")),
        "PRIVATE KEY" => Ok(false),
        "OPENSSH PRIVATE KEY" => openssh(body).ok_or("is damaged: its lines are not those of a key of OpenSSH"),
        "DSA PRIVATE KEY" => Err("is a DSA key, which servers no longer take: make an ed25519 key"),
        _ => Err(private),
    }
}

/// The name of the cipher is the first field: `none` when the key is open.
fn openssh(body: &str) -> Option<bool> {
    let bytes = STANDARD.decode(body.split_whitespace().collect::<String>()).ok()?;
    let rest = bytes.strip_prefix(MAGIC)?;
    let (length, rest) = rest.split_first_chunk()?;
    let cipher = rest.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    Some(cipher != b"none")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn openssh_key(cipher: &str) -> String {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(u32::try_from(cipher.len()).unwrap().to_be_bytes());
        bytes.extend(cipher.as_bytes());
        bytes.extend([0; 40]);
        pem("OPENSSH PRIVATE KEY", &STANDARD.encode(bytes))
    }

    fn pem(label: &str, body: &str) -> String {
        format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----")
    }

    #[test]
    fn an_encrypted_key_is_told_from_an_open_one() {
        for (given, encrypted) in [
            (openssh_key("none"), false),
            (openssh_key("aes256-ctr"), true),
            (pem("RSA PRIVATE KEY", "AAAA"), false),
            (
                pem(
                    "RSA PRIVATE KEY",
                    "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA",
                ),
                true,
            ),
            (pem("EC PRIVATE KEY", "AAAA"), false),
            (pem("PRIVATE KEY", "AAAA"), false),
            (pem("ENCRYPTED PRIVATE KEY", "AAAA"), true),
            (openssh_key("none").replace('\n', "\r\n"), false),
        ] {
            let without = SshKey::parse(&given, None);
            assert_eq!(without.is_err(), encrypted, "{given}");
            let with = SshKey::parse(&given, Some("pw")).unwrap();
            assert_eq!(with.passphrase().is_some(), encrypted, "{given}");
            assert!(with.text().expose().ends_with("-----\n") && !with.text().expose().contains('\r'));
        }
    }

    #[test]
    fn what_is_no_private_key_is_told_by_what_it_is() {
        for (given, expected) in [
            ("hunter2".to_owned(), "not a private key"),
            (String::new(), "not a private key"),
            (pem("CERTIFICATE", "AAAA"), "not a private key"),
            (pem("PUBLIC KEY", "AAAA"), "public key"),
            ("ssh-ed25519 AAAA me".to_owned(), "public key"),
            ("PuTTY-User-Key-File-3: ssh-ed25519".to_owned(), "PuTTY"),
            (pem("DSA PRIVATE KEY", "AAAA"), "DSA"),
            (pem("OPENSSH PRIVATE KEY", "hunter2"), "damaged"),
            ("-----BEGIN RSA PRIVATE KEY-----\nAAAA".to_owned(), "cut off"),
        ] {
            let error = SshKey::parse(&given, None).unwrap_err();
            assert!(error.contains(expected), "{given}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(body in "[A-Za-z0-9+/=\n]{0,80}") {
            let _ = SshKey::parse(&pem("OPENSSH PRIVATE KEY", &body), None);
            let _ = SshKey::parse(&body, None);
        }
    }
}
