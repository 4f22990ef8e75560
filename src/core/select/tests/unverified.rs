//! Tags that are not signed as they have to be are passed over, but never to below what runs.

use super::*;

const WHY: &str = "it is not signed";

/// What is picked, or the reason; and what is said about it.
fn picked(policy: &Policy, situation: &Situation<'_>, tags: &[&str], known: &Knowledge) -> (String, String) {
    match super::super::select(policy, situation, &list(tags), TagOrder::None, known) {
        Outcome::Decided(decision) => match decision.picked {
            Ok(candidate) => (candidate.tag.to_string(), candidate.note.unwrap_or_default()),
            Err(verdict) => (verdict.reason.to_string(), verdict.message),
        },
        Outcome::Need(questions) => panic!("{questions:?}"),
    }
}

fn without<'a>(live: Option<&'a ImageVersion>, unverified: &[&str]) -> Situation<'a> {
    Situation {
        unverified: unverified.iter().map(|name| (tag(name), WHY.to_owned())).collect(),
        ..situation(live)
    }
}

#[test]
fn the_best_tag_that_is_not_known_to_be_unsigned_is_picked() {
    let tags = ["1.0.0", "1.1.0", "1.2.0", "1.3.0"];
    let live = running("1.0.0");
    for (unverified, expected, note) in [
        (&[][..], "1.3.0", ""),
        (&["1.3.0"], "1.2.0", "1.3.0 is not verified: it is not signed"),
        (
            &["1.3.0", "1.2.0"],
            "1.1.0",
            "1.3.0 is not verified: it is not signed; nor is one more tag",
        ),
        (
            &["1.3.0", "1.2.0", "1.1.0"],
            "1.0.0",
            "1.3.0 is not verified: it is not signed; nor are 2 more tags",
        ),
        // One that is no candidate is not told.
        (&["2.0.0"], "1.3.0", ""),
    ] {
        let situation = without(Some(&live), unverified);
        let found = picked(&policy("semver", "1.x"), &situation, &tags, &Knowledge::default());
        assert_eq!(found, (expected.to_owned(), note.to_owned()), "{unverified:?}");
    }
}

#[test]
fn what_stands_below_a_running_tag_that_is_not_signed_is_never_picked() {
    let live = running("1.1.0");
    let tags = ["1.0.0", "1.1.0", "1.2.0"];
    for unverified in [&["1.1.0", "1.2.0"][..], &["1.0.0", "1.1.0", "1.2.0"]] {
        let situation = without(Some(&live), unverified);
        let (reason, message) = picked(&policy("semver", "1.x"), &situation, &tags, &Knowledge::default());
        assert_eq!(reason, "NotVerified", "{unverified:?}");
        assert_eq!(message, "1.2.0 is not verified: it is not signed; nor is one more tag");
    }
}

#[test]
fn a_written_tag_that_is_not_signed_is_not_replaced_by_a_lower_one() {
    let (live, written) = (running("1.0.0"), running("1.2.0"));
    let situation = Situation {
        written: Some(&written),
        ..without(Some(&live), &["1.2.0"])
    };
    let tags = ["1.0.0", "1.1.0", "1.2.0"];
    let (reason, message) = picked(&policy("semver", "1.x"), &situation, &tags, &Knowledge::default());
    assert_eq!(reason, "NotVerified");
    assert!(message.contains("1.2.0 is written"), "{message}");
    assert!(message.contains("it is not verified: it is not signed"), "{message}");
}

#[test]
fn with_nothing_signed_nothing_is_picked_and_the_reason_is_the_signatures() {
    for (strategy, tags) in [("semver", &["1.0.0", "1.1.0"][..]), ("alphabetical", &["a", "b"])] {
        let situation = without(None, tags);
        let (reason, _) = picked(&policy(strategy, ""), &situation, tags, &Knowledge::default());
        assert_eq!(reason, "NotVerified", "{strategy}");
    }
}

#[test]
fn a_tag_that_is_not_signed_is_not_asked_about_again() {
    let mut known = Knowledge::default();
    known.insert(tag("1.1.0"), created(Some(1)));
    let options = crate::core::strategy::PolicyOptions {
        pin_digest: true,
        ..Default::default()
    };
    let pinning = Policy::parse(StrategyKind::Semver, "", options).unwrap();
    let (picked, _) = picked(&pinning, &without(None, &["1.2.0"]), &["1.1.0", "1.2.0"], &known);
    assert_eq!(picked, "1.1.0");
}

#[test]
fn the_tags_of_signatures_are_no_versions_and_nobody_asks_about_them() {
    let signature = format!("sha256-{}.sig", "0a".repeat(32));
    let tags = ["a", "b", signature.as_str()];
    let none = Knowledge::default();
    for (allow, expected) in [("", "b"), ("regexp:^sha256-", signature.as_str())] {
        let alphabetical = filtered("alphabetical", "", allow, &[]);
        let (found, _) = picked(&alphabetical, &without(None, &[]), &tags, &none);
        assert_eq!(found, expected, "{allow}");
    }
    let newest = super::super::select(
        &policy("newest-build", ""),
        &situation(None),
        &list(&tags),
        TagOrder::None,
        &none,
    );
    let asked = ["a", "b"].map(|name| Question::Facts(tag(name)));
    assert_eq!(newest, Outcome::Need(asked.to_vec()));
}

#[test]
fn the_story_tells_which_tags_were_passed_over_and_keeps_their_places() {
    let live = running("1.0.0");
    let situation = without(Some(&live), &["1.3.0", "1.2.0"]);
    let tags = list(&["1.0.0", "1.1.0", "1.2.0", "1.3.0", "2.0.0"]);
    let stories = super::super::explain(
        &policy("semver", "1.x"),
        &situation,
        &tags,
        TagOrder::None,
        &Knowledge::default(),
    );
    let told: Vec<_> = stories
        .iter()
        .map(|story| format!("{} {}", story.tag, story.fate))
        .collect();
    assert_eq!(
        told[..4],
        [
            "1.3.0 not verified: it is not signed",
            "1.2.0 not verified: it is not signed",
            "1.1.0 chosen",
            "1.0.0 number 4 in order",
        ]
    );
}
