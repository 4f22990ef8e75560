//! Regular expressions as users write them: in Go's RE2 syntax.
//!
//! The expressions of resources and annotations were written for Go's `regexp` package; `rewrite` turns them into the
//! syntax of the `regex` crate with the same meaning, and refuses what Go refuses. Matching takes linear time; the size
//! of an expression is bounded here, so every expression of a user goes through this module.

use regex::{Regex, RegexBuilder};
use regex_syntax::ast::{Ast, parse::ParserBuilder};

use crate::core::foreign::ForeignText;

mod rewrite;

/// The longest expression, in bytes.
const MAX_LENGTH: usize = 4096;

/// The most memory that one compiled expression may take, in bytes; its cache while matching is bounded alike.
const MAX_COMPILED: usize = 1 << 20;

/// Groups may not be nested deeper than this.
const MAX_NESTING: u32 = 100;

/// A text that is no regular expression, or one that is too large.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("{expression:?} is not a regular expression: {reason}")]
pub struct InvalidRegex {
    /// The expression.
    pub expression: ForeignText,
    /// What is wrong with it.
    pub reason: String,
}

/// Compiles an expression in Go's syntax; it matches anywhere in a text unless it is anchored.
pub fn compile(expression: &str) -> Result<Regex, InvalidRegex> {
    let (rewritten, _) = read(expression)?;
    build(expression, &rewritten)
}

/// Compiles an expression in Go's syntax that has to match a text as a whole.
pub fn compile_anchored(expression: &str) -> Result<Regex, InvalidRegex> {
    let (rewritten, _) = read(expression)?;
    build(expression, &format!(r"\A(?:{rewritten})\z"))
}

/// The syntax tree of an expression in Go's syntax.
pub(super) fn syntax(expression: &str) -> Result<Ast, InvalidRegex> {
    read(expression).map(|(_, tree)| tree)
}

fn read(expression: &str) -> Result<(String, Ast), InvalidRegex> {
    let invalid = |reason: String| InvalidRegex {
        expression: ForeignText::new(expression),
        reason,
    };
    if expression.len() > MAX_LENGTH {
        return Err(invalid(format!("it is longer than {MAX_LENGTH} bytes")));
    }
    let rewritten = rewrite::rewrite(expression).map_err(|reason| invalid(reason.to_owned()))?;
    // Parsed by itself before anything is put around it: `a)(b` must not become valid inside of a group.
    let tree = ParserBuilder::new()
        .nest_limit(MAX_NESTING)
        .build()
        .parse(&rewritten)
        .map_err(|error| invalid(error.kind().to_string()))?;
    Ok((rewritten, tree))
}

fn build(expression: &str, rewritten: &str) -> Result<Regex, InvalidRegex> {
    RegexBuilder::new(rewritten)
        .size_limit(MAX_COMPILED)
        .dfa_size_limit(MAX_COMPILED)
        .build()
        .map_err(|error| {
            let reason = match error {
                regex::Error::CompiledTooBig(_) => "it is too large when compiled".to_owned(),
                // The error shows the rewritten expression over several lines; its last line says what is wrong.
                other => other
                    .to_string()
                    .lines()
                    .last()
                    .unwrap_or_default()
                    .replace("error: ", ""),
            };
            InvalidRegex {
                expression: ForeignText::new(expression),
                reason,
            }
        })
}

#[cfg(test)]
mod tests;
