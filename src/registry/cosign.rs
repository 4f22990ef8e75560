//! Signatures of an image: fetches what `core::signature` asks for.
//!
//! OCI distribution specification, "Listing Referrers" and "Pulling manifests". Bytes that were asked for by digest
//! must have that digest. An answer that cannot be had now is remembered: it never lets an image pass for unsigned, but
//! a signature that is found elsewhere counts all the same.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures::{StreamExt as _, stream};
use reqwest::StatusCode;
use tokio::sync::Mutex as AsyncMutex;
use url::Url;

use super::{
    client::{Answer as Received, Ask, Trouble, words},
    counts::Kind,
    error::RegistryError,
    metadata::{self, claimed_digest, fetched, unavailable},
    tags,
};
use crate::core::{
    image::{Digest, manifest::OCI_INDEX},
    signature::{Answer, Fetch, KeyId, PublicKey, Searched, SignatureSearch, Step, Verification},
};

/// The most bytes of one page of a referrers list.
const MAX_PAGE: usize = 4 << 20;
/// The longest that one question takes. What was found by then is kept for the next.
const MAX_TIME: Duration = Duration::from_mins(2);
/// How many parts are fetched at the same time.
const PARALLEL: usize = 4;
/// How many proofs are remembered.
const MAX_PROOFS: usize = 20_000;

/// What is known in this session about the signatures of one image. Keys are tried on what was found; only when none
/// fits the search goes on, so that several keys and several askers cost what one costs.
pub(crate) struct Search {
    places: SignatureSearch,
    pages: Pages,
    trouble: Option<RegistryError>,
}

/// The pages of the referrers list.
#[derive(Default)]
struct Pages {
    next: Option<Url>,
    seen: HashSet<Url>,
}

/// Whether one of `keys` has signed `image`, within [`MAX_TIME`].
pub(crate) async fn verify(
    search: &AsyncMutex<Search>,
    ask: &Ask<'_>,
    image: Digest,
    keys: &[PublicKey],
) -> Result<Verification, RegistryError> {
    let verified = async { search.lock().await.verify(ask, image, keys).await };
    let in_time = tokio::time::timeout(MAX_TIME, verified).await;
    in_time.unwrap_or_else(|_| {
        Err(unavailable(
            ask,
            &subject(image),
            "they were not read within two minutes",
        ))
    })
}

/// What came of one request.
enum Outcome {
    Found(Received),
    Missing,
    Failed(RegistryError),
}

impl Search {
    pub(crate) fn new(image: Digest) -> Self {
        Self {
            places: SignatureSearch::new(image),
            pages: Pages::default(),
            trouble: None,
        }
    }

    async fn verify(
        &mut self,
        ask: &Ask<'_>,
        image: Digest,
        keys: &[PublicKey],
    ) -> Result<Verification, RegistryError> {
        loop {
            if let Some(key) = self.places.signed_by(keys) {
                return Ok(Verification::Verified { key });
            }
            match self.places.step() {
                Step::Need(needed) => self.fetch(ask, image, needed).await,
                Step::Done(searched) => return self.verdict(ask, image, searched),
            }
        }
    }

    fn verdict(&self, ask: &Ask<'_>, image: Digest, searched: Searched) -> Result<Verification, RegistryError> {
        match (&self.trouble, searched) {
            (None, Searched::Whole(unverified)) => Ok(Verification::Unverified(unverified)),
            (Some(trouble), _) => Err(trouble.clone()),
            (None, Searched::Partly { complaint }) => {
                let why = complaint.map_or_else(|| "not all of them came".to_owned(), |why| why.as_str().to_owned());
                Err(unavailable(ask, &subject(image), &why))
            }
        }
    }

    /// Dropped while it waits, it has changed nothing.
    async fn fetch(&mut self, ask: &Ask<'_>, image: Digest, needed: Vec<Fetch>) {
        let pages = &self.pages;
        let is_list = matches!(needed.first(), Some(Fetch::Referrers | Fetch::MoreReferrers));
        let outcomes: Vec<_> = stream::iter(needed.into_iter().map(|fetch| get(ask, image, pages, fetch)))
            .buffered(PARALLEL)
            .collect()
            .await;
        let more = is_list && self.turn_page(ask, image, outcomes.first());
        let mut gave_up = false;
        let mut answers = Vec::with_capacity(outcomes.len());
        for outcome in &outcomes {
            answers.push(match outcome {
                Outcome::Found(received) => Answer::Found {
                    fetched: fetched(received),
                    more,
                },
                Outcome::Missing => Answer::Missing,
                Outcome::Failed(error) => {
                    self.trouble.get_or_insert_with(|| error.clone());
                    // Who does not answer, or asked to wait, is not asked for the rest.
                    gave_up |= matches!(
                        error,
                        RegistryError::Unavailable { .. } | RegistryError::RateLimited { .. }
                    );
                    Answer::Unreadable
                }
            });
        }
        self.places.answer(&answers);
        if gave_up {
            self.places.abandon();
        }
    }

