//! Tag lists: every page, or an error. Never a shorter list.
//!
//! OCI distribution specification, "Listing Tags". Of a `Link` only path and query are used, on the registry's own origin,
//! so that no answer can send us, and our credentials, elsewhere.

use std::{collections::HashSet, sync::Arc, time::Duration};

use reqwest::{
    StatusCode,
    header::{CONTENT_TYPE, HeaderMap},
};
use serde::{Deserialize, Deserializer, de};
use url::Url;

use super::{
    cache::{Cache, View, pages::Page},
    client::{Answer, Ask, Trouble, words},
    counts::Kind,
    error::RegistryError,
    link,
    metadata::etag_of,
};
use crate::core::{foreign::ForeignText, image::TagName, select::TagList};

/// How many tags of a page are asked for.
const PAGE_SIZE: usize = 1_000;
/// The most tags of one list. Ten times what is seen in large repositories, and little enough to be held.
const MAX_TAGS: usize = 200_000;
/// The most bytes of all pages of one list: room for so many long names.
const MAX_BYTES: usize = 32 << 20;
/// The longest time that all pages of one list may take, counted while they are in flight.
const MAX_TIME: Duration = Duration::from_mins(3);
/// The most pages of one list.
const MAX_PAGES: usize = 2_000;
/// The most dropped names that are kept for a message.
const MAX_DROPPED: usize = 100;

#[derive(Deserialize)]
struct Names {
    /// `null` for a repository without tags; but it must be there, or this is something else.
    #[serde(deserialize_with = "Option::deserialize")]
    tags: Option<AtMost>,
}

/// The names of one page. Reading ends at the first that is too many.
struct AtMost(Vec<String>);

impl<'de> Deserialize<'de> for AtMost {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = AtMost;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of tags")
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<AtMost, A::Error> {
                let mut names = Vec::new();
                while let Some(name) = list.next_element()? {
                    if names.len() == MAX_TAGS {
                        return Err(de::Error::custom(format_args!("it has more than {MAX_TAGS} tags")));
                    }
                    names.push(name);
                }
                Ok(AtMost(names))
            }
        }
        from.deserialize_seq(Visitor)
    }
}

/// The list took longer than one may.
pub(crate) fn too_slow(ask: &Ask<'_>, limit: Duration) -> RegistryError {
    incomplete(ask, &format!("it was not read to its end within {} s", limit.as_secs()))
}

/// All tags of the repository that `view` sees.
pub(crate) async fn list(ask: &Ask<'_>, cache: &Cache, view: &View) -> Result<TagList, RegistryError> {
    let base = ask.url(["tags", "list"])?;
    let mut url = base.clone();
    if ask.connection.habits.takes_page_size() {
        url.set_query(Some(&format!("n={PAGE_SIZE}")));
    }
    let mut list = TagList::default();
    let mut known = HashSet::new();
    let mut seen = HashSet::new();
    let mut left = MAX_BYTES;
    let mut linked = false;
    let mut took = Duration::ZERO;
    loop {
        if !seen.insert(url.to_string()) {
            return Err(incomplete(ask, "its pages lead back to one that was read already"));
        }
        if seen.len() > MAX_PAGES {
            return Err(incomplete(ask, &format!("it has more than {MAX_PAGES} pages")));
        }
        if took > MAX_TIME {
            return Err(too_slow(ask, MAX_TIME));
        }
        let Some(page) = page(ask, cache, view, &url, left, &mut took).await? else {
            url = base.clone();
            continue;
        };
        if url == base {
            ask.connection.habits.refuse_page_size();
        }
        left = left.saturating_sub(page.bytes);
        let before = known.len();
        for tag in &page.tags {
            if known.insert(tag.clone()) {
                list.tags.push(tag.clone());
            }
        }
        if known.len() > MAX_TAGS {
            return Err(incomplete(ask, &format!("it has more than {MAX_TAGS} tags")));
        }
        let room = MAX_DROPPED.saturating_sub(list.dropped.len());
        list.dropped.extend(page.dropped.iter().take(room).cloned());
        linked |= page.next.is_some();
        let beyond = || beyond(&base, &page).filter(|_| !linked && is_full(&url, &page) && known.len() > before);
        match page.next.clone().or_else(beyond) {
            Some(next) => url = next,
            None => return Ok(list),
        }
    }
}

/// Whether the page has exactly as many names as were asked for, so that there may be more. A registry that has more in one
/// page does not page at all.
fn is_full(url: &Url, page: &Page) -> bool {
    page.names == PAGE_SIZE && url.query_pairs().any(|(key, _)| key == "n")
}

/// Where the list goes on if the registry pages without saying so.
fn beyond(base: &Url, page: &Page) -> Option<Url> {
    let mut url = base.clone();
    url.query_pairs_mut()
        .append_pair("n", &PAGE_SIZE.to_string())
        .append_pair("last", page.last.as_deref()?);
    Some(url)
}

