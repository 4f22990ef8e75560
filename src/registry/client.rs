//! One request to a registry: through its gate, with what it asks for, and an answer that is complete or an error.

use std::sync::Arc;

use reqwest::{
    Method, StatusCode,
    header::{ACCEPT, AUTHORIZATION, HeaderMap, IF_NONE_MATCH},
};
use tokio::time::Instant;
use url::{Origin, Url};

pub(crate) use super::answer::{Answer, words};
use super::{
    Credentials,
    answer::{self, Unread},
    auth,
    challenge::Challenge,
    connection::Connection,
    counts::Kind,
    error::RegistryError,
    health::Health,
    limiter::{Entered, MustWait, Passed},
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

/// A request in flight.
struct Sent<'a> {
    kind: Kind,
    entered: Entered<'a>,
    for_token: Passed,
    watched: Watched,
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

impl From<Unread> for Trouble {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::TooLarge => Self::TooLarge,
            Unread::Slow => Self::Broken(TOO_SLOW.to_owned()),
            Unread::Broken(why) => Self::Broken(why),
        }
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
        if kind == Kind::Token {
            self.connection
                .token_door
                .check()
                .map_err(|told| self.must_wait(told))?;
        }
        if kind == Kind::Manifest {
            self.quota().check().map_err(|told| self.reserved(told))?;
        }
        Ok(())
    }

    fn quota(&self) -> Arc<Quota> {
        let identity = self.credentials().map(Credentials::identity);
        self.connection.gate.site.quotas.of(identity)
    }

    /// Looks at whether the answer asks to wait. The registry is closed by nobody but itself: a token server elsewhere
    /// closes only its own door, and the target of a redirect none.
    fn waits(
        &self,
        sent: &Sent<'_>,
        is_own: bool,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Result<(), RegistryError> {
        let told = match sent.kind {
            _ if is_own => sent.entered.answered(status, headers),
            Kind::Token => self.connection.token_door.answered(sent.for_token, status, headers),
            // The registry itself answered with a redirect.
            _ => sent.entered.answered(StatusCode::TEMPORARY_REDIRECT, &HeaderMap::new()),
        };
        told.map_err(|told| self.must_wait(told))
    }

    /// Waits for everything that a request must wait for.
    async fn enter(&self, kind: Kind) -> Result<Sent<'_>, RegistryError> {
        let quota = self.quota();
        let turn = match kind {
            // Whoever waits for the first manifest holds no slot meanwhile. Only a manifest counts that GET asks for.
            Kind::Manifest => Some(quota.turn().await),
            _ => None,
        };
        let entered = self.connection.gate.enter(kind, || self.may(kind)).await?;
        let watched = match turn {
            Some(turn) => quota.pull(turn).map_err(|told| self.reserved(told))?,
            None => quota.look(),
        };
        self.connection.counts.add(kind);
        Ok(Sent {
            kind,
            entered,
            for_token: self.connection.token_door.pass(kind),
            watched,
        })
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
    /// was given earlier is replaced once, as are challenges that have changed. Where the registry redirects to, they are
    /// about neither.
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

    /// Asks only for the headers of what [`Self::get`] would get. Where the registry redirects to, every status is an answer.
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
            let is_refused = matches!(answer.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
            let dead_token = !second && grant.stale_token().is_some() && answer::is_denied(&answer);
            if !is_refused && !dead_token || kind == Kind::Head && !answer.is_own() {
                answer.hide_type();
                return Ok(answer);
            }
            if !answer.is_own() {
                return Err(Trouble::Broken(format!("{}{}", answer.says("it"), words(&answer))));
            }
            let asked = answer.challenges();
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

    /// Sends one request through the gate. Answers of every status come back, except those of the registry and of token
    /// servers that ask to wait.
    pub(crate) async fn send(
        &self,
        kind: Kind,
        request: http::RequestBuilder,
        limit: usize,
    ) -> Result<Answer, Trouble> {
        let sent = self.enter(kind).await?;
        let began = Instant::now();
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
        let elsewhere = host_elsewhere(response.url(), &self.connection.api.origin());
        let is_own = elsewhere.is_none();
        if let Err(error) = self.waits(&sent, is_own, status, &headers) {
            self.health.answered(self.connection, kind);
            return Err(error.into());
        }
        // A refusal to whoever did not log in yet says nothing about pulls.
        let tells = is_own && !matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        sent.watched.answered(tells.then_some(&headers));
        // Of an answer that is not a success it only serves a message.
        let is_needed = status == StatusCode::OK;
        let read = answer::read(response, if is_needed { limit } else { MAX_ERROR_BODY }).await;
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
            took: began.elapsed(),
            hidden,
            elsewhere,
        })
    }
}

/// The host of `url`, when that is not of the origin of the registry.
fn host_elsewhere(url: &Url, own: &Origin) -> Option<String> {
    (url.origin() != *own).then(|| url.host_str().unwrap_or_default().to_owned())
}

/// Probes the API and tells what it asks for. Credentials are not sent.
pub(crate) async fn probe(ask: &Ask<'_>) -> Result<Vec<Challenge>, RegistryError> {
    let request = ask.connection.client.get(ask.connection.probe_url());
    match ask.send(Kind::Ping, request, MAX_ERROR_BODY).await {
        Ok(answer) if answer.status == StatusCode::OK => Ok(Vec::new()),
        Ok(answer) if answer.status == StatusCode::UNAUTHORIZED && answer.is_own() => Ok(answer.challenges()),
        Ok(answer) => Err(ask.unavailable(&format!("{} where a registry says 200 or 401", answer.says("it")))),
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
