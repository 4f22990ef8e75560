use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Selection as Outcome, *};
use crate::core::strategy::{Misfit, StrategyKind, TagFilter};

mod ages;
mod downgrade;
mod pinning;
mod properties;
mod refused;
mod unverified;

/// A decision without the rest of it, for policies that are about nothing else.
#[derive(Debug, PartialEq)]
enum Selection {
    Decided(Result<Candidate, Verdict>),
    Need(Vec<Question>),
}

fn situation(live: Option<&ImageVersion>) -> Situation<'_> {
    Situation {
        live,
        ..Situation::at(Timestamp::UNIX_EPOCH)
    }
}

fn select(
    policy: &Policy,
    live: Option<&ImageVersion>,
    tags: &TagList,
    order: TagOrder,
    known: &Knowledge,
) -> Selection {
    match super::select(policy, &situation(live), tags, order, known) {
        Outcome::Decided(decision) => Selection::Decided(decision.picked),
        Outcome::Need(questions) => Selection::Need(questions),
    }
}

fn explain(
    policy: &Policy,
    live: Option<&ImageVersion>,
    tags: &TagList,
    order: TagOrder,
    known: &Knowledge,
) -> Vec<TagStory> {
    super::explain(policy, &situation(live), tags, order, known)
}

fn policy(strategy: &str, constraint: &str) -> Policy {
    filtered(strategy, constraint, "", &[])
}

fn filtered(strategy: &str, constraint: &str, allow: &str, ignore: &[&str]) -> Policy {
    let ignore: Vec<_> = ignore.iter().map(|&pattern| pattern.to_owned()).collect();
    let filter = TagFilter::compile(Some(allow), &ignore).unwrap();
    Policy::parse(StrategyKind::parse(strategy).0, constraint, filter).unwrap()
}

fn tag(text: &str) -> TagName {
    TagName::new(text).unwrap()
}

fn list(tags: &[&str]) -> TagList {
    TagList::from_texts(tags.iter().copied())
}

fn running(tag: &str) -> ImageVersion {
    ImageVersion {
        tag: tag.to_owned(),
        digest: String::new(),
    }
}

fn created(seconds: Option<i64>) -> Known {
    let created = seconds.map(|seconds| Timestamp::from_second(seconds).unwrap());
    Known::Facts(Arc::new(TagFacts {
        digest: Digest::of(b"image"),
        created,
        labels: BTreeMap::new(),
    }))
}

fn knowledge(pairs: &[(&str, Known)]) -> Knowledge {
    let mut known = Knowledge::default();
    for (name, answer) in pairs {
        known.insert(tag(name), answer.clone());
    }
    known
}

fn picked(policy: &Policy, live: Option<&str>, tags: &[&str], known: &Knowledge) -> Result<String, Verdict> {
    let live = live.map(running);
    match select(policy, live.as_ref(), &list(tags), TagOrder::None, known) {
        Selection::Decided(decided) => decided.map(|candidate| candidate.tag.to_string()),
        Selection::Need(questions) => panic!("{questions:?}"),
    }
}

#[test]
fn of_two_spellings_of_one_version_the_running_one_is_kept() {
    let none = Knowledge::default();
    let table = [
        (None, "v1.20.0"),
        (Some("1.20"), "1.20"),
        (Some("1.20.0"), "1.20.0"),
        (Some("v1.20.0"), "v1.20.0"),
        (Some("1.19.0"), "v1.20.0"),
        (Some("1.20.00"), "v1.20.0"),
    ];
    for (live, expected) in table {
        let tags = ["1.20", "1.19.0", "v1.20.0", "1.20.0"];
        assert_eq!(
            picked(&policy("semver", ""), live, &tags, &none).unwrap(),
            expected,
            "{live:?}"
        );
    }
    let pinned = filtered("semver", "", "", &["1.20"]);
    assert_eq!(
        picked(&pinned, Some("1.20"), &["1.20", "1.20.0"], &none).unwrap(),
        "1.20.0"
    );
}

#[test]
fn versions_between_other_tags_are_picked_as_users_expect() {
    let none = Knowledge::default();
    let table: [(&str, Option<&str>, &[&str], &str); 3] = [
        ("", None, &["v1.0.0", "v1.0.1-64.272fa09"], "v1.0.0"),
        ("1.x", Some("latest"), &["latest", "1.2.0"], "1.2.0"),
        ("*-0", None, &["1.0.0-rc.9", "1.0.0-rc.10"], "1.0.0-rc.10"),
    ];
    for (constraint, live, tags, expected) in table {
        assert_eq!(
            picked(&policy("semver", constraint), live, tags, &none).unwrap(),
            expected,
            "{constraint} {tags:?}"
        );
    }
}

