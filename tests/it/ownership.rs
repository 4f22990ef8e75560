//! Two resources that want one place: one of them writes, the other one says so.

use serde_json::{Value, json};

use crate::world::{World, parameter};

/// An application that runs `v1.0.0`, and two resources for it; the second has the more specific rule.
const RIVALS: &str = "
registry:
  shop: [v1.0.0, v1.1.0, v2.0.0]
  side: [v1.0.0, v1.1.0]
---
kind: Application
metadata: { name: shop }
spec: { project: default, destination: {}, source: { repoURL: https://charts.example.com, chart: shop, targetRevision: 1.0.0 } }
status: { sourceType: Helm, summary: { images: ['REG/shop:v1.0.0', 'REG/side:v1.0.0'] } }
---
kind: ImageUpdater
metadata: { name: general }
spec:
  applicationRefs: [{ namePattern: 'sh*', images: [{ alias: shop, imageName: 'REG/shop:GENERAL' }] }]
---
kind: ImageUpdater
metadata: { name: special }
spec:
  applicationRefs: [{ namePattern: shop, images: [{ alias: shop, imageName: 'REG/shop:SPECIAL' }] }]
";

async fn rivals(general: &str, special: &str) -> World {
    World::given(&RIVALS.replace("GENERAL", general).replace("SPECIAL", special)).await
}

/// Every change of the spec or status makes a new one.
async fn generation(world: &World) -> Value {
    world.application("shop").await["metadata"]["generation"].clone()
}

#[tokio::test]
async fn the_more_specific_rule_writes_and_the_other_resource_names_it_in_every_cycle() {
    let world = rivals("2.x", "1.x").await;
    world.cycle().await;
    let after_one = generation(&world).await;
    for running in ["v1.0.0", "v1.1.0", "v1.1.0"] {
        assert_eq!(world.helm_parameter("shop", "image.tag").await, "v1.1.0");
        assert_eq!(world.condition("special", "Conflict").await, Value::Null);
        let conflict = world.condition("general", "Conflict").await;
        let message = conflict["message"].as_str().unwrap_or_default();
        for words in [
            format!("ImageUpdater {}/special", world.namespace),
            "the Helm parameter \"image.tag\"".to_owned(),
            "more specific".to_owned(),
            "manifestTargets".to_owned(),
        ] {
            assert!(message.contains(&words), "{words}: {conflict}");
        }
        let problems = world.status("general").await["problems"].clone();
        assert_eq!(problems[0]["reason"], "Conflict", "{problems}");
        if running == "v1.0.0" {
            world.cycle().await;
            assert_eq!(generation(&world).await, after_one, "nobody writes again");
        } else {
            world.running("shop", &["REG/shop:v1.1.0"]).await;
            let synced = generation(&world).await;
            world.cycle().await;
            assert_eq!(generation(&world).await, synced, "nobody writes again");
        }
    }
    assert_eq!(world.events("ImagesUpdated").await.len(), 1, "one write in all cycles");
}

#[tokio::test]
async fn the_older_resource_wins_among_equals_and_the_conflict_ends_with_the_winner() {
    let same = RIVALS
        .replace("'sh*'", "shop")
        .replace("GENERAL", "1.x")
        .replace("SPECIAL", "2.x");
    let (first, second) = same.rsplit_once("---\n").expect("two resources");
    let world = World::given(first).await;
    // Creation times have whole seconds.
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    world
        .create(yaml_serde::from_str(&world.fill_in(second)).expect("YAML"))
        .await;

    let program = world.start(&["--interval=1s"]);
    let conflict = world
        .wait_for(
            "a conflict",
            || world.condition("special", "Conflict"),
            |found| !found.is_null(),
        )
        .await;
    let message = conflict["message"].as_str().unwrap_or_default();
    assert!(message.contains("/general") && message.contains("older"), "{conflict}");
    assert_eq!(world.helm_parameter("shop", "image.tag").await, "v1.1.0");

    world
        .patch("ImageUpdater", "general", json!({ "spec": { "suspend": true } }))
        .await;
    world
        .wait_for(
            "the other one writes",
            || world.helm_parameter("shop", "image.tag"),
            |tag| tag == "v2.0.0",
        )
        .await;
    world
        .wait_for("no conflict", || world.condition("special", "Conflict"), Value::is_null)
        .await;
    assert_eq!(world.events("ImagesUpdated").await.len(), 2, "each wrote once");
    assert!(program.stop().await.success);
}

#[tokio::test]
async fn equal_values_are_no_conflict_and_written_once() {
    let world = rivals("1.x", "~1.1").await;
    world.cycle().await;
    assert_eq!(world.helm_parameter("shop", "image.tag").await, "v1.1.0");
    for resource in ["general", "special"] {
        assert_eq!(world.condition(resource, "Conflict").await, Value::Null);
        assert_eq!(world.condition(resource, "Error").await["status"], "False");
    }
    assert_eq!(world.events("ImagesUpdated").await.len(), 1);
}

#[tokio::test]
async fn different_images_of_two_resources_are_written_together() {
    let given = RIVALS.replace("GENERAL", "1.x").replace(
        "imageName: 'REG/shop:SPECIAL' }",
        "imageName: 'REG/side:1.x', manifestTargets: { helm: { name: side.name, tag: side.tag } } }",
    );
    let world = World::given(&given).await;
    let before = generation(&world).await.as_i64().unwrap_or(0);
    world.cycle().await;
    let source = world.application("shop").await["spec"]["source"].clone();
    assert_eq!(parameter(&source, "image.tag"), "v1.1.0");
    assert_eq!(parameter(&source, "side.tag"), "v1.1.0");
    assert_eq!(generation(&world).await, before + 1, "one patch for both");
    for resource in ["general", "special"] {
        assert_eq!(world.status(resource).await["recentUpdates"][0]["newVersion"], "v1.1.0");
        assert_eq!(world.condition(resource, "Conflict").await, Value::Null);
    }
}

#[tokio::test]
async fn a_resource_waits_for_a_stronger_one_that_cannot_decide() {
    let world = rivals("1.x", "2.x").await;
    let given = world.fill_in("REG/shop:2.x");
    let images = json!([{ "alias": "shop", "imageName": given,
        "commonUpdateSettings": { "pullSecret": format!("pullsecret:{}/missing", world.namespace) } }]);
    world
        .patch(
            "ImageUpdater",
            "special",
            json!({ "spec": { "applicationRefs": [{ "namePattern": "shop", "images": images }] } }),
        )
        .await;
    world.cycle().await;
    assert_eq!(
        world.helm_parameter("shop", "image.tag").await,
        Value::Null,
        "nobody wrote"
    );
    let conflict = world.condition("general", "Conflict").await;
    let message = conflict["message"].as_str().unwrap_or_default();
    assert!(
        message.contains("/special") && message.contains("could not decide") && message.contains("waits"),
        "{conflict}"
    );

    // One whose setting is invalid claims nothing.
    let images = json!([{ "alias": "shop", "imageName": world.fill_in("REG/shop:not a version") }]);
    world
        .patch(
            "ImageUpdater",
            "special",
            json!({ "spec": { "applicationRefs": [{ "namePattern": "shop", "images": images }] } }),
        )
        .await;
    world.cycle().await;
    assert_eq!(world.helm_parameter("shop", "image.tag").await, "v1.1.0");
    assert_eq!(world.condition("general", "Conflict").await, Value::Null);
}

#[tokio::test]
async fn two_resources_for_one_file_in_git_make_one_commit_and_a_conflict() {
    let world = World::given(
        "
registry:
  shop: [v1.0.0, v1.1.0, v2.0.0]
git:
  deploy: { shop/Chart.yaml: 'name: shop' }
---
kind: Secret
metadata: { name: deploy, labels: { argocd.argoproj.io/secret-type: repository } }
stringData: { type: git, url: GIT/deploy, username: bot, password: gitpassword-6f1d }
---
kind: Application
metadata: { name: shop }
spec: { project: default, destination: {}, source: { repoURL: GIT/deploy, path: shop } }
status: { sourceType: Helm, summary: { images: ['REG/shop:v1.0.0'] } }
---
kind: ImageUpdater
metadata: { name: general }
spec:
  writeBackConfig: { method: git, gitConfig: { branch: main } }
  applicationRefs: [{ namePattern: 'sh*', images: [{ alias: shop, imageName: 'REG/shop:2.x' }] }]
---
kind: ImageUpdater
metadata: { name: special }
spec:
  writeBackConfig: { method: git }
  applicationRefs: [{ namePattern: shop, images: [{ alias: shop, imageName: 'REG/shop:1.x' }] }]
",
    )
    .await;
    for _ in 0..3 {
        world.cycle().await;
        let text = world.git.file("deploy", "main", "shop/.argocd-source-shop.yaml");
        let text = text.unwrap_or_default();
        assert!(text.contains("v1.1.0") && !text.contains("v2.0.0"), "{text}");
        let conflict = world.condition("general", "Conflict").await;
        let message = conflict["message"].as_str().unwrap_or_default();
        assert!(
            message.contains("/special") && message.contains("shop/.argocd-source-shop.yaml"),
            "{conflict}"
        );
    }
    assert_eq!(world.git.log("deploy", "main").len(), 2, "the first one and ours");
}
