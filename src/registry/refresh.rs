//! Identity tokens: OAuth2 refresh tokens that a token server takes instead of user and password, as the document "Token
//! authentication: OAuth2" of the distribution project describes it.
//!
//! A server may answer with another refresh token; that one is used from then on, as long as the process lives. Where a
//! server does so, only one exchange runs at a time, since the old token may be void at once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::Mutex as AsyncMutex;

use super::{
    client::{Ask, words},
    credentials::{Credentials, CredentialsIdentity},
    error::RegistryError,
    token::{self, Token, TokenKey},
};
use crate::secret::Secret;

/// The most identity tokens that are remembered; more than that, and the configured ones count again.
const MAX_KNOWN: usize = 10_000;

/// Whom a token was rotated by, and which one.
type Key = (url::Url, Option<String>, CredentialsIdentity);

/// The identity tokens that servers gave instead of the configured ones.
#[derive(Default)]
pub(crate) struct Rotations {
    slots: Mutex<HashMap<Key, Arc<AsyncMutex<Rotation>>>>,
}

#[derive(Default)]
struct Rotation {
    /// What the server gave last; `None` while the configured one counts.
    current: Option<Secret>,
    /// The server left the token as it is: exchanges may run side by side.
    steady: bool,
}

impl Rotations {
    fn slot(&self, key: &TokenKey, credentials: &Credentials) -> Arc<AsyncMutex<Rotation>> {
        let key = (key.realm.clone(), key.service.clone(), credentials.fingerprint());
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= MAX_KNOWN && !slots.contains_key(&key) {
            slots.clear();
        }
        Arc::clone(slots.entry(key).or_default())
    }

    /// Exchanges the identity token `credentials` for an access token.
    pub(crate) async fn exchange(
        &self,
        ask: &Ask<'_>,
        key: &TokenKey,
        credentials: &Credentials,
    ) -> Result<Token, RegistryError> {
        let slot = self.slot(key, credentials);
        let held = slot.lock().await;
        let sent = held.current.clone().unwrap_or_else(|| credentials.password.clone());
        let alone = (!held.steady).then_some(held);
        let grant = [("grant_type", "refresh_token"), ("refresh_token", sent.expose())];
        let mut answer = token::post(ask, key, &grant).await?;
        answer.hidden.push(sent.clone());
        let code = answer.status.as_u16();
        let read = match code {
            200 => Some(token::read(&answer.body).map_err(|why| ask.unavailable(why))?),
            400..=499 => None,
            _ => return Err(ask.unavailable(&format!("the token server answers {}", answer.status))),
        };
        let mut held = match alone {
            Some(held) => held,
            None => slot.lock().await,
        };
        let Some((token, given)) = read else {
            if held.current.as_ref() == Some(&sent) {
                held.current = None;
            }
            let hint = if matches!(code, 404 | 405) {
                "; it may not know identity tokens at all: configure user and password"
            } else {
                ""
            };
            return Err(ask.unauthorized(&format!(
                "the token server answers {} to the identity token{}{hint}",
                answer.status,
                words(&answer)
            )));
        };
        if let Some(given) = given.filter(|given| *given != sent) {
            held.current = Some(given);
            held.steady = false;
        } else {
            held.steady = held.current.is_none();
        }
        Ok(token)
    }
}
