//! One request to a registry: through its gate, with what it asks for, and an answer that is complete or an error.

use bytes::{Bytes, BytesMut};
use reqwest::{
    Response, StatusCode,
    header::{ACCEPT, AUTHORIZATION, HeaderMap},
};
use serde::Deserialize;
use url::Url;

use super::{
    Credentials, auth,
    challenge::{self, Challenge},
    connection::Connection,
    counts::Kind,
    error::RegistryError,
    health::Health,
    limiter::MustWait,
    session::RepoKey,
};
use crate::{core::foreign::ForeignText, http, secret::Secret};

/// How much is read of an answer that is not a success.
const MAX_ERROR_BODY: usize = 64 * 1024;

/// One repository, asked by one user, in one session.
pub(crate) struct Ask<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) health: &'a Health,
    pub(crate) repo: &'a RepoKey,
}

/// A whole answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// What was sent along, and must not come back in a message.
    pub(crate) hidden: Vec<Secret>,
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
        let mut challenges = self.health.challenges(self).await?;
        let mut refused = None;
        let mut second = false;
        loop {
            let grant = auth::grant(self, &challenges, refused.as_ref()).await?;
            let mut request = self.connection.client.get(url.clone());
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
        self.health.check()?;
        let limited = !matches!(kind, Kind::Ping | Kind::Token);
        let entered = self.connection.gate.enter(limited).await;
        let _in_flight = entered.map_err(|told| self.must_wait(told))?;
        // Many may have waited here while the registry died.
        self.health.check()?;
        self.connection.counts.add(kind);
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => {
                let unavailable = self.unavailable(&error.to_string());
                if error.is_connect() || error.is_timeout() {
                    self.health.failed(&unavailable);
                }
                return Err(unavailable.into());
            }
        };
        self.health.answered();
        let (status, headers) = (response.status(), response.headers().clone());
        let asked = self.connection.gate.close_if_asked(status, &headers);
        asked.map_err(|told| self.must_wait(told))?;
        let body = if status == StatusCode::OK {
            read(response, limit).await?
        } else {
            // It only serves a message.
            read(response, MAX_ERROR_BODY).await.unwrap_or_default()
        };
        let hidden = self.credentials().map(auth::spellings).unwrap_or_default();
        Ok(Answer {
            status,
            headers,
            body,
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

/// The body, complete and within `limit` (counted after decompression).
async fn read(mut response: Response, limit: usize) -> Result<Bytes, Trouble> {
    if response.content_length().is_some_and(|length| length > limit as u64) {
        return Err(Trouble::TooLarge);
    }
    let mut body = BytesMut::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > limit => return Err(Trouble::TooLarge),
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body.freeze()),
            Err(error) => return Err(Trouble::Broken(format!("it broke off: {}", http::reason(&error)))),
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
fn is_denied(answer: &Answer) -> bool {
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
    let mut text = format!(": {} {}", first.code, first.message);
    for secret in answer.hidden.iter().filter(|s| !s.is_empty()) {
        text = text.replace(secret.expose(), "***");
    }
    text
}
