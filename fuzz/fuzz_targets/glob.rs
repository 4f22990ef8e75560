//! Globs: the first line is a pattern, the others are texts. Compared with a slow matcher that tries everything.
#![no_main]

use argocd_image_updater::core::{
    image::TagName,
    matching::glob::Glob,
    strategy::{Policy, StrategyKind, TagFilter},
};
use argocd_image_updater_fuzz::{assert_fair, assert_presentable, lines};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((pattern, texts)) = lines(data) else { return };
    for text in &texts {
        let quoted: String = text.chars().flat_map(|c| ['\\', c]).collect();
        let literal = Glob::parse(&quoted).expect("any text can be quoted");
        for other in &texts {
            assert_eq!(literal.matches(other), text == other, "{quoted:?} {other:?}");
        }
    }
    let glob = match Glob::parse(pattern) {
        Ok(glob) => glob,
        Err(error) => return assert_presentable(&error.to_string()),
    };
    let items = read(pattern);
    for text in &texts {
        // With a slash Go takes the first place where a part fits, and never another one.
        if !text.contains('/') {
            let text_chars: Vec<char> = text.chars().collect();
            assert_eq!(glob.matches(text), fits(&items, &text_chars), "{pattern:?} {text:?}");
        }
    }
    let tags: Vec<TagName> = texts.iter().filter_map(|text| TagName::new(text)).collect();
    let filter = TagFilter::compile(None, &[pattern.to_owned()]).expect("it was read before");
    let policy = Policy::parse(StrategyKind::Alphabetical, "", filter).expect("no constraint");
    assert!(
        tags.iter()
            .all(|tag| policy.admit(tag).is_ok() != glob.matches(tag.as_str()))
    );
    assert_fair(&policy, &tags);
});

/// A part of a pattern that was accepted.
enum Item {
    Star,
    Any,
    One(char),
    Set(bool, Vec<(char, char)>),
}

fn read(pattern: &str) -> Vec<Item> {
    let mut rest = pattern.chars().peekable();
    let mut items = Vec::new();
    while let Some(c) = rest.next() {
        items.push(match c {
            '*' => Item::Star,
            '?' => Item::Any,
            '\\' => Item::One(rest.next().expect("it was accepted")),
            '[' => {
                let negated = rest.next_if_eq(&'^').is_some();
                let mut ranges = Vec::new();
                while ranges.is_empty() || rest.next_if_eq(&']').is_none() {
                    let mut one = || match rest.next().expect("it was accepted") {
                        '\\' => rest.next().expect("it was accepted"),
                        other => other,
                    };
                    let low = one();
                    let high = if rest.next_if_eq(&'-').is_some() {
                        match rest.next().expect("it was accepted") {
                            '\\' => rest.next().expect("it was accepted"),
                            other => other,
                        }
                    } else {
                        low
                    };
                    ranges.push((low, high));
                }
                Item::Set(negated, ranges)
            }
            other => Item::One(other),
        });
    }
    items
}

/// Whether the items match the text: all ways at once, one row of a table per item.
fn fits(items: &[Item], text: &[char]) -> bool {
    let mut ends = vec![false; text.len() + 1];
    ends[0] = true;
    for item in items {
        let mut next = vec![false; text.len() + 1];
        for at in 0..=text.len() {
            let step = |c: char| match item {
                Item::Star => false,
                Item::Any => true,
                Item::One(one) => c == *one,
                Item::Set(negated, ranges) => ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated,
            };
            next[at] = match item {
                Item::Star => ends[at] || (at > 0 && next[at - 1]),
                _ => at > 0 && ends[at - 1] && step(text[at - 1]),
            };
        }
        ends = next;
    }
    ends[text.len()]
}
