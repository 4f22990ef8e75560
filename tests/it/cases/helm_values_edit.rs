//! Helm values files before and after an update.

use argocd_image_updater::core::{
    render::helm_values::{HelmValuesError, ValueWrite, render},
    yaml::{EditError, Edited},
};
use serde_json::{Value, json};

pub(super) fn run(input: &Value) -> Result<Value, String> {
    let before = input["before"].as_str().ok_or("before is missing")?;
    let writes = input["writes"].as_array().ok_or("writes is missing")?;
    let writes = writes.iter().map(write).collect::<Result<Vec<_>, _>>()?;
    Ok(match render(Some(before), &writes) {
        Ok(Edited::New(after)) if before.trim().is_empty() => new_file(&after),
        Ok(Edited::New(after)) => json!({"after": after}),
        Ok(Edited::Unchanged) => json!({"after": before}),
        Err(error) => json!({"error": label(&error)?}),
    })
}

fn write(write: &Value) -> Result<ValueWrite, String> {
    let text = |key: &str| {
        let text = write[key]
            .as_str()
            .ok_or_else(|| format!("{key} of a write is missing"));
        text.map(str::to_owned)
    };
    Ok(ValueWrite {
        parameter: text("path")?,
        value: text("value")?,
        registry_as_in_file: false,
    })
}

/// A new file begins with a comment whose words are free.
fn new_file(after: &str) -> Value {
    let below = after
        .strip_prefix('#')
        .and_then(|text| text.split_once("\n\n"))
        .filter(|(comment, _)| !comment.contains('\n'));
    match below {
        Some((_, below)) => json!({
            "after_below_comment": below,
            "leading_comment": "one comment line of any text, then one blank line",
        }),
        None => json!({"after": after}),
    }
}

pub(super) fn label(error: &HelmValuesError) -> Result<&'static str, String> {
    Ok(match error {
        HelmValuesError::Edit(EditError::Parse(_)) => "bad_yaml",
        HelmValuesError::BadPath { .. } => "bad_path",
        HelmValuesError::BadIndex { .. } => "bad_index",
        HelmValuesError::IndexOutOfRange { .. } => "index_out_of_range",
        HelmValuesError::NotAList { .. } => "not_a_list",
        HelmValuesError::IndexMissing { .. } => "index_missing",
        HelmValuesError::RootNotAMap | HelmValuesError::NotAMap { .. } | HelmValuesError::NotAValue { .. } => {
            "unexpected_node"
        }
        HelmValuesError::SharedPlace { .. } => "shared_place",
        HelmValuesError::Edit(other) => return Err(other.to_string()),
    })
}
