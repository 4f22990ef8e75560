//! What the controller reports.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// ImageUpdaterStatus is what the controller reports.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageUpdaterStatus {
    /// The generation of the spec that was last processed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub observed_generation: Option<i64>,
    /// When the registries were last asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_checked_at: Option<Time>,
    /// When an update was last written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_updated_at: Option<Time>,
    /// New. When the registries are asked next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_check_at: Option<Time>,
    /// New. The value of the annotation `argocd-image-updater.argoproj.io/reconcile-requested-at` that was last
    /// handled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
    /// How many Applications match and have images to follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub applications_matched: Option<i32>,
    /// How many images of these Applications are followed and running.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub images_managed: Option<i32>,
    /// What was written at lastUpdatedAt.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub recent_updates: Option<Vec<RecentUpdate>>,
    /// New. Tags that wait for minimumAge; the best 50.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub pending: Option<Vec<PendingTag>>,
    /// New. Images and Applications that need somebody's attention; the first 20.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub problems: Option<Vec<Problem>>,
    /// New. The commits that were pushed last, and the writes to git that failed, until their Applications are looked at
    /// again; the newest first, at most 20.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub writes: Option<Vec<Write>>,
    /// `Ready`, `Reconciling` and `Error`; and, while they are true, `Stalled`, `Suspended`, `Conflict` and `Warning`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Vec<Condition>>,
}

/// RecentUpdate is one update of the last cycle that wrote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecentUpdate {
    /// The image's alias.
    pub alias: String,
    /// The image's name, without tag.
    pub image: String,
    /// The new tag or digest.
    pub new_version: String,
    /// How many Applications got it.
    pub applications_updated: i32,
    /// When it was written.
    pub updated_at: Time,
    /// The change in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// PendingTag is a tag that waits for its minimum age.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PendingTag {
    /// The image's name, without tag.
    pub image: String,
    /// The tag; where its digest is written as well, `tag@sha256:...`.
    pub tag: String,
    /// Since when its age counts: when its image was created or, where nobody says that, when the tag was first seen.
    pub first_seen: Time,
}

/// Problem is an image or application that needs a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// The Application, `namespace/name`.
    pub application: String,
    /// The image's alias; absent when the whole Application is concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Example: `InvalidConstraint`. One CamelCase word of a closed set.
    pub reason: String,
    /// What is wrong, and the way out.
    pub message: String,
}

/// Write is one commit that was pushed, or one write to git that failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Write {
    /// The repository, without credentials.
    pub target: String,
    /// The branch that was pushed, or should have been, as far as it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The commit that was pushed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The page of the commit, where the repository is at a well-known kind of server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The Applications concerned, `namespace/name`; the first 50.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub applications: Option<Vec<String>>,
    /// How many more Applications are concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub more_applications: Option<i32>,
    /// When it was tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Time>,
    /// Why it failed; absent when it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Before when it is not tried again, unless somebody changes the resource or asks for a cycle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Time>,
}
