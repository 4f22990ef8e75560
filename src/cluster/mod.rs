//! The one place that speaks to the Kubernetes API, real or served from a folder.

pub mod directory;
