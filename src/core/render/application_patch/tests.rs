use super::*;

fn application(spec: &Value) -> Application {
    serde_json::from_value(json!({"metadata": {"uid": "u", "name": "shop"}, "spec": spec})).unwrap()
}

fn source(json: Value) -> ApplicationSource {
    serde_json::from_value(json).unwrap()
}

fn patch(spec: &Value, slot: SourceSlot, after: Value) -> Option<Value> {
    let application = application(spec);
    let before = source_type::source_in(&application, slot).unwrap().clone();
    let edit = SourceEdit {
        slot,
        before,
        after: source(after),
    };
    render(&application, &[edit]).unwrap().map(|patch| json!(patch))
}

#[test]
fn an_existing_list_is_tested_and_replaced_and_nothing_else_is_touched() {
    let list = json!([{"name": "image.tag", "value": "1", "forceString": false, "note": "kept"}]);
    let spec = json!({"source": {
        "repoURL": "r", "path": "p", "helm": {"parameters": list, "releaseName": "x"}, "kustomize": {"images": ["a:1"]},
    }});
    let after =
        json!({"helm": {"parameters": [{"name": "image.tag", "value": "2"}]}, "kustomize": {"images": ["a:1"]}});
    assert_eq!(
        patch(&spec, SourceSlot::Single, after),
        Some(json!([
            {"op": "test", "path": "/metadata/uid", "value": "u"},
            {"op": "test", "path": "/spec/source/repoURL", "value": "r"},
            {"op": "test", "path": "/spec/source/chart", "value": null},
            {"op": "test", "path": "/spec/source/path", "value": "p"},
            {"op": "test", "path": "/spec/source/helm/parameters", "value": list},
            {"op": "replace", "path": "/spec/source/helm/parameters", "value": [{"name": "image.tag", "value": "2"}]},
        ]))
    );
}

#[test]
fn values_that_are_only_read_are_never_part_of_a_patch() {
    let helm = json!({"valuesObject": {"image": {"tag": "1"}}, "values": "image: {tag: '1'} # ours\n"});
    let spec = json!({"source": {"repoURL": "r", "path": "p", "helm": helm}});
    let mut after = spec["source"].clone();
    let read: ApplicationSource = source(after.clone());
    assert_eq!(json!(read), after, "and they come back as they were");
    after["helm"]["parameters"] = json!([{"name": "image.tag", "value": "2"}]);
    assert_eq!(
        patch(&spec, SourceSlot::Single, after),
        Some(json!([
            {"op": "test", "path": "/metadata/uid", "value": "u"},
            {"op": "test", "path": "/spec/source/repoURL", "value": "r"},
            {"op": "test", "path": "/spec/source/chart", "value": null},
            {"op": "test", "path": "/spec/source/path", "value": "p"},
            {"op": "test", "path": "/spec/source/helm/parameters", "value": null},
            {"op": "add", "path": "/spec/source/helm/parameters", "value": [{"name": "image.tag", "value": "2"}]},
        ]))
    );
}

#[test]
fn an_absent_list_is_added_after_a_test_of_its_absence() {
    let spec = json!({"sources": [{"ref": "v"}, {"repoURL": "r", "chart": "c", "kustomize": {"namePrefix": "x"}}]});
    assert_eq!(
        patch(&spec, SourceSlot::Multi(1), json!({"kustomize": {"images": ["a:1"]}})),
        Some(json!([
            {"op": "test", "path": "/metadata/uid", "value": "u"},
            {"op": "test", "path": "/spec/sources/1/repoURL", "value": "r"},
            {"op": "test", "path": "/spec/sources/1/chart", "value": "c"},
            {"op": "test", "path": "/spec/sources/1/path", "value": null},
            {"op": "test", "path": "/spec/sources/1/kustomize/images", "value": null},
            {"op": "add", "path": "/spec/sources/1/kustomize/images", "value": ["a:1"]},
        ]))
    );
}

