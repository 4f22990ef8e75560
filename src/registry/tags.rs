//! Tag lists: every page, or an error. Never a shorter list.
//!
//! OCI distribution specification, "Listing Tags". Of a `Link` only path and query are used, on the registry's own origin,
//! so that no answer can send us, and our credentials, elsewhere.

use std::{collections::HashSet, time::Duration};

use reqwest::{
    StatusCode,
    header::{CONTENT_TYPE, HeaderMap},
};
use serde::Deserialize;
use url::Url;

use super::{
    client::{Answer, Ask, Trouble},
    counts::Kind,
    error::RegistryError,
    link,
};
use crate::core::{foreign::ForeignText, image::TagName, select::TagList};

/// The most bytes of all pages of one list.
const MAX_BYTES: usize = 64 << 20;
/// The most pages of one list.
const MAX_PAGES: usize = 2_000;
/// The most dropped names that are kept for a message.
const MAX_DROPPED: usize = 100;

#[derive(Deserialize)]
struct Page {
    /// `null` for a repository without tags; but it must be there, or this is something else.
    #[serde(deserialize_with = "Option::deserialize")]
    tags: Option<Vec<String>>,
}

/// The list took longer than one may.
pub(crate) fn too_slow(ask: &Ask<'_>, limit: Duration) -> RegistryError {
    incomplete(ask, &format!("it was not read to its end within {} s", limit.as_secs()))
}

pub(crate) async fn list(ask: &Ask<'_>) -> Result<TagList, RegistryError> {
    let mut url = ask.url(["tags", "list"])?;
    let mut list = TagList::default();
    let mut known = HashSet::new();
    let mut seen = HashSet::new();
    let mut left = MAX_BYTES;
    loop {
        if !seen.insert(url.to_string()) {
            return Err(incomplete(ask, "its pages lead back to one that was read already"));
        }
        if seen.len() > MAX_PAGES {
            return Err(incomplete(ask, &format!("it has more than {MAX_PAGES} pages")));
        }
        let answer = match ask.get(Kind::Tags, &url, &["application/json"], left).await {
            Ok(answer) => answer,
            Err(Trouble::Registry(error)) => return Err(error),
            Err(Trouble::TooLarge) => return Err(incomplete(ask, "it is larger than 64 MiB")),
            Err(Trouble::Broken(why)) => return Err(incomplete(ask, &why)),
        };
        left = left.saturating_sub(answer.body.len());
        for name in page(ask, &answer)? {
            if let Some(tag) = TagName::new(&name) {
                if known.insert(tag.clone()) {
                    list.tags.push(tag);
                }
            } else if list.dropped.len() < MAX_DROPPED {
                list.dropped.push(ForeignText::new(&name));
            }
        }
        match next(&ask.connection.api, &url, &answer.headers) {
            Ok(Some(next)) => url = next,
            Ok(None) => return Ok(list),
            Err(link::InvalidLink) => return Err(incomplete(ask, "it goes on, but does not say where")),
        }
    }
}

fn page(ask: &Ask<'_>, answer: &Answer) -> Result<Vec<String>, RegistryError> {
    match answer.status {
        StatusCode::OK => {}
        StatusCode::NOT_FOUND => {
            return Err(RegistryError::RepositoryNotFound {
                registry: ask.registry(),
                repository: ask.repository().to_owned(),
            });
        }
        status => {
            let words = super::client::words(answer);
            return Err(ask.unavailable(&format!("it answers {status} to a tag list{words}")));
        }
    }
    if !may_be_json(&answer.headers) {
        return Err(ask.unavailable("it answers a tag list with something that is not JSON"));
    }
    let page: Page = serde_json::from_slice(&answer.body)
        .map_err(|e| incomplete(ask, &format!("a page is not a list of tags: {e}")))?;
    Ok(page.tags.unwrap_or_default())
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
