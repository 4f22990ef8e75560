//! The values that differ between two states of a source.

use serde_json::Value;

use super::ValueChange;
use crate::core::{plan::SourceEdit, resolve::SourceSlot};

/// What `edit` changes, in the order in which it stands. Entries of a list are compared as a whole, each with the one at
/// its place: values are replaced where they stand, and new ones are appended.
pub(super) fn changes(edit: &SourceEdit) -> Vec<ValueChange> {
    let path = match edit.slot {
        SourceSlot::Single => "spec.source".to_owned(),
        SourceSlot::Multi(index) => format!("spec.sources[{index}]"),
        SourceSlot::Hydrator => "spec.sourceHydrator.drySource".to_owned(),
    };
    let value = |source| serde_json::to_value(source).unwrap_or_default();
    let mut found = Vec::new();
    compare(&path, &value(&edit.before), &value(&edit.after), &mut found);
    found
}

fn compare(path: &str, before: &Value, after: &Value, found: &mut Vec<ValueChange>) {
    if before == after {
        return;
    }
    let change = |before: Option<&Value>, after: Option<&Value>| ValueChange {
        path: path.to_owned(),
        before: before.filter(|value| !value.is_null()).cloned(),
        after: after.filter(|value| !value.is_null()).cloned(),
    };
    let absent = Value::Null;
    match (before, after) {
        (Value::Object(_) | Value::Null, Value::Object(_)) | (Value::Object(_), Value::Null) => {
            let keys = |value: &Value| {
                value
                    .as_object()
                    .map(|o| o.keys().cloned().collect())
                    .unwrap_or_default()
            };
            let mut all: Vec<String> = keys(before);
            all.extend(keys(after).into_iter().filter(|key| before.get(key).is_none()));
            for key in all {
                let side = |value: &'_ Value| value.get(&key).unwrap_or(&absent).clone();
                compare(&format!("{path}.{key}"), &side(before), &side(after), found);
            }
        }
        (Value::Array(_) | Value::Null, Value::Array(_)) | (Value::Array(_), Value::Null) => {
            let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
            let (before, after) = (list(before), list(after));
            let pairs = (0..before.len().max(after.len())).map(|index| (before.get(index), after.get(index)));
            found.extend(pairs.filter(|(b, a)| b != a).map(|(b, a)| change(b, a)));
        }
        _ => found.push(change(Some(before), Some(after))),
    }
}
