//! Which platforms an image's settings want.

use argocd_image_updater::core::image::{Platform, Platforms};
use serde_json::{Value, json};

pub(super) fn run(input: &Value) -> Result<Value, String> {
    let platform = |value: &Value| Platform {
        variant: value["variant"].as_str().unwrap_or("").to_owned(),
        ..Platform::new(value["os"].as_str().unwrap_or(""), value["arch"].as_str().unwrap_or(""))
    };
    let texts: Vec<&str> = input["platforms"]
        .as_array()
        .ok_or("no platforms")?
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let platforms = if texts.is_empty() && input["ignore_runtime_platform"] == true {
        Platforms::any()
    } else {
        match Platforms::parse(&texts, platform(&input["runtime"])) {
            Ok(platforms) => platforms,
            Err(_) => return Ok(json!({"error": "bad_platform"})),
        }
    };
    Ok(json!({
        "constraints": platforms.0.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "wanted": platforms.wants(&platform(&input["candidate"])),
    }))
}
