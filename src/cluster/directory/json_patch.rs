//! JSON Patch and JSON Merge Patch as the API server applies them.
//!
//! One thing differs from the letter of RFC 6902, and clients rely on it: a `test` for null passes where nothing is.

use serde_json::{Map, Value};

/// The most operations of one patch.
const MAX_OPERATIONS: usize = 10_000;

/// Why a patch was not applied.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PatchFault {
    /// It is no patch.
    NotAPatch(String),
    /// It has more operations than are taken.
    TooLong,
    /// An operation does not fit the object; above all, a failed `test`.
    DoesNotApply,
}

/// Applies a JSON Patch.
pub(super) fn apply(object: &mut Value, patch: &Value) -> Result<(), PatchFault> {
    let operations = patch
        .as_array()
        .ok_or_else(|| PatchFault::NotAPatch("a JSON patch is a list".to_owned()))?;
    if operations.len() > MAX_OPERATIONS {
        return Err(PatchFault::TooLong);
    }
    let mut work = object.clone();
    for operation in operations {
        run(&mut work, operation)?;
    }
    *object = work;
    Ok(())
}

/// Applies a JSON Merge Patch.
pub(super) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(map) = target.as_object_mut() else { return };
    for (key, value) in patch {
        if value.is_null() {
            map.shift_remove(key);
        } else {
            merge(map.entry(key).or_insert(Value::Null), value);
        }
    }
}

fn run(object: &mut Value, operation: &Value) -> Result<(), PatchFault> {
    let text = |key: &str| operation.get(key).and_then(Value::as_str);
    let needed = |key: &str| text(key).ok_or_else(|| PatchFault::NotAPatch(format!("an operation without {key}")));
    let path = pointer(needed("path")?)?;
    let value = || {
        let value = operation.get("value").cloned();
        value.ok_or_else(|| PatchFault::NotAPatch("an operation without value".to_owned()))
    };
    match needed("op")? {
        "test" => test(object, &path, operation.get("value").unwrap_or(&Value::Null)),
        "add" => add(object, &path, value()?),
        "replace" => {
            *find(object, &path).ok_or(PatchFault::DoesNotApply)? = value()?;
            Ok(())
        }
        "remove" => remove(object, &path).map(drop),
        "move" => {
            let moved = remove(object, &pointer(needed("from")?)?)?;
            add(object, &path, moved)
        }
        "copy" => {
            let from = pointer(needed("from")?)?;
            let copy = find(object, &from).ok_or(PatchFault::DoesNotApply)?.clone();
            add(object, &path, copy)
        }
        other => Err(PatchFault::NotAPatch(format!("unknown operation {other:?}"))),
    }
}

fn pointer(text: &str) -> Result<Vec<String>, PatchFault> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let rest = text
        .strip_prefix('/')
        .ok_or_else(|| PatchFault::NotAPatch(format!("{text:?} is no JSON pointer")))?;
    Ok(rest
        .split('/')
        .map(|step| step.replace("~1", "/").replace("~0", "~"))
        .collect())
}

fn find<'v>(object: &'v mut Value, path: &[String]) -> Option<&'v mut Value> {
    path.iter().try_fold(object, |value, step| match value {
        Value::Object(map) => map.get_mut(step),
        Value::Array(list) => list.get_mut(index(step)?),
        _ => None,
    })
}

/// A list index as RFC 6901 writes it: no sign, no leading zero.
fn index(step: &str) -> Option<usize> {
    let canonical = step == "0" || !step.starts_with('0');
    (canonical && step.bytes().all(|b| b.is_ascii_digit())).then(|| step.parse().ok())?
}

fn test(object: &mut Value, path: &[String], wanted: &Value) -> Result<(), PatchFault> {
    let found = match path.split_last() {
        None => &*object,
        // What a missing parent would hold is not known, so nothing passes there.
        Some((step, parent)) => match find(object, parent).ok_or(PatchFault::DoesNotApply)? {
            Value::Object(map) => map.get(step).unwrap_or(&Value::Null),
            Value::Array(list) => index(step)
                .and_then(|at| list.get(at))
                .ok_or(PatchFault::DoesNotApply)?,
            _ => return Err(PatchFault::DoesNotApply),
        },
    };
    if found == wanted {
        Ok(())
    } else {
        Err(PatchFault::DoesNotApply)
    }
}

