//! The numbers of one cycle.

use super::{ResourceReport, WriteOutcome};

/// The numbers of one cycle of one resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Applications that a rule matched and that can be followed.
    pub applications: usize,
    /// Images that are followed: found live, updated by force, or read from the manifest.
    pub images_considered: usize,
    /// Images that do not change and need nobody.
    pub images_skipped: usize,
    /// Images that were written.
    pub images_updated: usize,
    /// Images and applications that need somebody.
    pub errors: usize,
}

impl Counts {
    /// Counts what a report says.
    pub fn of(report: &ResourceReport) -> Self {
        let mut counts = Self {
            errors: report.stalled.len(),
            ..Self::default()
        };
        for application in &report.applications {
            match &application.refused {
                Some(verdict) if verdict.reason.needs_attention() => counts.errors += 1,
                Some(_) => {}
                None => counts.applications += usize::from(!application.images.is_empty()),
            }
            let failed = matches!(application.write, WriteOutcome::Failed(_));
            counts.errors += usize::from(failed);
            for image in &application.images {
                counts.images_considered += usize::from(image.is_followed());
                match &image.decision {
                    Ok(_) => counts.images_updated += usize::from(application.write.is_written()),
                    Err(verdict) if verdict.reason.needs_attention() => counts.errors += 1,
                    Err(_) => counts.images_skipped += 1,
                }
            }
        }
        counts
    }
}
