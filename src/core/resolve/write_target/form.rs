//! The forms of `writeBackTarget`.

use super::InvalidWriteBack;
use crate::{
    api::argocd::ApplicationSource,
    core::resolve::{
        PathPattern, TargetFile,
        path_pattern::InvalidFolder,
        repository_path::{self, OutsideRepository},
        source_type::{self, SourceType, TargetHint},
    },
};

/// What a `writeBackTarget` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TargetForm<'a> {
    /// Argo CD's override file.
    Default,
    /// The kustomization in this folder.
    Kustomization(&'a str),
    /// `helmvalues` and no more: the values file of the source.
    DefaultHelmValues,
    /// This Helm values file.
    HelmValues(&'a str),
    /// Plain manifests at this path or glob; where it is empty, those that Argo CD reads.
    Manifests(&'a str),
    /// This Helm values file from the root of the repository of the source with this `ref`.
    HelmValuesOf {
        /// The `ref` of the source.
        reference: &'a str,
        /// The file.
        path: &'a str,
    },
    /// The file at this path from the repository root.
    File(&'a str),
}

impl<'a> TargetForm<'a> {
    /// The words `kustomization`, `helmvalues` and `manifests` count only when the text ends there or a colon follows.
    pub(super) fn parse(text: &'a str) -> Self {
        let text = text.trim();
        let (word, rest) = text.split_once(':').unwrap_or((text, ""));
        match word {
            "" if text.is_empty() => Self::Default,
            "kustomization" => Self::Kustomization(rest),
            "helmvalues" if word == text => Self::DefaultHelmValues,
            "helmvalues" => Self::of_reference(rest).unwrap_or(Self::HelmValues(rest)),
            "manifests" => Self::Manifests(rest.trim()),
            _ => Self::File(text),
        }
    }

    /// A file of another source, as value files name it: `$<ref>/<path>`.
    pub(super) fn of_reference(text: &'a str) -> Option<Self> {
        let text = text.strip_prefix('$')?;
        let (reference, path) = text.split_once('/').unwrap_or((text, ""));
        Some(Self::HelmValuesOf { reference, path })
    }

    pub(super) fn hint(self) -> TargetHint<'a> {
        match self {
            Self::Default => TargetHint::None,
            Self::Kustomization(_) => TargetHint::Kustomization,
            Self::DefaultHelmValues | Self::HelmValues(_) | Self::HelmValuesOf { .. } => TargetHint::HelmValues,
            Self::Manifests(_) => TargetHint::Manifests,
            Self::File(path) => TargetHint::File(path),
        }
    }

    /// The file, for `source`, which is of this type.
    pub(super) fn file(
        self,
        source: &ApplicationSource,
        source_type: SourceType,
        default_path: impl FnOnce() -> String,
    ) -> Result<TargetFile, InvalidWriteBack> {
        let folder = source.path.as_deref().unwrap_or("");
        let join = |folder: &str, path: &str| {
            repository_path::join(folder, path)
                .map_err(|OutsideRepository| InvalidWriteBack::OutsideRepository(path.to_owned()))
        };
        match self {
            Self::Default => {
                let path = default_path();
                Ok(TargetFile::Override(join("", &path)?))
            }
            Self::Kustomization(path) => Ok(TargetFile::Kustomization(join(folder, path)?)),
            Self::DefaultHelmValues => Ok(TargetFile::HelmValues(join(folder, "values.yaml")?)),
            Self::HelmValues(path) => Ok(TargetFile::HelmValues(join(folder, path)?)),
            Self::Manifests("") => PathPattern::of_folder(folder, source.directory.as_ref())
                .map(TargetFile::Manifests)
                .map_err(|error| match error {
                    InvalidFolder::Outside(OutsideRepository) => InvalidWriteBack::OutsideRepository(folder.to_owned()),
                    InvalidFolder::Wild(error) => InvalidWriteBack::Directory(error),
                }),
            Self::Manifests(path) => match PathPattern::parse(folder, path) {
                Ok(pattern) => Ok(TargetFile::Manifests(pattern)),
                Err(OutsideRepository) => Err(InvalidWriteBack::OutsideRepository(path.to_owned())),
            },
            Self::HelmValuesOf { path, .. } => Ok(TargetFile::HelmValues(join("", path)?)),
            Self::File(path) => {
                let path = join("", path)?;
                match repository_path::base_name(&path) {
                    "kustomization.yaml" | "kustomization.yml" | "Kustomization" => {
                        Err(InvalidWriteBack::KustomizationFile(path))
                    }
                    _ if source_type == SourceType::Helm && source_type::is_values_file(&path) => {
                        Ok(TargetFile::HelmValues(path))
                    }
                    _ => Ok(TargetFile::Override(path)),
                }
            }
        }
    }
}
