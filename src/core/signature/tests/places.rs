//! Where signatures are looked for, in which order, and what ends the search.

use super::*;

/// A shelf on which `signer` has signed the image in one of the places.
type Place = fn(&mut Shelf, &Signer);

/// Makes something on the shelf unreadable.
type Spoil = fn(&mut Shelf);

const PLACES: [(&str, Place); 6] = [
    ("a referrer", |shelf, signer| {
        let entry = shelf.artifact(&[(BUNDLE, &signer.bundle(&statement(&[image()])), None)]);
        shelf.referrers = vec![list(&[entry])];
    }),
    ("a later page of the referrers", |shelf, signer| {
        let entry = shelf.artifact(&[(BUNDLE, &signer.bundle(&statement(&[image()])), None)]);
        shelf.referrers = vec![list(&[]), list(&[]), list(&[entry])];
    }),
    ("an index under the referrers tag", |shelf, signer| {
        let entry = shelf.artifact(&[(BUNDLE, &signer.bundle(&statement(&[image()])), None)]);
        shelf.index(&referrers_tag(), &[entry]);
    }),
    ("a bundle under the referrers tag", |shelf, signer| {
        let bundle = signer.bundle(&statement(&[image()]));
        shelf.tagged(&referrers_tag(), &[(BUNDLE, &bundle, None)]);
    }),
    ("a layer under the signature tag", |shelf, signer| {
        let payload = simple(image());
        let signature = signer.sign(payload.as_bytes());
        shelf.tagged(&signature_tag(), &[(SIMPLE, &payload, Some(&signature))]);
    }),
    (
        "an untyped entry of an index under the signature tag",
        |shelf, signer| {
            let payload = simple(image());
            let signature = signer.sign(payload.as_bytes());
            let mut entry = shelf.artifact(&[(SIMPLE, &payload, Some(&signature))]);
            entry.as_object_mut().unwrap().remove("artifactType");
            shelf.index(&signature_tag(), &[entry]);
        },
    ),
];

fn whole(unverified: Unverified) -> Result<KeyId, Searched> {
    Err(Searched::Whole(unverified))
}

#[test]
fn a_signature_counts_wherever_it_lies_and_only_with_the_right_key() {
    let (alice, bob) = (Signer::new(1), Signer::new(2));
    for (name, place) in PLACES {
        let mut shelf = Shelf::default();
        place(&mut shelf, &alice);
        assert_eq!(shelf.search(image(), &[alice.key()]).0, Ok(alice.key().id()), "{name}");
        assert_eq!(
            shelf.search(image(), &[bob.key(), alice.key()]).0,
            Ok(alice.key().id()),
            "{name}"
        );
        let others = whole(Unverified {
            by_others: 1,
            ..Unverified::default()
        });
        assert_eq!(shelf.search(image(), &[bob.key()]).0, others, "{name}");
        let replayed = shelf.search(other(), &[alice.key()]).0;
        assert!(replayed.is_err(), "{name}");
    }
}

#[test]
fn a_place_with_other_signatures_does_not_hide_the_places_after_it() {
    let (alice, bob) = (Signer::new(1), Signer::new(2));
    for (first, hides) in PLACES {
        for (second, holds) in PLACES {
            let (mut shelf, mut behind) = (Shelf::default(), Shelf::default());
            hides(&mut shelf, &bob);
            holds(&mut behind, &alice);
            let overlap = behind.manifests.keys().any(|name| shelf.manifests.contains_key(name))
                || !(shelf.referrers.is_empty() || behind.referrers.is_empty());
            if overlap {
                continue;
            }
            shelf.referrers.extend(behind.referrers);
            shelf.manifests.extend(behind.manifests);
            shelf.blobs.extend(behind.blobs);
            assert_eq!(
                shelf.search(image(), &[alice.key()]).0,
                Ok(alice.key().id()),
                "{first} hides {second}"
            );
        }
    }
}

#[test]
fn every_layer_and_every_entry_is_tried() {
    let (alice, bob) = (Signer::new(1), Signer::new(2));
    let payload = simple(image());
    let (by_alice, by_bob) = (alice.sign(payload.as_bytes()), bob.sign(payload.as_bytes()));
    let mut shelf = Shelf::default();
    shelf.tagged(
        &signature_tag(),
        &[
            ("application/octet-stream", "x", None),
            (SIMPLE, &payload, None),
            (SIMPLE, &payload, Some("*")),
            (SIMPLE, &simple(other()), Some(&by_alice)),
            (SIMPLE, &payload, Some(&by_bob)),
            (SIMPLE, &payload, Some(&by_alice)),
        ],
    );
    let (found, asked) = shelf.search(image(), &[alice.key()]);
    assert_eq!(found, Ok(alice.key().id()));
    let blobs = asked.iter().filter(|fetch| matches!(fetch, Fetch::Blob(_))).count();
    assert_eq!(blobs, 2, "signers of one payload share its blob: {asked:?}");

    let mut shelf = Shelf::default();
    let mut entries: Vec<_> = (0..20)
        .map(|n| shelf.artifact(&[(BUNDLE, &format!("junk {n}"), None)]))
        .collect();
    entries.push(shelf.artifact(&[(BUNDLE, &alice.bundle(&statement(&[image()])), None)]));
    shelf.referrers = vec![list(&entries)];
    assert_eq!(shelf.search(image(), &[alice.key()]).0, Ok(alice.key().id()));
}

