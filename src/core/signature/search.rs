//! Where the signatures of an image lie, and in which order they are looked for.
//!
//! First the referrers list (OCI distribution specification, "Listing Referrers"), then the tag that stands for it
//! where a registry has no such list (`sha256-<hex>`), then the tag under which older versions of cosign put signatures
//! (`sha256-<hex>.sig`). Nothing ends the search but a matching signature: every place, every entry, every layer is
//! looked at. Resumable: a [`SignatureSearch`] says what must be fetched next, a few things at a time, so that what is
//! found early costs little. `registry::cosign` fetches for it; `lead` says what leads to what.

use std::collections::{HashMap, HashSet, VecDeque};

use super::{KeyId, PublicKey, Unverified, format::LayerKind, signed::Signed};
use crate::core::{
    foreign::ForeignText,
    image::{Digest, TagName, manifest::Fetched},
};

mod lead;

/// The most pages of a referrers list.
const MAX_PAGES: usize = 50;
/// The most manifests and blobs that one place may lead to. A flooded place does not hide the next.
const MAX_PARTS: usize = 200;
/// The most bytes of them.
const MAX_BYTES: usize = 32 << 20;
/// The most signatures that are tried for one image.
const MAX_SIGNATURES: usize = 200;
/// How many manifests and blobs are asked for at the same time.
const ROUND: usize = 4;

/// Something that must be fetched, in the image's repository.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Fetch {
    /// The first page of the referrers list of the image.
    Referrers,
    /// The page after the one that was fetched last.
    MoreReferrers,
    /// The manifest or index that a tag names.
    Tag(TagName),
    /// The manifest with this digest.
    Manifest(Digest),
    /// The blob with this digest.
    Blob(Digest),
}

/// What became of a [`Fetch`].
#[derive(Debug, Clone, Copy)]
pub enum Answer<'a> {
    /// The bytes. The caller has checked the digest of what was asked for by digest.
    Found {
        /// With the `Content-Type`; of a blob it does not matter.
        fetched: Fetched<'a>,
        /// Of a referrers list: another page follows.
        more: bool,
    },
    /// The registry does not have it.
    Missing,
    /// It could not be read now. The search goes on, but can no longer end with "not signed".
    Unreadable,
}

/// What a [`SignatureSearch`] wants next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// These must be fetched, and given to [`SignatureSearch::answer`] in the same order. Never empty.
    Need(Vec<Fetch>),
    /// There is nothing more.
    Done(Searched),
}

/// How a search ended that no key ended earlier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Searched {
    /// Everything was read.
    Whole(Unverified),
    /// Something could not be read, so that nobody knows whether the image is signed.
    Partly {
        /// What was wrong with an answer; `None` when the caller said [`Answer::Unreadable`], and so knows why.
        complaint: Option<ForeignText>,
    },
}

/// Looks for the signatures of one image.
#[derive(Debug)]
pub struct SignatureSearch {
    image: Digest,
    tasks: VecDeque<Task>,
    /// Manifests that were asked for; several places may list the same one.
    known: HashSet<Digest>,
    pages: usize,
    /// What was read from the present place.
    parts: usize,
    bytes: usize,
    signed: Vec<Signed>,
    checked: HashMap<KeyId, Checked>,
    seen: Unverified,
    whole: bool,
    complaint: Option<ForeignText>,
}

#[derive(Debug, Clone)]
enum Task {
    Referrers { first: bool },
    Tag(TagName),
    Manifest(Digest),
    Blob(Digest, LayerKind),
}

/// How far one key has got.
#[derive(Debug, Default)]
struct Checked {
    tried: usize,
    made_one: bool,
}

