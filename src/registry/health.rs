//! How one registry does within one session: whether it was probed, and whether it is given up.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU32, Ordering},
};

use tokio::sync::OnceCell;

use super::{
    challenge::Challenge,
    client::{self, Ask},
    error::RegistryError,
};

/// After so many failed connections in a row a registry is not tried again in this session.
const MAX_FAILURES: u32 = 3;

/// How one registry does in this session.
#[derive(Default)]
pub(crate) struct Health {
    probed: OnceCell<Result<(), RegistryError>>,
    failures: AtomicU32,
    given_up: Mutex<Option<RegistryError>>,
}

impl Health {
    /// What the registry asks for; it is probed when nobody knows, once per session.
    pub(crate) async fn challenges(&self, ask: &Ask<'_>) -> Result<Arc<Vec<Challenge>>, RegistryError> {
        if let Some(known) = ask.connection.challenges(ask.repository()) {
            return Ok(known);
        }
        let probe = async {
            let asked = client::probe(ask).await?;
            ask.connection.learn_general(asked);
            Ok(())
        };
        self.probed.get_or_init(|| probe).await.clone()?;
        Ok(ask.connection.challenges(ask.repository()).unwrap_or_default())
    }

    /// The reason why this registry is not tried again in this session.
    pub(crate) fn check(&self) -> Result<(), RegistryError> {
        match &*self.given_up.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }

    pub(crate) fn answered(&self) {
        self.failures.store(0, Ordering::Relaxed);
    }

    pub(crate) fn failed(&self, error: &RegistryError) {
        if self.failures.fetch_add(1, Ordering::Relaxed) + 1 >= MAX_FAILURES {
            *self.given_up.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.clone());
        }
    }
}
