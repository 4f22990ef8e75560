//! Where updates are written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// WriteBackConfig says where updates are written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WriteBackConfig {
    /// Method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Short form of `gitConfig.author.name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git_commit_user: Option<String>,
    /// Short form of `gitConfig.author.email`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git_commit_email: Option<String>,
    /// Git.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git_config: Option<GitConfig>,
}

/// GitConfig says where in git updates are written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitConfig {
    /// Repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write_back_target: Option<String>,
    /// Author.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<Author>,
    /// Message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Grouping.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit_grouping: Option<String>,
    /// Refresh.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_application: Option<bool>,
    /// Sync windows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub respect_sync_windows: Option<bool>,
    /// Pull request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<PullRequest>,
}

/// Author of commits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Author {
    /// Name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Email.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

/// PullRequest says where and how pull requests are opened.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PullRequest {
    /// GitHub.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub github: Option<PullRequestProvider>,
    /// GitLab.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gitlab: Option<PullRequestProvider>,
    /// Gitea.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gitea: Option<PullRequestProvider>,
    /// Bitbucket Cloud.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bitbucket: Option<PullRequestProvider>,
    /// Bitbucket Server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bitbucket_server: Option<PullRequestProvider>,
    /// Azure DevOps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub azure_dev_ops: Option<PullRequestProvider>,
    /// Labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<String>>,
    /// Assignees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assignees: Option<Vec<String>>,
    /// Reviewers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reviewers: Option<Vec<String>>,
    /// Draft.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draft: Option<bool>,
    /// Auto merge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_merge: Option<bool>,
    /// Title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// PullRequestProvider has no settings yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PullRequestProvider {}
