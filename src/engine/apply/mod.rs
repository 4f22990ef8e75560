//! Carries out what was planned: one patch per Application, one fetch and one push per git branch.

pub mod application;
mod failures;
pub mod git;
pub mod refresh;
pub mod setbacks;

use std::sync::{MutexGuard, PoisonError};

pub(in crate::engine) use self::failures::Failures;
use self::setbacks::Setbacks;
use crate::{
    core::{plan::ImageChange, report::events},
    engine::{Engine, Work},
};

impl Engine {
    /// What is remembered of repositories and branches that could not be written. Never held across an await.
    pub fn setbacks(&self) -> MutexGuard<'_, Setbacks> {
        self.setbacks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells about a write that happened. An event that cannot be created is only logged.
    async fn announce(&self, work: &Work, changes: &[ImageChange]) {
        if !self.options.events || changes.is_empty() {
            return;
        }
        let event = events::images_updated(&work.application, changes, jiff::Timestamp::now());
        if let Err(error) = self.cluster.create_event(&event).await {
            tracing::warn!(%error, application = %work.key(), "cannot create the event");
        }
    }
}
