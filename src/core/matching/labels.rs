//! Label selectors, read as the Kubernetes API server reads them.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};

use crate::core::foreign::ForeignText;

/// A label selector that was checked. All of its requirements have to hold; without any it matches everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selector {
    requirements: Vec<Requirement>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    In(BTreeSet<String>),
    /// Holds as well when the label is missing.
    NotIn(BTreeSet<String>),
    Exists,
    DoesNotExist,
}

/// A label selector that cannot be read.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("{field}: {reason}")]
pub struct InvalidSelector {
    /// The field within the selector: `matchExpressions[0].operator`.
    pub field: String,
    /// What is wrong with it, and what would be right.
    pub reason: String,
}

impl Selector {
    /// Checks a selector; none matches everything.
    pub fn parse(selector: Option<&LabelSelector>) -> Result<Self, InvalidSelector> {
        let Some(LabelSelector {
            match_labels,
            match_expressions,
        }) = selector
        else {
            return Ok(Self::default());
        };
        let mut requirements = Vec::new();
        for (key, value) in match_labels.iter().flatten() {
            let field = format!("matchLabels[{}]", ForeignText::new(key));
            check_key(&field, key)?;
            check_value(&field, value)?;
            requirements.push(Requirement {
                key: key.clone(),
                test: Test::In(BTreeSet::from([value.clone()])),
            });
        }
        for (index, expression) in match_expressions.iter().flatten().enumerate() {
            requirements.push(requirement(&format!("matchExpressions[{index}]"), expression)?);
        }
        Ok(Self { requirements })
    }

    /// Whether an object with these labels is selected.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.requirements
            .iter()
            .all(|Requirement { key, test }| match (test, labels.get(key)) {
                (Test::In(values), Some(value)) => values.contains(value),
                (Test::NotIn(values), Some(value)) => !values.contains(value),
                (Test::Exists, Some(_)) | (Test::NotIn(_) | Test::DoesNotExist, None) => true,
                (Test::In(_) | Test::Exists, None) | (Test::DoesNotExist, Some(_)) => false,
            })
    }
}

fn requirement(field: &str, expression: &LabelSelectorRequirement) -> Result<Requirement, InvalidSelector> {
    let LabelSelectorRequirement { key, operator, values } = expression;
    let values: BTreeSet<String> = values.iter().flatten().cloned().collect();
    check_key(&format!("{field}.key"), key)?;
    for value in &values {
        check_value(&format!("{field}.values"), value)?;
    }
    let invalid = |part: &str, reason: String| {
        Err(InvalidSelector {
            field: format!("{field}.{part}"),
            reason,
        })
    };
    let test = match (operator.as_str(), values.is_empty()) {
        ("In", false) => Test::In(values),
        ("NotIn", false) => Test::NotIn(values),
        ("Exists", true) => Test::Exists,
        ("DoesNotExist", true) => Test::DoesNotExist,
        ("In" | "NotIn", true) => return invalid("values", format!("{operator} needs at least one value")),
        ("Exists" | "DoesNotExist", false) => return invalid("values", format!("{operator} takes no values")),
        (other, _) => {
            let other = ForeignText::new(other);
            return invalid(
                "operator",
                format!("{other:?} is not one of In, NotIn, Exists, DoesNotExist"),
            );
        }
    };
    Ok(Requirement { key: key.clone(), test })
}

fn check_key(field: &str, key: &str) -> Result<(), InvalidSelector> {
    let (prefix, name) = key
        .split_once('/')
        .map_or((None, key), |(prefix, name)| (Some(prefix), name));
    let prefix_fits = prefix.is_none_or(|prefix| {
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let label = |l: &str| !l.is_empty() && !l.starts_with('-') && !l.ends_with('-') && l.bytes().all(inner);
        prefix.len() <= 253 && prefix.split('.').all(label)
    });
    if prefix_fits && !name.is_empty() && is_label_text(name) {
        return Ok(());
    }
    let reason = format!(
        "{:?} is not the key of a label (example: example.com/tier)",
        ForeignText::new(key)
    );
    Err(InvalidSelector {
        field: field.to_owned(),
        reason,
    })
}

