//! `status.pending`: the tags that wait for their age, and since when.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{ImageReport, ResourceReport};
use crate::api::v1alpha1::PendingTag;

/// The most tags that are kept.
const MOST: usize = 50;

/// The tags that wait after a cycle, the best of each image first; `None` when they are the same as before.
///
/// Where there are more than fit, those that wait longest are kept: the others would push them out again and again, and no
/// tag would ever be old enough. What could not be decided this time keeps its entries, and so does everything else in a partial cycle, which does not
/// see who else waits. All other entries wait no more.
pub(super) fn after_cycle(before: &[PendingTag], report: &ResourceReport) -> Option<Vec<PendingTag>> {
    if !report.stalled.is_empty() {
        return None;
    }
    let images = || report.applications.iter().flat_map(|application| &application.images);
    let mut since = BTreeMap::new();
    let mut places = BTreeMap::new();
    for ImageReport { image, waiting, .. } in images() {
        for (place, waiting) in waiting.iter().flatten().enumerate() {
            let key = (image.as_str(), waiting.tag.as_str());
            let earliest = since.entry(key).or_insert(waiting.since);
            *earliest = waiting.since.min(*earliest);
            let best = places.entry(key).or_insert(place);
            *best = place.min(*best);
        }
    }
    let undecided: BTreeSet<_> = images()
        .filter(|i| i.waiting.is_none())
        .map(|i| i.image.as_str())
        .collect();
    let mut keys: Vec<_> = since.keys().copied().collect();
    keys.sort_by_key(|key| (places.get(key).copied(), *key));
    let fresh = keys.iter().filter_map(|key| {
        Some(PendingTag {
            image: key.0.to_owned(),
            tag: key.1.to_owned(),
            first_seen: Time(*since.get(key)?),
        })
    });
    let kept = before.iter().filter(|entry| {
        let key = (entry.image.as_str(), entry.tag.as_str());
        !since.contains_key(&key) && (report.partial || undecided.contains(key.0))
    });
    let mut after: Vec<_> = fresh.chain(kept.cloned()).collect();
    keep_longest_waiting(&mut after);
    (after != without_fractions(before, &after)).then_some(after)
}

/// Drops what has waited for the shortest time, down to what fits; the order stays.
fn keep_longest_waiting(entries: &mut Vec<PendingTag>) {
    let mut by_age: Vec<_> = (0..entries.len()).collect();
    by_age.sort_by_key(|index| entries.get(*index).map(|entry| entry.first_seen.0));
    let dropped: BTreeSet<_> = by_age.into_iter().skip(MOST).collect();
    let mut index = 0;
    entries.retain(|_| {
        index += 1;
        !dropped.contains(&(index - 1))
    });
}

/// The API server keeps whole seconds only, so what was read there counts as what was written.
fn without_fractions(before: &[PendingTag], after: &[PendingTag]) -> Vec<PendingTag> {
    let same = |old: &PendingTag, new: &PendingTag| {
        let seconds = |entry: &PendingTag| entry.first_seen.0.as_second();
        old.image == new.image && old.tag == new.tag && seconds(old) == seconds(new)
    };
    let pairs = before.iter().enumerate();
    pairs
        .map(|(index, old)| match after.get(index) {
            Some(new) if same(old, new) => new.clone(),
            _ => old.clone(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::core::{
        keys::ObjectKey,
        report::{ApplicationReport, WriteOutcome},
        select::Waiting,
        verdict::{Reason, Verdict},
    };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn entry(image: &str, tag: &str, second: i64) -> PendingTag {
        PendingTag {
            image: image.to_owned(),
            tag: tag.to_owned(),
            first_seen: Time(at(second)),
        }
    }

    fn image(image: &str, waiting: Option<&[(&str, i64)]>) -> ImageReport {
        let waiting = waiting.map(|all| {
            let one = |(tag, second): &(&str, i64)| Waiting {
                tag: (*tag).to_owned(),
                since: at(*second),
            };
            all.iter().map(one).collect()
        });
        ImageReport {
            alias: String::new(),
            image: image.to_owned(),
            live: true,
            rule: None,
            current: None,
            chosen: None,
            decision: Err(Verdict::new(Reason::TooYoung, "")),
            story: Vec::new(),
            waiting,
        }
    }

    fn report(partial: bool, images: Vec<ImageReport>) -> ResourceReport {
        ResourceReport {
            partial,
            applications: vec![ApplicationReport {
                application: ObjectKey::new("argocd", "shop"),
                refused: None,
                images,
                edits: Vec::new(),
                write: WriteOutcome::Nothing,
                repository: None,
                files: Vec::new(),
            }],
            ..ResourceReport::default()
        }
    }

    #[test]
    fn the_best_of_each_image_come_first_and_each_tag_once() {
        let images = vec![
            image("b", Some(&[("9", 1), ("8", 2)])),
            image("a", Some(&[("2", 3), ("1", 4)])),
            image("a", Some(&[("1", 3)])),
        ];
        let after = after_cycle(&[], &report(false, images)).unwrap();
        assert_eq!(
            after,
            [
                entry("a", "1", 3),
                entry("a", "2", 3),
                entry("b", "9", 1),
                entry("b", "8", 2)
            ]
        );
    }

    #[test]
    fn what_waits_no_more_is_removed_and_what_could_not_be_decided_is_kept() {
        let before = [entry("a", "1", 1), entry("b", "1", 1), entry("gone", "1", 1)];
        let decided = |partial| report(partial, vec![image("a", Some(&[])), image("b", None)]);
        assert_eq!(after_cycle(&before, &decided(false)).unwrap(), [entry("b", "1", 1)]);
        assert_eq!(
            after_cycle(&before, &decided(true)),
            None,
            "a partial cycle removes nothing"
        );
        let stalled = ResourceReport {
            stalled: vec![crate::core::report::Remark {
                field: String::new(),
                message: String::new(),
            }],
            ..ResourceReport::default()
        };
        assert_eq!(after_cycle(&before, &stalled), None);
    }

    #[test]
    fn at_most_fifty_are_kept_and_nothing_is_written_when_nothing_changes() {
        let names: Vec<_> = (0..60).map(|n| format!("{n:02}")).collect();
        let waiting: Vec<_> = names.iter().map(|name| (name.as_str(), 7)).collect();
        let report = report(false, vec![image("a", Some(&waiting))]);
        let after = after_cycle(&[], &report).unwrap();
        assert_eq!(after.len(), 50);
        assert_eq!(after[49].tag, "49");
        assert_eq!(after_cycle(&after, &report), None);
    }
    #[test]
    fn of_more_than_fit_those_that_wait_longest_are_kept() {
        let tags: Vec<String> = (0..80).map(|n| format!("t{n}")).collect();
        let waiting: Vec<_> = tags
            .iter()
            .zip((0..80).rev())
            .map(|(tag, since)| (tag.as_str(), since))
            .collect();
        let after = after_cycle(&[], &report(false, vec![image("shop", Some(&waiting))])).unwrap();
        assert_eq!(after.len(), MOST);
        assert_eq!((after[0].tag.as_str(), after[MOST - 1].tag.as_str()), ("t30", "t79"));
        let next = [&[("t80", 100)][..], &waiting].concat();
        assert_eq!(
            after_cycle(&after, &report(false, vec![image("shop", Some(&next))])),
            None,
            "a new tag pushes out none that waits longer"
        );
    }
}
