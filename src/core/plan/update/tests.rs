use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::{
    api::v1alpha1::ImageUpdater,
    core::{
        image::{Digest, Platform, TagName},
        resolve::{ResolveContext, resolve},
    },
};

mod repeated;
mod unchecked;

/// An application `shop` that runs `live`, with one source of this type.
fn application(source_type: &str, source: &Value, live: &[&str]) -> Value {
    json!({
        "metadata": {"namespace": "argocd", "name": "shop", "uid": "u"},
        "spec": {"source": source},
        "status": {"sourceType": source_type, "summary": {"images": live}},
    })
}

fn resolved(application: &Value, images: &Value, write_back: &Value) -> (Arc<Application>, TrackedApplication) {
    let updater: ImageUpdater = serde_json::from_value(json!({
        "apiVersion": "argocd-image-updater.argoproj.io/v1alpha1",
        "kind": "ImageUpdater",
        "metadata": {"namespace": "argocd", "name": "u"},
        "spec": {
            "writeBackConfig": write_back,
            "applicationRefs": [{"namePattern": "shop", "images": images}],
        },
    }))
    .unwrap();
    let application: Arc<Application> = Arc::new(serde_json::from_value(application.clone()).unwrap());
    let context = ResolveContext {
        argocd_namespace: "argocd".to_owned(),
        runtime_platform: Platform::new("linux", "amd64"),
        allow_env_ext_credentials: true,
    };
    let resolved = resolve(&updater, std::slice::from_ref(&application), &context).unwrap();
    let tracked = resolved.applications.into_iter().next().unwrap().tracked.unwrap();
    (application, tracked)
}

/// `tag`, `tag@digest`, or nothing for an image whose registry failed.
fn pick(text: &str) -> Result<Picked, Verdict> {
    if text.is_empty() {
        return Err(Verdict::new(Reason::RegistryUnavailable, "down"));
    }
    let (tag, digest) = text.split_once('@').unwrap_or((text, ""));
    let candidate = Candidate {
        tag: TagName::new(tag).unwrap(),
        digest: (!digest.is_empty()).then(|| digest_of(digest)),
        facts: None,
        note: None,
    };
    Ok(Picked::new(candidate, None))
}

fn digest_of(seed: &str) -> Digest {
    Digest::of(seed.as_bytes())
}

fn run(application: &Value, images: &Value, write_back: &Value, picks: &[&str]) -> Update {
    let (application, tracked) = resolved(application, images, write_back);
    let picks: Vec<_> = picks.iter().map(|text| pick(text)).collect();
    decide(
        &application,
        &tracked,
        &LiveImages::parse(application.live_images()),
        &picks,
    )
}

fn direct(source_type: &str, source: &Value, live: &[&str], images: &Value, picks: &[&str]) -> Update {
    run(&application(source_type, source, live), images, &json!({}), picks)
}

fn reasons(update: &Update) -> Vec<String> {
    let text = |image: &ImageUpdate| match &image.decision {
        Ok(change) => format!("{} -> {}", change.old.tag, change.new.tag),
        Err(verdict) => verdict.reason.to_string(),
    };
    update.images.iter().map(text).collect()
}

fn written(update: &Update) -> Value {
    serde_json::to_value(&update.edits.first().expect("an edit").after).unwrap()
}

/// An update with one change.
pub(crate) fn one_change() -> Update {
    direct(
        "Kustomize",
        &json!({}),
        &["a/x:1"],
        &json!([{"imageName": "a/x"}]),
        &["2"],
    )
}

#[test]
fn a_newer_tag_is_a_change_of_the_source() {
    let update = one_change();
    assert_eq!(reasons(&update), ["1 -> 2"]);
    assert_eq!(written(&update), json!({"kustomize": {"images": ["a/x:2"]}}));
    assert_eq!(update.images[0].current.as_deref(), Some("1"));
    let change = &update.changes()[0];
    assert_eq!(change.application.to_string(), "argocd/shop");
    assert_eq!((change.old.text(), change.new.text()), ("1", "2"));
}

