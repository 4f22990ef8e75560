//! The text that is written: patches, files, messages. Pure, so that a refused push can be rendered again on the new head.

pub mod application_patch;
pub mod argocd_source;
pub mod branch;
pub mod branch_name;
pub mod described;
pub mod file;
pub mod helm_values;
pub mod kustomization;
pub mod manifests;
pub mod message;
pub mod message_template;
pub mod overrides;
pub mod pull_request;
pub mod read_back;

#[cfg(test)]
mod properties;
