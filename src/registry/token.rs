//! Bearer tokens, as Docker's token authentication specification describes them.
//!
//! A token belongs to a realm, a scope and the credentials that it was given for. It is used until it expires by everybody
//! who asks for the same, and fetched once when many need it at the same time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use reqwest::header::HeaderValue;
use serde::Deserialize;
use tokio::time::Instant;
use url::Url;

use super::{
    client::{Answer, Ask, Trouble, words},
    counts::Kind,
    credentials::{Credentials, CredentialsIdentity},
    error::RegistryError,
    refresh::Rotations,
};
use crate::{http, secret::Secret};

/// How this program names itself to token servers.
const CLIENT_ID: &str = "argocd-image-updater";
/// The shortest life of a token, whatever the server says.
const MIN_LIFE: Duration = Duration::from_mins(1);
/// The longest life of a token, whatever the server says.
const MAX_LIFE: Duration = Duration::from_hours(24);
/// How long before its end a token is no longer used: the request must still arrive.
const MARGIN: Duration = Duration::from_secs(5);
/// The longest that a token request takes.
pub(super) const TIMEOUT: Duration = Duration::from_secs(15);
/// The largest answer that is read.
pub(super) const MAX_ANSWER: usize = 1 << 20;
/// The most tokens that are remembered; expired ones are forgotten first.
const MAX_TOKENS: usize = 10_000;

/// A token that was given.
#[derive(Clone)]
pub(crate) struct Token {
    /// The value of the `Authorization` header.
    pub(crate) header: HeaderValue,
    /// The token itself, to be kept out of messages.
    pub(crate) secret: Secret,
    expires: Instant,
}

/// Whom a token is asked from, and what for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct TokenKey {
    pub(crate) realm: Url,
    pub(crate) service: Option<String>,
    pub(crate) scope: String,
    /// [`Credentials::fingerprint`]: a token lives no longer than the password that it was given for is used.
    pub(crate) identity: Option<CredentialsIdentity>,
}

type Slot = Arc<tokio::sync::Mutex<Option<Token>>>;

/// The tokens of one registry.
#[derive(Default)]
pub(crate) struct Tokens {
    slots: Mutex<HashMap<TokenKey, Slot>>,
    rotations: Rotations,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: Option<String>,
    token: Option<String>,
    expires_in: Option<f64>,
    refresh_token: Option<Secret>,
}

impl Tokens {
    /// A token that is not `refused` (the registry did not take it). The flag tells whether it was there already.
    pub(crate) async fn get(
        &self,
        ask: &Ask<'_>,
        key: TokenKey,
        refused: Option<&Secret>,
    ) -> Result<(Token, bool), RegistryError> {
        let slot = self.slot(&key);
        let mut held = slot.lock().await;
        if let Some(token) = held.as_ref()
            && token.expires > Instant::now()
            && Some(&token.secret) != refused
        {
            return Ok((token.clone(), true));
        }
        let token = match ask.credentials().filter(|c| c.is_complete() && c.is_identity_token()) {
            Some(credentials) => self.rotations.exchange(ask, &key, credentials).await?,
            None => fetch(ask, &key).await?,
        };
        *held = Some(token.clone());
        Ok((token, false))
    }

    fn slot(&self, key: &TokenKey) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= MAX_TOKENS && !slots.contains_key(key) {
            let now = Instant::now();
            // A slot that is locked is in use.
            slots.retain(|_, slot| {
                slot.try_lock()
                    .map_or(true, |held| held.as_ref().is_some_and(|token| token.expires > now))
            });
            if slots.len() >= MAX_TOKENS {
                slots.clear();
            }
        }
        Arc::clone(slots.entry(key.clone()).or_default())
    }
}

