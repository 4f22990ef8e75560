//! The name of each image within its list: the explicit alias, or one derived from the image's name.
//!
//! A derived alias is the shortest trailing run of path components that no other entry of the list claims, whatever the
//! order: `registry.test/shop/api` is `api`, or `shop/api` beside `registry.test/blog/api`. An explicit alias always keeps
//! its name. An entry with a wildcard has no alias but its own text: the images that it stands for get theirs from
//! [`derive_beside`], and never take one from another entry.

use std::collections::HashMap;

use crate::api::v1alpha1::ImageConfig;

/// Two entries that cannot be told apart.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Duplicate {
    /// Two entries with one explicit alias.
    #[error("entries {first} and {second} both have the alias {alias:?}; give each its own")]
    Alias {
        /// The alias.
        alias: String,
        /// The index of the first entry.
        first: usize,
        /// The index of the second entry.
        second: usize,
    },
    /// Two entries with one `imageName` and no alias.
    #[error("entries {first} and {second} are both {image:?} without an alias; give each an alias, or remove one")]
    Image {
        /// The `imageName`.
        image: String,
        /// The index of the first entry.
        first: usize,
        /// The index of the second entry.
        second: usize,
    },
}

/// Whether `image_name` stands for many images: there is a `*` in front of its version.
pub fn is_wildcard(image_name: &str) -> bool {
    without_version(image_name).contains('*')
}

/// The explicit alias of an image; a blank one counts as absent. A wildcard has none, whatever is written.
fn explicit(image: &ImageConfig) -> Option<&str> {
    let alias = image.alias.as_deref().map(str::trim).filter(|alias| !alias.is_empty());
    alias.filter(|_| !is_wildcard(&image.image_name))
}

/// The aliases of `images`, in their order, or every duplicate.
pub fn aliases(images: &[ImageConfig]) -> Result<Vec<String>, Vec<Duplicate>> {
    let duplicates = duplicates(images);
    if !duplicates.is_empty() {
        return Err(duplicates);
    }
    let literal = images.iter().filter(|image| !is_wildcard(&image.image_name));
    let claims = Claims::of(literal.map(|image| match explicit(image) {
        Some(alias) => Claim::Alias(alias),
        None => Claim::Name(without_version(&image.image_name)),
    }));
    let alias = |image: &ImageConfig| match explicit(image) {
        Some(alias) => alias.to_owned(),
        None if is_wildcard(&image.image_name) => image.image_name.clone(),
        None => {
            let own = claims.own(without_version(&image.image_name));
            own.unwrap_or(&image.image_name).to_owned()
        }
    };
    each_once(images.iter().map(alias).collect())
}

/// The aliases of images that were found for a wildcard, in the order of `names`, which are different full names without
/// version. `taken` are the aliases of the other entries, which keep them.
pub fn derive_beside(taken: &[&str], names: &[&str]) -> Vec<String> {
    let taken = taken.iter().map(|alias| Claim::Alias(alias));
    let claims = Claims::of(taken.chain(names.iter().map(|name| Claim::Name(name))));
    let numbered = |name: &str| {
        let mut numbered = (2..).map(|number: usize| format!("{name}#{number}"));
        numbered
            .find(|alias| !claims.runs.contains_key(alias.as_str()))
            .expect("the numbers never end, and the claims do")
    };
    let names = names.iter();
    names
        .map(|name| claims.own(name).map_or_else(|| numbered(name), str::to_owned))
        .collect()
}

/// `aliases`, unless two are equal: a derived one can be the explicit one of another entry.
fn each_once(aliases: Vec<String>) -> Result<Vec<String>, Vec<Duplicate>> {
    let mut seen = HashMap::new();
    let twice = aliases.iter().enumerate().filter_map(|(second, alias)| {
        let first = *seen.entry(alias).or_insert(second);
        (first != second).then(|| Duplicate::Alias {
            alias: alias.clone(),
            first,
            second,
        })
    });
    let twice: Vec<_> = twice.collect();
    if twice.is_empty() { Ok(aliases) } else { Err(twice) }
}

