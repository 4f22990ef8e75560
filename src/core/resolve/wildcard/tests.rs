use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    api::{argocd::Application, v1alpha1::ImageUpdater},
    core::{
        image::Platform,
        resolve::{ResolveContext, Resolved},
    },
};

/// What a list of images comes to in an application of this source type.
fn resolve(source_type: &str, images: &Value, live: &[&str]) -> Resolved {
    let updater: ImageUpdater = serde_json::from_value(json!({
        "apiVersion": "argocd-image-updater.argoproj.io/v1alpha1",
        "kind": "ImageUpdater",
        "metadata": {"namespace": "team", "name": "u"},
        "spec": {"applicationRefs": [{"namePattern": "shop", "images": images}]},
    }))
    .unwrap();
    let application: Application = serde_json::from_value(json!({
        "metadata": {"namespace": "team", "name": "shop"},
        "spec": {"source": {"repoURL": "https://git.test/r.git", "path": "p"}},
        "status": {"sourceType": source_type, "summary": {"images": live}},
    }))
    .unwrap();
    let applications = [Arc::new(application)];
    crate::core::resolve::resolve(&updater, &applications, &context()).expect("the resource is not stalled")
}

fn context() -> ResolveContext {
    ResolveContext {
        argocd_namespace: "argocd".to_owned(),
        runtime_platform: Platform::new("linux", "amd64"),
        allow_env_ext_credentials: true,
    }
}

fn images_of(resolved: &Resolved) -> &[ResolvedImage] {
    &resolved.applications[0].tracked.as_ref().unwrap().images
}

/// `alias=reference`, or `alias!Reason`.
fn told(image: &ResolvedImage) -> String {
    match &image.tracked {
        Ok(tracked) => format!("{}={}", image.alias, tracked.reference),
        Err(verdict) => format!("{}!{}", image.alias, verdict.reason),
    }
}

/// The same of a Kustomize application, which needs no places.
fn expanded(images: &[&str], live: &[&str]) -> Vec<String> {
    let images: Vec<_> = images.iter().map(|name| json!({"imageName": name})).collect();
    images_of(&resolve("Kustomize", &json!(images), live))
        .iter()
        .map(told)
        .collect()
}

#[test]
fn a_wildcard_stands_for_the_running_images_that_match() {
    for (images, live, expected) in [
        // Several versions of one name are one image; the order of the report does not matter.
        (
            &["r.test/shop/*:1.x"][..],
            &["r.test/shop/web:1.0", "r.test/shop/api:1.1", "r.test/shop/web:1.1"][..],
            &["api=r.test/shop/api:1.x", "web=r.test/shop/web:1.x"][..],
        ),
        // Never across a slash, never another registry.
        (
            &["r.test/shop/*"],
            &["r.test/shop/a/b:1", "r.test/shop:1", "q.test/shop/a:1", "shop/a:1"],
            &["r.test/shop/*!NotLive"],
        ),
        (
            &["r.test/*/api"],
            &["r.test/shop/api:1", "r.test/blog/api:1", "r.test/blog/web:1"],
            &["blog/api=r.test/blog/api", "shop/api=r.test/shop/api"],
        ),
        // A part of a component.
        (
            &["r.test/shop-*"],
            &["r.test/shop-api:1", "r.test/shop:1", "r.test/my-shop-api:1"],
            &["shop-api=r.test/shop-api"],
        ),
        (
            &["r.test/*-a*-c"],
            &["r.test/x-ab-c:1", "r.test/x-a-c:1", "r.test/x-ac:1", "r.test/-a-c:1"],
            &["-a-c=r.test/-a-c", "x-a-c=r.test/x-a-c", "x-ab-c=r.test/x-ab-c"],
        ),
        // Only the version has a star: no wildcard.
        (&["r.test/shop/api:1.*"], &[], &["api=r.test/shop/api:1.*"]),
        // Other characters of globs are nothing special.
        (&["r.test/sh?p/*"], &["r.test/shop/api:1"], &["r.test/sh?p/*!NotLive"]),
        // All spellings of Docker Hub are one, and the configured one is written.
        (
            &["acme/*:1.x"],
            &["docker.io/acme/api:1", "index.docker.io/acme/api:2", "acme/web:1"],
            &["api=acme/api:1.x", "web=acme/web:1.x"],
        ),
        (&["docker.io/acme/*"], &["acme/api:1"], &["api=docker.io/acme/api"]),
        (
            &["*"],
            &["nginx:1", "docker.io/library/redis:7", "acme/api:1"],
            &["nginx=nginx", "redis=redis"],
        ),
        (&["library/*"], &["nginx:1"], &["nginx=library/nginx"]),
        // A port belongs to the registry.
        (
            &["localhost:5000/*:~1.0"],
            &["localhost:5000/api:1.0"],
            &["api=localhost:5000/api:~1.0"],
        ),
        // What is no reference is nobody's image.
        (&["*"], &["%%% :"], &["*!NotLive"]),
    ] {
        assert_eq!(expanded(images, live), expected, "{images:?} {live:?}");
    }
}

