//! An answer of a registry, and what it says of itself.

use std::time::Duration;

use bytes::Bytes;
use reqwest::{
    StatusCode,
    header::{CONTENT_TYPE, HeaderMap, HeaderValue},
};
use serde::Deserialize;

use super::{
    challenge::{self, Challenge},
    hidden,
};
use crate::{core::image::manifest::ACCEPTED, secret::Secret};

/// Types of answers other than manifests.
const USUAL_TYPES: [&str; 2] = ["application/json", "application/octet-stream"];
/// The longest of a usual type with its parameters.
const MAX_USUAL_TYPE: usize = 100;

/// A whole answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// How long it took from sending to its end, without the wait for its turn.
    pub(crate) took: Duration,
    /// What was sent along, and must not come back in a message.
    pub(crate) hidden: Vec<Secret>,
}

impl Answer {
    /// A text that the server may have made from what it was sent.
    pub(crate) fn hide(&self, text: &str) -> String {
        hidden::hide(text, &self.hidden)
    }

    /// Messages quote the content type when it is not the one that is expected.
    pub(super) fn hide_type(&mut self) {
        let Some(value) = self.headers.get(CONTENT_TYPE) else {
            return;
        };
        let text = String::from_utf8_lossy(value.as_bytes());
        let is_usual = text
            .split(';')
            .next()
            .is_some_and(|t| ACCEPTED.contains(&t) || USUAL_TYPES.contains(&t));
        if is_usual && text.len() <= MAX_USUAL_TYPE {
            return;
        }
        let clean = self.hide(&text);
        if clean != text {
            // What is hidden leaves characters that a header may have.
            self.headers.insert(
                CONTENT_TYPE,
                HeaderValue::from_str(&clean).unwrap_or(HeaderValue::from_static("?")),
            );
        }
    }
}

/// What the answer asks for to log in.
pub(crate) fn read_challenges(headers: &HeaderMap) -> Vec<Challenge> {
    let values = headers.get_all("www-authenticate");
    values
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(challenge::parse)
        .map(Challenge::lasting)
        .collect()
}

/// Amazon's public gallery answers a token that is no longer good with 400 and the code `DENIED`, or, to a HEAD, with nothing.
pub(super) fn is_denied(answer: &Answer) -> bool {
    let says_so = |body: ErrorBody| body.errors.iter().any(|e| e.code == "DENIED");
    answer.status == StatusCode::BAD_REQUEST
        && (answer.body.is_empty() || serde_json::from_slice(&answer.body).is_ok_and(says_so))
}

#[derive(Deserialize)]
struct ErrorBody {
    errors: Vec<ErrorEntry>,
}

#[derive(Deserialize)]
struct ErrorEntry {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

/// What the answer says in the error format of the distribution specification, as `": CODE message"`; else nothing.
pub(crate) fn words(answer: &Answer) -> String {
    let Ok(body) = serde_json::from_slice::<ErrorBody>(&answer.body) else {
        return String::new();
    };
    let Some(first) = body.errors.first() else {
        return String::new();
    };
    answer.hide(&format!(": {} {}", first.code, first.message))
}
