//! One branch: the files are read, everything is rendered and committed, and pushed once. When the head moved meanwhile,
//! all of that happens again on the new one.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use super::{Fault, member::Member, render::Texts};
use crate::{
    core::{
        render::{
            file::{self, NewText, Reading},
            message::MessagePart,
        },
        report::{FileChange, WriteOutcome},
        resolve::{Author, CommitGrouping},
        verdict::Reason,
    },
    engine::{Engine, decide::WritePermit},
    git::{BranchName, Found, GitError, Mirror, NewCommit, ObjectId, PushError, RepoPath, Signature},
};

/// A head that moves while we push is rendered on again this often.
const PUSH_TRIES: u32 = 10;
/// How long is waited before the second try, at most; the longest wait doubles from try to try.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// A branch that is written.
pub(super) struct Branch<'a> {
    pub(super) mirror: &'a Mirror,
    pub(super) name: BranchName,
    /// Where it is made from while it is not there.
    pub(super) base: BranchName,
    /// The commit that is built on.
    pub(super) head: ObjectId,
    /// The head of the branch; nothing while it is not there.
    pub(super) expected: Option<ObjectId>,
}

/// A commit, and whose changes are in it.
struct Made {
    id: ObjectId,
    members: Vec<usize>,
}

/// What was rendered, and the files that it was rendered on.
struct Rendered {
    found: Vec<Found>,
    jobs: Vec<Job>,
}

/// A commit that is to be made.
struct Job {
    members: Vec<usize>,
    edits: BTreeMap<String, String>,
}

