//! Resources and Applications, as YAML documents, on their way to what is written.
#![no_main]

use std::sync::Arc;

use argocd_image_updater::{
    api::{
        argocd::{Application, ApplicationSource},
        v1alpha1::ImageUpdater,
    },
    core::{
        image::{Digest, ImageVersion, Platform, TagName},
        plan::{
            change::SourceEdit,
            update::{Update, decide},
            verified::Picked,
        },
        resolve::{ResolveContext, ResolvedImage, SourceSlot, TrackedApplication, TrackedImage, resolve},
        select::{Candidate, live::LiveImages},
        verdict::{Reason, Verdict},
        yaml::Stream,
    },
};
use argocd_image_updater_fuzz::assert_presentable;
use libfuzzer_sys::fuzz_target;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What a registry lists, in the order in which an image takes the first that fits.
const TAGS: [&str; 6] = ["v1.2.3", "1.0.0", "2.0.0-rc.1", "latest", "main-abc-7", "7"];

fuzz_target!(|data: &[u8]| {
    let Ok(text) = str::from_utf8(data) else { return };
    let Ok(stream) = Stream::parse(text) else { return };
    let values: Vec<Value> = stream
        .documents()
        .iter()
        .filter_map(|document| document.to_value().ok())
        .collect();
    let applications: Vec<Arc<Application>> = of_kind(&values, "Application").into_iter().map(Arc::new).collect();
    for updater in of_kind::<ImageUpdater>(&values, "ImageUpdater") {
        follow(&updater, &applications);
    }
});

/// The objects of one kind.
fn of_kind<T: DeserializeOwned>(values: &[Value], kind: &str) -> Vec<T> {
    let values = values.iter().filter(|value| value["kind"] == kind);
    values.filter_map(|value| T::deserialize(value).ok()).collect()
}

fn follow(updater: &ImageUpdater, applications: &[Arc<Application>]) {
    let context = ResolveContext {
        argocd_namespace: "argocd".to_owned(),
        runtime_platform: Platform::new("linux", "amd64"),
        allow_env_ext_credentials: true,
    };
    let resolved = match resolve(updater, applications, &context) {
        Ok(resolved) => resolved,
        Err(stalled) => {
            return stalled
                .iter()
                .for_each(|remark| assert_presentable(&remark.to_string()));
        }
    };
    for warning in &resolved.warnings {
        assert_presentable(&warning.to_string());
    }
    for resolved in &resolved.applications {
        assert_eq!(
            resolved.application.namespace(),
            updater.metadata.namespace.as_deref().unwrap_or("")
        );
        match &resolved.tracked {
            Ok(tracked) => write(&resolved.application, tracked),
            Err(verdict) => assert_presentable(&verdict.message),
        }
    }
}

/// Decides, and decides again on the result: first while nothing runs it, then while everything does.
fn write(application: &Application, tracked: &TrackedApplication) {
    let live = LiveImages::parse(application.live_images());
    let picks: Vec<_> = tracked.images.iter().map(pick).collect();
    let update = decide(application, tracked, &live, &picks);
    checked(&update, tracked);
    let mut written = application.clone();
    for edit in &update.edits {
        put(&mut written, edit);
    }
    let again = decide(&written, tracked, &live, &picks);
    assert!(
        !again.has_changes(),
        "what is written is not written again: {:?}",
        again.changes()
    );
    assert!(again.edits.is_empty());

    let mut running: Vec<String> = Vec::new();
    for change in update.changes() {
        running.push(change.image.with_version(change.new).to_string());
    }
    let running = LiveImages::parse(&running);
    let synced = decide(&written, tracked, &running, &picks);
    assert!(
        !synced.has_changes(),
        "what runs is not written again: {:?}",
        synced.changes()
    );
}

fn checked(update: &Update, tracked: &TrackedApplication) {
    assert_eq!(update.images.len(), tracked.images.len(), "every image has an answer");
    for image in &update.images {
        match &image.decision {
            Ok(change) => assert!(change.new != ImageVersion::default() && change.new.text() != ""),
            Err(verdict) => assert_presentable(&verdict.message),
        }
    }
    // A value may be written for one image only, so what changes the source belongs to a change.
    assert!(update.edits.is_empty() || update.has_changes());
}

/// The first tag that an image's policy admits.
fn pick(image: &ResolvedImage) -> Result<Picked, Verdict> {
    let image: &TrackedImage = image.tracked.as_ref().map_err(Clone::clone)?;
    assert!(!image.reference.full_name().is_empty());
    let admitted = TAGS
        .iter()
        .filter_map(|tag| TagName::new(tag))
        .find(|tag| image.policy.admit(tag).is_ok());
    let tag = admitted.ok_or_else(|| Verdict::new(Reason::NoTagMatches, "none of the tags fits"))?;
    let digest = image
        .policy
        .writes_digest()
        .then(|| Digest::of(tag.as_str().as_bytes()));
    let candidate = Candidate {
        tag,
        digest,
        facts: None,
        note: None,
    };
    Ok(Picked::new(candidate, image.signatures.as_deref()))
}

fn put(application: &mut Application, edit: &SourceEdit) {
    let spec = &mut application.spec;
    let slot: Option<&mut ApplicationSource> = match edit.slot {
        SourceSlot::Single => spec.source.as_mut(),
        SourceSlot::Multi(index) => spec.sources.as_mut().and_then(|sources| sources.get_mut(index)),
        SourceSlot::Hydrator => spec.source_hydrator.as_mut().map(|hydrator| &mut hydrator.dry_source),
    };
    let slot = slot.expect("the source that was edited exists");
    assert_eq!(*slot, edit.before);
    slot.clone_from(&edit.after);
}
