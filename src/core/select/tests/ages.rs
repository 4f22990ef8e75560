//! `minimumAge`: the walk from the best tag down.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{super::select, *};
use crate::{api::v1alpha1::PendingTag, core::strategy::PolicyOptions};

/// 2026-01-10T00:00:00Z.
const NOW: i64 = 1_768_003_200;
const HOUR: i64 = 3600;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn hours_ago(hours: i64) -> i64 {
    NOW - hours * HOUR
}

/// Three days.
fn aged(strategy: &str, constraint: &str, pin_digest: bool) -> Policy {
    let options = PolicyOptions {
        minimum_age: Some(Duration::from_hours(72)),
        pin_digest,
        ..PolicyOptions::default()
    };
    Policy::parse(StrategyKind::parse(strategy).0, constraint, options).unwrap()
}

fn seen(entries: &[(&str, i64)]) -> FirstSeen {
    let pending: Vec<_> = entries
        .iter()
        .map(|(tag, hours)| PendingTag {
            image: "shop".to_owned(),
            tag: (*tag).to_owned(),
            first_seen: Time(at(NOW - hours * HOUR)),
        })
        .collect();
    FirstSeen::of("shop", &pending)
}

/// Decides over a registry, and tells what was asked, in order.
fn decide(
    policy: &Policy,
    live: Option<&ImageVersion>,
    first_seen: FirstSeen,
    registry: &[(&str, Known)],
) -> (Decision, Vec<String>) {
    let situation = Situation {
        live,
        first_seen,
        ..Situation::at(at(NOW))
    };
    let tags: Vec<_> = registry.iter().map(|(name, _)| *name).collect();
    let answers = knowledge(registry);
    let mut known = Knowledge::default();
    let mut asked = Vec::new();
    loop {
        match select(policy, &situation, &list(&tags), TagOrder::None, &known) {
            Outcome::Decided(decision) => return (decision, asked),
            Outcome::Need(questions) => {
                for Question::Facts(tag) in questions {
                    known.insert(tag.clone(), answers.get(&tag).unwrap().clone());
                    asked.push(tag.to_string());
                }
            }
        }
    }
}

fn tag_or_reason(decision: &Decision) -> String {
    match &decision.picked {
        Ok(candidate) => candidate.tag.to_string(),
        Err(verdict) => verdict.reason.to_string(),
    }
}

fn waiting(decision: &Decision) -> Vec<(&str, i64)> {
    let all = decision.waiting.iter().flatten();
    all.map(|waiting| (waiting.tag.as_str(), (NOW - waiting.since.as_second()) / HOUR))
        .collect()
}

#[test]
fn a_mature_tag_above_the_running_one_is_picked_and_younger_ones_wait() {
    let registry = [
        ("1", created(Some(hours_ago(900)))),
        ("2", created(Some(hours_ago(100)))),
        ("3", created(Some(hours_ago(71)))),
        ("4", created(Some(hours_ago(1)))),
    ];
    let (decision, asked) = decide(
        &aged("numerical", "", false),
        Some(&running("1")),
        FirstSeen::default(),
        &registry,
    );
    assert_eq!(tag_or_reason(&decision), "2");
    assert_eq!(asked, ["4", "3", "2"], "from the best one down, and no further");
    assert_eq!(waiting(&decision), [("4", 1), ("3", 71)]);
    assert!(!decision.unfinished);
}

#[test]
fn nothing_old_enough_above_the_running_tag_is_too_young_and_the_running_one_is_not_asked() {
    let registry = [
        ("1", created(Some(hours_ago(900)))),
        ("2", created(Some(hours_ago(1)))),
        ("3", created(Some(hours_ago(71)))),
        ("4", created(Some(NOW - 5 * HOUR - 60))),
    ];
    let (decision, asked) = decide(
        &aged("numerical", "", false),
        Some(&running("2")),
        FirstSeen::default(),
        &registry,
    );
    assert_eq!(asked, ["4", "3"]);
    let verdict = decision.picked.unwrap_err();
    assert_eq!(verdict.reason, Reason::TooYoung);
    assert_eq!(
        verdict.message,
        "4 is 5h1m old and has to be 72h old, which it is at 2026-01-12T18:59:00Z; 1 more tags are too young"
    );
}

