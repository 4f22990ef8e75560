//! How specific a rule is: the one place where the score is made.
//!
//! The rule with the highest score that matches an Application is used; equal scores keep the order of the resource. A
//! score is the sum of
//!
//! - [`EXACT_NAME`], when the name pattern has none of `* ? [ ]` (never for a regular expression),
//! - the literal bytes of the name pattern: [`of_name`],
//! - [`SELECTOR`] when there is a label selector, even an empty one, and [`REQUIREMENT`] for each of its entries.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use regex_syntax::ast::{Ast, RepetitionKind, RepetitionRange};

use super::{pattern, regex};

/// For a name pattern that is a plain name.
pub const EXACT_NAME: i64 = 1_000_000;

/// For a label selector.
pub const SELECTOR: i64 = 10_000;

/// For each entry in `matchLabels` and in `matchExpressions`.
pub const REQUIREMENT: i64 = 100;

/// The score of a rule.
///
/// `shop-prod-*` has 10; `shop-*` with two labels to match 10205; `shop-prod` 1000009; `shop-(a|b)` 6.
pub fn score(name_pattern: &str, selector: Option<&LabelSelector>) -> i64 {
    of_name(name_pattern).saturating_add(selector.map_or(0, of_selector))
}

/// The share of the name pattern: its literal bytes, and the bonus for a plain name.
///
/// In a glob those are the bytes that are left without the `[...]` sets and every `*` and `?`. In a regular expression
/// they are the literal bytes that every name that matches must have; of alternatives the shortest counts.
pub fn of_name(pattern: &str) -> i64 {
    if let Some(expression) = pattern::as_expression(pattern) {
        return regex::syntax(expression).map_or(0, |tree| literal_bytes(&tree));
    }
    let literal = i64::try_from(
        without_sets(pattern)
            .bytes()
            .filter(|b| !matches!(b, b'*' | b'?'))
            .count(),
    );
    let exact = if pattern.contains(['*', '?', '[', ']']) {
        0
    } else {
        EXACT_NAME
    };
    literal.unwrap_or(i64::MAX).saturating_add(exact)
}

fn of_selector(selector: &LabelSelector) -> i64 {
    let labels = selector
        .match_labels
        .as_ref()
        .map_or(0, std::collections::BTreeMap::len);
    let expressions = selector.match_expressions.as_ref().map_or(0, Vec::len);
    let requirements = i64::try_from(labels.saturating_add(expressions)).unwrap_or(i64::MAX);
    requirements.saturating_mul(REQUIREMENT).saturating_add(SELECTOR)
}

/// `pattern` without its `[...]` sets, each as short as possible.
fn without_sets(pattern: &str) -> String {
    let mut left = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some((before, inside)) = rest.split_once('[') {
        let Some((_, behind)) = inside.split_once(']') else {
            break;
        };
        left.push_str(before);
        rest = behind;
    }
    left.push_str(rest);
    left
}

/// The fewest literal bytes of a text that matches. The tree is not deep: its parser bounds the nesting.
fn literal_bytes(tree: &Ast) -> i64 {
    match tree {
        Ast::Literal(literal) => i64::try_from(literal.c.len_utf8()).unwrap_or(0),
        Ast::Group(group) => literal_bytes(&group.ast),
        Ast::Concat(parts) => parts.asts.iter().map(literal_bytes).fold(0, i64::saturating_add),
        Ast::Alternation(branches) => branches.asts.iter().map(literal_bytes).min().unwrap_or(0),
        Ast::Repetition(repetition) => {
            let least = match &repetition.op.kind {
                RepetitionKind::ZeroOrOne | RepetitionKind::ZeroOrMore => 0,
                RepetitionKind::OneOrMore => 1,
                RepetitionKind::Range(
                    RepetitionRange::Exactly(least)
                    | RepetitionRange::AtLeast(least)
                    | RepetitionRange::Bounded(least, _),
                ) => i64::from(*least),
            };
            literal_bytes(&repetition.ast).saturating_mul(least)
        }
        Ast::Empty(_)
        | Ast::Flags(_)
        | Ast::Dot(_)
        | Ast::Assertion(_)
        | Ast::ClassUnicode(_)
        | Ast::ClassPerl(_)
        | Ast::ClassBracketed(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn literal_bytes_count_and_a_plain_name_beats_every_pattern() {
        let table = [
            ("shop-prod-*", 10),
            ("shop-prod", 1_000_009),
            ("app-??", 4),
            ("a[12]b[34]", 2),
            ("a[", 2),
            ("ab]", 3),
            ("[]]", 1),
            ("", 1_000_000),
            ("regexp:shop", 4),
            ("shop-.*", 5),
            ("shop-(a|b)", 6),
            ("^shop-(eu|asia)-[0-9]+$", 8),
            ("^a{3}b+c?$", 4),
            (r"regexp:\d\.x", 2),
            ("regexp:(((x{1000}){1000}){1000}){1000}", 1_000_000_000_000),
        ];
        for (pattern, expected) in table {
            assert_eq!(score(pattern, None), expected, "{pattern}");
        }
    }

    #[test]
    fn a_selector_counts_more_than_any_literal_but_less_than_a_plain_name() {
        let labels = BTreeMap::from([
            ("tier".to_owned(), "web".to_owned()),
            ("env".to_owned(), "prod".to_owned()),
        ]);
        let selector = LabelSelector {
            match_labels: Some(labels),
            match_expressions: None,
        };
        assert_eq!(score("shop-*", Some(&selector)), 10_205);
        assert_eq!(score("*", Some(&LabelSelector::default())), 10_000);
    }
}
