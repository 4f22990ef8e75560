//! Signatures of AWS, version 4 ("Create a signed AWS API request" in the IAM user guide), for requests without a query.

use jiff::Timestamp;
use ring::hmac;
use sha2::{Digest as _, Sha256};
use url::Url;

use super::chain::Keys;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// A POST to sign. Host, time and session token are added by [`sign`].
pub(super) struct Request<'a> {
    pub(super) url: &'a Url,
    /// More headers that are signed; names in lower case.
    pub(super) headers: &'a [(&'static str, &'a str)],
    pub(super) body: &'a [u8],
    pub(super) region: &'a str,
    pub(super) service: &'a str,
}

/// The headers that make `request` a signed one.
pub(super) fn sign(request: &Request<'_>, keys: &Keys, now: Timestamp) -> Result<Vec<(&'static str, String)>, String> {
    let time = now.strftime("%Y%m%dT%H%M%SZ").to_string();
    let date = &time[..8];
    let host = request.url.host_str().ok_or("its endpoint names no host")?;
    let host = request
        .url
        .port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let mut headers: Vec<(&str, &str)> = request.headers.to_vec();
    headers.push(("host", &host));
    headers.push(("x-amz-date", &time));
    if let Some(token) = &keys.token {
        headers.push(("x-amz-security-token", token.expose()));
    }
    headers.sort_unstable_by_key(|(name, _)| *name);
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let lines: Vec<String> = headers
        .iter()
        .map(|(name, value)| format!("{name}:{}", value.trim()))
        .collect();
    let lines = lines.join("\n");
    let canonical = format!(
        "POST\n{}\n\n{lines}\n\n{names}\n{}",
        request.url.path(),
        hex::encode(Sha256::digest(request.body))
    );
    let scope = format!("{date}/{}/{}/aws4_request", request.region, request.service);
    let text = format!(
        "{ALGORITHM}\n{time}\n{scope}\n{}",
        hex::encode(Sha256::digest(canonical.as_bytes()))
    );
    let mut key = mac(format!("AWS4{}", keys.secret.expose()).as_bytes(), date);
    for part in [request.region, request.service, "aws4_request"] {
        key = mac(key.as_ref(), part);
    }
    let signature = hex::encode(mac(key.as_ref(), &text));
    let authorization = format!(
        "{ALGORITHM} Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
        keys.id
    );
    let mut signed = vec![("authorization", authorization), ("x-amz-date", time.clone())];
    signed.extend(
        keys.token
            .as_ref()
            .map(|token| ("x-amz-security-token", token.expose().to_owned())),
    );
    Ok(signed)
}

fn mac(key: &[u8], text: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    /// The requests, keys and signatures of the test suite that AWS published for version 4.
    #[test]
    fn requests_are_signed_as_the_public_test_suite_has_them() {
        let session = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflf\
                       KD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8\
                       Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSI\
                       lTJabIQwj2ICCR/oLxBA==";
        for (name, headers, token, body, names, signature) in [
            (
                "post-vanilla",
                &[][..],
                None,
                "",
                "host;x-amz-date",
                "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            ),
            (
                "post-header-key-sort",
                &[("my-header1", "value1")],
                None,
                "",
                "host;my-header1;x-amz-date",
                "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
            ),
            (
                "post-x-www-form-urlencoded",
                &[("content-type", "application/x-www-form-urlencoded")],
                None,
                "Param1=value1",
                "content-type;host;x-amz-date",
                "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            ),
            (
                "post-sts-header-before",
                &[],
                Some(Secret::new(session)),
                "",
                "host;x-amz-date;x-amz-security-token",
                "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
            ),
        ] {
            let url = Url::parse("https://example.amazonaws.com/").unwrap();
            let request = Request {
                url: &url,
                headers,
                body: body.as_bytes(),
                region: "us-east-1",
                service: "service",
            };
            let keys = Keys {
                id: "AKIDEXAMPLE".to_owned(),
                secret: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
                token,
                principal: String::new(),
            };
            let now = "2015-08-30T12:36:00Z".parse().unwrap();
            let signed = sign(&request, &keys, now).unwrap();
            let expected = format!(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders={names}, \
                 Signature={signature}"
            );
            assert_eq!(signed[0], ("authorization", expected), "{name}");
            assert_eq!(signed[1], ("x-amz-date", "20150830T123600Z".to_owned()));
        }
    }
}
