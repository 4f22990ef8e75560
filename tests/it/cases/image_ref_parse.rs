//! Image references.

use argocd_image_updater::core::image::{
    ImageRef,
    reference::{InvalidReference, split_alias},
};
use serde_json::{Value, json};

pub(super) fn run(input: &Value) -> Result<Value, String> {
    let text = input["ref"].as_str().ok_or("no ref")?;
    let (alias, image) = match ImageRef::parse_with_alias(text) {
        Ok((alias, image)) => (alias.unwrap_or_default(), image),
        // The original makes an image without a name of it; here it is refused, since nothing can be done with it.
        Err(InvalidReference::Empty) => {
            let alias = split_alias(text).0.unwrap_or_default().to_owned();
            (
                alias,
                ImageRef {
                    registry: String::new(),
                    name: String::new(),
                    version: None,
                },
            )
        }
        Err(_) => return Ok(json!({"error": "invalid"})),
    };
    let full = image.full_name_with_version();
    let string = if alias.is_empty() {
        full.clone()
    } else {
        format!("{alias}={full}")
    };
    Ok(json!({
        "alias": alias,
        "registry": image.registry,
        "name": image.name,
        "tag": image.version.as_ref().map(|version| &version.tag),
        "digest": image.version.as_ref().map(|version| &version.digest),
        "full_name": image.full_name(),
        "full_name_with_tag": full,
        "string": string,
        "tag_with_digest": image.tag_with_digest(),
    }))
}
