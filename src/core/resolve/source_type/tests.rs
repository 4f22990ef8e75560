use super::*;

fn application(json: serde_json::Value) -> Application {
    serde_json::from_value(json).unwrap()
}

#[test]
fn an_implicit_kustomize_source_beside_a_chart_is_selected_by_its_status() {
    let given = application(serde_json::json!({
        "spec": {"sources": [{"path": "k"}, {"chart": "redis", "helm": {}}]},
        "status": {"sourceTypes": ["Kustomize", "Helm"]},
    }));
    let (slot, source) = select(&given, SourceType::Kustomize).unwrap();
    assert_eq!((slot, source.path.as_deref()), (SourceSlot::Multi(0), Some("k")));
    assert_eq!(certain(&given, SourceType::Plugin), None);
}

#[test]
fn a_hydrator_wins_over_several_sources() {
    let given = application(serde_json::json!({
        "spec": {"sources": [{"helm": {}}], "sourceHydrator": {"drySource": {"path": "dry", "kustomize": {}}}},
        "status": {"sourceTypes": ["Helm"]},
    }));
    assert_eq!(detect(&given, TargetHint::None), SourceType::Kustomize);
    assert_eq!(select(&given, SourceType::Kustomize).unwrap().0, SourceSlot::Hydrator);
}

#[test]
fn a_bare_yaml_file_is_a_values_file_only_of_a_helm_application() {
    for (status, path, expected) in [
        ("Helm", "x/values.yaml", SourceType::Helm),
        ("Kustomize", "x/values.yaml", SourceType::Kustomize),
        ("Directory", "x/values.yml", SourceType::Directory),
        ("Plugin", "values.yaml", SourceType::Plugin),
    ] {
        let given = application(serde_json::json!({"spec": {"source": {}}, "status": {"sourceType": status}}));
        assert_eq!(detect(&given, TargetHint::File(path)), expected, "{status} {path}");
    }
    assert!(!is_values_file("a/.argocd-source-x.yaml"));
    assert!(!is_values_file("a/overrides.txt"));
}

#[test]
fn an_explicit_block_says_the_type_where_the_status_does_not() {
    use SourceType::{Helm, Kustomize, Plugin};
    let all = serde_json::json!({"plugin": {}, "kustomize": {}, "helm": {}});
    for (spec, status, named, expected) in [
        (
            serde_json::json!({"source": all}),
            serde_json::json!({}),
            Some(Plugin),
            Some(Helm),
        ),
        (
            serde_json::json!({"source": {"plugin": {}, "kustomize": {}}}),
            serde_json::json!({"sourceType": ""}),
            None,
            Some(Kustomize),
        ),
        (
            serde_json::json!({"source": {"plugin": {}}}),
            serde_json::json!({"sourceType": "Directory"}),
            Some(Helm),
            Some(Plugin),
        ),
        (
            serde_json::json!({"source": {}}),
            serde_json::json!({}),
            Some(Helm),
            Some(Helm),
        ),
        (serde_json::json!({"source": {}}), serde_json::json!({}), None, None),
        (
            serde_json::json!({"source": {}}),
            serde_json::json!({"sourceType": "Directory"}),
            Some(Helm),
            None,
        ),
        (
            serde_json::json!({"sources": [{"ref": "v"}, {"kustomize": {}}, {"helm": {}}]}),
            serde_json::json!({"sourceTypes": ["", ""]}),
            None,
            Some(Kustomize),
        ),
        (
            serde_json::json!({"sources": [{}]}),
            serde_json::json!({"sourceTypes": ["Directory"]}),
            Some(Helm),
            None,
        ),
        (serde_json::json!({}), serde_json::json!({}), Some(Helm), None),
    ] {
        let given = application(serde_json::json!({"spec": spec, "status": status}));
        assert_eq!(explicit(&given, named), expected, "{spec} {status}");
    }
}

#[test]
fn plain_manifests_stand_in_a_folder_and_not_in_a_chart() {
    for (sources, types, expected) in [
        (
            serde_json::json!([{"chart": "redis", "helm": {}}, {"path": "k"}]),
            serde_json::json!(["Helm", "Directory"]),
            (SourceType::Directory, 1),
        ),
        (
            serde_json::json!([{"path": "k", "kustomize": {}}, {"path": "d"}]),
            serde_json::json!(["Kustomize", "Directory"]),
            (SourceType::Directory, 1),
        ),
        (
            serde_json::json!([{"ref": "values"}, {"path": "k"}]),
            serde_json::json!(["Directory", "Kustomize"]),
            (SourceType::Kustomize, 1),
        ),
        (
            serde_json::json!([{"chart": "redis"}, {"path": "d"}]),
            serde_json::json!([]),
            (SourceType::Directory, 1),
        ),
        (
            serde_json::json!([{"chart": "redis"}]),
            serde_json::json!(["Helm"]),
            (SourceType::Helm, 0),
        ),
    ] {
        let given = application(serde_json::json!({
            "spec": {"sources": sources}, "status": {"sourceTypes": types},
        }));
        let found = detect(&given, TargetHint::Manifests);
        let (slot, _) = select_for(&given, found, TargetHint::Manifests).unwrap();
        assert_eq!((found, slot), (expected.0, SourceSlot::Multi(expected.1)), "{sources}");
    }
    let single = application(serde_json::json!({
        "spec": {"source": {"path": "d"}}, "status": {"sourceType": "Directory"},
    }));
    assert_eq!(detect(&single, TargetHint::Manifests), SourceType::Directory);
    let (slot, _) = select_for(&single, SourceType::Directory, TargetHint::Manifests).unwrap();
    assert_eq!(slot, SourceSlot::Single);
}

#[test]
fn an_application_without_any_source_has_none() {
    assert!(select(&application(serde_json::json!({"spec": {}})), SourceType::Helm).is_none());
    assert!(
        select(
            &application(serde_json::json!({"spec": {"sources": []}})),
            SourceType::Helm
        )
        .is_none()
    );
}
