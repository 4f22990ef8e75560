//! Whether signatures are demanded of an image, after its layers were merged.
//!
//! No block at any level: nothing is demanded. A block somewhere demands them unless the merged `enabled` is false.

use crate::api::v1alpha1::ImagesVerification;

/// Signatures are demanded, but no key says which ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("imagesVerification is enabled without a key: set cosignKey, or enabled: false")]
pub struct KeyRequired;

/// What is demanded; `None` when nothing is.
pub fn demanded(merged: Option<&ImagesVerification>) -> Result<Option<&ImagesVerification>, KeyRequired> {
    let Some(settings) = merged.filter(|settings| settings.enabled != Some(false)) else {
        return Ok(None);
    };
    let has_key = settings.cosign_key.is_some()
        || settings.cosign_keys.as_ref().is_some_and(|keys| !keys.is_empty())
        || settings.keyless.is_some();
    if has_key { Ok(Some(settings)) } else { Err(KeyRequired) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_present_block_demands_signatures_unless_it_says_otherwise() {
        for (given, expected) in [
            (serde_json::json!(null), Ok(false)),
            (serde_json::json!({}), Err(KeyRequired)),
            (serde_json::json!({"enabled": false}), Ok(false)),
            (serde_json::json!({"enabled": true}), Err(KeyRequired)),
            (
                serde_json::json!({"cosignKey": {"secretName": "s", "key": "k"}}),
                Ok(true),
            ),
            (serde_json::json!({"cosignKeys": []}), Err(KeyRequired)),
            (
                serde_json::json!({"cosignKeys": [{"secretName": "s", "key": "k"}]}),
                Ok(true),
            ),
            (serde_json::json!({"keyless": {"identities": []}}), Ok(true)),
        ] {
            let merged: Option<ImagesVerification> = serde_json::from_value(given.clone()).unwrap();
            let actual = demanded(merged.as_ref()).map(|settings| settings.is_some());
            assert_eq!(actual, expected, "{given}");
        }
    }
}
