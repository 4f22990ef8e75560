//! Annotation mode: images and settings from the annotations of an Application instead of from a rule.
//!
//! Pure. [`parse`] turns annotations into the objects that a resource would hold, so that everything behind it is the
//! same for both. What those objects mean is worked out once for all Applications with equal annotations: `cached`.

use std::collections::BTreeMap;

use crate::{
    api::{
        annotations::{IMAGE_LIST, target, update, write_back},
        v1alpha1::{
            CommonUpdateSettings, GitConfig, HelmTarget, ImageConfig, KustomizeTarget, ManifestTargets, PullRequest,
            PullRequestProvider, WriteBackConfig,
        },
    },
    core::{
        foreign::ForeignText,
        resolve::{
            origin::{annotation, in_keys},
            pull_request::Forge,
        },
    },
};

mod cached;
mod reader;
mod unknown;

pub(super) use cached::AnnotationRule;
use reader::{Reader, Scope};

/// What the annotations of one Application say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Annotated {
    /// Settings of all its images.
    pub common_update_settings: Option<CommonUpdateSettings>,
    /// Its images with their own settings.
    pub images: Vec<ImageConfig>,
    /// Where changes go.
    pub write_back_config: Option<WriteBackConfig>,
}

/// Annotations that cannot be used. Each text begins with the annotation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAnnotation {
    /// There is no list of images, or an empty one: nothing is configured.
    #[error(
        "{}: there are no images; name some (example: api=acme/api:1.x)",
        annotation(IMAGE_LIST)
    )]
    NoImages,
    /// Nothing behind the `=` of an alias.
    #[error(
        "{}: there is no image behind {alias:?}= (example: api=acme/api:1.x)",
        annotation(IMAGE_LIST)
    )]
    NoImage {
        /// The alias.
        alias: ForeignText,
    },
    /// An element that is no image, such as the second half of a constraint with a comma.
    #[error(
        "{}: {element:?} is no image; a comma separates images, so put a blank between the parts of a constraint",
        annotation(IMAGE_LIST)
    )]
    NotAnImage {
        /// The element.
        element: ForeignText,
    },
    /// Images that cannot be told apart.
    #[error("{}: {why}", annotation(IMAGE_LIST))]
    Duplicate {
        /// Which ones.
        why: ForeignText,
    },
    /// A switch that is neither on nor off.
    #[error("{}: {text:?} is neither true nor false", annotation(key))]
    Switch {
        /// The annotation, without prefix.
        key: String,
        /// What it says.
        text: ForeignText,
    },
    /// Two kinds of targets for one image.
    #[error(
        "{}: there is a Helm target for this image as well; remove one of them",
        annotation(&format!("{}.{}", in_keys(alias), target::KUSTOMIZE_NAME))
    )]
    SeveralTargets {
        /// The alias.
        alias: String,
    },
    /// A forge that is not known.
    #[error(
        "{}: {text:?} is no forge; use one of {}",
        annotation(write_back::PULL_REQUEST),
        forges()
    )]
    Forge {
        /// What it says.
        text: ForeignText,
    },
}

/// Reads the annotations of an Application. Keys that are not known, and those of an alias that is not in the list, are
/// ignored here; `unknown` tells of them.
///
/// Texts are trimmed, and a blank one counts as absent. An element of `image-list` has an alias when it has a `=` with no
/// `:` before it. Settings of an alias are looked up under the alias, then under the alias with `_` for each `/`.
pub fn parse(annotations: &BTreeMap<String, String>) -> Result<Annotated, InvalidAnnotation> {
    let reader = Reader(annotations);
    let list = reader.find(Scope::Application, IMAGE_LIST).unwrap_or_default();
    let images = list.split(',').map(str::trim).filter(|element| !element.is_empty());
    let images = images
        .map(|element| image(&reader, element))
        .collect::<Result<Vec<_>, _>>()?;
    if images.is_empty() {
        return Err(InvalidAnnotation::NoImages);
    }
    Ok(Annotated {
        common_update_settings: update_settings(&reader, Scope::Application)?,
        images,
        write_back_config: write_back_config(&reader)?,
    })
}

