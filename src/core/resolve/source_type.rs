//! Which kind of manifests an application renders, and which of its sources is meant.
//!
//! Argo CD tells the type in `status`; a write target that only makes sense for one type decides before it.

use crate::{
    api::argocd::{Application, ApplicationSource},
    core::resolve::{ApplicationKind, ManifestTarget, SourceSlot},
};

/// The type of a source, as Argo CD names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SourceType {
    /// A Helm chart.
    Helm,
    /// A kustomization.
    Kustomize,
    /// A config management plugin.
    Plugin,
    /// Plain manifests.
    Directory,
    /// Not known yet, or a type that this program does not know.
    Unknown,
}

/// What a git write target says about the type of the source that it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetHint<'a> {
    /// Nothing: the application itself, or Argo CD's override file.
    None,
    /// A kustomization.
    Kustomization,
    /// A Helm values file, named as such.
    HelmValues,
    /// Plain manifests, which a source of any type may have.
    Manifests,
    /// A file that is only named by its path.
    File(&'a str),
}

impl SourceType {
    /// The type of `status.sourceType` or an entry of `status.sourceTypes`.
    pub fn parse(text: &str) -> Self {
        match text {
            "Helm" => Self::Helm,
            "Kustomize" => Self::Kustomize,
            "Plugin" => Self::Plugin,
            "Directory" => Self::Directory,
            _ => Self::Unknown,
        }
    }

    /// The type that `target` is made for; `None` when it fits every type.
    pub fn wanted_by(target: &ManifestTarget) -> Option<Self> {
        match target {
            ManifestTarget::Default => None,
            ManifestTarget::Helm(_) => Some(Self::Helm),
            ManifestTarget::Kustomize(_) => Some(Self::Kustomize),
            ManifestTarget::Plugin(_) => Some(Self::Plugin),
        }
    }

    /// Whether `source` has an explicit block of this type.
    fn has_block(self, source: &ApplicationSource) -> bool {
        match self {
            Self::Helm => source.helm.is_some(),
            Self::Kustomize => source.kustomize.is_some(),
            Self::Plugin => source.plugin.is_some(),
            Self::Directory | Self::Unknown => false,
        }
    }

    /// How values are written for it. With git, values of a plugin go to an override file as Helm parameters. `None` for
    /// a type that has no place for images.
    pub fn kind(self, git: bool) -> Option<ApplicationKind> {
        match self {
            Self::Helm => Some(ApplicationKind::Helm),
            Self::Kustomize => Some(ApplicationKind::Kustomize),
            Self::Plugin if git => Some(ApplicationKind::Helm),
            Self::Plugin => Some(ApplicationKind::Plugin),
            Self::Directory | Self::Unknown => None,
        }
    }
}

const WITH_IMAGES: [SourceType; 3] = [SourceType::Helm, SourceType::Kustomize, SourceType::Plugin];

/// The sources when there are several; they win over `source`, but not over the hydrator.
fn several(application: &Application) -> Option<&[ApplicationSource]> {
    let spec = &application.spec;
    spec.sources
        .as_deref()
        .filter(|sources| !sources.is_empty() && spec.source_hydrator.is_none())
}

/// The sources that count: the dry source of a hydrator, else `sources`, else `source`.
pub fn sources(application: &Application) -> &[ApplicationSource] {
    let spec = &application.spec;
    match (&spec.source_hydrator, several(application)) {
        (Some(hydrator), _) => std::slice::from_ref(&hydrator.dry_source),
        (None, Some(sources)) => sources,
        (None, None) => spec.source.as_slice(),
    }
}

fn status_type(application: &Application) -> SourceType {
    let text = application
        .status
        .as_ref()
        .and_then(|status| status.source_type.as_deref());
    SourceType::parse(text.unwrap_or(""))
}

fn status_types(application: &Application) -> &[String] {
    application
        .status
        .as_ref()
        .and_then(|status| status.source_types.as_deref())
        .unwrap_or(&[])
}

/// The type of `application` when its changes go to a target with this `hint`. Of several sources, the first type in
/// `status.sourceTypes` that has images counts.
pub fn detect(application: &Application, hint: TargetHint<'_>) -> SourceType {
    match hint {
        TargetHint::Kustomization => SourceType::Kustomize,
        TargetHint::HelmValues => SourceType::Helm,
        TargetHint::Manifests if plain_source(application).is_some() => SourceType::Directory,
        TargetHint::File(path) if is_values_file(path) && has_helm_source(application) => SourceType::Helm,
        TargetHint::File(_) | TargetHint::Manifests | TargetHint::None => natural(application),
    }
}

fn natural(application: &Application) -> SourceType {
    if several(application).is_some() {
        let mut types = status_types(application).iter().map(|text| SourceType::parse(text));
        let found = types.find(|found| WITH_IMAGES.contains(found));
        return found.unwrap_or(SourceType::Directory);
    }
    if let Some(hydrator) = &application.spec.source_hydrator {
        let dry = &hydrator.dry_source;
        if let Some(found) = WITH_IMAGES.into_iter().find(|kind| kind.has_block(dry)) {
            return found;
        }
    }
    status_type(application)
}

/// The type of an application whose status says none that has images: that of the explicit block of the source that would
/// be selected. Without a block, and while the status says nothing at all, the type that `named` says.
///
/// Only for images whose current version stands in the manifest: they do not wait for Argo CD to render it.
pub fn explicit(application: &Application, named: Option<SourceType>) -> Option<SourceType> {
    let (_, source) = select(application, SourceType::Unknown)?;
    let block = WITH_IMAGES.into_iter().find(|kind| kind.has_block(source));
    block.or_else(|| named.filter(|_| says_nothing(application)))
}

