//! Logins that are kept until shortly before they expire, each got by one exchange for all who ask.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::Mutex as AsyncMutex, time::Instant};

use super::{IdentityError, Login};
use crate::secret::Secret;

/// How long before its end a login is no longer used.
const MARGIN: Duration = Duration::from_mins(5);
/// How long a failure is remembered.
const FAILURE: Duration = Duration::from_secs(30);
/// The shortest life of a login, whatever the vendor says: many may ask in the same moment.
const MIN_LIFE: Duration = Duration::from_mins(1);
/// The longest that a login is kept, whatever the vendor says.
const MAX_LIFE: Duration = Duration::from_hours(12);
/// The most logins that are kept.
const MAX_LOGINS: usize = 1_000;

/// A login, and for how long it is good.
pub(super) struct Given {
    pub(super) login: Login,
    pub(super) life: Duration,
}

/// What is remembered of the last exchange.
enum Known {
    Login {
        login: Login,
        until: Instant,
        since: Instant,
    },
    Failure(IdentityError, Instant),
}

type Slot = Arc<AsyncMutex<Option<Known>>>;

/// Logins by what they are for.
pub(super) struct Kept<K> {
    slots: Mutex<HashMap<K, Slot>>,
    /// A login that is younger than this is given again even when it was refused.
    settles: Duration,
}

impl<K: Eq + Hash> Kept<K> {
    /// None yet. What was `refused` is replaced when it is older than `settles`: where a server refuses what is fresh,
    /// another one would not help.
    pub(super) fn new(settles: Duration) -> Self {
        Self {
            slots: Mutex::default(),
            settles,
        }
    }

    /// The login for `key`: the one that is kept, unless it was `refused`, else what `ask` gives.
    pub(super) async fn login(
        &self,
        key: K,
        refused: Option<&Secret>,
        ask: impl Future<Output = Result<Given, IdentityError>>,
    ) -> Result<Login, IdentityError> {
        let slot = self.slot(key);
        let mut held = slot.lock().await;
        let now = Instant::now();
        match &*held {
            Some(Known::Login { login, until, since })
                if *until > now && (Some(&login.password) != refused || now < *since + self.settles) =>
            {
                return Ok(login.clone());
            }
            Some(Known::Failure(error, until)) if *until > now => return Err(error.clone()),
            _ => {}
        }
        let given = ask.await;
        let now = Instant::now();
        match given {
            Ok(Given { login, life }) => {
                let life = life.clamp(MIN_LIFE, MAX_LIFE);
                // What lives but minutes is used for the first half of them.
                let until = now + life.saturating_sub(MARGIN.min(life / 2));
                *held = Some(Known::Login {
                    login: login.clone(),
                    until,
                    since: now,
                });
                Ok(login)
            }
            Err(error) => {
                *held = Some(Known::Failure(error.clone(), now + FAILURE));
                Err(error)
            }
        }
    }

    fn slot(&self, key: K) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= MAX_LOGINS && !slots.contains_key(&key) {
            slots.clear();
        }
        Arc::clone(slots.entry(key).or_default())
    }
}
