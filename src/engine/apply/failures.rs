//! Tells of writes that fail: one Event for each failure that is new, since a person who waits for a new image looks at the
//! Application and not at our log.

use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, MutexGuard, PoisonError},
};

use crate::{
    core::{
        keys::ObjectKey,
        plan::ownership::Claimant,
        report::{ApplicationReport, WriteOutcome, events},
        verdict::{Reason, Verdict},
    },
    engine::{Done, Engine, Task, key_of},
};

/// The failures that were told and are not over: what was said last, by the resource and application that it is about.
/// Bounded by the applications that are there.
#[derive(Debug, Default)]
pub(in crate::engine) struct Failures(HashMap<Claimant, (Reason, String)>);

impl Failures {
    /// Whether `verdict` is to be told: nothing, or something else, was told since the last write that did not fail.
    fn is_news(&mut self, who: Claimant, verdict: &Verdict) -> bool {
        let said = (verdict.reason, verdict.message.clone());
        self.0.insert(who, said.clone()) != Some(said)
    }

    /// Nothing failed this time.
    fn over(&mut self, who: &Claimant) {
        self.0.remove(who);
    }

    /// Forgets all but those that are `present`.
    pub(in crate::engine) fn retain(&mut self, present: impl Fn(&Claimant) -> bool) {
        self.0.retain(|who, _| present(who));
    }
}

impl Engine {
    pub(in crate::engine) fn failures(&self) -> MutexGuard<'_, Failures> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Creates the Event for a write that failed, unless it was told already; `None` when there is nothing to tell. An
    /// event that cannot be created is only logged.
    pub(in crate::engine) fn tell_failure(
        &self,
        task: &Task,
        report: &ApplicationReport,
    ) -> Option<impl Future<Output = Done> + Send + use<'_>> {
        if self.options.dry_run || !self.options.events {
            return None;
        }
        let meta = &task.updater.metadata;
        let resource = ObjectKey::new(
            meta.namespace.as_deref().unwrap_or_default(),
            meta.name.as_deref().unwrap_or_default(),
        );
        let who = Claimant {
            resource,
            application: report.application.clone(),
        };
        let WriteOutcome::Failed(verdict) = &report.write else {
            self.failures().over(&who);
            return None;
        };
        if !self.failures().is_news(who, verdict) {
            return None;
        }
        let application = task.applications.iter().find(|a| key_of(a) == report.application)?;
        let (application, verdict) = (Arc::clone(application), verdict.clone());
        Some(async move {
            let event = events::write_failed(&application, &verdict, jiff::Timestamp::now());
            if let Err(error) = self.cluster.create_event(&event).await {
                tracing::warn!(%error, application = %key_of(&application), "cannot create the event");
            }
            Done::new()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_once_until_it_changes_or_is_over() {
        let who = |application| Claimant {
            resource: ObjectKey::new("argocd", "all"),
            application: ObjectKey::new("argocd", application),
        };
        let refused = |message: &str| Verdict::new(Reason::WriteFailed, message);
        let mut failures = Failures::default();
        for (application, message, news) in [
            ("shop", "a hook", true),
            ("shop", "a hook", false),
            ("web", "a hook", true),
            ("shop", "another hook", true),
            ("shop", "another hook", false),
            ("web", "a hook", false),
        ] {
            assert_eq!(
                failures.is_news(who(application), &refused(message)),
                news,
                "{application} {message}"
            );
        }
        let later = refused("a hook").with_another_look(Some(jiff::Timestamp::MAX));
        assert!(
            !failures.is_news(who("web"), &later),
            "the time of the next try is no news"
        );
        failures.over(&who("shop"));
        assert!(failures.is_news(who("shop"), &refused("another hook")), "it was over");
        failures.retain(|who| who.application.name == "shop");
        assert_eq!(failures.0.len(), 1);
    }
}