/// Whether the status names no type, neither of one source nor of several.
fn says_nothing(application: &Application) -> bool {
    let one = application
        .status
        .iter()
        .filter_map(|status| status.source_type.as_ref());
    one.chain(status_types(application)).all(String::is_empty)
}

/// Whether a bare file target is a Helm values file by its name: YAML, and not Argo CD's own override file.
pub fn is_values_file(path: &str) -> bool {
    let base = path.rsplit('/').next().unwrap_or(path);
    let yaml = [".yaml", ".yml"].iter().any(|ending| base.ends_with(ending));
    yaml && !base.starts_with(".argocd-source-")
}

fn has_helm_source(application: &Application) -> bool {
    match several(application) {
        Some(sources) => {
            sources.iter().any(|source| source.helm.is_some())
                || status_types(application)
                    .iter()
                    .any(|text| SourceType::parse(text) == SourceType::Helm)
        }
        None => natural(application) == SourceType::Helm,
    }
}

/// The source that a change of type `wanted` goes to. Of several: the first with an explicit block of the type, else the
/// first whose status says the type, else the first with any block, else the first. `None` when there is no source.
pub fn select(application: &Application, wanted: SourceType) -> Option<(SourceSlot, &ApplicationSource)> {
    if let Some(sources) = several(application) {
        let index = index_of(application, sources, wanted)
            .or_else(|| {
                sources
                    .iter()
                    .position(|s| WITH_IMAGES.iter().any(|kind| kind.has_block(s)))
            })
            .unwrap_or(0);
        return sources.get(index).map(|source| (SourceSlot::Multi(index), source));
    }
    if let Some(hydrator) = &application.spec.source_hydrator {
        return Some((SourceSlot::Hydrator, &hydrator.dry_source));
    }
    let source = application.spec.source.as_ref()?;
    Some((SourceSlot::Single, source))
}

/// As [`select`], for a target with this `hint`: plain manifests stand in the first of several sources that Argo CD says is a
/// folder of them, else in the first that is a folder at all.
pub fn select_for<'a>(
    application: &'a Application,
    wanted: SourceType,
    hint: TargetHint<'_>,
) -> Option<(SourceSlot, &'a ApplicationSource)> {
    if hint == TargetHint::Manifests
        && let Some(sources) = several(application)
    {
        let folder = plain_source(application).or_else(|| sources.iter().position(is_folder));
        if let Some(index) = folder {
            return sources.get(index).map(|source| (SourceSlot::Multi(index), source));
        }
    }
    select(application, wanted)
}

/// The first of several sources that is certainly a folder of plain manifests.
fn plain_source(application: &Application) -> Option<usize> {
    let sources = several(application)?;
    let types = status_types(application);
    let mut both = sources.iter().zip(types);
    (types.len() == sources.len()).then(|| {
        both.position(|(source, text)| is_folder(source) && SourceType::parse(text) == SourceType::Directory)
    })?
}

/// Whether it is a folder in git; a source that only lends files to others has no path.
fn is_folder(source: &ApplicationSource) -> bool {
    let given = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.is_empty());
    given(&source.path) && !given(&source.chart)
}

/// Of several sources that are certainly of type `wanted`, the first that `holds` picks; [`select`] where there is none.
pub fn select_held(
    application: &Application,
    wanted: SourceType,
    holds: impl Fn(&ApplicationSource) -> bool,
) -> Option<(SourceSlot, &ApplicationSource)> {
    let sources = several(application).unwrap_or(&[]);
    let types = Some(status_types(application)).filter(|types| types.len() == sources.len());
    let is_wanted = |index: usize, source: &ApplicationSource| {
        let told = types
            .and_then(|types| types.get(index))
            .map(|text| SourceType::parse(text));
        wanted.has_block(source) || (told == Some(wanted) && WITH_IMAGES.contains(&wanted))
    };
    let mut held = sources.iter().enumerate();
    held.find(|(index, source)| is_wanted(*index, source) && holds(source))
        .map(|(index, source)| (SourceSlot::Multi(index), source))
        .or_else(|| select(application, wanted))
}

fn index_of(application: &Application, sources: &[ApplicationSource], wanted: SourceType) -> Option<usize> {
    if let Some(index) = sources.iter().position(|source| wanted.has_block(source)) {
        return Some(index);
    }
    let types = status_types(application);
    if types.len() != sources.len() || !WITH_IMAGES.contains(&wanted) {
        return None;
    }
    types.iter().position(|text| SourceType::parse(text) == wanted)
}

/// The one of several sources that is certainly of type `wanted`: by its block or its status, never by default.
pub fn certain(application: &Application, wanted: SourceType) -> Option<SourceSlot> {
    let sources = several(application)?;
    index_of(application, sources, wanted).map(SourceSlot::Multi)
}

/// The source in `slot`.
pub fn source_in(application: &Application, slot: SourceSlot) -> Option<&ApplicationSource> {
    match slot {
        SourceSlot::Single => application.spec.source.as_ref(),
        SourceSlot::Multi(index) => application.spec.sources.as_ref()?.get(index),
        SourceSlot::Hydrator => application.spec.source_hydrator.as_ref().map(|h| &h.dry_source),
    }
}

#[cfg(test)]
mod tests;
