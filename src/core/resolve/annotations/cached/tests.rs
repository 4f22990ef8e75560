use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    api::{argocd::Application, v1alpha1::ImageUpdater},
    core::{
        image::Platform,
        resolve::{
            Compiled, CurrentFrom, ManifestTarget, ResolveContext, Resolved, ResolvedApplication, ResolvedImage,
            TrackedApplication, TrackedImage, WriteTarget, target::ValuePlace,
        },
        strategy::{SortOrder, StrategyKind},
        verdict::{Reason, Verdict},
    },
};

fn application(name: &str, annotations: &Value) -> Arc<Application> {
    let mut full = json!({});
    for (key, value) in annotations.as_object().unwrap() {
        full[format!("argocd-image-updater.argoproj.io/{key}")] = value.clone();
    }
    let application = json!({
        "metadata": {"namespace": "team", "name": name, "annotations": full},
        "spec": {"source": {"repoURL": "https://git.test/r.git", "path": "p"}},
        "status": {"sourceType": "Helm"},
    });
    Arc::new(serde_json::from_value(application).unwrap())
}

fn compiled(spec: &Value) -> Compiled {
    let updater: ImageUpdater = serde_json::from_value(json!({
        "apiVersion": "argocd-image-updater.argoproj.io/v1alpha1",
        "kind": "ImageUpdater",
        "metadata": {"namespace": "team", "name": "u"},
        "spec": spec,
    }))
    .unwrap();
    let context = ResolveContext {
        argocd_namespace: "argocd".to_owned(),
        runtime_platform: Platform::new("linux", "arm64"),
        allow_env_ext_credentials: true,
    };
    Compiled::new(&updater, &context).unwrap()
}

fn annotated() -> Compiled {
    compiled(&json!({"applicationRefs": [{"namePattern": "*", "useAnnotations": true}]}))
}

fn run(annotations: &Value) -> Resolved {
    annotated().resolve(&[application("shop", annotations)])
}

fn tracked(annotations: &Value) -> Result<TrackedApplication, Verdict> {
    run(annotations).applications.pop().expect("the rule matches").tracked
}

fn images(annotations: &Value) -> Vec<Arc<TrackedImage>> {
    let tracked = tracked(annotations).unwrap_or_else(|e| panic!("{e}"));
    let image = |image: &ResolvedImage| image.tracked.clone().unwrap_or_else(|e| panic!("{e}"));
    tracked.images.iter().map(image).collect()
}

#[test]
fn an_application_is_followed_as_its_annotations_say() {
    let images = images(&json!({
        "image-list": "api=acme/api:>=1.0 <2.0, acme/web", "update-strategy": "name", "order": "desc",
        "api.update-strategy": "semver", "api.order": "asc", "api.helm.image-tag": "api.tag", "api.pin-digest": "true",
        "api.current-from": "manifest", "minimum-age": "1h",
    }));
    let [api, web] = images.as_slice() else {
        panic!("{images:?}")
    };
    assert_eq!(
        (api.alias.as_str(), api.policy.strategy()),
        ("api", StrategyKind::Semver)
    );
    assert_eq!(api.policy.options().order, SortOrder::Asc);
    assert!(api.policy.options().pin_digest && api.policy.options().minimum_age.is_some());
    assert_eq!(api.current_from, CurrentFrom::Manifest);
    let place = ValuePlace::Split {
        name: Some("image.name".to_owned()),
        tag: Some("api.tag".to_owned()),
    };
    let target = ManifestTarget::Helm(place.into());
    assert_eq!(api.manifest_target, target);
    assert_eq!(
        (web.alias.as_str(), web.policy.strategy()),
        ("web", StrategyKind::Alphabetical)
    );
    assert_eq!(web.policy.options().order, SortOrder::Desc);
}

