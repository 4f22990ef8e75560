//! Where a registry credential lies, never its value.

use crate::core::keys::ObjectKey;

/// Where a registry credential lies.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CredentialRef {
    /// A field of a Secret: `user:password`.
    Secret {
        /// The Secret.
        secret: ObjectKey,
        /// The field.
        field: String,
    },
    /// A Secret of type `kubernetes.io/dockerconfigjson`.
    PullSecret(ObjectKey),
    /// An environment variable of this process: `user:password`.
    Env(String),
    /// An executable that prints `user:password`; an absolute path.
    Ext(String),
}
