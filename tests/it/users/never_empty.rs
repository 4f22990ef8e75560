//! An empty tag is never written: whatever is not known stays as it stands.

use serde_json::json;

use super::scripted;
use crate::world::{World, parameter};

#[tokio::test]
async fn a_registry_that_lists_no_tags_changes_no_kind_of_source() {
    // #1505
    let world = World::given(
        "
applications:
  - { name: kustomize, running: ['r.example.com/app:v1.0.0'] }
  - name: helm
    type: Helm
    source: { helm: { parameters: [{ name: image.tag, value: v1.0.0 }] } }
    running: ['r.example.com/app:v1.0.0']
  - name: plugin
    type: Plugin
    source: { plugin: { env: [{ name: IMAGE, value: 'r.example.com/app:v1.0.0' }] } }
    running: ['r.example.com/app:v1.0.0']
updater:
  images: [{ alias: app, imageName: r.example.com/app }]
  applicationRefs:
    - { namePattern: kustomize }
    - { namePattern: helm }
    - namePattern: plugin
      images: [{ alias: app, imageName: r.example.com/app, manifestTargets: { plugin: { spec: IMAGE } } }]
",
    )
    .await;
    let registry = scripted(&world, "").await;
    registry.push("app", "v1.0.0", "2026-01-01T00:00:00Z");
    registry.delete_tag("app", "v1.0.0");
    let names = ["kustomize", "helm", "plugin"];
    let mut before = Vec::new();
    for name in names {
        before.push(world.application(name).await);
    }

    world.cycle().await;

    for (name, before) in names.iter().zip(before) {
        assert_eq!(world.application(name).await, before, "{name}");
    }
    assert!(registry.count("/tags/list") > 0, "it was asked");
}

#[tokio::test]
async fn an_application_that_is_scaled_to_zero_keeps_what_git_says() {
    // #1523
    let world = World::given(
        "
registry: { app: [v1.0.0, v1.1.0] }
git: { deploy: { app/kustomization.yaml: 'kind: Kustomization' } }
credentials: { deploy: GIT/deploy }
applications:
  - { name: app, source: { repoURL: GIT/deploy, path: app, targetRevision: main }, running: ['REG/app:v1.0.0'] }
updater:
  writeBackConfig: { method: git }
  images: [{ alias: app, imageName: 'REG/app:1.x' }]
",
    )
    .await;
    world.cycle().await;
    let file = || world.git.file("deploy", "main", "app/.argocd-source-app.yaml");
    let written = file();
    assert!(
        written.as_ref().is_some_and(|text| text.contains("app:v1.1.0")),
        "{written:?}"
    );

    world.running("app", &[]).await;
    world.push("app", "v1.2.0", "2026-02-01T00:00:00Z").await;
    world.cycle().await;

    assert_eq!(file(), written);
    assert_eq!(world.git.log("deploy", "main").len(), 2);
}

#[tokio::test]
async fn a_forced_application_that_is_scaled_to_zero_is_written_once() {
    // #1523
    let world = World::given(
        "
registry: { app: [v1.0.0, v1.1.0] }
applications:
  - { name: app, type: Helm, source: { helm: { parameters: [{ name: image.tag, value: v1.0.0 }] } } }
updater: { commonUpdateSettings: { forceUpdate: true }, images: [{ alias: app, imageName: 'REG/app:1.x' }] }
",
    )
    .await;

    world.cycle().await;
    let after = world.application("app").await;
    assert_eq!(parameter(&after["spec"]["source"], "image.tag"), "v1.1.0");

    world.cycle().await;
    assert_eq!(world.application("app").await, after);
}

/// Two images of one chart, of which only `api` has a newer tag.
const TWO: &str = "
registry: { api: [v1.0.0, v1.1.0], web: [v3.0.0] }
git: { deploy: { shop/Chart.yaml: 'name: shop' } }
credentials: { deploy: GIT/deploy }
applications:
  - name: shop
    type: Helm
    source:
      repoURL: GIT/deploy
      path: shop
      targetRevision: main
      helm: { parameters: [{ name: api.tag, value: v1.0.0 }, { name: web.tag, value: v3.0.0 }] }
    running: ['REG/api:v1.0.0', 'REG/web:v3.0.0']
updater:
  WRITE_BACK
  images:
    - { alias: api, imageName: 'REG/api:1.x', manifestTargets: { helm: { name: api.image, tag: api.tag } } }
    - { alias: web, imageName: 'REG/web:3.x', manifestTargets: { helm: { name: web.image, tag: web.tag } } }
";

#[tokio::test]
async fn an_update_of_one_image_leaves_the_parameters_of_the_other() {
    // #1584
    let world = World::given(&TWO.replace("WRITE_BACK", "")).await;

    world.cycle().await;

    let parameters = world.application("shop").await["spec"]["source"]["helm"]["parameters"].clone();
    let expected = json!([
        { "name": "api.tag", "value": "v1.1.0", "forceString": true },
        { "name": "web.tag", "value": "v3.0.0" },
        { "name": "api.image", "value": world.fill_in("REG/api"), "forceString": true },
    ]);
    assert_eq!(parameters, expected);
}

#[tokio::test]
async fn an_update_of_one_image_keeps_the_other_in_the_override_file() {
    // #1584
    let world = World::given(&TWO.replace("WRITE_BACK", "writeBackConfig: { method: git }")).await;

    world.cycle().await;

    let file = world
        .git
        .file("deploy", "main", "shop/.argocd-source-shop.yaml")
        .unwrap_or_default();
    let file: serde_json::Value = yaml_serde::from_str(&file).expect("YAML");
    assert_eq!(parameter(&file, "api.tag"), "v1.1.0");
    assert_eq!(parameter(&file, "web.tag"), "v3.0.0");
    assert_eq!(parameter(&file, "web.image"), json!(world.fill_in("REG/web")));
}

#[tokio::test]
async fn a_forced_image_without_a_tag_in_its_name_gets_a_real_tag_or_nothing() {
    // #1379
    let world = World::given(
        "
registry: { app: [v1.0.0, v1.1.0], words: [main] }
applications: [{ name: job }]
updater:
  commonUpdateSettings: { forceUpdate: true }
  images:
    - { alias: app, imageName: REG/app }
    - { alias: words, imageName: REG/words }
    - { alias: digest, imageName: REG/digest, commonUpdateSettings: { updateStrategy: digest } }
",
    )
    .await;

    world.cycle().await;

    assert_eq!(
        world.kustomize_images("job").await,
        json!([world.fill_in("REG/app:v1.1.0")])
    );
    assert_eq!(world.problem("digest").await, "InvalidConstraint");
}
