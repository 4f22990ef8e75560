//! A second cycle over its own result writes nothing, and nothing goes to and fro.

use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn two_tags_of_one_image_do_not_take_turns() {
    // #147
    let world = World::given(
        "
registry: { app: { old: '2026-01-01T00:00:00Z', build-7: '2026-02-01T00:00:00Z' } }
applications: [{ name: app, running: ['REG/app:build-7'] }]
updater: { commonUpdateSettings: { updateStrategy: newest-build }, images: [{ alias: app, imageName: REG/app }] }
",
    )
    .await;
    world
        .registry
        .tag(&format!("{}/app", world.namespace), "build-7", "main")
        .await;

    for running in ["build-7", "main", "build-7"] {
        world.running("app", &[&format!("REG/app:{running}")]).await;
        world.cycle().await;
        assert_eq!(world.kustomize_images("app").await, json!(null), "{running}");
    }
}

#[tokio::test]
async fn two_aliases_of_one_repository_under_digest_keep_their_own_tags() {
    // #418 #1357 #420
    let world = World::given(
        "
registry: { app: [main, dev] }
applications:
  - { name: shop, type: Helm, source: { helm: {} }, running: ['REG/app:main', 'REG/app:dev'] }
updater:
  commonUpdateSettings: { updateStrategy: digest }
  images:
    - { alias: main, imageName: 'REG/app:main', manifestTargets: { helm: { spec: main } } }
    - { alias: dev, imageName: 'REG/app:dev', manifestTargets: { helm: { spec: dev } } }
",
    )
    .await;
    let main = world.push("app", "main", "2026-02-01T00:00:00Z").await;
    let dev = world.push("app", "dev", "2026-02-02T00:00:00Z").await;
    let text = |tag: &str, digest: &str| world.fill_in(&format!("REG/app:{tag}@{digest}"));

    world.cycle().await;
    assert_eq!(world.helm_parameter("shop", "main").await, json!(text("main", &main)));
    assert_eq!(world.helm_parameter("shop", "dev").await, json!(text("dev", &dev)));

    // In whichever order they are reported.
    for running in [
        [text("main", &main), text("dev", &dev)],
        [text("dev", &dev), text("main", &main)],
    ] {
        world.running("shop", &[&running[0], &running[1]]).await;
        let before = world.application("shop").await;
        world.cycle().await;
        assert_eq!(world.application("shop").await, before);
    }

    let newer = world.push("app", "main", "2026-03-01T00:00:00Z").await;
    world.cycle().await;
    assert_eq!(world.helm_parameter("shop", "main").await, json!(text("main", &newer)));
    assert_eq!(world.helm_parameter("shop", "dev").await, json!(text("dev", &dev)));
}

#[tokio::test]
async fn two_pinned_aliases_of_one_repository_keep_their_own_versions() {
    // #418 #1357 #420
    let world = World::given(
        "
registry: { app: [v1.0.0, v2.0.0] }
applications:
  - { name: shop, type: Helm, source: { helm: {} }, running: ['REG/app:v1.0.0', 'REG/app:v2.0.0'] }
updater:
  commonUpdateSettings: { pinDigest: true }
  images:
    - { alias: old, imageName: 'REG/app:1.x', manifestTargets: { helm: { spec: old } } }
    - { alias: new, imageName: 'REG/app:2.x', manifestTargets: { helm: { spec: new } } }
",
    )
    .await;
    let old = world.push("app", "v1.0.1", "2026-02-01T00:00:00Z").await;
    let new = world.push("app", "v2.0.0", "2026-02-02T00:00:00Z").await;
    let text = |tag: &str, digest: &str| world.fill_in(&format!("REG/app:{tag}@{digest}"));

    world.cycle().await;
    assert_eq!(world.helm_parameter("shop", "old").await, json!(text("v1.0.1", &old)));
    assert_eq!(world.helm_parameter("shop", "new").await, json!(text("v2.0.0", &new)));
    let written = world.application("shop").await;
    world.cycle().await;
    assert_eq!(world.application("shop").await, written, "not yet synced");

    for running in [
        [text("v1.0.1", &old), text("v2.0.0", &new)],
        [text("v2.0.0", &new), text("v1.0.1", &old)],
    ] {
        world.running("shop", &[&running[0], &running[1]]).await;
        let before = world.application("shop").await;
        world.cycle().await;
        assert_eq!(world.application("shop").await, before);
    }

    let rebuilt = world.push("app", "v2.0.0", "2026-03-01T00:00:00Z").await;
    world.cycle().await;
    assert_eq!(
        world.helm_parameter("shop", "new").await,
        json!(text("v2.0.0", &rebuilt))
    );
    assert_eq!(world.helm_parameter("shop", "old").await, json!(text("v1.0.1", &old)));
}

