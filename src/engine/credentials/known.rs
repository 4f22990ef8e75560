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
pub(in crate::engine) struct Cells<K, V>(Mutex<HashMap<K, Arc<OnceCell<V>>>>);

impl<K, V> Default for Cells<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone> Cells<K, V> {
    /// The place of one answer.
    pub(in crate::engine) fn cell(&self, key: K) -> Arc<OnceCell<V>> {
        let mut cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(cells.entry(key).or_default())
    }

    /// An answer that is already there.
    pub(in crate::engine) fn get(&self, key: &K) -> Option<V> {
        let cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cells.get(key)?.get().cloned()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::{core::registries::RegistriesConf, core::verdict::Reason, secret::Secret};

    fn key(credentials: &str) -> EntryKey {
        let conf = "registries:\n- { name: a, prefix: r.test, api_url: 'https://r.test' }";
        let conf = RegistriesConf::parse(conf).unwrap();
        EntryKey::new(&conf.entries()[0], &CredentialRef::parse(credentials).unwrap())
    }

    /// Reads credentials whose password is the number of reads before.
    async fn read(known: &Known, key: EntryKey, lifetime: Option<Duration>, reads: &AtomicUsize) -> String {
        let read = async {
            tokio::task::yield_now().await;
            let number = reads.fetch_add(1, Ordering::Relaxed);
            Ok(Credentials::new("bob", Secret::new(number.to_string())))
        };
        let credentials = known.get_or_read(key, lifetime, read).await.unwrap();
        credentials.password.expose().to_owned()
    }

    #[tokio::test]
    async fn those_who_come_at_once_share_one_read() {
        let (known, reads) = (Known::default(), AtomicUsize::new(0));
        let askers = (0..10).map(|_| read(&known, key("env:A"), None, &reads));
        assert_eq!(futures::future::join_all(askers).await, ["0"; 10]);
    }

    #[tokio::test(start_paused = true)]
    async fn credentials_are_kept_until_they_expire_or_are_refused() {
        let (known, reads) = (Known::default(), AtomicUsize::new(0));
        let hour = Some(Duration::from_hours(1));
        assert_eq!(read(&known, key("env:A"), hour, &reads).await, "0");
        tokio::time::advance(Duration::from_mins(59)).await;
        assert_eq!(read(&known, key("env:A"), hour, &reads).await, "0");
        tokio::time::advance(Duration::from_mins(2)).await;
        assert_eq!(read(&known, key("env:A"), hour, &reads).await, "1");
        tokio::time::advance(Duration::from_hours(1000)).await;
        assert_eq!(read(&known, key("env:A"), None, &reads).await, "1");
        known.forget(&key("env:A"));
        assert_eq!(read(&known, key("env:A"), None, &reads).await, "2");
    }

    #[tokio::test]
    async fn an_entry_that_names_another_source_is_read_anew() {
        let (known, reads) = (Known::default(), AtomicUsize::new(0));
        assert_eq!(read(&known, key("secret:argocd/old#f"), None, &reads).await, "0");
        assert_eq!(read(&known, key("secret:argocd/new#f"), None, &reads).await, "1");
        assert_eq!(read(&known, key("secret:argocd/old#f"), None, &reads).await, "0");
    }

    #[tokio::test]
    async fn a_failure_is_not_kept_and_the_number_of_entries_is_bounded() {
        let (known, reads) = (Known::default(), AtomicUsize::new(0));
        let failure = async { Err(Verdict::new(Reason::CredentialsUnavailable, "no")) };
        assert!(known.get_or_read(key("env:A"), None, failure).await.is_err());
        assert_eq!(read(&known, key("env:A"), None, &reads).await, "0");
        for number in 0..2 * MAX_ENTRIES {
            read(&known, key(&format!("env:A{number}")), None, &reads).await;
        }
        assert!(known.0.lock().unwrap().len() <= MAX_ENTRIES);
    }
}
