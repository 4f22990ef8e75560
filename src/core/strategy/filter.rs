//! `allowTags` and `ignoreTags`: which tags may be picked at all.

use std::{fmt, sync::Arc};

use regex::Regex;

use crate::core::{
    foreign::ForeignText,
    image::TagName,
    matching::{
        glob::{Glob, InvalidGlob},
        regex::{self as expression, InvalidRegex},
    },
};

/// Which tags may be picked at all: those that `allowTags` matches and no `ignoreTags` pattern matches.
#[derive(Debug, Clone, Default)]
pub struct TagFilter {
    // Shared: each clone of a Regex would have scratch memory of its own.
    allow: Option<(Arc<str>, Arc<Regex>)>,
    ignore: Arc<[(Arc<str>, Glob)]>,
}

/// A filter that cannot be read. It would drop every tag or none, so the image is left alone.
///
/// The text does not name the field, since that is a path here and a flag there: see [`Self::list`].
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum InvalidFilter {
    /// `allowTags` is no function that is known.
    #[error("{0:?} is neither any nor regexp:<expression> (example: regexp:^v[0-9]+)")]
    Keyword(ForeignText),
    /// The expression of `allowTags` cannot be read.
    #[error(transparent)]
    Expression(#[from] InvalidRegex),
    /// A pattern of `ignoreTags` cannot be read.
    #[error(transparent)]
    Glob(#[from] InvalidGlob),
}

/// The two lists of a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilterList {
    /// `allowTags`.
    Allow,
    /// `ignoreTags`.
    Ignore,
}

impl InvalidFilter {
    /// Which list is wrong.
    pub fn list(&self) -> FilterList {
        match self {
            Self::Keyword(_) | Self::Expression(_) => FilterList::Allow,
            Self::Glob(_) => FilterList::Ignore,
        }
    }
}

/// Why a tag may not be picked.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FilterReason {
    /// `allowTags`, given here, does not match it.
    NotAllowed(Arc<str>),
    /// This pattern of `ignoreTags` matches it.
    Ignored(Arc<str>),
}

impl TagFilter {
    /// Compiles the filters.
    ///
    /// `allow` is empty or `any` for every tag, or `regexp:` and an expression in Go's syntax that is searched for
    /// anywhere in the tag; the keywords are read in any case. `ignore` are Go globs that match whole tags.
    pub fn compile(allow: Option<&str>, ignore: &[String]) -> Result<Self, InvalidFilter> {
        let allow = match allow.unwrap_or_default() {
            "" => None,
            any if any.eq_ignore_ascii_case("any") => None,
            text => match text.split_once(':') {
                Some((keyword, searched)) if keyword.eq_ignore_ascii_case("regexp") => {
                    Some((text.into(), Arc::new(expression::compile(searched)?)))
                }
                _ => return Err(InvalidFilter::Keyword(ForeignText::new(text))),
            },
        };
        let glob = |text: &String| Glob::parse(text).map(|glob| (text.as_str().into(), glob));
        let ignore = ignore.iter().map(glob).collect::<Result<_, _>>()?;
        Ok(Self { allow, ignore })
    }

    /// The filters as configured: `allowTags`, then the patterns of `ignoreTags`.
    pub fn texts(&self) -> (Option<&str>, Vec<&str>) {
        let allow = self.allow.as_ref().map(|(text, _)| &**text);
        (allow, self.ignore.iter().map(|(text, _)| &**text).collect())
    }

    /// Whether there is no `allowTags`.
    pub fn allows_all(&self) -> bool {
        self.allow.is_none()
    }

    /// Whether a tag may be picked, or what drops it.
    pub fn admit(&self, tag: &TagName) -> Result<(), FilterReason> {
        if let Some((text, regex)) = &self.allow
            && !regex.is_match(tag.as_str())
        {
            return Err(FilterReason::NotAllowed(text.clone()));
        }
        match self.ignore.iter().find(|(_, glob)| glob.matches(tag.as_str())) {
            Some((text, _)) => Err(FilterReason::Ignored(text.clone())),
            None => Ok(()),
        }
    }
}

impl fmt::Display for FilterReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAllowed(text) => write!(f, "not allowed by {}", ForeignText::new(text)),
            Self::Ignored(text) => write!(f, "ignored by {}", ForeignText::new(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ignored(patterns: &[&str]) -> Vec<String> {
        patterns.iter().map(|&pattern| pattern.to_owned()).collect()
    }

    #[test]
    fn a_tag_passes_when_it_is_allowed_and_not_ignored() {
        let table: [(Option<&str>, &[&str], &str, bool); 12] = [
            (None, &[], "1.0", true),
            (Some(""), &[], "1.0", true),
            (Some("ANY"), &[], "1.0", true),
            (Some("regexp:^v"), &[], "v1", true),
            (Some("RegExp:^v"), &[], "1v", false),
            (Some("regexp:b"), &[], "abc", true),
            (Some("regexp:"), &[], "abc", true),
            (Some("regexp:^(?:rel)-"), &[], "rel-1", true),
            (None, &["*-rc*"], "1.0-rc1", false),
            (None, &["*-rc*"], "1.0-RC1", true),
            (None, &["1", "2.*"], "2.1", false),
            (Some("regexp:^2"), &["2.?"], "2.10", true),
        ];
        for (allow, ignore, tag, expected) in table {
            let filter = TagFilter::compile(allow, &ignored(ignore)).unwrap();
            assert_eq!(
                filter.admit(&TagName::new(tag).unwrap()).is_ok(),
                expected,
                "{allow:?} {ignore:?} {tag}"
            );
        }
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_an_error_that_knows_its_list_and_says_each_thing_once() {
        let (allowed, dropped) = (FilterList::Allow, FilterList::Ignore);
        let table: [(Option<&str>, &[&str], FilterList, &str); 5] = [
            (Some("^1\\."), &[], allowed, "\"^1\\\\.\" is neither any nor "),
            (Some("glob:1.*"), &[], allowed, "\"glob:1.*\" is neither any nor "),
            (Some(" any"), &[], allowed, "\"any\" is neither any nor "),
            (Some("regexp:(["), &[], allowed, "\"([\" is not a regular expression: "),
            (None, &["1", "[2"], dropped, "\"[2\" is not a pattern: "),
        ];
        for (allow, ignore, list, start) in table {
            let error = TagFilter::compile(allow, &ignored(ignore)).unwrap_err();
            assert_eq!(error.list(), list, "{error}");
            assert!(error.to_string().starts_with(start), "{error}");
            assert!(
                std::error::Error::source(&error).is_none(),
                "{error}: it would be printed twice"
            );
        }
    }

    #[test]
    fn the_reason_names_the_filter() {
        let filter = TagFilter::compile(Some("regexp:^v"), &ignored(&["*-rc*"])).unwrap();
        let reason = |tag: &str| filter.admit(&TagName::new(tag).unwrap()).unwrap_err().to_string();
        assert_eq!(reason("1"), "not allowed by regexp:^v");
        assert_eq!(reason("v1-rc1"), "ignored by *-rc*");
    }
}
