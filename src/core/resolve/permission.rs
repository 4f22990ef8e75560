//! Where an Application may write with Argo CD's own credentials.
//!
//! Whoever may create an Application in a namespace of their own would otherwise write wherever Argo CD can. So an
//! Application outside Argo CD's namespace may write
//!
//! * to a repository of one of its own sources, on the branch that this source follows, or
//! * to any branch of a repository that its AppProject allows as a source,
//!
//! and it counts for a project only when that project admits its namespace. Applications in Argo CD's own namespace, and
//! writes with a Secret that the Application's namespace holds, are not looked at here.
//!
//! Pure. The caller reads the AppProject, and only when [`WriteRequest::needs_project`] says so. How an AppProject allows
//! is read in [`rules`].

use crate::{
    api::argocd::{AppProject, Application},
    core::{
        foreign::ForeignText,
        repository_url,
        resolve::{GitCredentialRef, source_type},
    },
};

pub mod rules;

/// One write that has to be allowed.
#[derive(Debug, Clone, Copy)]
pub struct WriteRequest<'a> {
    /// The Application.
    pub application: &'a Application,
    /// The repository URL as written.
    pub repository: &'a str,
    /// The branch that is pushed.
    pub push: &'a str,
    /// The branch that the pushed one begins with when it is not there yet.
    pub base: &'a str,
    /// The default branch of the repository, as far as the server names one.
    pub default_branch: Option<&'a str>,
}

/// What reading an AppProject gave.
#[derive(Debug, Clone, Copy)]
pub enum ProjectAnswer<'a> {
    /// It.
    Read(&'a AppProject),
    /// There is none of this name.
    Missing,
    /// It could not be read, for this reason.
    Unreadable(&'a str),
}

/// Why an Application may not write to a repository. Texts name the rule and the ways out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The project cannot be read, or is not there.
    #[error("{RULE}. AppProject {project:?} {why}, so it allows nothing. {WAYS_OUT}")]
    NoProject {
        /// The project.
        project: ForeignText,
        /// What is wrong with it.
        why: String,
    },
    /// The project does not admit the namespace of the Application.
    #[error("{RULE}. AppProject {project:?} does not have namespace {namespace:?} in sourceNamespaces. {WAYS_OUT}")]
    NotOfProject {
        /// The project.
        project: ForeignText,
        /// The namespace of the Application.
        namespace: ForeignText,
    },
    /// The project does not allow the repository.
    #[error(
        "{RULE}. No source of it follows branch {branch:?} of this repository, and sourceRepos of AppProject {project:?} \
         do not allow the repository. {WAYS_OUT}"
    )]
    NotAllowed {
        /// The project.
        project: ForeignText,
        /// The branch that would be pushed.
        branch: ForeignText,
    },
}

const RULE: &str = "with Argo CD's credentials, an Application outside Argo CD's namespace may write to the branches that \
                    its own sources follow, and to repositories that its AppProject allows";
const WAYS_OUT: &str = "Change the AppProject, use git:secret:<namespace>/<name>, or let all Applications write everywhere \
                        with --allow-foreign-repositories";

/// Whether a write has to be allowed at all: with Argo CD's credentials, by an Application outside its namespace.
pub fn is_bound(application: &Application, argocd_namespace: &str, credentials: &GitCredentialRef) -> bool {
    *credentials == GitCredentialRef::RepoCreds && application.namespace() != argocd_namespace
}

impl WriteRequest<'_> {
    /// Whether the AppProject has to be known. `project_secret` says that the credentials are those of one project only:
    /// then it counts whether the Application really belongs to it, also where a source of its own is written.
    pub fn needs_project(&self, project_secret: bool) -> bool {
        project_secret || !self.is_own()
    }

    /// What the AppProject that the Application names says to it.
    pub fn check(&self, answer: ProjectAnswer<'_>) -> Result<(), Refusal> {
        let name = ForeignText::new(self.application.project());
        let no_project = |why: String| {
            Err(Refusal::NoProject {
                project: name.clone(),
                why,
            })
        };
        let project = match answer {
            ProjectAnswer::Read(project) => &project.spec,
            ProjectAnswer::Missing => return no_project("does not exist".to_owned()),
            ProjectAnswer::Unreadable(why) => return no_project(format!("cannot be read ({why})")),
        };
        let namespace = self.application.namespace();
        if !rules::admits(project.source_namespaces.as_deref().unwrap_or(&[]), namespace) {
            return Err(Refusal::NotOfProject {
                project: name,
                namespace: ForeignText::new(namespace),
            });
        }
        if self.is_own() || rules::allows(project.source_repos.as_deref().unwrap_or(&[]), self.repository) {
            return Ok(());
        }
        Err(Refusal::NotAllowed {
            project: name,
            branch: ForeignText::new(self.push),
        })
    }

    /// Whether sources of the Application follow both branches in this repository. Charts and OCI artifacts are no
    /// branches, whatever their revisions are called.
    fn is_own(&self) -> bool {
        let repository = repository_url::normalize(self.repository);
        let sources = source_type::sources(self.application).iter();
        let followed: Vec<&str> = sources
            .filter(|source| !source.is_registry())
            .filter(|source| repository_url::normalize(source.repo_url.as_deref().unwrap_or("")) == repository)
            .map(|source| source.target_revision.as_deref().unwrap_or("").trim())
            .collect();
        let follows = |revision: &str, branch: &str| match revision {
            "" | "HEAD" => self.default_branch == Some(branch),
            revision => revision.strip_prefix("refs/heads/").unwrap_or(revision) == branch,
        };
        let is_followed = |branch: &str| followed.iter().any(|revision| follows(revision, branch));
        !self.push.is_empty() && is_followed(self.push) && is_followed(self.base)
    }
}

#[cfg(test)]
mod tests;
