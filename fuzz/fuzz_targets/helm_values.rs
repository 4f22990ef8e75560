//! Helm values: the first line is `parameter=value`, the rest the file. It is edited, and then says so, or the error can be
//! shown.
#![no_main]

use argocd_image_updater::core::{
    render::helm_values::{ValueWrite, render},
    yaml::{Edited, Stream},
};
use argocd_image_updater_fuzz::assert_presentable;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = str::from_utf8(data) else { return };
    let Some((first, file)) = text.split_once('\n') else {
        return;
    };
    let writes: Vec<_> = first
        .split(' ')
        .filter_map(|word| word.split_once('='))
        .map(|(parameter, value)| ValueWrite {
            parameter: parameter.to_owned(),
            value: value.to_owned(),
            registry_as_in_file: value.contains('/'),
        })
        .collect();
    match render(Some(file), &writes) {
        Ok(Edited::New(new)) => {
            assert!(Stream::parse(&new).is_ok(), "{new:?}");
            assert_eq!(render(Some(&new), &writes), Ok(Edited::Unchanged), "{new:?}");
        }
        Ok(Edited::Unchanged) => {}
        Err(error) => assert_presentable(&error.to_string()),
    }
});
