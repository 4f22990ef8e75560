//! The messages of commits: which template makes them, and what is said of one that cannot.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use super::Engine;
use crate::core::{
    foreign::ForeignText,
    render::{
        message::{self, MessagePart},
        message_template::{CommitMessage, MessageTemplate},
    },
    resolve::GitTarget,
};

/// The most templates, and the most complaints, that are remembered.
const MAX_KNOWN: usize = 256;

/// The templates of resources, each parsed once, and the complaints about them, each told once.
#[derive(Debug, Default)]
pub(super) struct Messages {
    templates: Mutex<HashMap<String, Option<Arc<MessageTemplate>>>>,
    told: Mutex<HashSet<String>>,
}

impl Messages {
    /// The template; `None` for a text that is none.
    fn template(&self, text: &str) -> Option<Arc<MessageTemplate>> {
        let mut known = self.templates.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(template) = known.get(text) {
            return template.clone();
        }
        if known.len() >= MAX_KNOWN {
            known.clear();
        }
        let template = MessageTemplate::parse(text);
        let template = template
            .map_err(|error| self.tell(&error.to_string()))
            .ok()
            .map(Arc::new);
        known.insert(text.to_owned(), template.clone());
        template
    }

    /// Warns, unless it did already. Whether it does is answered.
    fn tell(&self, complaint: &str) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() >= MAX_KNOWN {
            told.clear();
        }
        let is_new = told.insert(complaint.to_owned());
        if is_new {
            tracing::warn!("a template of commit messages cannot be used: {complaint}");
        }
        is_new
    }
}

impl Engine {
    /// The template of the messages of commits to `target`: its own, else the controller's.
    pub(in crate::engine) fn message_template(&self, target: &GitTarget) -> Arc<MessageTemplate> {
        let own = target.message.as_deref().and_then(|text| self.messages.template(text));
        own.unwrap_or_else(|| Arc::clone(&self.options.message))
    }

    /// The message of a commit to `target` that holds these parts. A template that cannot make one is told in the log, once.
    pub(in crate::engine) fn commit_message(&self, target: &GitTarget, parts: &[MessagePart<'_>]) -> String {
        let CommitMessage { text, fault } = message::for_commit(&self.message_template(target), parts);
        if let Some(fault) = fault {
            let whose = match &target.message {
                Some(template) => format!("gitConfig.message {:?}", ForeignText::new(template)),
                None => "--git-commit-message-path".to_owned(),
            };
            self.messages.tell(&format!("{whose}: {fault}"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_parsed_once() {
        let messages = Messages::default();
        let first = messages.template("{{ .AppName }}").unwrap();
        let again = messages.template("{{ .AppName }}").unwrap();
        assert!(Arc::ptr_eq(&first, &again));
        assert!(messages.template("{{ .AppName").is_none());
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let messages = Messages::default();
        for n in 0..=MAX_KNOWN {
            messages.template(&format!("{n}")).unwrap();
            assert!(messages.tell(&format!("complaint {n}")));
        }
        assert!(messages.templates.lock().unwrap().len() <= MAX_KNOWN);
        assert!(messages.told.lock().unwrap().len() <= MAX_KNOWN);
    }

    #[test]
    fn a_complaint_is_told_once() {
        let messages = Messages::default();
        assert!(messages.tell("line 1: no"));
        assert!(!messages.tell("line 1: no"));
        assert!(messages.tell("line 2: no"));
    }
}