#[test]
fn referrers_of_another_type_are_not_read() {
    let alice = Signer::new(1);
    let mut shelf = Shelf::default();
    let mut entry = shelf.artifact(&[(BUNDLE, &alice.bundle(&statement(&[image()])), None)]);
    entry["artifactType"] = json!("application/vnd.example.sbom");
    shelf.referrers = vec![list(&[entry])];
    let (found, asked) = shelf.search(image(), &[alice.key()]);
    assert_eq!(found, whole(Unverified::default()));
    assert!(
        !asked.iter().any(|fetch| matches!(fetch, Fetch::Manifest(_))),
        "{asked:?}"
    );
}

#[test]
fn the_search_ends_with_the_first_match_and_goes_on_for_another_key() {
    let (alice, bob) = (Signer::new(1), Signer::new(2));
    let mut shelf = Shelf::default();
    let entry = shelf.artifact(&[(BUNDLE, &alice.bundle(&statement(&[image()])), None)]);
    shelf.referrers = vec![list(&[entry])];
    let payload = simple(image());
    shelf.tagged(
        &signature_tag(),
        &[(SIMPLE, &payload, Some(&bob.sign(payload.as_bytes())))],
    );

    let mut search = SignatureSearch::new(image());
    let mut asked = Vec::new();
    assert!(shelf.go_on(&mut search, &[alice.key()], &mut asked).is_ok());
    assert_eq!(asked.len(), 3, "list, manifest, bundle: {asked:?}");
    asked.clear();
    assert!(shelf.go_on(&mut search, &[bob.key()], &mut asked).is_ok());
    assert_eq!(asked.len(), 3, "two tags, one blob, and nothing again: {asked:?}");
    asked.clear();
    assert!(shelf.go_on(&mut search, &[alice.key()], &mut asked).is_ok());
    assert!(asked.is_empty(), "{asked:?}");
}