#[test]
fn of_two_tags_with_one_date_the_running_one_is_kept() {
    let known = knowledge(&[
        ("a", created(Some(5))),
        ("b", created(Some(5))),
        ("z", created(Some(1))),
    ]);
    for (live, expected) in [(None, "b"), (Some("a"), "a"), (Some("b"), "b"), (Some("z"), "b")] {
        assert_eq!(
            picked(&policy("latest", ""), live, &["b", "a", "z"], &known).unwrap(),
            expected,
            "{live:?}"
        );
    }
}

#[test]
fn an_image_without_a_date_is_the_oldest() {
    let known = knowledge(&[("a", created(Some(-1000))), ("b", created(None))]);
    assert_eq!(
        picked(&policy("newest-build", ""), None, &["a", "b"], &known).unwrap(),
        "a"
    );
    assert_eq!(picked(&policy("newest-build", ""), None, &["b"], &known).unwrap(), "b");
}

#[test]
fn newest_build_asks_once_about_every_tag_that_no_filter_drops() {
    let policy = filtered("newest-build", "", "regexp:^v", &["*-rc"]);
    let tags = list(&["v2", "v1", "x", "v3-rc", "v2", "a:b"]);
    let questions = [Question::Facts(tag("v1")), Question::Facts(tag("v2"))];
    let first = select(&policy, None, &tags, TagOrder::None, &Knowledge::default());
    assert_eq!(first, Selection::Need(questions.to_vec()));
    let some = knowledge(&[("v1", Known::Failed(Verdict::new(Reason::RateLimited, "wait")))]);
    assert_eq!(
        select(&policy, None, &tags, TagOrder::None, &some),
        Selection::Need(vec![Question::Facts(tag("v2"))])
    );
}

#[test]
fn a_tag_that_could_not_be_read_holds_the_decision() {
    let failed = Known::Failed(Verdict::new(Reason::RegistryUnavailable, "timeout"));
    let known = knowledge(&[
        ("a", created(Some(1))),
        ("b", failed),
        ("c", Known::Excluded("is no image".to_owned())),
    ]);
    let verdict = picked(&policy("latest", ""), Some("a"), &["a", "b", "c"], &known).unwrap_err();
    assert_eq!(verdict.reason, Reason::MetadataUnavailable);
    assert_eq!(
        verdict.message,
        "2 of 3 read, so nothing is decided yet; b: RegistryUnavailable: timeout"
    );
}

#[test]
fn a_lasting_fact_excludes_its_tag_and_no_other() {
    let known = knowledge(&[("a", created(Some(1))), ("b", Known::Excluded("it is gone".to_owned()))]);
    assert_eq!(picked(&policy("latest", ""), None, &["a", "b"], &known).unwrap(), "a");
    let verdict = picked(&policy("latest", ""), None, &["b"], &known).unwrap_err();
    assert_eq!(verdict.reason, Reason::NoTagMatches);
    assert_eq!(
        verdict.message,
        "none of 1 tags can be used: 1 cannot be used: it is gone"
    );
}

#[test]
fn the_order_of_a_sorted_list_replaces_the_dates() {
    let newest = policy("newest-build", "");
    let none = Knowledge::default();
    for (order, expected) in [(TagOrder::LatestFirst, "c"), (TagOrder::LatestLast, "b")] {
        let Selection::Decided(Ok(candidate)) = select(&newest, None, &list(&["c", "a", "b"]), order, &none) else {
            panic!("nothing was picked")
        };
        assert_eq!(candidate.version(), running(expected));
    }
}

#[test]
fn digest_asks_about_its_one_tag_and_writes_what_it_learns() {
    let digest = policy("digest", "main");
    let tags = list(&["dev", "main"]);
    for order in [TagOrder::None, TagOrder::LatestFirst, TagOrder::LatestLast] {
        let first = select(&digest, None, &tags, order, &Knowledge::default());
        assert_eq!(first, Selection::Need(vec![Question::Facts(tag("main"))]));
        let known = knowledge(&[("main", created(None))]);
        let Selection::Decided(Ok(candidate)) = select(&digest, None, &tags, order, &known) else {
            panic!("nothing was picked")
        };
        let version = candidate.version();
        assert_eq!(
            (version.tag.as_str(), version.digest),
            ("main", Digest::of(b"image").to_string())
        );
    }
}

