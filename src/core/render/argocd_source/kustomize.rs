//! Which Kustomize image entry is replaced by which.

use serde_json::{Value, json};

use crate::core::yaml::{Change, Op, Path};

/// `[name=]reference`, with Docker Hub in one spelling.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    /// The image that is replaced, when it is named apart from what replaces it.
    pub(super) name: Option<Image<'a>>,
    pub(super) image: Image<'a>,
    tag: &'a str,
    digest: &'a str,
}

/// Registry and path; an empty registry is Docker Hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Image<'a> {
    registry: &'a str,
    path: &'a str,
}

impl<'a> Entry<'a> {
    pub(super) fn parse(text: &'a str) -> Self {
        let (name, reference) = match text.split_once('=') {
            Some((name, reference)) => (Some(Image::parse(name).0), reference),
            None => (None, text),
        };
        let (image, tag, digest) = Image::parse(reference);
        Self {
            name,
            image,
            tag,
            digest,
        }
    }

    /// The image that Kustomize looks for.
    pub(super) fn left(&self) -> Image<'a> {
        self.name.unwrap_or(self.image)
    }

    /// The same image, replaced by the same version: equal digests where there is one, else equal tags.
    fn says_the_same(&self, other: &Self) -> bool {
        let same_version = if self.digest.is_empty() && other.digest.is_empty() {
            self.tag == other.tag
        } else {
            self.digest == other.digest
        };
        same_version && self.left() == other.left() && self.image == other.image
    }

    /// Both give one image another version, though not under two names of their own.
    fn is_twin_of(&self, other: &Self) -> bool {
        self.image == other.image && (self.name.is_none() || other.name.is_none())
    }
}

impl<'a> Image<'a> {
    /// The image, its tag and its digest. A colon before the last slash belongs to the host.
    fn parse(text: &'a str) -> (Self, &'a str, &'a str) {
        let (text, digest) = text.split_once('@').unwrap_or((text, ""));
        let last = text.rfind('/').map_or(0, |slash| slash + 1);
        let (text, tag) = match text.get(last..).and_then(|name| name.find(':')) {
            Some(colon) => (&text[..last + colon], &text[last + colon + 1..]),
            None => (text, ""),
        };
        let (registry, path) = match text.split_once('/') {
            Some((host, path)) if is_host(host) => (host, path),
            _ => ("", text),
        };
        (Self::new(registry, path), tag, digest)
    }

    /// The image with Docker Hub in one spelling.
    pub(super) fn new(registry: &'a str, path: &'a str) -> Self {
        if matches!(registry, "" | "docker.io" | "index.docker.io") {
            Self {
                registry: "",
                path: path.strip_prefix("library/").unwrap_or(path),
            }
        } else {
            Self { registry, path }
        }
    }
}

fn is_host(text: &str) -> bool {
    text == "localhost" || text.contains(['.', ':']) || text.contains(|c: char| c.is_ascii_uppercase())
}

/// The changes that bring `images` into the list at `path`, which holds `old`. An entry is replaced by the one with the
/// same left side, else by one for the same image; the rest is appended.
pub(super) fn changes(path: &Path, old: &[Value], images: &[String]) -> Vec<Change> {
    let have: Vec<Entry<'_>> = old
        .iter()
        .map(|text| Entry::parse(text.as_str().unwrap_or_default()))
        .collect();
    let want: Vec<Entry<'_>> = images.iter().map(|text| Entry::parse(text)).collect();
    let mut taken = vec![false; have.len()];
    let mut found: Vec<Vec<usize>> = Vec::with_capacity(want.len());
    for want in &want {
        let same_left = |(index, entry): (usize, &Entry<'_>)| (entry.left() == want.left()).then_some(index);
        let places: Vec<usize> = have.iter().enumerate().filter_map(same_left).collect();
        for index in &places {
            taken[*index] = true;
        }
        found.push(places);
    }
    let mut changes = Vec::new();
    for ((text, want), mut places) in images.iter().zip(&want).zip(found) {
        if places.is_empty() {
            places = (0..have.len())
                .filter(|index| !taken[*index] && have[*index].is_twin_of(want))
                .collect();
            for index in &places {
                taken[*index] = true;
            }
        }
        if places.is_empty() {
            changes.push(Change {
                path: path.clone(),
                op: Op::Append(json!(text)),
            });
        }
        for index in places.into_iter().filter(|index| !have[*index].says_the_same(want)) {
            changes.push(Change {
                path: path.clone().index(index),
                op: Op::Set(json!(text)),
            });
        }
    }
    changes
}
