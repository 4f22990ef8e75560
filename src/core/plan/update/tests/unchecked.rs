//! Picks whose signatures have to be checked before they may be written.

use super::*;

/// A policy that demands signatures, in the settings of an image.
fn demanding(image: &Value) -> Value {
    let mut image = image.clone();
    image["imagesVerification"] = json!({"cosignKey": {"secretName": "s", "key": "k"}});
    image
}

/// The picks as they come from the selection: each image says whether they have to be checked.
fn unchecked(source: &Value, live: &[&str], images: &Value, picks: &[&str]) -> Update {
    unchecked_in("Kustomize", source, live, images, picks)
}

fn unchecked_in(source_type: &str, source: &Value, live: &[&str], images: &Value, picks: &[&str]) -> Update {
    let (application, tracked) = resolved(&application(source_type, source, live), images, &json!({}));
    let checked = |(resolved, text): (&ResolvedImage, &&str)| {
        let policy = resolved.tracked.as_ref().unwrap().signatures.as_deref();
        pick(text).map(|picked| Picked::new(picked.candidate().clone(), policy))
    };
    let picks: Vec<_> = tracked.images.iter().zip(picks).map(checked).collect();
    let live = LiveImages::parse(application.live_images());
    decide(&application, &tracked, &live, &picks)
}

#[test]
fn only_a_pick_that_would_change_something_has_to_be_checked_and_changes_nothing_before() {
    let image = demanding(&json!({"imageName": "a/x"}));
    let written = json!({"kustomize": {"images": ["a/x:2"]}});
    for (source, live, expected, unchecked_images) in [
        (&json!({}), "a/x:2", "UpToDate", vec![]),
        (&written, "a/x:1", "UpToDate", vec![]),
        (&json!({}), "a/x:1", "NotVerified", vec![0]),
    ] {
        let update = unchecked(source, &[live], &json!([image]), &["2"]);
        assert_eq!(reasons(&update), [expected], "{source} {live}");
        assert_eq!(update.unchecked, unchecked_images, "{source} {live}");
        assert!(update.edits.is_empty() && !update.has_changes(), "{source} {live}");
        assert_eq!(update.entries.is_empty(), source == &json!({}), "{source} {live}");
    }
}

/// The values that an override file would list.
fn listed(update: &Update) -> Vec<String> {
    update.entries.iter().map(Entry::value).collect()
}

#[test]
fn what_runs_unchecked_is_not_listed_beside_a_change_unless_the_source_says_it() {
    let images = json!([demanding(&json!({"imageName": "a/x"})), {"imageName": "a/y"}]);
    for (source, expected) in [
        (json!([]), &["a/y:2"][..]),
        (json!(["a/x:1"]), &["a/y:2"]),
        (json!(["a/x:2"]), &["a/x:2", "a/y:2"]),
    ] {
        let before = json!({"kustomize": {"images": source}});
        let update = unchecked(&before, &["a/x:2", "a/y:1"], &images, &["2", "2"]);
        assert_eq!(reasons(&update), ["UpToDate", "1 -> 2"], "{source}");
        assert_eq!(update.unchecked, [0; 0], "{source}: it costs no request");
        assert_eq!(listed(&update), expected, "{source}");
        // The Application gets the change and keeps the rest.
        let mut after = source.as_array().unwrap().clone();
        after.push(json!("a/y:2"));
        assert_eq!(written(&update), json!({"kustomize": {"images": after}}), "{source}");
    }
}

#[test]
fn of_helm_values_that_run_unchecked_only_those_of_the_source_are_listed() {
    let targets = |name: &str| json!({"helm": {"name": format!("{name}.name"), "tag": format!("{name}.tag")}});
    let images = json!([
        demanding(&json!({"imageName": "a/x", "manifestTargets": targets("x")})),
        {"imageName": "a/y", "manifestTargets": targets("y")},
    ]);
    let before = json!({"helm": {"parameters": [{"name": "x.name", "value": "a/x"}]}});
    let update = unchecked_in("Helm", &before, &["a/x:2", "a/y:1"], &images, &["2", "3"]);
    assert_eq!(reasons(&update), ["UpToDate", "1 -> 3"]);
    assert_eq!(listed(&update), ["a/x", "a/y", "3"]);
    let after = written(&update);
    let names: Vec<_> = after["helm"]["parameters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["name"].clone())
        .collect();
    assert_eq!(names, ["x.name", "y.name", "y.tag"]);
}

#[test]
fn an_image_that_has_to_be_checked_does_not_hold_up_the_others() {
    let images = json!([demanding(&json!({"imageName": "a/x"})), {"imageName": "a/y"}]);
    let update = unchecked(&json!({}), &["a/x:1", "a/y:1"], &images, &["2", "2"]);
    assert_eq!(reasons(&update), ["NotVerified", "1 -> 2"]);
    assert_eq!(update.unchecked, [0]);
    assert_eq!(written(&update), json!({"kustomize": {"images": ["a/y:2"]}}));
}

#[test]
fn what_was_passed_over_is_told_with_what_stays() {
    let (application, tracked) = resolved(
        &application("Kustomize", &json!({}), &["a/x:2"]),
        &json!([{"imageName": "a/x"}]),
        &json!({}),
    );
    let candidate = Candidate {
        note: Some("3 is not verified".to_owned()),
        ..pick("2").unwrap().candidate().clone()
    };
    let live = LiveImages::parse(application.live_images());
    let update = decide(&application, &tracked, &live, &[Ok(Picked::new(candidate, None))]);
    let verdict = update.images[0].decision.clone().unwrap_err();
    assert_eq!(verdict.to_string(), "UpToDate: 2 is running; 3 is not verified");
}
