//! How old tags are, and since when those that are too young wait.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::api::v1alpha1::PendingTag;

/// Since when the tags of one image that wait for their age are known to wait, as a resource's status keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FirstSeen {
    since: HashMap<String, Timestamp>,
}

impl FirstSeen {
    /// What `pending` says about the image with this full name.
    pub fn of(image: &str, pending: &[PendingTag]) -> Self {
        let of_image = pending.iter().filter(|entry| entry.image == image);
        Self {
            since: of_image.map(|entry| (entry.tag.clone(), entry.first_seen.0)).collect(),
        }
    }
}

/// A tag that may be picked as soon as it is old enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The tag; where its digest is written as well, `tag@sha256:...`, so that a new digest waits for itself.
    pub tag: String,
    /// Since when its age counts.
    pub since: Timestamp,
}
