//! The values that a Helm source holds beside its parameters: `valuesObject`, and `values` as text of YAML.
//!
//! They are only read, and never written. A parameter stands above `valuesObject`, and that above `values`; the name of a
//! parameter is a path as `helm --set` knows it: `a.b`, `a[0].b`, and `a\.b` for a key with a dot.

use std::borrow::Cow;

use serde_json::Value;

use crate::{
    api::argocd::ApplicationSource,
    core::{
        foreign::ForeignText,
        plan::values,
        verdict::{Reason, Verdict},
        yaml::Stream,
    },
};

/// Values that may say which version is wanted, and cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("helm.{field} of the application's source cannot be read: {reason}; mend it, or set currentFrom: live")]
pub struct Unreadable {
    field: &'static str,
    reason: ForeignText,
}

impl Unreadable {
    fn new(field: &'static str, reason: &str) -> Self {
        Self {
            field,
            reason: ForeignText::new(reason),
        }
    }
}

impl From<Unreadable> for Verdict {
    fn from(error: Unreadable) -> Self {
        Self::new(Reason::TargetUnusable, error.to_string())
    }
}

/// Everything that a Helm source says itself about values.
#[derive(Debug)]
pub struct HelmValues<'a> {
    parameters: &'a [Value],
    /// What stands inline, the higher one first.
    blocks: Vec<Cow<'a, Value>>,
}

impl<'a> HelmValues<'a> {
    /// Reads the values of `source`. One block that cannot be read makes all of them unreadable, because nobody knows what
    /// it was meant to say.
    pub fn read(source: &'a ApplicationSource) -> Result<Self, Unreadable> {
        let helm = source.helm.as_ref();
        let mut blocks = Vec::new();
        match helm.and_then(|helm| helm.values_object.as_ref()) {
            None | Some(Value::Null) => {}
            Some(object @ Value::Object(_)) => blocks.push(Cow::Borrowed(object)),
            Some(_) => return Err(Unreadable::new("valuesObject", "it is no map of keys")),
        }
        match helm.and_then(|helm| helm.values.as_ref()) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => blocks.extend(parsed(text)?.map(Cow::Owned)),
            Some(_) => return Err(Unreadable::new("values", "it is no text")),
        }
        Ok(Self {
            parameters: values::helm_list(source),
            blocks,
        })
    }

    /// The value of the parameter `name`, or what stands inline at its path. A null, a list or a map is no value.
    pub fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        let parameter = values::value_of(self.parameters, name).map(Cow::Borrowed);
        parameter.or_else(|| self.inline(name))
    }

    /// What stands inline at the path `name`.
    pub fn inline(&self, name: &str) -> Option<Cow<'_, str>> {
        let path = path(name)?;
        self.blocks.iter().find_map(|block| scalar(found(block, &path)?))
    }
}

/// The data of `text`; `None` when it holds nothing.
fn parsed(text: &str) -> Result<Option<Value>, Unreadable> {
    let unreadable = |reason: &dyn ToString| Unreadable::new("values", &reason.to_string());
    let stream = Stream::parse(text).map_err(|error| unreadable(&error))?;
    let Some(document) = stream.documents().first() else {
        return Ok(None);
    };
    match document.to_value().map_err(|error| unreadable(&error))? {
        Value::Null => Ok(None),
        map @ Value::Object(_) => Ok(Some(map)),
        _ => Err(unreadable(&"it is no map of keys")),
    }
}

/// One part of a path.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

/// The path that `name` is; `None` when it is none, and then Helm refuses it too.
fn path(name: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut rest = name.chars();
    loop {
        let mut key = String::new();
        let end = loop {
            match rest.next() {
                Some('\\') => key.push(rest.next()?),
                Some(end @ ('.' | '[')) => break Some(end),
                Some(c) => key.push(c),
                None => break None,
            }
        };
        if key.is_empty() {
            return None;
        }
        steps.push(Step::Key(key));
        let mut end = end;
        while end == Some('[') {
            let (digits, after) = rest.as_str().split_once(']')?;
            if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            steps.push(Step::Index(digits.parse().ok()?));
            rest = after.chars();
            end = rest.next();
        }
        match end {
            Some('.') => {}
            None => return Some(steps),
            Some(_) => return None,
        }
    }
}

fn found<'v>(block: &'v Value, path: &[Step]) -> Option<&'v Value> {
    path.iter().try_fold(block, |value, step| match step {
        Step::Key(key) => value.as_object()?.get(key),
        Step::Index(index) => value.as_array()?.get(*index),
    })
}

