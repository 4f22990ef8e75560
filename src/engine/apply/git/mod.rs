//! The method `git`: all changes for one repository are decided together, and committed with one fetch and, per branch,
//! one push.
//!
//! | step | where |
//! |---|---|
//! | open the mirror and list the heads, once per cycle and credentials | `remote` |
//! | what stands in the file, where an image's current version is read from it | `current` |
//! | which branches, and whether the application may write them | `member` |
//! | wait for whoever writes to the repository now; what waits is written together | `lane` |
//! | fetch what is missing, once; write the branches side by side | `batch` |
//! | read the files, render, commit, push; again when the head moved | `branch` |
//! | from decisions and texts to new texts | `render` |

mod batch;
mod branch;
mod current;
mod lane;
mod member;
mod remote;
mod render;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::{
    StreamExt as _,
    future::join_all,
    stream::{self, FuturesUnordered},
};
use tokio::time::Instant;

pub(in crate::engine) use self::lane::Lanes;
use self::{member::Member, remote::Remotes};
use crate::{
    core::{
        disposition::Disposition,
        report::WriteOutcome,
        resolve::{GitTarget, WriteTarget},
        verdict::{Reason, Verdict},
    },
    engine::{
        Done, Engine, Work,
        decide::{Decided, WritePermit},
        observe::Cycle,
    },
    git::{BaseError, GitError, PushError, RemoteUrl},
    secret::RedactedUrl,
};

/// A batch closes when all its applications are decided, or after this long: a dead registry does not hold up the rest.
const BATCH_CLOSES_AFTER: Duration = Duration::from_secs(30);

/// How many Events of one batch are created at once.
const EVENTS_AT_ONCE: usize = 8;

/// All applications of a cycle that are written to one repository.
pub(in crate::engine) struct Group {
    repository: String,
    works: Vec<Work>,
}

/// Puts together what goes to one repository.
pub(in crate::engine) fn groups(works: Vec<Work>) -> Vec<Group> {
    let mut groups: BTreeMap<String, Vec<Work>> = BTreeMap::new();
    for work in works {
        if let WriteTarget::Git(target) = &work.tracked.target {
            groups.entry(repository_key(&target.repository)).or_default().push(work);
        }
    }
    groups
        .into_iter()
        .map(|(repository, works)| Group { repository, works })
        .collect()
}

/// What makes two spellings one repository: only the host's case. A server may hold `Shop` beside `shop` and `app` beside
/// `app.git`, and a commit must never land in the wrong one.
pub(in crate::engine) fn repository_key(url: &str) -> String {
    RemoteUrl::parse(url).map_or_else(|_| url.trim().to_owned(), |url| url.as_str().to_owned())
}

impl Engine {
    /// Decides all applications of a group, then writes what changed.
    pub(in crate::engine) async fn update_repository(&self, cycle: &Cycle, group: Group, permit: &WritePermit) -> Done {
        let Group { repository, works } = group;
        let remotes = Remotes::default();
        tokio::select! {
            () = Box::pin(self.fetch_for_deciding(cycle, &remotes, &works)) => {}
            () = permit.ending.cancelled() => return Vec::new(),
        }
        let deciding = works.into_iter().map(|work| self.decide_by_file(cycle, &remotes, work));
        let mut deciding: FuturesUnordered<_> = deciding.collect();
        let mut done = Vec::new();
        while !deciding.is_empty() {
            let closes = Instant::now() + BATCH_CLOSES_AFTER;
            let mut batch = Vec::new();
            loop {
                tokio::select! {
                    decided = deciding.next() => match decided {
                        Some(Ok(decided)) => batch.push(decided),
                        Some(Err(refused)) => done.push(refused),
                        None => break,
                    },
                    () = tokio::time::sleep_until(closes), if !batch.is_empty() => break,
                    () = permit.ending.cancelled() => return done,
                }
            }
            // Only now all claims of those who decided are known.
            let mut changing = Vec::new();
            for mut decided in batch {
                self.contest_git(&mut decided);
                if decided.update.has_changes() {
                    changing.push(decided);
                } else {
                    done.push(decided.report(WriteOutcome::Nothing));
                }
            }
            if !changing.is_empty() {
                // Few of thousands write: what that needs is not part of the size of all.
                done.extend(Box::pin(self.write(cycle, &remotes, &repository, changing, permit)).await);
            }
        }
        done
    }

