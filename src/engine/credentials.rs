//! Finds the credentials that a registry or a git repository is asked with.
//!
//! Secrets are read here and handed to the registry and git layers as values: those layers do not know Kubernetes. What a
//! cloud gives to this process comes from `identity`.

use std::sync::Arc;

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
        resolve::{
            GitCredentialRef, GitTarget, TrackedImage,
            credential_ref::{CredentialRef, Vendor},
        },
        verdict::{Reason, Verdict},
    },
    git::{self, GitCredentials, RemoteUrl},
    identity::{self, Trust},
    registry::{
        RepoKey,
        credentials::{self, Credentials},
    },
    secret::Secret,
};

mod known;

use known::EntryKey;
pub(super) use known::{Cells, Known};

/// Where Secrets come from.
#[derive(Clone)]
pub enum Secrets {
    /// This cluster.
    Cluster(Cluster),
    /// Nowhere, for this reason; every credential that lies in a Secret is unavailable.
    Unavailable(String),
}

type Read = Result<Arc<Credentials>, Verdict>;

/// What one cycle has read so far. Each source is read once, however many images need it, and failures count for all.
#[derive(Default)]
pub(super) struct CycleCredentials {
    /// Images' own sources; a pull secret is another one for each registry.
    images: Cells<(CredentialRef, String), Read>,
    /// Those of entries of registries.conf.
    entries: Cells<EntryKey, Read>,
    /// Those that were not configured but given by a cloud, by the registry's URL.
    given: Cells<String, Option<Arc<Credentials>>>,
    /// What was read again after a registry had refused what there was.
    renewed: Cells<(Option<CredentialRef>, String, String), Option<Arc<Credentials>>>,
}

fn unavailable(message: String) -> Verdict {
    Verdict::new(Reason::CredentialsUnavailable, message)
}

impl Observer {
    /// The image's own credentials, else those of the registry, else what a cloud gives for its own registries, else none.
    pub(super) async fn image_credentials(
        &self,
        cycle: &Cycle,
        image: &TrackedImage,
        namespace: &str,
        profile: &Arc<RegistryProfile>,
    ) -> Result<Option<Arc<Credentials>>, Verdict> {
        let Some(reference) = &image.credentials else {
            return self.profile_credentials(cycle, profile).await;
        };
        if let Some(other) = reference.namespace().filter(|other| *other != namespace) {
            let message = format!("the pull secret lies in namespace {other}, but the application is in {namespace}");
            return Err(unavailable(message));
        }
        if let CredentialRef::Cloud(vendor) = reference {
            // Whoever wrote the image chose the host.
            let given = Box::pin(self.given(*vendor, profile, Trust::OwnHosts, None)).await;
            return given.map(Some);
        }
        let place = match reference {
            CredentialRef::PullSecret(_) => profile.api_url.clone(),
            _ => String::new(),
        };
        let cell = cycle.credentials.images.cell((reference.clone(), place));
        let read = || {
            Box::pin(async {
                let read = self.read(reference, profile).await?;
                let place = [profile.api_url.as_str()];
                Ok(Arc::new(of_place(read, "image", &place, reference)))
            })
        };
        cell.get_or_init(read).await.clone().map(Some)
    }

    /// The credentials of a registry's entry, else what a cloud gives for its own registries; `None` is anonymous.
    pub async fn profile_credentials(
        &self,
        cycle: &Cycle,
        profile: &Arc<RegistryProfile>,
    ) -> Result<Option<Arc<Credentials>>, Verdict> {
        let reference = match &profile.credentials {
            None => return Ok(self.given_unasked(cycle, profile).await),
            Some(Err(error)) => return Err(unavailable(format!("registries.conf, {}: {error}", profile.name))),
            Some(Ok(reference)) => reference,
        };
        if let CredentialRef::Cloud(vendor) = reference {
            return Box::pin(self.given(*vendor, profile, Trust::AnyHost, None))
                .await
                .map(Some);
        }
        let renewed = cycle.credentials.renewed.get(&renewal(profile, Some(reference)));
        if let Some(Some(renewed)) = renewed {
            return Ok(Some(renewed));
        }
        let key = EntryKey::new(profile, reference);
        let cell = cycle.credentials.entries.cell(key.clone());
        let read = || {
            let read = self.read_entry(reference, profile);
            // Thousands wait here for one answer: what only one of them does is not part of their size.
            Box::pin(
                self.known_credentials
                    .get_or_read(key, profile.credentials_expire, read),
            )
        };
        cell.get_or_init(read).await.clone().map(Some)
    }