#[test]
fn what_runs_or_is_written_already_is_left_alone_and_there_is_nothing_to_write() {
    let image = json!([{"imageName": "a/x"}]);
    let written = json!({"kustomize": {"images": ["a/x:2"]}});
    for (source, live) in [(&json!({}), "a/x:2"), (&written, "a/x:1")] {
        let update = direct("Kustomize", source, &[live], &image, &["2"]);
        assert_eq!(reasons(&update), ["UpToDate"], "{live}");
        assert!(!update.has_changes() && update.edits.is_empty(), "{live}");
    }
}

#[test]
fn only_what_changes_is_written_to_the_application_but_entries_list_every_settled_image() {
    let images = json!([{"imageName": "a/x"}, {"imageName": "a/y"}, {"imageName": "a/z"}, {"imageName": "a/w"}]);
    let live = ["a/x:1", "a/y:1", "a/z:1"];
    let update = direct("Kustomize", &json!({}), &live, &images, &["1", "2", "", "3"]);
    assert_eq!(
        reasons(&update),
        ["UpToDate", "1 -> 2", "RegistryUnavailable", "NotLive"]
    );
    assert_eq!(written(&update), json!({"kustomize": {"images": ["a/y:2"]}}));
    let listed: Vec<_> = update.entries.iter().map(|entry| format!("{entry:?}")).collect();
    assert_eq!(listed.len(), 2, "{listed:?}");
    assert!(
        listed[0].contains("\"a/x\"") && listed[1].contains("\"a/y\""),
        "{listed:?}"
    );
}

#[test]
fn an_image_that_is_not_live_is_only_updated_by_force_and_never_to_an_empty_tag() {
    for (force, expected) in [(false, "NotLive"), (true, " -> 2")] {
        let images = json!([{"imageName": "a/x", "commonUpdateSettings": {"forceUpdate": force}}]);
        let update = direct("Helm", &json!({}), &[], &images, &["2"]);
        assert_eq!(reasons(&update), [expected]);
        assert_eq!(
            (update.images[0].live, update.images[0].current.as_deref()),
            (force, None)
        );
    }
    let forced = |name: &str| {
        json!({"imageName": name, "commonUpdateSettings": {"forceUpdate": true},
        "manifestTargets": {"helm": {"name": format!("{name}.name"), "tag": format!("{name}.tag")}}})
    };
    let update = direct("Helm", &json!({}), &[], &json!([forced("x"), forced("y")]), &["", "2"]);
    assert_eq!(reasons(&update), ["RegistryUnavailable", " -> 2"]);
    assert_eq!(
        written(&update)["helm"]["parameters"],
        json!([
            {"name": "y.name", "value": "y", "forceString": true},
            {"name": "y.tag", "value": "2", "forceString": true},
        ]),
        "the image without a pick is not blanked"
    );
}

#[test]
fn nothing_is_written_when_every_registry_fails_or_everything_is_scaled_to_zero() {
    let source = json!({"helm": {"parameters": [{"name": "image.tag", "value": "1"}]}});
    let images = json!([{"imageName": "a/x"}]);
    for live in [&["a/x:1"][..], &[]] {
        let update = direct("Helm", &source, live, &images, &[""]);
        assert!(
            !update.has_changes() && update.edits.is_empty() && update.entries.is_empty(),
            "{update:?}"
        );
    }
}

#[test]
fn an_old_image_that_a_finished_job_keeps_in_the_status_does_not_repeat_the_update() {
    let images = json!([{"imageName": "a/x"}]);
    let live = ["a/x:1", "a/x:2"];
    let update = direct("Kustomize", &json!({}), &live, &images, &["2"]);
    let source = update
        .edits
        .first()
        .map_or(json!({}), |edit| serde_json::to_value(&edit.after).unwrap());
    let again = direct("Kustomize", &source, &live, &images, &["2"]);
    assert!(!again.has_changes(), "{again:?}");
}

