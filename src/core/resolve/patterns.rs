//! The patterns of one resource, each compiled once however many rules, images and Applications use it.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use crate::core::strategy::{Extract, InvalidExtract, InvalidFilter, TagFilter};

/// How many are remembered of each kind. Annotations are written by strangers, who may write new ones for ever.
const REMEMBERED: usize = 4096;

/// What the texts of filters and of `extract` were compiled to: nothing but a function of them, remembered.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    filters: Mutex<HashMap<(String, Vec<String>), TagFilter>>,
    extracts: Mutex<HashMap<String, Extract>>,
}

impl Patterns {
    /// The filter of `allowTags` and `ignoreTags`.
    pub(super) fn filter(&self, allow: &str, ignore: &[String]) -> Result<TagFilter, InvalidFilter> {
        let key = (allow.to_owned(), ignore.to_vec());
        remembered(&self.filters, key, || TagFilter::compile(Some(allow), ignore))
    }

    /// The expression of `extract`.
    pub(super) fn extract(&self, text: &str) -> Result<Extract, InvalidExtract> {
        remembered(&self.extracts, text.to_owned(), || Extract::compile(text))
    }
}

fn remembered<K: Eq + std::hash::Hash, V: Clone, E>(
    known: &Mutex<HashMap<K, V>>,
    key: K,
    make: impl FnOnce() -> Result<V, E>,
) -> Result<V, E> {
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(value) = known.get(&key) {
        return Ok(value.clone());
    }
    let value = make()?;
    if known.len() >= REMEMBERED {
        known.clear();
    }
    known.insert(key, value.clone());
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::image::TagName;

    #[test]
    fn what_is_remembered_is_what_was_asked_for_and_bounded() {
        let patterns = Patterns::default();
        for number in 0..REMEMBERED + 10 {
            let text = format!("regexp:^v{number}$");
            for _ in 0..2 {
                let filter = patterns.filter(&text, &["*-rc".to_owned()]).unwrap();
                assert!(filter.admit(&TagName::new(&format!("v{number}")).unwrap()).is_ok());
                assert!(filter.admit(&TagName::new("v-rc").unwrap()).is_err());
            }
        }
        assert!(patterns.filters.lock().unwrap().len() <= REMEMBERED);
        assert!(patterns.filter("regexp:(", &[]).is_err() && patterns.extract("v").is_err());
        assert_eq!(patterns.extract("^v(.*)$").unwrap().key("v1"), Some("1"));
    }
}
