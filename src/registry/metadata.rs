//! What is behind a tag: fetches what `core::image::manifest` asks for.
//!
//! OCI distribution specification, "Pulling manifests" and "Pulling blobs". Bytes that were asked for by digest must have
//! that digest.

use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use reqwest::{StatusCode, header::CONTENT_TYPE};

use super::{
    client::{Answer, Ask, Trouble, words},
    counts::Kind,
    error::RegistryError,
    session::Known,
};
use crate::core::{
    foreign::ForeignText,
    image::{
        Digest, Platforms, TagName,
        manifest::{ACCEPTED, Exclusion, FactsWanted, Fetch, Fetched, Step, TagReader},
    },
};

/// The most bytes of a manifest or config.
const MAX_BYTES: usize = 8 << 20;
/// How many parts of one tag are fetched at the same time.
const PARALLEL: usize = 4;

pub(crate) async fn facts(
    ask: &Ask<'_>,
    tag: &TagName,
    platforms: &Platforms,
    wanted: FactsWanted,
) -> Result<Known, RegistryError> {
    read(ask, tag, platforms, wanted).await.map_err(|error| match error {
        // Part of the tag or all of it: without this part it is not shown.
        RegistryError::Forbidden { reason, .. } | RegistryError::TagRefused { reason, .. } => {
            RegistryError::TagRefused {
                registry: ask.registry(),
                repository: ask.repository().to_owned(),
                subject: tag.to_string(),
                reason,
            }
        }
        error => error,
    })
}

async fn read(
    ask: &Ask<'_>,
    tag: &TagName,
    platforms: &Platforms,
    wanted: FactsWanted,
) -> Result<Known, RegistryError> {
    let unavailable = |why: &str| unavailable(ask, tag.as_str(), why);
    let Some(top) = get(ask, Kind::Manifest, ["manifests", tag.as_str()]).await? else {
        return Ok(Known::Excluded(Exclusion::Gone));
    };
    if let Some(claimed) = claimed_digest(&top)
        && claimed != Digest::of(&top.body)
    {
        return Err(unavailable(
            "the answer does not have the digest that its header claims",
        ));
    }
    let started = TagReader::start(platforms.clone(), wanted, fetched(&top));
    let mut reader = match started.map_err(|e| unavailable(&e.to_string()))? {
        Ok(reader) => reader,
        Err(exclusion) => return Ok(Known::Excluded(exclusion)),
    };
    loop {
        let needed = match reader.step() {
            Step::Done(Ok(facts)) => return Ok(Known::Facts(Arc::new(facts))),
            Step::Done(Err(exclusion)) => return Ok(Known::Excluded(exclusion)),
            Step::Need(needed) => needed,
        };
        let answers: Vec<Option<Answer>> = stream::iter(needed.into_iter().map(|fetch| part(ask, fetch)))
            .buffered(PARALLEL)
            .try_collect()
            .await?;
        let answers: Vec<_> = answers.iter().map(|answer| answer.as_ref().map(fetched)).collect();
        match reader.answer(&answers).map_err(|e| unavailable(&e.to_string()))? {
            Ok(()) => {}
            Err(exclusion) => return Ok(Known::Excluded(exclusion)),
        }
    }
}

/// Something that is named by its digest; `None` when the registry does not have it.
async fn part(ask: &Ask<'_>, fetch: Fetch) -> Result<Option<Answer>, RegistryError> {
    match fetch {
        Fetch::Manifest(digest) => by_digest(ask, Kind::Manifest, digest).await,
        Fetch::Config(digest) => by_digest(ask, Kind::Blob, digest).await,
    }
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
    let url = ask.url(tail)?;
    let accept: &[&str] = if kind == Kind::Manifest { &ACCEPTED } else { &["*/*"] };
    let subject = tail[1];
    match ask.get(kind, &url, accept, MAX_BYTES).await {
        Ok(answer) => match answer.status {
            StatusCode::OK => Ok(Some(answer)),
            StatusCode::NOT_FOUND => Ok(None),
            status @ (StatusCode::PRECONDITION_FAILED | StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS) => {
                Err(RegistryError::TagRefused {
                    registry: ask.registry(),
                    repository: ask.repository().to_owned(),
                    subject: subject.to_owned(),
                    reason: ForeignText::new(&format!("it answers {status}{}", words(&answer))),
                })
            }
            status => {
                let reason = format!("the registry answers {status}{}", words(&answer));
                Err(unavailable(ask, subject, &reason))
            }
        },
        Err(Trouble::Registry(error)) => Err(error),
        Err(Trouble::TooLarge) => Err(unavailable(ask, subject, "the answer is larger than 8 MiB")),
        Err(Trouble::Broken(why)) => Err(unavailable(ask, subject, &why)),
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
