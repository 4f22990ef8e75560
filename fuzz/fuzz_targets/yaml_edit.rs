//! Edits of YAML: the first line is the edit, `set`, `append`, `remove` or `rename`, a path `a.b[1]` and a value; the rest is
//! the text. What is not meant stays: other values, other documents, comments and bytes.
#![no_main]

use argocd_image_updater::core::yaml::{Change, Edited, Op, Path, Step, Stream, edit, write};
use argocd_image_updater_fuzz::assert_presentable;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = str::from_utf8(data) else { return };
    let Some((first, text)) = text.split_once('\n') else {
        return;
    };
    let mut words = first.splitn(3, ' ');
    let (Some(verb), Some(path)) = (words.next(), words.next()) else {
        return;
    };
    let value = words.next().unwrap_or_default();
    let op = match verb {
        "set" => Op::Set(json!(value)),
        "append" => Op::Append(json!({"name": value})),
        "remove" => Op::Remove,
        "rename" => Op::Rename(value.to_owned()),
        _ => return,
    };
    let change = Change { path: parsed(path), op };
    let new = match edit(text, 0, std::slice::from_ref(&change)) {
        Ok(Edited::New(new)) => new,
        Ok(Edited::Unchanged) => return,
        Err(error) => return assert_presentable(&error.to_string()),
    };
    compare(text, &new, &change);
    if matches!(change.op, Op::Set(_)) {
        assert_eq!(edit(&new, 0, &[change]), Ok(Edited::Unchanged), "{new:?}");
    }
});

/// `a.b[1].c`; what is no number in brackets is part of a key.
fn parsed(text: &str) -> Path {
    let mut steps = Vec::new();
    for part in text.split('.') {
        let (key, indices) = part.split_at(part.find('[').unwrap_or(part.len()));
        if !key.is_empty() {
            steps.push(Step::Key(key.to_owned()));
        }
        for index in indices.split(['[', ']']).filter(|text| !text.is_empty()) {
            steps.push(match index.parse() {
                Ok(index) => Step::Index(index),
                Err(_) => Step::Key(index.to_owned()),
            });
        }
    }
    Path::from(steps)
}

/// The data of every document that is data.
fn data_of(text: &str) -> Vec<Option<Value>> {
    let stream = Stream::parse(text).expect("the text was read before");
    stream
        .documents()
        .iter()
        .map(|document| document.to_value().ok())
        .collect()
}

fn compare(old: &str, new: &str, change: &Change) {
    let (before, after) = (data_of(old), data_of(new));
    assert_eq!(before.len().max(1), after.len(), "documents: {new:?}");
    assert_eq!(
        before.get(1..).unwrap_or_default(),
        &after[1..],
        "other documents: {new:?}"
    );

    // A change at an anchor is a change at its aliases, and merge keys add more.
    let shares = old.contains(['*', '&']) || old.contains("<<");
    let first = before.first().cloned().unwrap_or(Some(Value::Null));
    if let (false, Some(mut model), Some(Some(after))) = (shares, first, after.first())
        && change.path.steps().iter().all(is_text)
        && apply(&mut model, change.path.steps(), &change.op)
    {
        assert_eq!(&model, after, "{new:?}");
    }

    let stream = Stream::parse(old).expect("read before");
    let node = stream
        .documents()
        .first()
        .and_then(|document| document.locate(&change.path));
    let replaces_lines = node.is_some_and(|node| node.text().is_none());
    if shares || replaces_lines || matches!(change.op, Op::Remove) || old.contains(['|', '>', '"', '\'']) {
        return;
    }
    // Only a value was replaced or something was added: every line of comment is still there.
    let comments = |text: &str| text.lines().filter(|line| line.trim_start().starts_with('#')).count();
    assert!(comments(new) >= comments(old), "{new:?}");
}

/// Whether a key is read as it is written; `y` is read as `true`.
fn is_text(step: &Step) -> bool {
    match step {
        Step::Key(key) => !write(&json!({ key: 1 })).starts_with('"'),
        Step::Index(_) => true,
    }
}

/// What the change makes of plain data. `false` where that is not this simple.
fn apply(value: &mut Value, steps: &[Step], op: &Op) -> bool {
    let Some((step, rest)) = steps.split_first() else {
        match (value, op) {
            (value, Op::Set(new)) => value.clone_from(new),
            (Value::Array(list), Op::Append(new)) => list.push(new.clone()),
            (value @ Value::Null, Op::Append(new)) => *value = json!([new]),
            _ => return false,
        }
        return true;
    };
    match (value, step) {
        (Value::Object(map), Step::Key(key)) if rest.is_empty() && matches!(op, Op::Remove) => {
            map.shift_remove(key).is_some()
        }
        (Value::Array(list), Step::Index(index)) if rest.is_empty() && matches!(op, Op::Remove) => {
            *index < list.len() && {
                list.remove(*index);
                true
            }
        }
        (Value::Object(map), Step::Key(key)) if rest.is_empty() && matches!(op, Op::Rename(_)) => {
            let Op::Rename(name) = op else { return false };
            let value = map.shift_remove(key);
            value.is_some_and(|value| map.insert(name.clone(), value).is_none())
        }
        (Value::Object(map), Step::Key(key)) => apply(map.entry(key).or_insert(Value::Null), rest, op),
        (Value::Array(list), Step::Index(index)) => list.get_mut(*index).is_some_and(|entry| apply(entry, rest, op)),
        (value @ Value::Null, Step::Key(key)) => {
            let mut new = Value::Null;
            apply(&mut new, rest, op) && {
                *value = json!({ key: new });
                true
            }
        }
        _ => false,
    }
}
