//! Which repository is asked for an image, with whose credentials, and which tags it has.

use std::{fmt::Write as _, sync::Arc};

use super::observe::{Cycle, Observer};
use crate::{
    core::{
        foreign::ForeignText,
        registries::{Place, Places},
        resolve::{TrackedImage, credential_ref::CredentialRef},
        select::TagList,
        verdict::{Reason, Verdict},
    },
    registry::{Credentials, RegistryError, RepoKey},
};

/// A repository that answered.
pub(super) struct Asked {
    /// It, and who asks: everything else about the image is asked there too.
    pub(super) repo: RepoKey,
    /// All of its tags.
    pub(super) tags: Arc<TagList>,
    /// The registry that the image names, when one of its mirrors answered: a mirror need not have everything.
    pub(super) original: Option<Place>,
}

impl Observer {
    /// Asks for the tags of an image that an application in `namespace` uses: its mirrors in turn, then its registry.
    ///
    /// The first place that has tags answers. Whatever keeps a mirror from it, the next place is asked; when none is left,
    /// the answer of the registry counts, and it tells of the mirrors.
    pub(super) async fn ask(&self, cycle: &Cycle, image: &TrackedImage, namespace: &str) -> Result<Asked, Verdict> {
        let Places { mirrors, registry } = self.registries().places(&image.reference);
        let mut passed_over = String::new();
        for (mirror, place) in mirrors {
            match self.ask_mirror(cycle, place).await {
                Ok(asked) => {
                    let original = Some(registry);
                    return Ok(Asked { original, ..asked });
                }
                Err(why) => {
                    let why = ForeignText::new(&why.message);
                    let _ = write!(passed_over, "; mirror {mirror} was asked before: {why}");
                }
            }
        }
        let asked = self.ask_registry(cycle, image, namespace, registry).await;
        asked.map_err(|verdict| Verdict {
            message: verdict.message + &passed_over,
            ..verdict
        })
    }

    /// Asks with the credentials of the mirror's own entry: those of an image belong to the registry that it names.
    async fn ask_mirror(&self, cycle: &Cycle, place: Place) -> Result<Asked, Verdict> {
        let credentials = self.profile_credentials(cycle, &place.profile).await?;
        let asked = self.tags(cycle, place, credentials, None).await?;
        if asked.tags.tags.is_empty() {
            // It may just never have been asked for this image.
            return Err(Verdict::new(Reason::NoTagMatches, "it has no tags"));
        }
        Ok(asked)
    }

    /// Asks with the credentials of the image, else with those of the registry's entry.
    async fn ask_registry(
        &self,
        cycle: &Cycle,
        image: &TrackedImage,
        namespace: &str,
        place: Place,
    ) -> Result<Asked, Verdict> {
        let credentials = self.image_credentials(cycle, image, namespace, &place.profile).await?;
        let own = image.credentials.as_ref();
        self.tags(cycle, place, credentials, own).await
    }

    /// All tags of a place. The credentials, which are those that the image names as its `own` or else those of the place,
    /// may have been replaced since they were read.
    async fn tags(
        &self,
        cycle: &Cycle,
        place: Place,
        credentials: Option<Arc<Credentials>>,
        own: Option<&CredentialRef>,
    ) -> Result<Asked, Verdict> {
        let mut repo = RepoKey {
            profile: place.profile,
            repository: place.repository,
            credentials,
        };
        let mut tags = cycle.session.tags(&repo).await;
        if tags.as_ref().is_err_and(RegistryError::is_unauthorized)
            && let Some(fresh) = self.renewed(cycle, own, &repo).await
        {
            repo.credentials = Some(fresh);
            tags = cycle.session.tags(&repo).await;
        }
        match tags {
            Ok(tags) => Ok(Asked {
                repo,
                tags,
                original: None,
            }),
            Err(error) => Err(error.verdict()),
        }
    }
}
