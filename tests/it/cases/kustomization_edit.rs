//! Kustomization files before and after an update.

use argocd_image_updater::core::{
    render::kustomization::{ImageOverride, KustomizationError, render},
    yaml::{EditError, Edited},
};
use serde_json::{Value, json};

pub(super) fn run(input: &Value) -> Result<Value, String> {
    let before = input["before"].as_str().ok_or("before is missing")?;
    let overrides = input["overrides"].as_array().ok_or("overrides is missing")?;
    let images: Result<Vec<_>, _> = overrides
        .iter()
        .map(|text| ImageOverride::parse(text.as_str().unwrap_or_default()))
        .collect();
    Ok(match images.and_then(|images| render(before, &images)) {
        Ok(Edited::New(after)) => json!({"after": after, "unchanged": false}),
        Ok(Edited::Unchanged) => json!({"after": before, "unchanged": true}),
        Err(error) => json!({"error": label(&error)?}),
    })
}

fn label(error: &KustomizationError) -> Result<&'static str, String> {
    Ok(match error {
        KustomizationError::Edit(EditError::Parse(_)) => "bad_yaml",
        KustomizationError::NotOneDocument { .. } => "not_single_document",
        KustomizationError::NotAMap => "not_a_map",
        KustomizationError::ImagesNotAList { .. } => "images_not_a_list",
        KustomizationError::EntryNotAMap { .. } => "entry_not_a_map",
        KustomizationError::Image { .. } => "bad_image",
        KustomizationError::Edit(other) => return Err(other.to_string()),
    })
}
