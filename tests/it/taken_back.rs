//! What is written is taken back by somebody else: it is written twice, and then left alone until something new.

use std::time::Duration;

use serde_json::{Value, json};

use crate::world::World;

const SHOP: &str = "
registry:
  shop: [v1.0.0, v1.1.0]
---
kind: Application
metadata: { name: shop }
spec: { project: default, destination: {}, source: { repoURL: https://charts.example.com, chart: shop, targetRevision: 1.0.0 } }
status: { sourceType: Helm, summary: { images: ['REG/shop:v1.0.0'] } }
---
kind: ImageUpdater
metadata: { name: all }
spec:
  applicationRefs: [{ namePattern: shop, images: [{ alias: shop, imageName: 'REG/shop:1.x' }] }]
";

/// Plays a GitOps tool for as long as `until` takes: whatever is written is taken away. Counts what it took.
async fn taking_back(world: &World, tag: &str, until: impl Future<Output = ()>) -> u32 {
    let mut taken = 0;
    tokio::pin!(until);
    loop {
        if world.helm_parameter("shop", "image.tag").await == tag {
            taken += 1;
            world
                .patch("Application", "shop", json!({ "spec": { "source": { "helm": null } } }))
                .await;
        }
        tokio::select! {
            () = &mut until => return taken,
            () = tokio::time::sleep(Duration::from_millis(50)) => {}
        }
    }
}

async fn reverted(world: &World, tag: &str) {
    world
        .wait_for(
            "it is reverted",
            || world.status("all"),
            |status| {
                let problem = &status["problems"][0];
                let message = problem["message"].as_str().unwrap_or_default();
                problem["reason"] == "Reverted" && message.contains(tag)
            },
        )
        .await;
    // Some cycles more, in which it must not be written again.
    tokio::time::sleep(Duration::from_secs(3)).await;
}

#[tokio::test]
async fn what_is_taken_back_is_written_twice_and_again_for_a_newer_tag_or_on_request() {
    let world = World::given(SHOP).await.with_flags(&["--minimum-interval=1s"]);
    let program = world.start(&["--interval=1s"]);

    assert_eq!(taking_back(&world, "v1.1.0", reverted(&world, "v1.1.0")).await, 2);
    let problem = world.status("all").await["problems"][0].clone();
    for words in [
        "v1.1.0 was written 2 times",
        "reconcile-requested-at",
        "ignoreDifferences",
    ] {
        let message = problem["message"].as_str().unwrap_or_default();
        assert!(message.contains(words), "{words}: {problem}");
    }

    world.push("shop", "v1.2.0", "2026-01-01T00:00:00Z").await;
    assert_eq!(
        taking_back(&world, "v1.2.0", reverted(&world, "v1.2.0")).await,
        2,
        "a newer tag is written"
    );

    let request = json!({ "metadata": { "annotations": {
        "argocd-image-updater.argoproj.io/reconcile-requested-at": "now" } } });
    world.patch("ImageUpdater", "all", request).await;
    let again = async {
        world
            .wait_for(
                "it is written on request",
                || world.helm_parameter("shop", "image.tag"),
                |tag| tag == "v1.2.0",
            )
            .await;
    };
    again.await;
    // Left in peace, all is well.
    world
        .wait_for(
            "no problem is left",
            || world.status("all"),
            |status| status["problems"].is_null(),
        )
        .await;
    assert_eq!(world.events("ImagesUpdated").await.len(), 5);
    assert!(program.stop().await.success);
}

#[tokio::test]
async fn a_value_in_git_that_is_taken_back_is_pushed_twice() {
    let world = World::given(
        "
registry:
  shop: [v1.0.0, v1.1.0]
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
metadata: { name: all }
spec:
  writeBackConfig: { method: git }
  applicationRefs: [{ namePattern: shop, images: [{ alias: shop, imageName: 'REG/shop:1.x' }] }]
",
    )
    .await
    .with_flags(&["--minimum-interval=1s"]);
    let path = "shop/.argocd-source-shop.yaml";
    let program = world.start(&["--interval=1s"]);
    let mut taken = 0;
    let done = reverted(&world, "v1.1.0");
    tokio::pin!(done);
    loop {
        let text = world.git.file("deploy", "main", path).unwrap_or_default();
        if text.contains("v1.1.0") {
            taken += 1;
            world.git.commit_as_other("deploy", "main", path, "helm: {}\n");
        }
        tokio::select! {
            () = &mut done => break,
            () = tokio::time::sleep(Duration::from_millis(50)) => {}
        }
    }
    assert_eq!(taken, 2);
    assert!(program.stop().await.success);
}

#[tokio::test]
async fn an_application_of_an_application_set_is_written_with_one_warning_and_its_remedy() {
    let owned = |name: &str| {
        format!(
            "
kind: Application
metadata:
  name: {name}
  ownerReferences: [{{ apiVersion: argoproj.io/v1alpha1, kind: ApplicationSet, name: shops, uid: 00000000-0000-0000-0000-000000000001 }}]
spec: {{ project: default, destination: {{}}, source: {{ repoURL: https://charts.example.com, chart: shop, targetRevision: 1.0.0 }} }}
status: {{ sourceType: Helm, summary: {{ images: ['REG/shop:v1.0.0'] }} }}
---
"
        )
    };
    let rest = SHOP
        .split_once("---\n")
        .map_or("", |(_, rest)| rest)
        .rsplit_once("---\n");
    let updater = rest
        .map_or("", |(_, updater)| updater)
        .replace("namePattern: shop", "namePattern: 'shop*'");
    let registry = "registry:\n  shop: [v1.0.0, v1.1.0]\n---\n";
    let world = World::given(&format!("{registry}{}{}{updater}", owned("shop"), owned("shop-two"))).await;
    world.cycle().await;
    assert_eq!(world.helm_parameter("shop", "image.tag").await, "v1.1.0");
    let warning = world.condition("all", "Warning").await;
    let message = warning["message"].as_str().unwrap_or_default();
    assert!(
        message.contains("the Applications shop and shop-two are") && message.contains("ignoreApplicationDifferences"),
        "{warning}"
    );
    assert_eq!(
        message.matches("ApplicationSet,").count(),
        1,
        "one remark for both: {message}"
    );

    let git = json!({ "spec": { "writeBackConfig": { "method": "git" } } });
    world.patch("ImageUpdater", "all", git).await;
    world.cycle().await;
    assert_eq!(
        world.condition("all", "Warning").await,
        Value::Null,
        "git is the remedy"
    );
}
