//! How tags are chosen.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// CommonUpdateSettings says how tags are chosen. Field by field the most specific level that has the field wins.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommonUpdateSettings {
    /// Example: `semver`, which is the default. Also `newest-build` (or `latest`), `alphabetical` (or `name`),
    /// `digest`; new: `numerical`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_strategy: Option<String>,
    /// `true` updates the image even when Argo CD does not report it as running. Default `false`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub force_update: Option<bool>,
    /// Example: `regexp:^v1\.`. Only tags that match are considered; `any` (the default) allows all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_tags: Option<String>,
    /// Example: `["*-rc*", latest]`. Globs of tags that are never chosen. An explicit empty list removes what an outer
    /// level ignores.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub ignore_tags: Option<Vec<String>>,
    /// Example: `pullsecret:argocd/regcred`. Credentials of the registry: `pullsecret:namespace/name`,
    /// `secret:namespace/name#key`, `env:NAME`, `ext:/path/of/script`, `aws:`, `gcp:` or `azure:`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull_secret: Option<String>,
    /// Example: `["linux/amd64", "linux/arm64"]`. Platforms for which the image must exist; checked where the registry is
    /// asked about a tag: `newest-build`, `digest`, `pinDigest`, `minimumAge`. Default is the platform of the
    /// controller.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub platforms: Option<Vec<String>>,
    /// New. Example: `^main-[0-9a-f]+-(?P<key>[0-9]+)$`. The part of the tag that the strategy compares; the whole tag
    /// is written. Tags that do not match are not considered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extract: Option<String>,
    /// New. `asc` (default) or `desc`: which end of a numerical or alphabetical order is the newest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// New. Example: `72h`. A tag is chosen only when it is at least this old.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_age: Option<String>,
    /// New. `true` lets the strategy go back to an older version. Default `false`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_downgrade: Option<bool>,
    /// New. `true` writes `tag@digest` instead of the tag alone. Default `false`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pin_digest: Option<bool>,
    /// New. `live` (default) or `manifest`: where the current version is read from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_from: Option<String>,
}
