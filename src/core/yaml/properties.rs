//! Random documents and random edits: what was not meant does not change, and nothing panics.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

mod documents;

use documents::{document, frame, habits, text, value};

/// Every place of the value, as a path.
fn places(value: &Value, here: &Path, all: &mut Vec<Path>) {
    all.push(here.clone());
    match value {
        Value::Object(map) => map
            .iter()
            .for_each(|(key, value)| places(value, &here.clone().key(key), all)),
        Value::Array(list) => {
            list.iter()
                .enumerate()
                .for_each(|(index, value)| places(value, &here.clone().index(index), all));
        }
        _ => {}
    }
}

fn at<'v>(value: &'v mut Value, path: &Path) -> &'v mut Value {
    path.steps().iter().fold(value, |value, step| match step {
        Step::Key(key) => &mut value[key],
        Step::Index(index) => &mut value[index],
    })
}

fn read(text: &str) -> Value {
    Stream::parse(text).unwrap().documents()[0].to_value().unwrap()
}

/// All documents, as another reader of YAML reads them.
fn read_elsewhere(text: &str) -> Vec<Value> {
    use serde::Deserialize as _;
    let documents = yaml_serde::Deserializer::from_str(text);
    documents
        .map(|document| Value::deserialize(document).unwrap_or_else(|error| panic!("{error}\n{text}")))
        .collect()
}

