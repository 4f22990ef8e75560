//! Annotations under our prefix that say nothing: a typo would be passed over in silence otherwise.

use std::collections::BTreeMap;

use crate::{
    api::{
        annotations::{self, IMAGE_LIST, PREFIX, target, update, write_back},
        v1alpha1::ImageConfig,
    },
    core::{
        foreign::ForeignText,
        report::Remark,
        resolve::origin::{annotation, in_keys},
    },
};

/// How many of one Application are told; the rest is counted.
const TOLD: usize = 5;

/// Settings that stand alone, or with the alias of an image in front.
const OF_BOTH: &[&str] = &[
    update::STRATEGY,
    update::ALLOW_TAGS,
    update::IGNORE_TAGS,
    update::FORCE,
    update::PULL_SECRET,
    update::EXTRACT,
    update::ORDER,
    update::MINIMUM_AGE,
    update::ALLOW_DOWNGRADE,
    update::PIN_DIGEST,
    update::CURRENT_FROM,
];

/// Settings that stand alone.
const OF_APPLICATION: &[&str] = &[
    IMAGE_LIST,
    write_back::METHOD,
    write_back::REPOSITORY,
    write_back::BRANCH,
    write_back::TARGET,
    write_back::PULL_REQUEST,
    write_back::PULL_REQUEST_LABELS,
];

/// Settings with the alias of an image in front.
const OF_IMAGE: &[&str] = &[
    update::PLATFORMS,
    target::HELM_NAME,
    target::HELM_TAG,
    target::HELM_SPEC,
    target::KUSTOMIZE_NAME,
];

/// What is to be said about annotations that have no effect on an Application whose list is `images`.
pub(super) fn remarks(annotations: &BTreeMap<String, String>, images: &[ImageConfig]) -> Vec<Remark> {
    let aliases: Vec<&str> = images.iter().filter_map(|image| image.alias.as_deref()).collect();
    let keys = annotations.keys().filter_map(|name| name.strip_prefix(PREFIX));
    let keys = keys.filter(|key| format!("{PREFIX}{key}") != annotations::RECONCILE_REQUESTED_AT);
    let mut remarks: Vec<_> = keys
        .filter_map(|key| {
            let message = no_effect(key, &aliases)?;
            Some(Remark {
                field: annotation(key),
                message,
            })
        })
        .collect();
    if let Some(more) = remarks.len().checked_sub(TOLD).filter(|more| *more > 0) {
        remarks.truncate(TOLD);
        remarks.push(Remark {
            field: annotation("..."),
            message: format!("{more} more annotations have no effect"),
        });
    }
    remarks
}

/// Why an annotation has no effect; `None` when it has one.
fn no_effect(key: &str, aliases: &[&str]) -> Option<String> {
    if OF_APPLICATION.contains(&key) || OF_BOTH.contains(&key) {
        return None;
    }
    if OF_IMAGE.contains(&key) {
        return Some(format!(
            "it has no effect without the alias of an image in front: <alias>.{key}"
        ));
    }
    // An alias may hold dots itself, and so do some settings.
    let of_image = OF_BOTH.iter().chain(OF_IMAGE);
    let owners = of_image.filter_map(|setting| key.strip_suffix(setting)?.strip_suffix('.'));
    let mut stranger = None;
    for owner in owners {
        if aliases.iter().any(|alias| *alias == owner || in_keys(alias) == owner) {
            return None;
        }
        stranger = Some(owner);
    }
    Some(match stranger {
        Some(owner) => {
            let owner = ForeignText::new(owner);
            format!("it has no effect, as no image has the alias {owner:?}; write it in image-list: {owner}=<image>")
        }
        None => "there is no such setting, so it has no effect; look for a typo".to_owned(),
    })
}
