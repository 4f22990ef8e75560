use proptest::prelude::*;

use super::*;

const AMD: &str =
    r#"{"os":"linux","architecture":"amd64","created":"2024-05-01T10:00:00Z","config":{"Labels":{"a":"amd"}}}"#;
const ARM: &str = r#"{"os":"linux","architecture":"arm64","created":"2024-06-01T10:00:00Z"}"#;

fn image(config: &str) -> String {
    format!(r#"{{"config":{{"digest":"{}"}}}}"#, Digest::of(config.as_bytes()))
}

fn index(entries: &[(&str, Option<&str>)]) -> String {
    let entries: Vec<_> = entries
        .iter()
        .map(|(body, platform)| {
            let platform = platform.map_or(String::new(), |p| format!(r#","platform":{p}"#));
            format!(r#"{{"digest":"{}"{platform}}}"#, Digest::of(body.as_bytes()))
        })
        .collect();
    format!(r#"{{"manifests":[{}]}}"#, entries.join(","))
}

fn linux(arch: &str) -> Platforms {
    Platforms(vec![Platform::new("linux", arch)])
}

/// Reads a tag from a store of bodies; what has `manifests` is an index.
fn read(platforms: Platforms, wanted: FactsWanted, top: &str, store: &[&str]) -> (Result<TagFacts, Exclusion>, usize) {
    let fetched = |body: &'_ str| -> Option<&'static str> {
        Some(if body.contains("\"manifests\"") {
            OCI_INDEX
        } else {
            OCI_MANIFEST
        })
    };
    let start = Fetched {
        media_type: fetched(top),
        body: top.as_bytes(),
    };
    let mut asked = 0;
    let mut reader = match TagReader::start(platforms, wanted, start).unwrap() {
        Ok(reader) => reader,
        Err(exclusion) => return (Err(exclusion), asked),
    };
    loop {
        let needed = match reader.step() {
            Step::Done(result) => return (result, asked),
            Step::Need(needed) => needed,
        };
        asked += needed.len();
        let answers: Vec<_> = needed
            .iter()
            .map(|fetch| {
                let body = store
                    .iter()
                    .find(|body| Digest::of(body.as_bytes()) == fetch.digest())?;
                Some(Fetched {
                    media_type: fetched(body),
                    body: body.as_bytes(),
                })
            })
            .collect();
        if let Err(exclusion) = reader.answer(&answers).unwrap() {
            return (Err(exclusion), asked);
        }
    }
}

#[test]
fn the_digest_of_an_index_with_a_wanted_platform_needs_no_further_request() {
    let (amd, arm) = (image(AMD), image(ARM));
    let top = index(&[(&amd, Some(r#"{"os":"linux","architecture":"amd64"}"#)), (&arm, None)]);
    let (facts, fetches) = read(linux("amd64"), FactsWanted::Digest, &top, &[&amd, AMD, &arm, ARM]);
    assert_eq!(facts.unwrap().digest, Digest::of(top.as_bytes()));
    assert_eq!(fetches, 0);
}

#[test]
fn the_index_is_believed_about_the_variant() {
    let config = r#"{"os":"linux","architecture":"arm","created":"2024-05-01T10:00:00Z"}"#;
    let child = image(config);
    let top = index(&[(&child, Some(r#"{"os":"linux","architecture":"arm","variant":"v7"}"#))]);
    let platforms = Platforms(vec!["linux/arm/v7".parse().unwrap()]);
    let (facts, _) = read(platforms, FactsWanted::Created, &top, &[&child, config]);
    assert!(facts.unwrap().created.is_some());
}

#[test]
fn an_entry_without_platform_is_judged_by_its_config() {
    let (amd, arm) = (image(AMD), image(ARM));
    let top = index(&[(&amd, None), (&arm, None)]);
    let store = [amd.as_str(), AMD, &arm, ARM];
    let (facts, _) = read(linux("amd64"), FactsWanted::Created, &top, &store);
    assert_eq!(facts.unwrap().labels["a"], "amd");
    let (facts, _) = read(linux("s390x"), FactsWanted::Created, &top, &store);
    assert!(matches!(facts, Err(Exclusion::NoWantedPlatform { .. })), "{facts:?}");
}

#[test]
fn attestations_beside_an_image_are_never_fetched() {
    let amd = image(AMD);
    let top = index(&[
        (&amd, Some(r#"{"os":"linux","architecture":"amd64"}"#)),
        ("attestation", Some(r#"{"os":"unknown","architecture":"unknown"}"#)),
    ]);
    let (facts, fetches) = read(linux("amd64"), FactsWanted::Created, &top, &[&amd, AMD]);
    assert!(facts.is_ok());
    assert_eq!(fetches, 2);
}

#[test]
fn indexes_may_be_nested_but_not_without_end() {
    let amd = image(AMD);
    let mut store = vec![amd.clone(), AMD.to_owned()];
    for (depth, fits) in [(1, true), (3, true), (4, false)] {
        store.truncate(2);
        let mut top = amd.clone();
        for _ in 0..depth {
            top = index(&[(&top, None)]);
            store.push(top.clone());
        }
        let bodies: Vec<&str> = store.iter().map(String::as_str).collect();
        let (facts, _) = read(linux("amd64"), FactsWanted::Created, &top, &bodies);
        assert_eq!(facts.is_ok(), fits, "{depth}: {facts:?}");
    }
}

#[test]
fn an_index_with_thousands_of_entries_is_refused() {
    let bodies: Vec<String> = (0..1000).map(|i| i.to_string()).collect();
    let entries: Vec<(&str, Option<&str>)> = bodies.iter().map(|b| (b.as_str(), None)).collect();
    let (facts, _) = read(linux("amd64"), FactsWanted::Created, &index(&entries), &[]);
    assert_eq!(facts, Err(Exclusion::TooLarge));
}

#[test]
fn what_is_lasting_and_what_is_not() {
    let start = |media_type, body: &'static str| {
        let fetched = Fetched {
            media_type,
            body: body.as_bytes(),
        };
        TagReader::start(linux("amd64"), FactsWanted::Digest, fetched).map(|r| r.map(|_| ()))
    };
    let v1 = "application/vnd.docker.distribution.manifest.v1+prettyjws";
    let vendor = "application/vnd.acme.thing.v1+json";
    let schema1 = r#"{"schemaVersion":1}"#;
    assert_eq!(start(Some(v1), schema1), Ok(Err(Exclusion::Schema1)));
    let own = start(Some(vendor), r#"{"mediaType":"application/vnd.acme.thing.v1+json"}"#);
    assert!(matches!(own, Ok(Err(Exclusion::NotAnImage { .. }))), "{own:?}");
    // Nothing but the header says so.
    for (media_type, body) in [
        (v1, "{}"),
        (vendor, "{}"),
        (vendor, "no JSON"),
        (v1, r#"{"schemaVersion":2}"#),
    ] {
        let read = start(Some(media_type), body);
        assert!(
            matches!(read, Ok(Err(Exclusion::Labelled { .. }))),
            "{media_type} {body}: {read:?}"
        );
    }
    // The bytes say something else than the header.
    for (media_type, body) in [
        (v1, r#"{"schemaVersion":2,"config":{"digest":"d"}}"#),
        (
            v1,
            r#"{"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#,
        ),
        (vendor, r#"{"config":{"digest":"d"}}"#),
        (
            vendor,
            r#"{"mediaType":"application/vnd.docker.distribution.manifest.v2+json"}"#,
        ),
        (vendor, r#"{"mediaType":"application/vnd.other"}"#),
        (vendor, schema1),
        (OCI_MANIFEST, schema1),
        (OCI_MANIFEST, r#"{"manifests":[]}"#),
        (
            OCI_MANIFEST,
            r#"{"mediaType":"application/vnd.oci.image.index.v1+json","config":{"digest":"d"}}"#,
        ),
        (OCI_INDEX, r#"{"config":{"digest":"d"}}"#),
        (DOCKER_LIST, r#"{"mediaType":"application/vnd.acme.thing.v1+json"}"#),
    ] {
        let read = start(Some(media_type), body);
        assert!(
            matches!(read, Err(Unreadable::OtherType { .. })),
            "{media_type} {body}: {read:?}"
        );
    }
    // Two names of one format.
    let other = r#"{"mediaType":"application/vnd.docker.distribution.manifest.v2+json","config":{"digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}}"#;
    assert_eq!(start(Some(OCI_MANIFEST), other), Ok(Ok(())));
    for (media_type, body) in [
        (OCI_MANIFEST, "{}"),
        (OCI_MANIFEST, "[]"),
        (OCI_INDEX, "{\"manifests\":5}"),
    ] {
        assert!(
            matches!(start(Some(media_type), body), Ok(Err(Exclusion::NotAnImage { .. }))),
            "{media_type} {body}"
        );
    }
    for (media_type, body) in [
        (None, "{}"),
        (Some("text/html"), "<html>"),
        (Some("application/json"), "{}"),
        (Some(OCI_MANIFEST), "{\"config\":{\"dig"),
    ] {
        assert!(start(media_type, body).is_err(), "{media_type:?} {body}");
    }
}

proptest! {
    #[test]
    fn no_manifest_makes_it_panic(body in r#"(\{|"config"|"manifests"|:|\[|\]|\}|"digest"|"sha256:0"|,|null){0,20}|.*"#, kind in 0usize..4) {
        let fetched = Fetched { media_type: Some(ACCEPTED[kind]), body: body.as_bytes() };
        let _ = TagReader::start(linux("amd64"), FactsWanted::Created, fetched);
    }

    #[test]
    fn no_config_makes_it_panic(config in r#"\{("os"|"created"|"config"|:|,|"linux"|\{|\}|1|null){0,20}|.*"#) {
        let top = image(&config);
        let fetched = Fetched { media_type: Some(OCI_MANIFEST), body: top.as_bytes() };
        let mut reader = TagReader::start(linux("amd64"), FactsWanted::Created, fetched).unwrap().unwrap();
        let _ = reader.answer(&[Some(Fetched { media_type: None, body: config.as_bytes() })]);
        let _ = reader.step();
    }
}