#[test]
fn the_running_tag_is_kept_without_asking_when_nothing_is_above_it() {
    let registry = [("1", created(Some(hours_ago(1))))];
    let (decision, asked) = decide(
        &aged("semver", "", false),
        Some(&running("1")),
        FirstSeen::default(),
        &registry,
    );
    assert_eq!((tag_or_reason(&decision).as_str(), asked.len()), ("1", 0));
    assert_eq!(decision.waiting, Some(Vec::new()));
}

#[test]
fn dates_before_2010_and_in_the_future_count_from_first_seen() {
    for date in [None, Some(0), Some(1_262_304_000), Some(NOW + HOUR)] {
        let registry = [("1", created(date))];
        for (first_seen, expected, since) in [
            (FirstSeen::default(), "TooYoung", &[("1", 0)][..]),
            (seen(&[("1", 71)]), "TooYoung", &[("1", 71)]),
            (seen(&[("1", 72)]), "1", &[]),
            (seen(&[("1", -5)]), "TooYoung", &[("1", 0)]),
        ] {
            let (decision, _) = decide(&aged("numerical", "", false), None, first_seen, &registry);
            assert_eq!(tag_or_reason(&decision), expected, "{date:?}");
            assert_eq!(waiting(&decision), since, "{date:?}");
        }
    }
}

#[test]
fn what_is_known_to_be_too_young_costs_nothing_and_what_should_be_old_enough_is_confirmed() {
    let registry = [
        ("1", created(Some(hours_ago(900)))),
        ("2", created(None)),
        ("3", created(Some(hours_ago(2)))),
        ("4", created(None)),
    ];
    let first_seen = seen(&[("2", 80), ("3", 99), ("4", 3)]);
    let (decision, asked) = decide(&aged("numerical", "", false), None, first_seen, &registry);
    assert_eq!(asked, ["3", "2"]);
    assert_eq!(tag_or_reason(&decision), "2");
    assert_eq!(waiting(&decision), [("4", 3), ("3", 2)], "3 was pushed again meanwhile");
}

#[test]
fn twenty_tags_are_read_at_most_and_the_next_cycle_goes_on_below_them() {
    let names: Vec<_> = (0..50).map(|n| n.to_string()).collect();
    let date = |n: usize| created(Some(if n < 3 { hours_ago(100) } else { hours_ago(1) }));
    let registry: Vec<_> = names
        .iter()
        .enumerate()
        .map(|(n, name)| (name.as_str(), date(n)))
        .collect();
    let policy = aged("numerical", "", false);
    let mut first_seen = FirstSeen::default();
    for (asks, expected) in [(20, "TooYoung"), (20, "TooYoung"), (8, "2")] {
        let (decision, asked) = decide(&policy, Some(&running("0")), first_seen, &registry);
        assert_eq!((asked.len(), tag_or_reason(&decision).as_str()), (asks, expected));
        first_seen = seen(&waiting(&decision));
    }
}

#[test]
fn reading_too_much_keeps_the_times_of_tags_that_were_not_reached() {
    let names: Vec<_> = (0..50).map(|n| n.to_string()).collect();
    let registry: Vec<_> = names.iter().map(|name| (name.as_str(), created(None))).collect();
    let (decision, _) = decide(&aged("numerical", "", false), None, seen(&[("7", 50)]), &registry);
    assert!(decision.unfinished);
    assert!(waiting(&decision).contains(&("7", 50)));
    assert_eq!(waiting(&decision).len(), 21);
    let verdict = decision.picked.unwrap_err();
    assert_eq!(verdict.reason, Reason::TooYoung);
    assert!(
        verdict
            .message
            .ends_with("29 tags were not looked at, since one decision reads at most 20; the next one goes on"),
        "{}",
        verdict.message
    );
}

