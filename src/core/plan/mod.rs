//! From picked tags to changes: what becomes of the values of an application.
//!
//! Pure. [`update`] decides for one application, [`values`] knows where an image's values stand in a source, [`standing`]
//! what version they say, [`ownership`] which of several resources may write a place, and [`taken_back`] what others undid. Only a [`Verified`] candidate
//! becomes an [`ImageChange`]; for one that is [`Picked`] and not checked yet, [`update`] says whether it has to be. What is written together is grouped by `engine::apply`, which knows the remote's default
//! branch.

pub mod change;
mod claims;
pub mod inline;
pub mod kustomize;
pub mod managed;
pub mod manifests;
pub mod ownership;
pub mod place;
mod repeated;
pub mod running;
pub mod standing;
pub mod taken_back;
pub mod update;
pub mod values;
pub mod verified;

pub use change::{Entry, ImageChange, SourceEdit, ValueKey};
pub use update::{ImageUpdate, Update};
pub use verified::{Picked, Verified};
