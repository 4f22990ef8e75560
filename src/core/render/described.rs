//! One change as templates see it.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use crate::core::{
    gotmpl::Value,
    image::{ImageRef, ImageVersion, VersionWords},
    plan::ImageChange,
};

/// The most bytes of one label that a template gets.
const MAX_LABEL: usize = 4 << 10;

/// A change, and what is known about the image beyond it.
#[derive(Debug, Clone, Copy)]
pub struct DescribedChange<'a> {
    /// The image as configured.
    pub image: &'a ImageRef,
    /// Its alias.
    pub alias: &'a str,
    /// What ran before.
    pub old: &'a ImageVersion,
    /// What is written.
    pub new: &'a ImageVersion,
    /// How both are named to people.
    pub words: VersionWords,
    /// The labels of the new image, where they were asked for.
    pub labels: Option<&'a BTreeMap<String, String>>,
}

impl<'a> From<&'a ImageChange> for DescribedChange<'a> {
    fn from(change: &'a ImageChange) -> Self {
        Self {
            image: &change.image,
            alias: &change.alias,
            old: &change.old,
            new: &change.new,
            words: change.words,
            labels: None,
        }
    }
}

impl<'a> DescribedChange<'a> {
    /// What ran before, in words.
    pub(super) fn old_text(&self) -> Cow<'a, str> {
        self.words.of(self.old)
    }

    /// What is written, in words.
    pub(super) fn new_text(&self) -> Cow<'a, str> {
        self.words.of(self.new)
    }

    /// The same change with the labels of the new image.
    #[must_use]
    pub fn with_labels(self, labels: &'a BTreeMap<String, String>) -> Self {
        Self {
            labels: Some(labels),
            ..self
        }
    }

    /// The labels as a template gets them.
    pub(super) fn label_values(&self) -> Value {
        Value::Map(Arc::new(self.labels.map(clean_labels).unwrap_or_default()))
    }
}

/// Labels as a template gets them: every one cut to 4 KiB, and without the control characters that a commit cannot hold or
/// a terminal obeys. Line breaks and tabs stay.
pub fn clean_labels(labels: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    labels.iter().map(|(key, value)| (key.clone(), clean(value))).collect()
}

fn clean(label: &str) -> String {
    let cut = label.get(..label.floor_char_boundary(MAX_LABEL)).unwrap_or(label);
    cut.chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_cut_and_cleaned() {
        assert_eq!(clean("a\u{1b}[31m\0b\r\n\tc"), "a[31mb\n\tc");
        assert_eq!(clean(&"é".repeat(MAX_LABEL)).len(), MAX_LABEL);
        assert_eq!(clean(&format!("a{}", "é".repeat(MAX_LABEL))).len(), MAX_LABEL - 1);
    }
}