#[test]
fn where_nobody_goes_on_a_decision_reads_more_and_tells_what_it_left() {
    let names: Vec<_> = (0..600).map(|n| n.to_string()).collect();
    let tags: Vec<_> = names.iter().map(String::as_str).collect();
    let policy = aged("numerical", "", false);
    let situation = Situation {
        reads: ReadLimit::AtOnce,
        ..Situation::at(at(NOW))
    };
    for (old, asks, expected) in [(550, 50, "550"), (100, 500, "100"), (99, 500, "TooYoung")] {
        let (mut known, mut asked) = (Knowledge::default(), 0);
        let decision = loop {
            match select(&policy, &situation, &list(&tags), TagOrder::None, &known) {
                Outcome::Decided(decision) => break decision,
                Outcome::Need(questions) => {
                    for Question::Facts(tag) in questions {
                        let young = tag.as_str().parse::<i64>().unwrap() > old;
                        known.insert(tag, created(Some(hours_ago(if young { 1 } else { 100 }))));
                        asked += 1;
                    }
                }
            }
        };
        let expected_end = "100 tags were not looked at, since one decision reads at most 500";
        assert_eq!((asked, tag_or_reason(&decision).as_str()), (asks, expected), "{old}");
        if let Err(verdict) = decision.picked {
            assert!(verdict.message.ends_with(expected_end), "{}", verdict.message);
        }
    }
}

#[test]
fn with_a_digest_every_new_digest_waits_for_itself() {
    let one = Digest::of(b"image");
    let two = Digest::of(b"older");
    let at_digest = |digest: Digest| format!("main@{digest}");
    let policy = aged("digest", "main", false);
    let registry = [("main", created(None))];
    let live = |digest: Digest| ImageVersion {
        tag: "main".to_owned(),
        digest: digest.to_string(),
    };
    let (decision, _) = decide(&policy, Some(&live(two)), seen(&[(&at_digest(two), 90)]), &registry);
    assert_eq!(tag_or_reason(&decision), "TooYoung");
    assert_eq!(waiting(&decision), [(at_digest(one).as_str(), 0)]);
    let (decision, _) = decide(&policy, Some(&live(two)), seen(&[(&at_digest(one), 90)]), &registry);
    assert_eq!(tag_or_reason(&decision), "main");
    let (decision, _) = decide(&policy, Some(&live(one)), FirstSeen::default(), &registry);
    assert_eq!(tag_or_reason(&decision), "main", "what runs needs no age");
    let (decision, _) = decide(&policy, Some(&running("main")), FirstSeen::default(), &registry);
    assert_eq!(
        tag_or_reason(&decision),
        "TooYoung",
        "nobody knows whether this digest runs"
    );
}

#[test]
fn a_young_digest_behind_the_running_tag_is_no_reason_to_go_down() {
    let registry = [("1", created(Some(hours_ago(900)))), ("2", created(Some(hours_ago(1))))];
    let live = ImageVersion {
        tag: "2".to_owned(),
        digest: Digest::of(b"older").to_string(),
    };
    let (decision, asked) = decide(
        &aged("numerical", "", true),
        Some(&live),
        FirstSeen::default(),
        &registry,
    );
    assert_eq!(tag_or_reason(&decision), "TooYoung");
    assert_eq!(asked, ["2"]);
    // The next cycle knows without asking.
    let texts: Vec<_> = decision.waiting.iter().flatten().map(|w| w.tag.clone()).collect();
    let remembered = seen(&[(texts[0].as_str(), 1)]);
    let (decision, asked) = decide(&aged("numerical", "", true), Some(&live), remembered, &registry);
    assert_eq!((tag_or_reason(&decision).as_str(), asked.len()), ("TooYoung", 0));
    assert_eq!(waiting(&decision), [(texts[0].as_str(), 1)]);
}

#[test]
fn newest_build_knows_all_dates_and_asks_nothing_more() {
    let registry = [
        ("a", created(Some(hours_ago(100)))),
        ("b", created(Some(hours_ago(10)))),
        ("c", created(Some(hours_ago(900)))),
    ];
    let (decision, asked) = decide(
        &aged("newest-build", "", false),
        Some(&running("c")),
        FirstSeen::default(),
        &registry,
    );
    assert_eq!(tag_or_reason(&decision), "a");
    assert_eq!(asked.len(), 3);
    assert_eq!(waiting(&decision), [("b", 10)]);
}

