//! A value of a manifest on one line, as a person would write it in YAML.

use serde_json::Value;

/// `{ name: image.tag, value: v1.1.0 }`. A text that YAML would read as something else is quoted.
pub(super) fn one_line(value: &Value) -> String {
    match value {
        Value::String(text) if is_plain(text) => text.clone(),
        Value::Object(object) if object.is_empty() => "{}".to_owned(),
        Value::Object(object) => {
            let pairs = object.iter().map(|(key, value)| format!("{key}: {}", one_line(value)));
            format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", "))
        }
        Value::Array(list) => {
            let items: Vec<_> = list.iter().map(one_line).collect();
            format!("[{}]", items.join(", "))
        }
        other => other.to_string(),
    }
}

fn is_plain(text: &str) -> bool {
    let is_word = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/')
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-/:@=+".contains(c))
        && !text.ends_with(':');
    let is_other = text.parse::<f64>().is_ok()
        || ["true", "false", "null", "yes", "no", "on", "off"].contains(&text.to_ascii_lowercase().as_str());
    is_word && !is_other
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_look_as_in_yaml_and_texts_that_would_be_read_otherwise_are_quoted() {
        for (value, expected) in [
            (json!("v1.1.0"), "v1.1.0"),
            (json!("1.1"), "\"1.1\""),
            (json!("true"), "\"true\""),
            (json!(""), "\"\""),
            (json!("a: b"), "\"a: b\""),
            (
                json!("a=ghcr.io/acme/api:1@sha256:0f"),
                "a=ghcr.io/acme/api:1@sha256:0f",
            ),
            (
                json!({"name": "image.tag", "value": "v1", "forceString": true, "x": [1, null]}),
                "{ name: image.tag, value: v1, forceString: true, x: [1, null] }",
            ),
            (json!({}), "{}"),
        ] {
            assert_eq!(one_line(&value), expected);
        }
    }
}
