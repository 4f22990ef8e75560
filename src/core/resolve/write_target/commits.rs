//! How commits look: what holds for every application of a rule.

use super::{InvalidWriteBack, given, split_branch};
use crate::{
    api::v1alpha1::{GitConfig, WriteBackConfig},
    core::{
        render::{branch::BranchTemplate, message_template::MessageTemplate},
        resolve::{Author, CommitGrouping},
    },
};

/// What write-back settings say about commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitSettings {
    /// The template of the message, which can be parsed; `None` is the controller's own.
    pub message: Option<String>,
    /// What shares a commit.
    pub grouping: CommitGrouping,
    /// Whether Argo CD is told of a push to the branch that the Application follows.
    pub refresh: bool,
}

impl Default for CommitSettings {
    fn default() -> Self {
        Self {
            message: None,
            grouping: CommitGrouping::default(),
            refresh: true,
        }
    }
}

/// Reads what merged settings say about commits. Templates are tried here, so that a mistake is told before there is
/// anything to write; the template of the pushed branch too, though it stands in the destination.
pub fn settings(settings: &WriteBackConfig) -> Result<CommitSettings, InvalidWriteBack> {
    let Some(git) = &settings.git_config else {
        return Ok(CommitSettings::default());
    };
    let (_, push) = split_branch(git.branch.as_deref().unwrap_or("").trim())?;
    BranchTemplate::parse(push).map_err(InvalidWriteBack::BranchTemplate)?;
    let message = git.message.as_ref().filter(|text| !text.trim().is_empty());
    if let Some(text) = message {
        MessageTemplate::parse(text).map_err(InvalidWriteBack::Message)?;
    }
    Ok(CommitSettings {
        message: message.cloned(),
        grouping: grouping(git.commit_grouping.as_deref().unwrap_or(""))?,
        refresh: git.refresh_application.unwrap_or(true),
    })
}

fn grouping(text: &str) -> Result<CommitGrouping, InvalidWriteBack> {
    match text.trim() {
        "" => Ok(CommitGrouping::default()),
        word if word.eq_ignore_ascii_case("application") => Ok(CommitGrouping::Application),
        word if word.eq_ignore_ascii_case("target") => Ok(CommitGrouping::Target),
        _ => Err(InvalidWriteBack::Grouping(text.to_owned())),
    }
}

/// The author, when name and mail are both given.
pub(super) fn author(git: &GitConfig) -> Option<Author> {
    let author = git.author.as_ref()?;
    Some(Author {
        name: given(author.name.as_ref())?,
        email: given(author.email.as_ref())?,
    })
}