#[test]
fn the_settings_of_the_resource_do_not_count_and_its_signatures_do() {
    let key = json!({"cosignKey": {"secretName": "s", "key": "k"}});
    let one = |spec: &Value, rule: &Value| {
        let (mut spec, mut rule) = (spec.clone(), rule.clone());
        rule["namePattern"] = json!("*");
        rule["useAnnotations"] = json!(true);
        spec["applicationRefs"] = json!([rule]);
        let resolved = compiled(&spec).resolve(&[application("shop", &json!({"image-list": "a"}))]);
        resolved.applications.into_iter().next().unwrap().tracked.unwrap()
    };
    let elsewhere = json!({
        "commonUpdateSettings": {"updateStrategy": "digest", "allowTags": "what"},
        "writeBackConfig": {"method": "what"}, "images": [{"imageName": "b"}],
    });
    for (spec, rule) in [(&elsewhere, &json!({})), (&json!({}), &elsewhere)] {
        let found = one(spec, rule);
        assert_eq!(found.target, WriteTarget::Application);
        let image = found.images[0].tracked.as_ref().unwrap();
        assert_eq!(
            (image.alias.as_str(), image.policy.strategy()),
            ("a", StrategyKind::Semver)
        );
    }
    let demanding = json!({"imagesVerification": key});
    let waived = json!({"imagesVerification": {"enabled": false}});
    let other = json!({"imagesVerification": {"cosignKey": {"secretName": "t", "key": "k"}}});
    for (spec, rule, expected) in [
        (&json!({}), &json!({}), None),
        (&demanding, &json!({}), Some("s")),
        (&json!({}), &demanding, Some("s")),
        (&demanding, &other, Some("t")),
        (&demanding, &waived, None),
    ] {
        let image = one(spec, rule).images[0].tracked.clone().unwrap();
        let named = image
            .signatures
            .as_ref()
            .map(|policy| policy.keys[0].secret_name.as_str());
        assert_eq!(named, expected, "{spec} {rule}");
    }
}

#[test]
fn a_mistake_refuses_the_whole_application_and_names_the_annotation() {
    for (annotations, reason, key) in [
        (json!({"image-list": "a="}), Reason::InvalidSetting, "image-list"),
        (json!({"image-list": "a=x, a=y"}), Reason::InvalidSetting, "image-list"),
        (json!({"image-list": "x, x"}), Reason::InvalidSetting, "image-list"),
        (
            json!({"image-list": "a=x:>=1.0, <2.0"}),
            Reason::InvalidSetting,
            "image-list",
        ),
        (
            json!({"image-list": "a=x:>=1.0,!=1.5"}),
            Reason::InvalidSetting,
            "image-list",
        ),
        (
            json!({"image-list": "a=https://x.test/a"}),
            Reason::InvalidSetting,
            "image-list",
        ),
        (
            json!({"image-list": "a=x", "a.force-update": "on"}),
            Reason::InvalidSetting,
            "a.force-update",
        ),
        (
            json!({"image-list": "a=x", "write-back-method": "svn"}),
            Reason::InvalidSetting,
            "write-back-method",
        ),
        (
            json!({"image-list": "a=x", "write-back-method": "git", "git-branch": "a:b:c"}),
            Reason::InvalidSetting,
            "git-branch",
        ),
        (
            json!({"image-list": "a=x", "write-back-method": "git", "pull-request": "github"}),
            Reason::UnsupportedSetting,
            "pull-request",
        ),
        (
            json!({"image-list": "a=x", "write-back-method": "git:secret:other/x"}),
            Reason::CredentialsUnavailable,
            "write-back-method",
        ),
    ] {
        let verdict = tracked(&annotations).unwrap_err();
        assert_eq!(verdict.reason, reason, "{annotations}: {verdict}");
        let start = format!("annotation argocd-image-updater.argoproj.io/{key}");
        assert!(verdict.message.starts_with(&start), "{verdict}");
    }
}

