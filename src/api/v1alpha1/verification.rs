//! Signature checks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// ImagesVerification says which signatures an image needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImagesVerification {
    /// Enabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cosign_key: Option<CosignKey>,
    /// Keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cosign_keys: Option<Vec<CosignKey>>,
    /// Keyless.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keyless: Option<Keyless>,
    /// What happens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_unverified: Option<String>,
}

/// CosignKey names a public key in a Secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CosignKey {
    /// Secret.
    pub secret_name: String,
    /// Key.
    pub key: String,
}

/// Keyless verification.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Keyless {
    /// Identities.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identities: Option<Vec<KeylessIdentity>>,
    /// Trust root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust_root: Option<TrustRoot>,
}

/// KeylessIdentity is one identity that may have signed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeylessIdentity {
    /// Issuer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// Issuer expression.
    #[serde(rename = "issuerRegExp", skip_serializing_if = "Option::is_none")]
    pub issuer_reg_exp: Option<String>,
    /// Subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Subject expression.
    #[serde(rename = "subjectRegExp", skip_serializing_if = "Option::is_none")]
    pub subject_reg_exp: Option<String>,
}

/// TrustRoot names a Sigstore trusted root in a Secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrustRoot {
    /// Secret.
    pub secret_name: String,
    /// Key.
    pub key: String,
}