#[test]
fn deciding_on_its_own_result_changes_nothing() {
    let digest = json!({"updateStrategy": "digest"});
    let plugin = json!([{"imageName": "a/x", "manifestTargets": {"plugin": {"spec": "IMG"}}}]);
    let renamed = json!([{"imageName": "g.test/x", "manifestTargets": {"kustomize": {"name": "base/x"}}}]);
    let digests = json!([
        {"alias": "d", "imageName": "a/x:dev", "commonUpdateSettings": digest, "manifestTargets": {"kustomize": {"name": "d"}}},
        {"alias": "m", "imageName": "a/x:main", "commonUpdateSettings": digest, "manifestTargets": {"kustomize": {"name": "m"}}},
    ]);
    for (source_type, live, images, picks) in [
        ("Helm", &["a/x:1"][..], json!([{"imageName": "a/x"}]), &["2"][..]),
        ("Plugin", &["a/x:1"], plugin, &["2"]),
        ("Kustomize", &["base/x:1"], renamed, &["2"]),
        ("Kustomize", &["a/x:dev", "a/x:main"], digests, &["dev@a", "main@b"]),
    ] {
        let first = direct(source_type, &json!({}), live, &images, picks);
        assert_eq!(
            first.changes().len(),
            picks.len(),
            "{source_type} {:?}",
            reasons(&first)
        );
        let again = direct(source_type, &written(&first), live, &images, picks);
        assert!(!again.has_changes(), "{source_type} {:?}", reasons(&again));
        assert_eq!(again.entries, first.entries, "{source_type}");
    }
}

#[test]
fn two_aliases_of_one_image_do_not_take_each_others_place() {
    let images = json!([
        {"alias": "plain", "imageName": "a/x:2.x"},
        {"alias": "named", "imageName": "a/x:3.x", "manifestTargets": {"kustomize": {"name": "base"}}},
    ]);
    let before = json!({"kustomize": {"images": ["base=a/x:1"]}});
    let update = direct("Kustomize", &before, &["a/x:1"], &images, &["2", "3"]);
    assert_eq!(
        written(&update),
        json!({"kustomize": {"images": ["base=a/x:3", "a/x:2"]}})
    );
}

#[test]
fn two_images_that_want_one_place_with_different_values_are_a_conflict_and_the_first_keeps_it() {
    let images = json!([{"alias": "one", "imageName": "a/x"}, {"alias": "two", "imageName": "a/y"}]);
    let update = direct("Helm", &json!({}), &["a/x:1", "a/y:1"], &images, &["2", "3"]);
    assert_eq!(reasons(&update), ["1 -> 2", "Conflict"]);
    let verdict = update.images[1].decision.as_ref().unwrap_err();
    assert!(
        verdict.message.contains("\"one\"") && verdict.message.contains("image.name"),
        "{verdict}"
    );
    assert_eq!(written(&update)["helm"]["parameters"][1]["value"], "2");
}

#[test]
fn digests_are_compared_before_tags_and_a_lost_tag_comes_back() {
    let images = json!([{"imageName": "a/x:main", "commonUpdateSettings": {"updateStrategy": "digest"}}]);
    let (a, b) = (digest_of("a"), digest_of("b"));
    for (live, expected) in [
        (format!("a/x@{a}"), "UpToDate"),
        (format!("a/x:main@{a}"), "UpToDate"),
        (format!("a/x:main@{b}"), "main -> main"),
        ("a/x:main".to_owned(), "main -> main"),
    ] {
        let update = direct("Kustomize", &json!({}), &[&live], &images, &["main@a"]);
        assert_eq!(reasons(&update), [expected], "{live}");
        let Some(Entry::KustomizeImage { image, .. }) = update.entries.first() else {
            panic!("no entry for {live}")
        };
        assert_eq!(image.full_name_with_version(), format!("a/x:main@{a}"), "{live}");
    }
}

