//! From decisions and the texts of files to new texts; and dry runs, which end there.

use std::{collections::HashMap, sync::Arc};

use super::{Fault, batch, branch::Branch, current::fetch_together, member::Member};
use crate::{
    core::{
        plan::Entry,
        render::file::{self, FileWrites, NewText, Reading, TargetText},
        resolve::TargetFile,
        verdict::{Reason, Verdict},
    },
    engine::Engine,
    git::Found,
};

/// The files of a branch: as they were read, and as those who wrote before leave them.
pub(super) struct Texts {
    known: HashMap<Reading, usize>,
    found: Vec<Found>,
    changed: HashMap<String, String>,
}

impl Texts {
    pub(super) fn new(known: HashMap<Reading, usize>, found: Vec<Found>) -> Self {
        Self {
            known,
            found,
            changed: HashMap::new(),
        }
    }

    /// The files of a target, as they are now.
    pub(super) fn of(&self, target: &TargetFile) -> Result<Vec<TargetText>, Verdict> {
        let reading = file::reading(target);
        let found = self.known.get(&reading).and_then(|index| self.found.get(*index));
        let unusable = |message: String| Verdict::new(Reason::TargetUnusable, message);
        let found = found.ok_or_else(|| unusable(format!("{}: the file was not read", target.path())))?;
        let files = found.as_ref().map_err(|fault| unusable(fault.to_string()))?;
        let now = files.iter().map(|file| TargetText {
            path: file.path.clone(),
            text: self.changed.get(&file.path).or(file.text.as_ref()).cloned(),
        });
        Ok(now.collect())
    }

    /// The text of a file as it is now.
    pub(super) fn get(&self, path: &str) -> Option<&str> {
        if let Some(text) = self.changed.get(path) {
            return Some(text);
        }
        let files = self.found.iter().filter_map(|found| found.as_ref().ok()).flatten();
        files.into_iter().find(|file| file.path == path)?.text.as_deref()
    }

    /// A file was changed.
    pub(super) fn put(&mut self, path: &str, text: &str) {
        self.changed.insert(path.to_owned(), text.to_owned());
    }

    /// Nothing was changed.
    pub(super) fn reset(&mut self) {
        self.changed.clear();
    }
}

impl Engine {
    /// The new texts of an application's files. Afterwards only those images change in its decision that really change in
    /// the files; what another claim owns, or somebody took back, is held.
    pub(super) fn render(&self, member: &mut Member, texts: &Texts) -> Result<Vec<NewText>, Verdict> {
        let files = texts.of(&member.target.file)?;
        let target = &member.target.file;
        let decided = &mut member.decided;
        let put = |changed: &[Entry], all: &[Entry], repeated: &[Entry]| {
            let writes = FileWrites { changed, all, repeated };
            file::render(target, &files, writes)
                .map_err(|error| Verdict::new(Reason::TargetUnusable, error.to_string()))
        };
        let mut held = self.contest_git(decided);
        let (mut missing, mut standing) = (Vec::new(), Vec::new());
        for (index, image) in decided.update.images.iter().enumerate() {
            let (Ok(change), Some((_, entries))) = (&image.decision, &image.values) else {
                continue;
            };
            if put(entries, entries, &[])?.is_empty() {
                standing.push((index, change.new_text().into_owned()));
            } else {
                missing.push(index);
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
            return Ok(Vec::new());
        }
        let changed: Vec<Entry> = decided
            .update
            .images
            .iter()
            .filter(|image| image.decision.is_ok())
            .filter_map(|image| Some(&image.values.as_ref()?.1))
            .flatten()
            .cloned()
            .collect();
        put(&changed, &decided.update.entries, &decided.update.repeated)
    }

    /// What would be written: everything but commits and pushes.
    pub(super) async fn preview(&self, members: Vec<Member>) -> Vec<Member> {
        let wanted = members.iter().map(|member| {
            let remote = &member.route.remote;
            (Arc::clone(remote), batch::start(&remote.heads, member).clone())
        });
        fetch_together(wanted.collect::<Vec<_>>()).await;
        let mut done = Vec::with_capacity(members.len());
        for member in members {
            let mut members = [member];
            if let Err(Fault { verdict, .. }) = self.preview_one(&mut members).await {
                for member in &mut members {
                    member.fail(verdict.clone());
                }
            }
            done.extend(members);
        }
        done
    }

    async fn preview_one(&self, members: &mut [Member; 1]) -> Result<(), Fault> {
        let [member] = &*members;
        let remote = Arc::clone(&member.route.remote);
        let from = batch::start(&remote.heads, member).clone();
        let (name, base) = (member.route.push.clone(), member.route.base.clone());
        let fetched = remote.mirror.ensure(&remote.heads, std::slice::from_ref(&from)).await?;
        let head = fetched.get(&from).copied();
        let head = head.ok_or_else(|| Fault::now(Reason::WriteFailed, format!("branch {from} is gone")))?;
        let branch = Branch {
            mirror: &remote.mirror,
            expected: (from == name).then_some(head),
            name,
            base,
            head,
        };
        self.preview_branch(&branch, members).await
    }
}
