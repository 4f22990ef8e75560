//! What holds for every strategy with every option, over any registry.

use std::time::Duration;

use proptest::prelude::*;

use super::{
    super::{explain, select},
    *,
};
use crate::core::strategy::{Created, Extract, Need, PolicyOptions, Ranked, SortOrder};

/// 2026-01-10T00:00:00Z.
const NOW: i64 = 1_768_003_200;

/// What is behind a tag.
#[derive(Debug, Clone, Copy)]
enum Image {
    /// Its digest's seed, and how many hours ago it was made.
    Made(u8, Option<i64>),
    Gone,
    Refused,
}

type Repository = BTreeMap<String, Image>;

fn repository() -> impl Strategy<Value = Repository> {
    let name = "(v?[0-3](\\.[0-2]){0,2}(-(rc|dev)\\.?[0-3])?|main|dev|latest|main-[0-9]{1,2})";
    let image = prop_oneof![
        8 => (0u8..4, proptest::option::of(0i64..6)).prop_map(|(digest, hours)| Image::Made(digest, hours)),
        1 => Just(Image::Gone),
        1 => Just(Image::Refused),
    ];
    proptest::collection::btree_map(name, image, 0..12)
}

fn any_policy() -> impl Strategy<Value = Policy> {
    let allow = proptest::sample::select(vec!["", "regexp:^v", "regexp:[0-9]$", "regexp:rc"]);
    let ignore = proptest::sample::select(vec!["*-rc*", "v1*", "[^0-9]*", "nothing"]);
    let rule = proptest::sample::select(vec![
        ("semver", ""),
        ("semver", "1.x-0 || >2"),
        ("newest-build", ""),
        ("alphabetical", ""),
        ("numerical", ""),
        ("digest", "main"),
    ]);
    let extract = proptest::sample::select(vec![None, None, Some("^main-(.*)$"), Some("^v?([0-9.]+)")]);
    let hours = proptest::option::of(0u64..5);
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    (allow, ignore, rule, extract, hours, flags).prop_map(
        |(allow, ignore, (strategy, constraint), extract, hours, (desc, allow_downgrade, pin_digest))| {
            let options = PolicyOptions {
                filter: TagFilter::compile(Some(allow), &[ignore.to_owned()]).unwrap(),
                extract: extract.map(|text| Extract::compile(text).unwrap()),
                order: if desc { SortOrder::Desc } else { SortOrder::Asc },
                minimum_age: hours.map(|hours| Duration::from_secs(hours * 3600)),
                allow_downgrade,
                pin_digest,
            };
            Policy::parse(StrategyKind::parse(strategy).0, constraint, options).unwrap()
        },
    )
}

fn answer(image: Image) -> Known {
    match image {
        Image::Made(digest, hours) => Known::Facts(Arc::new(TagFacts {
            digest: Digest::of(&[digest]),
            created: hours.map(|hours| Timestamp::from_second(NOW - hours * 3600).unwrap()),
            labels: BTreeMap::new(),
        })),
        Image::Gone => Known::Excluded("gone".to_owned()),
        Image::Refused => Known::Refused("403".to_owned()),
    }
}

fn now(live: Option<&ImageVersion>) -> Situation<'_> {
    Situation {
        live,
        ..Situation::at(Timestamp::from_second(NOW).unwrap())
    }
}

/// Asks until there is a decision.
fn decide<'n>(
    policy: &Policy,
    live: Option<&ImageVersion>,
    names: impl IntoIterator<Item = &'n String>,
    images: &Repository,
) -> (Decision, Knowledge) {
    decide_in(policy, &now(live), names, images)
}

/// The same, with more that the decision depends on.
fn decide_in<'n>(
    policy: &Policy,
    situation: &Situation<'_>,
    names: impl IntoIterator<Item = &'n String>,
    images: &Repository,
) -> (Decision, Knowledge) {
    let tags = TagList::from_texts(names.into_iter().map(String::as_str));
    let mut known = Knowledge::default();
    loop {
        match select(policy, situation, &tags, TagOrder::None, &known) {
            Outcome::Decided(decision) => return (decision, known),
            Outcome::Need(questions) => {
                assert!(!questions.is_empty());
                for Question::Facts(tag) in questions {
                    assert!(
                        policy.admit(&tag).is_ok() && known.get(&tag).is_none(),
                        "asked about {tag}"
                    );
                    known.insert(tag.clone(), answer(images[tag.as_str()]));
                }
            }
        }
    }
}

fn live(text: &str) -> Option<ImageVersion> {
    (!text.is_empty()).then(|| running(text))
}

