//! Images: references, versions, digests, platforms, and what a registry says about a tag.

pub mod digest;
pub mod manifest;
pub mod platform;
pub mod reference;
pub mod tag;
mod version_words;

pub use digest::Digest;
pub use platform::{InvalidPlatform, Platform, Platforms};
pub use reference::{ImageRef, ImageVersion};
pub use tag::{TagFacts, TagName};
pub use version_words::VersionWords;
