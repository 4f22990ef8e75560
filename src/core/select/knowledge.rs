//! What was learned about the tags of one repository.

use std::{collections::HashMap, sync::Arc};

use crate::core::{
    image::{TagFacts, TagName},
    verdict::Verdict,
};

/// What is known about one tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// What the registry says.
    Facts(Arc<TagFacts>),
    /// A lasting fact that rules the tag out, in words: it is gone, is no image, has no wanted platform.
    Excluded(String),
    /// The registry refuses to show it, in words. A lasting fact of the tag as soon as another one can be read; as long
    /// as none can, the credentials may be at fault.
    Refused(String),
    /// It could not be read this time.
    Failed(Verdict),
}

/// What was learned about the tags of one repository, in this decision and in earlier ones that came to no end.
#[derive(Debug, Clone, Default)]
pub struct Knowledge {
    tags: HashMap<TagName, Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    known: Known,
    fresh: bool,
}

impl Knowledge {
    /// What is known about a tag; `None` when nobody asked yet.
    pub fn get(&self, tag: &TagName) -> Option<&Known> {
        self.tags.get(tag).map(|entry| &entry.known)
    }

    /// What was learned about a tag in this very decision.
    pub fn fresh(&self, tag: &TagName) -> Option<&Known> {
        self.tags.get(tag).filter(|entry| entry.fresh).map(|entry| &entry.known)
    }

    /// Takes the answer for a tag; a later answer replaces an earlier one.
    pub fn insert(&mut self, tag: TagName, known: Known) {
        self.tags.insert(tag, Entry { known, fresh: true });
    }

    /// Takes an answer that may be from an earlier time: good enough to put tags in order, not to be written.
    pub fn insert_old(&mut self, tag: TagName, known: Known) {
        self.tags.insert(tag, Entry { known, fresh: false });
    }

    /// What the next decision may go on from, when this one came to no end: what was read, never a failure. None of it
    /// counts as learned in that decision.
    #[must_use]
    pub fn kept(&self) -> Self {
        let read = |entry: &Entry| matches!(entry.known, Known::Facts(_) | Known::Excluded(_));
        let old = |(tag, entry): (&TagName, &Entry)| {
            let known = entry.known.clone();
            (tag.clone(), Entry { known, fresh: false })
        };
        Self {
            tags: self.tags.iter().filter(|(_, entry)| read(entry)).map(old).collect(),
        }
    }

    /// Of how many tags something is known.
    pub fn len(&self) -> usize {
        self.tags.len()
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.tags.is_empty()
    }

    /// Whether the registry showed any tag: then what it refuses is a matter of that tag, not of the credentials.
    pub(super) fn shows_any(&self) -> bool {
        self.tags.values().any(|entry| matches!(entry.known, Known::Facts(_)))
    }
}
