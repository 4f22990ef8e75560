//! Answers for programs: JSON and YAML.

use std::fmt::Write as _;

use anyhow::Context as _;
use serde::Serialize;
use serde_json::Value;

use super::printer::is_hostile;

/// As JSON. Whatever could change a terminal is spelled `\u001b`.
pub(super) fn json(document: &impl Serialize) -> anyhow::Result<String> {
    let text = serde_json::to_string_pretty(document).context("the answer as JSON")?;
    let mut safe = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        // The line breaks are those between the lines: in a text they are escaped already.
        if is_hostile(c) && c != '\n' {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(c);
        }
    }
    safe.push('\n');
    Ok(safe)
}

/// As YAML. Whatever could change a terminal is replaced by U+FFFD.
pub(super) fn yaml(document: &impl Serialize) -> anyhow::Result<String> {
    let mut value = serde_json::to_value(document).context("the answer as YAML")?;
    harmless(&mut value);
    yaml_serde::to_string(&value).context("the answer as YAML")
}

fn harmless(value: &mut Value) {
    match value {
        Value::String(text) => *text = text.replace(|c| is_hostile(c) && c != '\n', "\u{fffd}"),
        Value::Array(list) => list.iter_mut().for_each(harmless),
        Value::Object(object) => object.values_mut().for_each(harmless),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn no_document_carries_control_characters_to_a_terminal() {
        let hostile = json!({"a": "x\u{1b}[31m\u{9b}y\u{202e}z\nline", "list": ["\u{7}"]});
        let text = json(&hostile).unwrap();
        assert!(!text.contains(|c| is_hostile(c) && c != '\n'), "{text:?}");
        assert_eq!(
            serde_json::from_str::<Value>(&text).unwrap(),
            hostile,
            "nothing is lost"
        );
        let text = yaml(&hostile).unwrap();
        assert!(!text.contains(|c| is_hostile(c) && c != '\n'), "{text:?}");
        let read: Value = yaml_serde::from_str(&text).unwrap();
        assert_eq!(read["a"], "x\u{fffd}[31m\u{fffd}y\u{fffd}z\nline");
    }
}
