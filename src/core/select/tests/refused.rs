//! What the registry does not show: a fact of one tag, or a fault of the credentials.

use super::{super::select, *};
use crate::core::strategy::PolicyOptions;

fn refuses() -> Known {
    Known::Refused("403 Forbidden".to_owned())
}

fn choose(policy: &Policy, live: Option<&ImageVersion>, tags: &[&str], known: &Knowledge) -> Outcome {
    select(policy, &situation(live), &list(tags), TagOrder::None, known)
}

fn picked(outcome: Outcome) -> Result<String, Verdict> {
    match outcome {
        Outcome::Decided(decision) => decision.picked.map(|candidate| candidate.tag.to_string()),
        Outcome::Need(questions) => panic!("{questions:?}"),
    }
}

#[test]
fn one_refused_tag_is_passed_over_and_all_refused_tags_hold_the_decision() {
    let newest = policy("newest-build", "");
    let one = knowledge(&[("a", created(Some(1))), ("b", refuses())]);
    assert_eq!(picked(choose(&newest, None, &["a", "b"], &one)).unwrap(), "a");
    let all = knowledge(&[("a", refuses()), ("b", refuses())]);
    let verdict = picked(choose(&newest, None, &["a", "b"], &all)).unwrap_err();
    assert_eq!(verdict.reason, Reason::MetadataUnavailable);
    assert_eq!(
        verdict.message,
        "0 of 2 read, so nothing is decided yet; a: 403 Forbidden"
    );
}

#[test]
fn whether_another_tag_can_be_read_is_found_out_on_the_way_down() {
    let pinning = Policy::parse(
        StrategyKind::Numerical,
        "",
        PolicyOptions {
            pin_digest: true,
            ..PolicyOptions::default()
        },
    )
    .unwrap();
    let best = knowledge(&[("3", refuses())]);
    let next = Outcome::Need(vec![Question::Facts(tag("2"))]);
    assert_eq!(choose(&pinning, None, &["1", "2", "3"], &best), next);
    let both = knowledge(&[("3", refuses()), ("2", created(None))]);
    assert_eq!(picked(choose(&pinning, None, &["1", "2", "3"], &both)).unwrap(), "2");
    let all = knowledge(&[("3", refuses()), ("2", refuses()), ("1", refuses())]);
    let verdict = picked(choose(&pinning, None, &["1", "2", "3"], &all)).unwrap_err();
    assert_eq!(verdict.reason, Reason::MetadataUnavailable);
}

#[test]
fn a_running_tag_is_read_when_only_it_can_tell_a_bad_tag_from_bad_credentials() {
    let aged = Policy::parse(
        StrategyKind::Numerical,
        "",
        PolicyOptions {
            minimum_age: Some(std::time::Duration::from_mins(1)),
            ..PolicyOptions::default()
        },
    )
    .unwrap();
    let live = running("1");
    let known = knowledge(&[("2", refuses())]);
    let question = Outcome::Need(vec![Question::Facts(tag("1"))]);
    assert_eq!(choose(&aged, Some(&live), &["1", "2"], &known), question);
    let known = knowledge(&[("2", refuses()), ("1", created(None))]);
    assert_eq!(picked(choose(&aged, Some(&live), &["1", "2"], &known)).unwrap(), "1");
    let known = knowledge(&[("2", refuses()), ("1", refuses())]);
    let verdict = picked(choose(&aged, Some(&live), &["1", "2"], &known)).unwrap_err();
    assert_eq!(verdict.reason, Reason::MetadataUnavailable);
}

#[test]
fn what_was_read_is_kept_for_the_next_decision_and_what_failed_is_asked_again() {
    let known = knowledge(&[
        ("a", created(Some(1))),
        ("b", Known::Excluded("gone".to_owned())),
        ("c", refuses()),
        ("d", Known::Failed(Verdict::new(Reason::RateLimited, "wait"))),
    ]);
    let newest = policy("newest-build", "");
    let Outcome::Decided(decision) = choose(&newest, None, &["a", "b", "c", "d", "e"], &{
        let mut all = known.clone();
        all.insert(tag("e"), created(Some(2)));
        all
    }) else {
        panic!("it asks")
    };
    assert!(decision.unfinished);
    assert!(
        decision.picked.unwrap_err().message.starts_with("4 of 5 read"),
        "one of five failed"
    );
    let next = choose(&newest, None, &["a", "b", "c", "d"], &known.kept());
    assert_eq!(
        next,
        Outcome::Need(vec![Question::Facts(tag("c")), Question::Facts(tag("d"))])
    );
}
