//! Where updates are written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// WriteBackConfig says where updates are written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WriteBackConfig {
    /// Example: `git`. `argocd` (default) changes the Application; `git` (or `git:repocreds`) commits with the
    /// credentials that Argo CD has for the repository; `git:secret:namespace/name` with those of a Secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^(argocd|git|git:[a-zA-Z0-9][a-zA-Z0-9-._/:]*)$"))]
    pub method: Option<String>,
    /// New. Example: `bot`. Short form of `gitConfig.author.name`, which wins when both are set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git_commit_user: Option<String>,
    /// New. Example: `bot@example.com`. Short form of `gitConfig.author.email`, which wins when both are set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git_commit_email: Option<String>,
    /// Example: `{branch: main}`. What is committed, where, and by whom; for the method git.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git_config: Option<GitConfig>,
}

/// GitConfig says where in git updates are written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitConfig {
    /// Example: `https://git.example.com/acme/deploy.git`. Default is the repository of the Application's source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Example: `main`, or `main:image-updater-{{ .SHA256 }}` to push to a branch of its own. Default is the revision
    /// of the Application's source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Example: `kustomization`, `kustomization:overlays/prod`, `helmvalues`, `helmvalues:/charts/values.yaml`,
    /// `helmvalues:$values/prod.yaml`. The file that is changed; a leading `/` means from the repository root, `$NAME/`
    /// from the root of the repository of the source with `ref: NAME`. New: `manifests`, `manifests:**/deploy-*.yaml`
    /// changes `image:` fields of containers and values with a setter comment in plain manifests. Default is
    /// `.argocd-source-NAME.yaml` beside the manifests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write_back_target: Option<String>,
    /// New. Example: `{name: bot, email: bot@example.com}`. The author of commits; taken whole. Default is the
    /// controller's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<Author>,
    /// New. Example: `deploy {{ .AppName }}`. A Go template for the commit message. Default is the controller's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// New. `application` (default): one commit for each Application. `target`: one for all that goes to one branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit_grouping: Option<String>,
    /// New. `true` (default) asks Argo CD to refresh the Application after a push to the branch that it follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_application: Option<bool>,
    /// New. `true` writes only while the sync windows of the AppProject allow a sync. Default `false`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub respect_sync_windows: Option<bool>,
    /// Example: `github: {}`. Opens a pull or merge request instead of pushing to the branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<PullRequest>,
}

/// Author is the author of commits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Author {
    /// Example: `bot`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Example: `bot@example.com`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

/// PullRequest says where and how pull requests are opened: exactly one of the providers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("oneOf" = [
    {"required": ["github"]}, {"required": ["gitlab"]}, {"required": ["gitea"]},
    {"required": ["bitbucket"]}, {"required": ["bitbucketServer"]}, {"required": ["azureDevops"]},
]))]
pub struct PullRequest {
    /// Example: `{}`. A pull request on GitHub.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub github: Option<PullRequestProvider>,
    /// Example: `{}`. A merge request on GitLab.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gitlab: Option<PullRequestProvider>,
    /// New. Example: `{}`. A pull request on Gitea or Forgejo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gitea: Option<PullRequestProvider>,
    /// New. Example: `{}`. A pull request on Bitbucket Cloud.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bitbucket: Option<PullRequestProvider>,
    /// New. Example: `{}`. A pull request on Bitbucket Server or Data Center.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bitbucket_server: Option<PullRequestProvider>,
    /// New. Example: `{}`. A pull request on Azure DevOps.
    #[serde(rename = "azureDevops", skip_serializing_if = "Option::is_none")]
    pub azure_dev_ops: Option<PullRequestProvider>,
    /// Example: `[dependencies]`. Labels of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 100),
        inner(length(min = 1, max = 255)),
        extend("x-kubernetes-list-type" = "atomic")
    )]
    pub labels: Option<Vec<String>>,
    /// New. Example: `[alice]`. Who the request is assigned to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub assignees: Option<Vec<String>>,
    /// New. Example: `[bob]`. Who is asked for a review.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub reviewers: Option<Vec<String>>,
    /// New. `true` opens the request as a draft. Default `false`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draft: Option<bool>,
    /// New. `true` asks the forge to merge the request once its checks pass. Default `false`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_merge: Option<bool>,
    /// New. A Go template for the title. Default is the first line of the commit message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// New. A Go template for the text. Default is the rest of the commit message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// PullRequestProvider has no settings yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PullRequestProvider {}
