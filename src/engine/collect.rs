//! Puts the reports of applications together, and sends each resource's report once its last application is done.

use tokio::sync::mpsc::UnboundedSender;

use crate::core::report::{ApplicationReport, ResourceReport};

/// The reports of one cycle on their way.
pub(super) struct Collected<'a> {
    pending: Vec<Option<(ResourceReport, usize)>>,
    reports: &'a UnboundedSender<(usize, ResourceReport)>,
}

impl<'a> Collected<'a> {
    pub(super) fn new(resources: usize, reports: &'a UnboundedSender<(usize, ResourceReport)>) -> Self {
        Self {
            pending: (0..resources).map(|_| None).collect(),
            reports,
        }
    }

    /// A resource's report begins with what is known already; `open` applications are still to come.
    pub(super) fn begin(&mut self, resource: usize, report: ResourceReport, open: usize) {
        if let Some(slot) = self.pending.get_mut(resource) {
            *slot = Some((report, open));
        }
        self.send_if_complete(resource);
    }

    /// One application is done; `None` when it turned out that the resource does not follow it any more.
    pub(super) fn add(&mut self, resource: usize, application: Option<ApplicationReport>) {
        if let Some(Some((report, open))) = self.pending.get_mut(resource) {
            report.applications.extend(application);
            *open = open.saturating_sub(1);
        }
        self.send_if_complete(resource);
    }

    fn send_if_complete(&mut self, resource: usize) {
        let Some(slot) = self.pending.get_mut(resource) else {
            return;
        };
        if let Some((mut report, _)) = slot.take_if(|(_, open)| *open == 0) {
            report.applications.sort_by(|a, b| a.application.cmp(&b.application));
            // Nobody listens any more when the program ends.
            let _ = self.reports.send((resource, report));
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;
    use crate::core::{keys::ObjectKey, report::WriteOutcome};

    fn application(name: &str) -> ApplicationReport {
        ApplicationReport {
            application: ObjectKey::new("argocd", name),
            refused: None,
            images: Vec::new(),
            edits: Vec::new(),
            write: WriteOutcome::Nothing,
            repository: None,
            files: Vec::new(),
        }
    }

    #[test]
    fn a_resource_is_reported_once_when_its_last_application_is_done() {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let mut collected = Collected::new(2, &sender);
        collected.begin(0, ResourceReport::default(), 2);
        collected.begin(1, ResourceReport::default(), 0);
        assert_eq!(receiver.try_recv().map(|(i, _)| i), Ok(1));
        collected.add(0, Some(application("b")));
        assert!(receiver.try_recv().is_err());
        collected.add(0, Some(application("a")));
        let (index, report) = receiver.try_recv().expect("the first resource's report");
        let names: Vec<_> = report
            .applications
            .iter()
            .map(|a| a.application.name.as_str())
            .collect();
        assert_eq!((index, names), (0, vec!["a", "b"]));
        assert!(receiver.try_recv().is_err());
    }
    #[test]
    fn an_application_that_is_followed_no_more_does_not_hold_back_the_report() {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let mut collected = Collected::new(1, &sender);
        collected.begin(0, ResourceReport::default(), 2);
        collected.add(0, Some(application("a")));
        collected.add(0, None);
        let (_, report) = receiver.try_recv().expect("the report");
        assert_eq!(report.applications.len(), 1);
    }
}