#[test]
fn a_setting_that_cannot_be_read_refuses_its_images_and_names_the_annotation() {
    for (annotations, reason, key) in [
        (json!({"allow-tags": "what"}), Reason::InvalidPattern, "allow-tags"),
        (json!({"a.ignore-tags": "["}), Reason::InvalidPattern, "a.ignore-tags"),
        (json!({"extract": "v"}), Reason::InvalidPattern, "extract"),
        (json!({"a.order": "up"}), Reason::InvalidSetting, "a.order"),
        (json!({"a.minimum-age": "72"}), Reason::InvalidSetting, "a.minimum-age"),
        (json!({"current-from": "git"}), Reason::InvalidSetting, "current-from"),
        (json!({"a.platforms": "linux"}), Reason::InvalidSetting, "a.platforms"),
        (json!({"pull-secret": "what"}), Reason::InvalidSetting, "pull-secret"),
        (
            json!({"pull-secret": "secret:b/c#d"}),
            Reason::CredentialsUnavailable,
            "pull-secret",
        ),
        (
            json!({"image-list": "a=x:>=y"}),
            Reason::InvalidConstraint,
            "image-list",
        ),
    ] {
        let mut given = annotations.clone();
        if given.get("image-list").is_none() {
            given["image-list"] = json!("a=x");
        }
        let refused = match tracked(&given) {
            Ok(application) => application.images[0].tracked.clone().unwrap_err(),
            Err(verdict) => verdict,
        };
        assert_eq!(refused.reason, reason, "{given}: {refused}");
        let start = format!("annotation argocd-image-updater.argoproj.io/{key}");
        assert!(refused.message.starts_with(&start), "{refused}");
    }
}

#[test]
fn no_images_is_nothing_to_do_and_no_reason_to_try_another_rule() {
    let rules = json!({"applicationRefs": [
        {"namePattern": "shop", "useAnnotations": true},
        {"namePattern": "*", "images": [{"imageName": "b"}]},
    ]});
    let resolve = |annotations: &Value| {
        compiled(&rules)
            .resolve(&[application("shop", annotations)])
            .applications
    };
    for annotations in [
        json!({}),
        json!({"image-list": " "}),
        json!({"a.update-strategy": "digest"}),
    ] {
        let found = resolve(&annotations);
        assert!(found.is_empty(), "{annotations}: {found:?}");
    }
    let broken = resolve(&json!({"image-list": "a="}));
    let [
        ResolvedApplication {
            rule: 0,
            tracked: Err(_),
            ..
        },
    ] = broken.as_slice()
    else {
        panic!("{broken:?}")
    };
}

#[test]
fn applications_with_equal_annotations_share_what_was_compiled_also_in_the_next_cycle() {
    let one = json!({"image-list": "a=x", "allow-tags": "regexp:^v"});
    let other = json!({"image-list": "a=x", "allow-tags": "regexp:^w"});
    let applications: Vec<_> = (0..50)
        .map(|n| application(&format!("app-{n}"), if n % 2 == 0 { &one } else { &other }))
        .collect();
    let compiled = annotated();
    let resolve = || {
        let resolved = compiled.resolve(&applications);
        let images = |a: ResolvedApplication| a.tracked.unwrap().images;
        resolved.applications.into_iter().map(images).collect::<Vec<_>>()
    };
    let (first, second) = (resolve(), resolve());
    assert_eq!(first.len(), 50);
    for (n, images) in first.iter().chain(&second).enumerate() {
        assert!(Arc::ptr_eq(images, &first[n % 2]), "{n}");
    }
    assert!(!Arc::ptr_eq(&first[0], &first[1]));
}

#[test]
fn annotations_that_only_look_alike_are_told_apart() {
    let key = |text: &str| format!("argocd-image-updater.argoproj.io/{text}");
    let tricky = format!("1 {}=1 x", key("b"));
    let pairs = [
        json!({"image-list": "a", "a": tricky}),
        json!({"image-list": "a", "a": "1 ", "b": "x"}),
    ];
    let compiled = annotated();
    let images = pairs.map(|annotations| {
        let resolved = compiled.resolve(&[application("shop", &annotations)]);
        resolved.applications[0].tracked.as_ref().unwrap().images.clone()
    });
    assert!(!Arc::ptr_eq(&images[0], &images[1]));
}

