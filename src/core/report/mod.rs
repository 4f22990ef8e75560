//! What a cycle did, as data; and, from that alone, status, conditions and events.
//!
//! Pure. The engine fills a [`ResourceReport`]; [`status`] turns it into the patch that users see.

mod commit_page;
pub mod conditions;
pub mod counts;
pub mod events;
mod pending;
pub mod plan_view;
pub mod reference;
pub mod status;
mod writes;

use jiff::Timestamp;

use crate::core::{
    keys::ObjectKey,
    plan::{Entry, ImageChange, SourceEdit},
    select::{TagStory, Waiting},
    strategy::StrategyKind,
    verdict::Verdict,
};

/// What one cycle did for one resource.
#[derive(Debug, Clone, Default)]
pub struct ResourceReport {
    /// The generation of the resource that was processed.
    pub generation: i64,
    /// Whether only some applications were looked at.
    pub partial: bool,
    /// The value of the annotation that asked for this cycle.
    pub requested: Option<String>,
    /// A user must change these first; nothing was decided.
    pub stalled: Vec<Remark>,
    /// A user must change these before all images are followed; everything else was decided.
    pub stalled_in_part: Vec<Remark>,
    /// Settings that contradict each other, are deprecated or were corrected.
    pub warnings: Vec<Remark>,
    /// The applications that a rule matched.
    pub applications: Vec<ApplicationReport>,
}

impl ResourceReport {
    /// When the first of its images is worth another look, because a registry asked to be left alone until then.
    ///
    /// A write that failed is worth none of its own: the next cycle after its wait tries again. Else a repository that
    /// refuses would cost every registry a cycle.
    pub fn again(&self) -> Option<Timestamp> {
        let images = self.applications.iter().flat_map(|application| &application.images);
        images.filter_map(|image| image.decision.as_ref().err()?.again).min()
    }
}

/// Something about a field, for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The path of the field, `spec.applicationRefs[0].namePattern`.
    pub field: String,
    /// What is wrong with it, and the way out.
    pub message: String,
}

impl std::fmt::Display for Remark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.field.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.field, self.message)
        }
    }
}

/// What happened to one application.
#[derive(Debug, Clone)]
pub struct ApplicationReport {
    /// The application.
    pub application: ObjectKey,
    /// Why it was left alone as a whole.
    pub refused: Option<Verdict>,
    /// Its images, in the order of the configuration.
    pub images: Vec<ImageReport>,
    /// The sources of the Application that change, before and after.
    pub edits: Vec<SourceEdit>,
    /// What became of the changes.
    pub write: WriteOutcome,
    /// The git repository that changes go to; `None` for the Application itself.
    pub repository: Option<GitWrite>,
    /// What would become of files in git; only where nothing is written, and as far as they could be read.
    pub files: Vec<FileChange>,
}

/// A file in git that would change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// The path from the repository root.
    pub path: String,
    /// Its text now; `None` when there is no such file.
    pub before: Option<String>,
    /// Its new text.
    pub after: String,
}

/// Where in git the changes of an application go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitWrite {
    /// The repository, without credentials.
    pub url: String,
    /// The branch that changes are based on; `None` is the repository's default branch.
    pub base: Option<String>,
    /// The template of the branch that is pushed; `None` is the base branch.
    pub push: Option<String>,
    /// The file, or the folder of a kustomization.
    pub file: String,
    /// The values that the file holds afterwards; empty when nothing changes.
    pub values: Vec<Entry>,
}

impl GitWrite {
    /// The branch that is pushed, where it is known without the repository: neither the default branch nor a template.
    pub fn known_branch(&self) -> Option<&str> {
        let branch = self.push.as_deref().or(self.base.as_deref())?;
        (!branch.contains("{{")).then_some(branch)
    }
}

/// What was decided for one image.
#[derive(Debug, Clone)]
pub struct ImageReport {
    /// The alias.
    pub alias: String,
    /// The image's full name without tag; empty when it cannot be read.
    pub image: String,
    /// Whether Argo CD reports it as running, or it is updated by force, or read from the manifest.
    pub live: bool,
    /// How its tag is picked; `None` when the settings cannot be used.
    pub rule: Option<PickRule>,
    /// What runs; `None` when nothing does.
    pub current: Option<String>,
    /// What was picked, whether it is written or not; `None` when nothing was.
    pub chosen: Option<String>,
    /// The change, or why there is none.
    pub decision: Result<ImageChange, Verdict>,
    /// What became of every tag; only when asked for.
    pub story: Vec<TagStory>,
    /// The tags that are too young, the best first; `None` when that could not be found out.
    pub waiting: Option<Vec<Waiting>>,
}

/// How the tag of an image is picked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PickRule {
    /// The strategy.
    pub strategy: StrategyKind,
    /// The text behind the image name; empty for none.
    pub constraint: String,
}

/// What became of the changes of one application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteOutcome {
    /// There was nothing to write.
    Nothing,
    /// There was something to write, and writing is switched off.
    DryRun,
    /// The Application was patched.
    Patched,
    /// A commit was pushed.
    Pushed {
        /// The repository, without credentials.
        repository: String,
        /// The branch.
        branch: String,
        /// The commit.
        commit: String,
    },
    /// The file already says so; it waits for Argo CD.
    AlreadyWritten,
    /// Writing failed.
    Failed(Verdict),
}

impl ImageReport {
    /// Whether it is followed in this application: it is there, and its settings can be used.
    pub fn is_followed(&self) -> bool {
        self.live && self.rule.is_some()
    }
}

impl WriteOutcome {
    /// Whether something was really written.
    pub fn is_written(&self) -> bool {
        matches!(self, Self::Patched | Self::Pushed { .. })
    }
}

impl ApplicationReport {
    /// An application that was left alone as a whole.
    pub fn refused(application: ObjectKey, verdict: Verdict) -> Self {
        Self {
            application,
            refused: Some(verdict),
            images: Vec::new(),
            edits: Vec::new(),
            write: WriteOutcome::Nothing,
            repository: None,
            files: Vec::new(),
        }
    }

    /// The changes that were really written.
    pub fn written(&self) -> impl Iterator<Item = &ImageChange> {
        let written = self.write.is_written();
        self.images
            .iter()
            .filter(move |_| written)
            .filter_map(|image| image.decision.as_ref().ok())
    }
}
