//! Signature checks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// ImagesVerification says which signatures an image needs.
// "Enabled needs a key" is plain schema and not a CEL rule: this block stands three lists deep, where the cost that the
// API server estimates for a rule has no bound.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("anyOf" = [
    {"required": ["enabled"], "properties": {"enabled": {"enum": [false]}}},
    {"required": ["cosignKey"]},
    {"required": ["cosignKeys"], "properties": {"cosignKeys": {"minItems": 1}}},
    {"required": ["keyless"]},
]))]
pub struct ImagesVerification {
    /// `false` turns verification off at this level. While it is `true` (default), this block needs cosignKey,
    /// cosignKeys or keyless.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = true))]
    pub enabled: Option<bool>,
    /// Example: `{secretName: cosign, key: cosign.pub}`. The public key, in a Secret of the Application's namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cosign_key: Option<CosignKey>,
    /// New. Example: `[{secretName: cosign, key: cosign.pub}]`. A signature of any one of these keys is enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub cosign_keys: Option<Vec<CosignKey>>,
    /// New. Example: `identities: [{issuer: "https://token.actions.githubusercontent.com", subjectRegExp:
    /// "^https://github.com/acme/"}]`. Keyless signatures of these identities are enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keyless: Option<Keyless>,
    /// New. `block` (default): nothing is updated when the best tag is not verified. `fallback`: the best verified tag
    /// is taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_unverified: Option<String>,
}

/// CosignKey names a public key in a Secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CosignKey {
    /// Example: `cosign`. The Secret.
    pub secret_name: String,
    /// Example: `cosign.pub`. The entry in the Secret: a public key as PEM.
    pub key: String,
}

/// Keyless says which identities may have signed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Keyless {
    /// A signature of any one of these identities is enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub identities: Option<Vec<KeylessIdentity>>,
    /// Example: `{secretName: sigstore, key: trusted_root.json}`. The Sigstore trusted root to check against.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust_root: Option<TrustRoot>,
}

/// KeylessIdentity is one identity that may have signed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeylessIdentity {
    /// Example: `https://token.actions.githubusercontent.com`. The issuer, exactly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// Example: `^https://gitlab\.`. The issuer, as a regular expression.
    #[serde(rename = "issuerRegExp", skip_serializing_if = "Option::is_none")]
    pub issuer_reg_exp: Option<String>,
    /// Example: `release@example.com`. The subject, exactly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Example: `^https://github\.com/acme/`. The subject, as a regular expression.
    #[serde(rename = "subjectRegExp", skip_serializing_if = "Option::is_none")]
    pub subject_reg_exp: Option<String>,
}

/// TrustRoot names a Sigstore trusted root in a Secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrustRoot {
    /// Example: `sigstore`. The Secret.
    pub secret_name: String,
    /// Example: `trusted_root.json`. The entry in the Secret.
    pub key: String,
}
