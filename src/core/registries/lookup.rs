//! Which registry serves an image.

use std::sync::Arc;

use super::{
    RegistriesConf, RegistryProfile,
    profile::{HUB, comparable},
};
use crate::core::image::ImageRef;

impl RegistriesConf {
    /// The registry that serves `image`.
    ///
    /// The longest configured prefix of `registry/name` on `/` boundaries wins, whatever the order of images asked for
    /// before. An image without a registry part belongs to the configured default registry, else to `docker.io`. Where
    /// nothing is configured, Docker Hub is built in, and any other host is taken for a registry of its own.
    pub fn lookup(&self, image: &ImageRef) -> Arc<RegistryProfile> {
        let default = self.entries().iter().find(|entry| entry.default);
        if image.registry.is_empty()
            && let Some(default) = default
            && !is_hub(&default.prefix_key())
        {
            return Arc::clone(default);
        }
        let host = if image.registry.is_empty() {
            HUB.to_owned()
        } else {
            comparable(&image.registry)
        };
        let full = if is_hub(&host) && !image.name.contains('/') {
            format!("{host}/library/{}", image.name)
        } else {
            format!("{host}/{}", image.name)
        };
        let best = self
            .entries()
            .iter()
            .filter(|entry| covers(&entry.prefix_key(), &full))
            .max_by_key(|entry| entry.prefix_key().len());
        match best {
            Some(entry) => Arc::clone(entry),
            None if is_hub(&host) => Arc::new(RegistryProfile::docker_hub()),
            None => Arc::new(RegistryProfile::inferred(&image.registry)),
        }
    }
}

/// Whether `prefix` ends at a `/` boundary of `full` (or is all of it). An empty prefix covers nothing.
fn covers(prefix: &str, full: &str) -> bool {
    !prefix.is_empty()
        && full
            .strip_prefix(prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether `host[/path]` lies on Docker Hub.
pub(super) fn is_hub(prefix: &str) -> bool {
    covers(HUB, prefix)
}
