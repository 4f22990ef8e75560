//! The client: requests that are checked, redirected and explained.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use reqwest::{IntoUrl, Method, Request, Response, StatusCode, redirect::Policy};
use tokio::time::Instant;

use super::{
    USER_AGENT,
    egress::{self, Egress},
    error::RequestError,
    proxy::Proxies,
    redirect::Trail,
    resolver::{self, Guard, Lookup},
    settings::{ClientError, ClientSettings},
    tls,
};
use crate::core::foreign::ForeignText;

/// Sends requests. Cheap to clone; all clones share their connections.
#[derive(Clone)]
pub struct Client {
    inner: reqwest::Client,
    rules: Arc<Rules>,
}

struct Rules {
    egress: Egress,
    proxies: Proxies,
    total_timeout: Duration,
}

/// One request in the making. Nothing is sent before [`RequestBuilder::send`].
#[must_use = "nothing is sent before `send`"]
pub struct RequestBuilder {
    client: Client,
    inner: reqwest::RequestBuilder,
}

/// Builds a client.
///
/// Each request is checked before it is sent (see [`egress`]), and so is each redirect. Of these ten are followed, for GET
/// and HEAD, never from https to http; to another scheme, host or port nothing goes along but what is asked for (`Accept`,
/// `If-None-Match`, `Range`). A system without CA certificates is an error of the first https request only.
pub fn client(settings: &ClientSettings) -> Result<Client, ClientError> {
    build(settings, resolver::system(), &tls::system_roots())
}

pub(super) fn build(
    settings: &ClientSettings,
    lookup: Lookup,
    system_roots: &Arc<rustls::RootCertStore>,
) -> Result<Client, ClientError> {
    tls::use_ring();
    let (proxies, proxy) = Proxies::new(settings)?;
    let mut builder = reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .referer(false)
        .redirect(Policy::none())
        .connect_timeout(settings.connect_timeout)
        .read_timeout(settings.read_timeout)
        .tls_backend_preconfigured(tls::config(settings, system_roots)?)
        .dns_resolver(Guard {
            lookup,
            egress: settings.egress,
            proxies: proxies.hosts(),
        });
    if proxy.is_some() || !settings.system_proxy {
        builder = builder.no_proxy();
    }
    if let Some(proxy) = proxy {
        builder = builder.proxy(proxy);
    }
    let inner = builder
        .build()
        .map_err(|error| ClientError::Tls(super::reason(&error)))?;
    let rules = Rules {
        egress: settings.egress,
        proxies,
        total_timeout: settings.total_timeout,
    };
    Ok(Client {
        inner,
        rules: Arc::new(rules),
    })
}

impl Client {
    /// Asks for `url`. A text that is no URL is an error of [`RequestBuilder::send`].
    pub fn get(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::GET, url)
    }

    /// Asks for what is known about `url`.
    pub fn head(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::HEAD, url)
    }

    /// Sends something to `url`. A redirect is then an answer: what is sent is for this server alone.
    pub fn post(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::POST, url)
    }

    /// Puts something at `url`; the same holds as for [`Client::post`].
    pub fn put(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::PUT, url)
    }

    /// Any other method.
    pub fn request(&self, method: Method, url: impl IntoUrl) -> RequestBuilder {
        RequestBuilder {
            inner: self.inner.request(method, url),
            client: self.clone(),
        }
    }

    async fn execute(&self, mut request: Request) -> Result<Response, RequestError> {
        let limit = request.timeout().copied().unwrap_or(self.rules.total_timeout);
        let deadline = Instant::now() + limit;
        let mut trail = match self.rules.egress {
            Egress::Public => Trail::of(&request),
            Egress::Metadata => None,
        };
        loop {
            *request.timeout_mut() = Some(deadline.saturating_duration_since(Instant::now()));
            let sent = self.send_one(request).await;
            let response = match (sent, trail.as_ref().and_then(Trail::elsewhere)) {
                (Err(cause), Some(host)) => {
                    return Err(RequestError::Elsewhere {
                        host: ForeignText::new(&host),
                        cause: Box::new(cause),
                    });
                }
                (sent, _) => sent?,
            };
            let next = trail.as_mut().map(|trail| trail.next(&response)).transpose()?;
            match next.flatten() {
                Some(next) => request = next,
                None => return Ok(response),
            }
        }
    }

    /// Sends a request and takes the answer, whatever it is.
    async fn send_one(&self, request: Request) -> Result<Response, RequestError> {
        if self.rules.egress == Egress::Public {
            egress::check_url(request.url())?;
        }
        let url = request.url().clone();
        let response = self.inner.execute(request).await;
        let response = response.map_err(|error| RequestError::read(&error, self.rules.proxies.of(&url)))?;
        // Plain http goes through a proxy without a tunnel, so its refusal comes as an answer.
        if response.status() == StatusCode::PROXY_AUTHENTICATION_REQUIRED
            && let Some(proxy) = self.rules.proxies.of(&url)
        {
            let reason =
                ForeignText::new("does not let it through: it demands a user and a password, or refuses these");
            return Err(RequestError::Proxy { proxy, reason });
        }
        Ok(response)
    }
}

impl RequestBuilder {
    /// Adds a header. A name or value that cannot be sent is an error of [`RequestBuilder::send`].
    pub fn header<K, V>(self, name: K, value: V) -> Self
    where
        http::HeaderName: TryFrom<K>,
        <http::HeaderName as TryFrom<K>>::Error: Into<http::Error>,
        http::HeaderValue: TryFrom<V>,
        <http::HeaderValue as TryFrom<V>>::Error: Into<http::Error>,
    {
        self.map(|inner| inner.header(name, value))
    }

    /// Adds a user and a password (RFC 7617).
    pub fn basic_auth(self, user: &str, password: Option<&str>) -> Self {
        self.map(|inner| inner.basic_auth(user, password))
    }

    /// Adds a token (RFC 6750).
    pub fn bearer_auth(self, token: &str) -> Self {
        self.map(|inner| inner.bearer_auth(token))
    }

    /// Sends these bytes.
    pub fn body(self, body: impl Into<reqwest::Body>) -> Self {
        self.map(|inner| inner.body(body))
    }

    /// The longest that this request takes in all, in place of the client's own limit.
    pub fn timeout(self, limit: Duration) -> Self {
        self.map(|inner| inner.timeout(limit))
    }

    /// Sends the request, follows redirects, and gives the answer of the last server when its body begins.
    pub fn send(self) -> BoxFuture<'static, Result<Response, RequestError>> {
        // Boxed, because every question to a registry carries it along.
        Box::pin(async move {
            let (_, request) = self.inner.build_split();
            self.client.execute(request.map_err(|_| RequestError::Invalid)?).await
        })
    }

    fn map(self, change: impl FnOnce(reqwest::RequestBuilder) -> reqwest::RequestBuilder) -> Self {
        Self {
            client: self.client,
            inner: change(self.inner),
        }
    }
}
