use std::sync::Arc;

use super::*;
use crate::core::{
    image::{Digest, TagFacts},
    strategy::{StrategyKind, TagFilter},
};

fn live(texts: &[&str]) -> LiveImages {
    LiveImages::parse(&texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>())
}

fn policy(strategy: &str, constraint: &str, allow: &str) -> Policy {
    let filter = TagFilter::compile(Some(allow), &[]).unwrap();
    Policy::parse(StrategyKind::parse(strategy).0, constraint, filter).unwrap()
}

fn found(texts: &[&str], image: &str, renamed: Option<&str>, policy: &Policy) -> Option<String> {
    let image = ImageRef::parse(image).unwrap();
    live(texts)
        .find(&image, renamed, policy, None)
        .map(|live| live.text.clone())
}

#[test]
fn the_image_is_found_by_its_kustomize_name_and_then_by_its_own() {
    let any = policy("semver", "", "");
    let table: [(&[&str], Option<&str>, Option<&str>); 7] = [
        (&["acme/web:1", "acme/api:1"], None, Some("acme/api:1")),
        (&["docker.io/acme/api:1"], None, Some("docker.io/acme/api:1")),
        (
            &["index.docker.io/acme/api:1"],
            None,
            Some("index.docker.io/acme/api:1"),
        ),
        (&["quay.io/acme/api:1"], None, None),
        (&["acme/api:1", "base/api:2"], Some("base/api"), Some("base/api:2")),
        (&["acme/api:1"], Some("base/api"), Some("acme/api:1")),
        (&["acme/api:1"], Some("not a name"), Some("acme/api:1")),
    ];
    for (texts, renamed, expected) in table {
        assert_eq!(
            found(texts, "acme/api", renamed, &any).as_deref(),
            expected,
            "{texts:?} {renamed:?}"
        );
    }
}

#[test]
fn each_alias_is_compared_with_the_running_tag_that_fits_it() {
    let texts = [
        "acme/api:v1.0.0",
        "acme/api:v2.0.0",
        "acme/api:v2.0.0-dev",
        "acme/api:latest",
    ];
    let table = [
        ("semver", "1.x", "", "acme/api:v1.0.0"),
        ("semver", "2.x", "", "acme/api:v2.0.0"),
        ("semver", "3.x", "", "acme/api:v1.0.0"),
        ("semver", "", "", "acme/api:v1.0.0"),
        ("semver", "2.x-0", "regexp:-dev$", "acme/api:v2.0.0-dev"),
        ("alphabetical", "", "regexp:^l", "acme/api:latest"),
        ("alphabetical", "", "regexp:^nothing", "acme/api:v1.0.0"),
    ];
    for (strategy, constraint, allow, expected) in table {
        let policy = policy(strategy, constraint, allow);
        assert_eq!(
            found(&texts, "acme/api", None, &policy).as_deref(),
            Some(expected),
            "{strategy} {constraint} {allow}"
        );
    }
    assert_eq!(
        found(&["acme/api"], "acme/api", None, &policy("semver", "1.x", "")).as_deref(),
        Some("acme/api")
    );
}

#[test]
fn a_followed_tag_is_compared_with_a_stale_image_first() {
    let policy = policy("digest", "main", "");
    let fresh = Digest::of(b"fresh");
    let stale = Digest::of(b"stale");
    let facts = TagFacts {
        digest: fresh,
        created: None,
        labels: std::collections::BTreeMap::new(),
    };
    let candidate = Candidate {
        tag: TagName::new("main").unwrap(),
        digest: Some(fresh),
        facts: Some(Arc::new(facts)),
        note: None,
    };
    let image = ImageRef::parse("api:main").unwrap();
    let table: [(Vec<String>, usize); 6] = [
        (vec![format!("api:main@{fresh}"), format!("api:main@{stale}")], 1),
        (vec![format!("api:main@{fresh}"), "api:main".to_owned()], 1),
        (vec![format!("api:dev@{stale}"), format!("api:main@{fresh}")], 1),
        (vec![format!("api:dev@{fresh}"), format!("api@{stale}")], 1),
        (vec![format!("api:dev@{fresh}"), format!("api@{fresh}")], 0),
        (vec!["api:dev".to_owned(), "api:next".to_owned()], 0),
    ];
    for (texts, expected) in table {
        let all = LiveImages::parse(&texts);
        let found = all.find(&image, None, &policy, Some(&candidate)).unwrap();
        assert_eq!(found.text, texts[expected], "{texts:?}");
    }
}

#[test]
fn what_cannot_be_read_is_kept_aside() {
    let all = live(&["https://r.test/api:1", "", "acme/api:1"]);
    assert_eq!(all.iter().count(), 1);
    assert_eq!(all.unreadable().len(), 2);
}

#[test]
fn every_running_version_that_fits_counts_and_none_that_another_alias_follows() {
    let texts = [
        "acme/api:v1.0.0",
        "acme/api:v1.9.0",
        "acme/api:v2.0.0",
        "acme/web:v1.5.0",
        "acme/api:latest",
        "acme/api",
    ];
    let image = ImageRef::parse("acme/api").unwrap();
    let table = [
        ("semver", "1.x", "", None, &["v1.0.0", "v1.9.0"][..]),
        ("semver", "2.x", "", None, &["v2.0.0"]),
        ("semver", "3.x", "", None, &[]),
        ("semver", "1.x", "regexp:0[.]0$", None, &["v1.0.0"]),
        ("semver", "1.x", "", Some("acme/web"), &["v1.5.0"]),
        ("digest", "latest", "", None, &[]),
    ];
    for (strategy, constraint, allow, renamed, expected) in table {
        let admitted = live(&texts).admitted(&image, renamed, &policy(strategy, constraint, allow));
        let tags: Vec<_> = admitted.iter().map(|version| version.tag.as_str()).collect();
        assert_eq!(tags, expected, "{strategy} {constraint} {allow}");
    }
}
