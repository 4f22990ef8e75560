//! `extract`: the part of a tag that a strategy compares.

use std::sync::Arc;

use regex::Regex;

use crate::core::matching::regex::{self as expression, InvalidRegex};

/// The name of the group that is taken when an expression has several.
const NAME: &str = "key";

/// Takes from a tag what its strategy compares; the tag itself is written as it is.
#[derive(Debug, Clone)]
pub struct Extract {
    text: Arc<str>,
    // Shared: each clone of a Regex would have scratch memory of its own.
    regex: Arc<Regex>,
    group: usize,
}

/// An `extract` that cannot be used.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum InvalidExtract {
    /// It is no regular expression.
    #[error(transparent)]
    Expression(#[from] InvalidRegex),
    /// Nobody can tell which part is meant.
    #[error(
        "it has {groups} groups and none of the name key; put what is compared into one group (example: ^main-(?P<key>[0-9]+)$)"
    )]
    Group {
        /// How many groups it has.
        groups: usize,
    },
}

impl Extract {
    /// Compiles an expression in Go's syntax with exactly one group, or with one of the name `key`.
    pub fn compile(text: &str) -> Result<Self, InvalidExtract> {
        let regex = expression::compile(text)?;
        let groups = regex.captures_len() - 1;
        let named = regex.capture_names().position(|name| name == Some(NAME));
        let group = match (named, groups) {
            (Some(group), _) => group,
            (None, 1) => 1,
            (None, groups) => return Err(InvalidExtract::Group { groups }),
        };
        Ok(Self {
            text: text.into(),
            regex: Arc::new(regex),
            group,
        })
    }

    /// What is compared of `tag`; `None` when the expression does not match it, or its group takes part in no match.
    pub fn key<'t>(&self, tag: &'t str) -> Option<&'t str> {
        let found = self.regex.captures(tag)?.get(self.group)?;
        Some(found.as_str())
    }

    /// The expression as configured.
    pub fn text(&self) -> Arc<str> {
        self.text.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_group_or_the_one_named_key_is_compared() {
        for (expression, tag, key) in [
            ("^main-[0-9a-f]+-(?P<key>[0-9]+)$", "main-0ab-12", Some("12")),
            ("^v(.*)$", "v1.0", Some("1.0")),
            ("^(?P<branch>[a-z]+)-(?P<key>[0-9]+)", "dev-7-x", Some("7")),
            ("^(?:a|b)-(?<key>.+)$", "b-1", Some("1")),
            ("^v(.*)$", "1.0", None),
            ("^v(x)?", "v1", None),
        ] {
            let extract = Extract::compile(expression).unwrap();
            assert_eq!(extract.key(tag), key, "{expression} {tag}");
        }
    }

    #[test]
    fn an_expression_without_a_clear_group_is_refused() {
        for (expression, start) in [
            ("^v.*$", "it has 0 groups"),
            ("(a)(b)", "it has 2 groups"),
            ("(", "\"(\" is not a regular expression"),
        ] {
            let error = Extract::compile(expression).unwrap_err().to_string();
            assert!(error.starts_with(start), "{error}");
        }
    }
}
