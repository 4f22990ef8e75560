use super::*;
use crate::core::resolve::target::HelmPlaces;

fn whole(name: &str) -> ValuePlace {
    ValuePlace::Whole(name.to_owned())
}

fn split(name: Option<&str>, tag: Option<&str>) -> ValuePlace {
    ValuePlace::Split {
        name: name.map(str::to_owned),
        tag: tag.map(str::to_owned),
    }
}

fn source(json: Value) -> ApplicationSource {
    serde_json::from_value(json).unwrap()
}

fn image(text: &str) -> ImageRef {
    ImageRef::parse(text).unwrap()
}

fn after(kind: ApplicationKind, before: Value, reference: &str, target: &ManifestTarget) -> Value {
    let mut source = source(before);
    set(kind, &mut source, &image(reference), target, &[]).unwrap();
    serde_json::to_value(source).unwrap()
}

#[test]
fn keys_of_a_parameter_that_nobody_knows_survive_and_its_place_is_kept() {
    let before = json!({"helm": {"parameters": [
        {"name": "image.tag", "value": "v1", "comment": "ours"}, {"name": "replicas", "value": "3"}, "odd",
    ], "valueFiles": ["a.yaml"]}});
    assert_eq!(
        after(ApplicationKind::Helm, before, "acme/api:v2", &ManifestTarget::Default),
        json!({"helm": {"parameters": [
            {"name": "image.tag", "value": "v2", "comment": "ours", "forceString": true},
            {"name": "replicas", "value": "3"}, "odd",
            {"name": "image.name", "value": "acme/api", "forceString": true},
        ], "valueFiles": ["a.yaml"]}})
    );
}

#[test]
fn every_parameter_of_one_name_gets_the_value_because_the_last_one_counts() {
    let before = json!({"helm": {"parameters": [{"name": "i", "value": "a"}, {"name": "i", "value": "b"}]}});
    let target = ManifestTarget::Helm(whole("i").into());
    let source = source(before.clone());
    assert_eq!(
        current(ApplicationKind::Helm, &source, &image("a"), &target).unwrap(),
        "b"
    );
    let values = after(ApplicationKind::Helm, before, "acme/api:v2", &target);
    let values = values["helm"]["parameters"].as_array().unwrap();
    assert!(values.iter().all(|p| p["value"] == "acme/api:v2"), "{values:?}");
}

#[test]
fn an_empty_tag_is_never_written() {
    for (kind, target) in [
        (ApplicationKind::Helm, ManifestTarget::Default),
        (
            ApplicationKind::Plugin,
            ManifestTarget::Plugin(split(Some("N"), Some("T"))),
        ),
    ] {
        let entries = entries(kind, "api", &image("acme/api"), &target).unwrap();
        assert_eq!(entries.len(), 1, "only the name: {entries:?}");
    }
}

#[test]
fn a_port_belongs_to_the_host_of_a_kustomize_entry() {
    let before = json!({"kustomize": {"images": ["h.test:5000/a:1"]}});
    assert_eq!(
        after(
            ApplicationKind::Kustomize,
            before,
            "h.test:5000/b:2",
            &ManifestTarget::Default
        ),
        json!({"kustomize": {"images": ["h.test:5000/a:1", "h.test:5000/b:2"]}})
    );
}

#[test]
fn a_second_spelling_of_docker_hub_gets_no_twin() {
    let before = json!({"kustomize": {"images": ["index.docker.io/org/x:1"]}});
    assert_eq!(
        after(ApplicationKind::Kustomize, before, "org/x:2", &ManifestTarget::Default),
        json!({"kustomize": {"images": ["org/x:2"]}})
    );
}

