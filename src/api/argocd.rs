//! The few fields of Argo CD's Application and AppProject that are read. What is not named here is never rewritten.

use std::borrow::Cow;

use kube::api::ObjectMeta;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An Argo CD Application, `argoproj.io/v1alpha1`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Application {
    /// Standard metadata.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// What should run.
    #[serde(default)]
    pub spec: ApplicationSpec,
    /// What runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ApplicationStatus>,
}

/// The part of `spec` that is read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationSpec {
    /// The AppProject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The only source, when `sources` is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<ApplicationSource>,
    /// Several sources; they win over `source`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sources: Option<Vec<ApplicationSource>>,
    /// Rendered manifests: what is edited is the dry source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_hydrator: Option<SourceHydrator>,
}

/// One source of manifests.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationSource {
    /// The repository: git, Helm or OCI.
    #[serde(default, rename = "repoURL", skip_serializing_if = "Option::is_none")]
    pub repo_url: Option<String>,
    /// The folder in a git repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The chart in a Helm repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chart: Option<String>,
    /// Branch, tag, commit or chart version; empty and `HEAD` are the default branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_revision: Option<String>,
    /// The name by which value files of other sources refer to this one (`$ref/...`).
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The source's own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Helm settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub helm: Option<HelmSource>,
    /// Kustomize settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kustomize: Option<KustomizeSource>,
    /// Plugin settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin: Option<PluginSource>,
    /// Which files of a folder of plain manifests count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<DirectorySource>,
    /// What plain manifests in git say of each image, where somebody read them into this copy. It is no part of the
    /// object: never read from it and never sent.
    #[serde(skip)]
    pub manifests: Option<Vec<ManifestText>>,
}

/// What one place of plain manifests says of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestText {
    /// The alias of the image.
    pub alias: String,
    /// What of the image stands there.
    pub part: ManifestPart,
    /// The text of the place; empty when nothing stands there.
    pub text: String,
}

/// What a place in plain manifests holds of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ManifestPart {
    /// The whole reference, in whatever spelling its file has.
    Field,
    /// The whole reference, as it is configured.
    Whole,
    /// The tag, with the digest if one is pinned.
    TagWithDigest,
    /// The tag alone, because the digest has a place of its own.
    Tag,
    /// Registry and name.
    Name,
    /// The digest.
    Digest,
}

/// Settings of a source of plain manifests.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DirectorySource {
    /// Whether folders below the path count too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recurse: Option<bool>,
    /// The glob that a path below the source's path has to match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include: Option<String>,
    /// The glob that it must not match; it wins over `include`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclude: Option<String>,
}

impl ApplicationSource {
    /// Whether its repository is none of git: a chart of a Helm repository, or an artifact of an OCI registry.
    pub fn is_registry(&self) -> bool {
        let url = self.repo_url.as_deref().unwrap_or("").trim();
        let is_oci = url.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("oci://"));
        is_oci || self.chart.as_deref().is_some_and(|chart| !chart.trim().is_empty())
    }
}

/// Helm settings of a source.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HelmSource {
    /// `{name, value, forceString}` objects, kept as they are because a patch has to test the whole list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Vec<Value>>,
    /// Value files, relative to the path or `$ref/...`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_files: Option<Vec<String>>,
    /// Values as an object. Only read; kept as it is, because a folder may hold anything here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values_object: Option<Value>,
    /// Values as text of YAML. Only read; kept as it is, because a folder may hold anything here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Value>,
}

/// Kustomize settings of a source.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KustomizeSource {
    /// Image overrides: `[name=]reference`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images: Option<Vec<String>>,
}

/// Config management plugin settings of a source.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PluginSource {
    /// The plugin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `{name, value}` objects, kept as they are because a patch has to test the whole list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<Vec<Value>>,
}

/// The source hydrator: manifests are rendered from the dry source into another branch.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceHydrator {
    /// What is edited.
    #[serde(default)]
    pub dry_source: ApplicationSource,
}

/// The part of `status` that is read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationStatus {
    /// `Helm`, `Kustomize`, `Plugin` or `Directory`, of the single source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_type: Option<String>,
    /// The same for each of several sources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_types: Option<Vec<String>>,
    /// What runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<ApplicationSummary>,
}

/// What Argo CD reports as running.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationSummary {
    /// References of all images of the application's live manifests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images: Option<Vec<String>>,
}

impl Application {
    /// The namespace; empty when the object has none.
    pub fn namespace(&self) -> &str {
        self.metadata.namespace.as_deref().unwrap_or("")
    }

    /// The name.
    pub fn name(&self) -> &str {
        self.metadata.name.as_deref().unwrap_or("")
    }

    /// The AppProject that it says it belongs to; `default` where it says none, as in Argo CD.
    pub fn project(&self) -> &str {
        let project = self.spec.project.as_deref().unwrap_or("");
        if project.is_empty() { "default" } else { project }
    }

    /// The images that Argo CD reports as running.
    pub fn live_images(&self) -> &[String] {
        self.status
            .as_ref()
            .and_then(|s| s.summary.as_ref())
            .and_then(|s| s.images.as_deref())
            .unwrap_or(&[])
    }
}

/// An Argo CD AppProject, `argoproj.io/v1alpha1`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppProject {
    /// Standard metadata.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// What its applications may use.
    #[serde(default)]
    pub spec: AppProjectSpec,
}

/// The part of an AppProject's `spec` that is read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppProjectSpec {
    /// Globs of allowed repositories; a leading `!` denies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_repos: Option<Vec<String>>,
    /// Globs of namespaces other than Argo CD's own whose Applications may belong to the project; a text between slashes
    /// is a regular expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_namespaces: Option<Vec<String>>,
}

macro_rules! argoproj_resource {
    ($type:ty, $kind:literal, $plural:literal) => {
        impl kube::Resource for $type {
            type DynamicType = ();
            type Scope = k8s_openapi::NamespaceResourceScope;

            fn kind((): &()) -> Cow<'_, str> {
                $kind.into()
            }

            fn group((): &()) -> Cow<'_, str> {
                "argoproj.io".into()
            }

            fn version((): &()) -> Cow<'_, str> {
                "v1alpha1".into()
            }

            fn plural((): &()) -> Cow<'_, str> {
                $plural.into()
            }

            fn meta(&self) -> &ObjectMeta {
                &self.metadata
            }

            fn meta_mut(&mut self) -> &mut ObjectMeta {
                &mut self.metadata
            }
        }
    };
}

argoproj_resource!(Application, "Application", "applications");
argoproj_resource!(AppProject, "AppProject", "appprojects");
