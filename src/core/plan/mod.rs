//! From picked tags to changes: the values of an application, and one batch per place that is written.

use crate::core::{
    image::{ImageRef, ImageVersion},
    keys::ObjectKey,
};

/// One image of one application that changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageChange {
    /// The application.
    pub application: ObjectKey,
    /// The image's alias.
    pub alias: String,
    /// The image as configured.
    pub image: ImageRef,
    /// What ran before.
    pub old: ImageVersion,
    /// What is written.
    pub new: ImageVersion,
}
