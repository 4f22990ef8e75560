//! Override files: the first line holds `helm`, `kustomize` or `plugin` and entries, after `|` those that a new list repeats;
//! the rest is the file. It is edited, and then says so, or the error can be shown.
#![no_main]

use argocd_image_updater::core::{
    render::argocd_source::{HelmParameter, Overrides, PluginVariable, render_repeating},
    yaml::{Edited, Stream},
};
use argocd_image_updater_fuzz::assert_presentable;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = str::from_utf8(data) else { return };
    let Some((first, file)) = text.split_once('\n') else {
        return;
    };
    let Some((kind, entries)) = first.split_once(' ') else {
        return;
    };
    let (entries, repeated) = entries.split_once('|').unwrap_or((entries, ""));
    let (Some(entries), Some(repeated)) = (overrides(kind, entries), overrides(kind, repeated)) else {
        return;
    };
    match render_repeating(Some(file), &entries, &repeated) {
        Ok(Edited::New(new)) => {
            assert!(Stream::parse(&new).is_ok(), "{new:?}");
            assert_eq!(
                render_repeating(Some(&new), &entries, &repeated),
                Ok(Edited::Unchanged),
                "{new:?}"
            );
        }
        Ok(Edited::Unchanged) => {}
        Err(error) => assert_presentable(&error.to_string()),
    }
});

/// The entries, each name once.
fn overrides(kind: &str, text: &str) -> Option<Overrides> {
    let mut named: Vec<(&str, &str)> = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        if named.iter().all(|(other, _)| *other != name) {
            named.push((name, value));
        }
    }
    let named = named.into_iter();
    Some(match kind {
        "helm" => Overrides::Helm(
            named
                .map(|(name, value)| HelmParameter {
                    name: name.to_owned(),
                    value: value.to_owned(),
                    force_string: !value.starts_with('0'),
                })
                .collect(),
        ),
        "plugin" => Overrides::Plugin(
            named
                .map(|(name, value)| PluginVariable {
                    name: name.to_owned(),
                    value: value.to_owned(),
                })
                .collect(),
        ),
        // Of one image there is one entry, which the caller sees to.
        "kustomize" => Overrides::Kustomize(
            named
                .take(1)
                .map(|(name, value)| match value {
                    "" => name.to_owned(),
                    value => format!("{name}={value}"),
                })
                .collect(),
        ),
        _ => return None,
    })
}