#[test]
fn what_cannot_be_read_never_makes_an_image_pass_for_unsigned() {
    let alice = Signer::new(1);
    let referrer = |shelf: &mut Shelf| shelf.artifact(&[(BUNDLE, "x", None)]);
    let unread: [(&str, Spoil); 9] = [
        ("the list", |shelf| {
            shelf.referrers = vec![UNREADABLE.to_owned()];
        }),
        ("a later page", |shelf| {
            shelf.referrers = vec![list(&[]), UNREADABLE.to_owned()];
        }),
        ("a list that is a web page", |shelf| {
            shelf.referrers = vec!["<html>".to_owned()];
        }),
        ("a list that is cut off", |shelf| {
            shelf.referrers = vec![r#"{"manifests":["#.to_owned()];
        }),
        ("a list that is something else", |shelf| {
            shelf.referrers = vec!["{}".to_owned()];
        }),
        ("a tag", |shelf| {
            let unreadable = (OCI_INDEX.to_owned(), UNREADABLE.to_owned());
            shelf.manifests.insert(referrers_tag(), unreadable);
        }),
        ("a tag with a web page", |shelf| {
            let page = ("text/html".to_owned(), "<html>".to_owned());
            shelf.manifests.insert(signature_tag(), page);
        }),
        ("a tag with a manifest that is cut off", |shelf| {
            let cut = (OCI_MANIFEST.to_owned(), r#"{"layers":["#.to_owned());
            shelf.manifests.insert(signature_tag(), cut);
        }),
        ("a tag with an index that is cut off", |shelf| {
            let cut = (OCI_INDEX.to_owned(), r#"{"manifests":["#.to_owned());
            shelf.manifests.insert(referrers_tag(), cut);
        }),
    ];
    for (name, spoil) in unread {
        let mut shelf = Shelf::default();
        spoil(&mut shelf);
        let (found, _) = shelf.search(image(), &[alice.key()]);
        assert!(matches!(found, Err(Searched::Partly { .. })), "{name}: {found:?}");
    }
    for part in ["manifest", "blob"] {
        let mut shelf = Shelf::default();
        let entry = referrer(&mut shelf);
        shelf.referrers = vec![list(std::slice::from_ref(&entry))];
        if part == "blob" {
            shelf.blobs.values_mut().for_each(|blob| UNREADABLE.clone_into(blob));
        } else {
            let manifest = shelf.manifests.get_mut(entry["digest"].as_str().unwrap()).unwrap();
            UNREADABLE.clone_into(&mut manifest.1);
        }
        let (found, _) = shelf.search(image(), &[alice.key()]);
        assert_eq!(found, Err(Searched::Partly { complaint: None }), "{part}");

        // But what is found elsewhere counts all the same.
        let payload = simple(image());
        let signature = alice.sign(payload.as_bytes());
        shelf.tagged(&signature_tag(), &[(SIMPLE, &payload, Some(&signature))]);
        assert_eq!(shelf.search(image(), &[alice.key()]).0, Ok(alice.key().id()), "{part}");
    }
}

#[test]
fn what_lasts_is_not_taken_for_a_fault_of_the_moment() {
    let alice = Signer::new(1);
    let shapes: [(&str, &str, &str); 5] = [
        (
            "another kind of manifest",
            "application/vnd.docker.distribution.manifest.v2+json",
            "{}",
        ),
        ("no layers", OCI_MANIFEST, "{}"),
        (
            "a manifest that says it is an index",
            OCI_MANIFEST,
            r#"{"mediaType":"application/vnd.oci.image.index.v1+json"}"#,
        ),
        ("layers of another shape", OCI_MANIFEST, r#"{"layers":{}}"#),
        ("an index of another shape", OCI_INDEX, r#"{"manifests":{}}"#),
    ];
    let unusable = whole(Unverified {
        unusable: 1,
        ..Unverified::default()
    });
    for (name, media_type, body) in shapes {
        let mut shelf = Shelf::default();
        let manifest = (media_type.to_owned(), body.to_owned());
        shelf.manifests.insert(signature_tag(), manifest);
        assert_eq!(shelf.search(image(), &[alice.key()]).0, unusable, "{name}");
    }
    let mut shelf = Shelf::default();
    let entry = shelf.artifact(&[(BUNDLE, "x", None)]);
    shelf.manifests.clear();
    shelf.referrers = vec![list(&[entry])];
    assert_eq!(shelf.search(image(), &[alice.key()]).0, unusable, "listed, but gone");
}

#[test]
fn a_flooded_place_costs_a_bounded_number_of_requests_and_does_not_hide_the_next() {
    let alice = Signer::new(1);
    let mut flooded = Shelf::default();
    let entries: Vec<_> = (0..1000)
        .map(|n| flooded.artifact(&[(BUNDLE, &format!("junk {n}"), None)]))
        .collect();
    flooded.referrers = entries.chunks(10).map(list).collect();
    flooded.index(&referrers_tag(), &entries);
    let (found, asked) = flooded.search(image(), &[alice.key()]);
    let Err(Searched::Whole(unverified)) = found else {
        panic!("{found:?}")
    };
    assert!(unverified.limited);
    assert!(asked.len() < 500, "{}", asked.len());

    let payload = simple(image());
    let signature = alice.sign(payload.as_bytes());
    flooded.tagged(&signature_tag(), &[(SIMPLE, &payload, Some(&signature))]);
    assert_eq!(flooded.search(image(), &[alice.key()]).0, Ok(alice.key().id()));

    let endless = Shelf {
        referrers: vec![list(&[]); 500],
        ..Shelf::default()
    };
    let (found, asked) = endless.search(image(), &[alice.key()]);
    assert!(matches!(found, Err(Searched::Whole(Unverified { limited: true, .. }))));
    assert!(asked.len() < 60, "{}", asked.len());
}

#[test]
fn an_abandoned_search_knows_nothing() {
    let mut search = SignatureSearch::new(image());
    search.abandon();
    assert_eq!(search.step(), Step::Done(Searched::Partly { complaint: None }));
}

#[test]
fn what_was_seen_is_told_in_words() {
    let of = |by_others, of_others, unusable, limited| Unverified {
        by_others,
        of_others,
        unusable,
        limited,
    };
    for (given, expected) in [
        (of(0, 0, 0, false), "it is not signed"),
        (of(1, 2, 3, false), "its one signature was made by another key"),
        (of(2, 0, 0, false), "its 2 signatures were made by other keys"),
        (
            of(0, 1, 3, false),
            "the signatures that lie with it are for another image",
        ),
        (
            of(0, 0, 3, false),
            "what lies in the place of its signatures cannot be used",
        ),
        (
            of(0, 0, 0, true),
            "it is not signed; there is more than is looked at for one image",
        ),
    ] {
        assert_eq!(given.to_string(), expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_answer_makes_it_panic_or_search_for_ever(
        bodies in prop::collection::vec(any_json(), 1..6), raw in any::<Vec<u8>>(), kinds in any::<[u8; 8]>(),
    ) {
        let mut search = SignatureSearch::new(image());
        let key = Signer::new(1).key();
        let texts: Vec<Vec<u8>> = bodies.iter().map(|body| body.to_string().into_bytes()).chain([raw]).collect();
        let types = [Some(OCI_MANIFEST), Some(OCI_INDEX), Some("text/html"), None];
        let mut rounds = 0;
        while let Step::Need(needed) = search.step() {
            rounds += 1;
            prop_assert!(rounds < 1000);
            let answers: Vec<_> = (0..needed.len()).map(|at| {
                let kind = kinds[(rounds + at) % kinds.len()] as usize;
                match kind % 8 {
                    0 => Answer::Missing,
                    1 => Answer::Unreadable,
                    _ => Answer::Found {
                        fetched: Fetched { media_type: types[kind % 4], body: &texts[kind % texts.len()] },
                        more: kind.is_multiple_of(5),
                    },
                }
            }).collect();
            search.answer(&answers);
            prop_assert!(search.signed_by(std::slice::from_ref(&key)).is_none());
        }
    }
}