/// One entry's wish.
enum Claim<'a> {
    /// This alias.
    Alias(&'a str),
    /// Any end of this name.
    Name(&'a str),
}

/// How often each text is claimed.
#[derive(Default)]
struct Claims<'a> {
    /// Explicit aliases, and every trailing run of the names without one.
    runs: HashMap<&'a str, usize>,
    /// Explicit aliases, and the names without one as a whole.
    names: HashMap<&'a str, usize>,
}

impl<'a> Claims<'a> {
    fn of(entries: impl Iterator<Item = Claim<'a>>) -> Self {
        let mut claims = Self::default();
        for entry in entries {
            match entry {
                Claim::Alias(alias) => {
                    *claims.runs.entry(alias).or_default() += 1;
                    *claims.names.entry(alias).or_default() += 1;
                }
                Claim::Name(name) => {
                    trailing_runs(name).for_each(|run| *claims.runs.entry(run).or_default() += 1);
                    *claims.names.entry(name).or_default() += 1;
                }
            }
        }
        claims
    }

    /// The shortest run that only this name claims; a name that is also the end of a longer one stands for itself. There is
    /// none for a name that is listed with two constraints, or that is the explicit alias of another entry.
    fn own<'t>(&self, name: &'t str) -> Option<&'t str> {
        let alone = trailing_runs(name).find(|run| self.runs.get(run) == Some(&1));
        let itself = || (self.names.get(name) == Some(&1)).then_some(name);
        alone.or_else(itself)
    }
}

/// The trailing runs of path components of a name, the shortest first.
fn trailing_runs(name: &str) -> impl Iterator<Item = &str> {
    let starts = name.rmatch_indices('/').map(|(at, _)| at + 1).chain([0]);
    starts.map(|start| &name[start..]).filter(|run| !run.is_empty())
}

/// `text` without tag, digest or constraint. A colon before the last slash belongs to a host.
pub(super) fn without_version(text: &str) -> &str {
    let text = text.split('@').next().unwrap_or(text);
    let last = text.rfind('/').map_or(0, |at| at + 1);
    match text[last..].find(':') {
        Some(at) => &text[..last + at],
        None => text,
    }
}

