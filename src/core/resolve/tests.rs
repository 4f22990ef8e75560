use serde_json::{Value, json};

use super::*;
use crate::core::{strategy::SortOrder, verdict::Reason};

fn updater(spec: &Value) -> ImageUpdater {
    serde_json::from_value(json!({
        "apiVersion": "argocd-image-updater.argoproj.io/v1alpha1",
        "kind": "ImageUpdater",
        "metadata": {"namespace": "team", "name": "u"},
        "spec": spec,
    }))
    .unwrap()
}

fn application(namespace: &str, name: &str) -> Arc<Application> {
    let application = json!({
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"source": {"repoURL": "https://git.test/r.git", "path": "p", "targetRevision": "HEAD"}},
        "status": {"sourceType": "Helm"},
    });
    Arc::new(serde_json::from_value(application).unwrap())
}

fn context() -> ResolveContext {
    ResolveContext {
        argocd_namespace: "argocd".to_owned(),
        runtime_platform: Platform::new("linux", "arm64"),
        allow_env_ext_credentials: true,
    }
}

fn run(spec: &Value) -> Result<Resolved, Vec<Remark>> {
    resolve(&updater(spec), &[application("team", "shop")], &context())
}

/// The only application of a resource with one rule of these fields.
fn only(rule: &Value, spec: &Value) -> (Result<TrackedApplication, Verdict>, Vec<Remark>) {
    let mut rule = rule.clone();
    rule["namePattern"] = json!("shop");
    let mut spec = spec.clone();
    spec["applicationRefs"] = json!([rule]);
    let mut resolved = run(&spec).unwrap();
    (resolved.applications.pop().unwrap().tracked, resolved.warnings)
}

/// What became of one image with these fields.
fn image(fields: &Value) -> (Result<Arc<TrackedImage>, Verdict>, Vec<Remark>) {
    let mut fields = fields.clone();
    if fields.get("imageName").is_none() {
        fields["imageName"] = json!("acme/api:1.x");
    }
    let (tracked, warnings) = only(&json!({"images": [fields]}), &json!({}));
    (tracked.unwrap().images[0].tracked.clone(), warnings)
}

#[test]
fn an_application_is_resolved_with_its_images() {
    let (tracked, warnings) = only(&json!({"images": [{"imageName": "acme/api:1.x"}]}), &json!({}));
    let tracked = tracked.unwrap();
    assert_eq!(
        (tracked.kind, tracked.source),
        (ApplicationKind::Helm, SourceSlot::Single)
    );
    assert_eq!(tracked.target, WriteTarget::Application);
    let image = tracked.images[0].tracked.as_ref().unwrap();
    assert_eq!(
        (image.alias.as_str(), image.reference.full_name().as_str()),
        ("api", "acme/api")
    );
    assert_eq!(image.platforms, Platforms(vec![Platform::new("linux", "arm64")]));
    assert_eq!(image.manifest_target, ManifestTarget::Default);
    assert_eq!(warnings, []);
}

#[test]
fn applications_of_other_namespaces_and_those_that_no_rule_matches_are_not_there() {
    let spec = json!({"applicationRefs": [{"namePattern": "shop", "images": [{"imageName": "a"}]}]});
    let applications = [
        application("team", "shop"),
        application("other", "shop"),
        application("team", "blog"),
    ];
    let resolved = resolve(&updater(&spec), &applications, &context()).unwrap();
    let names: Vec<_> = resolved
        .applications
        .iter()
        .map(|a| (a.application.namespace(), a.application.name()))
        .collect();
    assert_eq!(names, [("team", "shop")]);
}

#[test]
fn mistakes_that_concern_the_whole_resource_stall_it_and_name_the_field() {
    let images = json!([{"imageName": "a"}]);
    for (spec, fields) in [
        (json!({"applicationRefs": []}), &["spec.applicationRefs"][..]),
        (
            json!({"applicationRefs": [{"namePattern": "ok", "images": images}, {"namePattern": "[", "images": images}]}),
            &["spec.applicationRefs[1].namePattern"],
        ),
        (
            json!({"images": [{"imageName": "a"}, {"imageName": "a"}],
                "applicationRefs": [{"namePattern": "[", "images": [{"alias": "x", "imageName": "a"}, {"alias": "x", "imageName": "b"}]}]}),
            &[
                "spec.images",
                "spec.applicationRefs[0].images",
                "spec.applicationRefs[0].namePattern",
            ],
        ),
    ] {
        let stalled = run(&spec).unwrap_err();
        assert_eq!(
            stalled.iter().map(|remark| remark.field.as_str()).collect::<Vec<_>>(),
            fields,
            "{stalled:?}"
        );
    }
}