    /// Notes where the page after `page` is; `true` when there is one.
    fn turn_page(&mut self, ask: &Ask<'_>, image: Digest, page: Option<&Outcome>) -> bool {
        let url = self.pages.current(ask, image);
        self.pages.next = None;
        let (Some(Outcome::Found(page)), Ok(url)) = (page, url) else {
            return false;
        };
        let why = match tags::next(&ask.connection.api, &url, &page.headers) {
            Ok(None) => return false,
            Ok(Some(next)) if next != url && !self.pages.seen.contains(&next) => {
                self.pages.seen.insert(url);
                self.pages.next = Some(next);
                return true;
            }
            Ok(Some(_)) => "its pages lead back to one that was read already",
            Err(_) => "it goes on, but does not say where",
        };
        let error = unavailable(ask, &subject(image), &format!("the referrers list: {why}"));
        self.trouble.get_or_insert(error);
        false
    }
}

impl Pages {
    fn current(&self, ask: &Ask<'_>, image: Digest) -> Result<Url, RegistryError> {
        match &self.next {
            Some(next) => Ok(next.clone()),
            None => ask.url(["referrers", &image.to_string()]),
        }
    }
}

async fn get(ask: &Ask<'_>, image: Digest, pages: &Pages, fetch: Fetch) -> Outcome {
    let got = match fetch {
        Fetch::Referrers | Fetch::MoreReferrers => referrers(ask, image, pages).await,
        Fetch::Tag(tag) => tagged(ask, tag.as_str()).await,
        Fetch::Manifest(digest) => metadata::by_digest(ask, Kind::Manifest, digest).await,
        Fetch::Blob(digest) => metadata::by_digest(ask, Kind::Blob, digest).await,
    };
    match got {
        Ok(Some(received)) => Outcome::Found(received),
        Ok(None) => Outcome::Missing,
        Err(error) => Outcome::Failed(error),
    }
}

/// One page of the referrers list; `None` when the registry keeps none.
async fn referrers(ask: &Ask<'_>, image: Digest, pages: &Pages) -> Result<Option<Received>, RegistryError> {
    let url = pages.current(ask, image)?;
    let fail = |why: &str| unavailable(ask, &subject(image), &format!("the referrers list: {why}"));
    match ask.get(Kind::Referrers, &url, &[OCI_INDEX], MAX_PAGE).await {
        Ok(answer) => match answer.status {
            StatusCode::OK => Ok(Some(answer)),
            // A registry of before this list says 404; some are clearer, some less clear about what they do not know.
            StatusCode::NOT_FOUND
            | StatusCode::BAD_REQUEST
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::NOT_ACCEPTABLE
            | StatusCode::GONE
            | StatusCode::NOT_IMPLEMENTED => Ok(None),
            _ => Err(fail(&format!("{}{}", answer.says("the registry"), words(&answer)))),
        },
        Err(Trouble::Registry(error)) => Err(error),
        Err(Trouble::TooLarge) => Err(fail("a page is larger than 4 MiB")),
        Err(Trouble::Broken(why)) => Err(fail(&why)),
    }
}

/// What a tag names; `None` when there is no such tag.
async fn tagged(ask: &Ask<'_>, tag: &str) -> Result<Option<Received>, RegistryError> {
    let answer = metadata::get(ask, Kind::Manifest, ["manifests", tag]).await?;
    if let Some(received) = &answer
        && claimed_digest(received).is_some_and(|claimed| claimed != Digest::of(&received.body))
    {
        let why = "the answer does not have the digest that its header claims";
        return Err(unavailable(ask, tag, why));
    }
    Ok(answer)
}

fn subject(image: Digest) -> String {
    format!("the signatures of {image}")
}

/// Which keys are proved to have signed which digests: that stays true, whoever asks and wherever the signature was
/// found.
#[derive(Default)]
pub(crate) struct Proofs(Mutex<Proved>);

#[derive(Default)]
struct Proved {
    all: HashSet<(Digest, KeyId)>,
    /// The oldest first.
    order: VecDeque<(Digest, KeyId)>,
}

impl Proofs {
    pub(crate) fn find(&self, image: Digest, keys: &[PublicKey]) -> Option<KeyId> {
        let proved = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.iter()
            .map(PublicKey::id)
            .find(|key| proved.all.contains(&(image, *key)))
    }

    /// Remembers a proof, and forgets the oldest when there are too many.
    pub(crate) fn add(&self, image: Digest, key: KeyId) {
        let mut proved = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Proved { all, order } = &mut *proved;
        if all.insert((image, key)) {
            order.push_back((image, key));
        }
        if order.len() > MAX_PROOFS
            && let Some(oldest) = order.pop_front()
        {
            all.remove(&oldest);
        }
    }
}
