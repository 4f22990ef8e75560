//! Where a setting was said, so that messages name it in the words of whoever wrote it.

use crate::{
    api::annotations::{IMAGE_LIST, PREFIX, target, update, write_back},
    core::foreign::ForeignText,
};

/// Where a layer of settings stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// In the object at this path of the resource: `spec.applicationRefs[0]`.
    Resource(String),
    /// In the annotations of an Application: those of the image with this alias, or those of all its images.
    Annotations(Option<String>),
}

/// Which annotation stands for which field, and whether an alias may stand in front of it.
const ANNOTATIONS: &[(&str, &str, bool)] = &[
    ("imageName", IMAGE_LIST, false),
    ("commonUpdateSettings.updateStrategy", update::STRATEGY, true),
    ("commonUpdateSettings.allowTags", update::ALLOW_TAGS, true),
    ("commonUpdateSettings.ignoreTags", update::IGNORE_TAGS, true),
    ("commonUpdateSettings.forceUpdate", update::FORCE, true),
    ("commonUpdateSettings.pullSecret", update::PULL_SECRET, true),
    ("commonUpdateSettings.platforms", update::PLATFORMS, true),
    ("commonUpdateSettings.extract", update::EXTRACT, true),
    ("commonUpdateSettings.order", update::ORDER, true),
    ("commonUpdateSettings.minimumAge", update::MINIMUM_AGE, true),
    ("commonUpdateSettings.allowDowngrade", update::ALLOW_DOWNGRADE, true),
    ("commonUpdateSettings.pinDigest", update::PIN_DIGEST, true),
    ("commonUpdateSettings.currentFrom", update::CURRENT_FROM, true),
    ("manifestTargets", target::KUSTOMIZE_NAME, true),
    ("manifestTargets.helm", target::HELM_TAG, true),
    ("manifestTargets.kustomize", target::KUSTOMIZE_NAME, true),
    ("writeBackConfig.method", write_back::METHOD, false),
    ("writeBackConfig.gitConfig.repository", write_back::REPOSITORY, false),
    ("writeBackConfig.gitConfig.branch", write_back::BRANCH, false),
    ("writeBackConfig.gitConfig.writeBackTarget", write_back::TARGET, false),
    ("writeBackConfig.gitConfig.pullRequest", write_back::PULL_REQUEST, false),
];

impl Origin {
    /// The name of the field at `path` below the object that holds the layer, as a user finds it.
    pub fn field(&self, path: &str) -> String {
        let alias = match self {
            Self::Resource(owner) => return format!("{owner}.{path}"),
            Self::Annotations(alias) => alias.as_deref(),
        };
        let known = ANNOTATIONS.iter().find(|(field, _, _)| *field == path);
        let (key, may_have_alias) = known.map_or((path, true), |(_, key, may_have_alias)| (*key, *may_have_alias));
        match alias {
            Some(alias) if may_have_alias => annotation(&format!("{}.{key}", in_keys(alias))),
            _ => annotation(key),
        }
    }
}

/// An annotation, as messages name it. Its key may hold an alias that a stranger wrote.
pub(super) fn annotation(key: &str) -> String {
    format!("annotation {PREFIX}{}", ForeignText::new(key))
}

/// An alias as it stands in annotation keys, which hold no second slash.
pub(super) fn in_keys(alias: &str) -> String {
    alias.replace('/', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_named_as_it_was_written() {
        let image = Origin::Annotations(Some("acme/api".to_owned()));
        let all = Origin::Annotations(None);
        for (origin, path, expected) in [
            (
                &Origin::Resource("spec.images[0]".to_owned()),
                "imageName",
                "spec.images[0].imageName",
            ),
            (
                &image,
                "imageName",
                "annotation argocd-image-updater.argoproj.io/image-list",
            ),
            (
                &image,
                "commonUpdateSettings.minimumAge",
                "annotation argocd-image-updater.argoproj.io/acme_api.minimum-age",
            ),
            (
                &all,
                "commonUpdateSettings.minimumAge",
                "annotation argocd-image-updater.argoproj.io/minimum-age",
            ),
            (
                &all,
                "writeBackConfig.gitConfig.branch",
                "annotation argocd-image-updater.argoproj.io/git-branch",
            ),
        ] {
            assert_eq!(origin.field(path), expected);
        }
    }
}
