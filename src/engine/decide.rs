//! Decides one application: every image gets a pick from the registries, then the pure plan says what changes.

use std::sync::{Arc, atomic::Ordering};

use futures::future::join_all;
use tokio_util::sync::CancellationToken;

use super::{
    Engine, Work,
    observe::{Asker, Cycle, Pick},
};
use crate::{
    api::argocd::Application,
    core::{
        image::ImageRef,
        keys::ObjectKey,
        plan::{
            ownership, running,
            update::{self, Update},
            verified::Verified,
        },
        report::{ApplicationReport, GitWrite, ImageReport, PickRule, WriteOutcome},
        resolve::{ResolvedImage, SourceSlot, TrackedApplication, TrackedImage, WriteTarget},
        select::{Candidate, FirstSeen, TagStory, Waiting, live::LiveImages},
        verdict::{Reason, Verdict},
    },
    secret::RedactedUrl,
};

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
    picks: Vec<Result<Verified<Candidate>, Verdict>>,
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
            }),
        )
    }
}

/// What was picked for every image, for people.
fn chosen(tracked: &TrackedApplication, picks: &[Result<Verified<Candidate>, Verdict>]) -> Vec<Option<String>> {
    let of_one = |(resolved, pick): (&ResolvedImage, &Result<Verified<Candidate>, Verdict>)| {
        let words = resolved.tracked.as_ref().ok()?.policy.version_words();
        let version = pick.as_ref().ok()?.get().version();
        Some(words.of(&version).into_owned())
    };
    tracked.images.iter().zip(picks).map(of_one).collect()
}

/// How the tag of an image is picked, for people.
fn rule(image: &TrackedImage) -> PickRule {
    let constraint = image.reference.version.as_ref();
    PickRule {
        strategy: image.policy.strategy(),
        constraint: constraint.map_or_else(String::new, |version| version.tag.clone()),
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
        let namespace = work.application.namespace();
        let pending = work
            .updater
            .status
            .as_ref()
            .and_then(|status| status.pending.as_deref());
        let pending = pending.unwrap_or_default();
        let written = running::written(&work.application, &work.tracked);
        let picks = join_all(work.tracked.images.iter().zip(&written).map(|(resolved, written)| {
            let (live, work) = (&live, &work);
            async move {
                let image = match &resolved.tracked {
                    Ok(image) => image,
                    Err(verdict) => return verdict.clone().into(),
                };
                let found = running::find(&work.application, &work.tracked, live, image, None);
                if !found.followed {
                    // No registry needs to be asked about an image that does not run.
                    let message = format!(
                        "{} is not among the application's running images",
                        image.reference.full_name()
                    );
                    return Pick::from(Verdict::new(Reason::NotLive, message));
                }
                let version = match found.running {
                    Ok(running) => running.and_then(|running| running.version),
                    Err(unreadable) => return Pick::from(Verdict::from(unreadable)),
                };
                let beside = running::admitted(live, image);
                let first_seen = FirstSeen::of(&image.reference.full_name(), pending);
                let asker = Asker {
                    namespace,
                    live: version.as_ref(),
                    beside: &beside,
                    written: written.as_ref(),
                    first_seen: &first_seen,
                    explain: self.options.explain,
                };
                self.observer.pick(cycle, image, asker).await
            }
        }))
        .await;
        let (picks, (stories, waiting)): (Vec<_>, (Vec<_>, Vec<_>)) = picks
            .into_iter()
            .map(|pick| (pick.candidate.map(Verified::no_policy), (pick.story, pick.waiting)))
            .unzip();
        let chosen = chosen(&work.tracked, &picks);
        let claims = ownership::claims(&work.application, &work.tracked, &live, Some(&picks));
        self.ledger().put(&work.rank, &work.place(), claims);
        let update = update::decide(&work.application, &work.tracked, &live, &picks);
        self.progress.decided.fetch_add(1, Ordering::Relaxed);
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
}