#[test]
fn a_wildcard_in_a_list_has_its_settings_under_its_alias() {
    let given = json!({"image-list": "all=acme/*:1.x", "all.update-strategy": "name"});
    let mut shop = (*application("shop", &given)).clone();
    let status = json!({"sourceType": "Kustomize", "summary": {"images": ["acme/api:1.0", "acme/web:1.0"]}});
    shop.status = serde_json::from_value(status).unwrap();
    let resolved = annotated().resolve(&[Arc::new(shop)]);
    let images = resolved.applications[0].tracked.as_ref().unwrap().images.clone();
    let found: Vec<_> = images
        .iter()
        .map(|image| (image.alias.as_str(), image.tracked.as_ref().unwrap().policy.strategy()))
        .collect();
    assert_eq!(
        found,
        [("api", StrategyKind::Alphabetical), ("web", StrategyKind::Alphabetical)]
    );
    assert_eq!(resolved.warnings, []);
}

#[test]
fn a_warning_about_annotations_is_told_once_with_the_first_application() {
    let odd = json!({"image-list": "a", "update-strategy": "newest"});
    let applications: Vec<_> = (0..3).map(|n| application(&format!("app-{n}"), &odd)).collect();
    let warnings = annotated().resolve(&applications).warnings;
    let [warning] = warnings.as_slice() else {
        panic!("{warnings:?}")
    };
    assert_eq!(
        warning.field,
        "annotation argocd-image-updater.argoproj.io/update-strategy"
    );
    assert!(
        warning.message.ends_with("(Application app-0 and 2 more)"),
        "{warning:?}"
    );
}

#[test]
fn annotations_without_effect_are_warned_about() {
    let list = ("image-list", json!("acme/api=acme/api:1.x, web=web, plain"));
    for (key, expected) in [
        ("web.update-strategy", None),
        ("acme_api.allow-tags", None),
        ("acme_api.helm.image-tag", None),
        ("web.platforms", None),
        ("ignore-tags", None),
        ("git-branch", None),
        ("pull-request-labels", None),
        ("reconcile-requested-at", None),
        ("web.allow-tag", Some("no such setting")),
        ("image-lists", Some("no such setting")),
        ("web.git-branch", Some("no such setting")),
        ("platforms", Some("<alias>.platforms")),
        (
            "sh.allow-tags",
            Some("no image has the alias \"sh\"; write it in image-list: sh=<image>"),
        ),
        ("plain.helm.image-tag", Some("no image has the alias \"plain\"")),
    ] {
        let text = if key.ends_with("platforms") { "linux/arm64" } else { "x" };
        let warnings = run(&json!({list.0: list.1, key: text})).warnings;
        let told: Vec<_> = warnings
            .iter()
            .filter(|w| w.field.ends_with(&format!("/{key}")))
            .collect();
        match (expected, told.as_slice()) {
            (None, told) => assert!(!told.iter().any(|w| w.message.contains("no effect")), "{key}: {told:?}"),
            (Some(words), [warning]) => {
                assert!(warning.message.contains(words), "{key}: {warning:?}");
                assert!(warning.message.ends_with("(Application shop)"), "{key}: {warning:?}");
            }
            (Some(_), told) => panic!("{key}: {told:?}"),
        }
    }
}

#[test]
fn many_annotations_without_effect_are_a_few_and_a_number() {
    let mut annotations = json!({"image-list": "a"});
    for number in 0..40 {
        annotations[format!("typo-{number}")] = json!("x");
    }
    let warnings = run(&annotations).warnings;
    assert_eq!(warnings.len(), 6, "{warnings:?}");
    let counted = warnings.iter().filter(|w| w.message.starts_with("35 more annotations"));
    assert_eq!(counted.count(), 1, "{warnings:?}");
}
