//! The method `git`: all changes for one repository are decided together, and committed with one fetch and one push per
//! branch and credentials.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::{StreamExt as _, stream::FuturesUnordered};
use tokio::time::Instant;

use crate::{
    core::{
        render::{argocd_source::RenderError, message, overrides},
        report::WriteOutcome,
        resolve::{GitCredentialRef, GitTarget, TargetFile, WriteTarget},
        verdict::{Reason, Verdict},
        yaml::Edited,
    },
    engine::{
        Done, Engine, Work, credentials,
        decide::{Decided, WritePermit},
        observe::Cycle,
    },
    git::{
        BranchName, FileContent, GitError, Mirror, ObjectId, PushError, RemoteHeads, RemoteUrl, RepoPath, Signature,
    },
    secret::RedactedUrl,
};

/// A batch closes when all its applications are decided, or after this long: a dead registry does not hold up the rest.
const BATCH_CLOSES_AFTER: Duration = Duration::from_secs(30);

/// A head that moves while we push is rendered on again this often.
const PUSH_TRIES: u32 = 2;

/// All applications of a cycle that are written to one repository.
pub(in crate::engine) struct Group {
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
    groups.into_values().map(|works| Group { works }).collect()
}

/// Whose credentials write this; a repository Secret may serve one project only.
fn credentials_key(work: &Work) -> String {
    if let WriteTarget::Git(target) = &work.tracked.target
        && let GitCredentialRef::Secret(key) = &target.credentials
    {
        return key.to_string();
    }
    let project = work.application.spec.project.as_deref().unwrap_or("default");
    format!("project {project}")
}

/// What makes two spellings one repository: only the host's case. A server may hold `Shop` beside `shop` and `app` beside
/// `app.git`, and a commit must never land in the wrong one.
pub(in crate::engine) fn repository_key(url: &str) -> String {
    RemoteUrl::parse(url).map_or_else(|_| url.trim().to_owned(), |url| url.as_str().to_owned())
}

/// A member of a batch: what was decided, and what became of it.
struct Member {
    decided: Decided,
    outcome: WriteOutcome,
}

/// A repository that is ready to be written.
struct Prepared {
    mirror: Arc<Mirror>,
    branches: BTreeMap<BranchName, Vec<usize>>,
    fetched: BTreeMap<BranchName, ObjectId>,
}

/// A branch that is written.
struct Branch<'a> {
    mirror: &'a Mirror,
    name: BranchName,
    head: ObjectId,
}

impl Engine {
    /// Decides all applications of a group, then writes what changed.
    pub(in crate::engine) async fn update_repository(&self, cycle: &Cycle, group: Group, permit: &WritePermit) -> Done {
        let mut deciding: FuturesUnordered<_> = group.works.into_iter().map(|work| self.decide(cycle, work)).collect();
        let mut done = Vec::new();
        while !deciding.is_empty() {
            let closes = Instant::now() + BATCH_CLOSES_AFTER;
            let mut batch = Vec::new();
            loop {
                tokio::select! {
                    decided = deciding.next() => match decided {
                        Some(decided) => batch.push(decided),
                        None => break,
                    },
                    () = tokio::time::sleep_until(closes), if !batch.is_empty() => break,
                    () = permit.ending.cancelled() => return done,
                }
            }
            // Only now all claims of those who decided are known.
            let mut writing: BTreeMap<String, Vec<Decided>> = BTreeMap::new();
            for mut decided in batch {
                self.contest_git(&mut decided);
                if decided.update.has_changes() {
                    writing.entry(credentials_key(&decided.work)).or_default().push(decided);
                } else {
                    done.push(decided.report(WriteOutcome::Nothing));
                }
            }
            // One after the other: they may push the same branch.
            for batch in writing.into_values() {
                done.extend(self.write(cycle, batch, permit).await);
            }
        }
        done
    }

    fn contest_git(&self, decided: &mut Decided) -> Vec<(usize, Verdict)> {
        let application = Arc::clone(&decided.work.application);
        self.contest(decided, &application)
    }

