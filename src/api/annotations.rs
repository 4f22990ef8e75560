//! The annotation keys that are read from Applications and resources.

/// What all annotation keys of this program start with.
pub const PREFIX: &str = "argocd-image-updater.argoproj.io/";

/// On an ImageUpdater: any new value asks for a cycle now.
pub const RECONCILE_REQUESTED_AT: &str = "argocd-image-updater.argoproj.io/reconcile-requested-at";

/// The finalizer that older programs put on ImageUpdaters. It is removed when found and never added.
pub const FINALIZER: &str = "resources-finalizer.argocd-image-updater.argoproj.io";

/// The images of an Application: a comma separated list of `[alias=]image[:constraint]`. Like all that follow, behind
/// [`PREFIX`].
pub const IMAGE_LIST: &str = "image-list";

/// Settings of an Application that may have `<alias>.` in front, for one image.
pub mod update {
    /// `updateStrategy`.
    pub const STRATEGY: &str = "update-strategy";
    /// `allowTags`.
    pub const ALLOW_TAGS: &str = "allow-tags";
    /// `ignoreTags`, comma separated.
    pub const IGNORE_TAGS: &str = "ignore-tags";
    /// `forceUpdate`.
    pub const FORCE: &str = "force-update";
    /// `pullSecret`.
    pub const PULL_SECRET: &str = "pull-secret";
    /// `platforms`, comma separated; only with an alias in front.
    pub const PLATFORMS: &str = "platforms";
    /// `extract`.
    pub const EXTRACT: &str = "extract";
    /// `order`.
    pub const ORDER: &str = "order";
    /// `minimumAge`.
    pub const MINIMUM_AGE: &str = "minimum-age";
    /// `allowDowngrade`.
    pub const ALLOW_DOWNGRADE: &str = "allow-downgrade";
    /// `pinDigest`.
    pub const PIN_DIGEST: &str = "pin-digest";
    /// `currentFrom`.
    pub const CURRENT_FROM: &str = "current-from";
}

/// Where an image stands in the manifests; each with `<alias>.` in front.
pub mod target {
    /// The Helm parameter for the name.
    pub const HELM_NAME: &str = "helm.image-name";
    /// The Helm parameter for the tag.
    pub const HELM_TAG: &str = "helm.image-tag";
    /// The Helm parameter for the whole reference.
    pub const HELM_SPEC: &str = "helm.image-spec";
    /// The image name that Kustomize replaces.
    pub const KUSTOMIZE_NAME: &str = "kustomize.image-name";
}

/// Where the changes of an Application go.
pub mod write_back {
    /// `method`.
    pub const METHOD: &str = "write-back-method";
    /// `gitConfig.repository`.
    pub const REPOSITORY: &str = "git-repository";
    /// `gitConfig.branch`.
    pub const BRANCH: &str = "git-branch";
    /// `gitConfig.writeBackTarget`.
    pub const TARGET: &str = "write-back-target";
    /// The forge of `gitConfig.pullRequest`.
    pub const PULL_REQUEST: &str = "pull-request";
    /// `gitConfig.pullRequest.labels`, comma separated.
    pub const PULL_REQUEST_LABELS: &str = "pull-request-labels";
}
