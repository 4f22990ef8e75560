//! Image references: what is written names the image that was read.
#![no_main]

use argocd_image_updater::core::image::{ImageRef, reference::split_alias};
use argocd_image_updater_fuzz::assert_presentable;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = str::from_utf8(data) else { return };
    let (alias, rest) = split_alias(text);
    match alias {
        Some(alias) => assert_eq!(format!("{alias}={rest}"), text),
        None => assert!(rest == text || Some(rest) == text.strip_prefix('='), "nothing is lost"),
    }
    let reference = match ImageRef::parse(rest) {
        Ok(reference) => reference,
        Err(error) => return assert_presentable(&error.to_string()),
    };
    assert!(!reference.name.is_empty());
    assert!(
        !reference
            .full_name()
            .contains(|c: char| c.is_whitespace() || c.is_control())
    );
    assert!(reference.same_image(&reference));
    spelled_again(&reference);
});

/// The text of a reference is read as the same reference, and written as the same text.
fn spelled_again(reference: &ImageRef) {
    // A registry's own host as the first part of a repository is left out when it is written.
    let repeated = reference
        .name
        .strip_prefix(&reference.registry)
        .is_some_and(|rest| rest.starts_with('/'));
    if repeated && !reference.registry.is_empty() {
        return;
    }
    let text = reference.to_string();
    let again = ImageRef::parse(&text).expect("what is written can be read");
    assert_eq!(again.to_string(), text);
    assert!(
        again.same_image(reference) && reference.same_image(&again),
        "{reference:?} became {again:?}"
    );
    let version = |reference: &ImageRef| reference.version.clone().unwrap_or_default();
    assert_eq!(version(&again), version(reference));
    let official = matches!(&*reference.registry, "" | "docker.io") && !reference.name.contains('/');
    if official && text.len() < 4000 {
        let long = format!("index.docker.io/library/{}", reference.name);
        let long = ImageRef::parse(&long).expect("a reference");
        assert!(
            long.same_image(reference),
            "Docker Hub is one registry, however it is spelled"
        );
    }
}