    async fn write(&self, cycle: &Cycle, batch: Vec<Decided>, permit: &WritePermit) -> Done {
        if self.options.dry_run {
            return batch
                .into_iter()
                .map(|decided| decided.report(WriteOutcome::DryRun))
                .collect();
        }
        if !permit.may_begin() {
            return Vec::new();
        }
        let mut members: Vec<Member> = batch
            .into_iter()
            .map(|decided| Member {
                decided,
                outcome: WriteOutcome::AlreadyWritten,
            })
            .collect();
        let prepared = tokio::select! {
            prepared = self.prepare(cycle, &mut members) => prepared,
            () = permit.ending.cancelled() => return Vec::new(),
            () = permit.stop.cancelled() => return Vec::new(),
        };
        let written = match prepared {
            Err(verdict) => Err(verdict),
            Ok(_) if !permit.may_begin() => return Vec::new(),
            Ok(prepared) => tokio::select! {
                () = self.write_branches(prepared, &mut members, permit) => Ok(()),
                () = permit.stop.cancelled() => return Vec::new(),
            },
        };
        if let Err(verdict) = written {
            let open = members
                .iter_mut()
                .filter(|member| member.outcome == WriteOutcome::AlreadyWritten);
            open.for_each(|member| member.outcome = WriteOutcome::Failed(verdict.clone()));
        }
        for member in members.iter().filter(|member| member.outcome.is_written()) {
            self.remember_changes(&member.decided);
            self.announce(&member.decided.work, &member.decided.update.changes())
                .await;
        }
        members
            .into_iter()
            .map(|member| member.decided.report(member.outcome))
            .collect()
    }

    /// Opens the repository and fetches the branches that the members name. An error is one of the repository as a whole.
    async fn prepare(&self, cycle: &Cycle, members: &mut [Member]) -> Result<Prepared, Verdict> {
        let Some(first) = members.first() else {
            return Err(Verdict::new(Reason::WriteFailed, "there is nothing to write"));
        };
        let mirror = self.open(cycle, &first.decided.work).await?;
        let heads = mirror.heads().await.map_err(|error| git_verdict(&error))?;
        if let Some(branch) = heads.default_branch() {
            self.remember_default_branch(&first.decided.work, &branch.to_string());
        }
        let mut branches: BTreeMap<BranchName, Vec<usize>> = BTreeMap::new();
        for (index, member) in members.iter_mut().enumerate() {
            match member.target().and_then(|target| base(target, &heads)) {
                Ok(branch) => branches.entry(branch).or_default().push(index),
                Err(verdict) => member.outcome = WriteOutcome::Failed(verdict),
            }
        }
        let names: Vec<BranchName> = branches.keys().cloned().collect();
        let fetched = mirror
            .ensure(&heads, &names)
            .await
            .map_err(|error| git_verdict(&error))?;
        Ok(Prepared {
            mirror,
            branches,
            fetched,
        })
    }

    /// Writes to every branch; each succeeds or fails by itself.
    async fn write_branches(&self, prepared: Prepared, members: &mut [Member], permit: &WritePermit) {
        let Prepared {
            mirror,
            branches,
            fetched,
        } = prepared;
        for (name, indexes) in branches {
            let Some(head) = fetched.get(&name).copied() else {
                let gone = Verdict::new(Reason::WriteFailed, format!("branch {name} is gone"));
                fail(members, &indexes, &gone);
                continue;
            };
            let branch = Branch {
                mirror: &mirror,
                name,
                head,
            };
            if let Err(verdict) = self.write_branch(branch, members, &indexes, permit).await {
                fail(members, &indexes, &verdict);
            }
        }
    }

