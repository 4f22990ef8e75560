//! Settings of three layers become one, and write-back settings a place that is written.

use argocd_image_updater::{
    api::{
        argocd::Application,
        v1alpha1::{CommonUpdateSettings, ImagesVerification, WriteBackConfig},
    },
    core::{
        resolve::{
            ApplicationKind, TargetFile, settings, source_type, verification,
            write_target::{self, GitDestination, InvalidWriteBack},
        },
        signature::{InvalidPolicy, KeyRef},
    },
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

pub(super) fn run(input: &Value) -> Result<Value, String> {
    match input["kind"].as_str() {
        Some("commonUpdateSettings") => {
            let layers: Vec<CommonUpdateSettings> = layers(&input["layers"])?;
            Ok(json!(settings::merge_update_settings(&layers)))
        }
        Some("imagesVerification") => {
            let layers: Vec<ImagesVerification> = layers(&input["layers"])?;
            let merged = settings::merge_verification(&layers);
            Ok(json!({"merged": merged, "effective": effective(merged.as_ref())}))
        }
        Some("writeBackConfig") => {
            let layers: Vec<WriteBackConfig> = layers(&json!([input["global"], input["application"]]))?;
            Ok(json!(settings::merge_write_back(&layers)))
        }
        Some("resolve") => resolve(input),
        other => Err(format!("unknown kind {other:?}")),
    }
}

fn parse<T: DeserializeOwned>(given: &Value) -> Result<T, String> {
    serde_json::from_value(given.clone()).map_err(|e| e.to_string())
}

/// The layers that are there.
fn layers<T: DeserializeOwned>(given: &Value) -> Result<Vec<T>, String> {
    let layers: Vec<Option<T>> = parse(given)?;
    Ok(layers.into_iter().flatten().collect())
}

fn effective(merged: Option<&ImagesVerification>) -> Value {
    match verification::demanded(merged) {
        Ok(None) => json!({"verify": false}),
        Ok(Some(policy)) => {
            let KeyRef { secret_name, key } = &policy.keys[0];
            json!({"verify": true, "cosignKey": {"secretName": secret_name, "key": key}})
        }
        Err(InvalidPolicy::KeyRequired) => json!({"error": "key_required", "image_skipped": true}),
        Err(other) => json!({"error": other.to_string()}),
    }
}

fn resolve(input: &Value) -> Result<Value, String> {
    let application: Application = parse(&input["application"])?;
    let settings: Option<WriteBackConfig> = parse(&input["settings"])?;
    let argocd_namespace = input["argocd_namespace"]
        .as_str()
        .ok_or("argocd_namespace is missing")?;
    let found = write_target::resolve(&settings.unwrap_or_default(), &application, argocd_namespace);
    let destination = match found {
        Ok(destination) => destination,
        Err(error) => return Ok(json!({"error": label(&error)})),
    };
    let mut result = Map::new();
    result.insert(
        "application_type".into(),
        kind(destination.source_type, destination.git.is_some()),
    );
    if let Some(git) = destination.git {
        result.insert("method".into(), json!("git"));
        describe(&git, &mut result);
    } else {
        result.insert("method".into(), json!("argocd"));
        let source = source_type::source_in(&application, destination.slot).ok_or("no source")?;
        let path = write_target::override_file_path(
            source.path.as_deref().unwrap_or(""),
            application.name(),
            application.namespace(),
            argocd_namespace,
        );
        result.insert("target_file".into(), json!(path));
    }
    Ok(Value::Object(result))
}

fn describe(git: &GitDestination, result: &mut Map<String, Value>) {
    let (field, path) = match &git.file {
        TargetFile::Kustomization(_) => ("kustomize_dir", git.file.path()),
        TargetFile::Override(_) | TargetFile::HelmValues(_) | TargetFile::Manifests(_) => {
            ("target_file", git.file.path())
        }
    };
    result.insert(field.into(), json!(path));
    result.insert("repository".into(), json!(git.repository));
    result.insert("checkout_branch".into(), json!(git.base));
    result.insert("write_branch_template".into(), json!(git.push));
    if let Some(request) = &git.pull_request {
        result.insert("pull_request".into(), json!(request.forge.field()));
        result.insert("labels".into(), json!(request.labels));
        result.insert("target_key".into(), json!(request.target_key));
    }
}

pub(super) fn kind(source_type: source_type::SourceType, git: bool) -> Value {
    json!(match source_type.kind(git) {
        Some(ApplicationKind::Helm) => "helm",
        Some(ApplicationKind::Kustomize) => "kustomize",
        Some(ApplicationKind::Plugin) => "plugin",
        Some(ApplicationKind::Manifests | ApplicationKind::Markers) => "manifests",
        None => "unsupported",
    })
}

fn label(error: &InvalidWriteBack) -> &'static str {
    match error {
        InvalidWriteBack::Method(_) => "bad_method",
        InvalidWriteBack::Credentials(_) => "bad_credentials_ref",
        InvalidWriteBack::Branch(_) | InvalidWriteBack::BranchTemplate(_) => "bad_branch",
        InvalidWriteBack::Message(_) => "bad_message",
        InvalidWriteBack::Grouping(_) => "bad_grouping",
        InvalidWriteBack::NoReference(_) => "no_reference",
        InvalidWriteBack::OutsideRepository(_) => "target_outside_repository",
        InvalidWriteBack::Directory(_) => "bad_directory",
        InvalidWriteBack::KustomizationFile(_) => "kustomization_file_target",
        InvalidWriteBack::PullRequestBranch => "pr_colon_branch",
        InvalidWriteBack::PullRequestForge => "pr_provider_count",
        InvalidWriteBack::NoSource => "no_source",
        InvalidWriteBack::NoRepository => "no_repository",
    }
}
