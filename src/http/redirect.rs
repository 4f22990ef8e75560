//! Redirects: where to, how often, and what goes along.
//!
//! They are followed here and not by the HTTP library, which looks at two neighbours of a chain only: what it drops when
//! the first server sends it to a second one comes back when the second one sends it on within itself.

use reqwest::{
    Method, Request, Response,
    header::{ACCEPT, HeaderMap, IF_NONE_MATCH, LOCATION, RANGE},
};
use url::{Origin, Url};

use super::error::RequestError;

/// The most redirects that are followed.
const MAX_REDIRECTS: usize = 10;
/// What is told to another origin. Everything else may be a secret of the first one: credentials, cookies, tokens in
/// headers of their own.
const HARMLESS: [http::HeaderName; 3] = [ACCEPT, IF_NONE_MATCH, RANGE];

/// A request on its way through the servers that send it on.
pub(super) struct Trail {
    method: Method,
    url: Url,
    headers: HeaderMap,
    home: Origin,
    redirects: usize,
}

impl Trail {
    /// Of a request that may be sent on: GET and HEAD. What another method carries is for the first server alone.
    pub(super) fn of(request: &Request) -> Option<Self> {
        matches!(*request.method(), Method::GET | Method::HEAD).then(|| Self {
            method: request.method().clone(),
            url: request.url().clone(),
            headers: request.headers().clone(),
            home: request.url().origin(),
            redirects: 0,
        })
    }

    /// The host that a redirect led to; nothing while the first server is asked.
    pub(super) fn elsewhere(&self) -> Option<String> {
        (self.redirects > 0).then(|| self.url.host_str().unwrap_or_default().to_owned())
    }

    /// The request that `response` asks for; nothing when it is an answer.
    pub(super) fn next(&mut self, response: &Response) -> Result<Option<Request>, RequestError> {
        if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
            return Ok(None);
        }
        let Some(location) = response.headers().get(LOCATION) else {
            return Ok(None);
        };
        let text = location.to_str().map_err(|_| RequestError::BadRedirect)?;
        let mut url = self.url.join(text).map_err(|_| RequestError::BadRedirect)?;
        // Whatever a stranger writes there are not our credentials.
        let plain = url.set_username("").is_ok() && url.set_password(None).is_ok();
        if !plain || !matches!(url.scheme(), "http" | "https") {
            return Err(RequestError::BadRedirect);
        }
        if url.scheme() == "http" && self.url.scheme() == "https" {
            return Err(RequestError::LeavesTls);
        }
        self.redirects += 1;
        if self.redirects > MAX_REDIRECTS {
            return Err(RequestError::TooManyRedirects);
        }
        if url.origin() != self.home {
            // For good: a way back would bring them where another server wants them.
            self.headers = self.harmless();
        }
        self.url = url;
        let mut request = Request::new(self.method.clone(), self.url.clone());
        request.headers_mut().clone_from(&self.headers);
        Ok(Some(request))
    }

    fn harmless(&self) -> HeaderMap {
        let told = self.headers.iter().filter(|(name, _)| HARMLESS.contains(name));
        let mut kept = HeaderMap::new();
        for (name, value) in told {
            kept.append(name, value.clone());
        }
        kept
    }
}
