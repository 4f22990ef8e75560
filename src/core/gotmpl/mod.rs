//! A subset of Go's `text/template`, as users write it for commit messages and branch names.
//!
//! Syntax trees and `printf` come from the crate `gotmpl`; what it lets pass and Go refuses is checked here first: blocks
//! that are not closed or opened, names of functions and variables that nobody defined. The evaluation is our own, because
//! it must be bounded and must tell a field that does not exist (an error) from a map's key that is not there.
//!
//! Left out: functions as values, methods, range over functions and channels, a template that calls itself more than
//! [`MAX_DEPTH`] times. Pure; a template reads nothing but its [`Value`]. Read on: `actions` and `names` (the checks),
//! `run` and `expression` (the evaluation), `functions`.

mod actions;
mod expression;
mod functions;
mod names;
mod printf;
mod run;
mod value;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use gotmpl::parse::{DefineNode, ListNode, Parser};

use crate::core::foreign::ForeignText;

pub use value::Value;

/// The longest template, in bytes.
pub const MAX_TEMPLATE: usize = 64 << 10;

/// The longest result, in bytes; also the longest text that is made on the way.
pub const MAX_OUTPUT: usize = 256 << 10;

/// The most steps of an evaluation; a step is an action, an argument or a round of a loop.
pub const MAX_STEPS: usize = 200_000;

/// How deep blocks and calls of templates may be nested.
pub const MAX_DEPTH: usize = 50;

/// A template that was parsed.
#[derive(Debug, Clone)]
pub struct Template {
    main: ListNode,
    defined: BTreeMap<String, ListNode>,
}

/// A text that is no template.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("the template is not valid: line {line}: {reason}")]
pub struct InvalidTemplate {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub reason: ForeignText,
}

/// A template that could not be evaluated.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum RenderError {
    /// It asks for something that is not there, or does what cannot be done.
    #[error("the template failed: line {line}: {reason}")]
    Failed {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong there.
        reason: ForeignText,
    },
    /// The result, or a text on the way to it, is longer than [`MAX_OUTPUT`].
    #[error("the template makes more than {MAX_OUTPUT} bytes")]
    TooLong,
    /// The template took more than [`MAX_STEPS`] steps.
    #[error("the template does not end within {MAX_STEPS} steps")]
    TooManySteps,
    /// The template is nested deeper than [`MAX_DEPTH`].
    #[error("the template calls itself, or is nested, deeper than {MAX_DEPTH} levels")]
    TooDeep,
}

impl Template {
    /// Parses a template. Names of functions and variables must be known, fields need not.
    pub fn parse(text: &str) -> Result<Self, InvalidTemplate> {
        if text.len() > MAX_TEMPLATE {
            return Err(InvalidTemplate::at(
                1,
                &format!("{} bytes are more than the {MAX_TEMPLATE} that are read", text.len()),
            ));
        }
        let text = actions::check(text)?;
        let parser = Parser::new(&text, "{{", "}}").map_err(|error| InvalidTemplate::from_parser(&error))?;
        let (main, templates) = parser.parse().map_err(|error| InvalidTemplate::from_parser(&error))?;
        let defined = by_name(templates)?;
        names::check(&main)?;
        defined.values().try_for_each(names::check)?;
        Ok(Self { main, defined })
    }

    /// Evaluates the template with `data` as its dot.
    pub fn render(&self, data: &Value) -> Result<String, RenderError> {
        run::run(&self.main, &self.defined, data)
    }

    /// Whether a field of this name is asked for anywhere.
    pub fn mentions_field(&self, name: &str) -> bool {
        names::mentions_field(&self.main, name) || self.defined.values().any(|body| names::mentions_field(body, name))
    }
}

impl InvalidTemplate {
    fn at(line: usize, reason: &str) -> Self {
        Self {
            line,
            reason: ForeignText::new(reason),
        }
    }

    fn from_parser(error: &gotmpl::TemplateError) -> Self {
        match error {
            gotmpl::TemplateError::Parse { line, message, .. } | gotmpl::TemplateError::Lex { line, message, .. } => {
                Self::at((*line).max(1), message)
            }
            other => Self::at(1, &other.to_string()),
        }
    }
}

/// The defined templates. Of two of one name only one may have content.
fn by_name(templates: Vec<DefineNode>) -> Result<BTreeMap<String, ListNode>, InvalidTemplate> {
    let mut defined: BTreeMap<String, ListNode> = BTreeMap::new();
    for template in templates {
        let old = defined.get(template.name.as_str());
        if old.is_some() && template.body.is_empty_tree() {
            continue;
        }
        if old.is_some_and(|old| !old.is_empty_tree()) {
            return Err(InvalidTemplate::at(
                template.pos.line,
                &format!("the template {:?} is defined twice", template.name.as_str()),
            ));
        }
        defined.insert(template.name.to_string(), template.body);
    }
    Ok(defined)
}