#[tokio::test]
async fn without_automatic_sync_each_application_is_written_once() {
    // #172 #371
    let world = World::given(
        "
registry: { app: [v1.0.0, v1.1.0, main] }
git: { deploy: { web/kustomization.yaml: 'kind: Kustomization', chart/Chart.yaml: 'name: chart' } }
credentials: { deploy: GIT/deploy }
applications:
  - { name: kustomize, running: ['REG/app:v1.0.0'] }
  - { name: helm, type: Helm, running: ['REG/app:v1.0.0'] }
  - { name: plugin, type: Plugin, running: ['REG/app:v1.0.0'] }
  - { name: digest, running: ['REG/app:main'] }
  - { name: web, source: { repoURL: GIT/deploy, targetRevision: main }, running: ['REG/app:v1.0.0'] }
  - { name: chart, type: Helm, source: { repoURL: GIT/deploy, targetRevision: main }, running: ['REG/app:main'] }
updater:
  images: [{ alias: app, imageName: 'REG/app:1.x' }]
  applicationRefs:
    - { namePattern: kustomize }
    - { namePattern: helm }
    - namePattern: plugin
      images: [{ alias: app, imageName: 'REG/app:1.x', manifestTargets: { plugin: { spec: IMAGE } } }]
    - namePattern: digest
      images: [{ alias: app, imageName: 'REG/app:main', commonUpdateSettings: { updateStrategy: digest } }]
    - { namePattern: web, writeBackConfig: { method: git } }
    - namePattern: chart
      writeBackConfig: { method: git }
      images: [{ alias: app, imageName: 'REG/app:main', commonUpdateSettings: { updateStrategy: digest } }]
",
    )
    .await;
    world.cycle().await;
    let mut written = Vec::new();
    for name in ["kustomize", "helm", "plugin", "digest"] {
        let application = world.application(name).await;
        assert!(
            application["spec"]["source"].to_string().contains("/app"),
            "{application}"
        );
        written.push((name, application));
    }
    assert_eq!(world.git.log("deploy", "main").len(), 3, "two commits on the first one");

    for _ in 0..2 {
        world.cycle().await;
    }

    for (name, application) in written {
        assert_eq!(world.application(name).await, application, "{name}");
    }
    assert_eq!(world.git.log("deploy", "main").len(), 3);
    assert_eq!(world.git.requests().pushes, 1);
    assert_eq!(world.status("all").await.get("problems"), None);
}

#[tokio::test]
async fn two_spellings_of_one_version_stay_whichever_of_them_runs() {
    // #375
    let world = World::given(
        "
registry: { app: ['1.20', 1.20.0, v1.20.0] }
applications: [{ name: app }]
updater: { images: [{ alias: app, imageName: 'REG/app:1.x' }] }
",
    )
    .await;
    for running in ["1.20", "1.20.0", "v1.20.0"] {
        world.running("app", &[&format!("REG/app:{running}")]).await;
        world.cycle().await;
        assert_eq!(world.kustomize_images("app").await, json!(null), "{running}");
    }
}
