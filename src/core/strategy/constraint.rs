//! Version constraints in the syntax and with the meaning of Masterminds/semver 3.4.
//!
//! `1.x || >=3.1, <4`: groups between `||`, of which one has to accept a version with all of its terms. How the text is
//! read stands in `parse`; what a term means stands here.

use std::sync::Arc;

use super::version::Version;
use crate::core::foreign::ForeignText;

mod parse;

/// A version constraint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint {
    text: Arc<str>,
    groups: Vec<Group>,
}

/// A text that is no version constraint.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("{constraint:?} is not a version constraint: {reason} (example: ^1.4 or 1.x || 3.x)")]
pub struct InvalidConstraint {
    /// The text.
    pub constraint: ForeignText,
    /// What is wrong with it.
    pub reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    terms: Vec<Term>,
    /// Whether a term has a pre-release part. Without one no pre-release is accepted.
    pre: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    operator: Operator,
    /// Open parts are 0.
    version: Version,
    open: Open,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    Tilde,
    Caret,
}

/// From which part on a version was left open: by a wildcard, or by being short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Nothing,
    Patch,
    Minor,
    /// The first part is a wildcard.
    Everything,
}

impl Constraint {
    /// Parses a constraint; an empty text accepts every release, like `*`.
    pub fn parse(text: &str) -> Result<Self, InvalidConstraint> {
        let groups = parse::groups(if text.is_empty() { "*" } else { text }).map_err(|reason| InvalidConstraint {
            constraint: ForeignText::new(text),
            reason,
        })?;
        let shown = if text.is_empty() { "*" } else { text };
        Ok(Self {
            text: ForeignText::new(shown).as_str().into(),
            groups,
        })
    }

    /// Whether a version is within the constraint.
    pub fn accepts(&self, version: &Version) -> bool {
        self.groups.iter().any(|group| {
            (group.pre || !version.is_pre_release()) && group.terms.iter().all(|term| term.accepts(version))
        })
    }

    /// Whether any pre-release can be accepted.
    pub fn mentions_pre_releases(&self) -> bool {
        self.groups.iter().any(|group| group.pre)
    }

    /// The text, to be shown.
    pub fn text(&self) -> Arc<str> {
        self.text.clone()
    }
}

impl Term {
    fn accepts(&self, v: &Version) -> bool {
        let own = &self.version;
        match self.operator {
            Operator::Equal if self.open == Open::Nothing => v == own,
            Operator::Equal | Operator::Tilde => self.tilde(v),
            Operator::NotEqual => self.differs(v),
            Operator::Greater => match self.open {
                Open::Minor => v.major > own.major,
                Open::Patch => (v.major, v.minor) > (own.major, own.minor),
                Open::Nothing | Open::Everything => v > own,
            },
            Operator::Less => v < own,
            Operator::GreaterOrEqual => v >= own,
            Operator::LessOrEqual => match self.open {
                Open::Nothing => v <= own,
                Open::Minor => v.major <= own.major,
                Open::Patch | Open::Everything => (v.major, v.minor) <= (own.major, own.minor),
            },
            Operator::Caret => self.caret(v),
        }
    }

    fn differs(&self, v: &Version) -> bool {
        let own = &self.version;
        match self.open {
            Open::Minor => v.major != own.major,
            // Of one minor version, two releases do not differ, but a release and a pre-release do.
            Open::Patch => (v.major, v.minor) != (own.major, own.minor) || !v.same_pre(own),
            Open::Nothing | Open::Everything => v != own,
        }
    }

    fn tilde(&self, v: &Version) -> bool {
        let own = &self.version;
        let everything =
            (own.major, own.minor, own.patch) == (0, 0, 0) && matches!(self.open, Open::Nothing | Open::Everything);
        let same_minor = self.open == Open::Minor || v.minor == own.minor;
        v >= own && (everything || (v.major == own.major && same_minor))
    }

    /// The first number that is not 0 stays.
    fn caret(&self, v: &Version) -> bool {
        let own = &self.version;
        if v < own || v.major != own.major {
            return false;
        }
        if own.major > 0 || self.open == Open::Minor {
            return true;
        }
        if own.minor > 0 || self.open == Open::Patch {
            return v.minor == own.minor;
        }
        v.minor == 0 && v.patch == own.patch
    }
}

#[cfg(test)]
mod tests;