fn check_value(field: &str, value: &str) -> Result<(), InvalidSelector> {
    if is_label_text(value) {
        return Ok(());
    }
    let reason = format!("{:?} is not the value of a label", ForeignText::new(value));
    Err(InvalidSelector {
        field: field.to_owned(),
        reason,
    })
}

/// At most 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends; may be empty.
fn is_label_text(text: &str) -> bool {
    let bytes = text.as_bytes();
    let edge = |b: Option<&u8>| b.is_none_or(u8::is_ascii_alphanumeric);
    bytes.len() <= 63
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selector(yaml: &str) -> LabelSelector {
        yaml_serde::from_str(yaml).unwrap()
    }

    #[test]
    fn requirements_hold_as_in_kubernetes() {
        let labels = BTreeMap::from([
            ("tier".to_owned(), "web".to_owned()),
            ("empty".to_owned(), String::new()),
        ]);
        let table = [
            ("{}", true),
            ("{matchLabels: {tier: web}}", true),
            ("{matchLabels: {tier: db}}", false),
            ("{matchLabels: {tier: web, env: prod}}", false),
            ("{matchLabels: {empty: ''}}", true),
            ("{matchLabels: {missing: ''}}", false),
            (
                "{matchExpressions: [{key: tier, operator: In, values: [db, web]}]}",
                true,
            ),
            ("{matchExpressions: [{key: env, operator: In, values: [prod]}]}", false),
            (
                "{matchExpressions: [{key: tier, operator: NotIn, values: [web]}]}",
                false,
            ),
            (
                "{matchExpressions: [{key: env, operator: NotIn, values: [prod]}]}",
                true,
            ),
            ("{matchExpressions: [{key: tier, operator: Exists}]}", true),
            ("{matchExpressions: [{key: env, operator: Exists}]}", false),
            ("{matchExpressions: [{key: env, operator: DoesNotExist}]}", true),
            ("{matchExpressions: [{key: tier, operator: DoesNotExist}]}", false),
            (
                "{matchLabels: {tier: web}, matchExpressions: [{key: env, operator: Exists}]}",
                false,
            ),
        ];
        for (yaml, expected) in table {
            assert_eq!(
                Selector::parse(Some(&selector(yaml))).unwrap().matches(&labels),
                expected,
                "{yaml}"
            );
        }
        assert!(Selector::parse(None).unwrap().matches(&BTreeMap::new()));
    }

    #[test]
    fn what_the_api_server_would_refuse_is_an_error_that_names_the_field() {
        let table = [
            (
                "{matchExpressions: [{key: a, operator: Gt, values: ['1']}]}",
                "matchExpressions[0].operator",
            ),
            (
                "{matchExpressions: [{key: a, operator: in, values: ['1']}]}",
                "matchExpressions[0].operator",
            ),
            (
                "{matchExpressions: [{key: a, operator: Exists}, {key: a, operator: In}]}",
                "matchExpressions[1].values",
            ),
            (
                "{matchExpressions: [{key: a, operator: NotIn, values: []}]}",
                "matchExpressions[0].values",
            ),
            (
                "{matchExpressions: [{key: a, operator: Exists, values: [x]}]}",
                "matchExpressions[0].values",
            ),
            (
                "{matchExpressions: [{key: '', operator: Exists}]}",
                "matchExpressions[0].key",
            ),
            (
                "{matchExpressions: [{key: A/b/c, operator: Exists}]}",
                "matchExpressions[0].key",
            ),
            (
                "{matchExpressions: [{key: a, operator: In, values: [-x]}]}",
                "matchExpressions[0].values",
            ),
            ("{matchLabels: {'a b': c}}", "matchLabels[a b]"),
            ("{matchLabels: {a: 'b c'}}", "matchLabels[a]"),
        ];
        for (yaml, field) in table {
            assert_eq!(
                Selector::parse(Some(&selector(yaml))).unwrap_err().field,
                field,
                "{yaml}"
            );
        }
    }
}