impl SignatureSearch {
    /// Begins to look for signatures of the manifest or index with this digest.
    pub fn new(image: Digest) -> Self {
        let referrers_tag = image.to_string().replace(':', "-");
        let tags = [referrers_tag.clone(), format!("{referrers_tag}.sig")];
        let mut tasks = VecDeque::from([Task::Referrers { first: true }]);
        tasks.extend(tags.iter().filter_map(|tag| TagName::new(tag)).map(Task::Tag));
        Self {
            image,
            tasks,
            known: HashSet::new(),
            pages: 0,
            parts: 0,
            bytes: 0,
            signed: Vec::new(),
            checked: HashMap::new(),
            seen: Unverified::default(),
            whole: true,
            complaint: None,
        }
    }

    /// The first of `keys` that made one of the signatures found so far. What was tried is not tried again.
    pub fn signed_by(&mut self, keys: &[PublicKey]) -> Option<KeyId> {
        let signed = &self.signed;
        let checked = &mut self.checked;
        let key = keys.iter().find(|key| {
            let checked = checked.entry(key.id()).or_default();
            let fresh = signed.get(checked.tried..).unwrap_or_default();
            checked.made_one = checked.made_one || fresh.iter().any(|signed| key.made(signed));
            checked.tried = signed.len();
            checked.made_one
        })?;
        Some(key.id())
    }

    /// What is wanted next. Asking twice without an answer gives the same.
    pub fn step(&self) -> Step {
        let wanted = self.round();
        if !wanted.is_empty() {
            return Step::Need(wanted);
        }
        Step::Done(if self.whole {
            Searched::Whole(self.seen)
        } else {
            let complaint = self.complaint.clone();
            Searched::Partly { complaint }
        })
    }

    /// A list or a tag alone, for what it leads to is looked at before the next; manifests and blobs a few together.
    fn round(&self) -> Vec<Fetch> {
        let mut round = Vec::new();
        for task in self.tasks.iter().take(ROUND) {
            let fetch = match task {
                Task::Referrers { first: true } => Fetch::Referrers,
                Task::Referrers { first: false } => Fetch::MoreReferrers,
                Task::Tag(tag) => Fetch::Tag(tag.clone()),
                Task::Manifest(digest) => Fetch::Manifest(*digest),
                Task::Blob(digest, _) => Fetch::Blob(*digest),
            };
            let is_part = matches!(fetch, Fetch::Manifest(_) | Fetch::Blob(_));
            if !is_part && !round.is_empty() {
                break;
            }
            round.push(fetch);
            if !is_part {
                break;
            }
        }
        round
    }

    /// Takes the answers to the last [`Step::Need`], in its order.
    pub fn answer(&mut self, answers: &[Answer<'_>]) {
        let mut found = Vec::new();
        for answer in answers {
            let Some(task) = self.tasks.pop_front() else {
                break;
            };
            match task {
                Task::Manifest(_) | Task::Blob(..) => self.parts += 1,
                Task::Tag(_) => (self.parts, self.bytes) = (0, 0),
                Task::Referrers { .. } => {}
            }
            match *answer {
                Answer::Found { fetched, more } => self.take(task, fetched, more, &mut found),
                Answer::Missing if matches!(task, Task::Manifest(_) | Task::Blob(..)) => self.seen.unusable += 1,
                Answer::Missing if matches!(task, Task::Referrers { first: false }) => {
                    self.complain("a page of the referrers list is gone");
                }
                Answer::Missing => {}
                Answer::Unreadable => self.whole = false,
            }
        }
        for task in found.into_iter().rev() {
            self.tasks.push_front(task);
        }
        if self.parts >= MAX_PARTS || self.bytes >= MAX_BYTES {
            self.leave_place();
        }
    }

    /// Ends the search, because the registry cannot be asked any more.
    pub fn abandon(&mut self) {
        self.tasks.clear();
        self.whole = false;
    }

    /// Goes on with the next tag.
    fn leave_place(&mut self) {
        while self.tasks.front().is_some_and(|task| !matches!(task, Task::Tag(_))) {
            self.tasks.pop_front();
            self.seen.limited = true;
        }
    }

    fn complain(&mut self, why: &str) {
        self.whole = false;
        self.complaint.get_or_insert_with(|| ForeignText::new(why));
    }
}
