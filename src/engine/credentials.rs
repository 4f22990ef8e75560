//! Finds the credentials that a registry or a git repository is asked with.
//!
//! Secrets are read here and handed to the registry and git layers as values: those layers do not know Kubernetes.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::OnceCell;

use super::{
    Engine, Work,
    observe::{Cycle, Observer},
};
use crate::{
    cluster::{Cluster, secrets::SecretFields},
    core::{
        keys::ObjectKey,
        registries::RegistryProfile,
        repository_url,
        resolve::{GitCredentialRef, GitTarget, TrackedImage, credential_ref::CredentialRef},
        verdict::{Reason, Verdict},
    },
    git::{self, GitCredentials, RemoteUrl},
    registry::{
        RepoKey,
        credentials::{self, Credentials},
    },
};

/// Where credentials of an image come from, and what they were.
pub(super) type ImageCredentials = HashMap<(CredentialRef, String), Arc<OnceCell<Result<Arc<Credentials>, Verdict>>>>;

/// Where Secrets come from.
#[derive(Clone)]
pub enum Secrets {
    /// This cluster.
    Cluster(Cluster),
    /// Nowhere, for this reason; every credential that lies in a Secret is unavailable.
    Unavailable(String),
}

/// Credentials of registries.conf entries, kept until `credsexpire` or for the life of the program.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<HashMap<String, (Instant, Arc<Credentials>)>>);

impl Known {
    /// What is known for a registry and not too old.
    pub(super) fn get(&self, profile: &RegistryProfile) -> Option<Arc<Credentials>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (read, credentials) = known.get(&key(profile))?;
        let lifetime = profile.credentials_expire.unwrap_or(Duration::MAX);
        (read.elapsed() < lifetime).then(|| credentials.clone())
    }

    pub(super) fn put(&self, profile: &RegistryProfile, credentials: &Arc<Credentials>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(key(profile), (Instant::now(), credentials.clone()));
    }

    /// Drops what the registry just refused.
    pub(super) fn forget(&self, profile: &RegistryProfile) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&key(profile));
    }
}

/// Two entries may name one server and have credentials of their own.
fn key(profile: &RegistryProfile) -> String {
    format!("{} {}", profile.prefix, profile.api_url)
}

/// Reads credentials for the registry at `api_url` from where `reference` says.
pub(super) async fn read(
    secrets: &Secrets,
    reference: &CredentialRef,
    profile: &RegistryProfile,
) -> Result<Credentials, Verdict> {
    let unavailable = |message: String| Verdict::new(Reason::CredentialsUnavailable, message);
    match reference {
        CredentialRef::Secret { secret, field } => {
            let data = secret_in(secrets, secret).await?;
            let value = data
                .get(field)
                .ok_or_else(|| unavailable(format!("Secret {secret} has no field {field:?}")))?;
            credentials::from_user_password(value.expose())
                .map_err(|e| unavailable(format!("Secret {secret}, field {field:?}: {e}")))
        }
        CredentialRef::PullSecret(secret) => {
            let data = secret_in(secrets, secret).await?;
            let field = ".dockerconfigjson";
            let value = data
                .get(field)
                .ok_or_else(|| unavailable(format!("Secret {secret} has no field {field:?}")))?;
            credentials::from_docker_config(value.expose(), &profile.api_url)
                .map_err(|e| unavailable(format!("Secret {secret}: {e}")))
        }
        CredentialRef::Env(name) => credentials::from_env(name).map_err(|e| unavailable(e.to_string())),
        CredentialRef::Ext(path) => credentials::run_ext(path).await.map_err(|e| unavailable(e.to_string())),
    }
}

