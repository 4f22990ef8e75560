//! What the text behind an image name admits.

use std::{fmt, sync::Arc};

use super::{Digits, Version, constraint::Constraint};
use crate::core::foreign::ForeignText;

/// Which tags the text behind the image name admits, as its strategy reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// All of them.
    Any,
    /// Versions within a constraint.
    Versions(Constraint),
    /// Numbers.
    Numbers,
    /// The one tag with this name.
    Tag(Arc<str>),
}

/// What a scope read of a tag that it admits, so that nobody has to read it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading<'t> {
    /// The text as it is.
    Text(&'t str),
    /// A version.
    Version(Version),
    /// A number.
    Number(Digits<'t>),
}

/// Why a tag is out of scope.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Misfit {
    /// It is no version, and only versions are compared.
    NotAVersion,
    /// It is no number, and only numbers are compared.
    NotANumber,
    /// `extract` does not match it.
    NotExtracted(Arc<str>),
    /// It is a pre-release, and the constraint does not ask for any.
    PreRelease(Arc<str>),
    /// It is a version outside of the constraint.
    OutsideConstraint(Arc<str>),
    /// Another tag is followed.
    NotTracked(Arc<str>),
    /// It names a signature, or something else that is attached to an image.
    Attachment,
}

impl Scope {
    /// Whether a tag is admitted by what is compared of it, or why not.
    pub fn admit<'t>(&self, key: &'t str) -> Result<Reading<'t>, Misfit> {
        match self {
            Self::Any => Ok(Reading::Text(key)),
            Self::Versions(constraint) => {
                let version = Version::parse(key).ok_or(Misfit::NotAVersion)?;
                if constraint.accepts(&version) {
                    Ok(Reading::Version(version))
                } else if version.is_pre_release() && !constraint.mentions_pre_releases() {
                    Err(Misfit::PreRelease(constraint.text()))
                } else {
                    Err(Misfit::OutsideConstraint(constraint.text()))
                }
            }
            Self::Numbers => Digits::parse(key).map(Reading::Number).ok_or(Misfit::NotANumber),
            Self::Tag(tracked) if **tracked == *key => Ok(Reading::Text(key)),
            Self::Tag(tracked) => Err(Misfit::NotTracked(tracked.clone())),
        }
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAVersion => f.write_str("not a version"),
            Self::NotANumber => f.write_str("not a number"),
            Self::NotExtracted(expression) => write!(f, "extract {} does not match it", ForeignText::new(expression)),
            Self::PreRelease(constraint) => {
                write!(
                    f,
                    "a pre-release, which the constraint {constraint} does not ask for (it would with -0 behind a version)"
                )
            }
            Self::OutsideConstraint(constraint) => write!(f, "outside of the constraint {constraint}"),
            Self::NotTracked(tracked) => write!(f, "not the tag {tracked} that is followed"),
            Self::Attachment => f.write_str("a signature or the like, which is attached to an image"),
        }
    }
}