#[test]
fn images_of_the_resource_stand_in_where_a_rule_has_none() {
    let spec = json!({"images": [{"imageName": "shared"}]});
    for (rule, expected) in [
        (json!({}), "shared"),
        (json!({"images": []}), "shared"),
        (json!({"images": [{"imageName": "own"}]}), "own"),
    ] {
        let (tracked, _) = only(&rule, &spec);
        assert_eq!(tracked.unwrap().images[0].alias, expected, "{rule}");
    }
    let (tracked, _) = only(&json!({}), &json!({}));
    let verdict = tracked.unwrap_err();
    assert_eq!(verdict.reason, Reason::InvalidSetting);
    assert!(verdict.message.contains("spec.applicationRefs[0].images"), "{verdict}");
}

#[test]
fn an_invalid_setting_gives_its_image_a_verdict_that_names_the_field() {
    for (fields, reason, field) in [
        (
            json!({"imageName": "https://x.test/a"}),
            Reason::InvalidSetting,
            "imageName",
        ),
        (
            json!({"platforms": ["linux"]}),
            Reason::InvalidSetting,
            "commonUpdateSettings.platforms",
        ),
        (
            json!({"pullSecret": "what"}),
            Reason::InvalidSetting,
            "commonUpdateSettings.pullSecret",
        ),
        (
            json!({"allowTags": "regexp:("}),
            Reason::InvalidPattern,
            "commonUpdateSettings.allowTags",
        ),
        (
            json!({"extract": "^v.*$"}),
            Reason::InvalidPattern,
            "commonUpdateSettings.extract",
        ),
        (
            json!({"order": "down"}),
            Reason::InvalidSetting,
            "commonUpdateSettings.order",
        ),
        (
            json!({"minimumAge": "72"}),
            Reason::InvalidSetting,
            "commonUpdateSettings.minimumAge",
        ),
        (
            json!({"minimumAge": "-1h"}),
            Reason::InvalidSetting,
            "commonUpdateSettings.minimumAge",
        ),
        (
            json!({"currentFrom": "git"}),
            Reason::InvalidSetting,
            "commonUpdateSettings.currentFrom",
        ),
    ] {
        let given = match fields.get("imageName") {
            Some(_) => fields.clone(),
            None => json!({"commonUpdateSettings": fields}),
        };
        let verdict = image(&given).0.unwrap_err();
        assert_eq!(verdict.reason, reason, "{fields}");
        assert!(
            verdict
                .message
                .contains(&format!("spec.applicationRefs[0].images[0].{field}")),
            "{verdict}"
        );
    }
    let verdict = image(&json!({"manifestTargets": {"helm": {}, "plugin": {"spec": "x"}}}))
        .0
        .unwrap_err();
    assert!(
        verdict
            .message
            .contains("spec.applicationRefs[0].images[0].manifestTargets"),
        "{verdict}"
    );
}

#[test]
fn what_else_is_configured_for_a_pick_reaches_its_policy() {
    let settings = json!({
        "updateStrategy": "numerical", "extract": "^b-(.*)$", "order": "DESC", "minimumAge": "72h", "allowDowngrade": true,
        "pinDigest": true, "currentFrom": "Manifest",
    });
    let (tracked, warnings) = image(&json!({"commonUpdateSettings": settings}));
    let tracked = tracked.unwrap();
    let options = tracked.policy.options();
    assert_eq!(options.extract.as_ref().and_then(|e| e.key("b-7")), Some("7"));
    assert_eq!(
        (options.order, options.minimum_age.map(|age| age.as_secs())),
        (SortOrder::Desc, Some(72 * 3600))
    );
    assert_eq!((options.allow_downgrade, options.pin_digest), (true, true));
    assert_eq!(tracked.current_from, CurrentFrom::Manifest);
    assert_eq!(warnings, []);
}

#[test]
fn an_empty_text_counts_as_absent_and_replaces_what_a_general_layer_says() {
    let spec = json!({"commonUpdateSettings": {
        "extract": "(", "order": "down", "minimumAge": "soon", "currentFrom": "git", "updateStrategy": "what",
    }});
    let none = json!({"extract": "", "order": " ", "minimumAge": "", "currentFrom": "", "updateStrategy": ""});
    let images = json!({"images": [{"imageName": "a", "commonUpdateSettings": none}]});
    let (tracked, warnings) = only(&images, &spec);
    let tracked = tracked.unwrap();
    let tracked = tracked.images[0].tracked.as_ref().unwrap();
    let options = tracked.policy.options();
    assert!(options.extract.is_none() && options.minimum_age.is_none());
    assert_eq!(
        (options.order, tracked.current_from),
        (SortOrder::Asc, CurrentFrom::Live)
    );
    assert_eq!(warnings, []);
}

