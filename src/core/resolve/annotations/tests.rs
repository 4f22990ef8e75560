use serde_json::{Value, json};

use super::*;

fn annotations(given: &Value) -> BTreeMap<String, String> {
    let short: BTreeMap<String, String> = serde_json::from_value(given.clone()).unwrap();
    let full = |(key, value)| (format!("argocd-image-updater.argoproj.io/{key}"), value);
    short.into_iter().map(full).collect()
}

fn read(given: &Value) -> Annotated {
    parse(&annotations(given)).unwrap_or_else(|e| panic!("{given}: {e}"))
}

#[test]
fn an_element_has_an_alias_when_no_colon_stands_before_its_equals_sign() {
    for (list, expected) in [
        ("acme/api:1.x", &[("", "acme/api:1.x")][..]),
        (
            " api = acme/api:1.x ,, web=acme/web",
            &[("api", "acme/api:1.x"), ("web", "acme/web")],
        ),
        ("acme/api:>=1.0", &[("", "acme/api:>=1.0")]),
        ("api=acme/api:>=1.0 <2.0", &[("api", "acme/api:>=1.0 <2.0")]),
        ("localhost:5000/api:=1.0", &[("", "localhost:5000/api:=1.0")]),
        ("=acme/api", &[("", "acme/api")]),
        ("acme/api=acme/api:1", &[("acme/api", "acme/api:1")]),
    ] {
        let images = read(&json!({"image-list": list})).images;
        let found: Vec<_> = images
            .iter()
            .map(|image| (image.alias.as_deref().unwrap_or(""), image.image_name.as_str()))
            .collect();
        assert_eq!(found, expected, "{list}");
    }
}

#[test]
fn every_setting_is_read_for_all_images_and_for_one() {
    let settings = json!({
        "update-strategy": "numerical", "allow-tags": "regexp:^v", "ignore-tags": "a,, b", "force-update": "t",
        "pull-secret": "env:A", "platforms": "linux/amd64,,linux/arm64", "extract": "(.*)", "order": " desc ",
        "minimum-age": "72h", "allow-downgrade": "true", "pin-digest": "1", "current-from": "manifest",
    });
    let mut expected = json!({
        "updateStrategy": "numerical", "allowTags": "regexp:^v", "ignoreTags": ["a", "", "b"], "forceUpdate": true,
        "pullSecret": "env:A", "extract": "(.*)", "order": "desc", "minimumAge": "72h", "allowDowngrade": true,
        "pinDigest": true, "currentFrom": "manifest",
    });
    let with = |prefix: &str| {
        let mut given = json!({"image-list": "api=a/b, c"});
        for (key, value) in settings.as_object().unwrap() {
            given[format!("{prefix}{key}")] = value.clone();
        }
        read(&given)
    };
    let all = with("");
    assert_eq!(
        json!(all.common_update_settings),
        expected,
        "platforms are read per image only"
    );
    assert!(all.images.iter().all(|image| image.common_update_settings.is_none()));

    expected["platforms"] = json!(["linux/amd64", "linux/arm64"]);
    let one = with("api.");
    assert_eq!(json!(one.images[0].common_update_settings), expected);
    assert_eq!(
        (one.images[1].common_update_settings.clone(), one.common_update_settings),
        (None, None)
    );
}

#[test]
fn blank_texts_count_as_absent() {
    let annotated = read(&json!({
        "image-list": "api=a", "update-strategy": " ", "api.extract": "", "api.platforms": " , ", "write-back-method": " ",
        "git-branch": "", "pull-request": " ", "pull-request-labels": ",", "api.helm.image-tag": " ",
    }));
    let expected = Annotated {
        images: vec![ImageConfig {
            alias: Some("api".to_owned()),
            image_name: "a".to_owned(),
            ..ImageConfig::default()
        }],
        ..Annotated::default()
    };
    assert_eq!(annotated, expected);
}

