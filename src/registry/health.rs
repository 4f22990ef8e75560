//! How one registry does within one session: whether it was probed, and whether it is given up.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU32, Ordering},
};

use tokio::sync::OnceCell;

use super::{
    breaker::Standing,
    challenge::Challenge,
    client::{self, Ask},
    connection::Connection,
    counts::Kind,
    error::RegistryError,
};

/// After so many failed connections in a row a registry is not tried again in this session. One failed probe is enough:
/// without its answer nothing else can be asked.
const MAX_FAILURES: u32 = 3;

/// How one registry does in this session.
#[derive(Default)]
pub(crate) struct Health {
    probed: OnceCell<Result<(), RegistryError>>,
    failures: AtomicU32,
    given_up: Mutex<Option<RegistryError>>,
}

impl Health {
    /// What the registry asks for. It is probed when nobody knows, once per session, and when it was left alone for long
    /// enough, once for all sessions.
    pub(crate) async fn challenges(&self, ask: &Ask<'_>) -> Result<Arc<Vec<Challenge>>, RegistryError> {
        self.try_again(ask).await?;
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

    async fn try_again(&self, ask: &Ask<'_>) -> Result<(), RegistryError> {
        let breaker = &ask.connection.breaker;
        if breaker.standing() != Standing::Due {
            return self.check(ask);
        }
        let _alone = breaker.alone().await;
        self.check(ask)?;
        if breaker.standing() == Standing::Due {
            let asked = client::probe(ask).await?;
            ask.connection.learn_general(asked);
        }
        Ok(())
    }

    /// The reason why this registry is not asked now: it was given up in this session, or an earlier one.
    pub(crate) fn check(&self, ask: &Ask<'_>) -> Result<(), RegistryError> {
        if let Some(error) = &*self.given_up.lock().unwrap_or_else(PoisonError::into_inner) {
            return Err(error.clone());
        }
        match ask.connection.breaker.standing() {
            Standing::LeftAlone(left_alone) => Err(RegistryError::LeftAlone {
                registry: ask.registry(),
                reason: left_alone.reason,
                until: left_alone.until,
            }),
            Standing::Good | Standing::Due => Ok(()),
        }
    }

    /// A request was answered.
    pub(crate) fn answered(&self, connection: &Connection, kind: Kind) {
        self.failures.store(0, Ordering::Relaxed);
        connection.breaker.answered(kind != Kind::Ping);
    }

    /// A request was not answered.
    pub(crate) fn failed(&self, connection: &Connection, kind: Kind, error: &RegistryError) {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
        if failures < MAX_FAILURES && kind != Kind::Ping {
            return;
        }
        self.given_up
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert_with(|| error.clone());
        if let RegistryError::Unavailable { reason, .. } = error {
            connection.breaker.given_up(reason);
        }
    }
}
