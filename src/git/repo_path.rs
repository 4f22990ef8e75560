//! Paths inside a repository. What is parsed here stays inside, and out of git's own folder.

use std::{fmt, str::FromStr};

use super::names::InvalidName;

/// The most bytes of a path.
const PATH_LIMIT: usize = 4000;
/// The most bytes of one component: what file systems take.
const COMPONENT_LIMIT: usize = 255;

/// A path inside a repository: relative, `/` between components, never `..`, `.`, or a spelling of `.git`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepoPath(String);

impl RepoPath {
    /// Checks a path. It is taken as it is written: `a//b` and `./a` are refused, not cleaned.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        match path_fault(text) {
            None => Ok(Self(text.to_owned())),
            Some(reason) => Err(InvalidName::new(text, "a path inside a repository", reason)),
        }
    }

    /// The path, without a slash at either end.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folders above, outermost first, without the path itself: `a/b/c` has `a` and `a/b`.
    pub fn parents(&self) -> impl Iterator<Item = &str> {
        self.0.match_indices('/').map(|(at, _)| &self.0[..at])
    }
}

fn path_fault(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        return Some("it is empty");
    }
    if text.len() > PATH_LIMIT {
        return Some("it is longer than 4000 bytes");
    }
    if text.starts_with('/') {
        return Some("it is absolute");
    }
    if text.chars().any(char::is_control) {
        return Some("it contains a control character");
    }
    for component in text.split('/') {
        match component {
            "" => return Some("it ends with a slash or has two in a row"),
            ".." => return Some("it may not leave the repository"),
            "." => return Some("it contains '.' as a component"),
            _ if component.len() > COMPONENT_LIMIT => return Some("a component is longer than 255 bytes"),
            _ if is_dot_git(component) => return Some("it leads into git's own folder"),
            _ => {}
        }
    }
    None
}

/// Whether some file system takes the component for `.git`; git refuses these names in trees.
fn is_dot_git(component: &str) -> bool {
    // HFS+ ignores these characters.
    let ignored =
        |c: char| matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}');
    let seen: String = component.chars().filter(|c| !ignored(*c)).collect();
    // NTFS cuts dots and blanks at the end, and a colon opens a stream of the same file.
    let file = seen.split(':').next().unwrap_or_default().trim_end_matches(['.', ' ']);
    file.eq_ignore_ascii_case(".git") || file.eq_ignore_ascii_case("git~1")
}

impl FromStr for RepoPath {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        Self::parse(text)
    }
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_stay_inside_the_repository() {
        for good in [
            "a",
            "a/b.yaml",
            ".argocd-source-x.yaml",
            "a\\b",
            ".github/x",
            ".gitignore",
            "a/..b",
            "git",
        ] {
            assert_eq!(RepoPath::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "/a",
            "a/",
            "a//b",
            "..",
            "a/../b",
            "./a",
            ".",
            "a/./b",
            ".git",
            ".GIT/config",
            "a/.git/hooks/x",
            "git~1",
            ".git.",
            ".git ",
            ".git::$INDEX_ALLOCATION",
            ".g\u{200c}it",
            "a\nb",
            "a\0",
        ] {
            assert!(RepoPath::parse(bad).is_err(), "{bad:?}");
        }
        assert_eq!(
            RepoPath::parse("a/b/c").unwrap().parents().collect::<Vec<_>>(),
            ["a", "a/b"]
        );
    }

    proptest! {
        #[test]
        fn any_text_is_judged_without_panic(text in "(\\PC|/|\\.){0,40}") {
            if let Ok(path) = RepoPath::parse(&text) {
                prop_assert!(!path.as_str().split('/').any(|part| part == ".." || part.is_empty()));
                prop_assert_eq!(path.as_str(), text);
            }
        }
    }
}
