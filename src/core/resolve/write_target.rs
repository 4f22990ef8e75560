//! Where the changes of one application go, from its merged write-back settings.
//!
//! Pure, and complete: what this version cannot write yet is refused beside it, in [`super::unsupported`]. Relative
//! targets stand in the path of the source that is written, which for several sources is the one that fits the target.

use crate::{
    api::{
        argocd::{Application, ApplicationSource},
        v1alpha1::{GitConfig, WriteBackConfig},
    },
    core::{
        keys::ObjectKey,
        resolve::{
            ApplicationKind, Author, GitCredentialRef, SourceSlot, TargetFile,
            path_pattern::InvalidWild,
            pull_request::{self, Forge},
            repository_path,
            source_type::{self, SourceType, TargetHint},
        },
    },
};

mod form;

use form::TargetForm;

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

/// Write-back settings that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWriteBack {
    /// Neither `argocd` nor `git`.
    #[error("{0:?} is no method; use argocd, git, git:repocreds or git:secret:<namespace>/<name>")]
    Method(String),
    /// Credentials that are neither Argo CD's nor a Secret.
    #[error("{0:?} names no credentials; use git:repocreds or git:secret:<namespace>/<name>")]
    Credentials(String),
    /// More than one colon.
    #[error("{0:?} is no branch; use <base>, <base>:<template> or :<template>")]
    Branch(String),
    /// A path that leaves the repository.
    #[error("{0:?} leads out of the repository")]
    OutsideRepository(String),
    /// Which files Argo CD reads cannot be told.
    #[error("{0}; mend it, or name the files with writeBackTarget manifests:<path or glob>")]
    Directory(InvalidWild),
    /// A kustomization given as a file.
    #[error("{0:?} is a kustomization; use kustomization:/<folder>")]
    KustomizationFile(String),
    /// A write branch beside a pull request.
    #[error("a pull request names its own branch; remove the part from the colon on")]
    PullRequestBranch,
    /// None or several forges.
    #[error("a pull request needs exactly one forge, such as github: {{}}")]
    PullRequestForge,
    /// No source at all.
    #[error("the application has no source")]
    NoSource,
    /// Neither a configured repository nor one of the source.
    #[error("the application's source has no repoURL; set gitConfig.repository")]
    NoRepository,
}

impl InvalidWriteBack {
    /// The field below `writeBackConfig` that is wrong; `None` when the application is at fault.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::Method(_) | Self::Credentials(_) => Some("method"),
            Self::Branch(_) | Self::PullRequestBranch => Some("gitConfig.branch"),
            Self::OutsideRepository(_) | Self::KustomizationFile(_) => Some("gitConfig.writeBackTarget"),
            Self::PullRequestForge => Some("gitConfig.pullRequest"),
            Self::NoSource | Self::NoRepository | Self::Directory(_) => None,
        }
    }
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
    let (slot, source) =
        source_type::select_for(application, source_type, form.hint()).ok_or(InvalidWriteBack::NoSource)?;
    let default_path = || {
        let folder = source.path.as_deref().unwrap_or("");
        override_file_path(folder, application.name(), application.namespace(), argocd_namespace)
    };
    let file = form.file(source, source_type, default_path)?;
    let configured = git.branch.as_deref().unwrap_or("").trim();
    let (base, push) = split_branch(configured)?;
    let repository = repository(git, source)?;
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
                "" => base_of_application(application, source, &repository).to_owned(),
                base => base.to_owned(),
            },
            push: (!push.is_empty()).then(|| push.to_owned()),
            repository,
            credentials,
            file,
            author: author(git),
            pull_request,
        }),
    })
}

/// Whether `settings` ask for git at all; a method that cannot be read counts as git.
pub fn is_git(settings: &WriteBackConfig) -> bool {
    !matches!(settings.method.as_deref().map(str::trim), None | Some("" | "argocd"))
}

/// The git credentials that the method names; `None` for the method argocd.
fn method(settings: &WriteBackConfig, namespace: &str) -> Result<Option<GitCredentialRef>, InvalidWriteBack> {
    let text = settings.method.as_deref().unwrap_or("").trim();
    let credentials = match text.split_once(':') {
        None if text.is_empty() || text == "argocd" => return Ok(None),
        None if text == "git" => "repocreds",
        Some(("git", credentials)) => credentials,
        _ => return Err(InvalidWriteBack::Method(text.to_owned())),
    };
    let invalid = || InvalidWriteBack::Credentials(text.to_owned());
    if credentials == "repocreds" {
        return Ok(Some(GitCredentialRef::RepoCreds));
    }
    let secret = credentials.strip_prefix("secret:").ok_or_else(invalid)?;
    let (namespace, name) = secret.split_once('/').unwrap_or((namespace, secret));
    if name.is_empty() || name.contains(['/', ':']) || (secret.contains('/') && namespace.is_empty()) {
        return Err(invalid());
    }
    Ok(Some(GitCredentialRef::Secret(ObjectKey::new(namespace, name))))
}

/// Base branch and template of the pushed branch; each may be empty.
fn split_branch(text: &str) -> Result<(&str, &str), InvalidWriteBack> {
    match text.split_once(':') {
        None => Ok((text, "")),
        Some((base, push)) if !push.contains(':') => Ok((base, push)),
        Some(_) => Err(InvalidWriteBack::Branch(text.to_owned())),
    }
}

fn repository(git: &GitConfig, source: &ApplicationSource) -> Result<String, InvalidWriteBack> {
    let given = |text: Option<&String>| {
        text.map(|text| text.trim())
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    given(git.repository.as_ref())
        .or_else(|| given(source.repo_url.as_ref()))
        .ok_or(InvalidWriteBack::NoRepository)
}

/// The revision that the application itself follows in `repository`: of several sources the first of exactly that URL,
/// else the source that is written.
fn base_of_application<'a>(application: &'a Application, written: &'a ApplicationSource, repository: &str) -> &'a str {
    let sources = application.spec.sources.as_deref().unwrap_or(&[]);
    let same = |source: &&ApplicationSource| source.repo_url.as_deref() == Some(repository);
    let several = application.spec.source_hydrator.is_none();
    let source = sources.iter().find(|source| several && same(source)).unwrap_or(written);
    source.target_revision.as_deref().unwrap_or("")
}

fn author(git: &GitConfig) -> Option<Author> {
    let author = git.author.as_ref()?;
    let given = |text: Option<&String>| {
        text.map(|text| text.trim())
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    Some(Author {
        name: given(author.name.as_ref())?,
        email: given(author.email.as_ref())?,
    })
}

#[cfg(test)]
mod tests;
