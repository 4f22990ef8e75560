//! The annotations of an Application: lines of `key: value`, the key without its prefix. What was read can be written as
//! annotations again, and is then read as the same.
#![no_main]

use std::collections::BTreeMap;

use argocd_image_updater::{
    api::{
        annotations::{IMAGE_LIST, PREFIX, target, update, write_back},
        v1alpha1::CommonUpdateSettings,
    },
    core::resolve::{
        annotations::{Annotated, parse},
        pull_request::{Forge, forge},
    },
};
use argocd_image_updater_fuzz::assert_presentable;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = str::from_utf8(data) else { return };
    let lines = text.lines().filter_map(|line| line.split_once(": "));
    let annotations: BTreeMap<_, _> = lines
        .map(|(key, value)| (format!("{PREFIX}{key}"), value.to_owned()))
        .collect();
    let annotated = match parse(&annotations) {
        Ok(annotated) => annotated,
        Err(error) => return assert_presentable(&error.to_string()),
    };
    let list = annotations
        .get(&format!("{PREFIX}{IMAGE_LIST}"))
        .expect("there are images");
    let elements = list.split(',').filter(|element| !element.trim().is_empty());
    assert_eq!(annotated.images.len(), elements.count(), "every element is an image");
    for image in &annotated.images {
        for text in [Some(&image.image_name), image.alias.as_ref()].into_iter().flatten() {
            assert!(!text.is_empty() && text.trim() == text, "{text:?}");
        }
    }
    assert_eq!(parse(&write(&annotated)).as_ref(), Ok(&annotated));
});

/// What was read, as annotations.
fn write(annotated: &Annotated) -> BTreeMap<String, String> {
    let mut written = Written(BTreeMap::new());
    let name = |image: &argocd_image_updater::api::v1alpha1::ImageConfig| match &image.alias {
        Some(alias) => format!("{alias}={}", image.image_name),
        // So that a `=` in the name is none behind an alias.
        None => format!("={}", image.image_name),
    };
    let names: Vec<_> = annotated.images.iter().map(name).collect();
    written.put("", IMAGE_LIST, Some(&names.join(", ")));
    written.settings("", annotated.common_update_settings.as_ref());
    for image in &annotated.images {
        let Some(alias) = &image.alias else {
            assert!(image.common_update_settings.is_none() && image.manifest_targets.is_none());
            continue;
        };
        let alias = format!("{alias}.");
        written.settings(&alias, image.common_update_settings.as_ref());
        let targets = image.manifest_targets.as_ref();
        if let Some(helm) = targets.and_then(|targets| targets.helm.as_ref()) {
            written.put(&alias, target::HELM_NAME, helm.name.as_ref());
            written.put(&alias, target::HELM_TAG, helm.tag.as_ref());
            written.put(&alias, target::HELM_SPEC, helm.spec.as_ref());
        }
        let kustomize = targets.and_then(|targets| targets.kustomize.as_ref());
        written.put(&alias, target::KUSTOMIZE_NAME, kustomize.map(|target| &target.name));
    }
    let config = annotated.write_back_config.as_ref();
    written.put("", write_back::METHOD, config.and_then(|config| config.method.as_ref()));
    if let Some(git) = config.and_then(|config| config.git_config.as_ref()) {
        written.put("", write_back::REPOSITORY, git.repository.as_ref());
        written.put("", write_back::BRANCH, git.branch.as_ref());
        written.put("", write_back::TARGET, git.write_back_target.as_ref());
        if let Some(request) = &git.pull_request {
            let forge = forge(request).map(Forge::field);
            written.put("", write_back::PULL_REQUEST, forge.as_ref());
            let labels = request.labels.as_ref().map(|labels| labels.join(", "));
            written.put("", write_back::PULL_REQUEST_LABELS, labels.as_ref());
        }
    }
    written.0
}

struct Written(BTreeMap<String, String>);

impl Written {
    fn put(&mut self, alias: &str, key: &str, text: Option<&impl AsRef<str>>) {
        if let Some(text) = text {
            self.0.insert(format!("{PREFIX}{alias}{key}"), text.as_ref().to_owned());
        }
    }

    fn settings(&mut self, alias: &str, settings: Option<&CommonUpdateSettings>) {
        let Some(settings) = settings else { return };
        let CommonUpdateSettings {
            update_strategy,
            force_update,
            allow_tags,
            ignore_tags,
            pull_secret,
            platforms,
            extract,
            order,
            minimum_age,
            allow_downgrade,
            pin_digest,
            current_from,
        } = settings;
        for (key, text) in [
            (update::STRATEGY, update_strategy),
            (update::ALLOW_TAGS, allow_tags),
            (update::PULL_SECRET, pull_secret),
            (update::EXTRACT, extract),
            (update::ORDER, order),
            (update::MINIMUM_AGE, minimum_age),
            (update::CURRENT_FROM, current_from),
        ] {
            self.put(alias, key, text.as_ref());
        }
        for (key, switch) in [
            (update::FORCE, force_update),
            (update::ALLOW_DOWNGRADE, allow_downgrade),
            (update::PIN_DIGEST, pin_digest),
        ] {
            self.put(alias, key, switch.map(|on| on.to_string()).as_ref());
        }
        for (key, list) in [(update::IGNORE_TAGS, ignore_tags), (update::PLATFORMS, platforms)] {
            self.put(alias, key, list.as_ref().map(|list| list.join(", ")).as_ref());
        }
    }
}