#[test]
fn a_running_image_belongs_to_its_literal_entry_and_else_to_the_most_specific_wildcard() {
    for (images, live, expected) in [
        (
            &["r.test/shop/*:1.x", "r.test/shop/api:2.x"][..],
            &["r.test/shop/api:2.0", "r.test/shop/web:1.0"][..],
            &["web=r.test/shop/web:1.x", "api=r.test/shop/api:2.x"][..],
        ),
        (
            &["docker.io/library/nginx:1.x", "*"],
            &["nginx:1.0"],
            &["nginx=docker.io/nginx:1.x", "*!NotLive"],
        ),
        (
            &["r.test/*/*:1", "r.test/shop/*:2", "r.test/*/api:3"],
            &[
                "r.test/shop/api:9",
                "r.test/shop/web:9",
                "r.test/a/b:9",
                "r.test/a/api:9",
            ],
            &[
                "b=r.test/a/b:1",
                "shop/api=r.test/shop/api:2",
                "web=r.test/shop/web:2",
                "a/api=r.test/a/api:3",
            ],
        ),
        // Equally specific: the earlier one.
        (
            &["r.test/a*:1.x", "r.test/*a:2.x"],
            &["r.test/a:1.0"],
            &["a=r.test/a:1.x", "r.test/*a:2.x!NotLive"],
        ),
        // A literal entry keeps its alias whatever runs.
        (
            &["r.test/shop/api", "r.test/blog/*"],
            &["r.test/blog/api:1", "r.test/shop/api:1"],
            &["api=r.test/shop/api", "blog/api=r.test/blog/api"],
        ),
    ] {
        assert_eq!(expanded(images, live), expected, "{images:?} {live:?}");
    }
}

#[test]
fn a_refused_entry_keeps_its_images() {
    let bad = json!({"allowTags": "regexp:["});
    let images = json!([
        {"imageName": "r.test/*"},
        {"imageName": "r.test/api", "commonUpdateSettings": bad},
        {"imageName": "r.test/web-*", "commonUpdateSettings": bad},
        {"imageName": "r.test/new", "manifestTargets": {"kustomize": {"name": "r.test/old"}}},
    ]);
    let live = ["r.test/api:1", "r.test/web-1:1", "r.test/old:1", "r.test/job:1"];
    let resolved = resolve("Kustomize", &images, &live);
    let found: Vec<_> = images_of(&resolved).iter().map(told).collect();
    assert_eq!(
        found,
        [
            "job=r.test/job",
            "api!InvalidPattern",
            "r.test/web-*!InvalidPattern",
            "new=r.test/new",
        ]
    );
}

#[test]
fn a_wildcard_in_the_registry_is_refused_and_the_field_is_named() {
    for name in ["*.test/shop/api", "r*.test/shop/api:1.x", "r.test:*/api"] {
        let resolved = resolve("Kustomize", &json!([{"imageName": name}]), &["r.test/shop/api:1"]);
        let verdict = images_of(&resolved)[0].tracked.as_ref().unwrap_err();
        assert_eq!(verdict.reason, Reason::InvalidSetting, "{name}");
        let field = "spec.applicationRefs[0].images[0].imageName: ";
        assert!(verdict.message.starts_with(field), "{verdict}");
        assert!(verdict.message.ends_with("not for the registry"), "{verdict}");
    }
}

