//! Annotations of an Application become the objects that a resource would hold.

use std::collections::BTreeMap;

use argocd_image_updater::{
    api::v1alpha1::ImageConfig,
    core::resolve::annotations::{self, Annotated, InvalidAnnotation},
};
use serde_json::{Value, json};

pub(super) fn run(input: &Value) -> Result<Value, String> {
    let given: BTreeMap<String, String> =
        serde_json::from_value(input["annotations"].clone()).map_err(|e| e.to_string())?;
    Ok(match annotations::parse(&given) {
        Ok(annotated) => describe(annotated),
        Err(error) => json!({"error": label(&error)}),
    })
}

fn describe(annotated: Annotated) -> Value {
    let Annotated {
        common_update_settings,
        images,
        write_back_config,
    } = annotated;
    let with_alias = |image: ImageConfig| ImageConfig {
        alias: Some(image.alias.unwrap_or_default()),
        ..image
    };
    let images: Vec<_> = images.into_iter().map(with_alias).collect();
    json!({
        "commonUpdateSettings": common_update_settings,
        "images": images,
        "writeBackConfig": write_back_config,
    })
}

fn label(error: &InvalidAnnotation) -> &'static str {
    match error {
        InvalidAnnotation::NoImages => "image_list_empty",
        InvalidAnnotation::NoImage { .. } => "image_name_empty",
        InvalidAnnotation::NotAnImage { .. } => "image_name_invalid",
        InvalidAnnotation::Duplicate { .. } => "image_list_duplicate",
        InvalidAnnotation::Switch { key, .. } if key.ends_with("allow-downgrade") => "bad_allow_downgrade",
        InvalidAnnotation::Switch { key, .. } if key.ends_with("pin-digest") => "bad_pin_digest",
        InvalidAnnotation::Switch { .. } => "bad_force_update",
        InvalidAnnotation::SeveralTargets { .. } => "helm_and_kustomize",
        InvalidAnnotation::Forge { .. } => "bad_pull_request",
    }
}
