//! Whether signatures are demanded of an image, and whose, after its layers were merged.
//!
//! No block at any level: nothing is demanded. A block somewhere demands them unless the merged `enabled` is false.

use crate::{
    api::v1alpha1::ImagesVerification,
    core::{
        resolve::settings::{self, Layer},
        signature::{InvalidPolicy, KeyField, SignaturePolicy},
        verdict::Verdict,
    },
};

/// What merged settings demand; `None` when they demand nothing.
pub fn demanded(merged: Option<&ImagesVerification>) -> Result<Option<SignaturePolicy>, InvalidPolicy> {
    let enabled = merged.filter(|settings| settings.enabled != Some(false));
    enabled.map(SignaturePolicy::of).transpose()
}

/// What the layers of one image demand, the most general layer first. An API server sets `enabled: true` in every block
/// that does not say, so here such a block counts as enabled as well: a folder of files must not be less strict.
pub(super) fn resolve(layers: &[Layer<ImagesVerification>]) -> Result<Option<SignaturePolicy>, Verdict> {
    let explicit = |layer: &Layer<ImagesVerification>| ImagesVerification {
        enabled: layer.settings.enabled.or(Some(true)),
        ..(*layer.settings).clone()
    };
    let blocks: Vec<_> = layers.iter().map(explicit).collect();
    let merged = settings::merge_verification(&blocks);
    demanded(merged.as_ref()).map_err(|error| error.verdict(&path(layers, &error)))
}

/// The path of the field that is wrong, in the most specific layer that has it.
fn path(layers: &[Layer<ImagesVerification>], error: &InvalidPolicy) -> String {
    let field = error.field();
    let present = |layer: &&Layer<ImagesVerification>| match error {
        InvalidPolicy::KeyRequired => true,
        InvalidPolicy::Keyless => layer.settings.keyless.is_some(),
        InvalidPolicy::OnUnverified(_) => layer.settings.on_unverified.is_some(),
        InvalidPolicy::TooManyKeys | InvalidPolicy::KeyIncomplete(KeyField::Listed(_)) => {
            layer.settings.cosign_keys.is_some()
        }
        InvalidPolicy::KeyIncomplete(KeyField::Single) => layer.settings.cosign_key.is_some(),
    };
    let block = match field.as_str() {
        "" => "imagesVerification".to_owned(),
        field => format!("imagesVerification.{field}"),
    };
    let layer = layers.iter().rev().find(present);
    layer.map_or_else(|| block.clone(), |layer| layer.origin.field(&block))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;
    use crate::core::{resolve::origin::Origin, signature::OnUnverified, verdict::Reason};

    fn resolved(given: &Value) -> Result<Option<SignaturePolicy>, Verdict> {
        let layers: Vec<ImagesVerification> = serde_json::from_value(given.clone()).unwrap();
        let layer = |(index, settings)| Layer {
            origin: Origin::Resource(format!("layer{index}")),
            settings: Arc::new(settings),
        };
        let layers: Vec<_> = layers.into_iter().enumerate().map(layer).collect();
        resolve(&layers)
    }

    fn key(name: &str) -> Value {
        json!({"secretName": name, "key": "k"})
    }

    #[test]
    fn a_present_block_demands_signatures_unless_the_most_specific_one_is_switched_off() {
        for (given, expected) in [
            (json!([]), None),
            (json!([{"enabled": false}]), None),
            (json!([{"cosignKey": key("a")}]), Some("a")),
            (json!([{"enabled": true, "cosignKeys": [key("a")]}]), Some("a")),
            (json!([{"cosignKey": key("a")}, {"enabled": false}]), None),
            (
                json!([{"cosignKey": key("a")}, {"enabled": false}, {"enabled": true}]),
                Some("a"),
            ),
            (json!([{"cosignKey": key("a")}, {"enabled": false}, {}]), Some("a")),
        ] {
            let policy = resolved(&given).unwrap();
            let name = policy.as_ref().map(|policy| policy.keys[0].secret_name.as_str());
            assert_eq!(name, expected, "{given}");
        }
    }

    #[test]
    fn each_field_comes_from_the_most_specific_layer_that_has_it() {
        let layers = json!([
            {"cosignKey": key("a"), "cosignKeys": [key("b")], "onUnverified": "fallback"},
            {"cosignKeys": [key("c")]},
            {"cosignKey": key("d")},
        ]);
        let policy = resolved(&layers).unwrap().unwrap();
        let names: Vec<_> = policy.keys.iter().map(|key| key.secret_name.as_str()).collect();
        assert_eq!(names, ["d", "c"]);
        assert_eq!(policy.on_unverified, OnUnverified::Fallback);
    }

    #[test]
    fn a_mistake_is_named_where_it_stands() {
        for (given, reason, start) in [
            (json!([{}]), Reason::InvalidSetting, "layer0.imagesVerification: "),
            (
                json!([{"cosignKey": {"secretName": "", "key": "k"}}, {"enabled": true}]),
                Reason::InvalidSetting,
                "layer0.imagesVerification.cosignKey: ",
            ),
            (
                json!([{"cosignKey": key("a")}, {"cosignKeys": [key("b"), {"secretName": "s", "key": ""}]}]),
                Reason::InvalidSetting,
                "layer1.imagesVerification.cosignKeys[1]: ",
            ),
            (
                json!([{"cosignKey": key("a"), "onUnverified": "warn"}, {}]),
                Reason::InvalidSetting,
                "layer0.imagesVerification.onUnverified: ",
            ),
            (
                json!([{"cosignKey": key("a")}, {"keyless": {}}]),
                Reason::UnsupportedSetting,
                "layer1.imagesVerification.keyless: ",
            ),
        ] {
            let verdict = resolved(&given).unwrap_err();
            assert_eq!(verdict.reason, reason, "{given}");
            assert!(verdict.message.starts_with(start), "{given}: {verdict}");
        }
    }
}
