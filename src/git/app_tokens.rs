//! What the tokens of GitHub Apps are got with. Asking for them is somebody else's work: this layer knows git only.

use std::fmt;

use futures::future::BoxFuture;
use url::Url;

use super::{credentials::GitHubApp, url::RemoteUrl};
use crate::{core::repository_url, http::ClientSettings, secret::Secret};

/// The REST API of github.com.
const GITHUB: &str = "https://api.github.com";

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

/// The REST API of the App's server.
pub(super) fn api(app: &GitHubApp) -> Option<Url> {
    app.base_url.clone().or_else(|| Url::parse(GITHUB).ok())
}

/// Owner and repository as GitHub's API wants them.
pub(super) fn repository(url: &RemoteUrl) -> Result<(String, String), String> {
    repository_url::owner_and_repo(url.as_str())
        .ok_or_else(|| "its path is not owner/repository, as GitHub has it".to_owned())
}
