//! The kinds that a folder is read for, and how they are addressed.

/// A kind that the API serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Kind {
    ImageUpdater,
    Application,
    AppProject,
    Secret,
    ConfigMap,
    /// Not read from the folder: what was reported.
    Event,
}

impl Kind {
    const ALL: [Self; 6] = [
        Self::ImageUpdater,
        Self::Application,
        Self::AppProject,
        Self::Secret,
        Self::ConfigMap,
        Self::Event,
    ];

    /// Kind, group, version and plural.
    const fn names(self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            Self::ImageUpdater => (
                "ImageUpdater",
                "argocd-image-updater.argoproj.io",
                "v1alpha1",
                "imageupdaters",
            ),
            Self::Application => ("Application", "argoproj.io", "v1alpha1", "applications"),
            Self::AppProject => ("AppProject", "argoproj.io", "v1alpha1", "appprojects"),
            Self::Secret => ("Secret", "", "v1", "secrets"),
            Self::ConfigMap => ("ConfigMap", "", "v1", "configmaps"),
            Self::Event => ("Event", "", "v1", "events"),
        }
    }

    pub(super) fn name(self) -> &'static str {
        self.names().0
    }

    pub(super) fn group(self) -> &'static str {
        self.names().1
    }

    pub(super) fn plural(self) -> &'static str {
        self.names().3
    }

    /// `group/version`, or the version alone for the core group.
    pub(super) fn api_version(self) -> String {
        let (_, group, version, _) = self.names();
        if group.is_empty() {
            version.to_owned()
        } else {
            format!("{group}/{version}")
        }
    }

    /// `plural.group`, as the API server names a resource in messages.
    pub(super) fn resource(self) -> String {
        let (_, group, _, plural) = self.names();
        if group.is_empty() {
            plural.to_owned()
        } else {
            format!("{plural}.{group}")
        }
    }

    /// The kind of an object in a file.
    pub(super) fn of(api_version: &str, kind: &str) -> Option<Self> {
        Self::of_files().find(|known| known.name() == kind && known.api_version() == api_version)
    }

    /// The kind of this name, whatever its version.
    pub(super) fn named(kind: &str) -> Option<Self> {
        Self::of_files().find(|known| known.name() == kind)
    }

    fn of_files() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|kind| *kind != Self::Event)
    }

    /// The kind that a URL means.
    pub(super) fn served(group: &str, version: &str, plural: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| {
            let (_, own_group, own_version, own_plural) = kind.names();
            (own_group, own_version, own_plural) == (group, version, plural)
        })
    }

    /// Whether its objects can be patched.
    pub(super) fn is_patched(self) -> bool {
        matches!(self, Self::ImageUpdater | Self::Application)
    }
}
