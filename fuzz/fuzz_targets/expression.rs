//! Regular expressions in name patterns, `allowTags` and `extract`: the first line is one, the others are texts.
#![no_main]

use argocd_image_updater::core::{
    image::TagName,
    matching::{
        pattern::NamePattern,
        regex::{compile, compile_anchored},
    },
    strategy::{Extract, Policy, PolicyOptions, StrategyKind, TagFilter},
};
use argocd_image_updater_fuzz::{assert_fair, assert_presentable, lines};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((text, others)) = lines(data) else { return };
    named(text, &others);
    let regex = match compile(text) {
        Ok(regex) => regex,
        Err(error) => {
            assert_presentable(&error.to_string());
            assert!(compile_anchored(text).is_err() && Extract::compile(text).is_err());
            return;
        }
    };
    // The anchors may be what makes it too large.
    if let Ok(anchored) = compile_anchored(text) {
        for other in &others {
            assert!(!anchored.is_match(other) || regex.is_match(other), "{text:?} {other:?}");
        }
    }
    let tags: Vec<TagName> = others.iter().filter_map(|other| TagName::new(other)).collect();
    let filter = TagFilter::compile(Some(&format!("regexp:{text}")), &[]).expect("it was compiled before");
    let mut options = PolicyOptions {
        filter,
        ..PolicyOptions::default()
    };
    picked(&options, &tags, |tag| regex.is_match(tag.as_str()));
    match Extract::compile(text) {
        Ok(extract) => {
            options.filter = TagFilter::default();
            options.extract = Some(extract.clone());
            picked(&options, &tags, |tag| extract.key(tag.as_str()).is_some());
            for other in &others {
                let key = extract.key(other);
                assert!(
                    key.is_none_or(|key| other.contains(key) && regex.is_match(other)),
                    "{key:?} of {other:?}"
                );
            }
        }
        Err(error) => assert_presentable(&error.to_string()),
    }
});

fn picked(options: &PolicyOptions, tags: &[TagName], admitted: impl Fn(&TagName) -> bool) {
    for strategy in [
        StrategyKind::Alphabetical,
        StrategyKind::Numerical,
        StrategyKind::Semver,
    ] {
        let policy = Policy::parse(strategy, "", options.clone()).expect("no constraint");
        assert!(tags.iter().all(|tag| policy.admit(tag).is_err() || admitted(tag)));
        assert_fair(&policy, tags);
    }
}

/// A name pattern is a glob or an expression, and a name without anything special matches itself.
fn named(text: &str, others: &[&str]) {
    match NamePattern::parse(text) {
        Ok(pattern) => {
            let plain = !text.is_empty()
                && text
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            for other in others {
                assert!(
                    !plain || pattern.matches(other) == (text == *other),
                    "{text:?} {other:?}"
                );
            }
            assert!(!plain || pattern.matches(text));
        }
        Err(error) => assert_presentable(&error.to_string()),
    }
}