/// One page, whose time is added to `took`; `None` when the registry refuses the page size that the URL asks for.
async fn page(
    ask: &Ask<'_>,
    cache: &Cache,
    view: &View,
    url: &Url,
    left: usize,
    took: &mut Duration,
) -> Result<Option<Arc<Page>>, RegistryError> {
    let kept = cache.pages().find(view, url);
    let etag = kept.as_ref().map(|(etag, _)| &**etag);
    let answer = match ask.get_unless(etag, Kind::Tags, url, &["application/json"], left).await {
        Ok(answer) => answer,
        Err(Trouble::Registry(error)) => return Err(error),
        Err(Trouble::TooLarge) => return Err(incomplete(ask, "it is larger than 32 MiB")),
        Err(Trouble::Broken(why)) => return Err(incomplete(ask, &why)),
    };
    *took += answer.took;
    match (answer.status, kept) {
        (StatusCode::NOT_MODIFIED, Some((_, page))) if page.bytes <= left => return Ok(Some(page)),
        (StatusCode::NOT_MODIFIED, Some(_)) => return Err(incomplete(ask, "it is larger than 32 MiB")),
        // ECR and distribution have their own words for it, others have none.
        (StatusCode::BAD_REQUEST, _)
            if url.query() == Some(&format!("n={PAGE_SIZE}")) && !words(&answer).starts_with(": DENIED ") =>
        {
            return Ok(None);
        }
        _ => {}
    }
    let names = names(ask, &answer)?;
    let next = next(&ask.connection.api, url, &answer.headers);
    let mut page = Page {
        names: names.len(),
        last: names.last().cloned(),
        bytes: answer.body.len(),
        next: next.map_err(|link::InvalidLink| incomplete(ask, "it goes on, but does not say where"))?,
        tags: Vec::with_capacity(names.len()),
        dropped: Vec::new(),
    };
    for name in names {
        if let Some(tag) = TagName::new(&name) {
            page.tags.push(tag);
        } else if page.dropped.len() < MAX_DROPPED {
            page.dropped.push(ForeignText::new(&name));
        }
    }
    let page = Arc::new(page);
    if let Some(etag) = etag_of(&answer.headers) {
        cache.pages().keep(view, url, etag, &page);
    }
    Ok(Some(page))
}

fn names(ask: &Ask<'_>, answer: &Answer) -> Result<Vec<String>, RegistryError> {
    match answer.status {
        StatusCode::OK => {}
        StatusCode::NOT_FOUND => {
            return Err(RegistryError::RepositoryNotFound {
                registry: ask.registry(),
                repository: ask.repository().to_owned(),
            });
        }
        _ => {
            let (says, words) = (answer.says("it"), words(answer));
            return Err(ask.unavailable(&format!("{says} to a tag list{words}")));
        }
    }
    if !may_be_json(&answer.headers) {
        return Err(ask.unavailable("it answers a tag list with something that is not JSON"));
    }
    let names: Names = serde_json::from_slice(&answer.body).map_err(|e| {
        let why = answer.hide(&e.to_string());
        incomplete(ask, &format!("a page is not a list of tags: {why}"))
    })?;
    Ok(names.tags.map_or_else(Vec::new, |AtMost(names)| names))
}

/// Some registries send JSON as plain text or without a type. A web page is never an answer.
fn may_be_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return true;
    };
    let text = value.to_str().unwrap_or("?").to_ascii_lowercase();
    let media_type = text.split(';').next().unwrap_or("").trim();
    matches!(media_type, "" | "text/plain" | "application/octet-stream")
        || media_type.ends_with("/json")
        || media_type.ends_with("+json")
}

/// The next page, on the origin of the API whatever the link says.
pub(super) fn next(api: &Url, current: &Url, headers: &HeaderMap) -> Result<Option<Url>, link::InvalidLink> {
    let mut links = Vec::new();
    for value in headers.get_all("link") {
        links.push(value.to_str().map_err(|_| link::InvalidLink)?);
    }
    let Some(target) = link::next(links)? else {
        return Ok(None);
    };
    let target = current.join(target).map_err(|_| link::InvalidLink)?;
    if target.cannot_be_a_base() {
        return Err(link::InvalidLink);
    }
    let mut url = api.clone();
    // Artifactory and Nexus write links without the path that they are reached at, or with an inner one that their port does
    // not serve. Every page of a list is at the path of its first.
    url.set_path(if same_list(target.path(), current.path()) {
        current.path()
    } else {
        target.path()
    });
    url.set_query(target.query());
    Ok(Some(url))
}

/// Whether two paths end alike, as all pages of one list do: `tags/list`, `referrers/<digest>`.
fn same_list(one: &str, other: &str) -> bool {
    let last_two = |path: &str| path.rsplitn(3, '/').take(2).map(str::to_owned).collect::<Vec<_>>();
    last_two(one) == last_two(other)
}

fn incomplete(ask: &Ask<'_>, reason: &str) -> RegistryError {
    RegistryError::ListIncomplete {
        registry: ask.registry(),
        repository: ask.repository().to_owned(),
        reason: ForeignText::new(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_never_leaves_the_registrys_origin() {
        let api = Url::parse("https://r.test:8443/base").unwrap();
        let current = Url::parse("https://r.test:8443/base/v2/a/tags/list").unwrap();
        for (link, expected) in [
            (
                "</v2/a/tags/list?last=b>",
                "https://r.test:8443/base/v2/a/tags/list?last=b",
            ),
            (
                "</inner/v2/a/tags/list?last=b>",
                "https://r.test:8443/base/v2/a/tags/list?last=b",
            ),
            ("</other?last=b>", "https://r.test:8443/other?last=b"),
            ("<?last=b>", "https://r.test:8443/base/v2/a/tags/list?last=b"),
            (
                "<https://evil.test/v2/a/tags/list?last=b>",
                "https://r.test:8443/base/v2/a/tags/list?last=b",
            ),
            ("<//evil.test/x>", "https://r.test:8443/x"),
            ("<https://u:p@evil.test:1/x#f>", "https://r.test:8443/x"),
        ] {
            let headers = HeaderMap::from_iter([(reqwest::header::LINK, link.parse().unwrap())]);
            let next = next(&api, &current, &headers).unwrap().unwrap();
            assert_eq!(next.as_str(), expected, "{link}");
        }
    }
}
