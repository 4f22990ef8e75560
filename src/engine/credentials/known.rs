//! What was read before, so that it is read once.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Mutex as AsyncMutex, OnceCell},
    time::Instant,
};

use crate::{
    core::{registries::RegistryProfile, resolve::credential_ref::CredentialRef, verdict::Verdict},
    registry::credentials::Credentials,
};

/// The most entries of registries.conf whose credentials are kept; more than that, and all are read anew.
const MAX_ENTRIES: usize = 1_000;

/// Which entry of registries.conf, and where its credentials lie: both may change when the file is read again.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::engine) struct EntryKey {
    prefix: String,
    api_url: String,
    reference: CredentialRef,
}

impl EntryKey {
    pub(super) fn new(profile: &RegistryProfile, reference: &CredentialRef) -> Self {
        Self {
            prefix: profile.prefix.clone(),
            api_url: profile.api_url.clone(),
            reference: reference.clone(),
        }
    }
}

/// When credentials were read, and which.
type Slot = Arc<AsyncMutex<Option<(Instant, Arc<Credentials>)>>>;

/// Credentials of registries.conf entries, kept until `credsexpire` or for the life of the program.
#[derive(Default)]
pub(in crate::engine) struct Known(Mutex<HashMap<EntryKey, Slot>>);

impl Known {
    /// What is known and not older than `lifetime`, else what `read` gives. Those who come meanwhile wait for it; a failure
    /// is not kept.
    pub(super) async fn get_or_read(
        &self,
        key: EntryKey,
        lifetime: Option<Duration>,
        read: impl Future<Output = Result<Credentials, Verdict>>,
    ) -> Result<Arc<Credentials>, Verdict> {
        let slot = self.slot(key);
        let mut held = slot.lock().await;
        if let Some((since, credentials)) = &*held
            && lifetime.is_none_or(|lifetime| since.elapsed() < lifetime)
        {
            return Ok(Arc::clone(credentials));
        }
        let credentials = Arc::new(read.await?);
        *held = Some((Instant::now(), Arc::clone(&credentials)));
        Ok(credentials)
    }

    /// Drops what the registry just refused.
    pub(super) fn forget(&self, key: &EntryKey) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    fn slot(&self, key: EntryKey) -> Slot {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= MAX_ENTRIES && !slots.contains_key(&key) {
            slots.clear();
        }
        Arc::clone(slots.entry(key).or_default())
    }
}

/// Answers that are found once each, whoever asks first.
pub(super) struct Cells<K, V>(Mutex<HashMap<K, Arc<OnceCell<V>>>>);

impl<K, V> Default for Cells<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone> Cells<K, V> {
    /// The place of one answer.
    pub(super) fn cell(&self, key: K) -> Arc<OnceCell<V>> {
        let mut cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(cells.entry(key).or_default())
    }

    /// An answer that is already there.
    pub(super) fn get(&self, key: &K) -> Option<V> {
        let cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cells.get(key)?.get().cloned()
    }
}
