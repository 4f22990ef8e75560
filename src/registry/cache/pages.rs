//! Pages of tag lists with their `ETag` (RFC 9110, section 8.8.3).

use std::sync::Arc;

use url::Url;

use super::{View, bounded::Bounded};
use crate::core::{foreign::ForeignText, image::TagName};

/// The most pages.
const MAX_PAGES: usize = 10_000;
/// The most bytes that they take, about.
const MAX_BYTES: usize = 16 << 20;
/// What a page takes beside its tags.
const PAGE: usize = 400;
/// What a tag takes beside its text.
const TAG: usize = 48;

/// One page of a tag list, as it was read.
#[derive(Debug)]
pub(crate) struct Page {
    /// Its tags, in the registry's order.
    pub(crate) tags: Vec<TagName>,
    /// Names outside of the grammar of tags, as many as are told.
    pub(crate) dropped: Vec<ForeignText>,
    /// How many names it has.
    pub(crate) names: usize,
    /// The last name, as the registry writes it.
    pub(crate) last: Option<String>,
    /// How many bytes it had.
    pub(crate) bytes: usize,
    /// Where its `Link` leads.
    pub(crate) next: Option<Url>,
}

/// Pages of tag lists with their `ETag`.
pub(crate) struct Pages {
    kept: Bounded<(View, String), (Box<str>, Arc<Page>)>,
}

impl Default for Pages {
    fn default() -> Self {
        Self {
            kept: Bounded::new(MAX_PAGES, MAX_BYTES),
        }
    }
}

impl Pages {
    /// The `ETag` of a page, and the page.
    pub(crate) fn find(&mut self, view: &View, url: &Url) -> Option<(Box<str>, Arc<Page>)> {
        if self.kept.len() == 0 {
            return None;
        }
        let (etag, page) = self.kept.get(&(view.clone(), url.to_string()))?;
        Some((etag.clone(), Arc::clone(page)))
    }

    pub(crate) fn keep(&mut self, view: &View, url: &Url, etag: &str, page: &Arc<Page>) {
        let weight = PAGE + page.tags.iter().map(|tag| TAG + tag.as_str().len()).sum::<usize>();
        let value = (etag.into(), Arc::clone(page));
        self.kept.put((view.clone(), url.to_string()), value, weight);
    }
}