#[test]
fn an_image_that_kustomize_renames_is_only_settled_under_its_new_name() {
    let images = json!([{"imageName": "g.test/x", "manifestTargets": {"kustomize": {"name": "base/x"}}}]);
    for (live, expected) in [("base/x:2", "2 -> 2"), ("g.test/x:2", "UpToDate")] {
        let update = direct("Kustomize", &json!({}), &[live], &images, &["2"]);
        assert_eq!(reasons(&update), [expected], "{live}");
    }
}

#[test]
fn a_plugin_target_needs_a_plugin_and_a_plugin_needs_a_complete_target() {
    let targeted = json!([{"imageName": "a/x", "manifestTargets": {"plugin": {"spec": "IMG"}}}]);
    let plain = json!([{"imageName": "a/x"}]);
    for (source_type, images, expected) in [
        ("Helm", &targeted, "TargetUnusable"),
        ("Plugin", &plain, "InvalidSetting"),
        ("Plugin", &targeted, "1 -> 2"),
    ] {
        let update = direct(source_type, &json!({}), &["a/x:1"], images, &["2"]);
        assert_eq!(reasons(&update), [expected], "{source_type}");
        assert_eq!(update.has_changes(), !update.edits.is_empty());
    }
}

/// A chart beside a kustomization, as in the layout where the target of the second was ignored.
fn chart_and_kustomization() -> Value {
    json!({
        "metadata": {"namespace": "argocd", "name": "shop"},
        "spec": {"sources": [
            {"repoURL": "https://charts.test", "chart": "redis", "helm": {"valueFiles": ["x"]}},
            {"repoURL": "https://git.test/r.git", "path": "k"},
        ]},
        "status": {"sourceTypes": ["Helm", "Kustomize"], "summary": {"images": ["a/x:1", "a/y:1"]}},
    })
}

#[test]
fn each_image_is_written_to_the_source_that_its_target_names() {
    let images = json!([
        {"imageName": "a/x"},
        {"imageName": "a/y", "manifestTargets": {"kustomize": {"name": "a/y"}}},
    ]);
    let update = run(&chart_and_kustomization(), &images, &json!({}), &["2", "3"]);
    let slots: Vec<_> = update.edits.iter().map(|edit| edit.slot).collect();
    assert_eq!(slots, [SourceSlot::Multi(0), SourceSlot::Multi(1)]);
    assert_eq!(update.edits[0].after.kustomize, None);
    let images = update.edits[1].after.kustomize.as_ref().and_then(|k| k.images.clone());
    assert_eq!(images, Some(vec!["a/y=a/y:3".to_owned()]));
    assert_eq!(update.edits[1].after.helm, None);
}

#[test]
fn of_two_kustomize_sources_the_other_one_is_never_touched() {
    let mut given = chart_and_kustomization();
    given["spec"]["sources"] = json!([
        {"repoURL": "r", "path": "a", "kustomize": {"images": ["b/z:1"]}}, {"repoURL": "r", "path": "b", "kustomize": {}},
    ]);
    given["status"]["sourceTypes"] = json!(["Kustomize", "Kustomize"]);
    let update = run(&given, &json!([{"imageName": "a/x"}]), &json!({}), &["2"]);
    let slots: Vec<_> = update.edits.iter().map(|edit| edit.slot).collect();
    assert_eq!(slots, [SourceSlot::Multi(0)]);
}

#[test]
fn a_hydrated_application_is_edited_in_its_dry_source() {
    let given = json!({
        "metadata": {"namespace": "argocd", "name": "shop"},
        "spec": {"sourceHydrator": {"drySource": {"repoURL": "r", "path": "dry"}}},
        "status": {"sourceType": "Kustomize", "summary": {"images": ["a/x:1"]}},
    });
    let update = run(&given, &json!([{"imageName": "a/x"}]), &json!({}), &["2"]);
    assert_eq!(update.edits[0].slot, SourceSlot::Hydrator);
    assert_eq!(written(&update)["kustomize"]["images"], json!(["a/x:2"]));
}

