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
            dates: remembered.map(|date| (tag("b"), date)).into_iter().collect(),
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
        dates: BTreeMap::from([(tag("b"), Timestamp::from_second(9).unwrap())]),
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

/// What is told of a pick among `listed`: live is the first of `live`, and all of them run.
fn among(
    policy: &Policy,
    live: &[&str],
    written: Option<&str>,
    listed: &[&str],
    known: &Knowledge,
) -> (String, String) {
    let beside: Vec<_> = live.iter().map(|tag| running(tag)).collect();
    let written = written.map(running);
    let situation = Situation {
        beside: &beside,
        written: written.as_ref(),
        ..situation(beside.first())
    };
    told(decided(policy, &situation, listed, TagOrder::None, known))
}

#[test]
fn the_highest_of_several_running_tags_is_not_taken_back() {
    let none = Knowledge::default();
    let allowed = with("semver", "1.x", |options| options.allow_downgrade = true);
    let semver = policy("semver", "1.x");
    let table: [(&Policy, &[&str], &[&str], &str); 8] = [
        (&semver, &["v1.0.0", "v1.9.0"], &["v1.0.0", "v1.1.0"], "WouldDowngrade"),
        (&semver, &["v1.9.0", "v1.0.0"], &["v1.0.0", "v1.1.0"], "WouldDowngrade"),
        (&semver, &["v1.0.0", "v1.9.0"], &["v1.0.0"], "WouldDowngrade"),
        (&semver, &["v1.0.0", "v1.0.5", "v1.9.0"], &["v1.1.0"], "WouldDowngrade"),
        (&semver, &["v1.0.0", "v1.9.0"], &["v1.0.0", "v1.10.0"], "v1.10.0"),
        (&semver, &["v1.0.0", "v2.0.0"], &["v1.0.0", "v1.1.0"], "v1.1.0"),
        (&semver, &["v1.0.0", "v1.1.0"], &["v1.0.0", "v1.1.0"], "v1.1.0"),
        (&allowed, &["v1.0.0", "v1.9.0"], &["v1.0.0", "v1.1.0"], "v1.1.0"),
    ];
    for (policy, live, listed, expected) in table {
        let (got, _) = among(policy, live, None, listed, &none);
        assert_eq!(got, expected, "{live:?} {listed:?}");
    }
    let (_, words) = among(&semver, &["v1.0.0", "v1.9.0"], None, &["v1.1.0"], &none);
    assert_eq!(
        words,
        "v1.9.0 runs and ranks higher than v1.1.0, the best that can be used, but the registry does not list it any more"
    );
}

#[test]
fn a_tag_that_is_written_and_does_not_run_yet_is_not_taken_back() {
    let none = Knowledge::default();
    let allowed = with("numerical", "", |options| options.allow_downgrade = true);
    let numerical = policy("numerical", "");
    let table: [(&Policy, &str, &[&str], &str); 6] = [
        (&numerical, "9", &["1", "2"], "WouldDowngrade"),
        (&numerical, "9", &["1"], "WouldDowngrade"),
        (&numerical, "9", &["1", "10"], "10"),
        (&numerical, "2", &["1", "2"], "2"),
        (&numerical, "main", &["1", "2"], "2"),
        (&allowed, "9", &["1", "2"], "2"),
    ];
    for (policy, written, listed, expected) in table {
        let (got, _) = among(policy, &["1"], Some(written), listed, &none);
        assert_eq!(got, expected, "{written} {listed:?}");
    }
    let (_, words) = among(&numerical, &["1"], Some("9"), &["2"], &none);
    assert_eq!(
        words,
        "9 is written, does not run yet and ranks higher than 2, the best that can be used, \
         but the registry does not list it any more"
    );
}

#[test]
fn newest_build_compares_every_lost_tag_by_its_own_date() {
    let policy = policy("newest-build", "");
    let known = knowledge(&[("a", created(Some(5))), ("b", created(Some(6)))]);
    let beside = [running("a"), running("c")];
    let written = running("d");
    for (lost, date, expected) in [
        ("c", 7, "WouldDowngrade"),
        ("c", 5, "b"),
        ("d", 7, "WouldDowngrade"),
        ("d", 5, "b"),
    ] {
        let situation = Situation {
            beside: &beside,
            written: Some(&written),
            dates: BTreeMap::from([(tag(lost), Timestamp::from_second(date).unwrap())]),
            ..situation(beside.first())
        };
        let (got, _) = told(decided(&policy, &situation, &["a", "b"], TagOrder::None, &known));
        assert_eq!(got, expected, "{lost} {date}");
    }
}

#[test]
fn of_equal_running_tags_the_one_that_is_replaced_is_kept() {
    let semver = policy("semver", "");
    for live in [["1.20", "v1.20.0"], ["v1.20.0", "1.20"]] {
        let (got, _) = among(
            &semver,
            &live,
            None,
            &["1.20", "1.20.0", "v1.20.0"],
            &Knowledge::default(),
        );
        assert_eq!(got, live[0]);
    }
    let (got, _) = among(
        &semver,
        &["1.19", "1.20"],
        None,
        &["1.20", "v1.20.0"],
        &Knowledge::default(),
    );
    assert_eq!(got, "1.20");
}
