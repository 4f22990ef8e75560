use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use crate::core::{
    plan::change::ValueKey,
    verdict::{Reason, Verdict},
};

fn rank(specificity: i64, created: &str, resource: &str, application: &str) -> Rank {
    let updater: ImageUpdater = serde_json::from_value(json!({
        "apiVersion": "argocd-image-updater.argoproj.io/v1alpha1",
        "kind": "ImageUpdater",
        "metadata": {"namespace": "argocd", "name": resource, "creationTimestamp": created},
        "spec": {"applicationRefs": []},
    }))
    .unwrap();
    Rank::new(&updater, ObjectKey::new("argocd", application), specificity)
}

const OLD: &str = "2026-01-01T00:00:00Z";
const NEW: &str = "2026-02-01T00:00:00Z";

/// One value for the parameter `key`; `?` is a value that is not known.
fn claim(image: usize, key: &str, value: &str) -> Claim {
    Claim {
        image,
        alias: format!("i{image}"),
        spot: Spot {
            slot: None,
            key: ValueKey::Helm(key.to_owned()),
        },
        wanted: match value {
            "?" => Wanted::Undecided(Some(Reason::RegistryUnavailable)),
            value => Wanted::Value(value.to_owned()),
        },
    }
}

fn target() -> Target {
    Target::Application("u".to_owned())
}

fn ledger(all: &[(Rank, Vec<Claim>)]) -> Ledger {
    let mut ledger = Ledger::default();
    for (rank, claims) in all {
        ledger.put(rank, &target(), claims.clone());
    }
    ledger
}

fn loses(ledger: &Ledger, rank: &Rank) -> Option<Verdict> {
    let losses = ledger.contest(rank.claimant(), None);
    losses.into_iter().next().map(|loss| loss.verdict)
}

#[test]
fn of_two_different_values_one_wins_whoever_came_first() {
    let base = || rank(10, OLD, "b", "shop");
    for (other, winner, words) in [
        (rank(20, NEW, "c", "shop"), "c", "more specific"),
        (rank(5, "2025-01-01T00:00:00Z", "a", "shop"), "b", "more specific"),
        (rank(10, NEW, "a", "shop"), "b", "older"),
        (rank(10, OLD, "a", "shop"), "a", "first by namespace and name"),
        (rank(10, OLD, "b", "app"), "app", "Application that is first by name"),
    ] {
        for swap in [false, true] {
            let mut all = [
                (base(), vec![claim(0, "tag", "1")]),
                (other.clone(), vec![claim(0, "tag", "2")]),
            ];
            if swap {
                all.reverse();
            }
            let ledger = ledger(&all);
            let lost: Vec<_> = [base(), other.clone()]
                .iter()
                .filter_map(|rank| loses(&ledger, rank))
                .collect();
            assert_eq!(lost.len(), 1, "{other:?}");
            let message = &lost[0].message;
            assert_eq!(lost[0].reason, Reason::Conflict);
            assert!(
                message.contains(&format!("argocd/{winner}")) && message.contains(words) && message.contains("\"tag\""),
                "{message}"
            );
        }
    }
}

#[test]
fn equal_values_and_other_places_are_no_conflict_and_an_unknown_value_is_waited_for() {
    let (strong, weak) = (rank(20, OLD, "a", "shop"), rank(10, OLD, "b", "shop"));
    for (first, second, expected) in [
        (vec![claim(0, "tag", "1")], vec![claim(0, "tag", "1")], None),
        (vec![claim(0, "tag", "1")], vec![claim(0, "other", "2")], None),
        (vec![], vec![claim(0, "tag", "2")], None),
        (vec![claim(0, "tag", "1")], vec![claim(0, "tag", "?")], None),
        (
            vec![claim(0, "tag", "?")],
            vec![claim(0, "tag", "2")],
            Some("so this one waits"),
        ),
        (
            vec![claim(0, "tag", "1")],
            vec![claim(0, "tag", "2")],
            Some("another value"),
        ),
        (
            vec![claim(0, "name", "?"), claim(0, "tag", "1")],
            vec![claim(0, "name", "x"), claim(0, "tag", "2")],
            Some("another value"),
        ),
    ] {
        let ledger = ledger(&[(strong.clone(), first), (weak.clone(), second)]);
        assert_eq!(loses(&ledger, &strong), None);
        let found = loses(&ledger, &weak).map(|verdict| verdict.message);
        match expected {
            None => assert_eq!(found, None),
            Some(words) => assert!(found.as_ref().is_some_and(|text| text.contains(words)), "{found:?}"),
        }
    }
}

#[test]
fn an_image_waits_for_one_that_stands_before_it_in_its_own_list() {
    let own = rank(10, OLD, "a", "shop");
    let ledger = ledger(&[(own.clone(), vec![claim(0, "tag", "?"), claim(1, "tag", "2")])]);
    let losses = ledger.contest(own.claimant(), None);
    assert_eq!(
        losses.iter().map(|loss| (loss.image, loss.decided)).collect::<Vec<_>>(),
        [(1, false)]
    );
    assert!(
        losses[0].verdict.message.contains("stands before it in the list"),
        "{losses:?}"
    );
}

/// Every order of `0..n`.
fn orders(n: usize) -> Vec<Vec<usize>> {
    if n == 0 {
        return vec![Vec::new()];
    }
    let shorter = orders(n - 1);
    let inserted = |order: &Vec<usize>| {
        (0..=order.len()).map({
            let order = order.clone();
            move |at| {
                let mut order = order.clone();
                order.insert(at, n - 1);
                order
            }
        })
    };
    shorter.iter().flat_map(inserted).collect()
}

