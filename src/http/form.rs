//! Requests that carry secrets in their body.

use bytes::Bytes;
use futures::stream;
use reqwest::{
    Body, RequestBuilder,
    header::{CONTENT_LENGTH, CONTENT_TYPE},
};
use url::form_urlencoded;

/// Adds `fields` as a form (`application/x-www-form-urlencoded`). No redirect takes it to another place, see [`once`].
pub fn form(request: RequestBuilder, fields: &[(&str, &str)]) -> RequestBuilder {
    let text = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    once(request, "application/x-www-form-urlencoded", text.into_bytes())
}

/// Adds a body that is sent once: a server that answers with a redirect which would repeat it (307, 308) is not followed,
/// and its answer is what comes back.
pub fn once(request: RequestBuilder, media_type: &'static str, body: Vec<u8>) -> RequestBuilder {
    // A stream cannot be repeated; its length is told all the same, since old servers do not read chunks.
    let length = body.len();
    let body = stream::iter([Ok::<_, std::convert::Infallible>(Bytes::from(body))]);
    request
        .header(CONTENT_TYPE, media_type)
        .header(CONTENT_LENGTH, length)
        .body(Body::wrap_stream(body))
}
