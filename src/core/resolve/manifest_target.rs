//! Where an image stands in the manifests: `manifestTargets` as a type that later stages need not question.

use crate::{
    api::v1alpha1::{HelmTarget, ManifestTargets, PluginTarget},
    core::resolve::{ManifestTarget, aliases::without_version},
};

/// The Helm parameter for the name where none is configured.
pub const DEFAULT_HELM_NAME: &str = "image.name";
/// The Helm parameter for the tag where none is configured.
pub const DEFAULT_HELM_TAG: &str = "image.tag";

/// A `manifestTargets` that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidManifestTarget {
    /// More than one kind.
    #[error("only one of helm, kustomize and plugin can be set")]
    SeveralKinds,
    /// A Kustomize target without the image's name.
    #[error("kustomize.name is empty; name the image that Kustomize replaces")]
    NoKustomizeName,
    /// A plugin target that would never hold the version.
    #[error("plugin needs spec, or a tag variable: the version would be written nowhere")]
    NoPluginVersion,
}

/// Reads `targets`; absent and empty are the defaults of the application's kind. Names are trimmed. Of Helm and plugin
/// targets a `spec` is used alone; the Helm names have defaults, each on its own. A Kustomize name loses tag and digest.
pub fn parse(targets: Option<&ManifestTargets>) -> Result<ManifestTarget, InvalidManifestTarget> {
    let Some(ManifestTargets {
        helm,
        kustomize,
        plugin,
    }) = targets
    else {
        return Ok(ManifestTarget::Default);
    };
    match (helm, kustomize, plugin) {
        (None, None, None) => Ok(ManifestTarget::Default),
        (Some(helm), None, None) => Ok(helm_target(helm)),
        (None, Some(kustomize), None) => match without_version(kustomize.name.trim()) {
            "" => Err(InvalidManifestTarget::NoKustomizeName),
            name => Ok(ManifestTarget::Kustomize(name.to_owned())),
        },
        (None, None, Some(plugin)) => plugin_target(plugin),
        _ => Err(InvalidManifestTarget::SeveralKinds),
    }
}

fn given(text: Option<&String>) -> Option<String> {
    text.map(|text| text.trim())
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

fn helm_target(target: &HelmTarget) -> ManifestTarget {
    match given(target.spec.as_ref()) {
        Some(spec) => ManifestTarget::HelmSpec(spec),
        None => ManifestTarget::Helm {
            name: given(target.name.as_ref()).unwrap_or_else(|| DEFAULT_HELM_NAME.to_owned()),
            tag: given(target.tag.as_ref()).unwrap_or_else(|| DEFAULT_HELM_TAG.to_owned()),
        },
    }
}

fn plugin_target(target: &PluginTarget) -> Result<ManifestTarget, InvalidManifestTarget> {
    if let Some(spec) = given(target.spec.as_ref()) {
        return Ok(ManifestTarget::PluginSpec(spec));
    }
    let (name, tag) = (given(target.name.as_ref()), given(target.tag.as_ref()));
    if tag.is_none() {
        return Err(InvalidManifestTarget::NoPluginVersion);
    }
    Ok(ManifestTarget::Plugin { name, tag })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_with_their_defaults() {
        let helm = |name: &str, tag: &str| ManifestTarget::Helm {
            name: name.to_owned(),
            tag: tag.to_owned(),
        };
        for (given, expected) in [
            (serde_json::json!(null), Ok(ManifestTarget::Default)),
            (serde_json::json!({}), Ok(ManifestTarget::Default)),
            (serde_json::json!({"helm": {}}), Ok(helm("image.name", "image.tag"))),
            (serde_json::json!({"helm": {"name": "a"}}), Ok(helm("a", "image.tag"))),
            (
                serde_json::json!({"helm": {"tag": " b ", "spec": " "}}),
                Ok(helm("image.name", "b")),
            ),
            (
                serde_json::json!({"helm": {"name": "a", "tag": "b", "spec": "c"}}),
                Ok(ManifestTarget::HelmSpec("c".to_owned())),
            ),
            (
                serde_json::json!({"kustomize": {"name": "r.test:5000/base/api:v0@sha256:00"}}),
                Ok(ManifestTarget::Kustomize("r.test:5000/base/api".to_owned())),
            ),
            (
                serde_json::json!({"kustomize": {"name": " "}}),
                Err(InvalidManifestTarget::NoKustomizeName),
            ),
            (
                serde_json::json!({"plugin": {"name": "a", "spec": "c"}}),
                Ok(ManifestTarget::PluginSpec("c".to_owned())),
            ),
            (
                serde_json::json!({"plugin": {"name": "a", "tag": "b"}}),
                Ok(ManifestTarget::Plugin {
                    name: Some("a".to_owned()),
                    tag: Some("b".to_owned()),
                }),
            ),
            (
                serde_json::json!({"plugin": {"name": "a"}}),
                Err(InvalidManifestTarget::NoPluginVersion),
            ),
            (
                serde_json::json!({"helm": {}, "kustomize": {"name": "a"}}),
                Err(InvalidManifestTarget::SeveralKinds),
            ),
        ] {
            let targets: Option<ManifestTargets> = serde_json::from_value(given.clone()).unwrap();
            assert_eq!(parse(targets.as_ref()), expected, "{given}");
        }
    }
}
