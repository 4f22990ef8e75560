//! What became of a push: the answer for the very reference that was pushed, never the exit code alone.

use std::time::Duration;

use super::{
    error::GitError,
    names::{BranchName, ObjectId},
    url::RemoteUrl,
};
use crate::core::{disposition::Disposition, foreign::ForeignText, verdict::Reason};

/// A push did not happen. Only after [`PushError::HeadMoved`] is it worth rendering again and pushing at once.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum PushError {
    /// Somebody else wrote in between.
    #[error("{branch} of {repository} moved while we wrote: {answer}")]
    HeadMoved {
        /// The repository.
        repository: RemoteUrl,
        /// The branch.
        branch: BranchName,
        /// The head that we built on; nothing if the branch was to be new.
        expected: Option<ObjectId>,
        /// How the server said it.
        answer: ForeignText,
    },
    /// A hook, a protected branch, or another rule of the server.
    #[error("{repository} refused to update {branch}: {answer}")]
    Refused {
        /// The repository.
        repository: RemoteUrl,
        /// The branch.
        branch: BranchName,
        /// The words of the server.
        answer: ForeignText,
    },
    /// The credentials may not write here, or there are none.
    #[error("{repository} refused the credentials for writing, or wants some: {answer}")]
    Unauthorized {
        /// The repository.
        repository: RemoteUrl,
        /// The words of git and the server.
        answer: ForeignText,
    },
    /// Nobody knows whether it happened; the next listing of heads tells.
    #[error(
        "{repository} did not answer within {after:?}, so nobody knows whether the push happened; the next cycle looks at \
         the branch before it writes"
    )]
    Timeout {
        /// The repository.
        repository: RemoteUrl,
        /// The limit.
        after: Duration,
    },
    /// The commit was not built on the head that it should replace: pushing it would undo somebody's work.
    #[error("commit {commit} does not follow {expected}, the head of {branch}")]
    NotDescendant {
        /// The branch.
        branch: BranchName,
        /// The commit.
        commit: ObjectId,
        /// The head that it should follow.
        expected: ObjectId,
    },
    /// Anything else.
    #[error(transparent)]
    Git(GitError),
}

impl PushError {
    /// What to do about it.
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::HeadMoved { .. } | Self::NotDescendant { .. } => Disposition::DecideAgain,
            Self::Refused { .. } | Self::Unauthorized { .. } => Disposition::BackOff,
            Self::Timeout { .. } => Disposition::Retry,
            Self::Git(error) => error.disposition(),
        }
    }
}

impl PushError {
    /// The reason to report it with.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Unauthorized { .. } => Reason::CredentialsUnavailable,
            Self::Git(error) => error.reason(),
            Self::HeadMoved { .. } | Self::Refused { .. } | Self::Timeout { .. } | Self::NotDescendant { .. } => {
                Reason::WriteFailed
            }
        }
    }
}

impl From<GitError> for PushError {
    fn from(error: GitError) -> Self {
        match error {
            GitError::Unauthorized { repository, answer } => Self::Unauthorized { repository, answer },
            GitError::Timeout { repository, after } => Self::Timeout { repository, after },
            other => Self::Git(other),
        }
    }
}

/// The answer for one reference.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ReferenceResult {
    /// Written, or already there.
    Done,
    /// Not written, with the reason in the words of git or the server.
    Rejected(String),
    /// The server did not say.
    Unknown,
}

/// Looks for `reference` in what `git push --porcelain` printed: `<flag>\t<from>:<to>\t<summary> (<reason>)`.
pub(super) fn reference_result(porcelain: &str, reference: &str) -> ReferenceResult {
    for line in porcelain.lines() {
        let mut columns = line.splitn(3, '\t');
        let (Some(flag), Some(pair), Some(summary)) = (columns.next(), columns.next(), columns.next()) else {
            continue;
        };
        if pair.split_once(':').is_none_or(|(_, to)| to != reference) {
            continue;
        }
        return match flag {
            " " | "+" | "*" | "=" => ReferenceResult::Done,
            // The connection ended before the server told what it did.
            _ if summary.starts_with("[remote failure]") => ReferenceResult::Unknown,
            _ => ReferenceResult::Rejected(reason(summary).to_owned()),
        };
    }
    ReferenceResult::Unknown
}

/// What stands in the parentheses of `[remote rejected] (hook declined)`; the whole if there are none.
fn reason(summary: &str) -> &str {
    let summary = summary.trim();
    summary
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'))
        .unwrap_or(summary)
}

/// Why a reference was rejected.
pub(super) struct Refusal {
    pub(super) moved_head: bool,
    /// Without credentials.
    pub(super) answer: ForeignText,
}

/// The error for a rejected reference.
pub(super) fn rejected(
    repository: &RemoteUrl,
    branch: &BranchName,
    expected: Option<ObjectId>,
    Refusal { moved_head, answer }: Refusal,
) -> PushError {
    let (repository, branch) = (repository.clone(), branch.clone());
    if moved_head {
        return PushError::HeadMoved {
            repository,
            branch,
            expected,
            answer,
        };
    }
    PushError::Refused {
        repository,
        branch,
        answer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_for_the_very_reference_counts() {
        let line = |text: &str| format!("To https://h/a\n{text}\nDone\n");
        for (given, expected) in [
            (" \tabc:refs/heads/main\t1111111..2222222", ReferenceResult::Done),
            (
                "+\tabc:refs/heads/main\t1111111...2222222 (forced update)",
                ReferenceResult::Done,
            ),
            ("*\tabc:refs/heads/main\t[new branch]", ReferenceResult::Done),
            ("=\tabc:refs/heads/main\t[up to date]", ReferenceResult::Done),
            (
                "!\tabc:refs/heads/main\t[rejected] (stale info)",
                ReferenceResult::Rejected("stale info".into()),
            ),
            (
                "!\tabc:refs/heads/main\t[remote rejected] (hook (x) declined)",
                ReferenceResult::Rejected("hook (x) declined".into()),
            ),
            (
                "!\tabc:refs/heads/main\t[remote failure] (remote failed to report status)",
                ReferenceResult::Unknown,
            ),
            (
                "!\tabc:refs/heads/main\t[no match]",
                ReferenceResult::Rejected("[no match]".into()),
            ),
            (" \tabc:refs/heads/other\t1111111..2222222", ReferenceResult::Unknown),
            ("", ReferenceResult::Unknown),
        ] {
            assert_eq!(reference_result(&line(given), "refs/heads/main"), expected, "{given}");
        }
    }
}
