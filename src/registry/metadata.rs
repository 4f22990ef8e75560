//! What is behind a tag: fetches what `core::image::manifest` asks for.
//!
//! OCI distribution specification, "Pulling manifests" and "Pulling blobs". Bytes that were asked for by digest must have
//! that digest. A tag that was read once, in this process or before, is asked only which image
//! it names; what that image says is in the cache.

use std::sync::Arc;

use futures::{StreamExt as _, stream};
use reqwest::{
    StatusCode,
    header::{CONTENT_TYPE, ETAG, HeaderMap},
};

use super::{
    cache::{Cache, View, parts::Part, tags::KeptTag},
    client::{Answer, Ask, Trouble, words},
    counts::Kind,
    error::RegistryError,
    session::Known,
};
use crate::core::{
    foreign::ForeignText,
    image::{
        Digest, Platforms, TagName,
        manifest::{ACCEPTED, Exclusion, FactsWanted, Fetch, Fetched, Step, TagReader, Unreadable},
    },
};

/// The most bytes of a manifest or config.
const MAX_BYTES: usize = 8 << 20;
/// How many parts of one tag are fetched at the same time.
const PARALLEL: usize = 4;
/// The longest `ETag` that is kept.
const MAX_ETAG: usize = 256;

/// One tag, asked about by one user.
pub(crate) struct TagQuestion<'a> {
    pub(crate) ask: &'a Ask<'a>,
    pub(crate) cache: &'a Cache,
    pub(crate) view: &'a View,
    pub(crate) tag: &'a TagName,
}

/// How it is asked which image a tag names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// By HEAD where that may be enough.
    Cheapest,
    /// By GET, which brings the manifest.
    Get,
}

/// Which image a tag names.
struct Named {
    digest: Digest,
    etag: Option<Box<str>>,
    /// Its manifest, when that came with the answer.
    manifest: Option<Part>,
}