#[test]
fn each_match_gets_its_own_places() {
    let images = json!([{"imageName": "r.test/shop/*", "manifestTargets": {"helm": {
        "name": "{alias}.image.repository", "tag": "{alias}.image.tag", "additional": [{"spec": "all.{name}"}],
    }}}]);
    let resolved = resolve("Helm", &images, &["r.test/shop/web:1", "r.test/shop/api:1"]);
    assert_eq!(resolved.stalled, []);
    let places = |image: &ResolvedImage| match &image.tracked.as_ref().unwrap().manifest_target {
        ManifestTarget::Helm(places) => places.clone(),
        other => panic!("{other:?}"),
    };
    let expected = |name: &str| HelmPlaces {
        first: ValuePlace::Split {
            name: Some(format!("{name}.image.repository")),
            tag: Some(format!("{name}.image.tag")),
        },
        more: vec![ValuePlace::Whole(format!("all.{name}"))],
    };
    let found: Vec<_> = images_of(&resolved).iter().map(places).collect();
    assert_eq!(found, [expected("api"), expected("web")]);
    let policies: Vec<_> = images_of(&resolved)
        .iter()
        .map(|image| &image.tracked.as_ref().unwrap().policy)
        .collect();
    assert!(Arc::ptr_eq(policies[0], policies[1]), "read once");
}

#[test]
fn several_matches_for_one_place_stall_and_other_images_go_on() {
    let two = &["r.test/shop/api:1", "r.test/shop/web:1", "r.test/db:1"][..];
    let same_end = &["r.test/shop/api:1", "r.test/blog/api:1", "r.test/shop/web:1"][..];
    for (source_type, name, targets, live, stalled) in [
        ("Helm", "r.test/shop/*", json!({}), two, Some("image.name")),
        ("Helm", "r.test/shop/*", json!({}), &two[1..], None),
        (
            "Helm",
            "r.test/shop/*",
            json!({"helm": {"tag": "tag"}}),
            two,
            Some("image.name"),
        ),
        (
            "Helm",
            "r.test/shop/*",
            json!({"helm": {"tag": "{name}.tag"}}),
            two,
            None,
        ),
        (
            "Helm",
            "r.test/shop/*",
            json!({"helm": {"tag": "{name}.tag", "additional": [{"tag": "all.tag"}]}}),
            two,
            Some("all.tag"),
        ),
        (
            "Helm",
            "r.test/*/*",
            json!({"helm": {"tag": "{name}.tag"}}),
            same_end,
            Some("api.tag"),
        ),
        (
            "Helm",
            "r.test/*/*",
            json!({"helm": {"tag": "{alias}.tag"}}),
            same_end,
            None,
        ),
        ("Kustomize", "r.test/shop/*", json!({}), two, None),
        (
            "Kustomize",
            "r.test/shop/*",
            json!({"kustomize": {"name": "app"}}),
            two,
            Some("app"),
        ),
        (
            "Kustomize",
            "r.test/shop/*",
            json!({"kustomize": {"name": "base/{name}"}}),
            two,
            None,
        ),
        (
            "Plugin",
            "r.test/shop/*",
            json!({"plugin": {"name": "{alias}", "tag": "T"}}),
            two,
            Some("T"),
        ),
    ] {
        let own = json!({"helm": {"name": "db.name", "tag": "db.tag"}});
        let images = json!([
            {"imageName": "r.test/db", "manifestTargets": own},
            {"imageName": name, "manifestTargets": targets},
        ]);
        let resolved = resolve(source_type, &images, live);
        let found: Vec<_> = images_of(&resolved).iter().map(told).collect();
        assert_eq!(found[0], "db=r.test/db", "{targets}");
        let refused = found.iter().filter(|text| text.ends_with("!InvalidSetting")).count();
        let Some(place) = stalled else {
            assert_eq!(
                (refused, &resolved.stalled[..]),
                (0, &[][..]),
                "{source_type} {targets}"
            );
            continue;
        };
        assert_eq!(refused, 2, "{source_type} {targets}: {found:?}");
        let [remark] = &resolved.stalled[..] else {
            panic!("{:?}", resolved.stalled)
        };
        let kind = source_type.to_lowercase();
        assert_eq!(
            remark.field,
            format!("spec.applicationRefs[0].images[1].manifestTargets.{kind}")
        );
        assert!(remark.message.contains(&format!("{place:?}")), "{remark}");
        assert!(remark.message.contains("put {alias} or {name} into it"), "{remark}");
    }
}

