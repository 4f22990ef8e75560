//! What a remote repository lists: its branches, its default branch, and which names are tags.

use std::collections::{BTreeMap, BTreeSet};

use super::names::{BranchName, InvalidName, ObjectId};
use crate::core::foreign::ForeignText;

/// The references of a remote repository at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RemoteHeads {
    default_branch: Option<BranchName>,
    branches: BTreeMap<BranchName, ObjectId>,
    tags: BTreeSet<String>,
}

/// Why a name cannot be the branch that a write is based on.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum BaseError {
    /// There is no commit at all.
    #[error("the repository is empty; make a first commit")]
    EmptyRepository,
    /// No branch was asked for, and the server names no default branch.
    #[error("the repository has no default branch; set gitConfig.branch")]
    NoDefaultBranch,
    /// The name is a tag.
    #[error("{name} is a tag and cannot be written to; set gitConfig.branch to a branch")]
    Tag {
        /// The name.
        name: ForeignText,
    },
    /// The name is a commit id.
    #[error("{name} is a commit and cannot be written to; set gitConfig.branch to a branch")]
    Commit {
        /// The name.
        name: ForeignText,
    },
    /// There is no such branch.
    #[error("there is no branch {branch}")]
    Missing {
        /// The branch.
        branch: BranchName,
    },
    /// The text can be no branch.
    #[error(transparent)]
    Invalid(#[from] InvalidName),
}

/// The listing tells of a repository that cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sha256Listing;

impl RemoteHeads {
    /// Reads what `git ls-remote --symref` prints: `<id>\t<reference>`, and `ref: <reference>\tHEAD`.
    ///
    /// Branches whose names we would not write (longer than a file name may be) are left out.
    pub(super) fn parse(listing: &str) -> Result<Self, Sha256Listing> {
        let mut heads = Self::default();
        for line in listing.lines() {
            let Some((left, name)) = line.split_once('\t') else {
                continue;
            };
            if let Some(target) = left.strip_prefix("ref: ") {
                if name == "HEAD" {
                    heads.default_branch = target.strip_prefix("refs/heads/").and_then(|b| b.parse().ok());
                }
                continue;
            }
            if left.len() == 64 {
                return Err(Sha256Listing);
            }
            let Ok(id) = ObjectId::parse(left) else {
                continue;
            };
            if let Some(branch) = name.strip_prefix("refs/heads/") {
                if let Ok(branch) = BranchName::parse(branch) {
                    heads.branches.insert(branch, id);
                }
            } else if let Some(tag) = name.strip_prefix("refs/tags/") {
                heads.tags.insert(tag.trim_end_matches("^{}").to_owned());
            }
        }
        Ok(heads)
    }

    /// The branch that `HEAD` of the server points to.
    pub fn default_branch(&self) -> Option<&BranchName> {
        self.default_branch.as_ref()
    }

    /// All branches with their heads.
    pub fn branches(&self) -> &BTreeMap<BranchName, ObjectId> {
        &self.branches
    }

    /// The head of a branch, if there is such a branch.
    pub fn branch(&self, branch: &BranchName) -> Option<ObjectId> {
        self.branches.get(branch).copied()
    }

    /// Whether the name is a tag.
    pub fn is_tag(&self, name: &str) -> bool {
        self.tags.contains(name)
    }

    /// The branch to base a write on: nothing and `HEAD` mean the default branch; `refs/heads/` may stand in front. A name
    /// that is both a branch and a tag is the branch.
    pub fn base(&self, name: &str) -> Result<(BranchName, ObjectId), BaseError> {
        if self.branches.is_empty() {
            return Err(BaseError::EmptyRepository);
        }
        let name = name.trim();
        let branch = if name.is_empty() || name == "HEAD" {
            self.default_branch.clone().ok_or(BaseError::NoDefaultBranch)?
        } else {
            self.named(name)?
        };
        match self.branch(&branch) {
            Some(id) => Ok((branch, id)),
            None => Err(BaseError::Missing { branch }),
        }
    }

    fn named(&self, name: &str) -> Result<BranchName, BaseError> {
        if let Ok(branch) = BranchName::parse(name)
            && self.branches.contains_key(&branch)
        {
            return Ok(branch);
        }
        if let Some(branch) = name.strip_prefix("refs/heads/") {
            return Ok(BranchName::parse(branch)?);
        }
        if self.is_tag(name.strip_prefix("refs/tags/").unwrap_or(name)) {
            return Err(BaseError::Tag {
                name: ForeignText::new(name),
            });
        }
        // Short ids as git prints them have 7 digits or more.
        if (7..=64).contains(&name.len()) && name.chars().all(|c| c.is_ascii_hexdigit()) {
            return Err(BaseError::Commit {
                name: ForeignText::new(name),
            });
        }
        Ok(BranchName::parse(name)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "3ddef165bb670dd06c3c4469fb781f4effd6e440";

    fn heads() -> RemoteHeads {
        RemoteHeads::parse(&format!(
            "ref: refs/heads/main\tHEAD\n{ID}\tHEAD\n{ID}\trefs/heads/main\n{ID}\trefs/heads/refs/heads/odd\n\
             {ID}\trefs/heads/both\n{ID}\trefs/tags/both\n{ID}\trefs/tags/v1\n{ID}\trefs/tags/v2^{{}}\nnonsense\n"
        ))
        .unwrap()
    }

    #[test]
    fn a_base_is_a_branch_and_nothing_else() {
        for (given, expected) in [
            ("", "main"),
            ("HEAD", "main"),
            (" main ", "main"),
            ("refs/heads/main", "main"),
            ("both", "both"),
            (
                "v1",
                "v1 is a tag and cannot be written to; set gitConfig.branch to a branch",
            ),
            (
                "refs/tags/v2",
                "refs/tags/v2 is a tag and cannot be written to; set gitConfig.branch to a branch",
            ),
            (
                "3ddef16",
                "3ddef16 is a commit and cannot be written to; set gitConfig.branch to a branch",
            ),
            ("other", "there is no branch other"),
            ("refs/heads/other", "there is no branch other"),
            (
                "a b",
                "\"a b\" is not a branch name: it contains a blank, a control character or one of ~^:?*[\\",
            ),
        ] {
            let got = heads()
                .base(given)
                .map_or_else(|e| e.to_string(), |(b, _)| b.to_string());
            assert_eq!(got, expected, "{given}");
        }
    }

    #[test]
    fn a_listing_without_head_or_branches_is_told_apart() {
        let empty = RemoteHeads::parse("").unwrap();
        assert_eq!(empty.base("main"), Err(BaseError::EmptyRepository));
        let detached = RemoteHeads::parse(&format!("{ID}\tHEAD\n{ID}\trefs/heads/x\n")).unwrap();
        assert_eq!(detached.base(""), Err(BaseError::NoDefaultBranch));
        let sha256 = format!("{ID}{}\trefs/heads/main\n", "0".repeat(24));
        assert_eq!(RemoteHeads::parse(&sha256), Err(Sha256Listing));
    }
}
