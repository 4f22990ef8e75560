//! Branch names from templates.

use argocd_image_updater::core::render::{
    branch::{self, BranchData, BranchTemplate},
    branch_name,
};
use serde_json::{Value, json};

use super::commit_template::Changes;

pub(super) fn run(input: &Value) -> Result<Value, String> {
    let text = |key: &str| input[key].as_str().ok_or_else(|| format!("{key} is missing"));
    let changes = Changes::read(input)?;
    let data = BranchData {
        app_namespace: text("app_namespace")?,
        app_name: text("app_name")?,
        target_key: text("target_key")?,
        changes: &changes.described(),
    };
    let name = BranchTemplate::parse(text("template")?)
        .map_err(|error| error.to_string())
        .and_then(|template| template.render(&data).map_err(|error| error.to_string()));
    let pushed = branch::push_branch(text("template")?, &data);
    let is_long = |name: &str| name.split('/').any(|part| part.len() > branch_name::MAX_COMPONENT);
    let agrees = match (&name, &pushed) {
        (Ok(name), Ok(pushed)) if is_long(name) => name.starts_with(pushed.as_str()),
        (Ok(name), Ok(pushed)) => name == pushed,
        (Ok(name), Err(_)) => branch_name::broken_rule(name).is_some(),
        (Err(_), pushed) => pushed.is_err(),
    };
    if !agrees {
        return Err(format!("{name:?} is pushed as {pushed:?}"));
    }
    Ok(match name {
        Ok(name) => json!({"branch": name}),
        Err(_) => json!({"error": "no_branch"}),
    })
}
