//! Which kind of manifests an application renders, and which of its sources is meant.

use argocd_image_updater::{
    api::argocd::Application,
    core::resolve::{
        SourceSlot,
        source_type::{self, SourceType, TargetHint},
    },
};
use serde_json::{Value, json};

use super::settings_merge;

pub(super) fn run(input: &Value) -> Result<Value, String> {
    let application = json!({"metadata": {"name": "x"}, "spec": input["spec"], "status": input["status"]});
    let application: Application = serde_json::from_value(application).map_err(|e| e.to_string())?;
    let write_back = &input["write_back"];
    let target = write_back["target"].as_str().unwrap_or("");
    let hint = match write_back["kustomize_base"].as_str() {
        Some(_) => TargetHint::Kustomization,
        None if target.is_empty() => TargetHint::None,
        None => TargetHint::File(target),
    };
    let source_type = source_type::detect(&application, hint);
    let git = write_back["method"] == "git";
    let index = match source_type::select(&application, source_type) {
        None => return Ok(json!({"error": "no_source"})),
        Some((SourceSlot::Multi(index), _)) => Some(index),
        Some(_) => None,
    };
    Ok(json!({
        "source_type": text(source_type),
        "application_type": settings_merge::kind(source_type, git),
        "source_index": index,
    }))
}

fn text(source_type: SourceType) -> &'static str {
    match source_type {
        SourceType::Helm => "Helm",
        SourceType::Kustomize => "Kustomize",
        SourceType::Plugin => "Plugin",
        SourceType::Directory => "Directory",
        SourceType::Unknown => "",
    }
}