#[test]
fn with_git_a_plugin_application_is_written_as_helm_parameters() {
    let mut given = application(
        "Plugin",
        &json!({"repoURL": "https://git.test/r.git", "path": "p"}),
        &["a/x:1"],
    );
    given["spec"]["source"]["targetRevision"] = json!("main");
    let update = run(
        &given,
        &json!([{"imageName": "a/x"}]),
        &json!({"method": "git"}),
        &["2"],
    );
    let Some(Entry::HelmParameter { name, value }) = update.entries.last() else {
        panic!("{update:?}")
    };
    assert_eq!((name.as_str(), value.as_str()), ("image.tag", "2"));
}

#[test]
fn a_refused_image_keeps_its_reason_and_the_others_go_on() {
    let images = json!([
        {"imageName": "a/x", "commonUpdateSettings": {"minimumAge": "soon"}},
        {"imageName": "a/y"},
    ]);
    let update = direct("Kustomize", &json!({}), &["a/x:1", "a/y:1"], &images, &["2", "2"]);
    assert_eq!(reasons(&update), ["InvalidSetting", "1 -> 2"]);
    assert!(update.images[0].live, "it is told as running all the same");
}

#[test]
fn the_configured_spelling_is_written_whatever_runs() {
    let update = direct(
        "Kustomize",
        &json!({}),
        &["docker.io/a/x:1"],
        &json!([{"imageName": "a/x"}]),
        &["2"],
    );
    assert_eq!(written(&update), json!({"kustomize": {"images": ["a/x:2"]}}));
    assert_eq!(
        update.images[0].running.as_ref().unwrap().full_name_with_version(),
        "docker.io/a/x:1"
    );
}

#[test]
fn a_place_that_is_behind_is_written_although_another_place_runs_the_pick() {
    let images =
        json!([{"imageName": "a/x:1.x", "manifestTargets": {"helm": {"additional": [{"tag": "worker.tag"}]}}}]);
    let both = json!([{"name": "image.name", "value": "a/x"}, {"name": "image.tag", "value": "1.2"},
        {"name": "worker.tag", "value": "1.2"}]);
    let behind = json!([{"name": "image.tag", "value": "1.2"}, {"name": "worker.tag", "value": "1.1"}]);
    for (live, parameters, expected) in [
        (&["a/x:1.2"][..], &behind, "UpToDate"),
        (&["a/x:1.2", "a/x:1.1"], &behind, "1.1 -> 1.2"),
        (&["a/x:1.1", "a/x:1.2"], &behind, "1.1 -> 1.2"),
        (&["a/x:1.2", "a/x:1.1"], &both, "UpToDate"),
        // Another alias follows the old line.
        (&["a/x:1.2", "a/x:0.9"], &behind, "UpToDate"),
    ] {
        let source = json!({"helm": {"parameters": parameters}});
        let update = direct("Helm", &source, live, &images, &["1.2"]);
        assert_eq!(reasons(&update), [expected], "{live:?}");
        if update.has_changes() {
            let tags: Vec<_> = written(&update)["helm"]["parameters"]
                .as_array()
                .unwrap()
                .iter()
                .map(|parameter| parameter["value"].clone())
                .collect();
            assert_eq!(tags, ["1.2", "1.2", "a/x"], "{live:?}");
        }
    }
}

