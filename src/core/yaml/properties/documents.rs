//! Random documents as people write them.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::super::{node, scalar};

/// How a random document is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Habits {
    newline: &'static str,
    step: usize,
    dash: usize,
    comments: bool,
    blank_lines: bool,
    quotes: u8,
    flow_from: usize,
    final_newline: bool,
}

pub(super) fn habits() -> impl Strategy<Value = Habits> {
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

pub(super) fn text() -> impl Strategy<Value = String> {
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

pub(super) fn value() -> impl Strategy<Value = Value> {
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

pub(super) fn document() -> impl Strategy<Value = Value> {
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

    pub(super) fn write(self, value: &Value) -> String {
        let mut out = String::new();
        self.block(value, 0, 1, &mut out);
        if !self.final_newline {
            out.truncate(out.trim_end_matches(['\n', '\r']).len());
        }
        out
    }
}

/// What stands around the document.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    before: &'static str,
    after: &'static str,
    index: usize,
}

pub(super) fn frame() -> impl Strategy<Value = Frame> {
    let frames = vec![
        ("", "", 0),
        ("# head\n\n--- # first\n", "", 0),
        ("%YAML 1.2\n---\n", "...\n# end\n", 0),
        ("", "--- # second\n- &x [1, \"a: b\"]\n- *x # note: [x]\n", 0),
        (
            "zero: &a [1] # note: [x]\nmore: *a\n---\n",
            "---\nlast: |\n  text\n\n",
            1,
        ),
    ];
    prop::sample::select(frames).prop_map(|(before, after, index)| Frame { before, after, index })
}

impl Frame {
    /// The whole text, and the index of the document in it.
    pub(super) fn around(self, document: &str, habits: Habits) -> (String, usize) {
        let newline = |text: &str| text.replace('\n', habits.newline);
        // What stands below begins on a line of its own.
        let gap = if self.after.is_empty() || document.ends_with('\n') {
            ""
        } else {
            habits.newline
        };
        let text = format!("{}{document}{gap}{}", newline(self.before), newline(self.after));
        (text, self.index)
    }
}
