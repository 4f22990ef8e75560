//! How tags are chosen.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// CommonUpdateSettings says how tags are chosen. Field by field the most specific level that has the field wins.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommonUpdateSettings {
    /// Strategy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_strategy: Option<String>,
    /// Force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub force_update: Option<bool>,
    /// Allow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_tags: Option<String>,
    /// Ignore.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore_tags: Option<Vec<String>>,
    /// Pull secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull_secret: Option<String>,
    /// Platforms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platforms: Option<Vec<String>>,
    /// Extract.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extract: Option<String>,
    /// Order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// Minimum age.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_age: Option<String>,
    /// Allow downgrade.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_downgrade: Option<bool>,
    /// Pin digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pin_digest: Option<bool>,
    /// Current from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_from: Option<String>,
}
