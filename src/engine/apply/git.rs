//! The method `git`: all changes for one repository are committed together, with one fetch and one push per branch.

use std::{collections::BTreeMap, time::Duration};

use futures::{StreamExt as _, stream::FuturesUnordered};
use tokio::time::Instant;

use crate::{
    core::{
        render::{argocd_source, message},
        report::WriteOutcome,
        repository_url,
        resolve::{GitCredentialRef, GitTarget, TargetFile, WriteTarget},
        verdict::{Reason, Verdict},
        yaml::Edited,
    },
    engine::{
        Done, Engine, Work, credentials,
        decide::{Decided, WritePermit},
        observe::Cycle,
    },
    git::{BranchName, FileContent, GitCredentials, GitError, Mirror, ObjectId, PushError, RemoteUrl, RepoPath, Signature},
};

/// A batch closes when all its applications are decided, or after this long: a dead registry does not hold up the rest.
const BATCH_CLOSES_AFTER: Duration = Duration::from_secs(30);

/// A head that moves while we push is rendered on again this often.
const PUSH_TRIES: u32 = 2;

/// All applications of a cycle that are written to one repository with the same credentials.
pub(in crate::engine) struct Group {
    works: Vec<Work>,
}

/// Puts together what goes to one repository.
pub(in crate::engine) fn groups(works: Vec<Work>) -> Vec<Group> {
    let mut groups: BTreeMap<(String, String), Vec<Work>> = BTreeMap::new();
    for work in works {
        let WriteTarget::Git(target) = &work.tracked.target else { continue };
        let credentials = match &target.credentials {
            GitCredentialRef::RepoCreds => String::new(),
            GitCredentialRef::Secret(key) => key.to_string(),
        };
        groups.entry((repository_url::normalize(&target.repository), credentials)).or_default().push(work);
    }
    groups.into_values().map(|works| Group { works }).collect()
}

/// A member of a batch: what was decided, and its place in the report.
struct Member {
    decided: Decided,
    outcome: WriteOutcome,
}

impl Engine {
    /// Decides all applications of a group, then writes what changed.
    pub(in crate::engine) async fn update_repository(&self, cycle: &Cycle, group: Group, permit: &WritePermit) -> Done {
        let mut deciding: FuturesUnordered<_> =
            group.works.into_iter().map(|work| self.decide(cycle, work)).collect();
        let mut done = Vec::new();
        while !deciding.is_empty() {
            let closes = Instant::now() + BATCH_CLOSES_AFTER;
            let mut batch = Vec::new();
            loop {
                tokio::select! {
                    decided = deciding.next() => match decided {
                        Some(decided) if decided.update.changes().is_empty() => {
                            done.push(decided.report(WriteOutcome::Nothing));
                        }
                        Some(decided) => batch.push(decided),
                        None => break,
                    },
                    () = tokio::time::sleep_until(closes), if !batch.is_empty() => break,
                    () = permit.ending.cancelled() => return done,
                }
            }
            if !batch.is_empty() {
                done.extend(self.write(cycle, batch, permit).await);
            }
        }
        done
    }

    async fn write(&self, cycle: &Cycle, batch: Vec<Decided>, permit: &WritePermit) -> Done {
        if self.options.dry_run {
            return batch.into_iter().map(|decided| decided.report(WriteOutcome::DryRun)).collect();
        }
        if !permit.may_begin() {
            return Vec::new();
        }
        let mut members: Vec<Member> =
            batch.into_iter().map(|decided| Member { decided, outcome: WriteOutcome::AlreadyWritten }).collect();
        let written = tokio::select! {
            written = self.write_members(cycle, &mut members) => written,
            () = permit.stop.cancelled() => return Vec::new(),
        };
        if let Err(verdict) = written {
            for member in members.iter_mut().filter(|m| m.outcome == WriteOutcome::AlreadyWritten) {
                member.outcome = WriteOutcome::Failed(verdict.clone());
            }
        }
        for member in members.iter().filter(|m| m.outcome.is_written()) {
            self.announce(&member.decided.work, &member.decided.update.changes()).await;
        }
        members.into_iter().map(|member| member.decided.report(member.outcome)).collect()
    }

    /// Writes to every branch that the members name. An error is one of the repository as a whole.
    async fn write_members(&self, cycle: &Cycle, members: &mut [Member]) -> Result<(), Verdict> {
        let Some(first) = members.first() else { return Ok(()) };
        let (url, mirror) = self.open(cycle, &first.decided.work).await?;
        let heads = mirror.heads().await.map_err(|error| git_verdict(&error))?;
        let mut branches: BTreeMap<BranchName, Vec<usize>> = BTreeMap::new();
        for (index, member) in members.iter_mut().enumerate() {
            match member.target().and_then(|target| base_branch(target, &heads)) {
                Ok(branch) => branches.entry(branch).or_default().push(index),
                Err(verdict) => member.outcome = WriteOutcome::Failed(verdict),
            }
        }
        let names: Vec<BranchName> = branches.keys().cloned().collect();
        if names.is_empty() {
            return Ok(());
        }
        mirror.fetch(&names).await.map_err(|error| git_verdict(&error))?;
        for (branch, indexes) in branches {
            let Some(head) = heads.branch(&branch) else { continue };
            if let Err(verdict) = self.write_branch(&url, &mirror, &branch, head, members, &indexes).await {
                for index in indexes {
                    if let Some(member) = members.get_mut(index)
                        && !matches!(member.outcome, WriteOutcome::Failed(_))
                    {
                        member.outcome = WriteOutcome::Failed(verdict.clone());
                    }
                }
            }
        }
        Ok(())
    }

