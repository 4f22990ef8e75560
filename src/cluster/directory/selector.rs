//! Label and field selectors of list and watch requests.

use serde_json::Value;

use super::kind::Kind;

/// What an object must have to be listed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Selector {
    labels: Vec<LabelTerm>,
    fields: Vec<(String, String, bool)>,
}

#[derive(Debug, PartialEq, Eq)]
enum LabelTerm {
    Exists(String),
    Missing(String),
    In(String, Vec<String>),
    /// Also where the label is missing.
    NotIn(String, Vec<String>),
}

impl Selector {
    /// Parses both selectors; the error is the message of the API server's answer.
    pub(super) fn parse(kind: Kind, labels: &str, fields: &str) -> Result<Self, String> {
        let terms = split(labels);
        let labels = terms.iter().map(|term| label_term(term)).collect::<Result<_, _>>()?;
        let fields = fields
            .split(',')
            .filter(|term| !term.is_empty())
            .map(|term| field_term(kind, term));
        Ok(Self {
            labels,
            fields: fields.collect::<Result<_, _>>()?,
        })
    }

    pub(super) fn matches(&self, object: &Value) -> bool {
        let label = |key: &str| object["metadata"]["labels"].get(key).and_then(Value::as_str);
        let is_among = |key: &str, values: &[String]| label(key).is_some_and(|value| values.iter().any(|v| v == value));
        let labels_fit = self.labels.iter().all(|term| match term {
            LabelTerm::Exists(key) => label(key).is_some(),
            LabelTerm::Missing(key) => label(key).is_none(),
            LabelTerm::In(key, values) => is_among(key, values),
            LabelTerm::NotIn(key, values) => !is_among(key, values),
        });
        labels_fit
            && self.fields.iter().all(|(path, wanted, equal)| {
                let found = path.split('.').fold(object, |value, key| &value[key]);
                (found.as_str().unwrap_or_default() == wanted) == *equal
            })
    }
}

/// Splits at commas outside of parentheses.
fn split(text: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    let terms = text.split(move |c| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    });
    terms.map(str::trim).filter(|term| !term.is_empty()).collect()
}

fn label_term(term: &str) -> Result<LabelTerm, String> {
    let bad = || format!("unable to parse requirement: {term:?}");
    let key = |text: &str| {
        let text = text.trim();
        let fits = |b: u8| b.is_ascii_alphanumeric() || b"-_./".contains(&b);
        (!text.is_empty() && text.bytes().all(fits))
            .then(|| text.to_owned())
            .ok_or_else(bad)
    };
    if let Some((left, list)) = term.strip_suffix(')').and_then(|term| term.split_once('(')) {
        let values = list.split(',').map(|value| value.trim().to_owned()).collect();
        let (left, operator) = left.trim_end().rsplit_once(char::is_whitespace).ok_or_else(bad)?;
        return match operator {
            "in" => Ok(LabelTerm::In(key(left)?, values)),
            "notin" => Ok(LabelTerm::NotIn(key(left)?, values)),
            _ => Err(bad()),
        };
    }
    if let Some((left, value)) = term.split_once("!=") {
        return Ok(LabelTerm::NotIn(key(left)?, vec![value.trim().to_owned()]));
    }
    if let Some((left, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
        return Ok(LabelTerm::In(key(left)?, vec![value.trim().to_owned()]));
    }
    match term.strip_prefix('!') {
        Some(rest) => Ok(LabelTerm::Missing(key(rest)?)),
        None => Ok(LabelTerm::Exists(key(term)?)),
    }
}

fn field_term(kind: Kind, term: &str) -> Result<(String, String, bool), String> {
    let (path, value, equal) = if let Some((path, value)) = term.split_once("!=") {
        (path, value, false)
    } else if let Some((path, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
        (path, value, true)
    } else {
        return Err(format!("invalid selector: {term:?}; can't understand"));
    };
    let known = match path {
        "metadata.name" | "metadata.namespace" => true,
        "type" => matches!(kind, Kind::Secret | Kind::Event),
        "reason" => kind == Kind::Event,
        _ => kind == Kind::Event && path.starts_with("involvedObject."),
    };
    if known {
        Ok((path.to_owned(), value.to_owned(), equal))
    } else {
        Err(format!("field label not supported: {path}"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn label_selectors_match_as_in_kubernetes() {
        let object = json!({"metadata": {"name": "x", "labels": {"app": "shop", "team.io/a": "b"}}});
        for (labels, fields, expected) in [
            ("", "", true),
            ("app=shop", "", true),
            ("app==shop,team.io/a=b", "", true),
            ("app!=shop", "", false),
            ("tier!=x", "", true),
            ("app in (web, shop)", "", true),
            ("app notin (web,shop),app", "", false),
            ("tier notin (web)", "", true),
            ("!tier", "", true),
            ("!app", "", false),
            ("tier", "", false),
            ("", "metadata.name=x", true),
            ("", "metadata.name!=x", false),
            ("app=shop", "metadata.name=y", false),
        ] {
            let selector = Selector::parse(Kind::Application, labels, fields).unwrap();
            assert_eq!(selector.matches(&object), expected, "{labels} {fields}");
        }
    }

    #[test]
    fn a_selector_that_is_none_is_refused() {
        for (labels, fields) in [
            ("a b=c", ""),
            ("a in b", ""),
            ("a of (b)", ""),
            ("=x", ""),
            ("", "x"),
            ("", "spec.project=x"),
        ] {
            assert!(
                Selector::parse(Kind::Application, labels, fields).is_err(),
                "{labels} {fields}"
            );
        }
    }
}
