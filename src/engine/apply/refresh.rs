//! Tells Argo CD of a push: it would notice the new commit only at its next poll, minutes later.

use std::collections::BTreeSet;

use futures::{StreamExt as _, stream};

use crate::{core::keys::ObjectKey, engine::Engine};

/// So many Applications are told of at once; the rest of the cycle needs the API server too.
const AT_ONCE: usize = 8;

impl Engine {
    /// Asks Argo CD to look at these Applications now, each once. Called after the branch that they follow was pushed.
    ///
    /// It starts no cycle of ours: of an annotation that is not our own the watches tell nothing. One that fails is only
    /// logged, since Argo CD polls anyway.
    pub async fn refresh(&self, keys: Vec<ObjectKey>) {
        if self.options.dry_run {
            return;
        }
        let each: BTreeSet<ObjectKey> = keys.into_iter().collect();
        let telling = stream::iter(each).map(|key| async move {
            if let Err(error) = self.cluster.refresh_application(&key).await {
                tracing::warn!(%error, application = %key, "Argo CD is not told of the push; it will see it at its next poll");
            }
        });
        telling.buffer_unordered(AT_ONCE).collect::<()>().await;
    }
}
