//! Images that do not run now, whose current version stands in the manifest.

use serde_json::{Value, json};

use crate::{folder::Folder, world::World};

#[tokio::test]
async fn an_application_that_is_scaled_to_zero_is_followed_by_its_manifest() {
    let world = World::given(
        "
registry:
  shop: [v1.0.0, v1.1.0]
  job: [v1.0.0, v1.1.0]
---
kind: Application
metadata: { name: shop }
spec:
  project: default
  destination: {}
  source:
    repoURL: https://charts.example.com
    chart: shop
    targetRevision: 1.0.0
    helm: { parameters: [{ name: image.tag, value: v1.0.0 }, { name: job.tag, value: v1.1.0 }] }
status: { sourceType: Helm, summary: { images: [] } }
---
kind: ImageUpdater
metadata: { name: all }
spec:
  commonUpdateSettings: { currentFrom: manifest }
  applicationRefs:
    - namePattern: shop
      images:
        - { alias: shop, imageName: 'REG/shop:1.x' }
        - { alias: job, imageName: 'REG/job:1.x', manifestTargets: { helm: { name: job.name, tag: job.tag } } }
        - { alias: new, imageName: 'REG/shop:~1.0', manifestTargets: { helm: { spec: new.image } } }
        - { alias: away, imageName: 'REG/shop:1.x', commonUpdateSettings: { currentFrom: live } }
",
    )
    .await;
    world.cycle().await;
    assert_eq!(world.helm_parameter("shop", "image.tag").await, "v1.1.0");
    assert_eq!(
        world.helm_parameter("shop", "job.name").await,
        json!(null),
        "it is up to date"
    );
    assert_eq!(
        world.helm_parameter("shop", "new.image").await,
        json!(world.fill_in("REG/shop:v1.0.0")),
        "nothing stood there"
    );
    let status = world.status("all").await;
    assert_eq!(status["imagesManaged"], 3, "not the one that does not run: {status}");
    let update = status["recentUpdates"]
        .as_array()
        .and_then(|all| all.iter().find(|update| update["alias"] == "shop"))
        .cloned()
        .unwrap_or_default();
    assert_eq!(update["message"], "updated from v1.0.0 to v1.1.0");

    let written = world.application("shop").await;
    world.cycle().await;
    assert_eq!(world.application("shop").await, written, "its own result needs nothing");
}

#[tokio::test]
async fn a_version_in_the_inline_values_is_the_current_one_and_stays_as_it_stands() {
    let inline = |text: &str| {
        format!(
            "
registry:
  shop: [v1.0.0, v1.1.0]
---
kind: Application
metadata: {{ name: shop }}
spec:
  project: default
  destination: {{}}
  source:
    repoURL: https://charts.example.com
    chart: shop
    targetRevision: 1.0.0
    helm: {text}
status: {{ sourceType: Helm, summary: {{ images: [] }} }}
---
kind: ImageUpdater
metadata: {{ name: all }}
spec:
  commonUpdateSettings: {{ currentFrom: manifest }}
  applicationRefs:
    - namePattern: shop
      images: [{{ alias: shop, imageName: 'REG/shop:1.x' }}]
"
        )
    };
    for (helm, written, told) in [
        (
            "{ valuesObject: { image: { tag: v1.5.0 } } }",
            json!(null),
            "WouldDowngrade",
        ),
        (
            r#"{ values: "image: {tag: v1.5.0} # ours\n" }"#,
            json!(null),
            "WouldDowngrade",
        ),
        (r#"{ values: "image: {tag: v1.1.0}\n" }"#, json!(null), "UpToDate"),
        (
            r#"{ values: "image: {tag: v1.0.0} # ours\n", valuesObject: { odd: [] } }"#,
            json!("v1.1.0"),
            "v1.0.0",
        ),
        (r#"{ values: "image: {tag: v1.0.0" }"#, json!(null), "TargetUnusable"),
    ] {
        let world = World::given(&inline(helm)).await;
        let before = world.application("shop").await;
        let plan = world.plan(&["-o", "json"]).await;
        assert!(plan.stdout.contains(told), "{helm}: {}", plan.stdout);
        world.cycle().await;
        assert_eq!(world.helm_parameter("shop", "image.tag").await, written, "{helm}");
        let after = world.application("shop").await;
        for field in ["values", "valuesObject"] {
            let at = |application: &Value| application["spec"]["source"]["helm"][field].clone();
            assert_eq!(at(&after), at(&before), "{helm}");
        }
    }
}

#[tokio::test]
async fn an_application_that_argo_cd_never_saw_is_followed_by_its_explicit_block() {
    let shop = "\
kind: Application
apiVersion: argoproj.io/v1alpha1
metadata: {name: shop}
spec:
  project: default
  source:
    repoURL: https://charts.example.com
    chart: shop
    helm:
      valuesObject: {image: {tag: v1.0.0}} # ours
";
    let web = "\
kind: Application
apiVersion: argoproj.io/v1alpha1
metadata: {name: web}
spec:
  project: default
  source:
    repoURL: https://git.example.com/web
    path: web
    kustomize:
      images: ['registry.example.com/shop:v1.0.0'] # ours
status: {sourceType: Directory}
";
    let updater = "\
apiVersion: argocd-image-updater.argoproj.io/v1alpha1
kind: ImageUpdater
metadata: {name: all}
spec:
  commonUpdateSettings: {currentFrom: manifest}
  applicationRefs:
  - namePattern: '*'
    images:
    - {alias: shop, imageName: 'registry.example.com/shop:1.x'}
    - {alias: live, imageName: 'registry.example.com/other:1.x', commonUpdateSettings: {currentFrom: live}}
";
    let folder = Folder::given(&[("shop.yaml", shop), ("web.yaml", web), ("updater.yaml", updater)]).await;

    let run = folder.once().await;

    assert!(run.success, "{}", run.log);
    let written = folder.read("shop.yaml");
    assert!(written.starts_with(shop.trim_end()), "{written}");
    assert!(written.contains("v1.1.0"), "{written}");
    assert_eq!(folder.read("web.yaml"), web.replace("v1.0.0", "v1.1.0"));
    assert!(!run.log.contains("UnsupportedSource"), "{}", run.log);
    assert!(
        !written.contains("other"),
        "an image that runs nowhere is left alone: {written}"
    );

    let again = folder.once().await;
    assert!(again.success, "{}", again.log);
    assert_eq!(folder.read("shop.yaml"), written, "its own result needs nothing");
}