#[test]
fn an_alias_with_a_slash_stands_in_keys_with_an_underscore_and_as_it_is_before_that() {
    for (keys, expected) in [
        (json!({"acme_api.order": "desc"}), "desc"),
        (json!({"acme/api.order": "asc", "acme_api.order": "desc"}), "asc"),
    ] {
        let mut given = keys.clone();
        given["image-list"] = json!("acme/api=acme/api:1");
        let order = read(&given).images[0]
            .common_update_settings
            .as_ref()
            .unwrap()
            .order
            .clone();
        assert_eq!(order.as_deref(), Some(expected), "{keys}");
    }
}

#[test]
fn targets_and_write_back_settings_are_read() {
    let annotated = read(&json!({
        "image-list": "api=a, web=b", "api.helm.image-name": "i.n", "api.helm.image-tag": "i.t",
        "api.helm.image-spec": "i.s", "web.kustomize.image-name": "base/web", "write-back-method": "git:secret:a/b",
        "git-repository": " https://git.test/r.git ", "git-branch": "main", "write-back-target": "kustomization:/base",
        "pull-request": "Azure-DevOps", "pull-request-labels": "a, b,",
    }));
    assert_eq!(
        json!([
            annotated.images[0].manifest_targets,
            annotated.images[1].manifest_targets
        ]),
        json!([{"helm": {"name": "i.n", "tag": "i.t", "spec": "i.s"}}, {"kustomize": {"name": "base/web"}}])
    );
    assert_eq!(
        json!(annotated.write_back_config),
        json!({"method": "git:secret:a/b", "gitConfig": {
            "repository": "https://git.test/r.git", "branch": "main", "writeBackTarget": "kustomization:/base",
            "pullRequest": {"azureDevops": {}, "labels": ["a", "b"]},
        }})
    );
}

#[test]
fn switches_are_read_as_go_reads_booleans() {
    for (text, expected) in [
        ("1", Some(true)),
        ("t", Some(true)),
        ("T", Some(true)),
        ("true", Some(true)),
        ("TRUE", Some(true)),
        ("True", Some(true)),
        ("0", Some(false)),
        ("f", Some(false)),
        ("F", Some(false)),
        ("false", Some(false)),
        ("FALSE", Some(false)),
        ("False", Some(false)),
        ("", None),
        (" true", None),
        ("yes", None),
        ("tRUE", None),
    ] {
        for key in ["force-update", "a.allow-downgrade", "a.pin-digest"] {
            let found = parse(&annotations(&json!({"image-list": "a=x", key: text})));
            assert_eq!(found.is_ok(), expected.is_some(), "{key}: {text:?}");
            if let Ok(annotated) = found {
                let own = annotated.images[0].common_update_settings.clone();
                let settings = annotated.common_update_settings.or(own).unwrap();
                let switch = settings
                    .force_update
                    .or(settings.allow_downgrade)
                    .or(settings.pin_digest);
                assert_eq!(switch, expected, "{key}: {text:?}");
            }
        }
    }
}

#[test]
fn what_cannot_be_used_is_an_error_that_begins_with_the_annotation() {
    for (given, key) in [
        (json!({}), "image-list"),
        (json!({"image-list": " , "}), "image-list"),
        (json!({"image-list": "api="}), "image-list"),
        (json!({"image-list": "a=x", "force-update": "on"}), "force-update"),
        (json!({"image-list": "a/b=x", "a_b.pin-digest": ""}), "a_b.pin-digest"),
        (
            json!({"image-list": "a=x", "a.helm.image-tag": "t", "a.kustomize.image-name": "n"}),
            "a.kustomize.image-name",
        ),
        (
            json!({"image-list": "a", "pull-request": "sourceforge"}),
            "pull-request",
        ),
    ] {
        let error = parse(&annotations(&given)).unwrap_err().to_string();
        let start = format!("annotation argocd-image-updater.argoproj.io/{key}: ");
        assert!(error.starts_with(&start), "{error}");
    }
}
