//! A digest is written behind the tag, and belongs to this decision.

use super::{super::select, *};
use crate::core::strategy::PolicyOptions;

fn pinning(strategy: &str) -> Policy {
    let options = PolicyOptions {
        pin_digest: true,
        ..PolicyOptions::default()
    };
    Policy::parse(StrategyKind::parse(strategy).0, "", options).unwrap()
}

fn facts(digest: &str) -> Known {
    Known::Facts(Arc::new(TagFacts {
        digest: Digest::of(digest.as_bytes()),
        created: None,
        labels: BTreeMap::new(),
    }))
}

fn choose(policy: &Policy, live: Option<&ImageVersion>, tags: &[&str], known: &Knowledge) -> Outcome {
    select(policy, &situation(live), &list(tags), TagOrder::None, known)
}

fn version(outcome: Outcome) -> ImageVersion {
    match outcome {
        Outcome::Decided(Decision { picked, .. }) => picked.unwrap().version(),
        Outcome::Need(questions) => panic!("{questions:?}"),
    }
}

fn asks(tag_name: &str) -> Outcome {
    Outcome::Need(vec![Question::Facts(tag(tag_name))])
}

#[test]
fn every_strategy_asks_for_the_digest_of_its_best_tag_only_and_writes_it() {
    for (strategy, tags, best) in [
        ("semver", ["1.2.0", "1.10.0"], "1.10.0"),
        ("alphabetical", ["b", "a"], "b"),
        ("numerical", ["226", "26"], "226"),
    ] {
        let policy = pinning(strategy);
        assert_eq!(
            choose(&policy, None, &tags, &Knowledge::default()),
            asks(best),
            "{strategy}"
        );
        let known = knowledge(&[(best, facts("one"))]);
        let picked = version(choose(&policy, None, &tags, &known));
        assert_eq!(
            picked,
            ImageVersion {
                tag: best.to_owned(),
                digest: Digest::of(b"one").to_string(),
            }
        );
    }
}

#[test]
fn a_digest_is_never_taken_from_an_earlier_decision() {
    let kept = knowledge(&[("a", created(Some(1))), ("b", created(Some(2)))]).kept();
    let policy = pinning("newest-build");
    assert_eq!(choose(&policy, None, &["a", "b"], &kept), asks("b"));
    let mut known = kept;
    known.insert(tag("b"), created(Some(3)));
    assert_eq!(version(choose(&policy, None, &["a", "b"], &known)).tag, "b");
    let mut moved = known.kept();
    moved.insert(tag("b"), created(Some(0)));
    // What was learned about it now puts another one first, which has to be asked as well.
    assert_eq!(choose(&policy, None, &["a", "b"], &moved), asks("a"));
}

#[test]
fn the_running_tag_is_pinned_too_and_follows_its_digest() {
    let policy = pinning("semver");
    let live = running("1.0.0");
    assert_eq!(
        choose(&policy, Some(&live), &["1.0.0"], &Knowledge::default()),
        asks("1.0.0")
    );
    let known = knowledge(&[("1.0.0", facts("one"))]);
    let picked = version(choose(&policy, Some(&live), &["1.0.0"], &known));
    assert_eq!(picked.digest, Digest::of(b"one").to_string());
    assert_eq!(version(choose(&policy, Some(&picked), &["1.0.0"], &known)), picked);
}

#[test]
fn a_best_tag_without_a_usable_image_leaves_its_place_to_the_next() {
    let known = knowledge(&[("2", Known::Excluded("it is gone".to_owned()))]);
    let policy = pinning("numerical");
    assert_eq!(choose(&policy, None, &["1", "2"], &known), asks("1"));
    let failed = knowledge(&[("2", Known::Failed(Verdict::new(Reason::RateLimited, "wait")))]);
    let Outcome::Decided(decision) = choose(&policy, None, &["1", "2"], &failed) else {
        panic!("it asks")
    };
    let verdict = decision.picked.unwrap_err();
    assert_eq!(
        verdict.message,
        "0 of 1 read, so nothing is decided yet; 2: RateLimited: wait"
    );
    assert!(decision.unfinished && decision.waiting.is_none());
}