proptest! {
    #[test]
    fn a_chosen_tag_passes_every_filter_and_is_not_empty(policy in any_policy(), images in repository(), text in "(v?[0-3](\\.[0-2])?|main)?") {
        let (decision, _) = decide(&policy, live(&text).as_ref(), images.keys(), &images);
        if let Ok(candidate) = decision.picked {
            prop_assert!(policy.admit(&candidate.tag).is_ok());
            prop_assert!(!candidate.version().tag.is_empty());
            prop_assert_eq!(candidate.digest.is_some(), policy.writes_digest());
            let Image::Made(digest, hours) = images[candidate.tag.as_str()] else {
                prop_assert_eq!(candidate.digest, None, "nothing that cannot be read has a digest");
                return Ok(());
            };
            if let Some(written) = candidate.digest {
                prop_assert_eq!(written, Digest::of(&[digest]));
            }
            if let Some(minimum) = policy.options().minimum_age && candidate.tag.as_str() != text {
                let old = Duration::from_secs(hours.unwrap_or(0).unsigned_abs() * 3600);
                prop_assert!(old >= minimum, "{} is {:?} old", candidate.tag, old);
            }
        }
    }

    #[test]
    fn the_order_of_the_list_never_matters(policy in any_policy(), images in repository(), seed in any::<prop::sample::Index>(), text in "[v0-2.]{0,4}") {
        let live = live(&text);
        let mut names: Vec<_> = images.keys().collect();
        let sorted = decide(&policy, live.as_ref(), names.iter().copied(), &images).0;
        if !names.is_empty() {
            let turn = seed.index(names.len());
            names.rotate_left(turn);
            names.reverse();
        }
        prop_assert_eq!(decide(&policy, live.as_ref(), names, &images).0, sorted);
    }

    #[test]
    fn a_tag_that_a_filter_drops_never_changes_the_choice(policy in any_policy(), images in repository(), more in repository()) {
        let outcome = |decision: Decision| (decision.picked.map_err(|verdict| verdict.reason), decision.waiting);
        let before = outcome(decide(&policy, None, images.keys(), &images).0);
        let dropped = more.keys().filter(|name| policy.admit(&tag(name)).is_err());
        let after = outcome(decide(&policy, None, images.keys().chain(dropped), &images).0);
        prop_assert_eq!(after, before);
    }

    #[test]
    fn deciding_on_its_own_result_changes_nothing(policy in any_policy(), images in repository()) {
        if let Ok(candidate) = decide(&policy, None, images.keys(), &images).0.picked {
            let own = candidate.version();
            match decide(&policy, Some(&own), images.keys(), &images).0.picked {
                Ok(again) => prop_assert_eq!(again.version(), own),
                Err(verdict) => prop_assert_eq!(verdict.reason, Reason::TooYoung),
            }
        }
    }

    #[test]
    fn what_runs_is_never_replaced_by_less(policy in any_policy(), images in repository(), text in "(v?[0-3](\\.[0-2])?|main-[0-9]{1,2})") {
        let (decision, _) = decide(&policy, live(&text).as_ref(), images.keys(), &images);
        let strategy = policy.strategy().strategy();
        let by_name = strategy.need(TagOrder::None) == Need::Name && !policy.options().allow_downgrade;
        if let (true, Ok(candidate)) = (by_name, decision.picked) {
            let running_tag = tag(&text);
            let key = |tag| {
                let read = policy.admit(tag).ok()?;
                strategy.key(Ranked { read, position: None, order: TagOrder::None, created: Created::Unknown })
            };
            if let (Some(before), Some(after)) = (key(&running_tag), key(&candidate.tag)) {
                prop_assert!(policy.compare(&after, &before).is_ge(), "{} after {}", candidate.tag, text);
            }
        }
    }

    #[test]
    fn falling_back_goes_down_to_what_runs_and_no_further(policy in any_policy(), images in repository(), unsigned in proptest::collection::vec(any::<bool>(), 12), text in "(v?[0-3](\\.[0-2])?|main)?") {
        let live = live(&text);
        let unsigned: Vec<_> = images.keys().zip(unsigned).filter(|(_, unsigned)| *unsigned).map(|(name, _)| name.as_str()).collect();
        let mut situation = now(live.as_ref());
        let mut before = None;
        for _ in 0..=images.len() {
            let picked = decide_in(&policy, &situation, images.keys(), &images).0.picked;
            let Ok(candidate) = picked else { return Ok(()) };
            prop_assert!(!situation.unverified.contains_key(&candidate.tag), "{} once more", candidate.tag);
            prop_assert_ne!(before.as_deref(), Some(text.as_str()), "{} below what runs", candidate.tag);
            if !unsigned.contains(&candidate.tag.as_str()) {
                return Ok(());
            }
            before = Some(candidate.tag.as_str().to_owned());
            situation.unverified.insert(candidate.tag, "it is not signed".to_owned());
        }
        prop_assert!(false, "it goes round in circles");
    }

    #[test]
    fn the_story_names_the_choice(policy in any_policy(), images in repository(), text in "(v?[0-3](\\.[0-2])?|main)?") {
        let live = live(&text);
        let (decision, known) = decide(&policy, live.as_ref(), images.keys(), &images);
        let tags = TagList::from_texts(images.keys().map(String::as_str));
        let stories = explain(&policy, &now(live.as_ref()), &tags, TagOrder::None, &known);
        prop_assert_eq!(stories.len(), images.len());
        let chosen: Vec<_> = stories.iter().filter(|s| matches!(s.fate, Fate::Chosen | Fate::Kept)).map(|s| s.tag.clone()).collect();
        let expected: Vec<_> = decision.picked.ok().map(|c| c.tag).into_iter().collect();
        prop_assert_eq!(chosen, expected);
    }
}
