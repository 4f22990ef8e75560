//! Random files and random edits: the value is written, everything else stays, and a second edit changes nothing.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{
    helm_values::{self, ValueWrite},
    kustomization::{self, ImageOverride},
};
use crate::core::yaml::{Edited, Stream};

/// How a random file is written.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a habit of its own")]
struct Habits {
    newline: &'static str,
    step: usize,
    dash: usize,
    quote: &'static str,
    comments: bool,
    blank_lines: bool,
    flow_from: usize,
    ends: bool,
    mark: bool,
}

fn habits() -> impl Strategy<Value = Habits> {
    let newline = prop::sample::select(vec!["\n", "\r\n"]);
    let quote = prop::sample::select(vec!["", "'", "\""]);
    let flags = any::<[bool; 4]>();
    (newline, 1..5_usize, 0..4_usize, quote, 1..5_usize, flags).prop_map(
        |(newline, step, dash, quote, flow_from, [comments, blank_lines, ends, mark])| Habits {
            newline,
            step,
            dash,
            quote,
            comments,
            blank_lines,
            flow_from,
            ends,
            mark,
        },
    )
}

impl Habits {
    fn write(self, document: &Map<String, Value>) -> String {
        let mut out = String::new();
        if self.mark {
            out.extend(["# file ä: [x]", self.newline, "---", self.newline]);
        }
        self.map(document, 0, &mut out);
        if !self.ends {
            out.truncate(out.trim_end_matches(['\r', '\n']).len());
        }
        out
    }

    fn scalar(self, value: &Value) -> String {
        match value {
            Value::String(text) if self.quote.is_empty() => text.clone(),
            Value::String(text) => format!("{0}{text}{0}", self.quote),
            Value::Null => String::new(),
            other => other.to_string(),
        }
    }

    fn flow(self, value: &Value) -> String {
        match value {
            Value::Object(map) => {
                let entries = map.iter().map(|(key, value)| format!("{key}: {}", self.flow(value)));
                format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
            }
            Value::Array(list) => {
                let items = list.iter().map(|item| self.flow(item));
                format!("[{}]", items.collect::<Vec<_>>().join(" , "))
            }
            Value::Null => "~".to_owned(),
            other => self.scalar(other),
        }
    }

    fn above(self, indent: usize, out: &mut String) {
        if self.blank_lines {
            out.push_str(self.newline);
        }
        if self.comments {
            out.extend([" ".repeat(indent).as_str(), "# tag: x", self.newline]);
        }
    }

    fn behind(self, value: &Value, indent: usize, depth: usize, out: &mut String) {
        let tail = if self.comments { " # ü" } else { "" };
        let in_lines = match value {
            Value::Object(map) => !map.is_empty(),
            Value::Array(list) => !list.is_empty(),
            _ => false,
        };
        match value {
            Value::Object(map) if in_lines && depth < self.flow_from => {
                out.extend([tail, self.newline]);
                self.map(map, indent + self.step, out);
            }
            Value::Array(list) if in_lines && depth < self.flow_from => {
                out.extend([tail, self.newline]);
                for item in list {
                    let indent = indent + self.dash;
                    self.above(indent, out);
                    out.extend([" ".repeat(indent).as_str(), "- ", &self.flow(item), tail, self.newline]);
                }
            }
            Value::Object(_) | Value::Array(_) => out.extend([" ", &self.flow(value), tail, self.newline]),
            _ => out.extend([" ", &self.scalar(value), tail, self.newline]),
        }
    }

    fn map(self, map: &Map<String, Value>, indent: usize, out: &mut String) {
        for (key, value) in map {
            self.above(indent, out);
            out.extend([" ".repeat(indent).as_str(), key, ":"]);
            self.behind(value, indent, indent / self.step.max(1), out);
        }
    }
}

fn key() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["image", "tag", "repository", "web", "list", "größe"]).prop_map(str::to_owned)
}

fn text() -> impl Strategy<Value = String> {
    "v[0-9]{1,2}(\\.[0-9]{1,2}){0,2}(-rc[0-9])?"
}

fn values() -> impl Strategy<Value = Map<String, Value>> {
    let leaf = prop_oneof![
        4 => text().prop_map(Value::from),
        1 => (0..99_i64).prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    let value = leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            2 => prop::collection::vec((key(), inner.clone()), 0..4).prop_map(|entries| json!(entries.into_iter().collect::<Map<_, _>>())),
            1 => prop::collection::vec(inner, 0..3).prop_map(Value::from),
        ]
    });
    prop::collection::vec((key(), value), 1..5).prop_map(|entries| entries.into_iter().collect())
}

fn read(text: &str) -> Value {
    Stream::parse(text).unwrap().documents()[0].to_value().unwrap()
}

/// Every parameter that leads to a single value, or that could be inserted.
fn parameters(value: &Value, here: &str, single: &mut Vec<String>, missing: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            let dot = if here.is_empty() { "" } else { "." };
            for (key, value) in map {
                parameters(value, &format!("{here}{dot}{key}"), single, missing);
            }
            missing.push(format!("{here}{dot}added"));
            missing.push(format!("{here}{dot}more.added"));
        }
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                parameters(value, &format!("{here}[{index}]"), single, missing);
            }
        }
        _ => single.push(here.to_owned()),
    }
}

