//! What the tokens of GitHub Apps are got with. Asking for them is somebody else's work: this layer knows git only.

use std::{fmt, time::Duration};

use futures::future::BoxFuture;
use url::Url;

use super::{
    credentials::GitHubApp,
    error::GitError,
    transport::{Call, TransportOptions, check},
    trust::ca_bundle,
};
use crate::{
    core::{foreign::ForeignText, repository_url},
    http::ClientSettings,
    secret::Secret,
};

/// The REST API of github.com.
const GITHUB: &str = "https://api.github.com";
/// The longest that a token is waited for.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Gives tokens of GitHub Apps.
pub trait AppTokens: fmt::Debug + Send + Sync {
    /// A token that is good for a while; another one than `refused`, unless that was given only a moment ago. The error
    /// is for people and holds nothing secret.
    fn token(&self, wanted: WantedToken) -> BoxFuture<'static, Result<Secret, String>>;
}

/// A token that is wanted.
#[derive(Debug, Clone)]
pub struct WantedToken {
    /// The App.
    pub app: GitHubApp,
    /// The REST API.
    pub api: Url,
    /// Owner and repository, which tell the installation when the App does not.
    pub repository: (String, String),
    /// How the API is connected to.
    pub client: ClientSettings,
    /// A token that the server no longer takes.
    pub refused: Option<Secret>,
}

/// A token of a GitHub App for the repository of a call. The API is connected to as the repository is.
pub(super) async fn token(
    options: &TransportOptions,
    call: &Call<'_>,
    app: &GitHubApp,
    refused: Option<Secret>,
) -> Result<Secret, GitError> {
    let failed = |reason: String| GitError::Token {
        repository: call.url.clone(),
        reason: ForeignText::new(&reason),
    };
    let connection = &call.credentials.connection;
    let api = app.base_url.clone().or_else(|| Url::parse(GITHUB).ok());
    let (Some(source), Some(api)) = (&options.app_tokens, api) else {
        return Err(failed("GitHub Apps are not supported here".to_owned()));
    };
    let host = api.host_str().unwrap_or_default();
    let port = api.port_or_known_default().unwrap_or_default();
    let proxy = connection.proxy.as_ref().filter(|proxy| proxy.serves(host, port));
    if let Some(proxy) = proxy {
        check(call.url, proxy.host()).await?;
    }
    let bundle = ca_bundle(&options.tls_dirs, host).await;
    let client = ClientSettings {
        insecure: connection.insecure,
        extra_roots: bundle.into_iter().map(|(_, bytes)| bytes).collect(),
        // The repository's own proxy counts instead of the environment's, also where it is not to be used.
        system_proxy: connection.proxy.is_none(),
        proxy: proxy.map(|proxy| proxy.url().clone()),
        client_identity: connection.client_certificate.as_ref().map(|shown| {
            let (certificate, key) = (shown.certificate.expose(), shown.key.expose());
            format!("{certificate}\n{key}").into()
        }),
        total_timeout: TIMEOUT,
        ..ClientSettings::default()
    };
    let repository = repository_url::owner_and_repo(call.url.as_str());
    let wanted = WantedToken {
        app: app.clone(),
        api,
        repository: repository
            .ok_or_else(|| failed("the path of the URL is not owner/repository, as GitHub has it".to_owned()))?,
        client,
        refused,
    };
    source.token(wanted).await.map_err(failed)
}