#[expect(clippy::too_many_lines, reason = "one table")]
#[test]
fn the_current_version_is_read_from_the_manifest_where_that_is_asked_for() {
    let image = |target: Value| json!([{"imageName": "a/x:1.x", "commonUpdateSettings": {"currentFrom": "manifest"}, "manifestTargets": target}]);
    let parameters = |pairs: &[(&str, &str)]| {
        let list = pairs.iter().map(|(name, value)| json!({"name": name, "value": value}));
        json!({"helm": {"parameters": list.collect::<Vec<_>>()}})
    };
    let env = |name: &str, value: &str| json!({"plugin": {"env": [{"name": name, "value": value}]}});
    let kustomize = |entry: &str| json!({"kustomize": {"images": [entry]}});
    let spec = || image(json!({"helm": {"spec": "image"}}));
    let plugin = || image(json!({"plugin": {"tag": "TAG"}}));
    let renamed = || image(json!({"kustomize": {"name": "base"}}));
    let more = || image(json!({"helm": {"name": "n", "tag": "t", "additional": [{"tag": "worker"}]}}));
    let none = || image(Value::Null);
    for (source_type, source, images, expected, current) in [
        (
            "Helm",
            parameters(&[("image.name", "a/x"), ("image.tag", "1.0")]),
            none(),
            "1.0 -> 1.1",
            Some("1.0"),
        ),
        (
            "Helm",
            parameters(&[("image.tag", "1.0")]),
            none(),
            "1.0 -> 1.1",
            Some("1.0"),
        ),
        (
            "Helm",
            parameters(&[("image.tag", "1.1")]),
            none(),
            "UpToDate",
            Some("1.1"),
        ),
        ("Helm", parameters(&[("image.tag", "")]), none(), " -> 1.1", None),
        (
            "Helm",
            parameters(&[("image.tag", "not a tag")]),
            none(),
            " -> 1.1",
            None,
        ),
        (
            "Helm",
            parameters(&[("image.name", "b/y"), ("image.tag", "1.1")]),
            none(),
            " -> 1.1",
            None,
        ),
        ("Helm", json!({}), none(), " -> 1.1", None),
        (
            "Helm",
            parameters(&[("image", "a/x:1.0")]),
            spec(),
            "1.0 -> 1.1",
            Some("1.0"),
        ),
        ("Helm", parameters(&[("image", "a/x")]), spec(), " -> 1.1", None),
        (
            "Helm",
            parameters(&[("t", "1.1"), ("worker", "1.1")]),
            more(),
            "UpToDate",
            Some("1.1"),
        ),
        (
            "Helm",
            parameters(&[("t", "1.1"), ("worker", "1.0")]),
            more(),
            "1.1 -> 1.1",
            Some("1.1"),
        ),
        (
            "Helm",
            json!({"helm": {"values": "image: {tag: '1.0'}"}}),
            none(),
            "1.0 -> 1.1",
            Some("1.0"),
        ),
        (
            "Helm",
            json!({"helm": {"valuesObject": {"image": {"tag": "1.1"}}}}),
            none(),
            "UpToDate",
            Some("1.1"),
        ),
        (
            "Helm",
            json!({"helm": {"valuesObject": {"t": "1.1", "worker": "1.0"}}}),
            more(),
            "1.1 -> 1.1",
            Some("1.1"),
        ),
        ("Kustomize", kustomize("a/x:1.0"), none(), "1.0 -> 1.1", Some("1.0")),
        (
            "Kustomize",
            kustomize("base=a/x:1.1"),
            renamed(),
            "UpToDate",
            Some("1.1"),
        ),
        ("Kustomize", kustomize("base=b/y:1.1"), renamed(), " -> 1.1", None),
        ("Plugin", env("TAG", "1.0"), plugin(), "1.0 -> 1.1", Some("1.0")),
    ] {
        let update = direct(source_type, &source, &[], &images, &["1.1"]);
        assert_eq!(reasons(&update), [expected], "{source}");
        assert!(update.images[0].live, "{source}");
        assert_eq!(update.images[0].current.as_deref(), current, "{source}");
        if update.has_changes() {
            let again = direct(source_type, &written(&update), &[], &images, &["1.1"]);
            assert_eq!(reasons(&again), ["UpToDate"], "{source}");
        }
    }
}

