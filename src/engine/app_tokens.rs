//! Gives the git layer what GitHub gives to Apps.

use std::sync::Arc;

use futures::future::BoxFuture;

use crate::{
    git::{AppTokens, WantedToken},
    identity::{GitHubApp, GitHubApps},
    secret::Secret,
};

/// Tokens of GitHub Apps for git. All who share the value share the tokens.
pub fn app_tokens() -> Arc<dyn AppTokens> {
    Arc::new(Tokens::default())
}

#[derive(Debug, Default)]
struct Tokens(Arc<GitHubApps>);

impl AppTokens for Tokens {
    fn token(&self, wanted: WantedToken) -> BoxFuture<'static, Result<Secret, String>> {
        let apps = Arc::clone(&self.0);
        Box::pin(async move {
            let WantedToken {
                app,
                api,
                repository: (owner, name),
                client,
                refused,
            } = wanted;
            let app = GitHubApp {
                id: app.id,
                installation: app.installation,
                private_key: app.private_key,
                api,
            };
            let token = apps.token(&app, (&owner, &name), &client, refused.as_ref());
            token.await.map_err(|error| error.to_string())
        })
    }
}