impl TagQuestion<'_> {
    /// Asks which image the tag names. A tag that was asked before, or whose repository is known from before, is asked by
    /// HEAD, which most registries do not count against a quota, and which brings no manifest that is known already.
    ///
    /// A manifest that comes with the answer is for [`Self::read`]. `None`: the registry does not have the tag (any more).
    pub(crate) async fn name(&self, way: Way) -> Result<Option<(Digest, Option<Part>)>, RegistryError> {
        let asked = self.cache.now();
        let kept = self.cache.tags().find(self.view, self.tag);
        let named = match way {
            Way::Cheapest if kept.is_some() || self.repository_is_known() => self.name_again(kept.as_ref()).await,
            Way::Cheapest | Way::Get => self.get_tag(None).await,
        };
        let named = named.map_err(|error| self.about_tag(error))?;
        let Some(Named { digest, etag, manifest }) = named else {
            self.forget();
            return Ok(None);
        };
        let kept = KeptTag { digest, etag, asked };
        self.cache.tags().keep(self.view, self.tag, kept);
        Ok(Some((digest, manifest)))
    }

    fn repository_is_known(&self) -> bool {
        let has_facts = self.cache.facts().has_some_of(self.view);
        self.cache.tags().begin(self.view, has_facts)
    }

    async fn name_again(&self, kept: Option<&KeptTag>) -> Result<Option<Named>, RegistryError> {
        let habits = &self.ask.connection.habits;
        let by_head = habits.knows_head();
        if by_head && let Some(digest) = self.head().await? {
            habits.learn_head(true);
            let etag = kept
                .filter(|kept| kept.digest == digest)
                .and_then(|kept| kept.etag.clone());
            return Ok(Some(Named::unchanged(digest, etag)));
        }
        let named = self.get_tag(kept).await?;
        if by_head && named.is_some() {
            habits.learn_head(false);
        }
        Ok(named)
    }

    /// What HEAD says; `None` when only a GET can tell.
    async fn head(&self) -> Result<Option<Digest>, RegistryError> {
        let url = self.ask.url(["manifests", self.tag.as_str()])?;
        let answer = match self.ask.head(&url, &ACCEPTED).await {
            Ok(answer) => answer,
            // Some gateways know only the methods that they need.
            Err(Trouble::Registry(RegistryError::Forbidden { .. })) => return Ok(None),
            Err(trouble) => return Err(troubled(self.ask, self.tag.as_str(), trouble)),
        };
        if !answer.is_own() {
            // Nothing proves what a header says. And what is signed for GET is refused to HEAD, in many a storage.
            return Ok(None);
        }
        match answer.status {
            StatusCode::OK => Ok(claimed_digest(&answer)),
            StatusCode::BAD_REQUEST
            | StatusCode::NOT_FOUND
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::NOT_IMPLEMENTED => Ok(None),
            _ => Err(refused(self.ask, self.tag.as_str(), &answer)),
        }
    }

    async fn get_tag(&self, kept: Option<&KeptTag>) -> Result<Option<Named>, RegistryError> {
        let known = kept.and_then(|kept| Some((kept.digest, kept.etag.as_deref()?)));
        let etag = known.map(|(_, etag)| etag);
        let tail = ["manifests", self.tag.as_str()];
        let top = match get_unless(self.ask, etag, Kind::Manifest, tail).await? {
            Got::Answer(answer) => answer,
            Got::Nothing => return Ok(None),
            Got::Unchanged => return Ok(known.map(|(digest, etag)| Named::unchanged(digest, Some(etag.into())))),
        };
        let digest = Digest::of(&top.body);
        if claimed_digest(&top).is_some_and(|claimed| claimed != digest) {
            let why = "the answer does not have the digest that its header claims";
            return Err(unavailable(self.ask, self.tag.as_str(), why));
        }
        Ok(Some(Named {
            digest,
            etag: etag_of(&top.headers).map(Into::into),
            manifest: Some(part(&top)),
        }))
    }

    /// Nothing is known of the tag any more.
    pub(crate) fn forget(&self) {
        self.cache.tags().forget(self.view, self.tag);
    }

    /// What the image says. `manifest` is its manifest, if it was read already.
    pub(crate) async fn read(
        &self,
        digest: Digest,
        manifest: Option<Part>,
        platforms: &Platforms,
        wanted: FactsWanted,
    ) -> Result<Known, RegistryError> {
        let known = self.cache.facts().find(self.view, digest, platforms, wanted);
        if let Some(known) = known {
            return Ok(known);
        }
        let mut parts = Vec::new();
        let read = self.read_parts(digest, manifest, platforms, wanted, &mut parts).await;
        if let Ok(known) = &read {
            self.cache.facts().keep(self.view, digest, platforms, wanted, known);
        } else {
            let mut kept = self.cache.parts();
            for (digest, part) in parts {
                kept.keep(self.view, digest, part);
            }
        }
        read.map_err(|error| self.about_tag(error))
    }

    async fn read_parts(
        &self,
        digest: Digest,
        manifest: Option<Part>,
        platforms: &Platforms,
        wanted: FactsWanted,
        parts: &mut Vec<(Digest, Part)>,
    ) -> Result<Known, RegistryError> {
        let unreadable = |why: Unreadable| unavailable(self.ask, self.tag.as_str(), &why.to_string());
        let manifest = match manifest {
            Some(part) => Some(part),
            None => self.part(Fetch::Manifest(digest)).await?,
        };
        let Some(manifest) = manifest else {
            return Ok(Known::Excluded(Exclusion::PartMissing { digest }));
        };
        parts.push((digest, manifest.clone()));
        let started = TagReader::start(platforms.clone(), wanted, manifest.fetched());
        let mut reader = match started {
            Ok(Ok(reader)) => reader,
            Ok(Err(exclusion)) => return Ok(Known::Excluded(exclusion)),
            Err(why) => {
                // It is to be asked for anew.
                parts.clear();
                return Err(unreadable(why));
            }
        };
        loop {
            let needed = match reader.step() {
                Step::Done(Ok(facts)) => return Ok(Known::Facts(Arc::new(facts))),
                Step::Done(Err(exclusion)) => return Ok(Known::Excluded(exclusion)),
                Step::Need(needed) => needed,
            };
            let digests: Vec<_> = needed.iter().map(Fetch::digest).collect();
            let fetch = needed.into_iter().map(|fetch| self.part(fetch));
            let read: Vec<_> = stream::iter(fetch).buffered(PARALLEL).collect().await;
            for (digest, read) in digests.into_iter().zip(&read) {
                if let Ok(Some(part)) = read {
                    parts.push((digest, part.clone()));
                }
            }
            let read: Vec<Option<Part>> = read.into_iter().collect::<Result<_, _>>()?;
            let answers: Vec<_> = read.iter().map(|part| part.as_ref().map(Part::fetched)).collect();
            match reader.answer(&answers) {
                Ok(Ok(())) => {}
                Ok(Err(exclusion)) => return Ok(Known::Excluded(exclusion)),
                Err(why) => {
                    parts.clear();
                    return Err(unreadable(why));
                }
            }
        }
    }

    /// Something that is named by its digest; `None` when the registry does not have it.
    async fn part(&self, fetch: Fetch) -> Result<Option<Part>, RegistryError> {
        let digest = fetch.digest();
        if let Some(part) = self.cache.parts().take(self.view, digest) {
            return Ok(Some(part));
        }
        let kind = match fetch {
            Fetch::Manifest(_) => Kind::Manifest,
            Fetch::Config(_) => Kind::Blob,
        };
        let answer = by_digest(self.ask, kind, digest).await?;
        Ok(answer.as_ref().map(part))
    }

    /// Part of the tag or all of it was refused: without this part it is not shown.
    fn about_tag(&self, error: RegistryError) -> RegistryError {
        match error {
            RegistryError::Forbidden { reason, .. } | RegistryError::TagRefused { reason, .. } => {
                RegistryError::TagRefused {
                    registry: self.ask.registry(),
                    repository: self.ask.repository().to_owned(),
                    subject: self.tag.to_string(),
                    reason,
                }
            }
            error => error,
        }
    }
}