    fn contest_git(&self, decided: &mut Decided) -> Vec<(usize, Verdict)> {
        let application = Arc::clone(&decided.work.application);
        self.contest(decided, &application)
    }

    /// Writes all that changes, or looks what would be written.
    async fn write(
        &self,
        cycle: &Cycle,
        remotes: &Remotes,
        repository: &str,
        batch: Vec<Decided>,
        permit: &WritePermit,
    ) -> Done {
        if !self.options.dry_run && !permit.may_begin() {
            return Vec::new();
        }
        let lane = self.lanes.of(repository);
        let seen = lane.writes();
        let preparing = join_all(
            batch
                .into_iter()
                .map(|decided| self.prepare(cycle, remotes, decided, seen)),
        );
        let prepared = tokio::select! {
            prepared = preparing => prepared,
            () = permit.ending.cancelled() => return Vec::new(),
            () = permit.stop.cancelled() => return Vec::new(),
        };
        let mut members = Vec::new();
        let mut done = Vec::new();
        for prepared in prepared {
            match prepared {
                Ok(member) => members.push(member),
                Err((decided, verdict)) => done.push(decided.report(WriteOutcome::Failed(verdict))),
            }
        }
        let members = if self.options.dry_run {
            self.preview(members).await
        } else {
            tokio::select! {
                written = self.submit(&lane, members, permit) => written,
                () = permit.stop.cancelled() => return Vec::new(),
            }
        };
        self.tell_of(&members).await;
        done.extend(members.into_iter().map(Member::report));
        done
    }

    /// What was really written is remembered and told: by Events, and to Argo CD.
    async fn tell_of(&self, members: &[Member]) {
        let (mut events, mut followed) = (Vec::new(), Vec::new());
        for member in members.iter().filter(|member| member.outcome.is_written()) {
            let decided = &member.decided;
            self.remember_changes(decided);
            events.push(async move { self.announce(&decided.work, &decided.update.changes()).await });
            // Argo CD follows the base branch; what was pushed elsewhere concerns it only later.
            if member.target.refresh && member.is_direct() {
                followed.push(decided.work.key());
            }
        }
        let events = stream::iter(events).buffer_unordered(EVENTS_AT_ONCE);
        events.collect::<()>().await;
        self.refresh(followed).await;
    }
}

/// The branch that changes are based on cannot be one.
fn unusable_base(target: &GitTarget, error: &BaseError) -> Verdict {
    let message = format!("{}: {error}", RedactedUrl::new(&target.repository));
    Verdict::new(Reason::TargetUnusable, message)
}

/// Why something cannot be written, and what to do about it.
#[derive(Debug, Clone)]
struct Fault {
    verdict: Verdict,
    disposition: Disposition,
}

impl Fault {
    /// A fault of this cycle alone: nothing is put off because of it.
    fn now(reason: Reason, message: impl Into<String>) -> Self {
        Verdict::new(reason, message).into()
    }
}

impl From<Verdict> for Fault {
    fn from(verdict: Verdict) -> Self {
        Self {
            verdict,
            disposition: Disposition::DecideAgain,
        }
    }
}

impl From<GitError> for Fault {
    fn from(error: GitError) -> Self {
        Self {
            verdict: Verdict::new(error.reason(), error.to_string()),
            disposition: error.disposition(),
        }
    }
}

impl From<PushError> for Fault {
    fn from(error: PushError) -> Self {
        Self {
            verdict: Verdict::new(error.reason(), error.to_string()),
            disposition: error.disposition(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_repository_share_a_batch_and_others_never_do() {
        let key = repository_key("https://git.example.com/acme/shop.git");
        for (url, same) in [
            ("https://GIT.example.com/acme/shop.git", true),
            ("https://git.example.com/acme/shop", false),
            ("https://git.example.com/acme/Shop.git", false),
            ("https://git.example.com:8443/acme/shop.git", false),
            ("http://git.example.com/acme/shop.git", false),
        ] {
            assert_eq!(repository_key(url) == key, same, "{url}");
        }
    }
}