fn image(reader: &Reader<'_>, element: &str) -> Result<ImageConfig, InvalidAnnotation> {
    let (alias, name) = match element.split_once('=') {
        Some((alias, name)) if !alias.contains(':') => (alias.trim(), name.trim()),
        _ => ("", element),
    };
    if name.is_empty() {
        let alias = ForeignText::new(alias);
        return Err(InvalidAnnotation::NoImage { alias });
    }
    let mut image = ImageConfig {
        image_name: name.to_owned(),
        ..ImageConfig::default()
    };
    if !alias.is_empty() {
        let scope = Scope::Image(alias);
        image.alias = Some(alias.to_owned());
        image.common_update_settings = update_settings(reader, scope)?;
        image.manifest_targets = manifest_targets(reader, alias)?;
    }
    Ok(image)
}

fn update_settings(reader: &Reader<'_>, scope: Scope<'_>) -> Result<Option<CommonUpdateSettings>, InvalidAnnotation> {
    let text = |key| reader.text(scope, key);
    let platforms = match scope {
        Scope::Application => None,
        Scope::Image(_) => reader.list(scope, update::PLATFORMS),
    };
    let settings = CommonUpdateSettings {
        update_strategy: text(update::STRATEGY),
        force_update: reader.switch(scope, update::FORCE)?,
        allow_tags: text(update::ALLOW_TAGS),
        ignore_tags: reader.elements(scope, update::IGNORE_TAGS),
        pull_secret: text(update::PULL_SECRET),
        platforms,
        extract: text(update::EXTRACT),
        order: text(update::ORDER),
        minimum_age: text(update::MINIMUM_AGE),
        allow_downgrade: reader.switch(scope, update::ALLOW_DOWNGRADE)?,
        pin_digest: reader.switch(scope, update::PIN_DIGEST)?,
        current_from: text(update::CURRENT_FROM),
    };
    Ok((settings != CommonUpdateSettings::default()).then_some(settings))
}

fn manifest_targets(reader: &Reader<'_>, alias: &str) -> Result<Option<ManifestTargets>, InvalidAnnotation> {
    let text = |key| reader.text(Scope::Image(alias), key);
    let helm = HelmTarget {
        name: text(target::HELM_NAME),
        tag: text(target::HELM_TAG),
        spec: text(target::HELM_SPEC),
        additional: None,
    };
    let helm = (helm != HelmTarget::default()).then_some(helm);
    let kustomize = text(target::KUSTOMIZE_NAME).map(|name| KustomizeTarget { name });
    match (&helm, &kustomize) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(InvalidAnnotation::SeveralTargets {
            alias: alias.to_owned(),
        }),
        _ => Ok(Some(ManifestTargets {
            helm,
            kustomize,
            plugin: None,
        })),
    }
}

fn write_back_config(reader: &Reader<'_>) -> Result<Option<WriteBackConfig>, InvalidAnnotation> {
    let text = |key| reader.text(Scope::Application, key);
    let git = GitConfig {
        repository: text(write_back::REPOSITORY),
        branch: text(write_back::BRANCH),
        write_back_target: text(write_back::TARGET),
        pull_request: pull_request(reader)?,
        ..GitConfig::default()
    };
    let settings = WriteBackConfig {
        method: text(write_back::METHOD),
        git_config: (git != GitConfig::default()).then_some(git),
        ..WriteBackConfig::default()
    };
    Ok((settings != WriteBackConfig::default()).then_some(settings))
}

fn pull_request(reader: &Reader<'_>) -> Result<Option<PullRequest>, InvalidAnnotation> {
    let mut request = PullRequest {
        labels: reader.list(Scope::Application, write_back::PULL_REQUEST_LABELS),
        ..PullRequest::default()
    };
    if let Some(text) = reader.text(Scope::Application, write_back::PULL_REQUEST) {
        let named = |forge: &&Forge| forge.field().eq_ignore_ascii_case(&text.replace('-', ""));
        let forge = Forge::ALL.iter().find(named).ok_or_else(|| InvalidAnnotation::Forge {
            text: ForeignText::new(&text),
        })?;
        let provider = match forge {
            Forge::GitHub => &mut request.github,
            Forge::GitLab => &mut request.gitlab,
            Forge::Gitea => &mut request.gitea,
            Forge::Bitbucket => &mut request.bitbucket,
            Forge::BitbucketServer => &mut request.bitbucket_server,
            Forge::AzureDevOps => &mut request.azure_dev_ops,
        };
        *provider = Some(PullRequestProvider {});
    }
    Ok((request != PullRequest::default()).then_some(request))
}

fn forges() -> String {
    let names: Vec<_> = Forge::ALL.iter().map(|forge| forge.field()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests;
