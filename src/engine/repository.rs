//! Which repository is asked for an image, with whose credentials, and which tags it has.

use std::sync::Arc;

use super::observe::{Cycle, Observer};
use crate::{
    core::{resolve::TrackedImage, select::TagList, verdict::Verdict},
    registry::{RegistryError, RepoKey},
};

/// A repository that answered.
pub(super) struct Asked {
    /// It, and who asks: everything else about the image is asked there too.
    pub(super) repo: RepoKey,
    /// All of its tags.
    pub(super) tags: Arc<TagList>,
}

impl Observer {
    /// Asks for the tags of an image that an application in `namespace` uses.
    pub(super) async fn ask(&self, cycle: &Cycle, image: &TrackedImage, namespace: &str) -> Result<Asked, Verdict> {
        let profile = self.registries().lookup(&image.reference);
        let credentials = self.image_credentials(cycle, image, namespace, &profile).await?;
        let mut repo = RepoKey {
            repository: profile.repository(&image.reference),
            profile,
            credentials,
        };
        let mut tags = cycle.session.tags(&repo).await;
        if tags.as_ref().is_err_and(RegistryError::is_unauthorized) {
            // They may have been replaced since they were read.
            if let Some(fresh) = self.renewed(cycle, image, &repo).await {
                repo.credentials = Some(fresh);
                tags = cycle.session.tags(&repo).await;
            }
        }
        match tags {
            Ok(tags) => Ok(Asked { repo, tags }),
            Err(error) => Err(error.verdict()),
        }
    }
}
