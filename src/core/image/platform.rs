//! Operating system and architecture of an image.

/// `os/arch[/variant]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Platform {
    /// The operating system, `linux`.
    pub os: String,
    /// The architecture, `amd64`.
    pub arch: String,
    /// The variant, `v7`; empty when there is none.
    pub variant: String,
}

/// The platforms that are wanted. Never empty once resolved: the default is the platform that the program runs on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Platforms(pub Vec<Platform>);
