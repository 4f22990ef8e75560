//! JSON web tokens (RFC 7519) signed with RS256 (RFC 7518).

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ring::{rand::SystemRandom, signature};
use serde_json::Value;

use crate::secret::Secret;

/// The token with this header and these claims, signed with a private key in PEM (PKCS #8 or PKCS #1).
pub(super) fn token(header: &Value, claims: &Value, pem: &Secret) -> Result<Secret, &'static str> {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(header), part(claims));
    let key = private_key(pem).ok_or("is not an RSA key in PEM (PKCS #8 or PKCS #1, of 2048 to 4096 bits)")?;
    let mut bytes = vec![0; key.public().modulus_len()];
    key.sign(
        &signature::RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        text.as_bytes(),
        &mut bytes,
    )
    .map_err(|_| "does not sign")?;
    Ok(Secret::new(format!("{text}.{}", URL_SAFE_NO_PAD.encode(bytes))))
}

fn private_key(pem: &Secret) -> Option<signature::RsaKeyPair> {
    let der = |label: &str| {
        let (_, rest) = pem.expose().split_once(&format!("-----BEGIN {label}-----"))?;
        let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
        STANDARD.decode(body.split_whitespace().collect::<String>()).ok()
    };
    match der("PRIVATE KEY") {
        Some(pkcs8) => signature::RsaKeyPair::from_pkcs8(&pkcs8).ok(),
        None => signature::RsaKeyPair::from_der(&der("RSA PRIVATE KEY")?).ok(),
    }
}
