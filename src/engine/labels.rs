//! The labels of new images, for commit messages that tell them.
//!
//! They are asked for only where the template wants them, and only for what changes. What was read to pick the image is not
//! read again, and what several applications change alike is read once in a cycle.

use std::{collections::BTreeMap, time::Duration};

use futures::future::join_all;
use tokio::time::{Instant, timeout_at};

use super::{
    Engine,
    decide::Decided,
    observe::{Cycle, Observer},
    repository::Asked,
};
use crate::{
    core::{
        image::{ImageVersion, TagName, manifest::FactsWanted},
        render::described,
        resolve::{TrackedImage, WriteTarget},
        verdict::{Reason, Verdict},
    },
    registry::{Freshness, Known},
};

/// The longest time that a write waits for labels.
const LABELS_TIME: Duration = Duration::from_mins(1);

type Labels = BTreeMap<String, String>;

impl Engine {
    /// The labels of every image that changes, in the order of `update.changes()`; without any when the template of the
    /// commit message has no use for them.
    ///
    /// A registry that cannot tell them holds nothing up: the message is made without, and the log says why.
    pub(in crate::engine) async fn labels_for(&self, cycle: &Cycle, decided: &Decided) -> Vec<Labels> {
        let Decided { work, update, .. } = decided;
        let is_wanted = match &work.tracked.target {
            WriteTarget::Git(target) => self.message_template(target).uses_labels(),
            WriteTarget::Application => false,
        };
        let images = work.tracked.images.iter().zip(&update.images);
        let changed = images.filter_map(|(resolved, image)| Some((resolved, image.decision.as_ref().ok()?)));
        if !is_wanted {
            return changed.map(|_| Labels::new()).collect();
        }
        let end = Instant::now() + LABELS_TIME;
        let namespace = work.application.namespace();
        let read = changed.map(|(resolved, change)| async move {
            let labels = match &resolved.tracked {
                Ok(image) => {
                    let labels = self.observer.labels(cycle, image, namespace, &change.new);
                    timeout_at(end, labels).await.unwrap_or_else(|_| {
                        let message = format!("they were not read within {LABELS_TIME:?}");
                        Err(Verdict::new(Reason::MetadataUnavailable, message))
                    })
                }
                Err(verdict) => Err(verdict.clone()),
            };
            labels.unwrap_or_else(|why| {
                tracing::warn!(
                    application = %work.key(),
                    image = %change.image.full_name(),
                    version = %change.new_text(),
                    "the commit message does not tell the labels of the image: {why}"
                );
                Labels::new()
            })
        });
        join_all(read).await
    }
}

impl Observer {
    /// The labels of the version `new` of an image; of several wanted platforms, those of the newest one.
    async fn labels(
        &self,
        cycle: &Cycle,
        image: &TrackedImage,
        namespace: &str,
        new: &ImageVersion,
    ) -> Result<Labels, Verdict> {
        let unknown = |why: String| Verdict::new(Reason::MetadataUnavailable, why);
        let tag = TagName::new(&new.tag).ok_or_else(|| unknown("it is written without a tag".to_owned()))?;
        let Asked { repo, .. } = self.ask(cycle, image, namespace).await?;
        // The decision asked in this cycle for a digest that is written, so that this is the same question.
        let freshness = if new.digest.is_empty() {
            Freshness::Kept
        } else {
            Freshness::Now
        };
        let facts = cycle
            .session
            .facts(&repo, &tag, &image.platforms, FactsWanted::Created, freshness);
        match facts.await {
            Ok(Known::Facts(facts)) => {
                let digest = facts.digest.to_string();
                if new.digest.is_empty() || new.digest == digest {
                    Ok(described::clean_labels(&facts.labels))
                } else {
                    Err(unknown(format!("{tag} names {digest} now")))
                }
            }
            Ok(Known::Excluded(why)) => Err(unknown(why.to_string())),
            Err(error) => Err(error.verdict()),
        }
    }
}
