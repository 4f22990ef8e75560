//! Which source of an application an image is written to, and how.

use crate::{
    api::argocd::Application,
    core::{
        plan::values::ValueError,
        resolve::{
            ApplicationKind, ManifestTarget, SourceSlot, TrackedApplication, WriteTarget,
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
    if wanted_type(target) == Some(SourceType::Plugin) {
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

/// The place of an image with this `target` in `application`. With several sources and method argocd, a target that names
/// another type than the application's own goes to the source of that type.
pub fn place(
    application: &Application,
    tracked: &TrackedApplication,
    target: &ManifestTarget,
) -> Result<Place, ValueError> {
    let git = matches!(tracked.target, WriteTarget::Git(_));
    let other = wanted_type(target).filter(|wanted| !git && *wanted != tracked.source_type);
    if let Some(wanted) = other
        && let Some(slot) = source_type::certain(application, wanted)
    {
        return kind(wanted, git, target).map(|kind| Place { kind, slot });
    }
    kind(tracked.source_type, git, target).map(|kind| Place {
        kind,
        slot: tracked.source,
    })
}

fn wanted_type(target: &ManifestTarget) -> Option<SourceType> {
    match target {
        ManifestTarget::Default => None,
        ManifestTarget::Helm(_) => Some(SourceType::Helm),
        ManifestTarget::Kustomize(_) => Some(SourceType::Kustomize),
        ManifestTarget::Plugin(_) => Some(SourceType::Plugin),
    }
}