#[test]
fn extract_and_order_warn_where_the_strategy_does_not_use_them() {
    for (strategy, fields) in [
        ("semver", &["order"][..]),
        ("newest-build", &["extract", "order"]),
        ("digest", &["extract", "order"]),
        ("numerical", &[]),
        ("name", &[]),
    ] {
        let settings = json!({"updateStrategy": strategy, "extract": "v(.*)", "order": "desc"});
        let image = json!({"images": [{"imageName": "a:1"}], "commonUpdateSettings": settings});
        let (tracked, warnings) = only(&image, &json!({}));
        assert!(tracked.unwrap().images[0].tracked.is_ok(), "{strategy}");
        let found: Vec<_> = warnings.iter().map(|remark| remark.field.as_str()).collect();
        let path = |field| format!("spec.applicationRefs[0].commonUpdateSettings.{field}");
        assert_eq!(found, fields.iter().map(path).collect::<Vec<_>>(), "{strategy}");
    }
    let (_, warnings) = image(&json!({"commonUpdateSettings": {"order": "asc"}}));
    assert_eq!(warnings, [], "the default has an effect everywhere");
}

#[test]
fn the_current_version_may_stand_in_the_manifest_with_every_method() {
    for method in ["git", "argocd"] {
        let spec = json!({"writeBackConfig": {"method": method}, "commonUpdateSettings": {"currentFrom": "manifest"}});
        let (tracked, _) = only(&json!({"images": [{"imageName": "a"}]}), &spec);
        let image = tracked.unwrap().images[0].tracked.clone().unwrap();
        assert_eq!(image.current_from, CurrentFrom::Manifest, "{method}");
    }
}

#[test]
fn two_halves_of_short_patterns_do_not_make_a_whole_one() {
    let verdict = image(&json!({"allowTags": [{"regex": "a)|(b"}]})).0.unwrap_err();
    assert_eq!(verdict.reason, Reason::InvalidPattern);
    assert!(
        verdict.message.contains("spec.applicationRefs[0].images[0].allowTags"),
        "{verdict}"
    );
}

#[test]
fn an_unknown_strategy_is_semver_with_a_warning_that_names_it_once() {
    let (tracked, warnings) = only(
        &json!({"images": [{"imageName": "a"}, {"imageName": "b"}], "commonUpdateSettings": {"updateStrategy": "newest"}}),
        &json!({}),
    );
    let tracked = tracked.unwrap();
    assert_eq!(
        tracked.images[1].tracked.as_ref().unwrap().policy.strategy(),
        crate::core::strategy::StrategyKind::Semver
    );
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert_eq!(
        warnings[0].field,
        "spec.applicationRefs[0].commonUpdateSettings.updateStrategy"
    );
    assert!(warnings[0].message.contains("newest"), "{warnings:?}");
}

#[test]
fn a_pull_secret_lies_in_the_namespace_of_the_application_however_it_is_spelled() {
    let settings = |text: &str| json!({"commonUpdateSettings": {"pullSecret": text}});
    for text in ["secret:team/x#f", "pullsecret:team/x", "env:X", "ext:/x", ""] {
        assert!(image(&settings(text)).0.is_ok(), "{text}");
    }
    for text in [
        "secret:other/x#f",
        "Secret:other/x#f",
        "any=secret:other/x#f",
        "PullSecret:other/x",
    ] {
        let verdict = image(&settings(text)).0.unwrap_err();
        assert_eq!(verdict.reason, Reason::CredentialsUnavailable, "{text}");
    }
    let strict = ResolveContext {
        allow_env_ext_credentials: false,
        ..context()
    };
    for text in ["env:X", "EXT:/x"] {
        let mut fields = settings(text);
        fields["imageName"] = json!("a");
        let spec = json!({"applicationRefs": [{"namePattern": "shop", "images": [fields]}]});
        let resolved = resolve(&updater(&spec), &[application("team", "shop")], &strict).unwrap();
        let tracked = resolved.applications[0].tracked.as_ref().unwrap();
        let verdict = tracked.images[0].tracked.as_ref().unwrap_err();
        assert_eq!(verdict.reason, Reason::CredentialsUnavailable, "{text}");
    }
}

