//! Version constraints, and the order of versions: the first line is a constraint, the others are tags.
#![no_main]

use std::cmp::Ordering;

use argocd_image_updater::core::{
    image::TagName,
    strategy::{Policy, StrategyKind, TagFilter, Version, constraint::Constraint},
};
use argocd_image_updater_fuzz::{assert_fair, assert_presentable, lines};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((text, tags)) = lines(data) else { return };
    let versions: Vec<Version> = tags.iter().filter_map(|tag| Version::parse(tag)).collect();
    ordered(&versions);
    for version in &versions {
        terms_agree(version, &versions);
    }
    for tag in &tags {
        names_itself(tag);
    }
    let constraint = match Constraint::parse(text) {
        Ok(constraint) => constraint,
        Err(error) => return assert_presentable(&error.to_string()),
    };
    let shown = constraint.text();
    if *shown == *text {
        assert_eq!(
            Constraint::parse(&shown).as_ref(),
            Ok(&constraint),
            "what is shown is what was read"
        );
    }
    for version in &versions {
        let accepted = constraint.accepts(version);
        assert!(!accepted || !version.is_pre_release() || constraint.mentions_pre_releases());
        // Another alternative accepts more, never less.
        if let Ok(wider) = Constraint::parse(&format!("{text} || >=3.1.0, <4")) {
            assert!(!accepted || wider.accepts(version), "{text:?}: {version:?}");
        }
    }
    let tags: Vec<TagName> = tags.iter().filter_map(|tag| TagName::new(tag)).collect();
    let policy = Policy::parse(StrategyKind::Semver, text, TagFilter::default()).expect("it was read before");
    assert_fair(&policy, &tags);
});

/// The order is total: it is the same from both sides, and it has no circles.
fn ordered(versions: &[Version]) {
    for a in versions {
        assert_eq!(a.cmp(a), Ordering::Equal);
        for b in versions {
            assert_eq!(a.cmp(b), b.cmp(a).reverse(), "{a:?} {b:?}");
            assert_eq!(a.cmp(b) == Ordering::Equal, a == b, "{a:?} {b:?}");
            for c in versions {
                assert!(a > b || b > c || a <= c, "{a:?} {b:?} {c:?}");
            }
        }
    }
}

/// What a term accepts agrees with the order. The lowest pre-release stands behind each number, so that the rule about
/// pre-releases drops nothing.
fn terms_agree(bound: &Version, versions: &[Version]) {
    let text = format!("{}.{}.{}-0", bound.major, bound.minor, bound.patch);
    let bound = Version::parse(&text).expect("a version");
    let term = |operator: &str| Constraint::parse(&format!("{operator}{text}")).expect("a term");
    let [less, most, more, least] = [term("<"), term("<="), term(">"), term(">=")];
    let [same, other, tilde, caret] = [term("="), term("!="), term("~"), term("^")];
    for version in versions {
        assert_eq!(less.accepts(version), *version < bound, "< {text}: {version:?}");
        assert_eq!(most.accepts(version), *version <= bound, "<= {text}: {version:?}");
        assert_eq!(more.accepts(version), *version > bound, "> {text}: {version:?}");
        assert_eq!(least.accepts(version), *version >= bound, ">= {text}: {version:?}");
        assert_eq!(same.accepts(version), *version == bound, "= {text}: {version:?}");
        assert_ne!(other.accepts(version), same.accepts(version), "!= {text}: {version:?}");
        for near in [&tilde, &caret] {
            assert!(!near.accepts(version) || (*version >= bound && version.major == bound.major) || text == "0.0.0-0");
        }
    }
}

/// A tag that is a version is a constraint too, and accepts itself.
fn names_itself(tag: &str) {
    if tag.len() > 1000 {
        return;
    }
    if let Some(version) = Version::parse(tag) {
        let constraint = Constraint::parse(tag).expect("a version is a constraint");
        assert!(constraint.accepts(&version), "{tag}");
    }
}
