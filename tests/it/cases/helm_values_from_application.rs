//! From an Application with its running images to the values file.

use argocd_image_updater::{
    api::{argocd::Application, v1alpha1::ManifestTargets},
    core::{
        image::ImageRef,
        plan::values,
        render::helm_values::{ValueWrite, render},
        resolve::{
            ApplicationKind, ManifestTarget, manifest_target,
            source_type::{SourceType, select},
        },
        select::live::LiveImages,
        yaml::Edited,
    },
};
use serde_json::{Value, json};

use super::{application_spec_edit, helm_values_edit};

pub(super) fn run(input: &Value) -> Result<Value, String> {
    let application: Application = serde_json::from_value(input["application"].clone()).map_err(|e| e.to_string())?;
    let live = LiveImages::parse(application.live_images());
    let (_, source) = select(&application, SourceType::Helm).ok_or("the application has no source")?;
    let mut source = source.clone();
    let mut running = Vec::new();
    for image in input["images"].as_array().ok_or("images is missing")? {
        let target = target(image)?;
        let configured = application_spec_edit::reference(image)?;
        let forced = (image["force_update"] == true).then(|| ImageRef {
            version: None,
            ..configured.clone()
        });
        let found = live.iter().find(|live| live.reference.same_image(&configured));
        let Some(found) = found.map(|live| live.reference.clone()).or(forced) else {
            continue;
        };
        if let Some(new) = image["set_to"].as_str() {
            let new = ImageRef::parse(new).map_err(|e| e.to_string())?;
            values::set(ApplicationKind::Helm, &mut source, &new, &target, &[]).map_err(|e| e.to_string())?;
        }
        running.push((target, found));
    }
    let running: Vec<_> = running.iter().map(|(target, image)| (target, image)).collect();
    let before = input["values_file"].as_str();
    Ok(match render(before, &ValueWrite::from_source(&source, &running)) {
        Ok(Edited::New(after)) => json!({"after": after}),
        Ok(Edited::Unchanged) => json!({"after": before}),
        Err(error) => json!({"error": helm_values_edit::label(&error)?}),
    })
}

fn target(image: &Value) -> Result<ManifestTarget, String> {
    let targets = application_spec_edit::manifest_targets(image);
    let targets: ManifestTargets = serde_json::from_value(targets).map_err(|e| e.to_string())?;
    manifest_target::parse(Some(&targets)).map_err(|e| e.to_string())
}
