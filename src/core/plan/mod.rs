//! From picked tags to changes: the values of an application, and one batch per place that is written.
//!
//! Pure. [`update`] decides for one application, [`values`] knows where an image's values stand in a source, [`batch`]
//! groups what is written together. Only a [`Verified`] candidate becomes an [`ImageChange`].

pub mod batch;
pub mod change;
mod claims;
pub mod kustomize;
pub mod place;
mod running;
pub mod update;
pub mod values;
pub mod verified;

pub use change::{Entry, ImageChange, SourceEdit};
pub use update::{ImageUpdate, Update};
pub use verified::Verified;
