//! Where the changes of one application go, from its merged write-back settings.
//!
//! Pure, and complete: what this version cannot write yet is refused beside it, in [`super::unsupported`]. Relative
//! targets stand in the path of the source that is written, which for several sources is the one that fits the target.
//! What holds for every application of a rule, above all its templates, is in [`commits`].

use crate::{
    api::{
        argocd::{Application, ApplicationSource},
        v1alpha1::{GitConfig, WriteBackConfig},
    },
    core::resolve::{
        ApplicationKind, Author, GitCredentialRef, SourceSlot, TargetFile,
        pull_request::{self, Forge},
        repository_path,
        source_type::{self, SourceType, TargetHint},
    },
};

pub mod commits;
mod error;
mod form;
mod method;

pub use error::InvalidWriteBack;
use form::TargetForm;
pub use method::is_git;
use method::method;

/// Where the changes of an application go, and what it is then taken for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The type of the source that is written.
    pub source_type: SourceType,
    /// The source that is written.
    pub slot: SourceSlot,
    /// `None` when the Application itself is written.
    pub git: Option<GitDestination>,
}

impl Destination {
    /// How values are written, with a source of this type. Plain manifests have images whatever the type is.
    pub fn kind(&self, source_type: SourceType) -> Option<ApplicationKind> {
        match &self.git {
            Some(git) if matches!(git.file, TargetFile::Manifests(_)) => Some(ApplicationKind::Manifests),
            git => source_type.kind(git.is_some()),
        }
    }
}

/// Where in git the changes of an application go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitDestination {
    /// The repository URL as written.
    pub repository: String,
    /// Whether that is a registry of charts or OCI artifacts, which the source names, and no git repository.
    pub is_registry: bool,
    /// Where its credentials lie.
    pub credentials: GitCredentialRef,
    /// The base branch as written; empty and `HEAD` mean the remote's default branch.
    pub base: String,
    /// The template of the branch that is pushed; `None` is the base branch.
    pub push: Option<String>,
    /// What is edited.
    pub file: TargetFile,
    /// What tells this target from others in names of branches.
    pub target_key: String,
    /// The author, when name and mail are both given.
    pub author: Option<Author>,
    /// The pull request that is opened.
    pub pull_request: Option<PullRequestDestination>,
}

/// Where a pull request is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequestDestination {
    /// The forge.
    pub forge: Forge,
    /// The labels.
    pub labels: Vec<String>,
    /// What tells its head branch from those of other targets.
    pub target_key: String,
}

/// The path of the file in which Argo CD itself looks for overrides of an application: beside its manifests, with the
/// application's namespace in the name when that is not Argo CD's own. The path is cleaned as far as it stays inside the
/// repository.
pub fn override_file_path(source_path: &str, app_name: &str, app_namespace: &str, argocd_namespace: &str) -> String {
    let name = if app_namespace.is_empty() || app_namespace == argocd_namespace {
        format!(".argocd-source-{app_name}.yaml")
    } else {
        format!(".argocd-source-{app_namespace}_{app_name}.yaml")
    };
    let path = format!("{source_path}/{name}");
    repository_path::join("", &path).unwrap_or(path)
}

/// Turns merged `settings` into the place where the changes of `application` go. `argocd_namespace` is the namespace of
/// Argo CD itself. With method `argocd`, which is the default, everything else in the block is ignored.
pub fn resolve(
    settings: &WriteBackConfig,
    application: &Application,
    argocd_namespace: &str,
) -> Result<Destination, InvalidWriteBack> {
    resolve_holding(settings, application, argocd_namespace, &|_, _| false)
}

/// [`resolve`], where of several sources of the wanted type the first that `holds` a value of an image is written.
pub fn resolve_holding(
    settings: &WriteBackConfig,
    application: &Application,
    argocd_namespace: &str,
    holds: &dyn Fn(SourceType, &ApplicationSource) -> bool,
) -> Result<Destination, InvalidWriteBack> {
    let Some(credentials) = method(settings, application.namespace())? else {
        let source_type = source_type::detect(application, TargetHint::None);
        let (slot, _) = source_type::select(application, source_type).ok_or(InvalidWriteBack::NoSource)?;
        return Ok(Destination {
            source_type,
            slot,
            git: None,
        });
    };
    let none = GitConfig::default();
    let git = settings.git_config.as_ref().unwrap_or(&none);
    let form = TargetForm::parse(git.write_back_target.as_deref().unwrap_or(""));
    let source_type = source_type::detect(application, form.hint());
    let (slot, source) = source_of(application, form, source_type, holds).ok_or(InvalidWriteBack::NoSource)?;
    let configured_repository = given(git.repository.as_ref());
    let form = match form {
        TargetForm::DefaultHelmValues if configured_repository.is_none() => {
            values_of_chart(application, source).unwrap_or(form)
        }
        form => form,
    };
    // The source whose repository is written: value files may lie in another one than the chart.
    let written = match form {
        TargetForm::HelmValuesOf { reference, .. } => {
            with_reference(application, reference).ok_or_else(|| InvalidWriteBack::NoReference(reference.to_owned()))?
        }
        _ => source,
    };
    let folder = written.path.as_deref().unwrap_or("");
    let default_path = || override_file_path(folder, application.name(), application.namespace(), argocd_namespace);
    let file = form.file(written, source_type, default_path)?;
    let configured = git.branch.as_deref().unwrap_or("").trim();
    let (base, push) = split_branch(configured)?;
    let is_registry = configured_repository.is_none() && written.is_registry();
    let repository = configured_repository
        .or_else(|| given(written.repo_url.as_ref()))
        .ok_or(InvalidWriteBack::NoRepository)?;
    let pull_request = match &git.pull_request {
        None => None,
        Some(_) if configured.contains(':') => return Err(InvalidWriteBack::PullRequestBranch),
        Some(request) => Some(PullRequestDestination {
            forge: pull_request::forge(request).ok_or(InvalidWriteBack::PullRequestForge)?,
            labels: pull_request::labels(request),
            target_key: pull_request::target_key(&repository, configured, file.path()),
        }),
    };
    let target_key = pull_request::target_key(&repository, base, file.path());
    Ok(Destination {
        source_type,
        slot,
        git: Some(GitDestination {
            target_key,
            base: match base {
                "" => base_of_application(application, written, &repository).to_owned(),
                base => base.to_owned(),
            },
            push: (!push.is_empty()).then(|| push.to_owned()),
            repository,
            is_registry,
            credentials,
            file,
            author: commits::author(git),
            pull_request,
        }),
    })
}

