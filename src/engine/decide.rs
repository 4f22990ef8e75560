//! Decides one application: every image gets a pick from the registries, then the pure plan says what changes.

use std::sync::Arc;

use futures::future::join_all;
use tokio_util::sync::CancellationToken;

use super::{
    Engine, Work,
    observe::{Asker, Cycle, Pick},
};
use crate::{
    core::{
        keys::ObjectKey,
        plan::{
            update::{self, Update},
            verified::Verified,
        },
        report::{ApplicationReport, ImageReport, WriteOutcome},
        resolve::{ManifestTarget, WriteTarget},
        select::{FirstSeen, TagStory, live::LiveImages},
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
    stories: Vec<Vec<TagStory>>,
}

impl Decided {
    /// The report, once it is known what became of the changes.
    pub(super) fn report(self, write: WriteOutcome) -> (usize, ApplicationReport) {
        let application = ObjectKey::new(self.work.application.namespace(), self.work.application.name());
        let repository = match &self.work.tracked.target {
            WriteTarget::Git(target) => Some(RedactedUrl::new(&target.repository).to_string()),
            WriteTarget::Application => None,
        };
        let configured = self.work.tracked.images;
        let images = configured.iter().zip(self.update.images).zip(self.stories);
        let images = images
            .map(|((resolved, decided), story)| ImageReport {
                image: resolved
                    .tracked
                    .as_ref()
                    .map_or_else(|_| String::new(), |t| t.reference.full_name()),
                alias: resolved.alias.clone(),
                live: decided.live,
                current: decided.current,
                decision: decided.decision,
                story,
            })
            .collect();
        (
            self.work.resource,
            ApplicationReport {
                application,
                refused: None,
                images,
                edits: self.update.edits,
                write,
                repository,
            },
        )
    }
}

impl Engine {
    /// Asks what has to be asked for one application, and decides.
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
        let picks = join_all(work.tracked.images.iter().map(|resolved| {
            let live = &live;
            async move {
                let image = match &resolved.tracked {
                    Ok(image) => image,
                    Err(verdict) => return verdict.clone().into(),
                };
                let renamed = match &image.manifest_target {
                    ManifestTarget::Kustomize(name) => Some(name.as_str()),
                    _ => None,
                };
                let running = live.find(&image.reference, renamed, &image.policy, None);
                if running.is_none() && !image.force_update {
                    // No registry needs to be asked about an image that does not run.
                    let message = format!(
                        "{} is not among the application's running images",
                        image.reference.full_name()
                    );
                    return Pick::from(Verdict::new(Reason::NotLive, message));
                }
                let version = running.and_then(|running| running.reference.version.clone());
                let first_seen = FirstSeen::of(&image.reference.full_name(), pending);
                let asker = Asker {
                    namespace,
                    live: version.as_ref(),
                    first_seen: &first_seen,
                    explain: self.options.explain,
                };
                self.observer.pick(cycle, image, asker).await
            }
        }))
        .await;
        let (picks, stories): (Vec<_>, Vec<_>) = picks
            .into_iter()
            .map(|pick| (pick.candidate.map(Verified::no_policy), pick.story))
            .unzip();
        let update = update::decide(&work.application, &work.tracked, &live, &picks);
        Decided { work, update, stories }
    }
}
