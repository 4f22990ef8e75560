//! All members of one repository: what is missing is fetched with one request, then every branch is written by itself.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{StreamExt as _, stream};

use super::{
    Fault,
    branch::Branch,
    lane::Lane,
    member::{Member, askers},
};
use crate::{
    core::verdict::{Reason, Verdict},
    engine::{Engine, Work, decide::WritePermit},
    git::{BranchName, Mirror, ObjectId, RemoteHeads},
};

/// How many branches of one repository are pushed at once.
const PUSHES_AT_ONCE: usize = 8;

/// A repository with the heads that are written on.
struct Ready {
    mirror: Arc<Mirror>,
    heads: RemoteHeads,
    fetched: BTreeMap<BranchName, ObjectId>,
}

impl Engine {
    /// Writes members of one repository. They come back in their order, each with what became of it.
    pub(super) async fn write_together(&self, lane: &Lane, members: Vec<Member>, permit: &WritePermit) -> Vec<Member> {
        let mut members: Vec<Option<Member>> = members.into_iter().map(Some).collect();
        // One set of credentials after the other: they may push the same branch.
        for indexes in by_mirror(&members) {
            let mut some: Vec<Member> = indexes
                .iter()
                .filter_map(|index| members.get_mut(*index)?.take())
                .collect();
            self.write_mirror(lane, &mut some, permit).await;
            for (index, member) in indexes.into_iter().zip(some) {
                if let Some(place) = members.get_mut(index) {
                    *place = Some(member);
                }
            }
        }
        members.into_iter().flatten().collect()
    }

    async fn write_mirror(&self, lane: &Lane, members: &mut Vec<Member>, permit: &WritePermit) {
        let began = Instant::now();
        let ready = match self.fetch(lane, members).await {
            Ok(ready) => ready,
            Err(fault) => {
                let verdict = match members.first() {
                    Some(first) => self.set_back(first.place.clone(), askers(works(members)), fault),
                    None => fault.verdict,
                };
                return members.iter_mut().for_each(|member| member.fail(verdict.clone()));
            }
        };
        let fetched_in = began.elapsed();
        if let Some(first) = members.first() {
            self.setbacks().succeeded(&first.place);
        }
        if !permit.may_begin() {
            let verdict = Verdict::new(Reason::WriteFailed, "the program ends; the next start goes on");
            return members.iter_mut().for_each(|member| member.fail(verdict.clone()));
        }
        let taken = std::mem::take(members);
        let branches = by_branch(taken);
        let write = |mut indexed: Vec<(usize, Member)>| {
            let ready = &ready;
            async move {
                let indexes: Vec<usize> = indexed.iter().map(|(index, _)| *index).collect();
                let mut some: Vec<Member> = indexed.drain(..).map(|(_, member)| member).collect();
                if let Some(branch) = ready.branch(&mut some) {
                    self.write_unless_set_back(branch, &mut some, permit, fetched_in).await;
                }
                if some.iter().any(|member| member.outcome.is_written()) {
                    lane.written();
                }
                indexes.into_iter().zip(some).collect::<Vec<_>>()
            }
        };
        let written: Vec<_> = stream::iter(branches)
            .map(write)
            .buffer_unordered(PUSHES_AT_ONCE)
            .collect()
            .await;
        let mut written: Vec<(usize, Member)> = written.into_iter().flatten().collect();
        written.sort_by_key(|(index, _)| *index);
        members.extend(written.into_iter().map(|(_, member)| member));
    }

    /// Writes a branch, unless it was refused a moment ago; what becomes of it is remembered.
    async fn write_unless_set_back(
        &self,
        branch: Branch<'_>,
        members: &mut [Member],
        permit: &WritePermit,
        fetched_in: Duration,
    ) {
        let Some(first) = members.first() else { return };
        let place = first.place.branch(branch.name.as_str());
        let askers = askers(works(members));
        let written = match self.check_setback(&place, &askers) {
            Ok(()) => self.write_branch(branch, members, permit, fetched_in).await,
            Err(verdict) => Err(verdict.into()),
        };
        match written {
            Ok(()) => self.setbacks().succeeded(&place),
            Err(fault) => {
                let verdict = self.set_back(place, askers, fault);
                let open = members.iter_mut().filter(|member| !member.is_failed());
                open.for_each(|member| member.fail(verdict.clone()));
            }
        }
    }

