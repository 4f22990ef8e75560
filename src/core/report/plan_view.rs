//! What a cycle would do, as a document: the answer of the command `plan`, printed as text or written as JSON or YAML.
//!
//! Pure. The fields are a promise to the scripts that read them, told in `docs/plan.schema.json`: new ones may be added
//! within a [`SchemaVersion`], none is renamed or changes its meaning.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

mod build;
mod diff;
mod difference;

pub use build::{Planned, State, picked_by, plan, tags};

/// The version of the document's schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SchemaVersion {
    /// The first one.
    V1,
}

/// What a cycle over all resources would do.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The version of this schema.
    pub schema_version: SchemaVersion,
    /// The numbers.
    pub summary: Summary,
    /// The resources, by namespace and name.
    pub resources: Vec<ResourcePlan>,
    /// Objects that cannot be read and are treated as if they were not there.
    pub unreadable: Vec<Unreadable>,
}

/// The numbers of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Resources that are printed.
    pub resources: usize,
    /// Applications that their rules select, each counted once.
    pub applications: usize,
    /// Images that resources configure for these applications.
    pub images: usize,
    /// Images that would change.
    pub changes: usize,
    /// What needs a person: images, applications, resources and unreadable objects.
    pub problems: usize,
}

/// Whether anything is decided for a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub enum ResourceState {
    /// Its images are decided.
    Active,
    /// `spec.suspend` is set: nothing is asked and nothing is written.
    Suspended,
    /// A setting must be changed first.
    Stalled,
    /// It is being deleted.
    Deleting,
}

/// What would become of one ImageUpdater.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourcePlan {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Whether anything is decided for it.
    pub state: ResourceState,
    /// What must be changed: with the state `Stalled` before anything is decided, else before everything is.
    pub stalled: Vec<FieldRemark>,
    /// What works, but should be looked at.
    pub warnings: Vec<FieldRemark>,
    /// The applications that its rules select, by name.
    pub applications: Vec<ApplicationPlan>,
}

/// Something about a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FieldRemark {
    /// The path of the field; empty when it is about the resource as a whole.
    pub field: String,
    /// What is wrong with it, and the way out.
    pub message: String,
}

/// What would become of one Application.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationPlan {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Why it is left alone as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refusal>,
    /// Its images, in the order of the configuration.
    pub images: Vec<ImagePlan>,
    /// What would change in the Application; empty when changes go to git.
    pub changes: Vec<ValueChange>,
    /// What would be written to git; only when something changes and goes there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git: Option<GitPlan>,
}

/// Why something is left alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// The reason, one word of `docs/reasons.md`.
    pub reason: String,
    /// What was seen, and the way out where there is one.
    pub message: String,
    /// Whether a person has to do something about it.
    pub needs_person: bool,
}

/// How the decision about an image ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub enum Outcome {
    /// It would be changed to the chosen tag.
    Change,
    /// It stays, and that is the normal state of things.
    Stays,
    /// It stays, and a person has to do something about it.
    Problem,
}

/// What would become of one image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImagePlan {
    /// The alias.
    pub alias: String,
    /// The full name without tag; empty when it cannot be read.
    pub image: String,
    /// Whether Argo CD reports it as running, or it is updated by force.
    pub live: bool,
    /// The strategy that picks its tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<String>,
    /// The constraint, the text behind the image name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub constraint: Option<String>,
    /// What runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    /// What was picked, whether it would be written or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chosen: Option<String>,
    /// How it ends.
    pub outcome: Outcome,
    /// Why it stays, one word of `docs/reasons.md`; absent when it changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The reason in a sentence.
    pub message: String,
    /// What became of every tag of the repository, the ranked ones first; only with `--explain`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<TagPlan>>,
}

/// What became of one tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TagPlan {
    /// The tag.
    pub tag: String,
    /// What became of it, in one word.
    pub fate: TagFate,
    /// Its place in the order of the strategy, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rank: Option<usize>,
    /// The same in a sentence, with the filter or rule that dropped it.
    pub message: String,
}

/// What became of a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub enum TagFate {
    /// It is picked.
    Chosen,
    /// It could be picked, and another one ranks higher.
    Ranked,
    /// `allowTags` or `ignoreTags` drops it.
    Filtered,
    /// The constraint, `extract` or the strategy does not admit it.
    OutOfScope,
    /// It is younger than `minimumAge`.
    TooYoung,
    /// `imagesVerification` demands signatures that it does not have.
    NotVerified,
    /// A lasting fact rules it out.
    Excluded,
    /// It could not be read this time, so nothing is decided.
    NotRead,
    /// Nobody had to ask about it.
    NotAsked,
}

/// One value of an Application before and after.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValueChange {
    /// Where it stands: `spec.source.helm.parameters`, or `spec.sources[1].kustomize.images`.
    pub path: String,
    /// The entry of that list as it is; absent for a new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// The entry as it would be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// What would be written to git.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitPlan {
    /// The repository, without credentials.
    pub repository: String,
    /// The branch that changes are based on; absent for the default branch of the repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_branch: Option<String>,
    /// The branch, or its template, that is pushed; absent when it is the base branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub push_branch: Option<String>,
    /// The file, or the folder of the kustomization.
    pub file: String,
    /// The values of the application's images in that file.
    pub values: Vec<GitValue>,
    /// The files as they would change, at most 100; empty when they could not be read.
    pub files: Vec<FilePlan>,
    /// How many more files would change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub more_files: Option<usize>,
}

/// A file in git that would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FilePlan {
    /// The path from the repository root.
    pub path: String,
    /// The unified diff, at most 500 lines and 64 KiB; a last line behind a backslash says how much is left out.
    pub diff: String,
    /// Whether there is no such file yet.
    pub new: bool,
}

/// One value in git, as it stands there afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitValue {
    /// Where it stands: `helm.parameters`, `kustomize.images` or `plugin.env`.
    pub path: String,
    /// The parameter, the variable, or the image name that is replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The value.
    pub value: String,
}

/// An object that cannot be read, or a file that may hold some.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Unreadable {
    /// `Application`, `ImageUpdater` or `File`.
    pub kind: String,
    /// Its namespace; empty for a file.
    pub namespace: String,
    /// Its name; the path of a file.
    pub name: String,
    /// What is wrong with it.
    pub message: String,
}

impl Plan {
    /// The schema of this document, as JSON Schema.
    pub fn schema() -> Value {
        schemars::schema_for!(Self).to_value()
    }
}