#[test]
fn values_that_cannot_be_read_hold_an_image_whose_version_they_may_say() {
    let images = json!([
        {"imageName": "a/x", "commonUpdateSettings": {"currentFrom": "manifest"}},
        {"imageName": "a/y", "manifestTargets": {"helm": {"tag": "y"}}},
    ]);
    let source = json!({"helm": {"values": "image: {tag"}});
    let update = direct("Helm", &source, &["a/y:1.0"], &images, &["1.1", "1.1"]);
    assert_eq!(reasons(&update), ["TargetUnusable", "1.0 -> 1.1"]);
    let verdict = update.images[0].decision.as_ref().unwrap_err();
    assert!(verdict.message.contains("helm.values"), "{verdict}");
    assert!(update.images[0].live, "it is followed, and needs a person");
}

#[test]
fn what_runs_does_not_count_when_the_manifest_is_asked() {
    let images = json!([{"imageName": "a/x", "commonUpdateSettings": {"currentFrom": "manifest"}}]);
    let source = json!({"kustomize": {"images": ["a/x:2"]}});
    let update = direct("Kustomize", &source, &["a/x:1"], &images, &["2"]);
    assert_eq!(reasons(&update), ["UpToDate"]);
    let verdict = update.images[0].decision.as_ref().unwrap_err();
    assert!(verdict.message.contains("stands in the manifest"), "{verdict}");
}

#[test]
fn a_forced_image_whose_name_has_no_tag_gets_its_pick_and_one_without_a_pick_keeps_what_stands_there() {
    let forced = |name: &str| {
        json!({"imageName": name, "commonUpdateSettings": {"forceUpdate": true},
            "manifestTargets": {"helm": {"name": format!("{name}.name"), "tag": format!("{name}.tag")}}})
    };
    let before = json!({"helm": {"parameters": [{"name": "y.tag", "value": "1"}]}});
    for live in [&[][..], &["x"], &["y"]] {
        let update = direct("Helm", &before, live, &json!([forced("x"), forced("y")]), &["2", ""]);
        let list = written(&update)["helm"]["parameters"].as_array().cloned().unwrap();
        let of = |name: &str| list.iter().find(|p| p["name"] == name).map(|p| p["value"].clone());
        assert_eq!(of("x.tag"), Some(json!("2")), "{live:?}");
        assert_eq!(of("y.tag"), Some(json!("1")), "{live:?}");
        assert!(list.iter().all(|p| p["value"] != ""), "{live:?}");
    }
}

#[test]
fn each_alias_is_compared_with_the_running_version_that_fits_its_constraint() {
    let of = |alias: &str, name: &str| {
        json!({"alias": alias, "imageName": name,
            "manifestTargets": {"helm": {"name": format!("{alias}.name"), "tag": format!("{alias}.tag")}}})
    };
    let images = json!([of("one", "a/x:1.x"), of("two", "a/x:2.x")]);
    for live in [["a/x:1.0", "a/x:2.1"], ["a/x:2.1", "a/x:1.0"]] {
        let update = direct("Helm", &json!({}), &live, &images, &["1.1", "2.1"]);
        assert_eq!(reasons(&update), ["1.0 -> 1.1", "UpToDate"], "{live:?}");
    }
}

#[test]
fn an_entry_of_another_resource_is_not_taken_for_ones_own() {
    let images = json!([{"imageName": "a/x"}]);
    let before = json!({"kustomize": {"images": ["base=a/x:3"]}});
    let (application, tracked) = resolved(&application("Kustomize", &before, &["a/x:1"]), &images, &json!({}));
    let live = LiveImages::parse(application.live_images());
    let foreign = [(SourceSlot::Single, "base".to_owned())];
    let update = decide_beside(&application, &tracked, &live, &[pick("2")], &foreign);
    assert_eq!(written(&update)["kustomize"]["images"], json!(["base=a/x:3", "a/x:2"]));
}

