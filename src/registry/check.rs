//! Whether a registry can be reached, and whether it takes the credentials that are configured for it.
//!
//! Nothing is asked about a repository: the version probe of the distribution specification says whether this is a registry
//! and how it wants to be logged in to, and a login needs no more than that.

use std::sync::Arc;

use reqwest::{
    StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE},
};

use super::{
    Credentials, auth,
    client::{self, Answer, Ask, Trouble},
    counts::Kind,
    error::RegistryError,
    health::Health,
    pool::Registries,
    session::RepoKey,
};
use crate::core::registries::RegistryProfile;

/// How much is read of the answer to a probe.
const MAX_ANSWER: usize = 64 * 1024;

/// What a registry says to a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// It lets everybody read, and credentials were not looked at.
    NotAsked,
    /// It gives tokens, and there are no credentials: what everybody may read can be read.
    Anonymous,
    /// It wants user and password, and there are none.
    Missing,
    /// It takes the credentials.
    Accepted,
    /// It does not, or that could not be found out.
    Failed(RegistryError),
}

impl Registries {
    /// Asks whether this is a registry, and logs in with `credentials`. An error when it does not answer as a registry does, or
    /// a setting of the entry cannot be used.
    pub async fn check(
        &self,
        profile: &Arc<RegistryProfile>,
        credentials: Option<Arc<Credentials>>,
    ) -> Result<Login, RegistryError> {
        let connection = self.connection(profile).await?;
        let repo = RepoKey {
            profile: Arc::clone(profile),
            repository: String::new(),
            credentials,
        };
        let ask = Ask {
            connection: &connection,
            health: &Health::default(),
            repo: &repo,
        };
        let answer = version(&ask, None).await?;
        let challenges = match answer.status {
            StatusCode::OK if is_page(&answer) => {
                return Err(ask.unavailable("it answers with a web page, not as a registry"));
            }
            StatusCode::OK => return Ok(Login::NotAsked),
            StatusCode::UNAUTHORIZED if answer.is_own() => answer.challenges(),
            _ => {
                let (says, words) = (answer.says("it"), client::words(&answer));
                return Err(ask.unavailable(&format!("{says}{words} where a registry says 200 or 401")));
            }
        };
        if challenges.is_empty() {
            return Err(ask.unavailable("it answers 401 and does not say how to log in"));
        }
        if ask.credentials().is_none() {
            let gives_tokens = challenges.iter().any(|challenge| challenge.scheme == "bearer");
            return Ok(if gives_tokens { Login::Anonymous } else { Login::Missing });
        }
        let login = match auth::grant(&ask, &challenges, None).await {
            // Whoever gives tokens has looked at the credentials; a password is only looked at when it is sent.
            Ok(grant @ auth::Grant::Basic(_)) => log_in(&ask, &grant).await,
            Ok(auth::Grant::Open | auth::Grant::Bearer { .. }) => Ok(()),
            Err(error) => Err(error),
        };
        Ok(login.map_or_else(Login::Failed, |()| Login::Accepted))
    }
}

async fn log_in(ask: &Ask<'_>, grant: &auth::Grant) -> Result<(), RegistryError> {
    let answer = version(ask, Some(grant)).await?;
    let (says, words) = (answer.says("it"), client::words(&answer));
    if !answer.is_own() {
        return Err(ask.unavailable(&format!("{says}{words}: what is sent to log in does not go there")));
    }
    if answer.status == StatusCode::OK {
        return Ok(());
    }
    Err(ask.unauthorized(&format!("{says}{words}")))
}

/// The answer to the version probe, with what was granted.
async fn version(ask: &Ask<'_>, grant: Option<&auth::Grant>) -> Result<Answer, RegistryError> {
    let mut request = ask.connection.client.get(ask.connection.probe_url());
    if let Some(header) = grant.and_then(auth::Grant::header) {
        request = request.header(AUTHORIZATION, header.clone());
    }
    let answer = ask.send(Kind::Ping, request, MAX_ANSWER).await;
    answer.map_err(|trouble| match trouble {
        Trouble::Registry(error) => error,
        Trouble::TooLarge => ask.unavailable("its answer is not a registry's"),
        Trouble::Broken(why) => ask.unavailable(&why),
    })
}

/// Whether this is for people to read, as the page of a proxy that wants a login first.
fn is_page(answer: &Answer) -> bool {
    let value = answer.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.is_some_and(|value| value.trim_start().to_ascii_lowercase().starts_with("text/html"))
}
