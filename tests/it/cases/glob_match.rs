//! Globs.

use argocd_image_updater::core::matching::glob::Glob;
use serde_json::{Value, json};

pub(super) fn run(input: &Value) -> Result<Value, String> {
    let pattern = input["pattern"].as_str().ok_or("no pattern")?;
    let text = input["text"].as_str().ok_or("no text")?;
    Ok(match Glob::parse(pattern) {
        Ok(glob) => json!({"match": glob.matches(text)}),
        Err(_) => json!({"error": "bad_pattern"}),
    })
}
