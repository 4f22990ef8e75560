//! Semantic versions as Masterminds/semver 3.4 reads them in tags.

use std::cmp::Ordering;

/// A version: `v?N(.N)?(.N)?(-pre)?(+meta)?`.
///
/// Missing numbers are 0 and leading zeros are tolerated, so two spellings (`1.2`, `v1.2.0`) can be one version. A
/// version with a pre-release part is lower than the one without. What stands behind `+` does not count.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Version {
    /// The first number.
    pub major: u64,
    /// The second number.
    pub minor: u64,
    /// The third number.
    pub patch: u64,
    /// The pre-release part; empty for a release.
    pre: Vec<Identifier>,
}

/// A part of a pre-release, between dots: numbers are compared by value and are lower than words.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Identifier {
    Number(u64),
    Word(Box<str>),
}

impl Version {
    /// Reads a tag; `None` when it is no version.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let numbers_end = text.find(['-', '+']).unwrap_or(text.len());
        let (numbers, rest) = text.split_at(numbers_end);
        let (pre, meta) = match rest.split_once('+') {
            Some((pre, meta)) => (pre, Some(meta)),
            None => (rest, None),
        };
        if meta.is_some_and(|meta| !meta.split('.').all(is_identifier)) {
            return None;
        }
        let mut parts = numbers.split('.');
        let major = number(parts.next()?)?;
        let minor = parts.next().map_or(Some(0), number)?;
        let patch = parts.next().map_or(Some(0), number)?;
        if parts.next().is_some() {
            return None;
        }
        Self::with_pre(major, minor, patch, pre.strip_prefix('-'))
    }

    /// A version of numbers and the text of a pre-release part, if there is one; `None` when that text is none.
    pub(super) fn with_pre(major: u64, minor: u64, patch: u64, pre: Option<&str>) -> Option<Self> {
        let pre = match pre {
            Some(text) => text.split('.').map(identifier).collect::<Option<_>>()?,
            None => Vec::new(),
        };
        Some(Self {
            major,
            minor,
            patch,
            pre,
        })
    }

    /// Whether it has a pre-release part.
    pub fn is_pre_release(&self) -> bool {
        !self.pre.is_empty()
    }

    /// Whether the pre-release parts of both are equal.
    pub(super) fn same_pre(&self, other: &Self) -> bool {
        self.pre == other.pre
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let numbers = |v: &Self| (v.major, v.minor, v.patch);
        numbers(self)
            .cmp(&numbers(other))
            .then_with(|| self.pre.is_empty().cmp(&other.pre.is_empty()))
            .then_with(|| self.pre.cmp(&other.pre))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Digits that fit 64 bit.
pub(super) fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

fn identifier(text: &str) -> Option<Identifier> {
    if !is_identifier(text) {
        return None;
    }
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    if digits && text.len() > 1 && text.starts_with('0') {
        return None;
    }
    // Digits beyond 64 bit are compared as a word, as the original does.
    Some(number(text).map_or_else(|| Identifier::Word(text.into()), Identifier::Number))
}

fn is_identifier(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tags_that_are_versions_are_told_from_those_that_are_not() {
        let table = [
            ("7", true),
            ("v7", true),
            ("1.2", true),
            ("2024.01.15", true),
            ("1.2.3-rc.1", true),
            ("1.2.3-alpine-3", true),
            ("1-0", true),
            ("1.2.3+b.01", true),
            ("1.2.3-a+b", true),
            ("1.2.3--", true),
            ("18446744073709551615", true),
            ("18446744073709551616", false),
            ("1.2.3.4", false),
            ("1.2.3_1", false),
            ("V1.0.0", false),
            ("vv1", false),
            ("v", false),
            ("", false),
            ("latest", false),
            ("1.", false),
            (".1", false),
            ("1..2", false),
            ("1.2.3-", false),
            ("1.2.3-a..b", false),
            ("1.2.3-01", false),
            ("1.2.3-a.00", false),
            ("1.2.3+", false),
            ("1.2.3+a+b", false),
            ("1.2.3-é", false),
            ("-1", false),
        ];
        for (text, expected) in table {
            assert_eq!(Version::parse(text).is_some(), expected, "{text}");
        }
    }

    #[test]
    fn versions_are_ordered_by_their_numbers_and_then_by_their_pre_release() {
        let ascending = [
            "0.0.0-0",
            "0.0.0",
            "1.0.0-0",
            "1.0.0-2",
            "1.0.0-10",
            "1.0.0-99999999999999999999",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-alpine20",
            "1.0.0-alpine3",
            "1.0.0-rc.2",
            "1.0.0-rc.10",
            "1.0.0",
            "1.0.1",
            "1.10.0",
            "v2",
        ];
        for (lower, pair) in ascending.windows(2).enumerate() {
            let versions: Vec<_> = pair.iter().map(|text| Version::parse(text).unwrap()).collect();
            assert!(versions[0] < versions[1], "{lower}: {pair:?}");
        }
        for (one, other) in [("1", "v1.0.0"), ("2024.01.5", "2024.1.05"), ("1.0.0+a", "1.0.0+b")] {
            assert_eq!(Version::parse(one), Version::parse(other), "{one} {other}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,30}") {
            let _ = Version::parse(&text);
        }
    }
}
