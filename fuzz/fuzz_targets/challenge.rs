//! `WWW-Authenticate` and `Link` headers: one header on each line.
#![no_main]

use argocd_image_updater::registry::{challenge, link};
use argocd_image_updater_fuzz::lines;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((first, others)) = lines(data) else { return };
    for header in std::iter::once(first).chain(others.iter().copied()) {
        for challenge in challenge::parse(header) {
            assert!(!challenge.scheme.is_empty());
            assert_eq!(challenge.scheme, challenge.scheme.to_ascii_lowercase());
            let realm = challenge.param("realm").map(str::to_owned);
            let bearer = challenge.scheme == "bearer";
            assert_eq!(
                challenge.lasting().param("realm").map(str::to_owned),
                realm.filter(|_| bearer)
            );
        }
    }
    if let Ok(Some(target)) = link::next(std::iter::once(first).chain(others)) {
        assert!(!target.is_empty());
        assert_eq!(target, target.trim());
    }
});
