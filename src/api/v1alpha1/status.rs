//! What the controller reports.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// ImageUpdaterStatus is what the controller reports.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageUpdaterStatus {
    /// The generation that was last processed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Last cycle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_checked_at: Option<Time>,
    /// Last cycle that wrote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_updated_at: Option<Time>,
    /// Next cycle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_check_at: Option<Time>,
    /// Handled request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
    /// Applications.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applications_matched: Option<i32>,
    /// Images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images_managed: Option<i32>,
    /// Updates of the last cycle that wrote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recent_updates: Option<Vec<RecentUpdate>>,
    /// Tags that wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<Vec<PendingTag>>,
    /// Problems.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problems: Option<Vec<Problem>>,
    /// Writes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub writes: Option<Vec<Write>>,
    /// Conditions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Vec<Condition>>,
}

/// RecentUpdate is one update of the last cycle that wrote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecentUpdate {
    /// Alias.
    pub alias: String,
    /// Image.
    pub image: String,
    /// New version.
    pub new_version: String,
    /// Applications.
    pub applications_updated: i32,
    /// Time.
    pub updated_at: Time,
    /// Message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// PendingTag is a tag that waits for its minimum age.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PendingTag {
    /// Image.
    pub image: String,
    /// Tag.
    pub tag: String,
    /// First seen.
    pub first_seen: Time,
}

/// Problem is an image or application that needs a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Application.
    pub application: String,
    /// Alias.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Reason.
    pub reason: String,
    /// Message.
    pub message: String,
}

/// Write is one target that was written, or failed to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Write {
    /// Target.
    pub target: String,
    /// Branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Applications.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applications: Option<Vec<String>>,
    /// Time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Time>,
    /// Error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Retry at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Time>,
}
