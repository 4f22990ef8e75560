//! One request to a registry: through its gate, with what it asks for, and an answer that is complete or an error.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use reqwest::{
    Method, Response, StatusCode,
    header::{ACCEPT, AUTHORIZATION, IF_NONE_MATCH},
};
use tokio::time::Instant;
use url::Url;

pub(crate) use super::answer::{Answer, read_challenges, words};
use super::{
    Credentials,
    answer::is_denied,
    auth,
    challenge::Challenge,
    connection::Connection,
    counts::Kind,
    error::RegistryError,
    health::Health,
    limiter::MustWait,
    quota::{Quota, Reserved, Watched},
    session::RepoKey,
};
use crate::{core::foreign::ForeignText, http};

/// How much is read of an answer that is not a success.
const MAX_ERROR_BODY: usize = 64 * 1024;
/// What is said of an answer that began, and did not end within the time of one request.
const TOO_SLOW: &str = "its answer did not come to its end in time";

/// One repository, asked by one user, in one session.
pub(crate) struct Ask<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) health: &'a Health,
    pub(crate) repo: &'a RepoKey,
}

/// Why there is no answer.
pub(crate) enum Trouble {
    /// For a reason that concerns more than this answer.
    Registry(RegistryError),
    /// It is larger than what may be read.
    TooLarge,
    /// It broke off.
    Broken(String),
}

impl From<RegistryError> for Trouble {
    fn from(error: RegistryError) -> Self {
        Self::Registry(error)
    }
}

impl Ask<'_> {
    pub(crate) fn credentials(&self) -> Option<&Credentials> {
        self.repo.credentials.as_deref()
    }

    pub(crate) fn repository(&self) -> &str {
        &self.repo.repository
    }

    /// The registry's name in errors: that of the entry which is asked for.
    pub(crate) fn registry(&self) -> String {
        self.repo.profile.name.clone()
    }

    /// The URL of something in the repository.
    pub(crate) fn url(&self, tail: [&str; 2]) -> Result<Url, RegistryError> {
        let url = self.connection.url(self.repository(), tail);
        url.ok_or_else(|| RegistryError::InvalidRepository {
            registry: self.registry(),
            repository: ForeignText::new(self.repository()),
        })
    }

    pub(crate) fn unavailable(&self, reason: &str) -> RegistryError {
        RegistryError::Unavailable {
            registry: self.registry(),
            reason: ForeignText::new(reason),
        }
    }

    fn must_wait(&self, told: MustWait) -> RegistryError {
        RegistryError::RateLimited {
            registry: self.registry(),
            until: told.until,
            wait: told.wait,
        }
    }

    fn reserved(&self, told: Reserved) -> RegistryError {
        RegistryError::QuotaReserved {
            registry: self.registry(),
            limit: told.limit,
            until: told.until,
            wait: told.wait,
        }
    }

    /// Whether a request may be sent now.
    fn may(&self, kind: Kind) -> Result<(), RegistryError> {
        self.health.check(self)?;
        self.connection.gate.site.check().map_err(|told| self.must_wait(told))?;
        if kind == Kind::Manifest {
            self.quota().check().map_err(|told| self.reserved(told))?;
        }
        Ok(())
    }

    fn quota(&self) -> Arc<Quota> {
        let identity = self.credentials().map(Credentials::identity);
        self.connection.gate.site.quotas.of(identity)
    }

    /// Counts a request against what the registry allows, if it counts. A manifest that is asked for with GET does.
    async fn watch(&self, kind: Kind) -> Result<Watched, RegistryError> {
        let quota = self.quota();
        match kind {
            Kind::Manifest => quota.pull().await.map_err(|told| self.reserved(told)),
            _ => Ok(quota.look()),
        }
    }

    pub(crate) fn unauthorized(&self, reason: &str) -> RegistryError {
        let whether = if self.credentials().is_some() {
            "with credentials"
        } else {
            "without credentials"
        };
        RegistryError::Unauthorized {
            registry: self.registry(),
            repository: self.repository().to_owned(),
            reason: ForeignText::new(&format!("asked {whether}, {reason}")),
        }
    }

    fn refusal(&self, status: StatusCode, reason: &str) -> RegistryError {
        match self.unauthorized(reason) {
            RegistryError::Unauthorized {
                registry,
                repository,
                reason,
            } if status == StatusCode::FORBIDDEN => RegistryError::Forbidden {
                registry,
                repository,
                reason,
            },
            error => error,
        }
    }

    /// Gets `url` and reads at most `limit` bytes of the answer. 401 and 403 are never answers, but errors: a token that
    /// was given earlier is replaced once, as are challenges that have changed.
    pub(crate) async fn get(&self, kind: Kind, url: &Url, accept: &[&str], limit: usize) -> Result<Answer, Trouble> {
        self.get_unless(None, kind, url, accept, limit).await
    }

    /// The same; the answer is 304 when what is there still has the `ETag` that is given.
    pub(crate) async fn get_unless(
        &self,
        etag: Option<&str>,
        kind: Kind,
        url: &Url,
        accept: &[&str],
        limit: usize,
    ) -> Result<Answer, Trouble> {
        let request = || {
            let request = self.connection.client.get(url.clone());
            match etag {
                Some(etag) => request.header(IF_NONE_MATCH, etag),
                None => request,
            }
        };
        self.ask(kind, &request, accept, limit).await
    }

    /// Asks only for the headers of what [`Self::get`] would get.
    pub(crate) async fn head(&self, url: &Url, accept: &[&str]) -> Result<Answer, Trouble> {
        let request = || self.connection.client.request(Method::HEAD, url.clone());
        self.ask(Kind::Head, &request, accept, MAX_ERROR_BODY).await
    }

    async fn ask(
        &self,
        kind: Kind,
        request: &(dyn Fn() -> http::RequestBuilder + Sync),
        accept: &[&str],
        limit: usize,
    ) -> Result<Answer, Trouble> {
        let mut challenges = self.health.challenges(self).await?;
        let mut refused = None;
        let mut second = false;
        loop {
            let grant = auth::grant(self, &challenges, refused.as_ref()).await?;
            let mut request = request();
            for media_type in accept {
                request = request.header(ACCEPT, *media_type);
            }
            if let Some(header) = grant.header() {
                request = request.header(AUTHORIZATION, header.clone());
            }
            let mut answer = self.send(kind, request, limit).await?;
            if let auth::Grant::Bearer { token, .. } = &grant {
                answer.hidden.push(token.secret.clone());
            }
            let dead_token = !second && grant.stale_token().is_some() && is_denied(&answer);
            if !matches!(answer.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) && !dead_token {
                answer.hide_type();
                return Ok(answer);
            }
            let asked = read_challenges(&answer.headers);
            let changed = !asked.is_empty() && self.connection.learn(self.repository(), asked);
            refused = grant.stale_token().cloned();
            if second || !(changed || refused.is_some()) {
                let reason = format!("it answers {}{}", answer.status, words(&answer));
                return Err(self.refusal(answer.status, &reason).into());
            }
            challenges = self.health.challenges(self).await?;
            second = true;
        }
    }

    /// Sends one request through the gate. Answers of every status come back, except those that ask to wait.
    pub(crate) async fn send(
        &self,
        kind: Kind,
        request: http::RequestBuilder,
        limit: usize,
    ) -> Result<Answer, Trouble> {
        let entered = self.connection.gate.enter(kind, || self.may(kind)).await?;
        let watched = self.watch(kind).await?;
        self.connection.counts.add(kind);
        let sent = Instant::now();
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => {
                let unavailable = self.unavailable(&no_answer(kind, &error));
                if error.is_connect() || error.is_timeout() {
                    self.health.failed(self.connection, kind, &unavailable);
                }
                return Err(unavailable.into());
            }
        };
        let (status, headers) = (response.status(), response.headers().clone());
        if let Err(told) = entered.answered(status, &headers) {
            self.health.answered(self.connection, kind);
            return Err(self.must_wait(told).into());
        }
        let is_own = response.url().origin() == self.connection.api.origin();
        if is_own && !matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            watched.answered(&headers);
        }
        // Of an answer that is not a success it only serves a message.
        let is_needed = status == StatusCode::OK;
        let read = read(response, if is_needed { limit } else { MAX_ERROR_BODY }).await;
        match read {
            Err(Unread::Slow) => self.health.failed(self.connection, kind, &self.unavailable(TOO_SLOW)),
            _ => self.health.answered(self.connection, kind),
        }
        let body = match read {
            Err(unread) if is_needed => return Err(unread.into()),
            read => read.unwrap_or_default(),
        };
        let hidden = self.credentials().map(auth::spellings).unwrap_or_default();
        Ok(Answer {
            status,
            headers,
            body,
            took: sent.elapsed(),
            hidden,
        })
    }
}