#[test]
fn what_is_written_for_an_image_is_read_from_its_own_place_only() {
    let one = json!([{"imageName": "a/x"}]);
    let two = json!([
        {"alias": "first", "imageName": "a/x"},
        {"alias": "blue", "imageName": "a/x", "manifestTargets": {"kustomize": {"name": "blue"}}},
    ]);
    let read = json!([{"imageName": "a/x", "commonUpdateSettings": {"currentFrom": "manifest"}}]);
    let kustomize = json!({"repoURL": "https://git.example.com/a.git", "kustomize": {"images": ["a/x:2"]}});
    let helm = json!({"helm": {"parameters": [
        {"name": "image.name", "value": "a/x"}, {"name": "image.tag", "value": "3"},
    ]}});
    let blue = json!({"kustomize": {"images": ["blue=a/x:4"]}});
    let other = json!({"kustomize": {"images": ["a/y:2"]}});
    for (source_type, source, images, method, expected) in [
        ("Kustomize", &kustomize, &one, "argocd", &["2"][..]),
        ("Kustomize", &kustomize, &one, "git", &["2"]),
        ("Kustomize", &json!({}), &one, "argocd", &[""]),
        ("Kustomize", &other, &one, "argocd", &[""]),
        ("Kustomize", &kustomize, &read, "argocd", &[""]),
        ("Kustomize", &blue, &two, "argocd", &["", "4"]),
        ("Helm", &helm, &one, "argocd", &["3"]),
    ] {
        let application = application(source_type, source, &["a/x:1"]);
        let (application, tracked) = resolved(&application, images, &json!({"method": method}));
        let written = running::written(&application, &tracked);
        let tags: Vec<_> = written
            .iter()
            .map(|v| v.as_ref().map_or("", |v| v.tag.as_str()))
            .collect();
        assert_eq!(tags, expected, "{source_type} {source} {images} {method}");
    }
}

#[test]
fn a_pinned_image_is_told_with_tag_and_digest_and_a_followed_tag_with_its_digest() {
    let (old, new) = (digest_of("old").to_string(), digest_of("new").to_string());
    for (strategy, pick, expected) in [
        ("semver", "2@new", [format!("1@{old}"), format!("2@{new}")]),
        ("digest", "1@new", [old.clone(), new.clone()]),
    ] {
        let settings = json!({"updateStrategy": strategy, "pinDigest": true});
        let name = if strategy == "digest" { "a/x:1" } else { "a/x" };
        let images = json!([{"imageName": name, "commonUpdateSettings": settings}]);
        let running = format!("a/x:1@{old}");
        let update = direct("Kustomize", &json!({}), &[&running], &images, &[pick]);
        let change = &update.changes()[0];
        assert_eq!([change.old_text(), change.new_text()], expected, "{strategy}");
        assert_eq!(update.images[0].current.as_ref(), Some(&expected[0]), "{strategy}");
    }
}

#[test]
fn a_pinned_image_that_is_up_to_date_is_told_with_tag_and_digest() {
    let running = format!("a/x:1@{}", digest_of("same"));
    let images = json!([{"imageName": "a/x", "commonUpdateSettings": {"pinDigest": true}}]);
    let update = direct("Kustomize", &json!({}), &[&running], &images, &["1@same"]);
    let verdict = update.images[0].decision.as_ref().unwrap_err();
    assert_eq!(
        verdict.message,
        format!("{} is running", running.strip_prefix("a/x:").unwrap())
    );
}

#[test]
fn an_image_whose_settings_are_refused_is_still_told_as_running() {
    for (image, live, current) in [
        (json!({"imageName": "a/x:>>1"}), true, Some("1.0")),
        (
            json!({"imageName": "a/x", "commonUpdateSettings": {"allowTags": "regexp:("}}),
            true,
            Some("1.0"),
        ),
        (json!({"imageName": "a/gone:>>1"}), false, None),
    ] {
        let live_images = ["b/y:2", "docker.io/a/x:1.0"];
        let update = direct("Kustomize", &json!({}), &live_images, &json!([image]), &[""]);
        let told = &update.images[0];
        assert_eq!((told.live, told.current.as_deref()), (live, current), "{image}");
        assert!(
            told.decision
                .as_ref()
                .is_err_and(|verdict| verdict.reason.needs_attention()),
            "{image}"
        );
        assert!(!update.has_changes() && update.entries.is_empty());
    }
}