impl Named {
    fn unchanged(digest: Digest, etag: Option<Box<str>>) -> Self {
        Self {
            digest,
            etag,
            manifest: None,
        }
    }
}

impl Part {
    fn fetched(&self) -> Fetched<'_> {
        Fetched {
            media_type: self.media_type.as_deref(),
            body: &self.body,
        }
    }
}

fn part(answer: &Answer) -> Part {
    Part {
        media_type: fetched(answer).media_type.map(str::to_owned),
        body: answer.body.clone(),
    }
}

/// The `ETag`, if it is of a length that is worth keeping.
pub(super) fn etag_of(headers: &HeaderMap) -> Option<&str> {
    let etag = headers.get(ETAG)?.to_str().ok()?;
    (!etag.is_empty() && etag.len() <= MAX_ETAG).then_some(etag)
}

/// A manifest or blob, its bytes proved to have the digest; `None` when the registry does not have it.
pub(super) async fn by_digest(ask: &Ask<'_>, kind: Kind, digest: Digest) -> Result<Option<Answer>, RegistryError> {
    let name = digest.to_string();
    let place = if kind == Kind::Manifest { "manifests" } else { "blobs" };
    match get(ask, kind, [place, &name]).await? {
        Some(answer) if Digest::of(&answer.body) != digest => {
            Err(unavailable(ask, &name, "the answer does not have this digest"))
        }
        answer => Ok(answer),
    }
}

pub(super) async fn get(ask: &Ask<'_>, kind: Kind, tail: [&str; 2]) -> Result<Option<Answer>, RegistryError> {
    match get_unless(ask, None, kind, tail).await? {
        Got::Answer(answer) => Ok(Some(answer)),
        Got::Nothing => Ok(None),
        Got::Unchanged => Err(unavailable(ask, tail[1], "it says 304 to nothing")),
    }
}

enum Got {
    Answer(Answer),
    Nothing,
    /// It still has the `ETag` that was given.
    Unchanged,
}

async fn get_unless(ask: &Ask<'_>, etag: Option<&str>, kind: Kind, tail: [&str; 2]) -> Result<Got, RegistryError> {
    let url = ask.url(tail)?;
    let accept: &[&str] = if kind == Kind::Manifest { &ACCEPTED } else { &["*/*"] };
    let subject = tail[1];
    match ask.get_unless(etag, kind, &url, accept, MAX_BYTES).await {
        Ok(answer) => match answer.status {
            StatusCode::OK => Ok(Got::Answer(answer)),
            StatusCode::NOT_FOUND => Ok(Got::Nothing),
            StatusCode::NOT_MODIFIED if etag.is_some() => Ok(Got::Unchanged),
            _ => Err(refused(ask, subject, &answer)),
        },
        Err(trouble) => Err(troubled(ask, subject, trouble)),
    }
}

/// The error that an answer stands for.
fn refused(ask: &Ask<'_>, subject: &str, answer: &Answer) -> RegistryError {
    match answer.status {
        StatusCode::PRECONDITION_FAILED | StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS => RegistryError::TagRefused {
            registry: ask.registry(),
            repository: ask.repository().to_owned(),
            subject: subject.to_owned(),
            reason: ForeignText::new(&format!("{}{}", answer.says("it"), words(answer))),
        },
        _ => unavailable(
            ask,
            subject,
            &format!("{}{}", answer.says("the registry"), words(answer)),
        ),
    }
}

fn troubled(ask: &Ask<'_>, subject: &str, trouble: Trouble) -> RegistryError {
    match trouble {
        Trouble::Registry(error) => error,
        Trouble::TooLarge => unavailable(ask, subject, "the answer is larger than 8 MiB"),
        Trouble::Broken(why) => unavailable(ask, subject, &why),
    }
}

pub(super) fn fetched(answer: &Answer) -> Fetched<'_> {
    Fetched {
        media_type: answer.headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()),
        body: &answer.body,
    }
}

pub(super) fn claimed_digest(answer: &Answer) -> Option<Digest> {
    answer.headers.get("docker-content-digest")?.to_str().ok()?.parse().ok()
}

pub(super) fn unavailable(ask: &Ask<'_>, subject: &str, reason: &str) -> RegistryError {
    RegistryError::MetadataUnavailable {
        registry: ask.registry(),
        repository: ask.repository().to_owned(),
        subject: subject.to_owned(),
        reason: ForeignText::new(reason),
    }
}
