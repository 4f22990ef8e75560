//! `registries.conf`: what is read serves every image by the longest prefix, and an error tells no secret.
#![no_main]

use argocd_image_updater::core::{
    image::ImageRef,
    registries::{RegistriesConf, RegistriesConfError},
};
use argocd_image_updater_fuzz::assert_presentable;
use libfuzzer_sys::fuzz_target;

/// What is looked up in every file.
const IMAGES: [&str; 7] = [
    "nginx",
    "docker.io/library/nginx",
    "ghcr.io/acme/api",
    "ghcr.io.evil.test/acme/api",
    "registry.example.com:5000/a/b/c",
    "[::1]:5000/a",
    "localhost/a",
];

fuzz_target!(|data: &[u8]| {
    let Ok(text) = str::from_utf8(data) else { return };
    let conf = match RegistriesConf::parse(text) {
        Ok(conf) => conf,
        Err(error) => return refused(&error),
    };
    for warning in conf.warnings() {
        assert_presentable(&warning.to_string());
    }
    for image in IMAGES {
        let image = ImageRef::parse(image).expect("a reference");
        let profile = conf.lookup(&image);
        assert_eq!(
            profile,
            conf.lookup(&image),
            "the answer does not depend on what was asked before"
        );
        assert!(!profile.repository(&image).is_empty());
        let prefix = profile.prefix.trim_end_matches('/');
        let (host, _) = prefix.split_at(prefix.find('/').unwrap_or(prefix.len()));
        let hub = ["", "docker.io", "index.docker.io"];
        let same_host = host.eq_ignore_ascii_case(&image.registry)
            || hub.contains(&host.to_ascii_lowercase().as_str()) && hub.contains(&&*image.registry);
        assert!(
            same_host || (profile.default && image.registry.is_empty()),
            "{image} is not served by {prefix:?}"
        );
    }
});

fn refused(error: &RegistriesConfError) {
    assert_presentable(&error.to_string());
}
