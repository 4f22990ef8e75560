//! The names that git knows: object ids and branches (paths are in `repo_path`). What is parsed here git takes as it is.

use std::{fmt, str::FromStr};

use crate::core::{foreign::ForeignText, render::branch_name};

/// A text is not the name it should be.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("{text:?} is not {what}: {reason}")]
pub struct InvalidName {
    text: ForeignText,
    what: &'static str,
    reason: &'static str,
}

impl InvalidName {
    pub(super) fn new(text: &str, what: &'static str, reason: &'static str) -> Self {
        Self {
            text: ForeignText::new(text),
            what,
            reason,
        }
    }
}

/// The id of an object: 40 hexadecimal digits of SHA-1.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId(git2::Oid);

impl ObjectId {
    /// Reads the 40 digits; short ids and SHA-256 ids are not taken.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let wrong = |reason| InvalidName::new(text, "an object id", reason);
        if text.len() != 40 {
            return Err(wrong("it has not 40 digits"));
        }
        git2::Oid::from_str(text)
            .map(Self)
            .map_err(|_| wrong("it has other characters than hexadecimal digits"))
    }

    pub(super) fn oid(self) -> git2::Oid {
        self.0
    }
}

impl From<git2::Oid> for ObjectId {
    fn from(oid: git2::Oid) -> Self {
        Self(oid)
    }
}

impl FromStr for ObjectId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        Self::parse(text)
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A branch name without `refs/heads/`, by the rules of `git check-ref-format --branch`, at most 1000 bytes and 250 for
/// each of its components.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BranchName(String);

impl BranchName {
    /// Checks a branch name.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        match branch_name::broken_rule(text) {
            None => Ok(Self(text.to_owned())),
            Some(reason) => Err(InvalidName::new(text, "a branch name", reason)),
        }
    }

    /// The name without `refs/heads/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The reference in a repository.
    pub fn reference(&self) -> String {
        format!("refs/heads/{}", self.0)
    }
}

impl FromStr for BranchName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        Self::parse(text)
    }
}

impl fmt::Display for BranchName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for BranchName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn branch_names_follow_the_rules_of_git() {
        for good in [
            "main",
            "a/b.c",
            "image-updater-ab12",
            "v1",
            "@a",
            "größe",
            "a@b",
            "x{y}",
        ] {
            assert_eq!(BranchName::parse(good).unwrap().as_str(), good);
        }
        let long = format!("a/{}", "b".repeat(251));
        for bad in [
            "",
            "@",
            "HEAD",
            "-a",
            "a b",
            "a..b",
            "a/",
            "/a",
            "a//b",
            ".a",
            "a/.b",
            "a.lock",
            "a.lock/b",
            "a.",
            "a~1",
            "a^",
            "a:b",
            "a?",
            "a*",
            "a[",
            "a\\b",
            "a@{1}",
            "a\u{7f}",
            "a\nb",
            long.as_str(),
        ] {
            assert!(BranchName::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_object_id_has_forty_digits() {
        let text = "3ddef165bb670dd06c3c4469fb781f4effd6e440";
        assert_eq!(ObjectId::parse(text).unwrap().to_string(), text);
        for bad in [
            "",
            "3ddef16",
            "zddef165bb670dd06c3c4469fb781f4effd6e440",
            &"a".repeat(64),
        ] {
            assert!(ObjectId::parse(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_judged_without_panic(text in "\\PC{0,40}") {
            let _ = (BranchName::parse(&text), ObjectId::parse(&text));
        }
    }
}