#[test]
fn no_order_of_claims_changes_the_winner_and_all_who_may_write_want_one_value() {
    let ranks = [
        rank(20, NEW, "a", "shop"),
        rank(10, OLD, "b", "shop"),
        rank(10, NEW, "c", "shop"),
    ];
    let values = ["1", "2", "?"];
    for choice in 0..27 {
        let value = |index: u32| values[(choice / 3_usize.pow(index)) % 3];
        let claims: Vec<_> = ranks
            .iter()
            .zip(0..)
            .map(|(rank, index)| (rank.clone(), vec![claim(0, "tag", value(index))]))
            .collect();
        let results = |order: &[usize]| -> Vec<Option<Verdict>> {
            let ordered: Vec<_> = order.iter().map(|index| claims[*index].clone()).collect();
            let ledger = ledger(&ordered);
            ranks.iter().map(|rank| loses(&ledger, rank)).collect()
        };
        let expected = results(&[0, 1, 2]);
        for order in orders(3) {
            assert_eq!(results(&order), expected, "{choice} {order:?}");
        }
        let writers: BTreeSet<_> = (0..3)
            .filter(|index| expected[*index as usize].is_none() && value(*index) != "?")
            .map(value)
            .collect();
        assert!(writers.len() <= 1, "{choice}: {writers:?}");
        // A weaker third one changes nothing for the two before it.
        assert_eq!(results(&[0, 1])[..2], expected[..2], "{choice}");
        // The stronger of two is the stronger one with a third as well.
        for (one, other) in [(0, 1), (0, 2), (1, 2)] {
            let pair = results(&[one, other]);
            assert_eq!(pair[one], None, "{choice}");
        }
    }
}

#[test]
fn claims_are_replaced_announced_and_dropped() {
    let (strong, weak) = (rank(20, OLD, "a", "shop"), rank(10, OLD, "b", "shop"));
    let mut ledger = ledger(&[(weak.clone(), vec![claim(0, "tag", "2")])]);
    assert_eq!(loses(&ledger, &weak), None);

    ledger.announce(&strong, &target(), vec![claim(0, "tag", "?")]);
    assert!(loses(&ledger, &weak).is_some(), "it waits before the other one decided");
    ledger.put(&strong, &target(), vec![claim(0, "tag", "2")]);
    assert_eq!(loses(&ledger, &weak), None);
    ledger.announce(&strong, &target(), vec![claim(0, "tag", "?")]);
    assert_eq!(
        loses(&ledger, &weak),
        None,
        "what was claimed before counts until it is decided anew"
    );

    ledger.put(&strong, &target(), vec![claim(0, "tag", "1")]);
    assert!(loses(&ledger, &weak).is_some());
    ledger.put(
        &strong,
        &Target::Application("other".to_owned()),
        vec![claim(0, "tag", "1")],
    );
    assert_eq!(loses(&ledger, &weak), None, "it writes elsewhere now");

    ledger.put(&strong, &target(), vec![claim(0, "tag", "1")]);
    ledger.keep_only(&strong.claimant().resource, &BTreeSet::new());
    assert_eq!(
        loses(&ledger, &weak),
        None,
        "it does not select the application any more"
    );

    ledger.put(&strong, &target(), vec![claim(0, "tag", "1")]);
    ledger.retain(|claimant| claimant.resource.name != "a");
    assert_eq!(loses(&ledger, &weak), None, "the resource is gone");
    ledger.retain(|_| false);
    assert_eq!(ledger.claimants().count(), 0);
}

#[test]
fn the_default_branch_is_one_place_under_both_its_names() {
    let file = |branch: Option<&str>, path: &str| Target::file("https://g.test/r.git".to_owned(), branch, path);
    let (strong, weak) = (rank(20, OLD, "a", "shop"), rank(10, OLD, "b", "shop"));
    for (one, other, default, conflict) in [
        (file(None, "f"), file(Some("HEAD"), "f"), None, true),
        (file(None, "f"), file(Some("main"), "f"), None, false),
        (file(None, "f"), file(Some("main"), "f"), Some("main"), true),
        (file(Some("refs/heads/main"), "f"), file(None, "f"), Some("main"), true),
        (file(None, "f"), file(Some("dev"), "f"), Some("main"), false),
        (file(Some("main"), "f"), file(Some("main"), "g"), Some("main"), false),
    ] {
        let mut ledger = Ledger::default();
        ledger.put(&strong, &one, vec![claim(0, "tag", "1")]);
        ledger.put(&weak, &other, vec![claim(0, "tag", "2")]);
        let lost = !ledger.contest(weak.claimant(), default).is_empty();
        assert_eq!(lost, conflict, "{one:?} {other:?} {default:?}");
    }
}

#[test]
fn kustomize_entries_of_others_are_known_and_own_ones_are_not_among_them() {
    let image = |left: &str| Claim {
        spot: Spot {
            slot: Some(crate::core::resolve::SourceSlot::Single),
            key: ValueKey::Kustomize(left.to_owned()),
        },
        ..claim(0, "", "1")
    };
    let (one, other) = (rank(20, OLD, "a", "shop"), rank(10, OLD, "b", "shop"));
    let ledger = ledger(&[(one.clone(), vec![image("base/x")]), (other, vec![image("a/x")])]);
    let lefts: Vec<_> = ledger
        .foreign_images(one.claimant())
        .into_iter()
        .map(|(_, left)| left)
        .collect();
    assert_eq!(lefts, ["a/x"]);
}
