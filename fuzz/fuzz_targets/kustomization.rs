//! Kustomizations: the first line holds images, `[name=]reference`, the rest is the file. It is edited, and then says so, or
//! the error can be shown.
#![no_main]

use argocd_image_updater::core::{
    render::kustomization::{ImageOverride, render},
    yaml::{Edited, Stream},
};
use argocd_image_updater_fuzz::assert_presentable;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = str::from_utf8(data) else { return };
    let Some((first, file)) = text.split_once('\n') else {
        return;
    };
    let mut images = Vec::new();
    for word in first.split(' ').filter(|word| !word.is_empty()) {
        match ImageOverride::parse(word) {
            Ok(image) => images.push(image),
            Err(error) => assert_presentable(&error.to_string()),
        }
    }
    match render(file, &images) {
        Ok(Edited::New(new)) => {
            assert!(Stream::parse(&new).is_ok(), "{new:?}");
            assert_eq!(render(&new, &images), Ok(Edited::Unchanged), "{new:?}");
        }
        Ok(Edited::Unchanged) => {}
        Err(error) => assert_presentable(&error.to_string()),
    }
});