#[test]
fn an_age_that_cannot_be_read_holds_the_decision() {
    let failed = Known::Failed(Verdict::new(Reason::RegistryUnavailable, "timeout"));
    let registry = [
        ("1", created(Some(hours_ago(900)))),
        ("2", failed),
        ("3", created(Some(hours_ago(1)))),
    ];
    let (decision, _) = decide(&aged("numerical", "", false), None, FirstSeen::default(), &registry);
    assert_eq!(decision.waiting, None);
    assert_eq!(
        decision.picked.unwrap_err().message,
        "1 of 2 read, so nothing is decided yet; 2: RegistryUnavailable: timeout"
    );
}

#[test]
fn tags_that_wait_say_so_in_their_story() {
    let live = running("1");
    let situation = Situation {
        live: Some(&live),
        first_seen: seen(&[("3", 2)]),
        ..Situation::at(at(NOW))
    };
    let known = knowledge(&[("2", created(Some(hours_ago(71))))]);
    let stories = super::super::explain(
        &aged("numerical", "", false),
        &situation,
        &list(&["0", "1", "2", "3"]),
        TagOrder::None,
        &known,
    );
    let told: Vec<_> = stories.iter().map(|s| (s.tag.as_str(), s.fate.to_string())).collect();
    assert_eq!(
        told,
        [
            (
                "3",
                "too young: 3 is 2h old and has to be 72h old, which it is at 2026-01-12T22:00:00Z".to_owned()
            ),
            (
                "2",
                "too young: 2 is 71h old and has to be 72h old, which it is at 2026-01-10T01:00:00Z".to_owned()
            ),
            ("1", "number 3 in order".to_owned()),
            ("0", "number 4 in order".to_owned()),
        ]
    );
}

#[test]
fn a_young_tag_that_runs_beside_or_is_written_keeps_what_stands_from_going_down() {
    let registry = [
        ("1", created(Some(hours_ago(200)))),
        ("2", created(Some(hours_ago(100)))),
        ("3", created(Some(hours_ago(2)))),
    ];
    let known = knowledge(&registry);
    for (live, written, allow, expected) in [
        (&["1", "3"][..], Some("3"), false, "3"),
        (&["3", "1"], Some("1"), false, "3"),
        (&["1", "3"], Some("1"), false, "TooYoung"),
        (&["1", "3"], None, false, "TooYoung"),
        (&["1", "2"], Some("2"), false, "2"),
        (&["1", "2"], Some("1"), false, "2"),
        (&["2", "1"], Some("2"), false, "TooYoung"),
        (&["1"], Some("3"), false, "WouldDowngrade"),
        (&["1"], Some("3"), true, "2"),
        (&["1"], Some("2"), false, "2"),
    ] {
        let beside: Vec<_> = live.iter().map(|tag| running(tag)).collect();
        let written = written.map(running);
        let situation = Situation {
            live: beside.first(),
            beside: &beside,
            written: written.as_ref(),
            ..Situation::at(at(NOW))
        };
        let options = PolicyOptions {
            minimum_age: Some(Duration::from_hours(72)),
            allow_downgrade: allow,
            ..PolicyOptions::default()
        };
        let policy = Policy::parse(StrategyKind::Numerical, "", options).unwrap();
        let Outcome::Decided(decision) = select(&policy, &situation, &list(&["1", "2", "3"]), TagOrder::None, &known)
        else {
            panic!("everything is known");
        };
        let got = match decision.picked {
            Ok(candidate) => candidate.tag.to_string(),
            Err(verdict) => {
                if verdict.reason == Reason::WouldDowngrade {
                    assert_eq!(
                        verdict.message,
                        "3 is written, does not run yet and ranks higher than 2, the best that can be used, but it is \
                         too young: 3 is 2h old and has to be 72h old, which it is at 2026-01-12T22:00:00Z"
                    );
                }
                verdict.reason.to_string()
            }
        };
        assert_eq!(got, expected, "{live:?} {written:?}");
    }
}