#[test]
fn a_match_never_takes_the_place_of_an_entry_that_runs() {
    let tag = json!({"helm": {"name": "image.name", "tag": "image.tag"}});
    for (live, expected) in [
        (&["r.test/p/y:1"][..], ["x=r.test/p/x", "y=r.test/p/y"]),
        (&["r.test/p/y:1", "r.test/p/x:1"], ["x=r.test/p/x", "y!InvalidSetting"]),
    ] {
        for wildcard_first in [true, false] {
            let mut images = vec![
                json!({"imageName": "r.test/p/x", "manifestTargets": tag}),
                json!({"imageName": "r.test/p/*", "manifestTargets": tag}),
            ];
            if wildcard_first {
                images.reverse();
            }
            let resolved = resolve("Helm", &json!(images), live);
            let mut found: Vec<_> = images_of(&resolved).iter().map(told).collect();
            found.sort();
            assert_eq!(found, expected, "{live:?}");
        }
    }
}

#[test]
fn annotations_may_hold_wildcards_and_a_shared_place_is_told_with_application_and_annotation() {
    let annotated = |tag: &str| -> Arc<Application> {
        let application = json!({
            "metadata": {"namespace": "team", "name": "shop", "annotations": {
                "argocd-image-updater.argoproj.io/image-list": "all=r.test/shop/*:1.x",
                "argocd-image-updater.argoproj.io/all.update-strategy": "alphabetical",
                "argocd-image-updater.argoproj.io/all.helm.image-tag": tag,
            }},
            "spec": {"source": {"repoURL": "https://git.test/r.git", "path": "p"}},
            "status": {"sourceType": "Helm", "summary": {"images": ["r.test/shop/api:1", "r.test/shop/web:1"]}},
        });
        Arc::new(serde_json::from_value(application).unwrap())
    };
    let resolve = |tag: &str| {
        let updater: ImageUpdater = serde_json::from_value(json!({
            "apiVersion": "argocd-image-updater.argoproj.io/v1alpha1",
            "kind": "ImageUpdater",
            "metadata": {"namespace": "team", "name": "u"},
            "spec": {"applicationRefs": [{"namePattern": "*", "useAnnotations": true}]},
        }))
        .unwrap();
        crate::core::resolve::resolve(&updater, &[annotated(tag)], &context()).unwrap()
    };
    let resolved = resolve("{alias}.tag");
    let found: Vec<_> = images_of(&resolved).iter().map(told).collect();
    assert_eq!(found, ["api=r.test/shop/api:1.x", "web=r.test/shop/web:1.x"]);
    assert_eq!((&resolved.stalled[..], &resolved.warnings[..]), (&[][..], &[][..]));

    let resolved = resolve("tag");
    let found: Vec<_> = images_of(&resolved).iter().map(told).collect();
    assert_eq!(found, ["api!InvalidSetting", "web!InvalidSetting"]);
    assert_eq!(resolved.stalled, [], "the resource itself is right");
    let [remark] = &resolved.warnings[..] else {
        panic!("{:?}", resolved.warnings)
    };
    assert_eq!(
        remark.field,
        "annotation argocd-image-updater.argoproj.io/all.helm.image-tag"
    );
    assert!(remark.message.ends_with("(Application shop)"), "{remark}");
}

#[test]
fn settings_without_effect_on_a_wildcard_are_warned_about() {
    for (entry, expected) in [
        (json!({"imageName": "a/*", "alias": "x"}), &["alias"][..]),
        (json!({"imageName": "a/*", "alias": " "}), &[]),
        (
            json!({"imageName": "a/*", "alias": "x", "commonUpdateSettings": {"forceUpdate": true}}),
            &["alias", "imageName"],
        ),
        (
            json!({"imageName": "a/b:*", "alias": "x", "commonUpdateSettings": {"forceUpdate": true}}),
            &[],
        ),
    ] {
        let resolved = resolve("Kustomize", &json!([entry]), &["a/b:1"]);
        let fields: Vec<_> = resolved.warnings.iter().map(|remark| remark.field.as_str()).collect();
        let path = |name: &&str| format!("spec.applicationRefs[0].images[0].{name}");
        assert_eq!(fields, expected.iter().map(path).collect::<Vec<_>>(), "{entry}");
    }
    // The alias belongs to no match, however many there are.
    let entry = json!([{"imageName": "a/*", "alias": "x"}]);
    assert_eq!(told(&images_of(&resolve("Kustomize", &entry, &["a/b:1"]))[0]), "b=a/b");
    assert_eq!(told(&images_of(&resolve("Kustomize", &entry, &[]))[0]), "a/*!NotLive");
}