/// The source that fits the target. A kustomization is never in a chart: where the status does not tell yet which source
/// it is, it is the only folder of git that has no other kind of block.
fn source_of<'a>(
    application: &'a Application,
    form: TargetForm<'_>,
    source_type: SourceType,
    holds: &dyn Fn(SourceType, &ApplicationSource) -> bool,
) -> Option<(SourceSlot, &'a ApplicationSource)> {
    if let TargetForm::Manifests(_) = form {
        return source_type::select_for(application, source_type, form.hint());
    }
    let selected = source_type::select_held(application, source_type, |source| holds(source_type, source))?;
    if !matches!(form, TargetForm::Kustomization(_)) || !selected.1.is_registry() {
        return Some(selected);
    }
    let is_folder = |source: &ApplicationSource| {
        let has_path = source.path.as_deref().is_some_and(|path| !path.is_empty());
        has_path && !source.is_registry() && source.helm.is_none() && source.plugin.is_none()
    };
    let sources = source_type::sources(application).iter().enumerate();
    let mut folders = sources.filter(|(_, source)| is_folder(source));
    let only = folders.next().filter(|_| folders.next().is_none());
    Some(only.map_or(selected, |(index, source)| (SourceSlot::Multi(index), source)))
}

/// The usual layout of a chart with values of one's own: the source has `chart` and no `path`, and exactly one of its
/// value files is `$<ref>/<path>`. That file is meant then. A name that is only known when Argo CD renders is none.
fn values_of_chart<'a>(application: &Application, source: &'a ApplicationSource) -> Option<TargetForm<'a>> {
    let is_set = |text: Option<&String>| text.is_some_and(|text| !text.trim().is_empty());
    if !is_set(source.chart.as_ref()) || is_set(source.path.as_ref()) {
        return None;
    }
    let files = source.helm.as_ref()?.value_files.iter().flatten();
    let mut referring = files.filter_map(|file| match TargetForm::of_reference(file)? {
        TargetForm::HelmValuesOf { reference, path } => {
            with_reference(application, reference).map(|_| (reference, path))
        }
        _ => None,
    });
    let (reference, path) = referring.next().filter(|_| referring.next().is_none())?;
    let is_plain = !path.is_empty() && !path.contains(['$', '*', '?', '[', '{']);
    is_plain.then_some(TargetForm::HelmValuesOf { reference, path })
}

/// The source that others refer to by this name.
fn with_reference<'a>(application: &'a Application, reference: &str) -> Option<&'a ApplicationSource> {
    let mut sources = source_type::sources(application).iter();
    sources.find(|source| !reference.is_empty() && source.reference.as_deref() == Some(reference))
}

/// Base branch and template of the pushed branch; each may be empty.
fn split_branch(text: &str) -> Result<(&str, &str), InvalidWriteBack> {
    match text.split_once(':') {
        None => Ok((text, "")),
        Some((base, push)) if !push.contains(':') => Ok((base, push)),
        Some(_) => Err(InvalidWriteBack::Branch(text.to_owned())),
    }
}

/// The revision that the application itself follows in `repository`: that of the source that is written, when it is of
/// exactly that URL; of several sources the first of that URL; else again of the source that is written.
fn base_of_application<'a>(application: &'a Application, written: &'a ApplicationSource, repository: &str) -> &'a str {
    let same = |source: &&ApplicationSource| source.repo_url.as_deref() == Some(repository);
    let mut sources = std::iter::once(written).chain(source_type::sources(application));
    let source = sources.find(same).unwrap_or(written);
    source.target_revision.as_deref().unwrap_or("")
}

/// A text that is there, without blanks around it.
fn given(text: Option<&String>) -> Option<String> {
    let text = text.map(|text| text.trim()).filter(|text| !text.is_empty());
    text.map(str::to_owned)
}

#[cfg(test)]
mod tests;
