//! Random documents and random edits: what was not meant does not change, and nothing panics.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

/// How a random document is written.
#[derive(Debug, Clone, Copy)]
struct Habits {
    newline: &'static str,
    step: usize,
    dash: usize,
    comments: bool,
    blank_lines: bool,
    quotes: u8,
    flow_from: usize,
    final_newline: bool,
}

fn habits() -> impl Strategy<Value = Habits> {
    (
        prop_oneof![Just("\n"), Just("\r\n")],
        1..5_usize,
        0..4_usize,
        any::<bool>(),
        any::<bool>(),
        0..3_u8,
        1..6_usize,
        any::<bool>(),
    )
        .prop_map(
            |(newline, step, dash, comments, blank_lines, quotes, flow_from, final_newline)| Habits {
                newline,
                step,
                dash,
                comments,
                blank_lines,
                quotes,
                flow_from,
                final_newline,
            },
        )
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z][a-z0-9./:-]{0,12}",
        "[0-9]{1,4}(\\.[0-9]{1,3}){0,2}",
        prop::sample::select(vec![
            "",
            "on",
            "null",
            "2024-05-01",
            "a: b",
            "x #y",
            "é ü",
            "'",
            "\"",
            "\\",
            "-",
            "- a",
            "{",
            "a\nb",
            "a\nb\n",
            " a",
            "true"
        ])
        .prop_map(str::to_owned),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (-1000..1000_i64).prop_map(|n| json!(n)),
        text().prop_map(Value::String),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((text(), inner), 0..4)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

fn document() -> impl Strategy<Value = Value> {
    prop::collection::vec((text(), value()), 1..5)
        .prop_map(|entries| Value::Object(entries.into_iter().collect::<Map<_, _>>()))
}

impl Habits {
    fn scalar(self, value: &Value, flow: bool) -> String {
        let Value::String(text) = value else {
            return value.to_string();
        };
        let style = match self.quotes {
            0 => node::ScalarStyle::Plain,
            1 => node::ScalarStyle::Single,
            _ => node::ScalarStyle::Double,
        };
        scalar::write_text(text, style, flow)
    }

    fn flow(self, value: &Value) -> String {
        match value {
            Value::Array(list) => format!(
                "[{}]",
                list.iter().map(|v| self.flow(v)).collect::<Vec<_>>().join(" , ")
            ),
            Value::Object(map) => {
                let entries = map
                    .iter()
                    .map(|(k, v)| format!("{}: {}", self.scalar(&json!(k), true), self.flow(v)));
                format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
            }
            _ => self.scalar(value, true),
        }
    }

    fn decoration(self, indent: usize, out: &mut String) {
        if self.blank_lines {
            out.push_str(self.newline);
        }
        if self.comments {
            out.extend([" ".repeat(indent).as_str(), "# note: [x]", self.newline]);
        }
    }

    /// The value behind a colon or dash, with the line break.
    fn behind(self, value: &Value, indent: usize, depth: usize, out: &mut String) {
        let tail = if self.comments { " # end" } else { "" };
        let lines = match value {
            Value::Object(map) => !map.is_empty(),
            Value::Array(list) => !list.is_empty(),
            _ => false,
        };
        if lines && depth < self.flow_from {
            out.push_str(tail);
            out.push_str(self.newline);
            self.block(value, indent, depth + 1, out);
        } else {
            out.extend([" ", self.flow(value).as_str(), tail, self.newline]);
        }
    }

    fn block(self, value: &Value, indent: usize, depth: usize, out: &mut String) {
        let blanks = " ".repeat(indent);
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    self.decoration(indent, out);
                    out.extend([blanks.as_str(), &self.scalar(&json!(key), false), ":"]);
                    let deeper = if value.is_array() { self.dash } else { self.step };
                    self.behind(value, indent + deeper, depth, out);
                }
            }
            Value::Array(list) => {
                for value in list {
                    self.decoration(indent, out);
                    out.extend([blanks.as_str(), "-"]);
                    self.behind(value, indent + 2, depth, out);
                }
            }
            _ => {}
        }
    }

    fn write(self, value: &Value) -> String {
        let mut out = String::new();
        self.block(value, 0, 1, &mut out);
        if !self.final_newline {
            out.truncate(out.trim_end_matches(['\n', '\r']).len());
        }
        out
    }
}

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