/// Probes the API and tells what it asks for. Credentials are not sent.
pub(crate) async fn probe(ask: &Ask<'_>) -> Result<Vec<Challenge>, RegistryError> {
    let request = ask.connection.client.get(ask.connection.probe_url());
    match ask.send(Kind::Ping, request, MAX_ERROR_BODY).await {
        Ok(answer) if answer.status == StatusCode::OK => Ok(Vec::new()),
        Ok(answer) if answer.status == StatusCode::UNAUTHORIZED => Ok(read_challenges(&answer.headers)),
        Ok(answer) => Err(ask.unavailable(&format!(
            "it answers {} where a registry says 200 or 401",
            answer.status
        ))),
        Err(Trouble::Registry(error)) => Err(error),
        Err(Trouble::TooLarge) => Err(ask.unavailable("its answer is not a registry's")),
        Err(Trouble::Broken(why)) => Err(ask.unavailable(&why)),
    }
}

/// Why a request was not answered. Only what stays the same when it happens again: statuses are compared.
fn no_answer(kind: Kind, error: &http::RequestError) -> String {
    let who = if kind == Kind::Token { "its token server" } else { "it" };
    if error.is_timeout() && error.is_connect() {
        return format!("{who} cannot be connected to in time");
    }
    if error.is_timeout() {
        return format!("{who} does not answer in time");
    }
    match kind {
        Kind::Token => format!("{who}: {error}"),
        _ => error.to_string(),
    }
}

/// Why a body could not be read.
#[derive(Debug)]
enum Unread {
    TooLarge,
    /// A time limit was over.
    Slow,
    Broken(String),
}

impl From<Unread> for Trouble {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::TooLarge => Self::TooLarge,
            Unread::Slow => Self::Broken(TOO_SLOW.to_owned()),
            Unread::Broken(why) => Self::Broken(why),
        }
    }
}

/// The body, complete and within `limit` (counted after decompression).
async fn read(mut response: Response, limit: usize) -> Result<Bytes, Unread> {
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
