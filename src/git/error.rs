//! What can go wrong with a repository, and what to do about it.

use std::{fmt, time::Duration};

use super::{
    answers::{self, Kind},
    heads::BaseError,
    names::{BranchName, ObjectId},
    repo_path::RepoPath,
    url::RemoteUrl,
};
use crate::{
    core::{disposition::Disposition, foreign::ForeignText, verdict::Reason},
    http::egress::Refused,
};

const NO_USER: &str = "ssh wants the user that this process runs as to have an entry in /etc/passwd (the image has one \
                       for the user 1000)";

/// Reading from or preparing a write to a repository failed. Texts of servers are cleaned, credentials removed.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum GitError {
    /// `git` is missing or too old.
    #[error("the git program cannot be used: {reason}; git 2.39 or newer has to be in PATH")]
    Program {
        /// What was seen.
        reason: String,
    },
    /// The server refused the credentials, or wants some.
    #[error("{repository} refused the credentials, or wants some: {answer}")]
    Unauthorized {
        /// The repository.
        repository: RemoteUrl,
        /// The words of git and the server.
        answer: ForeignText,
    },
    /// There is no token for a GitHub App.
    #[error("{repository}: the GitHub App gets no token: {reason}")]
    Token {
        /// The repository.
        repository: RemoteUrl,
        /// Why.
        reason: ForeignText,
    },
    /// The private key cannot be opened, or an encrypted one is refused: ssh does not tell these apart.
    #[error(
        "{repository}: the key in sshPrivateKey cannot be read or is not accepted, or sshPrivateKeyPassphrase is not its \
         passphrase: {answer}"
    )]
    SshKey {
        /// The repository.
        repository: RemoteUrl,
        /// The words of ssh.
        answer: ForeignText,
    },
    /// The host key of the server is not known, or another one than is known.
    #[error("{repository}: the host key of {host} {problem}: {answer}", host = repository.host())]
    HostKey {
        /// The repository.
        repository: RemoteUrl,
        /// What is wrong.
        problem: HostKeyProblem,
        /// The words of ssh.
        answer: ForeignText,
    },
    /// The server redirects, and credentials that are sent unasked are not sent on.
    #[error(
        "{repository} redirects, and a bearerToken, or a password with forceHttpBasicAuth, is not sent to another URL; \
         name the URL that it redirects to"
    )]
    Redirects {
        /// The repository.
        repository: RemoteUrl,
    },
    /// The server has no such repository for us.
    #[error("{repository} is not there, or hidden from these credentials: {answer}")]
    NotFound {
        /// The repository.
        repository: RemoteUrl,
        /// The words of git and the server.
        answer: ForeignText,
    },
    /// The server's certificate is not trusted.
    #[error(
        "the certificate of {repository} is not trusted: {answer}; add its CA as a file named {:?} to the folder of \
         TLS certificates",
        repository.host()
    )]
    Certificate {
        /// The repository.
        repository: RemoteUrl,
        /// The words of git.
        answer: ForeignText,
    },
    /// No connection, or the server is in trouble.
    #[error("{repository} cannot be reached: {answer}")]
    Unreachable {
        /// The repository.
        repository: RemoteUrl,
        /// The words of git.
        answer: ForeignText,
    },
    /// Its host is never asked, whoever wants it.
    #[error("{repository} is not spoken to: {reason}")]
    Refused {
        /// The repository.
        repository: RemoteUrl,
        /// Why.
        reason: Refused,
    },
    /// The time limit is over.
    #[error("{repository} did not answer within {after:?}")]
    Timeout {
        /// The repository.
        repository: RemoteUrl,
        /// The limit.
        after: Duration,
    },
    /// The repository uses SHA-256.
    #[error("{repository} uses SHA-256 object names, which are not supported")]
    Sha256 {
        /// The repository.
        repository: RemoteUrl,
    },
    /// The base branch cannot be used.
    #[error("{repository}: {reason}")]
    Base {
        /// The repository.
        repository: RemoteUrl,
        /// Why.
        reason: BaseError,
    },
    /// A branch went away between listing and fetching.
    #[error("{repository} has no branch {branch}")]
    BranchGone {
        /// The repository.
        repository: RemoteUrl,
        /// The branch.
        branch: BranchName,
    },
    /// A path in the repository is nothing that can be read or written.
    #[error("{path} in {repository} is {reason}")]
    PathUnusable {
        /// The repository.
        repository: RemoteUrl,
        /// The path.
        path: RepoPath,
        /// Why.
        reason: Unusable,
    },
    /// The commit to write has no text or no author.
    #[error("the commit cannot be made: {reason}")]
    InvalidCommit {
        /// What is missing.
        reason: String,
    },
    /// The commit is not in the mirror: fetch first.
    #[error("commit {commit} of {repository} was not fetched")]
    NotFetched {
        /// The repository.
        repository: RemoteUrl,
        /// The commit.
        commit: ObjectId,
    },
    /// The mirror on our own disk is broken; the next fetch starts a new one.
    #[error("the mirror of {repository} is damaged and will be made anew: {reason}")]
    Damaged {
        /// The repository.
        repository: RemoteUrl,
        /// What was seen.
        reason: ForeignText,
    },
    /// The folder of the mirrors cannot be used.
    #[error("{path}: {reason}")]
    Folder {
        /// The folder.
        path: String,
        /// The operating system's words.
        reason: String,
    },
    /// Anything else.
    #[error("git {operation} of {repository} failed: {answer}")]
    Failed {
        /// The repository.
        repository: RemoteUrl,
        /// What was done.
        operation: &'static str,
        /// The words of git.
        answer: ForeignText,
    },
}

