//! Keeps what we sent out of what we say: a server may repeat it in its answer, in more than one spelling.

use std::fmt::Write as _;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};

use crate::secret::Secret;

/// What stands in the place of a secret.
const HIDDEN: &str = "***";

/// `text` without `secrets`: neither as they are, nor in base64, nor percent-encoded (RFC 3986 or as a form), nor escaped
/// as in JSON, in upper or lower case.
pub(crate) fn hide(text: &str, secrets: &[Secret]) -> String {
    let mut spellings: Vec<String> = secrets.iter().filter(|s| !s.is_empty()).flat_map(spellings).collect();
    // The longest first: one may be part of another.
    spellings.sort_unstable_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    spellings.dedup();
    spellings
        .iter()
        .fold(text.to_owned(), |text, spelling| replace(&text, spelling))
}

fn spellings(secret: &Secret) -> Vec<String> {
    let plain = secret.expose();
    let mut encoded = vec![plain.to_owned()];
    for engine in [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD] {
        encoded.push(engine.encode(plain));
    }
    let mut all = Vec::new();
    for text in encoded {
        all.push(percent(&text, |b| b.is_ascii_alphanumeric() || b"-._~".contains(&b)));
        all.push(percent(&text, |b| b.is_ascii_alphanumeric()));
        // What paths leave as it is.
        all.push(percent(&text, |b| {
            b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(&b)
        }));
        all.push(url::form_urlencoded::byte_serialize(text.as_bytes()).collect());
        let json = serde_json::Value::from(text.as_str()).to_string();
        let json = json
            .trim_start_matches('"')
            .strip_suffix('"')
            .unwrap_or_default()
            .to_owned();
        all.push(json.replace('/', "\\/"));
        all.push(json);
        all.push(text);
    }
    all.retain(|spelling| !spelling.is_empty());
    all
}

fn percent(text: &str, keep: impl Fn(u8) -> bool) -> String {
    text.bytes().fold(String::new(), |mut all, byte| {
        if keep(byte) {
            all.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            let _ = write!(all, "%{byte:02X}");
        }
        all
    })
}

/// Every occurrence, in any ASCII case.
fn replace(text: &str, spelling: &str) -> String {
    // ASCII lower case has the same length, byte for byte.
    let (low, wanted) = (text.to_ascii_lowercase(), spelling.to_ascii_lowercase());
    let mut clean = String::with_capacity(text.len());
    let mut from = 0;
    for (at, found) in low.match_indices(&wanted) {
        clean.push_str(&text[from..at]);
        clean.push_str(HIDDEN);
        from = at + found.len();
    }
    clean.push_str(&text[from..]);
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_hidden_however_it_is_spelled() {
        let secrets = [
            Secret::new("pa\"s/s wörd+1"),
            Secret::new(STANDARD.encode("bob:pa\"s/s wörd+1")),
        ];
        for spelled in [
            "pa\"s/s wörd+1",
            "PA\"S/S Wörd+1",
            "pa%22s%2Fs%20w%C3%B6rd%2B1",
            "pa%22s%2fs%20w%c3%b6rd%2b1",
            "pa%22s%2Fs+w%C3%B6rd%2B1",
            "pa%22s/s%20w%C3%B6rd+1",
            r#"pa\"s/s wörd+1"#,
            r#"pa\"s\/s wörd+1"#,
            &STANDARD.encode("bob:pa\"s/s wörd+1"),
            STANDARD.encode("bob:pa\"s/s wörd+1").trim_end_matches('='),
            &STANDARD.encode("pa\"s/s wörd+1"),
            &URL_SAFE_NO_PAD.encode("pa\"s/s wörd+1"),
            &STANDARD.encode("pa\"s/s wörd+1").replace('=', "%3D"),
        ] {
            let text = format!("denied: <{spelled}> and {spelled}, sorry");
            assert_eq!(hide(&text, &secrets), "denied: <***> and ***, sorry", "{spelled}");
        }
    }

    #[test]
    fn what_is_no_secret_stays() {
        let secrets = [Secret::new(""), Secret::new("s3cret")];
        assert_eq!(hide("Größe is *** fine", &secrets), "Größe is *** fine");
        assert_eq!(hide("s3cre", &secrets), "s3cre");
    }
}
