//! Tokens of GitHub Apps, as "Authenticating as a GitHub App installation" of GitHub's documentation has it: a JSON web
//! token that the App's key signs is exchanged for one that is good for an hour, in all repositories of the installation.

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::{
    IdentityError, Login,
    kept::{Given, Kept},
    rs256,
    transport::{ask, below, endpoint},
};
use crate::{
    core::foreign::ForeignText,
    http::{self, Client, ClientSettings, RequestBuilder},
    secret::Secret,
};

/// How this vendor is called in errors.
const GITHUB: &str = "github";
/// The user that stands beside a token.
const USER: &str = "x-access-token";
/// The version of the REST API whose answers are understood.
const API_VERSION: &str = "2022-11-28";
/// How long ago a JSON web token says that it was made: the clocks of the two machines may differ.
const CLOCK_SKEW: i64 = 60;
/// How long it is good, in seconds; GitHub allows ten minutes.
const LIFE: i64 = 540;
/// A token this young is not replaced when it is refused: what is missing is a permission.
const SETTLES: Duration = Duration::from_mins(1);
/// The most clients that are kept.
const MAX_CLIENTS: usize = 100;

/// An App, and where it is known.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct GitHubApp {
    /// Its number.
    pub id: u64,
    /// The number of its installation; `None` is looked up from the repository.
    pub installation: Option<u64>,
    /// Its private key: RSA, PEM.
    pub private_key: Secret,
    /// The REST API of the server (`https://api.github.com`).
    pub api: Url,
}

impl fmt::Debug for GitHubApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "GitHubApp({} at {})",
            self.id,
            self.api.host_str().unwrap_or_default()
        )
    }
}

/// What a token is for: all that could make another one of it.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    app: GitHubApp,
    /// Owner and repository, when they tell the installation.
    repository: Option<(String, String)>,
    client: ClientSettings,
}

/// The tokens of all Apps. A token is kept until five minutes before its end.
pub struct GitHubApps {
    tokens: Kept<Key>,
    clients: Mutex<HashMap<ClientSettings, Client>>,
}

/// What `POST /app/installations/{installation_id}/access_tokens` answers.
#[derive(Deserialize)]
struct Token {
    token: Secret,
    expires_at: Timestamp,
}

/// What `GET /repos/{owner}/{repo}/installation` answers.
#[derive(Deserialize)]
struct Installation {
    id: u64,
}

impl Default for GitHubApps {
    fn default() -> Self {
        Self {
            tokens: Kept::new(SETTLES),
            clients: Mutex::default(),
        }
    }
}

impl fmt::Debug for GitHubApps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GitHubApps")
    }
}

impl GitHubApps {
    /// A token for a repository (owner and name), to be the password of its user `x-access-token`. One that was `refused`
    /// is replaced, unless it was given in the last minute.
    pub async fn token(
        &self,
        app: &GitHubApp,
        (owner, name): (&str, &str),
        client: &ClientSettings,
        refused: Option<&Secret>,
    ) -> Result<Secret, IdentityError> {
        let by_name = app.installation.is_none();
        let key = Key {
            app: app.clone(),
            repository: by_name.then(|| (owner.to_lowercase(), name.to_lowercase())),
            client: client.clone(),
        };
        let ask = Box::pin(self.ask(app, (owner, name), client));
        Ok(self.tokens.login(key, refused, ask).await?.password)
    }

    async fn ask(
        &self,
        app: &GitHubApp,
        repository: (&str, &str),
        client: &ClientSettings,
    ) -> Result<Given, IdentityError> {
        let api = endpoint(app.api.as_str()).map_err(|why| failed("githubAppEnterpriseBaseUrl", &why))?;
        let client = self.client(client)?;
        let proof = proof(app, Timestamp::now()).map_err(|why| failed("githubAppPrivateKey", why))?;
        let installation = match app.installation {
            Some(id) => id,
            None => look_up(&client, &api, &proof, repository).await?,
        };
        let url = below(
            &api,
            &["app", "installations", &installation.to_string(), "access_tokens"],
        );
        let step = format!("POST /app/installations/{installation}/access_tokens");
        let body = send(client.post(url), &proof, &step).await?;
        let token: Token =
            serde_json::from_slice(&body).map_err(|_| failed(&step, "its answer has no token and expires_at"))?;
        let life = token.expires_at.duration_since(Timestamp::now());
        Ok(Given {
            login: Login {
                username: USER.to_owned(),
                password: token.token,
                source: format!("github app {}", app.id),
            },
            // A clock that is wrong by hours is as good as no time; then the token is renewed when it is refused.
            life: Duration::try_from(life).unwrap_or_default(),
        })
    }

    /// The client with these settings; those of Apps that are no longer used do not stay for ever.
    fn client(&self, settings: &ClientSettings) -> Result<Client, IdentityError> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(settings) {
            return Ok(client.clone());
        }
        let client = http::client(settings).map_err(|error| failed("connecting", &error.to_string()))?;
        if clients.len() >= MAX_CLIENTS {
            clients.clear();
        }
        clients.insert(settings.clone(), client.clone());
        Ok(client)
    }
}

/// The number of the App's installation for a repository.
async fn look_up(
    client: &Client,
    api: &Url,
    proof: &Secret,
    (owner, name): (&str, &str),
) -> Result<u64, IdentityError> {
    let url = below(api, &["repos", owner, name, "installation"]);
    let step = format!("GET /repos/{owner}/{name}/installation (there is no githubAppInstallationID)");
    let body = send(client.get(url), proof, &step).await?;
    let installation: Installation =
        serde_json::from_slice(&body).map_err(|_| failed(&step, "its answer has no id"))?;
    Ok(installation.id)
}

async fn send(request: RequestBuilder, proof: &Secret, step: &str) -> Result<Vec<u8>, IdentityError> {
    let request = request
        .bearer_auth(proof.expose())
        .header("accept", "application/vnd.github+json")
        .header("x-github-api-version", API_VERSION);
    ask(request, &[proof]).await.map_err(|why| failed(step, &why))
}

/// "Generating a JSON Web Token (JWT) for a GitHub App".
fn proof(app: &GitHubApp, now: Timestamp) -> Result<Secret, &'static str> {
    let made = now.as_second() - CLOCK_SKEW;
    let claims = json!({"iat": made, "exp": made + CLOCK_SKEW + LIFE, "iss": app.id.to_string()});
    rs256::token(&json!({"alg": "RS256", "typ": "JWT"}), &claims, &app.private_key)
}

fn failed(step: &str, reason: &str) -> IdentityError {
    IdentityError::Failed {
        vendor: GITHUB,
        step: step.to_owned(),
        reason: ForeignText::new(reason),
    }
}