    async fn open(&self, cycle: &Cycle, work: &Work) -> Result<(RemoteUrl, std::sync::Arc<Mirror>), Verdict> {
        let WriteTarget::Git(target) = &work.tracked.target else {
            return Err(Verdict::new(Reason::TargetUnusable, "not a git target"));
        };
        let url = RemoteUrl::parse(&target.repository)
            .map_err(|error| Verdict::new(Reason::TargetUnusable, error.to_string()))?;
        let credentials = credentials::git(self, cycle, work, target, &url).await?;
        let mirror = self.mirrors.open(&url, &credentials).await.map_err(|error| git_verdict(&error))?;
        Ok((url, mirror))
    }

    /// Renders, commits and pushes one branch; on a moved head once more on the new one.
    async fn write_branch(
        &self,
        url: &RemoteUrl,
        mirror: &Mirror,
        branch: &BranchName,
        head: ObjectId,
        members: &mut [Member],
        indexes: &[usize],
    ) -> Result<(), Verdict> {
        let mut head = head;
        for attempt in 1..=PUSH_TRIES {
            let mut parent = head;
            let mut commits = Vec::new();
            for index in indexes {
                let Some(member) = members.get_mut(*index) else { continue };
                match self.commit(mirror, parent, member).await {
                    Ok(Some(commit)) => {
                        parent = commit;
                        commits.push((*index, commit));
                    }
                    Ok(None) => member.outcome = WriteOutcome::AlreadyWritten,
                    Err(verdict) => member.outcome = WriteOutcome::Failed(verdict),
                }
            }
            if commits.is_empty() {
                return Ok(());
            }
            match mirror.push(branch, parent, Some(head)).await {
                Ok(()) => {
                    for (index, commit) in commits {
                        if let Some(member) = members.get_mut(index) {
                            member.outcome = WriteOutcome::Pushed {
                                repository: url.to_string(),
                                branch: branch.to_string(),
                                commit: commit.to_string(),
                            };
                        }
                    }
                    return Ok(());
                }
                Err(PushError::HeadMoved { .. }) if attempt < PUSH_TRIES => {
                    tracing::info!(repository = %url, branch = %branch, "the branch moved while we wrote; once more on the new head");
                    head = self.new_head(mirror, branch).await?;
                }
                Err(error) => return Err(Verdict::new(Reason::WriteFailed, error.to_string())),
            }
        }
        Ok(())
    }

    async fn new_head(&self, mirror: &Mirror, branch: &BranchName) -> Result<ObjectId, Verdict> {
        let heads = mirror.heads().await.map_err(|error| git_verdict(&error))?;
        mirror.fetch(std::slice::from_ref(branch)).await.map_err(|error| git_verdict(&error))?;
        heads.branch(branch).ok_or_else(|| Verdict::new(Reason::WriteFailed, format!("branch {branch} is gone")))
    }

    /// One application's commit on top of `parent`; `None` when its file says so already.
    async fn commit(&self, mirror: &Mirror, parent: ObjectId, member: &Member) -> Result<Option<ObjectId>, Verdict> {
        let target = member.target()?;
        let unusable = |message: String| Verdict::new(Reason::TargetUnusable, message);
        let TargetFile::Override(path) = &target.file else {
            return Err(unusable("only override files can be written yet".to_owned()));
        };
        let path = RepoPath::parse(path).map_err(|error| unusable(error.to_string()))?;
        let existing = match mirror.read(parent, &path).await.map_err(|error| git_verdict(&error))? {
            None => None,
            Some(FileContent::Text(text)) => Some(text),
            Some(other) => return Err(unusable(format!("{path} is {other}"))),
        };
        let update = &member.decided.update;
        let text = match argocd_source::render(existing.as_deref(), &update.entries) {
            Ok(Edited::Unchanged) => return Ok(None),
            Ok(Edited::New(text)) => text,
            Err(error) => return Err(unusable(format!("{path}: {error}"))),
        };
        let author = target.author.as_ref().unwrap_or(&self.options.author);
        let signature = Signature {
            name: author.name.clone(),
            email: author.email.clone(),
            time: jiff::Timestamp::now(),
        };
        let message = message::default_message(member.decided.work.application.name(), &update.changes());
        let edits = [(path, text.into_bytes())];
        mirror.commit(parent, &edits, &message, &signature).await.map_err(|error| git_verdict(&error))
    }
}

impl Member {
    fn target(&self) -> Result<&GitTarget, Verdict> {
        match &self.decided.work.tracked.target {
            WriteTarget::Git(target) => Ok(target),
            WriteTarget::Application => Err(Verdict::new(Reason::TargetUnusable, "not a git target")),
        }
    }
}

fn git_verdict(error: &GitError) -> Verdict {
    Verdict::new(error.reason(), error.to_string())
}