    /// What a cloud gives for a registry of its own that nobody configured credentials for. Without an identity, or when
    /// it gives nothing, the registry is asked anonymously: its images may be public.
    async fn given_unasked(&self, cycle: &Cycle, profile: &Arc<RegistryProfile>) -> Option<Arc<Credentials>> {
        let vendor = identity::vendor_of(&profile.api_url)?;
        if !self.identities.is_named(vendor) {
            return None;
        }
        if let Some(Some(renewed)) = cycle.credentials.renewed.get(&renewal(profile, None)) {
            return Some(renewed);
        }
        let give = || {
            Box::pin(async {
                let given = self.given(vendor, profile, Trust::OwnHosts, None).await;
                given
                    .inspect_err(|error| tracing::warn!(registry = %profile.name, "asked without credentials: {error}"))
                    .ok()
            })
        };
        let cell = cycle.credentials.given.cell(profile.api_url.clone());
        cell.get_or_init(give).await.clone()
    }

    /// What a cloud gives for a registry; `refused` is a password that this registry did not take.
    async fn given(&self, vendor: Vendor, profile: &RegistryProfile, trust: Trust, refused: Option<&Secret>) -> Read {
        let login = self.identities.login(vendor, &profile.api_url, trust, refused).await;
        let login = login.map_err(|error| unavailable(error.to_string()))?;
        Ok(Arc::new(
            Credentials::new(login.username, login.password).of_source(&["cloud", &login.source]),
        ))
    }

    /// The credentials read anew, when they are others than those that the registry just refused. That is done once per
    /// cycle. The Secret, variable or program that is an image's `own` is not read again before the next cycle.
    pub(super) async fn renewed(
        &self,
        cycle: &Cycle,
        own: Option<&CredentialRef>,
        repo: &RepoKey,
    ) -> Option<Arc<Credentials>> {
        let refused = repo.credentials.as_ref()?;
        let profile = &repo.profile;
        let (reference, trust) = match (own, &profile.credentials) {
            (Some(own @ CredentialRef::Cloud(_)), _) => (Some(own), Trust::OwnHosts),
            (Some(_), _) | (None, Some(Err(_))) => return None,
            (None, Some(Ok(reference))) => (Some(reference), Trust::AnyHost),
            (None, None) => (None, Trust::OwnHosts),
        };
        let renew = || {
            Box::pin(async {
                match reference {
                    Some(CredentialRef::Cloud(vendor)) => {
                        self.given(*vendor, profile, trust, Some(&refused.password)).await.ok()
                    }
                    Some(reference) => {
                        let key = EntryKey::new(profile, reference);
                        self.known_credentials.forget(&key);
                        let read = self.read_entry(reference, profile);
                        let read = self
                            .known_credentials
                            .get_or_read(key, profile.credentials_expire, read);
                        Box::pin(read).await.ok()
                    }
                    None => {
                        let vendor = identity::vendor_of(&profile.api_url)?;
                        self.given(vendor, profile, trust, Some(&refused.password)).await.ok()
                    }
                }
            })
        };
        let cell = cycle.credentials.renewed.cell(renewal(profile, reference));
        let fresh = cell.get_or_init(renew).await.clone()?;
        (fresh.fingerprint() != refused.fingerprint()).then_some(fresh)
    }

