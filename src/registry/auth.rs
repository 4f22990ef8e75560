//! Who is told which credentials.
//!
//! They go to the registry's own origin, and to the token realm that this registry itself named: over https, or, for a
//! registry that is spoken to over plain http, over http on the same host. Nobody else is told anything.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::header::HeaderValue;
use url::Url;

use super::{
    challenge::Challenge,
    client::Ask,
    error::RegistryError,
    token::{Token, TokenKey},
};
use crate::secret::Secret;

/// What a request is sent with.
pub(crate) enum Grant {
    /// Nothing is asked for.
    Open,
    /// User and password.
    Basic(HeaderValue),
    /// A token; `cached` when it was given for an earlier request and may have been revoked since.
    Bearer { token: Token, cached: bool },
}

impl Grant {
    /// The `Authorization` header.
    pub(crate) fn header(&self) -> Option<&HeaderValue> {
        match self {
            Self::Open => None,
            Self::Basic(header) => Some(header),
            Self::Bearer { token, .. } => Some(&token.header),
        }
    }

    /// The token, when a fresh one might be taken although this one was refused.
    pub(crate) fn stale_token(&self) -> Option<&Secret> {
        match self {
            Self::Bearer { token, cached: true } => Some(&token.secret),
            _ => None,
        }
    }
}

/// Satisfies the first challenge that can be satisfied.
pub(crate) async fn grant(
    ask: &Ask<'_>,
    challenges: &[Challenge],
    refused: Option<&Secret>,
) -> Result<Grant, RegistryError> {
    if challenges.is_empty() {
        return Ok(Grant::Open);
    }
    let mut problem = "it asks for a way to log in that is not supported";
    for challenge in challenges {
        match challenge.scheme.as_str() {
            "basic" => match ask.credentials().filter(|c| c.is_complete()) {
                Some(credentials) if credentials.is_identity_token() => {
                    problem = "it asks for user and password, and an identity token is neither: only token servers take \
                               it; configure user and password";
                }
                Some(credentials) => {
                    return basic(&credentials.username, &credentials.password)
                        .map(Grant::Basic)
                        .map_err(|()| ask.unauthorized("the user name or password cannot be sent"));
                }
                None => problem = "it asks for user and password, and no complete credentials are configured",
            },
            "bearer" => match realm(&ask.connection.api, challenge) {
                Ok(realm) => {
                    let key = TokenKey {
                        realm,
                        service: challenge.param("service").filter(|s| !s.is_empty()).map(str::to_owned),
                        scope: scope(ask),
                        identity: ask.credentials().map(super::Credentials::fingerprint),
                    };
                    let (token, cached) = ask.connection.tokens.get(ask, key, refused).await?;
                    return Ok(Grant::Bearer { token, cached });
                }
                Err(why) => problem = why,
            },
            _ => {}
        }
    }
    Err(ask.unauthorized(problem))
}

/// What a token is asked for; empty when no repository is asked for, which logs in and allows nothing.
fn scope(ask: &Ask<'_>) -> String {
    if ask.repository().is_empty() {
        return String::new();
    }
    format!("repository:{}:{}", ask.repository(), ask.connection.actions)
}

/// How credentials look when a server says back what it was sent.
pub(crate) fn spellings(credentials: &super::Credentials) -> Vec<Secret> {
    let pair = format!("{}:{}", credentials.username, credentials.password.expose());
    let encoded = STANDARD.encode(&pair);
    let unpadded = encoded.trim_end_matches('=').to_owned();
    vec![
        Secret::new(encoded),
        Secret::new(unpadded),
        credentials.password.clone(),
    ]
}

fn basic(username: &str, password: &Secret) -> Result<HeaderValue, ()> {
    let pair = STANDARD.encode(format!("{username}:{}", password.expose()));
    let mut header = HeaderValue::from_str(&format!("Basic {pair}")).map_err(|_| ())?;
    header.set_sensitive(true);
    Ok(header)
}

/// The realm of a bearer challenge, when it may be told credentials.
fn realm(api: &Url, challenge: &Challenge) -> Result<Url, &'static str> {
    let realm = challenge.param("realm").unwrap_or("");
    let mut realm = Url::parse(realm).map_err(|_| "the token realm that it names is not a URL")?;
    if !realm.username().is_empty() || realm.password().is_some() {
        return Err("the token realm that it names holds user and password");
    }
    let plain = realm.scheme() == "http" && api.scheme() == "http" && realm.host() == api.host();
    if !(plain || realm.scheme() == "https") || !realm.has_host() {
        return Err("the token realm that it names is not https; credentials are not sent there");
    }
    realm.set_fragment(None);
    Ok(realm)
}

#[cfg(test)]
mod tests {
    use super::{super::challenge, *};

    #[test]
    fn a_token_realm_must_be_https_unless_the_registry_itself_is_not() {
        for (api, named, fits) in [
            ("https://r.test", "https://auth.test/token", true),
            ("https://r.test", "http://auth.test/token", false),
            ("https://r.test", "http://r.test/token", false),
            ("http://r.test:5000", "http://r.test:5001/token", true),
            ("http://r.test", "http://other.test/token", false),
            ("http://r.test", "https://other.test/token", true),
            ("https://r.test", "https://bob:pw@auth.test/token", false),
            ("https://r.test", "/token", false),
            ("https://r.test", "file:///etc/passwd", false),
            ("https://r.test", "", false),
        ] {
            let challenges = challenge::parse(&format!("Bearer realm=\"{named}\""));
            assert_eq!(
                realm(&Url::parse(api).unwrap(), &challenges[0]).is_ok(),
                fits,
                "{api} {named}"
            );
        }
    }
}
