//! Name patterns: which Applications a rule means.

use regex::Regex;

pub use super::glob::{Glob, InvalidGlob};
use super::{
    regex::{self as expression, InvalidRegex},
    specificity,
};

/// What a regular expression is announced with; the case of the letters does not matter.
const REGEXP: &str = "regexp:";

/// A name pattern. It has to match a whole name.
///
/// It is a Go glob, or a plain name as the simplest glob. It is a regular expression in Go's syntax when it starts with
/// `regexp:`, or when no legal Application name could ever match it as a glob: it starts with `^`, ends with `$`, has
/// one of `( ) | +` outside of a set, or has `.*` at its start or right behind a `-` (as in `shop-.*`).
#[derive(Debug, Clone)]
pub struct NamePattern {
    matcher: Matcher,
    score: i64,
}

#[derive(Debug, Clone)]
enum Matcher {
    Glob(Glob),
    Regex(Regex),
}

/// A name pattern that cannot be read.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum InvalidPattern {
    /// As a glob.
    #[error(transparent)]
    Glob(#[from] InvalidGlob),
    /// As a regular expression.
    #[error(transparent)]
    Regex(#[from] InvalidRegex),
}

impl NamePattern {
    /// Parses a pattern.
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        let matcher = match as_expression(text) {
            Some(expression) => Matcher::Regex(expression::compile_anchored(expression)?),
            None => Matcher::Glob(Glob::parse(text)?),
        };
        Ok(Self {
            matcher,
            score: specificity::of_name(text),
        })
    }

    /// Whether it matches the whole name.
    pub fn matches(&self, name: &str) -> bool {
        match &self.matcher {
            Matcher::Glob(glob) => glob.matches(name),
            Matcher::Regex(regex) => regex.is_match(name),
        }
    }

    /// How specific it is: see [`specificity::of_name`].
    pub fn score(&self) -> i64 {
        self.score
    }
}

/// The regular expression in a name pattern; `None` when it is a glob.
pub(super) fn as_expression(text: &str) -> Option<&str> {
    if let Some((announced, expression)) = text.split_at_checked(REGEXP.len())
        && announced.eq_ignore_ascii_case(REGEXP)
    {
        return Some(expression);
    }
    let bare = text.starts_with('^')
        || text.ends_with('$')
        || text.starts_with(".*")
        || text.contains("-.*")
        || has_operator(text);
    bare.then_some(text)
}

/// Whether one of `( ) | +` stands outside of a set and without a backslash.
fn has_operator(text: &str) -> bool {
    let mut in_set = false;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            '[' => in_set = true,
            ']' => in_set = false,
            '(' | ')' | '|' | '+' if !in_set => return true,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn globs_and_regular_expressions_are_told_apart() {
        let table = [
            ("shop", false),
            ("shop-*", false),
            ("shop.*", false),
            ("shop-[a-z]*", false),
            ("shop-[(+|)]", false),
            ("shop-\\d", false),
            ("app-?", false),
            ("regexp:shop", true),
            ("RegExp:shop", true),
            ("^shop", true),
            ("shop$", true),
            ("shop-(a|b)", true),
            ("shop-a|b", true),
            ("shop-[a-z]+", true),
            ("shop-.*", true),
            (".*-prod", true),
        ];
        for (text, expected) in table {
            assert_eq!(as_expression(text).is_some(), expected, "{text}");
        }
    }

    #[test]
    fn a_pattern_matches_whole_names() {
        let table = [
            ("shop", "shop", true),
            ("shop", "shops", false),
            ("shop-*", "shop-prod", true),
            ("shop.*", "shop.a", true),
            ("shop.*", "shop-a", false),
            ("shop-.*", "shop-prod", true),
            ("shop-.*", "my-shop-prod", false),
            ("regexp:shop|cart", "cart", true),
            ("regexp:shop|cart", "shopcart", false),
            ("^shop-(a|b)$", "shop-b", true),
            ("^shop-(a|b)$", "shop-bc", false),
            (".*-prod", "shop-prod", true),
            ("^shop", "shop-a", false),
        ];
        for (pattern, name, expected) in table {
            assert_eq!(
                NamePattern::parse(pattern).unwrap().matches(name),
                expected,
                "{pattern} {name}"
            );
        }
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        for text in ["app-[", "app\\", "regexp:(", "shop-(a", "^[", "a)b"] {
            assert!(NamePattern::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,30}", name in "[a-z.-]{0,10}") {
            if let Ok(pattern) = NamePattern::parse(&text) {
                let _ = pattern.matches(&name);
            }
        }

        #[test]
        fn every_legal_name_is_a_pattern_for_itself(name in "[a-z0-9]([a-z0-9.-]{0,20}[a-z0-9])?") {
            let pattern = NamePattern::parse(&name).unwrap();
            prop_assert!(pattern.matches(&name));
            prop_assert!(pattern.score() >= specificity::EXACT_NAME);
        }
    }
}