fn path() -> impl Strategy<Value = String> {
    prop_oneof![
        "(docker.io/|library/|r.test/)?[ab]{1,2}(/[ab]{1,2}){0,2}",
        "(docker.io/|index.docker.io/|r.test/)?[ab*]{1,2}(/[ab*]{1,2}){0,2}",
    ]
}

fn entry() -> impl Strategy<Value = Value> {
    (prop_oneof![Just(String::new()), "[ab]{1,2}"], path()).prop_map(|(alias, name)| {
        let alias = (!alias.is_empty()).then_some(alias);
        json!({"alias": alias, "imageName": name})
    })
}

/// Entries that can be told apart.
fn readable(images: &[Value]) -> bool {
    let configs: Vec<ImageConfig> = images
        .iter()
        .map(|i| serde_json::from_value(i.clone()).unwrap())
        .collect();
    aliases::aliases(&configs).is_ok()
}

proptest! {
    #[test]
    fn whatever_runs_aliases_differ_and_literal_entries_keep_theirs(
        images in prop::collection::vec(entry(), 1..5),
        live in prop::collection::vec(path(), 0..7),
    ) {
        prop_assume!(readable(&images));
        let live: Vec<_> = live.iter().map(String::as_str).collect();
        let with = resolve("Kustomize", &json!(images), &live);
        let without = resolve("Kustomize", &json!(images), &[]);

        let mut aliases: Vec<_> = images_of(&with).iter().map(|image| &image.alias).collect();
        aliases.sort();
        let count = aliases.len();
        aliases.dedup();
        prop_assert_eq!(aliases.len(), count, "{:?}", images_of(&with).iter().map(told).collect::<Vec<_>>());

        for literal in images_of(&without).iter().filter(|image| image.tracked.is_ok()) {
            let same = |image: &&ResolvedImage| {
                image.reference.as_ref().zip(literal.reference.as_ref()).is_some_and(|(a, b)| a.same_image(b))
            };
            let owners: Vec<_> = images_of(&with).iter().filter(same).map(told).collect();
            prop_assert!(owners.contains(&told(literal)), "{owners:?}");
            let literals = images_of(&without).iter().filter(same).count();
            prop_assert_eq!(owners.len(), literals, "no wildcard took it: {:?}", owners);
        }
    }

    #[test]
    fn the_order_of_the_running_images_never_matters(
        images in prop::collection::vec(entry(), 1..5),
        live in prop::collection::vec(path(), 0..7).prop_flat_map(|live| (Just(live.clone()), Just(live).prop_shuffle())),
    ) {
        prop_assume!(readable(&images));
        let told = |live: &[String]| -> Vec<String> {
            let live: Vec<_> = live.iter().map(String::as_str).collect();
            images_of(&resolve("Kustomize", &json!(images), &live)).iter().map(told).collect()
        };
        prop_assert_eq!(told(&live.0), told(&live.1));
    }
}

#[test]
fn every_match_needs_the_signatures_that_its_entry_needs() {
    let key = json!({"secretName": "s", "key": "k"});
    let images = json!([{"imageName": "r.test/shop/*", "imagesVerification": {"cosignKey": key}}]);
    let resolved = resolve("Kustomize", &images, &["r.test/shop/a:1", "r.test/shop/b:1"]);
    let images = images_of(&resolved);
    assert_eq!(images.len(), 2);
    for image in images {
        let policy = image.tracked.as_ref().unwrap().signatures.as_ref().expect("a policy");
        assert_eq!(policy.keys[0].secret_name, "s", "{}", image.alias);
    }
}
