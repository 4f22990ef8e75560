//! Requests that carry secrets in their body. No redirect takes them to another place: only GET and HEAD are sent on, and
//! the answer to anything else is what comes back.

use reqwest::header::CONTENT_TYPE;
use url::form_urlencoded;

use super::client::RequestBuilder;

/// Adds `fields` as a form (`application/x-www-form-urlencoded`).
pub fn form(request: RequestBuilder, fields: &[(&str, &str)]) -> RequestBuilder {
    let text = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    once(request, "application/x-www-form-urlencoded", text.into_bytes())
}

/// Adds a body that is sent once, to this server.
pub fn once(request: RequestBuilder, media_type: &'static str, body: Vec<u8>) -> RequestBuilder {
    request.header(CONTENT_TYPE, media_type).body(body)
}
