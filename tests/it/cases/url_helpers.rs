//! What repository and API URLs say.

use argocd_image_updater::core::{
    registries::token_actions,
    repository_url::{gitlab_project, graphql_endpoint, owner_and_repo},
};
use serde_json::{Value, json};

pub(super) fn run(input: &Value) -> Result<Value, String> {
    let text = |key: &str| input[key].as_str().ok_or(format!("no {key}"));
    match input["kind"].as_str() {
        Some("repo_url") => {
            let url = text("url")?;
            let github = owner_and_repo(url).map(|(owner, repo)| json!({"owner": owner, "repo": repo}));
            Ok(json!({"github": github, "gitlab_project": gitlab_project(url)}))
        }
        Some("graphql_endpoint") => Ok(json!({"url": graphql_endpoint(text("api_base_url")?)})),
        Some("registry_token_actions") => Ok(json!({"actions": token_actions(text("api_url")?)})),
        other => Err(format!("unknown kind {other:?}")),
    }
}
