//! Which source of an application an image is written to, and how.

use crate::{
    api::argocd::{Application, ApplicationSource},
    core::{
        image::ImageRef,
        plan::values::{self, ValueError},
        resolve::{
            ApplicationKind, ManifestTarget, SourceSlot, TrackedApplication, TrackedImage, WriteTarget,
            source_type::{self, SourceType},
        },
    },
};

/// Where the values of one image go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// How they are written.
    pub kind: ApplicationKind,
    /// The source.
    pub slot: SourceSlot,
}

/// How an image with this `target` is written in a source of this type. A plugin target needs a plugin, with any method;
/// every other image goes by the kind of its application.
pub fn kind(source_type: SourceType, git: bool, target: &ManifestTarget) -> Result<ApplicationKind, ValueError> {
    if SourceType::wanted_by(target) == Some(SourceType::Plugin) {
        return match source_type {
            SourceType::Plugin => Ok(ApplicationKind::Plugin),
            other => Err(ValueError::WrongSourceType {
                wanted: "Plugin",
                found: other,
            }),
        };
    }
    source_type.kind(git).ok_or(ValueError::WrongSourceType {
        wanted: "Helm, Kustomize or Plugin",
        found: source_type,
    })
}

/// The place of `image` in `application`.
///
/// Plain manifests hold every image, whatever its target says; where several images of the list have one name, only by
/// markers. With several sources and method argocd, a target that names another type than the application's own goes to the source
/// of that type; and of several sources, the first one that has a value of the image already is its place, so that no
/// second one appears in another source.
pub fn place(
    application: &Application,
    tracked: &TrackedApplication,
    image: &TrackedImage,
) -> Result<Place, ValueError> {
    let target = &image.manifest_target;
    if tracked.kind == ApplicationKind::Manifests {
        let kind = if shares_its_name(tracked, image) {
            ApplicationKind::Markers
        } else {
            ApplicationKind::Manifests
        };
        let slot = tracked.source;
        return Ok(Place { kind, slot });
    }
    if matches!(tracked.target, WriteTarget::Git(_)) {
        let kind = kind(tracked.source_type, true, target)?;
        let slot = tracked.source;
        return Ok(Place { kind, slot });
    }
    let other = SourceType::wanted_by(target).filter(|wanted| *wanted != tracked.source_type);
    let named = other.and_then(|wanted| Some((wanted, source_type::certain(application, wanted)?)));
    let (source_type, slot) = named.unwrap_or((tracked.source_type, tracked.source));
    let kind = kind(source_type, false, target)?;
    let sources = match slot {
        SourceSlot::Multi(_) => application.spec.sources.as_deref().unwrap_or(&[]),
        SourceSlot::Single | SourceSlot::Hydrator => &[],
    };
    let holder = sources.iter().position(|source| has_value(source, kind, image));
    let slot = holder.map_or(slot, SourceSlot::Multi);
    Ok(Place { kind, slot })
}

/// Whether another image of the list has the same name, so that a name alone does not tell whose a place is.
fn shares_its_name(tracked: &TrackedApplication, image: &TrackedImage) -> bool {
    tracked.images.iter().any(|other| {
        let same = |reference: &ImageRef| reference.same_image(&image.reference);
        other.alias != image.alias && other.reference.as_ref().is_some_and(same)
    })
}

/// Whether a value of `image` stands in `source`: a Kustomize image that it replaces, or parameters or variables that name
/// it.
pub fn has_value(source: &ApplicationSource, kind: ApplicationKind, image: &TrackedImage) -> bool {
    let text = values::current(kind, source, &image.reference, &image.manifest_target).unwrap_or_default();
    match kind {
        ApplicationKind::Kustomize | ApplicationKind::Manifests | ApplicationKind::Markers => !text.is_empty(),
        ApplicationKind::Helm | ApplicationKind::Plugin => {
            ImageRef::parse(&text).is_ok_and(|found| found.same_image(&image.reference))
        }
    }
}