/// What is wrong with the host key that an SSH server shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostKeyProblem {
    /// There is none for this host.
    Unknown,
    /// There is another one.
    Changed,
    /// It was revoked.
    Revoked,
}

impl fmt::Display for HostKeyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => {
                "is not known; add it to ssh_known_hosts (the ConfigMap argocd-ssh-known-hosts-cm), as ssh-keyscan \
                 prints it and after comparing it with what the server's operator publishes"
            }
            Self::Changed => {
                "is another one than ssh_known_hosts has; somebody may be in between. If the server has a new key, \
                 replace the old one there (the ConfigMap argocd-ssh-known-hosts-cm)"
            }
            Self::Revoked => "is marked as revoked in ssh_known_hosts",
        })
    }
}

/// Why a path of a repository is not a file that can be edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unusable {
    /// It, or a folder on the way, is a symbolic link.
    Symlink,
    /// It, or a folder on the way, is a submodule.
    Submodule,
    /// Its content lies in Git LFS.
    LfsPointer,
    /// It is a folder.
    Directory,
    /// A folder on the way, or another file of the same commit, is where it should be.
    Blocked,
    /// Larger than 16 MiB.
    TooLarge,
    /// Its bytes are not UTF-8.
    NotText,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Symlink => "a symbolic link, or lies behind one; name the real file",
            Self::Submodule => "a submodule, or lies in one; write to the repository of the submodule",
            Self::LfsPointer => "kept in Git LFS and cannot be edited",
            Self::Directory => "a folder, not a file",
            Self::Blocked => "out of reach: a file stands where a folder is needed",
            Self::TooLarge => "larger than 16 MiB",
            Self::NotText => "not UTF-8 text",
        })
    }
}

impl GitError {
    /// What to do about it.
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::Sha256 { .. } | Self::InvalidCommit { .. } => Disposition::Stalled,
            Self::Program { .. }
            | Self::Unauthorized { .. }
            | Self::Token { .. }
            | Self::SshKey { .. }
            | Self::HostKey { .. }
            | Self::Redirects { .. }
            | Self::NotFound { .. }
            | Self::Certificate { .. }
            | Self::Refused { .. }
            | Self::Base { .. }
            | Self::PathUnusable { .. }
            | Self::Folder { .. }
            | Self::Failed { .. } => Disposition::BackOff,
            Self::Unreachable { .. }
            | Self::Timeout { .. }
            | Self::BranchGone { .. }
            | Self::NotFetched { .. }
            | Self::Damaged { .. } => Disposition::Retry,
        }
    }

    /// The reason to report it with.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Unauthorized { .. } | Self::Token { .. } | Self::SshKey { .. } => Reason::CredentialsUnavailable,
            Self::NotFound { .. }
            | Self::Redirects { .. }
            | Self::Refused { .. }
            | Self::Sha256 { .. }
            | Self::Base { .. }
            | Self::BranchGone { .. }
            | Self::PathUnusable { .. } => Reason::TargetUnusable,
            Self::InvalidCommit { .. } => Reason::InvalidSetting,
            Self::Program { .. }
            | Self::Certificate { .. }
            | Self::HostKey { .. }
            | Self::Unreachable { .. }
            | Self::Timeout { .. }
            | Self::NotFetched { .. }
            | Self::Damaged { .. }
            | Self::Folder { .. }
            | Self::Failed { .. } => Reason::WriteFailed,
        }
    }

    /// Reads what git said when it failed: `stderr` is understood, and shown as `clean`, which has no credentials in it.
    pub(super) fn from_stderr(repository: &RemoteUrl, operation: &'static str, stderr: &str, clean: &str) -> Self {
        let repository = repository.clone();
        let answer = answers::essence(clean);
        match answers::kind(stderr) {
            Some(Kind::Unauthorized) => Self::Unauthorized { repository, answer },
            Some(Kind::NotFound) => Self::NotFound { repository, answer },
            Some(Kind::SshKey) => Self::SshKey { repository, answer },
            Some(Kind::HostKey(problem)) => Self::HostKey {
                repository,
                problem,
                answer,
            },
            Some(Kind::NoUser) => Self::Program {
                reason: NO_USER.to_owned(),
            },
            Some(Kind::Redirect) => Self::Redirects { repository },
            Some(Kind::Certificate) => Self::Certificate { repository, answer },
            // git's own limits are others than ours; its words name them.
            Some(Kind::Unreachable | Kind::Timeout) => Self::Unreachable { repository, answer },
            Some(Kind::Sha256) => Self::Sha256 { repository },
            Some(Kind::Damage) => Self::Damaged {
                repository,
                reason: answer,
            },
            Some(Kind::ReferenceGone) => match gone_branch(stderr) {
                Some(branch) => Self::BranchGone { repository, branch },
                None => Self::Failed {
                    repository,
                    operation,
                    answer,
                },
            },
            None => Self::Failed {
                repository,
                operation,
                answer,
            },
        }
    }
}

/// The branch in `couldn't find remote ref refs/heads/x`.
fn gone_branch(stderr: &str) -> Option<BranchName> {
    let (_, rest) = stderr.split_once("remote ref refs/heads/")?;
    BranchName::parse(rest.split_whitespace().next()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_that_is_gone_is_named() {
        let url = RemoteUrl::parse("https://h/a").unwrap();
        let text = "fatal: couldn't find remote ref refs/heads/a/b\n";
        let error = GitError::from_stderr(&url, "fetch", text, text);
        assert_eq!(error.to_string(), "https://h/a has no branch a/b");
        assert_eq!(error.disposition(), Disposition::Retry);
    }
}
