//! Whatever a stranger writes into a resource or an Application: there is an answer, and never a panic.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{ResolveContext, resolve};
use crate::{
    api::{argocd::Application, v1alpha1::ImageUpdater},
    core::{
        image::Platform,
        plan::{Picked, update},
        select::{Candidate, live::LiveImages},
    },
};

/// Text that is often nearly right.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-z*?\\[\\]\\\\.:/@=<>~^|$()+-]{0,24}",
        prop::sample::select(vec![
            "",
            "*",
            "shop",
            "shop-*",
            "regexp:^a(b|c)$",
            "semver",
            "latest",
            "digest",
            "git",
            "git:secret:a/b",
            "argocd",
            "a=b/c:1.x",
            "reg.example.com:5000/a/b:~1.2",
            "regexp:[",
            "kustomization:../..",
            "helmvalues:/x",
            "main:iu-{{ .SHA256 }}",
            "pullsecret:a/b",
            "secret:a/b#c",
            "ext:/x",
            "linux/amd64",
            "a/b/c/d",
            "any",
            "5m",
        ])
        .prop_map(str::to_owned),
    ]
}

fn maybe(inner: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Value> {
    prop_oneof![Just(Value::Null), inner].boxed()
}

fn word() -> BoxedStrategy<Value> {
    maybe(text().prop_map(Value::String))
}

fn words() -> BoxedStrategy<Value> {
    maybe(prop::collection::vec(text(), 0..3).prop_map(|list| json!(list)))
}

fn update_settings() -> BoxedStrategy<Value> {
    maybe(
        (word(), word(), words(), word(), words()).prop_map(|(strategy, allow, ignore, pull, platforms)| {
            json!({ "updateStrategy": strategy, "allowTags": allow, "ignoreTags": ignore, "pullSecret": pull,
                "platforms": platforms, "forceUpdate": true })
        }),
    )
}

fn image() -> BoxedStrategy<Value> {
    (word(), text(), update_settings(), word(), word(), word())
        .prop_map(|(alias, name, settings, helm, tag, kustomize)| {
            let targets = if kustomize.is_null() {
                json!({ "helm": { "name": helm, "tag": tag } })
            } else {
                json!({ "kustomize": { "name": kustomize } })
            };
            json!({ "alias": alias, "imageName": name, "commonUpdateSettings": settings, "manifestTargets": targets })
        })
        .boxed()
}

fn resource() -> BoxedStrategy<Value> {
    let images = || prop::collection::vec(image(), 0..4).prop_map(|list| json!(list));
    let write_back = maybe(
        (word(), word(), word(), word()).prop_map(|(method, repository, branch, target)| {
            json!({ "method": method, "gitConfig": { "repository": repository, "branch": branch,
                                                 "writeBackTarget": target } })
        }),
    );
    let rule = (text(), images(), update_settings(), word(), any::<bool>());
    let rule = rule.prop_map(|(pattern, images, settings, operator, annotations)| {
        json!({ "namePattern": pattern, "images": images, "commonUpdateSettings": settings,
                "useAnnotations": annotations,
                "labelSelectors": { "matchExpressions": [{ "key": "a", "operator": operator.as_str().unwrap_or("In") }] } })
    });
    (
        prop::collection::vec(rule, 0..3),
        images(),
        update_settings(),
        write_back,
    )
        .prop_map(|(rules, images, settings, write_back)| {
            json!({
                "metadata": { "name": "all", "namespace": "argocd" },
                "spec": { "applicationRefs": rules, "images": images, "commonUpdateSettings": settings,
                          "writeBackConfig": write_back },
            })
        })
        .boxed()
}

fn annotations() -> impl Strategy<Value = Value> {
    let keys = prop::sample::select(vec![
        "update-strategy",
        "a.allow-tags",
        "ignore-tags",
        "a.platforms",
        "a.extract",
        "order",
        "minimum-age",
        "a.force-update",
        "pin-digest",
        "current-from",
        "a.helm.image-tag",
        "a.kustomize.image-name",
        "write-back-method",
        "git-branch",
        "write-back-target",
        "pull-request",
    ]);
    let lists = prop_oneof![text(), text().prop_map(|name| format!("a={name}"))];
    (lists, prop::collection::vec((keys, text()), 0..4)).prop_map(|(list, others)| {
        let mut annotations = json!({ "argocd-image-updater.argoproj.io/image-list": list });
        for (key, text) in others {
            annotations[format!("argocd-image-updater.argoproj.io/{key}")] = Value::String(text);
        }
        annotations
    })
}

fn application() -> BoxedStrategy<Value> {
    let parameters = prop::collection::vec((word(), word()), 0..3).prop_map(|list| {
        list.into_iter()
            .map(|(name, value)| json!({ "name": name, "value": value }))
            .collect::<Value>()
    });
    (
        word(),
        words(),
        words(),
        parameters,
        prop::sample::select(vec!["Helm", "Kustomize", "Plugin", "Directory", ""]),
        annotations(),
    )
        .prop_map(|(path, live, images, parameters, kind, annotations)| {
            json!({
                "metadata": { "name": "shop", "namespace": "argocd", "uid": "1", "labels": { "a": "b" },
                              "annotations": annotations },
                "spec": { "source": { "repoURL": "https://git.example.com/a.git", "path": path,
                                      "helm": { "parameters": parameters }, "kustomize": { "images": images } } },
                "status": { "sourceType": kind, "summary": { "images": live } },
            })
        })
        .boxed()
}

proptest! {
    #[test]
    fn any_resource_and_any_application_have_an_answer_for_every_image(
        resource in resource(),
        application in application(),
    ) {
        let updater: ImageUpdater = serde_json::from_value({
            let mut resource = resource;
            resource["apiVersion"] = json!("argocd-image-updater.argoproj.io/v1alpha1");
            resource["kind"] = json!("ImageUpdater");
            resource
        }).expect("the shape is right");
        let application: Application = serde_json::from_value(application).expect("the shape is right");
        let context = ResolveContext {
            argocd_namespace: "argocd".to_owned(),
            runtime_platform: Platform::new("linux", "amd64"),
            allow_env_ext_credentials: true,
        };
        let Ok(resolved) = resolve(&updater, &[Arc::new(application)], &context) else { return Ok(()) };
        for resolved in resolved.applications {
            let Ok(tracked) = resolved.tracked else { continue };
            let live = LiveImages::parse(resolved.application.live_images());
            let tag = crate::core::image::TagName::new("v1.2.3").expect("a tag");
            let candidate = Candidate { tag, digest: None, facts: None, note: None };
            let picks = vec![Ok(Picked::new(candidate, None)); tracked.images.len()];
            let update = update::decide(&resolved.application, &tracked, &live, &picks);
            prop_assert_eq!(update.images.len(), tracked.images.len());
            for change in update.changes() {
                prop_assert!(!change.new.text().is_empty(), "an empty version is never written");
            }
        }
    }
}
