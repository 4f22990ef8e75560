//! Image references as users and Argo CD write them.

/// A parsed image reference.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ImageRef {
    /// The registry as written; empty for Docker Hub unless the text starts with `docker.io`.
    pub registry: String,
    /// The repository, without the registry; for Docker Hub without `library/`.
    pub name: String,
    /// Tag and digest; `None` when the text has neither.
    pub version: Option<ImageVersion>,
}

/// What comes after the name: a tag, a digest, or both. Absent parts are empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct ImageVersion {
    /// The tag; in a configured image the version constraint.
    pub tag: String,
    /// The digest as written, `sha256:...`.
    pub digest: String,
}
