//! Annotations as texts, lists and switches.

use std::collections::BTreeMap;

use super::InvalidAnnotation;
use crate::{
    api::annotations::PREFIX,
    core::{foreign::ForeignText, resolve::origin::in_keys},
};

/// The annotations of an object.
pub(super) struct Reader<'a>(pub(super) &'a BTreeMap<String, String>);

/// Whose settings are meant.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scope<'a> {
    /// All images of the Application.
    Application,
    /// The image with this alias.
    Image(&'a str),
}

impl<'a> Reader<'a> {
    /// The annotation as it is.
    pub(super) fn find(&self, scope: Scope<'_>, key: &str) -> Option<&'a str> {
        let get = |key: String| self.0.get(&key).map(String::as_str);
        match scope {
            Scope::Application => get(format!("{PREFIX}{key}")),
            Scope::Image(alias) => {
                get(format!("{PREFIX}{alias}.{key}")).or_else(|| get(format!("{PREFIX}{}.{key}", in_keys(alias))))
            }
        }
    }

    /// Trimmed; a blank text counts as absent.
    pub(super) fn text(&self, scope: Scope<'_>, key: &str) -> Option<String> {
        let text = self.find(scope, key)?.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// The elements between commas, trimmed; empty ones count.
    pub(super) fn elements(&self, scope: Scope<'_>, key: &str) -> Option<Vec<String>> {
        let text = self.find(scope, key)?;
        Some(text.split(',').map(|element| element.trim().to_owned()).collect())
    }

    /// The elements between commas, trimmed, without empty ones; none counts as absent.
    pub(super) fn list(&self, scope: Scope<'_>, key: &str) -> Option<Vec<String>> {
        let mut elements = self.elements(scope, key)?;
        elements.retain(|element| !element.is_empty());
        (!elements.is_empty()).then_some(elements)
    }

    /// A boolean as Go reads one. Anything else is an error, blanks and nothing too.
    pub(super) fn switch(&self, scope: Scope<'_>, key: &str) -> Result<Option<bool>, InvalidAnnotation> {
        match self.find(scope, key) {
            None => Ok(None),
            Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Ok(Some(true)),
            Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Ok(Some(false)),
            Some(text) => Err(InvalidAnnotation::Switch {
                key: match scope {
                    Scope::Application => key.to_owned(),
                    Scope::Image(alias) => format!("{}.{key}", in_keys(alias)),
                },
                text: ForeignText::new(text),
            }),
        }
    }
}