#[test]
fn a_git_target_is_resolved_with_branch_file_and_author() {
    let spec = json!({"writeBackConfig": {"method": "git", "gitCommitUser": "bot", "gitCommitEmail": "b@x.test"}});
    let (tracked, warnings) = only(&json!({"images": [{"imageName": "a"}]}), &spec);
    let WriteTarget::Git(git) = tracked.unwrap().target else {
        panic!("not git")
    };
    assert_eq!((git.base, git.push), (None, None), "HEAD is the default branch");
    assert_eq!(
        git.file,
        TargetFile::Override("p/.argocd-source-team_shop.yaml".to_owned())
    );
    assert_eq!(git.author.map(|author| author.email).as_deref(), Some("b@x.test"));
    assert_eq!(warnings, []);
}

#[test]
fn half_an_author_is_a_warning() {
    let spec = json!({"writeBackConfig": {"method": "git", "gitCommitUser": "bot"}});
    let (tracked, warnings) = only(&json!({"images": [{"imageName": "a"}]}), &spec);
    let WriteTarget::Git(git) = tracked.unwrap().target else {
        panic!("not git")
    };
    assert_eq!(git.author, None);
    assert_eq!(warnings[0].field, "spec.writeBackConfig.gitConfig.author");
}

#[test]
fn with_method_argocd_the_rest_of_the_block_does_not_matter() {
    let rule = json!({"images": [{"imageName": "a"}], "writeBackConfig": {"method": "argocd"}});
    let spec = json!({"writeBackConfig": {"method": "git", "gitConfig": {"branch": "a:b", "pullRequest": {}}}});
    assert_eq!(only(&rule, &spec).0.unwrap().target, WriteTarget::Application);
}

#[test]
fn demanded_signatures_are_known_to_the_image_and_one_may_opt_out() {
    let spec = json!({"imagesVerification": {"enabled": true, "cosignKey": {"secretName": "s", "key": "k"}}});
    let images = json!({"images": [
        {"imageName": "a"}, {"imageName": "b", "imagesVerification": {"enabled": false}},
        {"imageName": "c", "imagesVerification": {"onUnverified": "what"}},
    ]});
    let tracked = only(&images, &spec).0.unwrap();
    let signatures = |index: usize| tracked.images[index].tracked.as_ref().unwrap().signatures.clone();
    assert_eq!(signatures(0).unwrap().keys[0].secret_name, "s");
    assert_eq!(signatures(1), None);
    let verdict = tracked.images[2].tracked.as_ref().unwrap_err();
    assert_eq!(verdict.reason, Reason::InvalidSetting);
    let field = "spec.applicationRefs[0].images[2].imagesVerification.onUnverified: ";
    assert!(verdict.message.starts_with(field), "{verdict}");
}

#[test]
fn an_application_without_a_source_that_has_images_is_unsupported() {
    let spec = json!({"applicationRefs": [{"namePattern": "shop", "images": [{"imageName": "a"}]}]});
    for (source, status) in [
        (json!({"source": {}}), json!({"sourceType": "Directory"})),
        (json!({}), json!({})),
    ] {
        let application = json!({"metadata": {"namespace": "team", "name": "shop"}, "spec": source, "status": status});
        let application: Arc<Application> = Arc::new(serde_json::from_value(application).unwrap());
        let resolved = resolve(&updater(&spec), &[application], &context()).unwrap();
        let verdict = resolved.applications[0].tracked.as_ref().unwrap_err();
        assert_eq!(verdict.reason, Reason::UnsupportedSource, "{source}");
    }
}

#[test]
fn an_explicit_block_or_target_is_enough_where_the_manifest_is_read() {
    let manifest = json!({"imageName": "a", "commonUpdateSettings": {"currentFrom": "manifest"}});
    let live = |name: &str, targets: Value| json!({"imageName": name, "manifestTargets": targets});
    let helm = || live("b", json!({"helm": {"tag": "t"}}));
    let kustomize = || live("c", json!({"kustomize": {"name": "k"}}));
    let directory = json!({"sourceType": "Directory"});
    let block = json!({"source": {"helm": {}}});
    let bare = json!({"source": {}});
    let several = json!({"sources": [{"ref": "values"}, {"kustomize": {}}]});
    let (single, second) = (SourceSlot::Single, SourceSlot::Multi(1));
    for (images, spec, status, expected) in [
        (
            json!([manifest]),
            &block,
            Value::Null,
            Some((ApplicationKind::Helm, single)),
        ),
        (
            json!([manifest]),
            &block,
            directory.clone(),
            Some((ApplicationKind::Helm, single)),
        ),
        (
            json!([manifest]),
            &several,
            Value::Null,
            Some((ApplicationKind::Kustomize, second)),
        ),
        (
            json!([manifest, helm()]),
            &bare,
            Value::Null,
            Some((ApplicationKind::Helm, single)),
        ),
        (json!([manifest, helm(), kustomize()]), &bare, Value::Null, None),
        (json!([manifest, helm()]), &bare, directory.clone(), None),
        (json!([manifest]), &bare, Value::Null, None),
        (json!([helm()]), &block, Value::Null, None),
    ] {
        let rule = json!({"applicationRefs": [{"namePattern": "shop", "images": images}]});
        let application = json!({"metadata": {"namespace": "team", "name": "shop"}, "spec": spec, "status": status});
        let application: Arc<Application> = Arc::new(serde_json::from_value(application).unwrap());
        let resolved = resolve(&updater(&rule), &[application], &context()).unwrap();
        let tracked = resolved.applications[0].tracked.as_ref();
        let found = tracked
            .map(|tracked| (tracked.kind, tracked.source))
            .map_err(|verdict| verdict.reason);
        assert_eq!(
            found,
            expected.ok_or(Reason::UnsupportedSource),
            "{images} {spec} {status}"
        );
    }
}

