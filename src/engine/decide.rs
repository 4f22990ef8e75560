//! Decides one application: every image gets a pick from the registries, then the pure plan says what changes, and
//! which picks have to be verified before they may be written.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
};

use futures::future::join_all;
use tokio_util::sync::CancellationToken;

use super::{
    Engine, Work,
    observe::{Asker, Cycle, Pick},
    verify::Checked,
};
use crate::{
    api::argocd::Application,
    core::{
        image::{ImageRef, ImageVersion, TagName},
        keys::ObjectKey,
        plan::{
            Picked, ownership, running,
            update::{self, Update},
        },
        report::{ApplicationReport, GitWrite, ImageReport, PickRule, WriteOutcome},
        resolve::{ResolvedImage, SourceSlot, TrackedImage, WriteTarget},
        select::{Candidate, Fate, FirstSeen, TagStory, Waiting, live::LiveImages},
        signature::{OnUnverified, PublicKey},
        verdict::{Reason, Verdict},
    },
    secret::RedactedUrl,
};

/// How many tags are looked at, the best first, for one that is signed.
const MAX_FALLBACK: usize = 20;

/// May something still be written?
#[derive(Clone)]
pub struct WritePermit {
    /// Another replica may write now, or the time to end is over: nothing more, at once.
    pub stop: CancellationToken,
    /// The program ends: what began may be finished, nothing new begins.
    pub ending: CancellationToken,
    held: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl Default for WritePermit {
    /// The permit of a program that writes alone.
    fn default() -> Self {
        Self::while_held(|| true)
    }
}

impl WritePermit {
    /// A permit that ends when `held` says so.
    pub fn while_held(held: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self {
            stop: CancellationToken::new(),
            ending: CancellationToken::new(),
            held: Arc::new(held),
        }
    }

    /// Whether a write may begin.
    pub fn may_begin(&self) -> bool {
        self.may_finish() && !self.ending.is_cancelled()
    }

    /// Whether what began may be finished, by a push or a status.
    pub fn may_finish(&self) -> bool {
        !self.stop.is_cancelled() && (self.held)()
    }
}

/// An application with everything decided and nothing written yet.
#[derive(Debug)]
pub(super) struct Decided {
    pub(super) work: Work,
    pub(super) update: Update,
    chosen: Vec<Option<String>>,
    live: LiveImages,
    picks: Vec<Result<Picked, Verdict>>,
    stories: Vec<Vec<TagStory>>,
    waiting: Vec<Option<Vec<Waiting>>>,
}

impl Decided {
    /// Decides once more on `application`, beside the Kustomize entries of other resources; images with a verdict in
    /// `held` are left alone.
    pub(super) fn decide_on(
        &mut self,
        application: &Application,
        foreign: &[(SourceSlot, String)],
        held: &[(usize, Verdict)],
    ) {
        let mut picks = self.picks.clone();
        for (image, verdict) in held {
            if let Some(pick) = picks.get_mut(*image) {
                *pick = Err(verdict.clone());
            }
        }
        self.update = update::decide_beside(application, &self.work.tracked, &self.live, &picks, foreign);
    }