    async fn open(&self, cycle: &Cycle, work: &Work) -> Result<Arc<Mirror>, Verdict> {
        let WriteTarget::Git(target) = &work.tracked.target else {
            return Err(Verdict::new(Reason::TargetUnusable, "not a git target"));
        };
        let url = RemoteUrl::parse(&target.repository)
            .map_err(|error| Verdict::new(Reason::TargetUnusable, error.to_string()))?;
        let credentials = credentials::git(self, cycle, work, target, &url).await?;
        self.mirrors
            .open(&url, &credentials)
            .await
            .map_err(|error| git_verdict(&error))
    }

    /// Renders, commits and pushes one branch; when its head moved meanwhile, once more on the new one.
    async fn write_branch(
        &self,
        mut branch: Branch<'_>,
        members: &mut [Member],
        indexes: &[usize],
        permit: &WritePermit,
    ) -> Result<(), Verdict> {
        for attempt in 1..=PUSH_TRIES {
            let commits = self.commit_all(&branch, members, indexes).await;
            let Some((_, last)) = commits.last().copied() else {
                return Ok(());
            };
            if !permit.may_finish() {
                return Err(Verdict::new(Reason::WriteFailed, "another replica holds the lease now"));
            }
            match branch.mirror.push(&branch.name, last, Some(branch.head)).await {
                Ok(()) => {
                    branch.record(members, &commits);
                    return Ok(());
                }
                Err(PushError::HeadMoved { .. }) if attempt < PUSH_TRIES => {
                    tracing::info!(
                        repository = %branch.mirror.url(),
                        branch = %branch.name,
                        "the branch moved while we wrote; once more on its new head"
                    );
                    branch.head = branch.new_head().await?;
                }
                Err(PushError::Unauthorized { repository, answer }) => {
                    let message = format!("{repository} refused the credentials for writing, or wants some: {answer}");
                    return Err(Verdict::new(Reason::CredentialsUnavailable, message));
                }
                Err(error) => return Err(Verdict::new(Reason::WriteFailed, error.to_string())),
            }
        }
        Ok(())
    }

    /// One commit for each member that has something new to say, on top of each other; members without are settled.
    async fn commit_all(
        &self,
        branch: &Branch<'_>,
        members: &mut [Member],
        indexes: &[usize],
    ) -> Vec<(usize, ObjectId)> {
        let mut parent = branch.head;
        let mut commits = Vec::new();
        for index in indexes {
            let Some(member) = members.get_mut(*index) else {
                continue;
            };
            match self.commit(branch.mirror, parent, member).await {
                Ok(Some(commit)) => {
                    parent = commit;
                    commits.push((*index, commit));
                }
                Ok(None) if member.decided.update.has_changes() => member.outcome = WriteOutcome::AlreadyWritten,
                Ok(None) => member.outcome = WriteOutcome::Nothing,
                Err(verdict) => member.outcome = WriteOutcome::Failed(verdict),
            }
        }
        commits
    }

    /// One application's commit on top of `parent`; `None` when its file says so already, or nothing may be written.
    async fn commit(
        &self,
        mirror: &Mirror,
        parent: ObjectId,
        member: &mut Member,
    ) -> Result<Option<ObjectId>, Verdict> {
        let target = member.target()?;
        let unusable = |message: String| Verdict::new(Reason::TargetUnusable, message);
        let TargetFile::Override(path) = &target.file else {
            return Err(Verdict::new(
                Reason::UnsupportedSetting,
                "only override files can be written yet",
            ));
        };
        let path = RepoPath::parse(path).map_err(|error| unusable(error.to_string()))?;
        let author = target.author.as_ref().unwrap_or(&self.options.author);
        let signature = Signature {
            name: author.name.clone(),
            email: author.email.clone(),
            time: jiff::Timestamp::now(),
        };
        let existing = match mirror.read(parent, &path).await.map_err(|error| git_verdict(&error))? {
            None => None,
            Some(FileContent::Text(text)) => Some(text),
            Some(FileContent::Unusable(why)) => return Err(unusable(format!("{path} {why}"))),
        };
        let text = match self.render(&mut member.decided, existing.as_deref()) {
            Ok(Edited::Unchanged) => return Ok(None),
            Ok(Edited::New(text)) => text,
            Err(error) => return Err(unusable(format!("{path}: {error}"))),
        };
        let update = &member.decided.update;
        let message = message::default_message(member.decided.work.application.name(), &update.changes());
        let edits = [(path, text.into_bytes())];
        mirror
            .commit(parent, &edits, &message, &signature)
            .await
            .map_err(|error| git_verdict(&error))
    }

