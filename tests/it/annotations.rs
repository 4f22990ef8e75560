//! Applications that carry their images and settings in annotations, on real servers.

use serde_json::json;

use crate::world::World;

/// Every Application of the namespace is asked for its annotations.
const FOLLOW: &str = "
kind: ImageUpdater
metadata: { name: all }
spec:
  applicationRefs: [{ namePattern: '*', useAnnotations: true }]
";

const SHOP: &str = "
registry:
  api: [1.0.0, 1.1.0, 2.0.0]
  web: [main-7, main-12, main-100]
---
kind: Application
metadata:
  name: shop
  annotations:
    argocd-image-updater.argoproj.io/image-list: api=REG/api:>=1.0 <2.0, web=REG/web
    argocd-image-updater.argoproj.io/api.helm.image-tag: api.tag
    argocd-image-updater.argoproj.io/api.helm.image-name: api.name
    argocd-image-updater.argoproj.io/web.update-strategy: numerical
    argocd-image-updater.argoproj.io/web.extract: ^main-([0-9]+)$
    argocd-image-updater.argoproj.io/web.helm.image-tag: web.tag
    argocd-image-updater.argoproj.io/web.helm.image-name: web.name
spec:
  project: default
  destination: {}
  source: { repoURL: https://charts.example.com, chart: shop, targetRevision: 1.0.0 }
status: { sourceType: Helm, summary: { images: ['REG/api:1.0.0', 'REG/web:main-12'] } }
---
kind: Application
metadata: { name: without }
spec: { project: default, destination: {}, source: { repoURL: https://charts.example.com, chart: shop } }
status: { sourceType: Helm, summary: { images: ['REG/api:1.0.0'] } }
";

#[tokio::test]
async fn images_and_a_strategy_for_each_are_read_from_the_annotations_of_an_application() {
    let world = World::given(&format!("{SHOP}---\n{FOLLOW}")).await;
    let without = world.application("without").await;

    world.cycle().await;

    assert_eq!(world.helm_parameter("shop", "api.tag").await, "1.1.0");
    assert_eq!(world.helm_parameter("shop", "web.tag").await, "main-100");
    assert_eq!(world.application("without").await, without);
    let status = world.status("all").await;
    assert_eq!(status["applicationsMatched"], 1, "{status}");
    assert_eq!(status["imagesManaged"], 2, "{status}");
    assert_eq!(status["problems"], json!(null));
    assert_eq!(world.condition("all", "Ready").await["status"], "True");
}

#[tokio::test]
async fn the_method_git_of_an_annotation_is_used_and_that_of_the_resource_is_not() {
    let world = World::given(
        "
registry: { api: [1.0.0, 1.1.0] }
git: { deploy: { README.md: hello } }
---
kind: Application
metadata:
  name: in-git
  annotations:
    argocd-image-updater.argoproj.io/image-list: REG/api:1.x
    argocd-image-updater.argoproj.io/write-back-method: git
    argocd-image-updater.argoproj.io/git-repository: GIT/deploy
    argocd-image-updater.argoproj.io/git-branch: main
spec:
  project: default
  destination: {}
  source: { repoURL: 'https://git.example.com/elsewhere.git', path: apps/api, targetRevision: dev }
status: { sourceType: Kustomize, summary: { images: ['REG/api:1.0.0'] } }
---
kind: Application
metadata:
  name: in-place
  annotations: { argocd-image-updater.argoproj.io/image-list: 'REG/api:1.x' }
spec:
  project: default
  destination: {}
  source: { repoURL: GIT/deploy, path: apps/api }
status: { sourceType: Kustomize, summary: { images: ['REG/api:1.0.0'] } }
---
kind: Secret
metadata: { name: deploy, labels: { argocd.argoproj.io/secret-type: repository } }
stringData: { type: git, url: GIT/deploy, username: bot, password: gitpassword-6f1d }
---
kind: ImageUpdater
metadata: { name: all }
spec:
  writeBackConfig: { method: git }
  applicationRefs: [{ namePattern: '*', useAnnotations: true }]
",
    )
    .await;
    let before = world.application("in-git").await;

    world.cycle().await;

    let file = world.git.file("deploy", "main", "apps/api/.argocd-source-in-git.yaml");
    let expected = world.fill_in("kustomize:\n  images:\n  - REG/api:1.1.0\n");
    assert_eq!(file.as_deref(), Some(&*expected), "{}", world.status("all").await);
    let after = world.application("in-git").await;
    assert_eq!(after["spec"], before["spec"]);
    let images = world.kustomize_images("in-place").await;
    assert_eq!(images, json!([world.fill_in("REG/api:1.1.0")]));
}

#[tokio::test]
async fn a_mistake_in_an_annotation_is_a_problem_of_that_application_alone() {
    let world = World::given(&format!(
        "{SHOP}---
kind: Application
metadata:
  name: broken
  annotations:
    argocd-image-updater.argoproj.io/image-list: api=REG/api:1.x
    argocd-image-updater.argoproj.io/api.force-update: 'on'
spec: {{ project: default, destination: {{}}, source: {{ repoURL: https://charts.example.com, chart: shop }} }}
status: {{ sourceType: Helm, summary: {{ images: ['REG/api:1.0.0'] }} }}
---
kind: ImageUpdater
metadata: {{ name: all }}
spec:
  applicationRefs:
    - {{ namePattern: '*', images: [{{ imageName: 'REG/api:2.x' }}] }}
    - {{ namePattern: 'brok*', useAnnotations: true }}
    - {{ namePattern: 'sho*', useAnnotations: true }}
---
kind: ImageUpdater
metadata: {{ name: stalled }}
spec:
  applicationRefs: [{{ namePattern: 'shop-[', useAnnotations: true }}]
"
    ))
    .await;
    let before = world.application("broken").await;

    world.cycle().await;

    assert_eq!(
        world.application("broken").await,
        before,
        "no less specific rule is tried"
    );
    assert_eq!(world.helm_parameter("shop", "api.tag").await, "1.1.0");
    let problems = world.status("all").await["problems"].clone();
    assert_eq!(problems.as_array().map(Vec::len), Some(1), "{problems}");
    assert_eq!(problems[0]["reason"], "InvalidSetting");
    let application = problems[0]["application"].as_str().unwrap_or_default();
    assert!(application.ends_with("broken"), "{problems}");
    let message = problems[0]["message"].as_str().unwrap_or_default();
    assert!(
        message.contains("argocd-image-updater.argoproj.io/api.force-update"),
        "{message}"
    );
    assert_eq!(world.condition("all", "Error").await["status"], "True");
    assert_eq!(world.condition("stalled", "Stalled").await["status"], "True");
}

#[tokio::test]
async fn one_application_name_in_two_namespaces_has_its_own_annotations_in_each() {
    let one = World::given(&format!("{SHOP}---\n{FOLLOW}")).await;
    let two = World::given(&format!("{SHOP}---\n{FOLLOW}")).await;
    let list = two.fill_in("api=REG/api:2.x");
    let annotations = json!({ "argocd-image-updater.argoproj.io/image-list": list });
    two.patch(
        "Application",
        "shop",
        json!({ "metadata": { "annotations": annotations } }),
    )
    .await;
    let namespaces = format!("--watch-namespaces={},{}", one.namespace, two.namespace);
    let one = one.with_all_rights().with_flags(&[&namespaces]);

    one.cycle().await;

    assert_eq!(one.helm_parameter("shop", "api.tag").await, "1.1.0");
    assert_eq!(two.helm_parameter("shop", "api.tag").await, "2.0.0");
    assert_eq!(two.helm_parameter("shop", "web.tag").await, json!(null));
}
