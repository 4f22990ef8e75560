//! The annotation keys that are read from Applications and resources.

/// What all annotation keys of this program start with.
pub const PREFIX: &str = "argocd-image-updater.argoproj.io/";

/// On an ImageUpdater: any new value asks for a cycle now.
pub const RECONCILE_REQUESTED_AT: &str = "argocd-image-updater.argoproj.io/reconcile-requested-at";

/// The finalizer that older programs put on ImageUpdaters. It is removed when found and never added.
pub const FINALIZER: &str = "resources-finalizer.argocd-image-updater.argoproj.io";