async fn fetch(ask: &Ask<'_>, key: &TokenKey) -> Result<Token, RegistryError> {
    let credentials = ask.credentials().filter(|c| c.is_complete());
    let mut url = key.realm.clone();
    {
        let mut query = url.query_pairs_mut();
        if let Some(service) = &key.service {
            query.append_pair("service", service);
        }
        if !key.scope.is_empty() {
            query.append_pair("scope", &key.scope);
        }
        if let Some(credentials) = credentials {
            query.append_pair("account", &credentials.username);
        }
    }
    let mut request = ask.connection.client.get(url).timeout(TIMEOUT);
    if let Some(credentials) = credentials {
        request = request.basic_auth(&credentials.username, Some(credentials.password.expose()));
    }
    let answer = match ask.send(Kind::Token, request, MAX_ANSWER).await {
        Ok(answer) => answer,
        Err(trouble) => return Err(error(ask, trouble)),
    };
    // Some servers know only the way of OAuth2, where the same is asked by POST.
    let (answer, before) = match (credentials, answer.status.as_u16()) {
        (Some(credentials), 404 | 405) => {
            let first = format!("{} to GET and ", answer.status);
            (by_password(ask, key, credentials).await?, first)
        }
        _ => (answer, String::new()),
    };
    match answer.status.as_u16() {
        200 => read(&answer.body)
            .map(|(token, _)| token)
            .map_err(|why| ask.unavailable(why)),
        400..=499 => Err(ask.unauthorized(&format!(
            "the token server answers {before}{}{}",
            answer.status,
            words(&answer)
        ))),
        _ => Err(ask.unavailable(&format!("the token server answers {before}{}", answer.status))),
    }
}

/// The password grant of "Token authentication: OAuth2".
async fn by_password(ask: &Ask<'_>, key: &TokenKey, credentials: &Credentials) -> Result<Answer, RegistryError> {
    let grant = [
        ("grant_type", "password"),
        ("username", credentials.username.as_str()),
        ("password", credentials.password.expose()),
    ];
    post(ask, key, &grant).await
}

/// Asks for a token by POST, as the document "Token authentication: OAuth2" of the distribution project says; `grant` is
/// what it is given for.
pub(super) async fn post(ask: &Ask<'_>, key: &TokenKey, grant: &[(&str, &str)]) -> Result<Answer, RegistryError> {
    let mut fields = grant.to_vec();
    fields.extend(key.service.as_deref().map(|service| ("service", service)));
    fields.extend([("client_id", CLIENT_ID), ("scope", key.scope.as_str())]);
    let request = ask.connection.client.post(key.realm.clone()).timeout(TIMEOUT);
    let sent = ask.send(Kind::Token, http::form(request, &fields), MAX_ANSWER).await;
    sent.map_err(|trouble| error(ask, trouble))
}

/// Why there is no answer of a token server.
pub(super) fn error(ask: &Ask<'_>, trouble: Trouble) -> RegistryError {
    match trouble {
        Trouble::Registry(error) => error,
        Trouble::TooLarge => ask.unavailable("its token answer is too large"),
        Trouble::Broken(why) => ask.unavailable(&format!("token answer: {why}")),
    }
}

/// The token of an answer, and the refresh token that stands beside it.
pub(super) fn read(body: &[u8]) -> Result<(Token, Option<Secret>), &'static str> {
    let answer: TokenAnswer =
        serde_json::from_slice(body).map_err(|_| "the token server's answer is not as expected")?;
    let given = |token: Option<String>| token.filter(|t| !t.is_empty()).map(Secret::new);
    let secret = given(answer.access_token)
        .or(given(answer.token))
        .ok_or("the token server's answer has no token")?;
    let mut header = HeaderValue::from_str(&format!("Bearer {}", secret.expose()))
        .map_err(|_| "the token server's answer has a token that cannot be sent")?;
    header.set_sensitive(true);
    let life = Duration::try_from_secs_f64(answer.expires_in.unwrap_or(0.0)).unwrap_or_default();
    let token = Token {
        header,
        secret,
        expires: Instant::now() + life.clamp(MIN_LIFE, MAX_LIFE) - MARGIN,
    };
    Ok((token, answer.refresh_token.filter(|t| !t.is_empty())))
}
