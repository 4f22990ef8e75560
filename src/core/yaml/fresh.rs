//! Changes inside values that are new themselves: they have no text yet, so they are changed as data.

use serde_json::{Map, Value};

use super::{
    Change, EditError, Op,
    path::{Path, Step},
};

/// `items` in the order of `order`, which must name each index once.
pub(super) fn permute<T: Clone>(items: &[T], order: &[usize]) -> Option<Vec<T>> {
    let mut sorted = order.to_vec();
    sorted.sort_unstable();
    if sorted.len() != items.len() || sorted.iter().enumerate().any(|(n, index)| n != *index) {
        return None;
    }
    order.iter().map(|index| items.get(*index).cloned()).collect()
}

/// Applies a change inside a value that is new itself.
pub(super) fn into_value(value: &mut Value, steps: &[Step], change: &Change) -> Result<(), EditError> {
    let path = || change.path.clone();
    match (steps.split_first(), value) {
        (None, value) => match &change.op {
            Op::Set(new) => {
                *value = new.clone();
                Ok(())
            }
            Op::Append(new) => insert_into(value, None, new, path()),
            Op::Insert(index, new) => insert_into(value, Some(*index), new, path()),
            Op::Reorder(order) => {
                let list = value
                    .as_array_mut()
                    .ok_or_else(|| EditError::NotAList { path: path() })?;
                *list = permute(list, order).ok_or_else(|| EditError::BadOrder { path: path() })?;
                Ok(())
            }
            Op::Remove | Op::Rename(_) => Err(EditError::NotFound { path: path() }),
        },
        (Some((Step::Key(key), rest)), value @ (Value::Null | Value::Object(_))) => {
            if value.is_null() {
                *value = Value::Object(Map::new());
            }
            match value {
                Value::Object(map) => into_object(map, key, rest, change),
                _ => Err(EditError::NotAMap { path: path() }),
            }
        }
        (Some((Step::Index(index), rest)), Value::Array(list)) => {
            let len = list.len();
            if rest.is_empty() && matches!(change.op, Op::Remove) && *index < len {
                list.remove(*index);
                return Ok(());
            }
            let out_of_range = || EditError::IndexOutOfRange {
                path: path(),
                index: *index,
                len,
            };
            into_value(list.get_mut(*index).ok_or_else(out_of_range)?, rest, change)
        }
        (Some((Step::Key(_), _)), _) => Err(EditError::NotAMap { path: path() }),
        (Some((Step::Index(_), _)), _) => Err(EditError::NotAList { path: path() }),
    }
}

/// Applies a change to the entry `key` of a map that is new itself.
pub(super) fn into_object(
    map: &mut Map<String, Value>,
    key: &str,
    rest: &[Step],
    change: &Change,
) -> Result<(), EditError> {
    if rest.is_empty() {
        match &change.op {
            Op::Remove | Op::Rename(_) if !map.contains_key(key) => {
                return Err(EditError::NotFound {
                    path: change.path.clone(),
                });
            }
            Op::Remove => {
                map.shift_remove(key);
                return Ok(());
            }
            Op::Rename(name) => {
                let value = map.shift_remove(key).unwrap_or_default();
                map.insert(name.clone(), value);
                return Ok(());
            }
            _ => {}
        }
    }
    let reorders = matches!(change.op, Op::Reorder(_) | Op::Remove | Op::Rename(_));
    if !map.contains_key(key) && reorders {
        return Err(EditError::NotFound {
            path: change.path.clone(),
        });
    }
    into_value(map.entry(key).or_insert(Value::Null), rest, change)
}

/// Adds an entry to a list that is new itself; null becomes a list.
pub(super) fn insert_into(value: &mut Value, index: Option<usize>, new: &Value, path: Path) -> Result<(), EditError> {
    if value.is_null() {
        *value = Value::Array(Vec::new());
    }
    let Value::Array(list) = value else {
        return Err(EditError::NotAList { path });
    };
    let len = list.len();
    let at = index.unwrap_or(len);
    if at > len {
        return Err(EditError::IndexOutOfRange { path, index: at, len });
    }
    list.insert(at, new.clone());
    Ok(())
}
