//! The texts of `method`.

use super::InvalidWriteBack;
use crate::{
    api::v1alpha1::WriteBackConfig,
    core::{keys::ObjectKey, resolve::GitCredentialRef},
};

/// Whether `settings` ask for git at all; a method that cannot be read counts as git.
pub fn is_git(settings: &WriteBackConfig) -> bool {
    !matches!(settings.method.as_deref().map(str::trim), None | Some("" | "argocd"))
}

/// The git credentials that the method names; `None` for the method argocd.
pub(super) fn method(
    settings: &WriteBackConfig,
    namespace: &str,
) -> Result<Option<GitCredentialRef>, InvalidWriteBack> {
    let text = settings.method.as_deref().unwrap_or("").trim();
    let credentials = match text.split_once(':') {
        None if text.is_empty() || text == "argocd" => return Ok(None),
        None if text == "git" => "repocreds",
        Some(("git", credentials)) => credentials,
        _ => return Err(InvalidWriteBack::Method(text.to_owned())),
    };
    let invalid = || InvalidWriteBack::Credentials(text.to_owned());
    if credentials == "repocreds" {
        return Ok(Some(GitCredentialRef::RepoCreds));
    }
    let secret = credentials.strip_prefix("secret:").ok_or_else(invalid)?;
    let (namespace, name) = secret.split_once('/').unwrap_or((namespace, secret));
    if name.is_empty() || name.contains(['/', ':']) || (secret.contains('/') && namespace.is_empty()) {
        return Err(invalid());
    }
    Ok(Some(GitCredentialRef::Secret(ObjectKey::new(namespace, name))))
}