#[test]
fn setting_a_value_twice_changes_nothing_and_it_is_seen_as_held() {
    let kustomize = ManifestTarget::Kustomize("base".to_owned());
    let plugin = ManifestTarget::Plugin(whole("IMG"));
    for (kind, target, before) in [
        (ApplicationKind::Helm, &ManifestTarget::Default, json!({})),
        (
            ApplicationKind::Kustomize,
            &ManifestTarget::Default,
            json!({"kustomize": {"images": ["a/x:1", "a/x:2"]}}),
        ),
        (
            ApplicationKind::Kustomize,
            &kustomize,
            json!({"kustomize": {"images": ["base:v0=a/x:1"]}}),
        ),
        (ApplicationKind::Plugin, &plugin, json!({"plugin": {"name": "p"}})),
    ] {
        let mut source = source(before);
        let entries = entries(kind, "x", &image("a/x:3@sha256:00"), target).unwrap();
        assert!(!holds(&source, &entries, &[]), "{source:?}");
        put(&mut source, &entries, &[]);
        assert!(holds(&source, &entries, &[]), "{source:?}");
        let once = source.clone();
        put(&mut source, &entries, &[]);
        assert_eq!(source, once);
    }
}

#[test]
fn the_left_side_of_an_entry_is_not_compared() {
    let given = source(json!({"kustomize": {"images": ["blue=a/x:1"]}}));
    for (target, version, expected) in [
        (ManifestTarget::Kustomize("blue".to_owned()), "a/x:1", true),
        (ManifestTarget::Default, "a/x:1", true),
        (ManifestTarget::Kustomize("green".to_owned()), "a/x:1", false),
        (ManifestTarget::Kustomize("blue".to_owned()), "a/x:2", false),
    ] {
        let entries = entries(ApplicationKind::Kustomize, "x", &image(version), &target).unwrap();
        assert_eq!(holds(&given, &entries, &[]), expected, "{target:?} {version}");
    }
}

#[test]
fn a_plugin_image_needs_a_place_for_its_version() {
    for (target, expected) in [
        (ManifestTarget::Default, false),
        (ManifestTarget::Plugin(split(Some("N"), None)), false),
        (ManifestTarget::Plugin(split(None, Some("T"))), true),
        (ManifestTarget::Plugin(whole("S")), true),
    ] {
        let found = entries(ApplicationKind::Plugin, "x", &image("a/x:1"), &target);
        assert_eq!(found.is_ok(), expected, "{target:?}");
    }
}

#[test]
fn an_image_of_several_places_is_written_and_held_in_all_of_them() {
    let target = ManifestTarget::Helm(HelmPlaces {
        first: split(Some("image.name"), Some("image.tag")),
        more: vec![split(None, Some("worker.tag")), whole("cron.image")],
    });
    let before = json!({"helm": {"parameters": [{"name": "image.name", "value": "acme/api"},
        {"name": "image.tag", "value": "v2"}, {"name": "worker.tag", "value": "v1"}]}});
    let wanted = image("acme/api:v2");
    let mut source = source(before);
    let entries = entries(ApplicationKind::Helm, "x", &wanted, &target).unwrap();
    assert!(!holds(&source, &entries, &[]), "the worker has the old tag");
    let now = current(ApplicationKind::Helm, &source, &wanted, &target).unwrap();
    assert_eq!(now, "acme/api:v2", "the first place tells");

    put(&mut source, &entries, &[]);

    assert!(holds(&source, &entries, &[]));
    let text = |parameter: &Value, key: &str| parameter[key].as_str().unwrap().to_owned();
    let values = helm_list(&source).iter().map(|p| (text(p, "name"), text(p, "value")));
    let values: Vec<_> = values.collect();
    let expected = [
        ("image.name", "acme/api"),
        ("image.tag", "v2"),
        ("worker.tag", "v2"),
        ("cron.image", "acme/api:v2"),
    ];
    assert_eq!(
        values,
        expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
}

proptest::proptest! {
    #[test]
    fn putting_a_value_keeps_every_other_kustomize_entry(
        entries in proptest::collection::vec("[ab]{1,2}(=[ab/]{1,3})?(:[0-9])?", 0..5),
    ) {
        let mut given = source(json!({"kustomize": {"images": entries}}));
        set(ApplicationKind::Kustomize, &mut given, &image("c.test/z:9"), &ManifestTarget::Default, &[]).unwrap();
        let mut expected = entries;
        expected.push("c.test/z:9".to_owned());
        proptest::prop_assert_eq!(kustomize_list(&given), &expected[..]);
    }
}
