//! How specific rules are, and which one an Application falls under.

use std::collections::BTreeMap;

use argocd_image_updater::{
    api::v1alpha1::ApplicationRef,
    core::matching::{
        assign::{Pick, Rules},
        specificity,
    },
};
use serde_json::{Value, json};

pub(super) fn run(input: &Value) -> Result<Value, String> {
    match input["kind"].as_str() {
        Some("score") => {
            let rule: ApplicationRef = read(&input["applicationRef"])?;
            Ok(json!({"score": specificity::score(&rule.name_pattern, rule.label_selectors.as_ref())}))
        }
        Some("order") => order(input),
        _ => Err("unknown kind".to_owned()),
    }
}

fn order(input: &Value) -> Result<Value, String> {
    let references: Vec<ApplicationRef> = read(&input["applicationRefs"])?;
    let name = input["app"]["name"].as_str().ok_or("no name")?;
    let labels: Option<BTreeMap<String, String>> = read(&input["app"]["labels"])?;
    let Ok(rules) = Rules::compile(&references) else {
        return Ok(json!({"error": "bad_pattern"}));
    };
    let pattern = |index: usize| references[index].name_pattern.as_str();
    let picked = match rules.pick(name, labels.as_ref()) {
        Pick::Rule(index) => Some(pattern(index)),
        Pick::None | Pick::Unusable { .. } => None,
    };
    Ok(json!({"order": rules.order().map(pattern).collect::<Vec<_>>(), "picked": picked}))
}

fn read<T: serde::de::DeserializeOwned>(value: &Value) -> Result<T, String> {
    serde_json::from_value(value.clone()).map_err(|error| error.to_string())
}