    /// The report, once it is known what became of the changes.
    pub(super) fn report(self, write: WriteOutcome) -> (usize, Option<ApplicationReport>) {
        let application = ObjectKey::new(self.work.application.namespace(), self.work.application.name());
        let repository = match &self.work.tracked.target {
            WriteTarget::Git(target) => Some(GitWrite {
                url: RedactedUrl::new(&target.repository).to_string(),
                base: target.base.clone(),
                push: target.push.clone(),
                file: target.file.path().to_owned(),
                values: if self.update.has_changes() {
                    self.update.entries
                } else {
                    Vec::new()
                },
            }),
            WriteTarget::Application => None,
        };
        let configured = self.work.tracked.images;
        let told = self.chosen.into_iter().zip(self.stories).zip(self.waiting);
        let images = configured.iter().zip(self.update.images).zip(told);
        let images = images
            .map(|((resolved, decided), ((chosen, story), waiting))| ImageReport {
                image: resolved
                    .reference
                    .as_ref()
                    .map_or_else(String::new, ImageRef::full_name),
                alias: resolved.alias.clone(),
                live: decided.live,
                rule: resolved.tracked.as_ref().ok().map(|image| rule(image)),
                current: decided.current,
                chosen,
                decision: decided.decision,
                story,
                waiting,
            })
            .collect();
        (
            self.work.resource,
            Some(ApplicationReport {
                application,
                refused: None,
                images,
                edits: self.update.edits,
                write,
                repository,
                files: Vec::new(),
            }),
        )
    }
}

/// How the tag of an image is picked, for people.
fn rule(image: &TrackedImage) -> PickRule {
    let constraint = image.reference.version.as_ref();
    PickRule {
        strategy: image.policy.strategy(),
        constraint: constraint.map_or_else(String::new, |version| version.tag.clone()),
    }
}

/// What is picked for one image, until it may be written.
struct Picking<'a> {
    /// Its settings, when they can be used.
    image: Option<&'a TrackedImage>,
    /// What runs, where that is known.
    live: Option<ImageVersion>,
    beside: Vec<ImageVersion>,
    written: Option<&'a ImageVersion>,
    first_seen: FirstSeen,
    /// Who has to sign it.
    keys: Vec<PublicKey>,
    /// The tags that nobody of them has signed, and why.
    unverified: BTreeMap<TagName, String>,
    /// What was picked so far, and what a person should see of it.
    picked: Result<Picked, Verdict>,
    chosen: Option<ImageVersion>,
    story: Vec<TagStory>,
    waiting: Option<Vec<Waiting>>,
}

impl<'a> Picking<'a> {
    /// Nothing is picked yet, and may never be, for this reason.
    fn held(image: Option<&'a TrackedImage>, written: Option<&'a ImageVersion>, verdict: Verdict) -> Self {
        Self {
            image,
            live: None,
            beside: Vec::new(),
            written,
            first_seen: FirstSeen::default(),
            keys: Vec::new(),
            unverified: BTreeMap::new(),
            picked: Err(verdict),
            chosen: None,
            story: Vec::new(),
            waiting: None,
        }
    }

    /// What was picked, in the words of its policy.
    fn chosen_text(&self) -> Option<String> {
        let words = self.image?.policy.version_words();
        Some(words.of(self.chosen.as_ref()?).into_owned())
    }
}

impl Engine {
    /// Asks what has to be asked for one application, decides, and claims what the decision wants.
    pub(super) async fn decide(&self, cycle: &Cycle, work: Work) -> Decided {
        let _slot = match &self.deciding {
            Some(slots) => slots.acquire().await.ok(),
            None => None,
        };
        let live = LiveImages::parse(work.application.live_images());
        let written = running::written(&work.application, &work.tracked);
        let images = work.tracked.images.iter().zip(&written);
        let images = images.map(|(resolved, written)| self.pick(cycle, &work, &live, resolved, written.as_ref()));
        let mut images = join_all(images).await;
        let foreign = self.ledger().foreign_images(work.rank.claimant());
        let (picks, update) = loop {
            let picks: Vec<_> = images.iter().map(|image| image.picked.clone()).collect();
            let update = update::decide_beside(&work.application, &work.tracked, &live, &picks, &foreign);
            if update.unchecked.is_empty() {
                break (picks, update);
            }
            // Only what would be written is worth a look at its signatures. Each round rules one tag of each image out.
            let unchecked = images.iter_mut().enumerate();
            let unchecked = unchecked.filter(|(index, _)| update.unchecked.contains(index));
            join_all(unchecked.map(|(_, image)| self.verify(cycle, &work, image))).await;
        };
        let claims = ownership::claims(&work.application, &work.tracked, &live, Some(&picks));
        self.ledger().put(&work.rank, &work.place(), claims);
        self.progress.decided.fetch_add(1, Ordering::Relaxed);
        let chosen = images.iter().map(Picking::chosen_text).collect();
        let (stories, waiting) = images.into_iter().map(|image| (image.story, image.waiting)).unzip();
        Decided {
            work,
            update,
            chosen,
            live,
            picks,
            stories,
            waiting,
        }
    }

