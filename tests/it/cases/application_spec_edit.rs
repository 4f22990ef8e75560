//! The values of an image on the source of an application.

use argocd_image_updater::{
    api::{argocd::ApplicationSource, v1alpha1::ManifestTargets},
    core::{
        image::ImageRef,
        plan::{
            place,
            values::{self, ValueError},
        },
        resolve::{
            ManifestTarget,
            manifest_target::{self, InvalidManifestTarget},
            source_type::SourceType,
        },
    },
};
use serde_json::{Value, json};

pub(super) fn run(input: &Value) -> Result<Value, String> {
    let mut source: ApplicationSource = serde_json::from_value(input["source"].clone()).map_err(|e| e.to_string())?;
    let source_type = SourceType::parse(input["source_type"].as_str().ok_or("source_type is missing")?);
    let git = input["write_back"] == "git";
    let target = match target(&input["image"])? {
        Ok(target) => target,
        Err(InvalidManifestTarget::NoPluginVersion) => return Ok(json!({"error": "plugin_target_incomplete"})),
        Err(error) => return Err(error.to_string()),
    };
    let image = reference(&input["image"])?;
    let wanted = ImageRef::parse(input["set_to"].as_str().ok_or("set_to is missing")?).map_err(|e| e.to_string())?;
    let edited = place::kind(source_type, git, &target).and_then(|kind| {
        let current = values::current(kind, &source, &image, &target)?;
        values::set(kind, &mut source, &wanted, &target, &[])?;
        Ok(current)
    });
    Ok(match edited {
        Ok(current) => json!({"current": current, "source": source}),
        Err(ValueError::WrongSourceType { .. }) => json!({"error": "wrong_application_type"}),
        Err(ValueError::PluginTargetIncomplete) => json!({"error": "plugin_target_incomplete"}),
    })
}

/// The configured image of a case: `[alias=]reference`.
pub(super) fn reference(image: &Value) -> Result<ImageRef, String> {
    let text = image["ref"].as_str().ok_or("image.ref is missing")?;
    let reference = text.split_once('=').map_or(text, |(_, reference)| reference);
    ImageRef::parse(reference).map_err(|e| e.to_string())
}

/// The `manifestTargets` that a case spells as `helm_name`, `plugin_spec` and so on.
pub(super) fn manifest_targets(image: &Value) -> Value {
    let mut targets = json!({});
    for (key, value) in image.as_object().into_iter().flatten() {
        if let Some((kind @ ("helm" | "kustomize" | "plugin"), field)) = key.split_once('_') {
            targets[kind][field] = value.clone();
        }
    }
    targets
}

fn target(image: &Value) -> Result<Result<ManifestTarget, InvalidManifestTarget>, String> {
    let targets: ManifestTargets = serde_json::from_value(manifest_targets(image)).map_err(|e| e.to_string())?;
    Ok(manifest_target::parse(Some(&targets)))
}
