//! What changes in an application, image by image.

use std::sync::Arc;

use argocd_image_updater::{
    api::{
        argocd::{Application, ApplicationSource},
        v1alpha1::ImageUpdater,
    },
    core::{
        image::{ImageRef, Platform, TagName},
        plan::{
            ImageUpdate, Picked,
            update::{self, Update},
            values,
        },
        resolve::{ResolveContext, TrackedApplication, resolve},
        select::{Candidate, live::LiveImages},
        verdict::{Reason, Verdict},
    },
};
use serde_json::{Value, json};

use super::application_spec_edit;

type Pick = Result<Picked, Verdict>;

pub(super) fn run(input: &Value) -> Result<Value, String> {
    let application = application(input)?;
    let tracked = tracked(&application, input)?;
    let picks: Vec<Pick> = list(&input["latest"])?.iter().map(pick).collect::<Result<_, _>>()?;
    let live = LiveImages::parse(application.live_images());
    let update = update::decide(&application, &tracked, &live, &picks);
    let results: Vec<Value> = update.images.iter().map(outcome).collect();
    let source = application.spec.source.clone().unwrap_or_default();
    Ok(json!({"results": results, "source": working_copy(source, &update)}))
}

fn list(value: &Value) -> Result<&Vec<Value>, String> {
    value.as_array().ok_or_else(|| format!("{value} is not a list"))
}

fn application(input: &Value) -> Result<Arc<Application>, String> {
    let application = json!({
        "metadata": {"namespace": "argocd", "name": "app"},
        "spec": {"source": input["source"]},
        "status": {"sourceType": input["source_type"], "summary": {"images": input["live_images"]}},
    });
    serde_json::from_value(application)
        .map(Arc::new)
        .map_err(|e| e.to_string())
}

fn tracked(application: &Arc<Application>, input: &Value) -> Result<TrackedApplication, String> {
    let image = |image: &Value| {
        let text = image["ref"].as_str().unwrap_or("");
        let (alias, name) = text.split_once('=').unwrap_or(("", text));
        json!({
            "alias": alias,
            "imageName": name,
            "commonUpdateSettings": {
                "updateStrategy": input["strategy"], "forceUpdate": image["force_update"],
            },
            "manifestTargets": application_spec_edit::manifest_targets(image),
        })
    };
    let images: Vec<Value> = list(&input["images"])?.iter().map(image).collect();
    let updater = json!({
        "apiVersion": "argocd-image-updater.argoproj.io/v1alpha1",
        "kind": "ImageUpdater",
        "metadata": {"namespace": "argocd", "name": "updater"},
        "spec": {"applicationRefs": [{"namePattern": "app", "images": images}]},
    });
    let updater: ImageUpdater = serde_json::from_value(updater).map_err(|e| e.to_string())?;
    let context = ResolveContext {
        argocd_namespace: "argocd".to_owned(),
        runtime_platform: Platform::new("linux", "amd64"),
        allow_env_ext_credentials: true,
    };
    let resolved = resolve(&updater, std::slice::from_ref(application), &context).map_err(|e| format!("{e:?}"))?;
    let found = resolved.applications.into_iter().next().ok_or("no rule matches")?;
    found.tracked.map_err(|verdict| verdict.to_string())
}

fn pick(latest: &Value) -> Result<Pick, String> {
    let Some(tag) = latest["tag"].as_str() else {
        return Ok(Err(Verdict::new(Reason::NoTagMatches, "nothing selected")));
    };
    let digest = latest["digest"].as_str().unwrap_or("");
    let candidate = Candidate {
        tag: TagName::new(tag).ok_or("not a tag")?,
        digest: (!digest.is_empty())
            .then(|| digest.parse())
            .transpose()
            .map_err(|_| format!("{digest}: no digest"))?,
        facts: None,
        note: None,
    };
    Ok(Ok(Picked::new(candidate, None)))
}

fn outcome(decided: &ImageUpdate) -> Value {
    let verdict = match &decided.decision {
        Ok(change) => {
            let bare = ImageRef {
                version: None,
                ..change.image.clone()
            };
            return json!({
                "outcome": "update",
                "from": decided.running.clone().unwrap_or(bare).full_name_with_version(),
                "to": ImageRef { version: Some(change.new.clone()), ..change.image.clone() }.full_name_with_version(),
                "old": change.old.text(),
                "new": change.new.text(),
            });
        }
        Err(verdict) => verdict,
    };
    match (verdict.reason, &decided.kept) {
        (Reason::NotLive, _) => json!({"outcome": "not_live"}),
        (Reason::UpToDate, Some(kept)) => json!({"outcome": "up_to_date", "kept": kept.full_name_with_version()}),
        (Reason::UpToDate, None) => json!({"outcome": "already_in_spec"}),
        _ => json!({"outcome": "error"}),
    }
}

/// The source with every listed value, as an override file would have it.
fn working_copy(mut source: ApplicationSource, update: &Update) -> ApplicationSource {
    for entry in &update.entries {
        let entry = std::slice::from_ref(entry);
        if !values::holds(&source, entry, &[]) {
            values::put(&mut source, entry, &[]);
        }
    }
    source
}
