//! Which running image a configured image is compared with.

use super::Candidate;
use crate::core::{
    foreign::ForeignText,
    image::{ImageRef, ImageVersion, TagName},
    strategy::{Policy, Scope},
};

/// The images that Argo CD reports as running in one application, in its order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LiveImages {
    images: Vec<LiveImage>,
    unreadable: Vec<ForeignText>,
}

/// An image that Argo CD reports as running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveImage {
    /// The image.
    pub reference: ImageRef,
    /// As reported.
    pub text: String,
}

impl LiveImages {
    /// Reads the texts of `status.summary.images`. One that is no reference is kept aside: it is nobody's image.
    pub fn parse(texts: &[String]) -> Self {
        let mut all = Self::default();
        for text in texts {
            match ImageRef::parse(text) {
                Ok(reference) => all.images.push(LiveImage {
                    reference,
                    text: text.clone(),
                }),
                Err(_) => all.unreadable.push(ForeignText::new(text)),
            }
        }
        all
    }

    /// The images, in the order of the report.
    pub fn iter(&self) -> impl Iterator<Item = &LiveImage> {
        self.images.iter()
    }

    /// The texts that are no references.
    pub fn unreadable(&self) -> &[ForeignText] {
        &self.unreadable
    }

    /// The running image that `image` is compared with; `None` when it does not run here.
    ///
    /// It is looked for under the name that Kustomize replaces, if there is one, then under its own; all spellings of
    /// Docker Hub are one. When several versions of it run (during a rollout, or because several aliases follow one
    /// repository), one whose tag this image's policy admits is preferred; for a followed tag one that runs it with another
    /// digest than the candidate's. Nothing but the place in the report decides between equals.
    pub fn find(
        &self,
        image: &ImageRef,
        kustomize_name: Option<&str>,
        policy: &Policy,
        candidate: Option<&Candidate>,
    ) -> Option<&LiveImage> {
        let group = self.group(image, kustomize_name);
        match policy.scope() {
            Scope::Tag(tracked) => digest_to_compare(&group, tracked, candidate),
            Scope::Any | Scope::Versions(_) | Scope::Numbers => fitting(&group, policy),
        }
        .or_else(|| group.first().copied())
    }

    /// The running versions of `image` whose tags `policy` admits, those that run beside the one of [`Self::find`]
    /// included, in the order of the report. None for a followed tag, whose digests do not rank.
    pub fn admitted(&self, image: &ImageRef, kustomize_name: Option<&str>, policy: &Policy) -> Vec<ImageVersion> {
        if matches!(policy.scope(), Scope::Tag(_)) {
            return Vec::new();
        }
        let group = self.group(image, kustomize_name).into_iter();
        let admitted = group.filter(|live| live.tag().is_some_and(|tag| policy.admit(&tag).is_ok()));
        admitted.filter_map(|live| live.version().cloned()).collect()
    }

    fn group(&self, image: &ImageRef, kustomize_name: Option<&str>) -> Vec<&LiveImage> {
        let renamed = kustomize_name.and_then(|name| ImageRef::parse(name).ok());
        let mut groups = [renamed.as_ref(), Some(image)]
            .into_iter()
            .flatten()
            .map(|wanted| self.named(wanted));
        groups.find(|group| !group.is_empty()).unwrap_or_default()
    }

    fn named(&self, wanted: &ImageRef) -> Vec<&LiveImage> {
        self.images
            .iter()
            .filter(|live| live.reference.same_image(wanted))
            .collect()
    }
}

impl LiveImage {
    fn version(&self) -> Option<&ImageVersion> {
        self.reference.version.as_ref()
    }

    fn tag(&self) -> Option<TagName> {
        TagName::new(&self.version()?.tag)
    }

    fn runs_tag(&self, tag: &str) -> bool {
        self.version().is_some_and(|version| version.tag == tag)
    }
}

/// For a followed tag: one that runs this tag with another digest than the picked one, so that a stale one is not
/// overlooked beside one that is up to date; else one that runs this tag; else one that runs any other digest.
fn digest_to_compare<'a>(
    group: &[&'a LiveImage],
    tracked: &str,
    candidate: Option<&Candidate>,
) -> Option<&'a LiveImage> {
    let picked = candidate
        .and_then(|candidate| candidate.digest)
        .map(|digest| digest.to_string());
    let digest = |live: &LiveImage| live.version().map(|version| version.digest.clone()).unwrap_or_default();
    let stale = |live: &LiveImage| picked.as_ref().is_some_and(|picked| *picked != digest(live));
    let first = |wanted: &dyn Fn(&LiveImage) -> bool| group.iter().copied().find(|live| wanted(live));
    first(&|live| live.runs_tag(tracked) && stale(live))
        .or_else(|| first(&|live| live.runs_tag(tracked)))
        .or_else(|| first(&|live| !digest(live).is_empty() && stale(live)))
}

/// One whose tag fits filters and constraint, else one whose tag fits the constraint.
fn fitting<'a>(group: &[&'a LiveImage], policy: &Policy) -> Option<&'a LiveImage> {
    let first = |wanted: &dyn Fn(&TagName) -> bool| {
        group
            .iter()
            .copied()
            .find(|live| live.tag().is_some_and(|tag| wanted(&tag)))
    };
    first(&|tag| policy.admit(tag).is_ok()).or_else(|| first(&|tag| policy.in_scope(tag)))
}

#[cfg(test)]
mod tests;