#[test]
fn a_hydrator_without_block_gets_one_on_the_real_dry_source() {
    let spec = json!({"sourceHydrator": {"drySource": {"repoURL": "r", "path": "p"}}});
    let after = json!({"plugin": {"env": [{"name": "IMG", "value": "a:1"}]}});
    assert_eq!(
        patch(&spec, SourceSlot::Hydrator, after),
        Some(json!([
            {"op": "test", "path": "/metadata/uid", "value": "u"},
            {"op": "test", "path": "/spec/sourceHydrator/drySource/repoURL", "value": "r"},
            {"op": "test", "path": "/spec/sourceHydrator/drySource/chart", "value": null},
            {"op": "test", "path": "/spec/sourceHydrator/drySource/path", "value": "p"},
            {"op": "test", "path": "/spec/sourceHydrator/drySource/plugin", "value": null},
            {"op": "add", "path": "/spec/sourceHydrator/drySource/plugin", "value": {}},
            {"op": "add", "path": "/spec/sourceHydrator/drySource/plugin/env",
             "value": [{"name": "IMG", "value": "a:1"}]},
        ]))
    );
}

#[test]
fn an_empty_list_that_is_there_is_tested_as_such() {
    let spec = json!({"source": {"helm": {"parameters": []}}});
    let found = patch(
        &spec,
        SourceSlot::Single,
        json!({"helm": {"parameters": [{"name": "a"}]}}),
    )
    .unwrap();
    assert_eq!(
        found[4],
        json!({"op": "test", "path": "/spec/source/helm/parameters", "value": []})
    );
    assert_eq!(found[5]["op"], "replace");
}

#[test]
fn no_change_is_no_patch_and_a_list_is_never_removed() {
    let spec = json!({"source": {"helm": {"parameters": [{"name": "a"}]}}});
    for after in [
        json!({"helm": {"parameters": [{"name": "a"}]}}),
        json!({"helm": {}}),
        json!({}),
    ] {
        assert_eq!(patch(&spec, SourceSlot::Single, after.clone()), None, "{after}");
    }
}

#[test]
fn two_sources_are_written_by_one_patch() {
    let application = application(&json!({"sources": [{"helm": {}}, {"kustomize": {}}]}));
    let edits = [
        (0, json!({"helm": {}}), json!({"helm": {"parameters": [{"name": "a"}]}})),
        (1, json!({"kustomize": {}}), json!({"kustomize": {"images": ["a:1"]}})),
    ]
    .map(|(index, before, after)| SourceEdit {
        slot: SourceSlot::Multi(index),
        before: source(before),
        after: source(after),
    });
    let found = json!(render(&application, &edits).unwrap().unwrap());
    let operations = found.as_array().unwrap();
    let paths: Vec<_> = operations
        .iter()
        .filter(|o| o["op"] == "add")
        .map(|o| &o["path"])
        .collect();
    assert_eq!(
        paths,
        ["/spec/sources/0/helm/parameters", "/spec/sources/1/kustomize/images"]
    );
    assert_eq!(operations.iter().filter(|o| o["path"] == "/metadata/uid").count(), 1);
}

#[test]
fn an_object_without_uid_or_source_is_not_patched() {
    let mut application = application(&json!({"source": {}}));
    let mut edit = SourceEdit {
        slot: SourceSlot::Single,
        before: source(json!({})),
        after: source(json!({"kustomize": {"images": ["a:1"]}})),
    };
    application.metadata.uid = None;
    assert_eq!(
        render(&application, std::slice::from_ref(&edit)),
        Err(PatchError::NoUid)
    );
    edit.slot = SourceSlot::Multi(3);
    assert_eq!(render(&application, &[edit]), Err(PatchError::NoSource));
}

#[test]
fn a_value_that_the_server_pruned_did_not_take_effect() {
    let edit = SourceEdit {
        slot: SourceSlot::Hydrator,
        before: source(json!({})),
        after: source(json!({"kustomize": {"images": ["a:1"]}})),
    };
    for (dry, expected) in [
        (json!({"kustomize": {"images": ["a:1"]}, "helm": {}}), true),
        (json!({"kustomize": {}}), false),
        (json!({}), false),
    ] {
        let answer = application(&json!({"sourceHydrator": {"drySource": dry}}));
        assert_eq!(took_effect(&answer, std::slice::from_ref(&edit)), expected, "{dry}");
    }
    assert!(!took_effect(&application(&json!({})), &[edit]));
}