    /// The new text of an application's file. Afterwards only those images change in `decided` that really change in the
    /// file; what another claim owns, or somebody took back, is held.
    fn render(&self, decided: &mut Decided, existing: Option<&str>) -> Result<Edited, RenderError> {
        let mut held = self.contest_git(decided);
        let (mut missing, mut standing) = (Vec::new(), Vec::new());
        for (index, image) in decided.update.images.iter().enumerate() {
            let (Ok(change), Some((_, entries))) = (&image.decision, &image.values) else {
                continue;
            };
            match overrides::render(existing, entries, &[])? {
                Edited::Unchanged => standing.push((index, change.new_text().into_owned())),
                Edited::New(_) => missing.push(index),
            }
        }
        let taken_back = self.taken_back(decided, &missing, true).held;
        missing.retain(|index| !taken_back.iter().any(|(image, _)| image == index));
        held.extend(taken_back);
        if !missing.is_empty() {
            held.extend(standing.into_iter().map(|(index, text)| {
                let message = format!("{text} is already written, but does not run yet");
                (index, Verdict::new(Reason::UpToDate, message))
            }));
        }
        if !held.is_empty() {
            let application = Arc::clone(&decided.work.application);
            decided.decide_on(&application, &[], &held);
        }
        if missing.is_empty() {
            return Ok(Edited::Unchanged);
        }
        overrides::render(existing, &decided.update.entries, &decided.update.repeated)
    }
}

impl Branch<'_> {
    /// Where the branch stands now.
    async fn new_head(&self) -> Result<ObjectId, Verdict> {
        let fetched = self
            .mirror
            .fetch(std::slice::from_ref(&self.name))
            .await
            .map_err(|error| git_verdict(&error))?;
        fetched
            .get(&self.name)
            .copied()
            .ok_or_else(|| Verdict::new(Reason::WriteFailed, format!("branch {} is gone", self.name)))
    }

    fn record(&self, members: &mut [Member], commits: &[(usize, ObjectId)]) {
        for (index, commit) in commits {
            if let Some(member) = members.get_mut(*index) {
                member.outcome = WriteOutcome::Pushed {
                    repository: self.mirror.url().to_string(),
                    branch: self.name.to_string(),
                    commit: commit.to_string(),
                };
            }
        }
    }
}

/// Records a failure of the whole branch for those that it concerns and that have none of their own.
fn fail(members: &mut [Member], indexes: &[usize], verdict: &Verdict) {
    for index in indexes {
        if let Some(member) = members.get_mut(*index)
            && !matches!(member.outcome, WriteOutcome::Failed(_))
        {
            member.outcome = WriteOutcome::Failed(verdict.clone());
        }
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

/// The branch that a target's changes are based on.
fn base(target: &GitTarget, heads: &RemoteHeads) -> Result<BranchName, Verdict> {
    heads
        .base(target.base.as_deref().unwrap_or(""))
        .map(|(branch, _)| branch)
        .map_err(|error| {
            Verdict::new(
                Reason::TargetUnusable,
                format!("{}: {error}", RedactedUrl::new(&target.repository)),
            )
        })
}

fn git_verdict(error: &GitError) -> Verdict {
    let reason = match error {
        GitError::Unauthorized { .. } => Reason::CredentialsUnavailable,
        GitError::Sha256 { .. } | GitError::PathUnusable { .. } | GitError::Base { .. } | GitError::Refused { .. } => {
            Reason::TargetUnusable
        }
        _ => Reason::WriteFailed,
    };
    Verdict::new(reason, error.to_string())
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
