//! Which rule of a resource an Application falls under.

use std::{cmp::Reverse, collections::BTreeMap};

use super::{
    labels::{InvalidSelector, Selector},
    pattern::{InvalidPattern, NamePattern},
    specificity,
};
use crate::api::v1alpha1::ApplicationRef;

/// The rules of one resource, compiled: made once per generation, asked for every Application.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The most specific first; equal ones in the order of the resource.
    ranked: Vec<Rule>,
}

#[derive(Debug, Clone)]
struct Rule {
    /// The place in `spec.applicationRefs`.
    index: usize,
    pattern: NamePattern,
    /// A selector that cannot be read makes its rule unusable, not absent.
    selector: Result<Selector, InvalidSelector>,
}

/// A rule whose name pattern cannot be read. Nobody can tell which Applications it was meant for, so none of the
/// resource's rules can be used.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("{field}: {source}")]
pub struct RuleError {
    /// The place in `spec.applicationRefs`.
    pub index: usize,
    /// The field: `spec.applicationRefs[2].namePattern`.
    pub field: String,
    /// What is wrong with it.
    pub source: InvalidPattern,
}

/// What becomes of an Application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pick {
    /// No rule matches.
    None,
    /// The rule with this place in `spec.applicationRefs`.
    Rule(usize),
    /// The rule that comes first for this name has a label selector that cannot be read: the Application is left alone,
    /// because a less specific rule was not meant for it either.
    Unusable {
        /// The place in `spec.applicationRefs`.
        rule: usize,
        /// What is wrong, with the field's path.
        message: String,
    },
}

impl Rules {
    /// Compiles the rules of a resource, or tells every name pattern that cannot be read.
    pub fn compile(references: &[ApplicationRef]) -> Result<Self, Vec<RuleError>> {
        let mut ranked = Vec::with_capacity(references.len());
        let mut errors = Vec::new();
        for (index, reference) in references.iter().enumerate() {
            let selectors = reference.label_selectors.as_ref();
            match NamePattern::parse(&reference.name_pattern) {
                Ok(pattern) => {
                    let score = specificity::score(&reference.name_pattern, selectors);
                    ranked.push((
                        score,
                        Rule {
                            index,
                            pattern,
                            selector: Selector::parse(selectors),
                        },
                    ));
                }
                Err(source) => {
                    let field = format!("spec.applicationRefs[{index}].namePattern");
                    errors.push(RuleError { index, field, source });
                }
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        // The sort is stable, so equal scores keep the order of the resource.
        ranked.sort_by_key(|(score, _)| Reverse(*score));
        Ok(Self {
            ranked: ranked.into_iter().map(|(_, rule)| rule).collect(),
        })
    }

    /// The first rule, in the order of [`Self::order`], that matches an Application with this name and these labels.
    pub fn pick(&self, name: &str, labels: Option<&BTreeMap<String, String>>) -> Pick {
        let none = BTreeMap::new();
        let labels = labels.unwrap_or(&none);
        for Rule {
            index,
            pattern,
            selector,
        } in &self.ranked
        {
            if !pattern.matches(name) {
                continue;
            }
            match selector {
                Ok(selector) if selector.matches(labels) => return Pick::Rule(*index),
                Ok(_) => {}
                Err(error) => {
                    let message = format!("spec.applicationRefs[{index}].labelSelectors.{error}");
                    return Pick::Unusable { rule: *index, message };
                }
            }
        }
        Pick::None
    }

    /// The places of the rules in `spec.applicationRefs`, in the order in which they are tried.
    pub fn order(&self) -> impl Iterator<Item = usize> + '_ {
        self.ranked.iter().map(|rule| rule.index)
    }
}

#[cfg(test)]
mod tests;