/// What a template makes of a value. A number has lost its spelling: `1.10` is 1.1, and `1.0` is 1.
fn scalar(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Bool(value) => Some(Cow::Owned(value.to_string())),
        Value::Number(number) => {
            let text = number.to_string();
            Some(Cow::Owned(text.strip_suffix(".0").unwrap_or(&text).to_owned()))
        }
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn source(helm: &Value) -> ApplicationSource {
        serde_json::from_value(json!({"helm": helm})).unwrap()
    }

    #[test]
    fn a_parameter_stands_above_the_object_and_the_object_above_the_text() {
        let parameter = json!([{"name": "image.tag", "value": "p"}]);
        let empty = json!([{"name": "image.tag", "value": ""}]);
        let object = json!({"image": {"tag": "o"}});
        let other = json!({"image": {"tag": null}, "replicas": 2});
        let text = "image: {tag: t}";
        for (helm, expected) in [
            (
                json!({"parameters": parameter, "valuesObject": object, "values": text}),
                Some("p"),
            ),
            (json!({"parameters": empty, "valuesObject": object}), Some("")),
            (
                json!({"parameters": [], "valuesObject": object, "values": text}),
                Some("o"),
            ),
            (json!({"valuesObject": other, "values": text}), Some("t")),
            (json!({"valuesObject": {}, "values": text}), Some("t")),
            (json!({"valuesObject": null, "values": "# nothing\n"}), None),
            (json!({"values": ""}), None),
            (json!({"values": "~"}), None),
            (json!({"values": null}), None),
            (json!({}), None),
        ] {
            let source = source(&helm);
            let values = HelmValues::read(&source).unwrap();
            assert_eq!(values.get("image.tag").as_deref(), expected, "{helm}");
        }
        let none = ApplicationSource::default();
        assert_eq!(HelmValues::read(&none).unwrap().get("image.tag"), None);
    }

    #[test]
    fn the_name_of_a_parameter_is_a_path() {
        let object = json!({"valuesObject": {
            "tag": "top", "a": {"b.c": "escaped", "b": {"c": "nested"}, "x": "text"}, "a.b": {"c": "no path"},
            "list": [{"tag": "first"}, {"tag": 7}, ["deep"]], "yes": true, "n": [1.5, 2.0, 20_240_101],
        }});
        let source = source(&object);
        let values = HelmValues::read(&source).unwrap();
        for (name, expected) in [
            ("tag", Some("top")),
            ("a.b.c", Some("nested")),
            (r"a.b\.c", Some("escaped")),
            (r"a\.b.c", Some("no path")),
            ("list[0].tag", Some("first")),
            ("list[1].tag", Some("7")),
            ("list[2][0]", Some("deep")),
            ("list[3].tag", None),
            ("list[99999999999999999999]", None),
            ("list.tag", None),
            ("a[0]", None),
            ("a", None),
            ("a.x.y", None),
            ("missing.tag", None),
            ("yes", Some("true")),
            ("n[0]", Some("1.5")),
            ("n[1]", Some("2")),
            ("n[2]", Some("20240101")),
            ("", None),
            (".", None),
            ("tag.", None),
            ("a..x", None),
            ("list[0", None),
            ("list[x]", None),
            ("list[]", None),
            ("list[-1]", None),
            ("list[0]tag", None),
            ("[0]", None),
            ("tag\\", None),
        ] {
            assert_eq!(values.get(name).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn the_text_is_read_as_yaml() {
        let source =
            source(&json!({"values": "base: &b {tag: v1.5.0}\nimage:\n  <<: *b\nodd: 1.10\nquoted: '1.10'\n"}));
        let values = HelmValues::read(&source).unwrap();
        for (name, expected) in [("image.tag", "v1.5.0"), ("odd", "1.1"), ("quoted", "1.10")] {
            assert_eq!(values.get(name).as_deref(), Some(expected), "{name}");
        }
    }

    #[test]
    fn values_that_cannot_be_read_are_told_by_their_field() {
        for (helm, field) in [
            (json!({"values": "image: {tag: v1\n"}), "helm.values "),
            (json!({"values": "a: 1\na: 2\n"}), "helm.values "),
            (json!({"values": "- a\n"}), "helm.values "),
            (json!({"values": "text"}), "helm.values "),
            (json!({"values": {"image": {}}}), "helm.values "),
            (json!({"valuesObject": ["a"]}), "helm.valuesObject "),
            (json!({"valuesObject": "a: b", "values": "a: b"}), "helm.valuesObject "),
        ] {
            let source = source(&helm);
            let verdict = Verdict::from(HelmValues::read(&source).unwrap_err());
            assert_eq!(verdict.reason, Reason::TargetUnusable, "{helm}");
            assert!(verdict.message.starts_with(field), "{helm}: {verdict}");
        }
    }
}