    /// The heads as they are now, and everything that will be read.
    async fn fetch(&self, lane: &Lane, members: &[Member]) -> Result<Ready, Fault> {
        let newest = members.iter().max_by_key(|member| member.route.seen);
        let Some(newest) = newest else {
            return Err(Fault::now(Reason::WriteFailed, "there is nothing to write"));
        };
        let remote = &newest.route.remote;
        let mirror = Arc::clone(&remote.mirror);
        // Who waited for others knows heads that those have moved.
        let heads = if newest.route.seen == lane.writes() {
            remote.heads.clone()
        } else {
            mirror.heads().await?
        };
        let wanted: BTreeSet<BranchName> = members.iter().map(|member| start(&heads, member).clone()).collect();
        let wanted: Vec<BranchName> = wanted.into_iter().filter(|name| heads.branch(name).is_some()).collect();
        let fetched = mirror.ensure(&heads, &wanted).await?;
        Ok(Ready { mirror, heads, fetched })
    }
}

fn works(members: &[Member]) -> impl Iterator<Item = &Work> {
    members.iter().map(|member| &member.decided.work)
}

/// The branch whose head is built on: the pushed one where it is there, else the base.
pub(super) fn start<'m>(heads: &RemoteHeads, member: &'m Member) -> &'m BranchName {
    let route = &member.route;
    match heads.branch(&route.push) {
        Some(_) => &route.push,
        None => &route.base,
    }
}

impl Ready {
    /// The branch that all of these members push. One whose base is another than that of the first cannot be written while
    /// the branch is new; `None` when nothing is left.
    fn branch<'r>(&'r self, members: &mut [Member]) -> Option<Branch<'r>> {
        let first = members.first()?;
        let (name, base) = (first.route.push.clone(), first.route.base.clone());
        let key = first.decided.work.key();
        let from = start(&self.heads, first).clone();
        let Some(head) = self.fetched.get(&from).copied() else {
            let gone = Verdict::new(Reason::WriteFailed, format!("branch {from} is gone"));
            for member in members {
                member.fail(gone.clone());
            }
            return None;
        };
        let expected = (from == name).then_some(head);
        if expected.is_none() {
            for member in members.iter_mut().filter(|member| member.route.base != base) {
                let message = format!(
                    "{key} makes the branch {name} from {base} and not from {}; give each base a branch of its own in \
                     gitConfig.branch",
                    member.route.base
                );
                member.fail(Verdict::new(Reason::Conflict, message));
            }
        }
        Some(Branch {
            mirror: &self.mirror,
            name,
            base,
            head,
            expected,
        })
    }
}

/// The members by the mirror that they go through, in the order of the first of each.
fn by_mirror(members: &[Option<Member>]) -> Vec<Vec<usize>> {
    let mut groups: Vec<(usize, Vec<usize>)> = Vec::new();
    for (index, member) in members.iter().enumerate() {
        let Some(member) = member else { continue };
        let mirror = Arc::as_ptr(&member.route.remote.mirror) as usize;
        match groups.iter_mut().find(|(known, _)| *known == mirror) {
            Some((_, indexes)) => indexes.push(index),
            None => groups.push((mirror, vec![index])),
        }
    }
    groups.into_iter().map(|(_, indexes)| indexes).collect()
}

fn by_branch(members: Vec<Member>) -> Vec<Vec<(usize, Member)>> {
    let mut branches: BTreeMap<BranchName, Vec<(usize, Member)>> = BTreeMap::new();
    for (index, member) in members.into_iter().enumerate() {
        branches
            .entry(member.route.push.clone())
            .or_default()
            .push((index, member));
    }
    branches.into_values().collect()
}
