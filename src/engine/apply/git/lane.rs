//! One queue per repository: who comes while others write waits, and all who wait are written together.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::{Mutex as AsyncMutex, oneshot};

use super::member::Member;
use crate::engine::{Engine, decide::WritePermit};

/// The queues, by repository.
#[derive(Default)]
pub(in crate::engine) struct Lanes(Mutex<HashMap<String, Arc<Lane>>>);

/// The queue of one repository.
#[derive(Default)]
pub(super) struct Lane {
    /// Held by the one who writes.
    turn: AsyncMutex<()>,
    waiting: Mutex<Vec<Ticket>>,
    writes: AtomicU64,
}

/// Members that wait, and who wants to know what became of them.
struct Ticket {
    members: Vec<Member>,
    answer: oneshot::Sender<Vec<Member>>,
}

impl Lanes {
    /// The queue of a repository. Queues that nobody holds are forgotten.
    pub(super) fn of(&self, repository: &str) -> Arc<Lane> {
        let mut lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.retain(|name, lane| name == repository || Arc::strong_count(lane) > 1);
        Arc::clone(lanes.entry(repository.to_owned()).or_default())
    }
}

impl Lane {
    /// How often the repository was written to.
    pub(super) fn writes(&self) -> u64 {
        self.writes.load(Ordering::Acquire)
    }

    /// It was written to: what was listed before may be old.
    pub(super) fn written(&self) {
        self.writes.fetch_add(1, Ordering::AcqRel);
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Ticket>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine {
    /// Waits for the turn and writes for all who wait, unless somebody else did it meanwhile. Nothing comes back when whoever
    /// wrote was stopped.
    pub(super) async fn submit(&self, lane: &Lane, members: Vec<Member>, permit: &WritePermit) -> Vec<Member> {
        if members.is_empty() {
            return members;
        }
        let (answer, mut written) = oneshot::channel();
        lane.waiting().push(Ticket { members, answer });
        loop {
            let turn = tokio::select! {
                biased;
                written = &mut written => return written.unwrap_or_default(),
                turn = lane.turn.lock() => turn,
            };
            let tickets = std::mem::take(&mut *lane.waiting());
            let mut open = Vec::with_capacity(tickets.len());
            let mut members = Vec::new();
            for Ticket { members: some, answer } in tickets {
                open.push((some.len(), answer));
                members.extend(some);
            }
            let mut members = self.write_together(lane, members, permit).await;
            drop(turn);
            for (count, answer) in open {
                let rest = members.split_off(count.min(members.len()));
                // Nobody listens any more when the one who waited was stopped.
                let _ = answer.send(std::mem::replace(&mut members, rest));
            }
        }
    }
}
