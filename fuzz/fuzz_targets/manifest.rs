//! Manifests and indexes: each line is a document, the first is what the tag names. Every second one is served as an index.
#![no_main]

use argocd_image_updater::core::image::{
    Platform, Platforms,
    manifest::{FactsWanted, Fetched, OCI_INDEX, OCI_MANIFEST, Step, TagReader},
};
use argocd_image_updater_fuzz::{assert_presentable, lines};
use libfuzzer_sys::fuzz_target;

/// More rounds than any tag may need.
const MOST_ROUNDS: usize = 1000;

fuzz_target!(|data: &[u8]| {
    let Some((first, documents)) = lines(data) else { return };
    let platforms = Platforms::parse::<&str>(&[], Platform::new("linux", "amd64")).expect("no platforms");
    for media_type in [OCI_MANIFEST, OCI_INDEX, ""] {
        for wanted in [FactsWanted::Created, FactsWanted::Digest] {
            read(platforms.clone(), wanted, media_type, first, &documents);
        }
    }
});

fn read(platforms: Platforms, wanted: FactsWanted, media_type: &str, first: &str, documents: &[&str]) {
    let started = TagReader::start(platforms, wanted, fetched(media_type, first));
    let mut reader = match started {
        Ok(Ok(reader)) => reader,
        Ok(Err(exclusion)) => return assert_presentable(&exclusion.to_string()),
        Err(unreadable) => return assert_presentable(&unreadable.to_string()),
    };
    let mut served = 0;
    for _ in 0..MOST_ROUNDS {
        let needed = match reader.step() {
            Step::Need(needed) => needed,
            Step::Done(Ok(facts)) => return assert!(facts.labels.len() <= 1 << 16),
            Step::Done(Err(exclusion)) => return assert_presentable(&exclusion.to_string()),
        };
        assert!(!needed.is_empty());
        let answers: Vec<_> = needed
            .iter()
            .map(|_| {
                served += 1;
                let document = documents.get(served % documents.len().max(1))?;
                Some(fetched(
                    if served.is_multiple_of(2) {
                        OCI_INDEX
                    } else {
                        OCI_MANIFEST
                    },
                    document,
                ))
            })
            .collect();
        match reader.answer(&answers) {
            Ok(Ok(())) => {}
            Ok(Err(exclusion)) => return assert_presentable(&exclusion.to_string()),
            Err(unreadable) => return assert_presentable(&unreadable.to_string()),
        }
    }
    panic!("reading one tag does not end");
}

fn fetched<'a>(media_type: &'a str, body: &'a str) -> Fetched<'a> {
    Fetched {
        media_type: Some(media_type),
        body: body.as_bytes(),
    }
}
