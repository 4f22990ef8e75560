use serde_json::{Value, json};

use super::*;

fn split(name: Option<&str>, tag: Option<&str>) -> ValuePlace {
    ValuePlace::Split {
        name: name.map(str::to_owned),
        tag: tag.map(str::to_owned),
    }
}

fn whole(name: &str) -> ValuePlace {
    ValuePlace::Whole(name.to_owned())
}

fn helm(first: ValuePlace, more: &[ValuePlace]) -> ManifestTarget {
    ManifestTarget::Helm(HelmPlaces {
        first,
        more: more.to_vec(),
    })
}

fn read(given: &Value) -> Result<ManifestTarget, InvalidManifestTarget> {
    let targets: Option<ManifestTargets> = serde_json::from_value(given.clone()).unwrap();
    parse(targets.as_ref())
}

#[test]
fn targets_are_read_with_their_defaults() {
    let defaults = || helm(split(Some("image.name"), Some("image.tag")), &[]);
    for (given, expected) in [
        (json!(null), Ok(ManifestTarget::Default)),
        (json!({}), Ok(ManifestTarget::Default)),
        (json!({"helm": {}}), Ok(defaults())),
        (json!({"helm": {"additional": []}}), Ok(defaults())),
        (
            json!({"helm": {"name": "a"}}),
            Ok(helm(split(Some("a"), Some("image.tag")), &[])),
        ),
        (
            json!({"helm": {"tag": " b ", "spec": " "}}),
            Ok(helm(split(Some("image.name"), Some("b")), &[])),
        ),
        (
            json!({"helm": {"name": "a", "tag": "b", "spec": "c"}}),
            Ok(helm(whole("c"), &[])),
        ),
        (
            json!({"kustomize": {"name": "r.test:5000/base/api:v0@sha256:00"}}),
            Ok(ManifestTarget::Kustomize("r.test:5000/base/api".to_owned())),
        ),
        (
            json!({"kustomize": {"name": " "}}),
            Err(InvalidManifestTarget::NoKustomizeName),
        ),
        (
            json!({"plugin": {"name": "a", "spec": "c"}}),
            Ok(ManifestTarget::Plugin(whole("c"))),
        ),
        (
            json!({"plugin": {"name": "a", "tag": "b"}}),
            Ok(ManifestTarget::Plugin(split(Some("a"), Some("b")))),
        ),
        (
            json!({"plugin": {"name": "a"}}),
            Err(InvalidManifestTarget::NoPluginVersion),
        ),
        (
            json!({"helm": {}, "kustomize": {"name": "a"}}),
            Err(InvalidManifestTarget::SeveralKinds),
        ),
    ] {
        assert_eq!(read(&given), expected, "{given}");
    }
}

#[test]
fn further_helm_places_have_no_defaults() {
    let defaults = || split(Some("image.name"), Some("image.tag"));
    for (given, expected) in [
        (
            json!([{"tag": " worker.image.tag "}]),
            Ok(helm(defaults(), &[split(None, Some("worker.image.tag"))])),
        ),
        (
            json!([{"name": "w.name", "tag": "w.tag"}, {"name": "x", "tag": "y", "spec": "cron.image"}]),
            Ok(helm(
                defaults(),
                &[split(Some("w.name"), Some("w.tag")), whole("cron.image")],
            )),
        ),
        (
            json!([{"name": "w.name"}]),
            Ok(helm(defaults(), &[split(Some("w.name"), None)])),
        ),
        (
            json!([{"tag": "a"}, {"tag": " ", "spec": ""}]),
            Err(InvalidManifestTarget::EmptyPlace { index: 1 }),
        ),
        (
            json!([{"tag": "image.tag"}]),
            Err(InvalidManifestTarget::NamedTwice {
                field: "manifestTargets.helm",
                name: ForeignText::new("image.tag"),
            }),
        ),
        (
            json!([{"spec": "a"}, {"tag": "a"}]),
            Err(InvalidManifestTarget::NamedTwice {
                field: "manifestTargets.helm",
                name: ForeignText::new("a"),
            }),
        ),
    ] {
        let targets = json!({"helm": {"additional": given}});
        assert_eq!(read(&targets), expected, "{targets}");
    }
}

#[test]
fn a_message_names_the_field() {
    for (given, expected) in [
        (json!({"helm": {"additional": [{}]}}), "helm.additional[0] is empty"),
        (
            json!({"helm": {"name": "x", "tag": "x"}}),
            "\"x\" is named more than once",
        ),
        (
            json!({"plugin": {"name": "X", "tag": "X"}}),
            "\"X\" is named more than once",
        ),
    ] {
        let message = read(&given).unwrap_err().to_string();
        assert!(message.starts_with(expected), "{message}");
    }
}

#[test]
fn placeholders_are_filled_in_every_text_and_other_braces_stay() {
    let image = ImageRef::parse("r.test:5000/shop/api:1.x").unwrap();
    for (given, expected) in [
        (json!({}), Ok(ManifestTarget::Default)),
        (
            json!({"helm": {"name": "{alias}.name", "tag": "{name}.{alias}.tag"}}),
            Ok(helm(split(Some("web.name"), Some("api.web.tag")), &[])),
        ),
        (
            json!({"helm": {"spec": "{name}.image", "additional": [{"tag": "{alias}.tag"}, {"spec": "all.{name}"}]}}),
            Ok(helm(
                whole("api.image"),
                &[split(None, Some("web.tag")), whole("all.api")],
            )),
        ),
        (
            json!({"helm": {"name": "{{name}}.{Name}.{", "tag": "{ name }.{}"}}),
            Ok(helm(split(Some("{api}.{Name}.{"), Some("{ name }.{}")), &[])),
        ),
        (
            json!({"kustomize": {"name": "base/{name}:v0"}}),
            Ok(ManifestTarget::Kustomize("base/api".to_owned())),
        ),
        (
            json!({"plugin": {"name": "{alias}_NAME", "tag": "{alias}_TAG"}}),
            Ok(ManifestTarget::Plugin(split(Some("web_NAME"), Some("web_TAG")))),
        ),
        (
            json!({"plugin": {"spec": "{name}"}}),
            Ok(ManifestTarget::Plugin(whole("api"))),
        ),
        (
            json!({"helm": {"spec": "{name}", "additional": [{"spec": "api"}]}}),
            Err(InvalidManifestTarget::NamedTwice {
                field: "manifestTargets.helm",
                name: ForeignText::new("api"),
            }),
        ),
    ] {
        let target = read(&given).unwrap();
        assert_eq!(fill(&target, &image, "web"), expected, "{given}");
    }
    // What an alias holds is no placeholder.
    let target = read(&json!({"helm": {"spec": "{alias}{name}"}})).unwrap();
    let odd = fill(&target, &image, "{name}").unwrap();
    assert_eq!(odd, helm(whole("{name}api"), &[]));
}

#[test]
fn the_shared_name_is_not_the_default_beside_a_tag_of_its_own() {
    for (given, expected) in [
        (
            json!({"tag": "{alias}.image.tag"}),
            split(None, Some("{alias}.image.tag")),
        ),
        (
            json!({"tag": "{alias}.image.tag", "name": "image.name"}),
            split(Some("image.name"), Some("{alias}.image.tag")),
        ),
        (
            json!({"name": "{alias}.name"}),
            split(Some("{alias}.name"), Some("image.tag")),
        ),
        (json!({"tag": "{x}.tag"}), split(Some("image.name"), Some("{x}.tag"))),
    ] {
        let targets = json!({ "helm": given });
        assert_eq!(read(&targets), Ok(helm(expected, &[])), "{targets}");
    }
}