impl Observer {
    /// The image's own credentials, else those of the registry, else none.
    pub(super) async fn image_credentials(
        &self,
        cycle: &Cycle,
        image: &TrackedImage,
        namespace: &str,
        profile: &Arc<RegistryProfile>,
    ) -> Result<Option<Arc<Credentials>>, Verdict> {
        let Some(reference) = &image.credentials else {
            return self.profile_credentials(profile).await;
        };
        if let Some(other) = reference.namespace().filter(|other| *other != namespace) {
            let message = format!("the pull secret lies in namespace {other}, but the application is in {namespace}");
            return Err(Verdict::new(Reason::CredentialsUnavailable, message));
        }
        let key = (reference.clone(), profile.api_url.clone());
        let cell = cycle.credentials.lock().await.entry(key).or_default().clone();
        let read = || async { read(&self.secrets, reference, profile).await.map(Arc::new) };
        cell.get_or_init(read).await.clone().map(Some)
    }

    /// The credentials of a registry's entry; `None` when it has none.
    pub async fn profile_credentials(
        &self,
        profile: &Arc<RegistryProfile>,
    ) -> Result<Option<Arc<Credentials>>, Verdict> {
        let Some(reference) = &profile.credentials else {
            return Ok(None);
        };
        if let Some(known) = self.known_credentials.get(profile) {
            return Ok(Some(known));
        }
        let reference = reference.as_ref().map_err(|error| {
            let message = format!("registries.conf, {}: {error}", profile.name);
            Verdict::new(Reason::CredentialsUnavailable, message)
        })?;
        let read = Arc::new(read(&self.secrets, reference, profile).await?);
        self.known_credentials.put(profile, &read);
        Ok(Some(read))
    }

    /// The registry's credentials read anew, when they are others than those that were refused.
    pub(super) async fn renewed(&self, repo: &RepoKey) -> Option<Arc<Credentials>> {
        let refused = repo.credentials.as_ref()?;
        self.known_credentials.forget(&repo.profile);
        let fresh = self.profile_credentials(&repo.profile).await.ok().flatten()?;
        (fresh.identity() != refused.identity()).then_some(fresh)
    }
}

/// Reads the credentials of a git target.
pub(super) async fn git(
    engine: &Engine,
    cycle: &Cycle,
    work: &Work,
    target: &GitTarget,
    url: &RemoteUrl,
) -> Result<GitCredentials, Verdict> {
    let unavailable = |message: String| Verdict::new(Reason::CredentialsUnavailable, message);
    match &target.credentials {
        GitCredentialRef::RepoCreds => {
            let namespace = &engine.options.argocd_namespace;
            let project = work.application.spec.project.as_deref().unwrap_or("default");
            let secrets = cycle.repository_secrets(&engine.cluster, namespace).await?;
            let fields = secrets
                .for_repository(&target.repository, project, repository_url::normalize)
                .map_err(|error| unavailable(error.to_string()))?;
            git::credentials::from_repository_secret(&fields).map_err(|error| unavailable(error.to_string()))
        }
        GitCredentialRef::Secret(key) => {
            let fields = secret_data(&engine.cluster, key).await?;
            git::credentials::from_named_secret(&fields, url)
                .map_err(|error| unavailable(format!("Secret {key}: {error}")))
        }
    }
}

/// The fields of a Secret.
pub(super) async fn secret_in(secrets: &Secrets, key: &ObjectKey) -> Result<SecretFields, Verdict> {
    match secrets {
        Secrets::Cluster(cluster) => secret_data(cluster, key).await,
        Secrets::Unavailable(why) => {
            let message = format!("Secret {key} is needed, but {why}");
            Err(Verdict::new(Reason::CredentialsUnavailable, message))
        }
    }
}

async fn secret_data(cluster: &Cluster, key: &ObjectKey) -> Result<SecretFields, Verdict> {
    match cluster.secret(key).await {
        Ok(Some(data)) => Ok(data),
        Ok(None) => Err(Verdict::new(
            Reason::CredentialsUnavailable,
            format!("Secret {key} does not exist"),
        )),
        Err(error) => Err(Verdict::new(Reason::CredentialsUnavailable, error.to_string())),
    }
}