#[test]
fn a_rule_with_unreadable_labels_leaves_its_applications_alone() {
    let spec = json!({"applicationRefs": [
        {"namePattern": "shop", "images": [{"imageName": "a"}],
         "labelSelectors": {"matchExpressions": [{"key": "k", "operator": "Near"}]}},
        {"namePattern": "*", "images": [{"imageName": "b"}]},
    ]});
    let resolved = run(&spec).unwrap();
    assert_eq!(resolved.applications[0].rule, 0);
    assert_eq!(
        resolved.applications[0].tracked.as_ref().unwrap_err().reason,
        Reason::InvalidPattern
    );
}

#[test]
fn a_namespace_that_differs_is_warned_about() {
    for (given, expected) in [("team", 0), ("argocd", 1)] {
        let spec =
            json!({"namespace": given, "applicationRefs": [{"namePattern": "x", "images": [{"imageName": "a"}]}]});
        let warnings = run(&spec).unwrap().warnings;
        assert_eq!(warnings.len(), expected, "{warnings:?}");
    }
}

#[test]
fn images_are_worked_out_once_and_shared_by_all_applications() {
    let spec = json!({"applicationRefs": [{"namePattern": "*", "images": [{"imageName": "a"}]}]});
    let applications: Vec<_> = (0..50).map(|n| application("team", &format!("app-{n}"))).collect();
    let resolved = resolve(&updater(&spec), &applications, &context()).unwrap();
    let tracked: Vec<_> = resolved
        .applications
        .iter()
        .map(|a| a.tracked.as_ref().unwrap())
        .collect();
    assert_eq!(tracked.len(), 50);
    assert!(tracked.iter().all(|t| Arc::ptr_eq(&t.images, &tracked[0].images)));
}

#[test]
fn a_mistake_in_a_filter_is_said_once_with_its_field() {
    for (fields, expected) in [
        (
            json!({"commonUpdateSettings": {"allowTags": "regexp:(["}}),
            "spec.applicationRefs[0].images[0].commonUpdateSettings.allowTags: \"([\" is not a regular expression: ",
        ),
        (
            json!({"allowTags": [{"regex": "(["}]}),
            "spec.applicationRefs[0].images[0].allowTags: \"([\" is not a regular expression: ",
        ),
        (
            json!({"commonUpdateSettings": {"ignoreTags": ["a", "[2"]}}),
            "spec.applicationRefs[0].images[0].commonUpdateSettings.ignoreTags: \"[2\" is not a pattern: ",
        ),
    ] {
        let verdict = image(&fields).0.unwrap_err();
        assert_eq!(verdict.reason, Reason::InvalidPattern, "{verdict}");
        assert!(verdict.message.starts_with(expected), "{verdict}");
        assert_eq!(verdict.message.matches("Tags").count(), 1, "{verdict}");
    }
}

#[test]
fn a_repository_url_with_a_password_is_no_target_and_the_password_is_not_told() {
    let rule = json!({"images": [{"imageName": "a"}]});
    let git = |url: &str| json!({"writeBackConfig": {"method": "git", "gitConfig": {"repository": url}}});
    for url in ["https://bot:hunter2@git.test/r.git", "https://hunter2@git.test/r.git"] {
        let verdict = only(&rule, &git(url)).0.unwrap_err();
        assert_eq!(verdict.reason, Reason::TargetUnusable, "{verdict}");
        assert!(verdict.message.contains("https://git.test/r.git"), "{verdict}");
        assert!(!verdict.message.contains("hunter2"), "{verdict}");
    }
    assert!(only(&rule, &git("https://git.test/r.git")).0.is_ok());
}
