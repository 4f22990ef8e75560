//! The rules that pick one tag of many.
//!
//! Pure. A [`Strategy`] says what it has to know about a tag and where the tag stands in its order; one file each. A
//! [`Policy`] is a strategy with its constraint and its filters, as one image is configured. Asking, ranking and the
//! words for a person are made in `core::select`.
//!
//! To add a strategy: a file with its unit struct and its `mod` line here, one line in `strategies!`, and cases.

use std::{cmp::Ordering, fmt};

use jiff::Timestamp;

use crate::core::{image::manifest::FactsWanted, verdict::Verdict};

pub mod constraint;
pub mod extract;
pub mod filter;
pub mod policy;
pub mod scope;
pub mod version;

mod alphabetical;
mod digest;
mod newest_build;
mod numerical;
mod semver;

pub use extract::{Extract, InvalidExtract};
pub use filter::{FilterList, FilterReason, InvalidFilter, TagFilter};
pub use policy::{Policy, PolicyOptions, SortOrder};
pub use scope::{Misfit, Reading, Scope};
pub use version::Version;

/// A rule that picks one tag of many.
pub trait Strategy: fmt::Debug + Send + Sync {
    /// How users write it, in lower case: its name, then the older names that are still accepted.
    fn names(&self) -> &'static [&'static str];

    /// What the text behind the image name (`image:TEXT`, may be empty) admits. Most strategies ignore it. An error is
    /// told to the user as it is.
    fn scope(&self, _constraint: &str) -> Result<Scope, Verdict> {
        Ok(Scope::Any)
    }

    /// What has to be known about a tag before it can be ranked. Most strategies need only its name.
    fn need(&self, _order: TagOrder) -> Need {
        Need::Name
    }

    /// The tag's place in this order: the highest is picked. `None` when it has none; that is never so for a listed tag
    /// within the scope about which everything needed is known.
    fn key<'t>(&self, tag: Ranked<'t>) -> Option<SortKey<'t>>;

    /// Whether the digest is written behind the tag, `tag@sha256:...`.
    fn writes_digest(&self) -> bool {
        false
    }

    /// Whether `order` turns it around.
    fn has_order(&self) -> bool {
        false
    }
}

/// Makes the closed set of strategies: the enum, and the implementation of each.
macro_rules! strategies {
    ($($(#[$doc:meta])+ $kind:ident = $implementation:path;)+) => {
        /// A strategy, as configured.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum StrategyKind {
            $($(#[$doc])+ $kind,)+
        }

        impl StrategyKind {
            /// Every strategy there is.
            pub const ALL: &'static [Self] = &[$(Self::$kind),+];

            /// The rule itself.
            pub fn strategy(self) -> &'static dyn Strategy {
                match self {
                    $(Self::$kind => &$implementation,)+
                }
            }
        }
    };
}

strategies! {
    /// The highest version within the constraint.
    Semver = semver::Semver;
    /// The newest creation date.
    NewestBuild = newest_build::NewestBuild;
    /// The last name in byte order.
    Alphabetical = alphabetical::Alphabetical;
    /// The highest number.
    Numerical = numerical::Numerical;
    /// The newest image behind one fixed tag.
    Digest = digest::Digest;
}

impl StrategyKind {
    /// The strategy with this name, in any case, and whether there is one: an unknown name is `semver`, and the user
    /// should be warned.
    pub fn parse(text: &str) -> (Self, bool) {
        let named = |kind: &Self| {
            kind.strategy()
                .names()
                .iter()
                .any(|name| name.eq_ignore_ascii_case(text))
        };
        match Self::ALL.iter().copied().find(named) {
            Some(kind) => (kind, true),
            None => (Self::Semver, false),
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.strategy().names().first().copied().unwrap_or_default()
    }
}

impl fmt::Display for StrategyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the order of a registry's tag list means (`tagsortmode` in `registries.conf`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TagOrder {
    /// Nothing.
    #[default]
    None,
    /// The newest tag comes first.
    LatestFirst,
    /// The newest tag comes last.
    LatestLast,
}

/// What has to be known about a tag before it can be ranked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Its name, and where it stands in the list.
    Name,
    /// What the registry says about its image as well, at least this.
    Facts(FactsWanted),
}

/// A tag that is to be ranked.
#[derive(Debug, Clone)]
pub struct Ranked<'t> {
    /// What is compared of the tag's name: all of it, or what `extract` takes.
    pub read: Reading<'t>,
    /// Its place in the registry's list, from 0; `None` when the list does not have it.
    pub position: Option<usize>,
    /// What that place means.
    pub order: TagOrder,
    /// When its image was created; always known when the strategy needs it.
    pub created: Created,
}

/// What is known about the creation date of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// Nobody asked.
    Unknown,
    /// Nobody says when that was.
    Never,
    /// Then.
    At(Timestamp),
}

impl From<Option<Timestamp>> for Created {
    fn from(created: Option<Timestamp>) -> Self {
        created.map_or(Self::Never, Self::At)
    }
}

/// A place in the order of a strategy; only keys of one strategy are compared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SortKey<'t> {
    /// A version.
    Version(Version),
    /// A whole number, given by its digits without leading zeros.
    Number(Digits<'t>),
    /// A name, in byte order.
    Text(&'t str),
    /// A date; nothing is before every date.
    Date(Option<Timestamp>),
    /// A place in a list.
    Place(i64),
    /// There is only one.
    Only,
}

/// The digits of a number of any length, without leading zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digits<'t>(&'t str);

impl<'t> Digits<'t> {
    /// Reads a number; `None` for anything else.
    pub fn parse(text: &'t str) -> Option<Self> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| Self(text.trim_start_matches('0')))
    }
}

impl Ord for Digits<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.cmp(other.0))
    }
}

impl PartialOrd for Digits<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strategies_are_known_by_old_and_new_names_in_any_case() {
        let table = [
            ("semver", StrategyKind::Semver, true),
            ("SemVer", StrategyKind::Semver, true),
            ("newest-build", StrategyKind::NewestBuild, true),
            ("Latest", StrategyKind::NewestBuild, true),
            ("alphabetical", StrategyKind::Alphabetical, true),
            ("name", StrategyKind::Alphabetical, true),
            ("digest", StrategyKind::Digest, true),
            ("whatever", StrategyKind::Semver, false),
            ("", StrategyKind::Semver, false),
        ];
        for (text, kind, known) in table {
            assert_eq!(StrategyKind::parse(text), (kind, known), "{text}");
        }
    }

    #[test]
    fn every_name_belongs_to_one_strategy() {
        for kind in StrategyKind::ALL {
            for name in kind.strategy().names() {
                assert_eq!(StrategyKind::parse(name), (*kind, true), "{name}");
            }
        }
    }
}
