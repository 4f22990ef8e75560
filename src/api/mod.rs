//! Data as it lies in the cluster and in files. No behaviour beyond conversions.

pub mod annotations;
pub mod argocd;
pub mod registries_conf;
pub mod v1alpha1;