    /// Reads the credentials of an entry of registries.conf.
    async fn read_entry(&self, reference: &CredentialRef, profile: &RegistryProfile) -> Result<Credentials, Verdict> {
        let read = self.read(reference, profile).await?;
        let place = [profile.prefix.as_str(), &profile.api_url];
        Ok(of_place(read, "entry", &place, reference))
    }

    /// Reads credentials for the registry of `profile` from where `reference` says.
    async fn read(&self, reference: &CredentialRef, profile: &RegistryProfile) -> Result<Credentials, Verdict> {
        match reference {
            CredentialRef::Secret { secret, field } => {
                let data = secret_in(&self.secrets, secret).await?;
                let value = data
                    .get(field)
                    .ok_or_else(|| unavailable(format!("Secret {secret} has no field {field:?}")))?;
                credentials::from_user_password(value.expose())
                    .map_err(|e| unavailable(format!("Secret {secret}, field {field:?}: {e}")))
            }
            CredentialRef::PullSecret(secret) => {
                let data = secret_in(&self.secrets, secret).await?;
                let field = ".dockerconfigjson";
                let value = data
                    .get(field)
                    .ok_or_else(|| unavailable(format!("Secret {secret} has no field {field:?}")))?;
                credentials::from_docker_config(value.expose(), &profile.api_url)
                    .map_err(|e| unavailable(format!("Secret {secret}: {e}")))
            }
            CredentialRef::Env(name) => credentials::from_env(name).map_err(|e| unavailable(e.to_string())),
            CredentialRef::Ext(path) => credentials::run_ext(path).await.map_err(|e| unavailable(e.to_string())),
            CredentialRef::Cloud(vendor) => {
                // Entries and images are told apart before; without knowing who asks, only the vendor's own hosts fit.
                let given = self.given(*vendor, profile, Trust::OwnHosts, None).await?;
                Ok(Credentials::clone(&given))
            }
        }
    }
}

/// Credentials whose identity is where they lie, what for (`whose` and `place`), and the user: a program that prints a new
/// password every hour, or a Secret that is rotated, stays the same user.
fn of_place(read: Credentials, whose: &str, place: &[&str], reference: &CredentialRef) -> Credentials {
    // No value is in a reference.
    let reference = format!("{reference:?}");
    let source: Vec<_> = [whose, &reference].into_iter().chain(place.iter().copied()).collect();
    read.of_source(&source)
}

/// Two entries may name one server and have credentials of their own.
fn renewal(profile: &RegistryProfile, reference: Option<&CredentialRef>) -> (Option<CredentialRef>, String, String) {
    (reference.cloned(), profile.prefix.clone(), profile.api_url.clone())
}

/// Reads the credentials of a git target.
pub(super) async fn git(
    engine: &Engine,
    cycle: &Cycle,
    work: &Work,
    target: &GitTarget,
    url: &RemoteUrl,
) -> Result<GitCredentials, Verdict> {
    match &target.credentials {
        GitCredentialRef::RepoCreds => {
            let namespace = &engine.options.argocd_namespace;
            let project = work.application.project();
            let secrets = cycle.repository_secrets(&engine.cluster, namespace).await?;
            let fields = secrets
                .for_repository(&target.repository, project, repository_url::normalize)
                .map_err(|error| unavailable(error.to_string()))?;
            git::credentials::from_repository_secret(&fields, url).map_err(|error| unavailable(error.to_string()))
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
        Secrets::Unavailable(why) => Err(unavailable(format!("Secret {key} is needed, but {why}"))),
    }
}

async fn secret_data(cluster: &Cluster, key: &ObjectKey) -> Result<SecretFields, Verdict> {
    match cluster.secret(key).await {
        Ok(Some(data)) => Ok(data),
        Ok(None) => Err(unavailable(format!("Secret {key} does not exist"))),
        Err(error) => Err(unavailable(error.to_string())),
    }
}