fn duplicates(images: &[ImageConfig]) -> Vec<Duplicate> {
    let mut seen = HashMap::new();
    let mut found = Vec::new();
    for (second, image) in images.iter().enumerate() {
        let alias = explicit(image);
        let first = *seen
            .entry((alias.is_some(), alias.unwrap_or(&image.image_name)))
            .or_insert(second);
        if first == second {
            continue;
        }
        found.push(match alias {
            Some(alias) => Duplicate::Alias {
                alias: alias.to_owned(),
                first,
                second,
            },
            None => Duplicate::Image {
                image: image.image_name.clone(),
                first,
                second,
            },
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[(&str, &str)]) -> Vec<ImageConfig> {
        entries
            .iter()
            .map(|(alias, name)| ImageConfig {
                alias: (!alias.is_empty()).then(|| (*alias).to_owned()),
                image_name: (*name).to_owned(),
                ..ImageConfig::default()
            })
            .collect()
    }

    #[test]
    fn an_alias_is_the_shortest_trailing_run_that_is_unique() {
        for (given, expected) in [
            (&[("", "nginx")][..], &["nginx"][..]),
            (&[("", "localhost:5000/api:~1.0")], &["api"]),
            (&[("", "quay.io/acme/api@sha256:00")], &["api"]),
            (
                &[("", "r.test/shop/api:1.x"), ("", "r.test/blog/api:1.x")],
                &["shop/api", "blog/api"],
            ),
            (
                &[("", "a.test/shop/api"), ("", "b.test/shop/api")],
                &["a.test/shop/api", "b.test/shop/api"],
            ),
            (&[("", "a.test/shop/api"), ("", "a.test/shop/web")], &["api", "web"]),
            (
                &[("", "shop/api"), ("", "r.test/shop/api")],
                &["shop/api", "r.test/shop/api"],
            ),
            (
                &[("", "shop/api:1.x"), ("", "r.test/shop/api:1.x")],
                &["shop/api", "r.test/shop/api"],
            ),
            (&[("", "api:1.x"), ("", "api:2.x")], &["api:1.x", "api:2.x"]),
            (
                &[("", "shop/web"), ("", "blog/web"), ("", "shop/api")],
                &["shop/web", "blog/web", "api"],
            ),
            // An explicit alias keeps its name, and its image stands under that name only.
            (&[("api", "shop/web"), ("", "shop/api")], &["api", "shop/api"]),
            (&[("one", "shop/api"), ("", "blog/api")], &["one", "api"]),
            (&[("one", "shop/api"), ("two", "shop/api")], &["one", "two"]),
            // A wildcard takes nothing from its neighbours.
            (
                &[("", "shop/*:1.x"), ("", "shop/api"), ("", "*/web:1.*"), ("x", "blog/*")],
                &["shop/*:1.x", "api", "*/web:1.*", "blog/*"],
            ),
        ] {
            let names = aliases(&list(given)).unwrap();
            assert_eq!(names, expected, "{given:?}");
            let mut reversed = given.to_vec();
            reversed.reverse();
            let mut names = aliases(&list(&reversed)).unwrap();
            names.reverse();
            assert_eq!(names, expected, "reversed {given:?}");
        }
    }

    #[test]
    fn only_equal_aliases_and_equal_images_without_alias_are_duplicates() {
        let found = aliases(&list(&[("a", "x"), ("b", "x"), ("a", "y"), ("", "z"), ("", "z")])).unwrap_err();
        let texts: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), 2, "{texts:?}");
        assert!(
            texts[0].contains("\"a\"") && texts[0].contains("entries 0 and 2"),
            "{texts:?}"
        );
        assert!(
            texts[1].contains("\"z\"") && texts[1].contains("entries 3 and 4"),
            "{texts:?}"
        );
    }

    #[test]
    fn a_derived_alias_that_is_anothers_explicit_one_is_a_duplicate() {
        let found = aliases(&list(&[("api", "shop/web"), ("", "api")])).unwrap_err();
        let expected = Duplicate::Alias {
            alias: "api".to_owned(),
            first: 0,
            second: 1,
        };
        assert_eq!(found, [expected]);
    }

    #[test]
    fn what_a_wildcard_stands_for_never_takes_a_taken_alias() {
        for (taken, names, expected) in [
            (&[][..], &["shop/api", "shop/web"][..], &["api", "web"][..]),
            (&[], &["r.test/shop/api", "r.test/blog/api"], &["shop/api", "blog/api"]),
            (&["api"], &["r.test/shop/api"], &["shop/api"]),
            (&["api"], &["api"], &["api#2"]),
            (&["api", "api#2"], &["api"], &["api#3"]),
            (&["api"], &["api", "api#2"], &["api#3", "api#2"]),
            (&[], &["api", "shop/api"], &["api", "shop/api"]),
        ] {
            assert_eq!(derive_beside(taken, names), expected, "{taken:?} {names:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn aliases_are_never_equal(entries in proptest::collection::vec(("[ab]?", "[a-b/:@.*]{0,6}"), 0..6)) {
            let images = list(&entries.iter().map(|(alias, name)| (alias.as_str(), name.as_str())).collect::<Vec<_>>());
            if let Ok(mut names) = aliases(&images) {
                let count = names.len();
                names.sort();
                names.dedup();
                proptest::prop_assert_eq!(names.len(), count);
            }
        }
    }
}