fn add(object: &mut Value, path: &[String], value: Value) -> Result<(), PatchFault> {
    let Some((step, parent)) = path.split_last() else {
        *object = value;
        return Ok(());
    };
    match find(object, parent).ok_or(PatchFault::DoesNotApply)? {
        Value::Object(map) => {
            map.insert(step.clone(), value);
            Ok(())
        }
        Value::Array(list) => {
            let at = if step == "-" { Some(list.len()) } else { index(step) };
            let at = at.filter(|at| *at <= list.len()).ok_or(PatchFault::DoesNotApply)?;
            list.insert(at, value);
            Ok(())
        }
        _ => Err(PatchFault::DoesNotApply),
    }
}

fn remove(object: &mut Value, path: &[String]) -> Result<Value, PatchFault> {
    let (step, parent) = path.split_last().ok_or(PatchFault::DoesNotApply)?;
    match find(object, parent).ok_or(PatchFault::DoesNotApply)? {
        Value::Object(map) => map.shift_remove(step).ok_or(PatchFault::DoesNotApply),
        Value::Array(list) => {
            let at = index(step)
                .filter(|at| *at < list.len())
                .ok_or(PatchFault::DoesNotApply)?;
            Ok(list.remove(at))
        }
        _ => Err(PatchFault::DoesNotApply),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn operations_apply_as_the_api_server_applies_them() {
        let object = json!({"a": {"l": [1, 2], "x/y": null}});
        let op = |op: &str, path: &str, value: Value| json!({"op": op, "path": path, "value": value});
        for (patch, expected) in [
            (op("test", "/a/l/0", json!(1)), Some(object.clone())),
            (op("test", "/a/l/0", json!(2)), None),
            (op("test", "/a/none", Value::Null), Some(object.clone())),
            (op("test", "/a/x~1y", Value::Null), Some(object.clone())),
            (op("test", "/b/none", Value::Null), None),
            (op("test", "/a/l/5", Value::Null), None),
            (
                op("add", "/a/l/-", json!(3)),
                Some(json!({"a": {"l": [1, 2, 3], "x/y": null}})),
            ),
            (
                op("add", "/a/l/1", json!(3)),
                Some(json!({"a": {"l": [1, 3, 2], "x/y": null}})),
            ),
            (op("add", "/a/l/9", json!(3)), None),
            (op("add", "/b/c", json!(3)), None),
            (op("replace", "/a/n", json!(3)), None),
            (op("replace", "/a/l/01", json!(3)), None),
            (
                op("remove", "/a/l/0", Value::Null),
                Some(json!({"a": {"l": [2], "x/y": null}})),
            ),
            (op("remove", "/a/n", Value::Null), None),
            (
                json!({"op": "move", "from": "/a/l/0", "path": "/b"}),
                Some(json!({"a": {"l": [2], "x/y": null}, "b": 1})),
            ),
            (
                json!({"op": "copy", "from": "/a/l/0", "path": "/b"}),
                Some(json!({"a": {"l": [1, 2], "x/y": null}, "b": 1})),
            ),
        ] {
            let mut work = object.clone();
            let done = apply(&mut work, &json!([patch]));
            assert_eq!(
                done,
                if expected.is_some() {
                    Ok(())
                } else {
                    Err(PatchFault::DoesNotApply)
                },
                "{patch}"
            );
            assert_eq!(work, expected.unwrap_or_else(|| object.clone()), "{patch}");
        }
    }

    #[test]
    fn what_is_no_patch_is_said_to_be_none() {
        for patch in [
            json!({}),
            json!([{"op": "add"}]),
            json!([{"op": "grow", "path": ""}]),
            json!([{"op": "remove", "path": "a"}]),
        ] {
            assert!(
                matches!(apply(&mut json!({}), &patch), Err(PatchFault::NotAPatch(_))),
                "{patch}"
            );
        }
    }

    #[test]
    fn a_merge_patch_removes_nulls() {
        let mut object = json!({"a": 1, "b": {"c": 2, "d": 3}, "l": [1]});
        merge(
            &mut object,
            &json!({"a": null, "b": {"c": null, "e": {"f": null}}, "l": [2]}),
        );
        assert_eq!(object, json!({"b": {"d": 3, "e": {}}, "l": [2]}));
    }
}
