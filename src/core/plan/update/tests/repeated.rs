//! What a new list of an override file repeats of the source.

use super::*;

fn to_git(source_type: &str, source: &Value, live: &[&str], images: &Value, picks: &[&str]) -> Update {
    let mut source = source.clone();
    source["repoURL"] = json!("https://git.acme.test/shop.git");
    source["path"] = json!("shop");
    run(
        &application(source_type, &source, live),
        images,
        &json!({"method": "git"}),
        picks,
    )
}

fn texts(entries: &[Entry]) -> Vec<String> {
    let text = |entry: &Entry| match entry {
        Entry::HelmParameter { name, value } | Entry::PluginVariable { name, value } => format!("{name}={value}"),
        Entry::KustomizeImage { name, image } => crate::core::plan::kustomize::text(name.as_deref(), image),
        Entry::ManifestImage { image, .. } => image.full_name_with_version(),
    };
    entries.iter().map(text).collect()
}

#[test]
fn what_the_source_says_of_an_image_that_is_left_out_is_repeated() {
    let helm = |alias: &str| {
        json!({"alias": alias, "imageName": format!("a/{alias}"), "manifestTargets": {"helm": {
            "name": format!("{alias}.name"), "tag": format!("{alias}.tag")}}})
    };
    let plugin = |alias: &str| {
        json!({"alias": alias, "imageName": format!("a/{alias}"), "manifestTargets": {"plugin": {
            "tag": format!("{alias}_TAG")}}})
    };
    let plain = |alias: &str| json!({"alias": alias, "imageName": format!("a/{alias}")});
    let named = json!({"alias": "y", "imageName": "a/y", "manifestTargets": {"kustomize": {"name": "blue"}}});
    for (source_type, images, source, listed, repeated) in [
        (
            "Helm",
            json!([helm("x"), helm("y")]),
            json!({"helm": {"parameters": [
                {"name": "y.tag", "value": "7", "forceString": true},
                {"name": "y.name", "value": ""},
                {"name": "x.tag", "value": "0"},
                {"name": "z.tag", "value": "9"},
            ]}}),
            &["x.name=a/x", "x.tag=2"][..],
            &["y.tag=7"][..],
        ),
        (
            "Plugin",
            json!([plugin("x"), plugin("y")]),
            json!({"plugin": {"env": [{"name": "y_TAG", "value": "7"}, {"name": "DEBUG", "value": "1"}]}}),
            &["x_TAG=2"],
            &["y_TAG=7"],
        ),
        (
            "Kustomize",
            json!([plain("x"), plain("y")]),
            json!({"kustomize": {"images": ["a/y:7", "a/x:0", "a/z:9"]}}),
            &["a/x:2"],
            &["a/y:7"],
        ),
        (
            "Kustomize",
            json!([plain("x"), named]),
            json!({"kustomize": {"images": ["blue=a/y:7", "green=a/y:8"]}}),
            &["a/x:2"],
            &["blue=a/y:7"],
        ),
        // Its settings cannot be used, but its entry is known by its name.
        (
            "Kustomize",
            json!([plain("x"), {"alias": "y", "imageName": "a/y", "commonUpdateSettings": {"extract": "("}}]),
            json!({"kustomize": {"images": ["a/y:7"]}}),
            &["a/x:2"],
            &["a/y:7"],
        ),
        ("Kustomize", json!([plain("x"), plain("y")]), json!({}), &["a/x:2"], &[]),
    ] {
        let update = to_git(source_type, &source, &["a/x:1", "a/y:7"], &images, &["2", ""]);
        assert_eq!(reasons(&update)[0], "1 -> 2", "{source}");
        assert_eq!(texts(&update.entries), listed, "{source}");
        assert_eq!(texts(&update.repeated), repeated, "{source}");
    }
}

#[test]
fn an_image_that_does_not_run_now_keeps_its_value() {
    let images = json!([{"imageName": "a/x"}, {"imageName": "a/y"}]);
    let source = json!({"kustomize": {"images": ["a/y:7"]}});
    let update = to_git("Kustomize", &source, &["a/x:1"], &images, &["2", "8"]);
    assert_eq!(reasons(&update), ["1 -> 2", "NotLive"]);
    assert_eq!(texts(&update.repeated), ["a/y:7"]);
}

#[test]
fn what_is_listed_is_not_repeated_and_an_application_that_is_not_written_to_git_repeats_nothing() {
    let images = json!([{"imageName": "a/x"}, {"imageName": "a/y"}]);
    let source = json!({"kustomize": {"images": ["a/x:1", "a/y:7"]}});
    let update = to_git("Kustomize", &source, &["a/x:1", "a/y:7"], &images, &["2", "7"]);
    assert_eq!(texts(&update.entries), ["a/x:2", "a/y:7"]);
    assert!(update.repeated.is_empty());

    let update = direct("Kustomize", &source, &["a/x:1", "a/y:7"], &images, &["2", ""]);
    assert!(update.repeated.is_empty());
}
