//! Which namespaces are watched.

use std::str::FromStr;

/// The namespaces that are watched.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum WatchScope {
    /// Only the program's own.
    #[default]
    Own,
    /// All of the cluster.
    All,
    /// These, without blanks and duplicates, in the order given; never empty.
    Namespaces(Vec<String>),
}

/// A text that names no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWatchScope {
    /// There are only separators.
    #[error("it names no namespace (example: team-a,team-b; * for all; nothing for the program's own)")]
    NoNamespace,
    /// All namespaces and some of them.
    #[error("* means all namespaces and stands alone")]
    AllAndSome,
}

impl FromStr for WatchScope {
    type Err = InvalidWatchScope;

    /// Reads nothing, `*`, or names between commas; blanks around names and empty names do not matter.
    fn from_str(text: &str) -> Result<Self, InvalidWatchScope> {
        match text.trim() {
            "" => return Ok(Self::Own),
            "*" => return Ok(Self::All),
            _ => {}
        }
        let mut names: Vec<String> = Vec::new();
        for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            if name == "*" {
                return Err(InvalidWatchScope::AllAndSome);
            }
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        if names.is_empty() {
            Err(InvalidWatchScope::NoNamespace)
        } else {
            Ok(Self::Namespaces(names))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_nothing_a_star_or_names() {
        let names = |names: &[&str]| Ok(WatchScope::Namespaces(names.iter().map(ToString::to_string).collect()));
        for (given, expected) in [
            ("", Ok(WatchScope::Own)),
            ("  ", Ok(WatchScope::Own)),
            (" * ", Ok(WatchScope::All)),
            ("a, b,,c", names(&["a", "b", "c"])),
            ("a", names(&["a"])),
            ("a,a", names(&["a"])),
            (",", Err(InvalidWatchScope::NoNamespace)),
            (" , ,", Err(InvalidWatchScope::NoNamespace)),
            ("a,*", Err(InvalidWatchScope::AllAndSome)),
        ] {
            assert_eq!(given.parse::<WatchScope>(), expected, "{given:?}");
        }
    }
}