fn put(document: &mut Value, parameter: &str, new: &str) {
    let mut place = document;
    for part in parameter.split('.') {
        let (key, indices) = part.split_at(part.find('[').unwrap_or(part.len()));
        if place.is_null() {
            *place = json!({});
        }
        place = &mut place[key];
        for index in indices.split(['[', ']']).filter(|index| !index.is_empty()) {
            place = &mut place[index.parse::<usize>().unwrap()];
        }
    }
    *place = new.into();
}

/// How many lines of `old` are gone in `new`.
fn lines_gone(old: &str, new: &str) -> usize {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let diff = similar::TextDiff::from_slices(&old, &new);
    let gone = |change: &similar::Change<&str>| change.tag() == similar::ChangeTag::Delete;
    diff.iter_all_changes().filter(gone).count()
}

/// How many lines of `old` are others in `new`, which has as many.
fn changed_lines(old: &str, new: &str) -> Option<usize> {
    let pairs = old.lines().zip(new.lines());
    let same_number = old.lines().count() == new.lines().count();
    (same_number && old.ends_with('\n') == new.ends_with('\n')).then(|| pairs.filter(|(a, b)| a != b).count())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn a_value_of_a_helm_file_changes_alone(
        document in values(), habits in habits(), pick in any::<prop::sample::Index>(), new in text(),
    ) {
        let given = habits.write(&document);
        let document = Value::Object(document);
        prop_assert_eq!(&read(&given), &document, "{}", given);
        let (mut single, mut missing) = (Vec::new(), Vec::new());
        parameters(&document, "", &mut single, &mut missing);
        if single.is_empty() {
            return Ok(());
        }
        let write = ValueWrite {
            parameter: pick.get(&single).clone(),
            value: new.clone(),
            registry_as_in_file: false,
        };
        let mut meant = document.clone();
        put(&mut meant, &write.parameter, &new);
        match helm_values::render(Some(&given), std::slice::from_ref(&write)).unwrap() {
            Edited::Unchanged => prop_assert_eq!(meant, document),
            Edited::New(after) => {
                prop_assert_eq!(changed_lines(&given, &after), Some(1), "{}\n{}", given, after);
                prop_assert_eq!(read(&after), meant);
                prop_assert_eq!(helm_values::render(Some(&after), &[write]), Ok(Edited::Unchanged));
            }
        }
    }

    #[test]
    fn a_value_that_is_missing_in_a_helm_file_is_inserted_between_its_lines(
        document in values(), habits in habits(), pick in any::<prop::sample::Index>(), new in text(),
    ) {
        let given = habits.write(&document);
        let document = Value::Object(document);
        let (mut single, mut missing) = (Vec::new(), Vec::new());
        parameters(&document, "", &mut single, &mut missing);
        let parameter = pick.get(&missing).clone();
        let write = ValueWrite { parameter: parameter.clone(), value: new.clone(), registry_as_in_file: false };
        let mut meant = document.clone();
        put(&mut meant, &parameter, &new);
        let Edited::New(after) = helm_values::render(Some(&given), std::slice::from_ref(&write)).unwrap() else {
            return Err(TestCaseError::fail("nothing was inserted"));
        };
        prop_assert_eq!(read(&after), meant, "{}\n{}", given, after);
        // A map in braces, or an empty one, changes in its own line.
        prop_assert!(lines_gone(&given, &after) <= 1, "{given}\n{after}");
        prop_assert_eq!(helm_values::render(Some(&after), &[write]), Ok(Edited::Unchanged));
    }

    #[test]
    fn a_kustomization_keeps_everything_but_the_versions(
        others in values(), habits in habits(), names in prop::collection::vec("[a-c]/[a-c]", 0..4), old in text(),
        new in text(), pinned in any::<bool>(), pick in "[a-c]/[a-c]",
    ) {
        let entries: Vec<Value> = names.iter().enumerate().map(|(n, name)| match n % 3 {
            0 => json!({"name": name, "newTag": old}),
            1 => json!({"newTag": old, "name": name, "newName": format!("reg.io/{name}"), "tagSuffix": "-x"}),
            _ => json!({"name": name}),
        }).collect();
        let mut document = Map::from_iter([("images".to_owned(), json!(entries))]);
        document.extend(others);
        let given = habits.write(&document);
        let version = if pinned { format!(":{new}@sha256:{}", "0".repeat(64)) } else { format!(":{new}") };
        let image = ImageOverride::parse(&format!("{pick}{version}")).unwrap();
        let mut meant = document.clone();
        let list = meant["images"].as_array_mut().unwrap();
        let mut found = false;
        for entry in list.iter_mut().filter(|entry| entry["name"] == pick.as_str()) {
            found = true;
            entry["newTag"] = new.as_str().into();
            if pinned {
                entry["digest"] = format!("sha256:{}", "0".repeat(64)).into();
            }
        }
        if !found {
            let mut entry = json!({"name": pick, "newTag": new});
            if pinned {
                entry["digest"] = format!("sha256:{}", "0".repeat(64)).into();
            }
            list.push(entry);
        }
        match kustomization::render(&given, std::slice::from_ref(&image)).unwrap() {
            Edited::Unchanged => prop_assert_eq!(meant, document),
            Edited::New(after) => {
                prop_assert_eq!(read(&after), Value::Object(meant), "{}\n{}", given, after);
                prop_assert_eq!(after.matches("# tag: x").count(), given.matches("# tag: x").count());
                prop_assert_eq!(kustomization::render(&after, &[image]), Ok(Edited::Unchanged));
            }
        }
    }
}
