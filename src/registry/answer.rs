//! The answer to one request: who gave it, and what may be believed of it.
//!
//! A registry may redirect a request, and its token server is often another host. Whoever answers there speaks for this
//! request alone: not for how to log in, for how long the registry wants to be left alone, or for how many pulls are left.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::{
    Response, StatusCode,
    header::{CONTENT_TYPE, HeaderMap, HeaderValue, WWW_AUTHENTICATE},
};
use serde::Deserialize;

use super::{
    challenge::{self, Challenge},
    hidden,
};
use crate::{core::image::manifest::ACCEPTED, http, secret::Secret};

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
    /// The host that answers, when that is not the registry's own origin: where the registry redirects to, or its token
    /// server. What it says is about this request alone.
    pub(crate) elsewhere: Option<String>,
}

impl Answer {
    /// Whether the registry itself answers. Only then its headers speak for the registry.
    pub(crate) fn is_own(&self) -> bool {
        self.elsewhere.is_none()
    }

    /// Who answers, and with which status; `who` is the registry. Of a redirect only the host is named: its URL may be as good as a password.
    pub(crate) fn says(&self, who: &str) -> String {
        match &self.elsewhere {
            None => format!("{who} answers {}", self.status),
            Some(host) => format!("{who} redirects to {}, which answers {}", self.hide(host), self.status),
        }
    }

    /// What the registry asks for to log in. Nobody else names a token realm: credentials are sent there.
    pub(crate) fn challenges(&self) -> Vec<Challenge> {
        if !self.is_own() {
            return Vec::new();
        }
        let values = self.headers.get_all(WWW_AUTHENTICATE);
        values
            .iter()
            .filter_map(|v| v.to_str().ok())
            .flat_map(challenge::parse)
            .map(Challenge::lasting)
            .collect()
    }

    /// A text that the server may have made from what it was sent.
    pub(crate) fn hide(&self, text: &str) -> String {
        hidden::hide(text, &self.hidden)
    }

    /// Messages quote the content type when it is not the one that is expected.
    pub(crate) fn hide_type(&mut self) {
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

/// Why a body could not be read.
#[derive(Debug)]
pub(crate) enum Unread {
    TooLarge,
    /// A time limit was over.
    Slow,
    Broken(String),
}

/// The body, complete and within `limit` (counted after decompression).
pub(crate) async fn read(mut response: Response, limit: usize) -> Result<Bytes, Unread> {
    if response.content_length().is_some_and(|length| length > limit as u64) {
        return Err(Unread::TooLarge);
    }
    let mut body = BytesMut::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > limit => return Err(Unread::TooLarge),
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body.freeze()),
            Err(error) if error.is_timeout() => return Err(Unread::Slow),
            Err(error) => return Err(Unread::Broken(format!("it broke off: {}", http::reason(&error)))),
        }
    }
}

/// Amazon's public gallery answers a token that is no longer good with 400 and the code `DENIED`, or, to a HEAD, with nothing.
pub(crate) fn is_denied(answer: &Answer) -> bool {
    let says_so = |body: ErrorBody| body.errors.iter().any(|e| e.code == "DENIED");
    answer.is_own()
        && answer.status == StatusCode::BAD_REQUEST
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