#[test]
fn only_digest_writes_a_digest() {
    let known = knowledge(&[("a", created(Some(1)))]);
    for strategy in ["newest-build", "alphabetical"] {
        let Selection::Decided(Ok(candidate)) =
            select(&policy(strategy, ""), None, &list(&["a"]), TagOrder::None, &known)
        else {
            panic!("nothing was picked")
        };
        assert_eq!(candidate.version(), running("a"), "{strategy}");
    }
}

#[test]
fn a_bad_constraint_is_told_before_any_tag_is_known() {
    let table = [("semver", "stable"), ("digest", "")];
    for (strategy, constraint) in table {
        let verdict = Policy::parse(StrategyKind::parse(strategy).0, constraint, TagFilter::default()).unwrap_err();
        assert_eq!(verdict.reason, Reason::InvalidConstraint, "{strategy}");
    }
}

#[test]
fn no_pick_says_what_happened_to_the_tags() {
    let none = Knowledge::default();
    let table: [(Policy, &[&str], &str); 5] = [
        (policy("semver", ""), &[], "the repository has no tags"),
        (policy("digest", "main"), &["dev"], "the repository has no tag main"),
        (
            policy("semver", "2.x"),
            &["1.0.0", "1.1.0", "dev"],
            "none of 3 tags can be used: 2 outside of the constraint 2.x; 1 not a version",
        ),
        (
            filtered("semver", "", "regexp:^v", &["v1"]),
            &["1", "v1", "a:b"],
            "none of 3 tags can be used: 1 ignored by v1; 1 not allowed by regexp:^v; 1 outside of the grammar of tags",
        ),
        (
            policy("semver", ""),
            &["1.0.0-a"],
            "none of 1 tags can be used: 1 a pre-release, which the constraint * does not ask for (it would with -0 behind a version)",
        ),
    ];
    for (policy, tags, message) in table {
        let verdict = picked(&policy, None, tags, &none).unwrap_err();
        assert_eq!(
            (verdict.reason, verdict.message.as_str()),
            (Reason::NoTagMatches, message)
        );
    }
}

#[test]
fn every_tag_has_a_story() {
    let tags = list(&["1.0.0", "2.0.0", "1.1.0", "v1.1.0", "dev", "1.2.0-rc", "1.1.0"]);
    let stories = explain(
        &filtered("semver", "1.x", "", &["d*"]),
        Some(&running("1.1.0")),
        &tags,
        TagOrder::None,
        &Knowledge::default(),
    );
    let told: Vec<_> = stories
        .iter()
        .map(|story| (story.tag.as_str(), story.fate.clone()))
        .collect();
    let constraint: Arc<str> = "1.x".into();
    assert_eq!(
        told,
        [
            ("1.1.0", Fate::Kept),
            ("v1.1.0", Fate::Ranked(2)),
            ("1.0.0", Fate::Ranked(3)),
            ("1.2.0-rc", Fate::OutOfScope(Misfit::PreRelease(constraint.clone()))),
            ("2.0.0", Fate::OutOfScope(Misfit::OutsideConstraint(constraint))),
            (
                "dev",
                Fate::Filtered(crate::core::strategy::FilterReason::Ignored("d*".into()))
            ),
        ]
    );
    assert_eq!(stories[5].fate.to_string(), "ignored by d*");
}

#[test]
fn a_held_decision_chooses_nothing_in_its_story() {
    let known = knowledge(&[
        ("a", created(Some(1))),
        ("b", Known::Failed(Verdict::new(Reason::RateLimited, "wait"))),
    ]);
    let stories = explain(
        &policy("latest", ""),
        None,
        &list(&["a", "b", "c"]),
        TagOrder::None,
        &known,
    );
    let told: Vec<_> = stories.iter().map(|story| story.fate.to_string()).collect();
    assert_eq!(
        told,
        [
            "best of those that could be read",
            "could not be read: RateLimited: wait",
            "not asked about yet"
        ]
    );
}

#[test]
fn the_best_of_ten_thousand_tags_is_found() {
    let texts: Vec<_> = (0..10_000).map(|n| format!("{}.{}.{}", n % 7, n % 101, n)).collect();
    let tags = TagList::from_texts(texts.iter().map(String::as_str));
    let picked = select(
        &policy("semver", "^3.2 || 5.x"),
        None,
        &tags,
        TagOrder::None,
        &Knowledge::default(),
    );
    let Selection::Decided(Ok(candidate)) = picked else {
        panic!("nothing was picked")
    };
    assert_eq!(candidate.tag.as_str(), "5.100.9392");
}
