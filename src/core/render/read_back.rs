//! From the file of a write target back to the Application: what the source would say if the file were written into it.
//!
//! Pure. Everything that decides by the source, such as `currentFrom: manifest`, then decides by the file. Nothing of this is
//! ever written to the Application.

use serde_json::{Value, json};

use super::{
    file::TargetText,
    helm_values::{self, HelmValuesError},
    kustomization::{self, KustomizationError},
    manifests::{self, ManifestsError, Wanted},
};
use crate::{
    api::argocd::{Application, ApplicationSource, ManifestText},
    core::{
        foreign::ForeignText,
        image::ImageRef,
        plan::{Entry, SourceEdit, place, values},
        resolve::{
            ApplicationKind, CurrentFrom, TargetFile, TrackedApplication, TrackedImage, WriteTarget, source_type,
            target::{ValuePlace, places::Part},
        },
        verdict::{Reason, Verdict},
        yaml::{ParseError, Path, Stream, ValueError},
    },
};

/// A target file from which the current version cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("currentFrom: manifest: {fault}; mend the file, or set currentFrom: live")]
pub struct ReadBackError {
    fault: Fault,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Fault {
    #[error("{path}: not YAML: {error}")]
    NotYaml { path: ForeignText, error: ParseError },
    #[error("{path}: {error}")]
    NotData { path: ForeignText, error: ValueError },
    #[error("{path}: line 1: it is no map of keys")]
    NotAMap { path: ForeignText },
    #[error("{path}: line {line}: {key} is nothing that a source of an Application can hold: {reason}")]
    NotASource {
        path: ForeignText,
        line: usize,
        key: ForeignText,
        reason: ForeignText,
    },
    #[error("{path}: {error}")]
    HelmValues { path: ForeignText, error: HelmValuesError },
    #[error("{path}: {error}")]
    Kustomization {
        path: ForeignText,
        error: KustomizationError,
    },
    #[error(transparent)]
    Manifests(ManifestsError),
}

impl From<Fault> for ReadBackError {
    fn from(fault: Fault) -> Self {
        Self { fault }
    }
}

impl From<ReadBackError> for Verdict {
    fn from(error: ReadBackError) -> Self {
        Self::new(Reason::TargetUnusable, error.to_string())
    }
}

/// A copy of `application` whose source says what the target file says. `files` are those that
/// [`reading`](super::file::reading) names; a missing one says nothing, so that the source counts alone. An application that is
/// written itself is its own manifest.
pub fn read_back(
    application: &Application,
    tracked: &TrackedApplication,
    files: &[TargetText],
) -> Result<Application, ReadBackError> {
    let mut copy = application.clone();
    let WriteTarget::Git(target) = &tracked.target else {
        return Ok(copy);
    };
    let Some(before) = source_type::source_in(application, tracked.source) else {
        return Ok(copy);
    };
    let mut after = before.clone();
    match &target.file {
        TargetFile::Manifests(_) => after.manifests = Some(in_manifests(application, tracked, files)?),
        file => {
            let Some((path, text)) = files.iter().find_map(|file| Some((&file.path, file.text.as_deref()?))) else {
                return Ok(copy);
            };
            let path = ForeignText::new(path);
            match file {
                TargetFile::HelmValues(_) => put_values(&mut after, followed(application, tracked), text)
                    .map_err(|error| Fault::HelmValues { path, error })?,
                TargetFile::Kustomization(_) => {
                    let images = kustomization::images(text).map_err(|error| Fault::Kustomization { path, error })?;
                    after.kustomize.get_or_insert_default().images = Some(images);
                }
                TargetFile::Override(_) | TargetFile::Manifests(_) => after = overridden(&after, path, text)?,
            }
        }
    }
    let edit = SourceEdit {
        slot: tracked.source,
        before: before.clone(),
        after,
    };
    edit.apply_to(&mut copy);
    Ok(copy)
}

/// What the manifests say of each image.
fn in_manifests(
    application: &Application,
    tracked: &TrackedApplication,
    files: &[TargetText],
) -> Result<Vec<ManifestText>, Fault> {
    let wanted: Vec<Wanted<'_>> = followed(application, tracked)
        .map(|(kind, image)| Wanted {
            alias: &image.alias,
            image: &image.reference,
            fields: kind == ApplicationKind::Manifests,
        })
        .collect();
    manifests::read(files, &wanted).map_err(Fault::Manifests)
}

/// `source` with the values of an override file laid over it as Argo CD does: a merge patch (RFC 7396), in which a list
/// replaces a list.
fn overridden(source: &ApplicationSource, path: ForeignText, text: &str) -> Result<ApplicationSource, Fault> {
    let stream = match Stream::parse(text) {
        Ok(stream) => stream,
        Err(error) => return Err(Fault::NotYaml { path, error }),
    };
    let Some(document) = stream.documents().first() else {
        return Ok(source.clone());
    };
    let keys = match document.to_value() {
        Ok(Value::Null) => return Ok(source.clone()),
        Ok(Value::Object(keys)) => keys,
        Ok(_) => return Err(Fault::NotAMap { path }),
        Err(error) => return Err(Fault::NotData { path, error }),
    };
    // One key at a time, so that the line of a wrong one can be told.
    let mut after = source.clone();
    for (key, value) in keys {
        let patched = serde_json::to_value(&after).and_then(|mut source| {
            json_patch::merge(&mut source, &json!({ key.as_str(): value }));
            serde_json::from_value(source)
        });
        after = match patched {
            Ok(after) => after,
            Err(error) => {
                return Err(Fault::NotASource {
                    path,
                    line: document.line_of(&Path::root().key(key.as_str())),
                    key: ForeignText::new(&key),
                    reason: ForeignText::new(&error.to_string()),
                });
            }
        };
    }
    Ok(after)
}

/// Sets the Helm parameters of the images to what the values file says at their places. What the file does not say stays.
fn put_values<'t>(
    source: &mut ApplicationSource,
    images: impl Iterator<Item = (ApplicationKind, &'t TrackedImage)>,
    text: &str,
) -> Result<(), HelmValuesError> {
    for (kind, image) in images {
        if kind != ApplicationKind::Helm {
            continue;
        }
        let places = image.manifest_target.helm_places();
        let parts: Vec<(&str, Part)> = places.iter().flat_map(ValuePlace::parts).collect();
        let names: Vec<&str> = parts.iter().map(|(name, _)| *name).collect();
        for ((name, part), value) in parts.iter().zip(helm_values::read(text, &names)?) {
            let entry = value.map(|value| Entry::HelmParameter {
                name: (*name).to_owned(),
                value: match part {
                    Part::Tag => value,
                    Part::Name | Part::Whole => with_registry(value, &image.reference),
                },
            });
            values::put(source, entry.as_slice(), &[]);
        }
    }
    Ok(())
}

/// A values file may leave out the registry, because the chart has a key of its own for it; when it is written, it stays out.
fn with_registry(value: String, image: &ImageRef) -> String {
    let full = format!("{}/{value}", image.registry);
    let is_same = |text: &str| ImageRef::parse(text).is_ok_and(|found| found.same_image(image));
    if image.registry.contains('.') && !is_same(&value) && is_same(&full) {
        full
    } else {
        value
    }
}

/// The images whose current version is read from the file, with how they are written. Those of `currentFrom: live` are decided
/// as without a file.
fn followed<'t>(
    application: &'t Application,
    tracked: &'t TrackedApplication,
) -> impl Iterator<Item = (ApplicationKind, &'t TrackedImage)> {
    let images = tracked.images.iter().filter_map(|image| image.tracked.as_deref().ok());
    let images = images.filter(|image| image.current_from == CurrentFrom::Manifest);
    images.filter_map(|image| Some((place::place(application, tracked, image).ok()?.kind, image)))
}

#[cfg(test)]
mod tests;