    /// Picks a tag for one image of an application.
    async fn pick<'a>(
        &self,
        cycle: &Cycle,
        work: &Work,
        live: &LiveImages,
        resolved: &'a ResolvedImage,
        written: Option<&'a ImageVersion>,
    ) -> Picking<'a> {
        let image = match &resolved.tracked {
            Ok(image) => &**image,
            Err(verdict) => return Picking::held(None, written, verdict.clone()),
        };
        let held = |verdict| Picking::held(Some(image), written, verdict);
        let found = running::find(&work.application, &work.tracked, live, image, None);
        if !found.followed {
            // No registry needs to be asked about an image that does not run.
            let message = format!(
                "{} is not among the application's running images",
                image.reference.full_name()
            );
            return held(Verdict::new(Reason::NotLive, message));
        }
        let running = match found.running {
            Ok(running) => running.and_then(|running| running.version),
            Err(unreadable) => return held(Verdict::from(unreadable)),
        };
        let keys = match &image.signatures {
            None => Vec::new(),
            Some(policy) => {
                let namespace = work.application.namespace();
                match Box::pin(self.observer.signing_keys(cycle, namespace, policy)).await {
                    Ok(keys) => keys,
                    Err(verdict) => return held(verdict),
                }
            }
        };
        let status = work.updater.status.as_ref();
        let pending = status.and_then(|status| status.pending.as_deref()).unwrap_or_default();
        let mut picking = Picking {
            live: running,
            beside: running::admitted(live, image),
            first_seen: FirstSeen::of(&image.reference.full_name(), pending),
            keys,
            ..held(Verdict::new(Reason::MetadataUnavailable, "nothing was picked yet"))
        };
        self.pick_next(cycle, work, &mut picking, image).await;
        picking
    }

    /// Picks the best tag that is not known to lack a signature.
    async fn pick_next(&self, cycle: &Cycle, work: &Work, picking: &mut Picking<'_>, image: &TrackedImage) {
        let asker = Asker {
            namespace: work.application.namespace(),
            live: picking.live.as_ref(),
            beside: &picking.beside,
            written: picking.written,
            first_seen: &picking.first_seen,
            unverified: &picking.unverified,
            explain: self.options.explain,
        };
        let Pick {
            candidate,
            story,
            waiting,
        } = self.observer.pick(cycle, image, asker).await;
        picking.chosen = candidate.as_ref().ok().map(Candidate::version);
        picking.picked = candidate.map(|candidate| Picked::new(candidate, image.signatures.as_deref()));
        picking.story = story;
        picking.waiting = waiting;
    }

    /// Checks the signatures of what was picked. Where none is by one of the keys, the image is left alone, or the next
    /// best tag is picked, as its policy says; what could not be read never counts as not signed.
    async fn verify(&self, cycle: &Cycle, work: &Work, picking: &mut Picking<'_>) {
        let (Some(image), Ok(Picked::Unchecked(candidate))) = (picking.image, &picking.picked) else {
            return;
        };
        let Some(policy) = &image.signatures else {
            return;
        };
        let (candidate, namespace) = (candidate.clone(), work.application.namespace());
        let tag = candidate.tag.clone();
        let checked = self
            .observer
            .check(cycle, image, namespace, &picking.keys, candidate)
            .await;
        let why = match checked {
            Checked::Signed(verified) => {
                picking.picked = Ok(verified.into());
                return;
            }
            Checked::Unknown(verdict) => {
                picking.picked = Err(verdict);
                return;
            }
            Checked::Unsigned(why) => why,
        };
        let message = format!("{tag} is not verified: {why}");
        picking.unverified.insert(tag.clone(), why.clone());
        let tried = picking.unverified.len();
        match policy.on_unverified {
            OnUnverified::Fallback if tried < MAX_FALLBACK => self.pick_next(cycle, work, picking, image).await,
            OnUnverified::Fallback | OnUnverified::Block => {
                let message = match tried {
                    MAX_FALLBACK.. => format!("none of the {MAX_FALLBACK} best tags is verified; the last: {message}"),
                    _ => message,
                };
                let story = picking.story.iter_mut().filter(|story| story.tag == tag);
                story.for_each(|story| story.fate = Fate::Unverified(why.clone()));
                picking.picked = Err(Verdict::new(Reason::NotVerified, message));
            }
        }
    }
}