impl Engine {
    /// Writes one branch. The error is one of the branch as a whole; members that have one of their own keep it.
    pub(super) async fn write_branch(
        &self,
        mut branch: Branch<'_>,
        members: &mut [Member],
        permit: &WritePermit,
        fetched_in: Duration,
    ) -> Result<(), Fault> {
        let mut wait = FIRST_WAIT;
        let mut rendered = None;
        for attempt in 1.. {
            let began = Instant::now();
            let made = self.commit_all(&branch, members, &mut rendered).await?;
            let rendered_in = began.elapsed();
            let Some(last) = made.last() else {
                return Ok(());
            };
            if !permit.may_finish() {
                return Err(Fault::now(Reason::WriteFailed, "another replica holds the lease now"));
            }
            let began = Instant::now();
            match branch.mirror.push(&branch.name, last.id, branch.expected).await {
                Ok(()) => {
                    tracing::info!(
                        repository = %branch.mirror.url(),
                        branch = %branch.name,
                        commits = made.len(),
                        fetch_ms = fetched_in.as_millis(),
                        render_ms = rendered_in.as_millis(),
                        push_ms = began.elapsed().as_millis(),
                        "pushed"
                    );
                    branch.record(members, &made);
                    return Ok(());
                }
                Err(PushError::HeadMoved { .. }) if attempt < PUSH_TRIES => {
                    tracing::info!(
                        repository = %branch.mirror.url(),
                        branch = %branch.name,
                        attempt,
                        "the branch moved while we wrote; once more on its new head"
                    );
                    tokio::time::sleep(jittered(wait)).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                    branch.find_head().await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// The commits of a branch on its present head. Members without anything to say are settled.
    ///
    /// What was `rendered` before counts again while the files are the same: the shorter a try, the likelier it is that the
    /// head does not move meanwhile.
    async fn commit_all(
        &self,
        branch: &Branch<'_>,
        members: &mut [Member],
        rendered: &mut Option<Rendered>,
    ) -> Result<Vec<Made>, Fault> {
        let mut texts = branch.read(members).await?;
        let known = rendered.take().filter(|known| known.found == texts.found());
        let mut jobs = match known {
            Some(known) => known.jobs,
            None => self.render_all(&mut texts, members),
        };
        loop {
            let commits: Vec<NewCommit> = jobs.iter().filter_map(|job| self.new_commit(job, members)).collect();
            match branch.mirror.commit_all(branch.head, commits).await {
                Ok(ids) => {
                    let made = ids.into_iter().zip(&jobs);
                    let made = made.filter_map(|(id, job)| {
                        Some(Made {
                            id: id?,
                            members: job.members.clone(),
                        })
                    });
                    let made = made.collect();
                    *rendered = Some(Rendered {
                        found: texts.into_found(),
                        jobs,
                    });
                    return Ok(made);
                }
                // The others do not wait for one that cannot be written; what it would have changed is taken back.
                Err((Some(index), error)) => {
                    let fault = Fault::from(error);
                    let Some(job) = jobs.get(index) else {
                        return Err(fault);
                    };
                    for index in &job.members {
                        if let Some(member) = members.get_mut(*index) {
                            member.fail(fault.verdict.clone());
                        }
                    }
                    texts.reset();
                    jobs = self.render_all(&mut texts, members);
                }
                Err((None, error)) => return Err(error.into()),
            }
        }
    }

    /// Renders member after member, each on what those before it leave: first those with a commit of their own, then those
    /// that share one.
    fn render_all(&self, texts: &mut Texts, members: &mut [Member]) -> Vec<Job> {
        let mut jobs = Vec::new();
        for group in commit_groups(members) {
            let mut job = Job {
                members: Vec::new(),
                edits: BTreeMap::new(),
            };
            for index in group {
                let Some(member) = members.get_mut(index) else { continue };
                let new = match self.render(member, texts) {
                    Ok(new) => new,
                    Err(verdict) => {
                        member.fail(verdict);
                        continue;
                    }
                };
                member.outcome = match (new.is_empty(), member.decided.update.has_changes()) {
                    (true, false) => WriteOutcome::Nothing,
                    _ => WriteOutcome::AlreadyWritten,
                };
                if new.is_empty() {
                    continue;
                }
                job.members.push(index);
                for NewText { path, text } in new {
                    texts.put(&path, &text);
                    job.edits.insert(path, text);
                }
            }
            if !job.members.is_empty() {
                jobs.push(job);
            }
        }
        jobs
    }

    /// The commit of a job.
    fn new_commit(&self, job: &Job, members: &[Member]) -> Option<NewCommit> {
        let first = members.get(*job.members.first()?)?;
        let Author { name, email } = first.target.author.as_ref().unwrap_or(&self.options.author).clone();
        let members: Vec<&Member> = job.members.iter().filter_map(|index| members.get(*index)).collect();
        let told: Vec<_> = members.iter().map(|member| member.changes()).collect();
        let parts = members.iter().zip(&told);
        let parts = parts.map(|(member, (changes, labels))| {
            MessagePart::new(member.decided.work.application.name(), changes, labels)
        });
        let parts: Vec<MessagePart<'_>> = parts.collect();
        // Whatever cannot be a path was refused when the files were read.
        let edits = job.edits.iter();
        let edits = edits.filter_map(|(path, text)| Some((RepoPath::parse(path).ok()?, text.clone().into_bytes())));
        Some(NewCommit {
            edits: edits.collect(),
            message: self.commit_message(&first.target, &parts),
            author: Signature {
                name,
                email,
                time: jiff::Timestamp::now(),
            },
        })
    }

    /// What would become of the files of members, on the heads as they were listed.
    pub(super) async fn preview_branch(&self, branch: &Branch<'_>, members: &mut [Member]) -> Result<(), Fault> {
        let mut texts = branch.read(members).await?;
        for member in members.iter_mut().filter(|member| !member.is_failed()) {
            match self.render(member, &texts) {
                Err(verdict) => member.fail(verdict),
                Ok(new) => {
                    member.outcome = match (new.is_empty(), member.decided.update.has_changes()) {
                        (false, _) => WriteOutcome::DryRun,
                        (true, true) => WriteOutcome::AlreadyWritten,
                        (true, false) => WriteOutcome::Nothing,
                    };
                    for NewText { path, text } in new {
                        let before = texts.get(&path).map(str::to_owned);
                        texts.put(&path, &text);
                        member.files.push(FileChange {
                            path,
                            before,
                            after: text,
                        });
                    }
                }
            }
        }
        Ok(())
    }
}

/// Who shares a commit, by their indexes: those that have one of their own first. Failed members are left out.
fn commit_groups(members: &[Member]) -> Vec<Vec<usize>> {
    let open = || members.iter().enumerate().filter(|(_, member)| !member.is_failed());
    let single = open().filter(|(_, member)| member.target.grouping == CommitGrouping::Application);
    let mut groups: Vec<Vec<usize>> = single.map(|(index, _)| vec![index]).collect();
    let mut shared: HashMap<(Option<&Author>, Option<&String>), usize> = HashMap::new();
    for (index, member) in open().filter(|(_, member)| member.target.grouping == CommitGrouping::Target) {
        let key = (member.target.author.as_ref(), member.target.message.as_ref());
        let at = *shared.entry(key).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        if let Some(group) = groups.get_mut(at) {
            group.push(index);
        }
    }
    groups
}

impl Branch<'_> {
    /// The files of all members at the head; a member whose files cannot be edited is settled.
    async fn read(&self, members: &mut [Member]) -> Result<Texts, Fault> {
        let mut readings: Vec<Reading> = Vec::new();
        let mut known: HashMap<Reading, usize> = HashMap::new();
        for member in members.iter().filter(|member| !member.is_failed()) {
            let reading = file::reading(&member.target.file);
            known.entry(reading.clone()).or_insert_with(|| {
                readings.push(reading);
                readings.len() - 1
            });
        }
        let found = self.mirror.read_all(self.head, readings).await?;
        let mut texts = Texts::new(known, found);
        for member in members.iter_mut().filter(|member| !member.is_failed()) {
            if let Err(verdict) = texts.of(&member.target.file) {
                member.fail(verdict);
            }
        }
        texts.reset();
        Ok(texts)
    }

    /// Where the branch stands now. One that is new, or gone, is made from its base.
    async fn find_head(&mut self) -> Result<(), Fault> {
        if self.expected.is_some() {
            match self.mirror.fetch(std::slice::from_ref(&self.name)).await {
                Ok(fetched) => {
                    if let Some(head) = fetched.get(&self.name).copied() {
                        (self.head, self.expected) = (head, Some(head));
                        return Ok(());
                    }
                }
                Err(GitError::BranchGone { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let heads = self.mirror.heads().await?;
        let is_there = heads.branch(&self.name).is_some();
        let from = if is_there { &self.name } else { &self.base };
        let fetched = self.mirror.ensure(&heads, std::slice::from_ref(from)).await?;
        let head = fetched.get(from).copied();
        self.head = head.ok_or_else(|| Fault::now(Reason::WriteFailed, format!("branch {from} is gone")))?;
        self.expected = is_there.then_some(self.head);
        Ok(())
    }

    fn record(&self, members: &mut [Member], made: &[Made]) {
        for Made { id, members: whose } in made {
            for index in whose {
                if let Some(member) = members.get_mut(*index) {
                    member.outcome = WriteOutcome::Pushed {
                        repository: self.mirror.url().to_string(),
                        branch: self.name.to_string(),
                        commit: id.to_string(),
                    };
                }
            }
        }
    }
}

/// Up to `longest`, so that many who were refused at one moment do not come back at one moment.
fn jittered(longest: Duration) -> Duration {
    use std::hash::{BuildHasher as _, Hasher as _, RandomState};
    let chance = u32::try_from(RandomState::new().build_hasher().finish() % 1024).unwrap_or_default();
    longest / 1024 * chance
}
