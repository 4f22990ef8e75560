//! Checks the signatures of what would be written: reads the keys, asks what a tag names now, and looks for a signature.
//!
//! Keys are read at the start of every decision, so that a broken one is known before it is needed. Registries are asked
//! about signatures only for a pick that would change something: see `decide`.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::OnceCell;

use super::{
    credentials::secret_in,
    observe::{Cycle, Observer, tag_order},
    repository::Asked,
};
use crate::{
    cluster::secrets::SecretFields,
    core::{
        image::Digest,
        keys::ObjectKey,
        plan::{Verified, verified::NotSigned},
        registries::Place,
        resolve::TrackedImage,
        select::{Candidate, TagOrder},
        signature::{KeyRef, PublicKey, SignaturePolicy, Verification},
        verdict::{Reason, Verdict},
    },
    registry::{Freshness, Known, RegistryError, RepoKey},
};

/// What is read once per cycle, also when it fails.
type Once<K, V> = Mutex<HashMap<K, Arc<OnceCell<Result<Arc<V>, Verdict>>>>>;

/// The public keys of one cycle: each Secret is read once.
#[derive(Debug, Default)]
pub(super) struct SigningKeys {
    secrets: Once<ObjectKey, SecretFields>,
    keys: Once<(ObjectKey, String), Vec<PublicKey>>,
}

fn cell<K: Hash + Eq, V>(all: &Once<K, V>, key: K) -> Arc<OnceCell<Result<Arc<V>, Verdict>>> {
    let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(all.entry(key).or_default())
}

/// What came of looking at a candidate.
#[derive(Debug)]
pub(super) enum Checked {
    /// One of the keys has signed it.
    Signed(Verified<Candidate>),
    /// None of them has, in words that go on "is not verified". It may be signed later.
    Unsigned(String),
    /// Nobody knows, so it is not written.
    Unknown(Verdict),
}

impl Observer {
    /// The keys of a policy, which lie in the namespace of the application. One that cannot be used is an error, also
    /// beside others: whoever named it meant it.
    pub(super) async fn signing_keys(
        &self,
        cycle: &Cycle,
        namespace: &str,
        policy: &SignaturePolicy,
    ) -> Result<Vec<PublicKey>, Verdict> {
        let mut all: Vec<PublicKey> = Vec::new();
        for KeyRef { secret_name, key } in &policy.keys {
            let secret = ObjectKey::new(namespace, secret_name);
            let keys = cell(&cycle.signing_keys.keys, (secret.clone(), key.clone()));
            let keys = keys.get_or_init(|| self.keys_in(cycle, &secret, key)).await.clone()?;
            for key in keys.iter() {
                if !all.contains(key) {
                    all.push(key.clone());
                }
            }
        }
        Ok(all)
    }

    async fn keys_in(&self, cycle: &Cycle, secret: &ObjectKey, key: &str) -> Result<Arc<Vec<PublicKey>>, Verdict> {
        let fields = cell(&cycle.signing_keys.secrets, secret.clone());
        let read = || async { secret_in(&self.secrets, secret).await.map(Arc::new) };
        let unavailable = |message: String| Verdict::new(Reason::KeyUnavailable, message);
        let fields = fields.get_or_init(read).await.clone();
        let fields =
            fields.map_err(|verdict| unavailable(format!("the key of imagesVerification: {}", verdict.message)))?;
        let text = fields.get(key).ok_or_else(|| {
            unavailable(format!(
                "Secret {secret} has no text field {key:?}, which imagesVerification names"
            ))
        })?;
        PublicKey::parse_all(text.expose().as_bytes())
            .map(Arc::new)
            .map_err(|error| {
                Verdict::new(
                    Reason::InvalidSetting,
                    format!("Secret {secret}, field {key:?}: {error}"),
                )
            })
    }

    /// Looks for a signature of `candidate` by one of `keys`. Where no digest is written, the one that its tag names in
    /// this cycle counts.
    pub(super) async fn check(
        &self,
        cycle: &Cycle,
        image: &TrackedImage,
        namespace: &str,
        keys: &[PublicKey],
        candidate: Candidate,
    ) -> Checked {
        let Asked { repo, original, .. } = match self.ask(cycle, image, namespace).await {
            Ok(asked) => asked,
            Err(verdict) => return Checked::Unknown(verdict),
        };
        let order = tag_order(repo.profile.tag_order);
        let digest = match digest(cycle, &repo, image, order, &candidate).await {
            Ok(Ok(digest)) => digest,
            Ok(Err(excluded)) => return Checked::Unsigned(excluded),
            Err(verdict) => return Checked::Unknown(verdict),
        };
        let tag = candidate.tag.clone();
        let mut verification = cycle.session.verify(&repo, digest, keys).await.map_err(|e| e.verdict());
        if let (Ok(Verification::Unverified(_)), Some(original)) = (&verification, original) {
            let asked = self.verify_original(cycle, image, namespace, original, digest, keys);
            verification = asked.await;
        }
        match verification {
            Ok(verification) => match Verified::signed(candidate, digest, verification) {
                Ok(verified) => Checked::Signed(verified),
                Err(NotSigned::Unverified(why)) => Checked::Unsigned(format!("{why} ({digest})")),
                Err(other @ NotSigned::OtherDigest { .. }) => {
                    Checked::Unknown(Verdict::new(Reason::NotVerified, other.to_string()))
                }
            },
            Err(verdict) => {
                let message = format!("whether {tag} is signed is not known: {}", verdict.message);
                Checked::Unknown(Verdict { message, ..verdict })
            }
        }
    }

    /// Looks at the registry itself for what a mirror does not have: mirrors often copy images without their signatures.
    /// Who asks is who would ask there for tags.
    async fn verify_original(
        &self,
        cycle: &Cycle,
        image: &TrackedImage,
        namespace: &str,
        original: Place,
        digest: Digest,
        keys: &[PublicKey],
    ) -> Result<Verification, Verdict> {
        let Place { profile, repository } = original;
        let credentials = self.image_credentials(cycle, image, namespace, &profile).await?;
        let mut repo = RepoKey {
            profile,
            repository,
            credentials,
        };
        let mut verification = cycle.session.verify(&repo, digest, keys).await;
        if verification.as_ref().is_err_and(RegistryError::is_unauthorized)
            && let Some(fresh) = self.renewed(cycle, image.credentials.as_ref(), &repo).await
        {
            repo.credentials = Some(fresh);
            verification = cycle.session.verify(&repo, digest, keys).await;
        }
        verification.map_err(|error| {
            let verdict = error.verdict();
            let message = format!("its mirror has no signature for it, and {}", verdict.message);
            Verdict { message, ..verdict }
        })
    }
}

/// The digest of the manifest or index that the candidate stands for; a lasting reason, in words, when there is none.
async fn digest(
    cycle: &Cycle,
    repo: &RepoKey,
    image: &TrackedImage,
    order: TagOrder,
    candidate: &Candidate,
) -> Result<Result<Digest, String>, Verdict> {
    if let Some(digest) = candidate.digest {
        return Ok(Ok(digest));
    }
    // The same question as that of the selection, so that it is asked once.
    let wanted = image.policy.facts_wanted(order);
    let facts = cycle
        .session
        .facts(repo, &candidate.tag, &image.platforms, wanted, Freshness::Now);
    match facts.await {
        Ok(Known::Facts(facts)) => Ok(Ok(facts.digest)),
        Ok(Known::Excluded(why)) => Ok(Err(why.to_string())),
        Err(error) => Err(error.verdict()),
    }
}
