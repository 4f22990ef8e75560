//! What runs is not replaced by less.

use super::{super::select, *};
use crate::core::strategy::{Extract, PolicyOptions, SortOrder};

fn with(strategy: &str, constraint: &str, change: impl FnOnce(&mut PolicyOptions)) -> Policy {
    let mut options = PolicyOptions::default();
    change(&mut options);
    Policy::parse(StrategyKind::parse(strategy).0, constraint, options).unwrap()
}

fn decided(policy: &Policy, situation: &Situation<'_>, tags: &[&str], order: TagOrder, known: &Knowledge) -> Decision {
    match select(policy, situation, &list(tags), order, known) {
        Outcome::Decided(decision) => decision,
        Outcome::Need(questions) => panic!("{questions:?}"),
    }
}

/// The tag, or the reason; and the note or message.
fn told(decision: Decision) -> (String, String) {
    match decision.picked {
        Ok(candidate) => (candidate.tag.to_string(), candidate.note.unwrap_or_default()),
        Err(verdict) => (verdict.reason.to_string(), verdict.message),
    }
}

#[test]
fn a_running_tag_that_the_registry_lost_is_not_taken_back() {
    let extracting = |options: &mut PolicyOptions| options.extract = Some(Extract::compile("^b-([0-9]+)$").unwrap());
    let descending = |options: &mut PolicyOptions| options.order = SortOrder::Desc;
    let table: [(Policy, &str, &[&str], &str); 13] = [
        (
            policy("semver", "1.x"),
            "v1.3.0",
            &["v1.1.0", "v1.2.0"],
            "WouldDowngrade",
        ),
        (policy("semver", ""), "2.0.0", &["1.0.0"], "WouldDowngrade"),
        (policy("semver", "1.x"), "v1.3.0", &["v1.2.0", "v1.4.0"], "v1.4.0"),
        (policy("semver", "1.x"), "v2.0.0", &["v1.2.0"], "v1.2.0"),
        (policy("semver", "1.x"), "latest", &["v1.2.0"], "v1.2.0"),
        (policy("semver", ""), "v1.2.0", &["1.2"], "1.2"),
        (policy("alphabetical", ""), "c", &["a", "b"], "WouldDowngrade"),
        (policy("alphabetical", ""), "a", &["b"], "b"),
        (with("alphabetical", "", descending), "a", &["b"], "WouldDowngrade"),
        (policy("numerical", ""), "226", &["26", "199"], "WouldDowngrade"),
        (policy("numerical", ""), "26", &["226"], "226"),
        (
            with("numerical", "", extracting),
            "b-10",
            &["b-9", "10"],
            "WouldDowngrade",
        ),
        (
            with("numerical", "", |o| o.allow_downgrade = true),
            "226",
            &["26"],
            "26",
        ),
    ];
    for (policy, tag, listed, expected) in table {
        let live = running(tag);
        let none = Knowledge::default();
        for order in [TagOrder::None, TagOrder::LatestFirst, TagOrder::LatestLast] {
            let (got, words) = told(decided(&policy, &situation(Some(&live)), listed, order, &none));
            assert_eq!(got, expected, "{policy:?} {tag}");
            assert!(words.contains("the registry does not list it any more"), "{words}");
        }
    }
}

#[test]
fn newest_build_compares_a_lost_tag_by_the_date_that_is_remembered() {
    let policy = policy("newest-build", "");
    let known = knowledge(&[("a", created(Some(5)))]);
    let live = running("b");
    let at = |second| Some(Timestamp::from_second(second).unwrap());
    for (remembered, expected) in [(at(6), "WouldDowngrade"), (at(5), "a"), (at(4), "a"), (None, "a")] {
        let situation = Situation {
            live_created: remembered,
            ..situation(Some(&live))
        };
        let (got, words) = told(decided(&policy, &situation, &["a"], TagOrder::None, &known));
        assert_eq!(got, expected, "{remembered:?}");
        assert!(words.contains("the registry does not list it any more"), "{words}");
        // A place in a sorted list is nothing that a lost tag has.
        let (got, _) = told(decided(&policy, &situation, &["a"], TagOrder::LatestFirst, &known));
        assert_eq!(got, "a");
    }
}

#[test]
fn a_listed_tag_that_cannot_be_used_any_more_is_compared_like_a_lost_one() {
    let live = running("b");
    let known = knowledge(&[
        ("a", created(Some(5))),
        ("b", Known::Excluded("it has no image for linux/amd64".to_owned())),
    ]);
    let situation = Situation {
        live_created: Some(Timestamp::from_second(9).unwrap()),
        ..situation(Some(&live))
    };
    let newest = policy("newest-build", "");
    let (got, words) = told(decided(&newest, &situation, &["a", "b"], TagOrder::None, &known));
    assert_eq!(got, "WouldDowngrade");
    assert_eq!(
        words,
        "b runs and ranks higher than a, the best that can be used, but it cannot be used any more: \
         it has no image for linux/amd64"
    );
    let pinning = with("alphabetical", "", |options| options.pin_digest = true);
    let (got, _) = told(decided(&pinning, &situation, &["a", "b"], TagOrder::None, &known));
    assert_eq!(got, "WouldDowngrade");
    let allowed = with("alphabetical", "", |options| {
        options.pin_digest = true;
        options.allow_downgrade = true;
    });
    let (got, words) = told(decided(&allowed, &situation, &["a", "b"], TagOrder::None, &known));
    assert_eq!(got, "a");
    assert!(words.contains("it cannot be used any more"), "{words}");
}

#[test]
fn a_running_tag_that_is_listed_needs_no_note() {
    let live = running("1.0.0");
    let decision = decided(
        &policy("semver", ""),
        &situation(Some(&live)),
        &["1.0.0", "1.1.0"],
        TagOrder::None,
        &Knowledge::default(),
    );
    assert_eq!(told(decision), ("1.1.0".to_owned(), String::new()));
}