fn comments(text: &str) -> usize {
    text.matches("# note: [x]").count()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn setting_a_scalar_changes_its_own_bytes_only(
        document in document(), habits in habits(), pick in any::<prop::sample::Index>(), new in text(),
    ) {
        let given = habits.write(&document);
        prop_assert_eq!(&read(&given), &document, "{}", given);
        let mut all = Vec::new();
        places(&document, &Path::root(), &mut all);
        all.retain(|path| !matches!(at(&mut document.clone(), path), Value::Object(_) | Value::Array(_)));
        if all.is_empty() {
            return Ok(());
        }
        let path = pick.get(&all).clone();
        let stream = Stream::parse(&given).unwrap();
        let node = stream.documents()[0].locate(&path).unwrap();

        let result = edit(&given, 0, &[Change { path: path.clone(), op: Op::Set(json!(new)) }]).unwrap();
        let Edited::New(after) = result else { return Ok(()) };
        prop_assert!(after.starts_with(&given[..node.start]), "{given}\n{after}");
        prop_assert!(after.ends_with(&given[node.end..]), "{given}\n{after}");
        let mut meant = document.clone();
        *at(&mut meant, &path) = json!(new);
        prop_assert_eq!(read(&after), meant, "{}", after);
    }

    #[test]
    fn a_value_is_reached_from_any_other_and_what_is_equal_stays(
        before in document(), change in value(), pick in any::<prop::sample::Index>(), habits in habits(), drop in any::<bool>(),
    ) {
        let given = habits.write(&before);
        let mut all = Vec::new();
        places(&before, &Path::root(), &mut all);
        let path = pick.get(&all).clone();
        let mut after = before.clone();
        match at(&mut after, &path) {
            Value::Object(map) if drop => map.retain(|key, _| key.len() % 2 == 0),
            Value::Object(map) => { map.insert("added".to_owned(), change); }
            Value::Array(list) if drop => { list.pop(); }
            Value::Array(list) => list.insert(list.len() / 2, change),
            other => *other = change,
        }
        match apply_value(&given, 0, &before, &after) {
            Ok(Edited::New(new)) => {
                prop_assert_eq!(&read(&new), &after, "{}\n{}", given, new);
                if !drop {
                    prop_assert_eq!(comments(&new), comments(&given));
                    let kept = given.lines().filter(|line| new.lines().any(|other| other == *line)).count();
                    prop_assert!(kept + 1 >= given.lines().count(), "{given}\n{new}");
                }
            }
            Ok(Edited::Unchanged) => prop_assert_eq!(before, after),
            Err(e) => prop_assert!(false, "{e}\n{given}\n{after}"),
        }
    }

    #[test]
    fn what_is_added_is_one_piece_of_text_and_all_else_stays(
        document in document(), frame in frame(), habits in habits(), pick in any::<prop::sample::Index>(), new in value(),
    ) {
        let (given, index) = frame.around(&habits.write(&document), habits);
        prop_assert_eq!(&read_elsewhere(&given)[index], &document, "{}", given);
        let mut all = Vec::new();
        places(&document, &Path::root(), &mut all);
        all.retain(|path| match at(&mut document.clone(), path) {
            Value::Object(map) => !map.is_empty() && !map.contains_key("added"),
            Value::Array(list) => !list.is_empty(),
            _ => false,
        });
        let path = pick.get(&all).clone();
        let mut meant = document.clone();
        let change = match at(&mut meant, &path) {
            Value::Object(map) => {
                map.insert("added".to_owned(), new.clone());
                Change { path: path.key("added"), op: Op::Set(new) }
            }
            Value::Array(list) => {
                list.push(new.clone());
                Change { path, op: Op::Append(new) }
            }
            _ => return Ok(()),
        };
        let Ok(Edited::New(after)) = edit(&given, index, &[change]) else {
            return Err(TestCaseError::fail(format!("not added to\n{given}")));
        };
        let front = given.bytes().zip(after.bytes()).take_while(|(a, b)| a == b).count();
        let back = given.bytes().rev().zip(after.bytes().rev()).take_while(|(a, b)| a == b).count();
        prop_assert!(front + back >= given.len(), "{given}\n{after}");
        let mut documents = read_elsewhere(&given);
        documents[index] = meant;
        prop_assert_eq!(read_elsewhere(&after), documents, "{}", after);
    }

    #[test]
    fn what_is_removed_or_renamed_takes_only_its_own_lines(
        document in document(), frame in frame(), habits in habits(), pick in any::<prop::sample::Index>(), rename in any::<bool>(),
    ) {
        let (given, index) = frame.around(&habits.write(&document), habits);
        let mut all = Vec::new();
        places(&document, &Path::root(), &mut all);
        all.retain(|path| {
            matches!(
                (path.steps().last(), rename),
                (Some(Step::Key(_)), _) | (Some(Step::Index(_)), false)
            )
        });
        let path = pick.get(&all).clone();
        let (last, above) = path.steps().split_last().expect("a step");
        let mut meant = document.clone();
        match (at(&mut meant, &Path::from(above.to_vec())), last) {
            (Value::Object(map), Step::Key(key)) => {
                let entries = std::mem::take(map).into_iter();
                let new = |(name, value)| match (&name == key, rename) {
                    (true, true) => Some(("renamed".to_owned(), value)),
                    (true, false) => None,
                    (false, _) => Some((name, value)),
                };
                *map = entries.filter_map(new).collect();
            }
            (Value::Array(list), Step::Index(index)) => {
                list.remove(*index);
            }
            _ => return Ok(()),
        }
        let op = if rename { Op::Rename("renamed".to_owned()) } else { Op::Remove };
        let Ok(Edited::New(after)) = edit(&given, index, &[Change { path: path.clone(), op }]) else {
            return Err(TestCaseError::fail(format!("{path} stays in\n{given}")));
        };
        let mut documents = read_elsewhere(&given);
        documents[index] = meant;
        prop_assert_eq!(read_elsewhere(&after), documents, "{}", after);
        // Every line that is left was there before, but for the one or two that the change touches.
        let new_lines = after.lines().filter(|line| !given.lines().any(|other| other == *line)).count();
        prop_assert!(new_lines <= 2, "{given}\n{after}");
        if rename {
            prop_assert_eq!(comments(&after), comments(&given));
        }
    }

    #[test]
    fn what_is_written_as_a_new_file_reads_as_the_same(value in document()) {
        prop_assert_eq!(read(&write(&value)), value);
    }

    #[test]
    fn no_text_makes_the_editor_panic(
        text in "([ \\t\\r\\n]|[-:,?#&*!|>'\"%@`{}\\[\\]]|---|\\.\\.\\.|<<: |a: |- |b|é|\u{feff}|&x |\\*x|!!int |1){0,40}",
        value in value(), key in prop::sample::select(vec!["a", "b", "1"]), index in 0..3_usize,
    ) {
        let Ok(stream) = Stream::parse(&text) else { return Ok(()) };
        let _ = stream.documents().iter().map(Document::to_value).collect::<Vec<_>>();
        let path = Path::root().key(key);
        for document in 0..2 {
            for (path, op) in [
                (path.clone(), Op::Set(value.clone())),
                (path.clone().key("c"), Op::Set(value.clone())),
                (path.clone(), Op::Append(value.clone())),
                (path.clone(), Op::Remove),
                (path.clone(), Op::Rename("z".to_owned())),
                (path.clone(), Op::Reorder(vec![1, 0])),
                (Path::root().index(index), Op::Set(value.clone())),
                (Path::root().index(index), Op::Remove),
                (Path::root(), Op::Insert(index, value.clone())),
                (Path::root(), Op::Set(value.clone())),
            ] {
                let _ = edit(&text, document, &[Change { path, op }]);
            }
        }
    }
}
