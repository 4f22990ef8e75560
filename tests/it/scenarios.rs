//! The main job on real servers: a new tag in a registry reaches an Application, or git.

use std::fmt::Write as _;

use serde_json::json;

use crate::world::{World, parameter};

/// A Helm application that runs `shop:v1.0.0`, and a registry with newer tags.
const SHOP: &str = "
registry:
  shop: [v1.0.0, v1.0.1, v1.1.0, v2.0.0, latest]
---
kind: Application
metadata: { name: shop, labels: { team: web } }
spec:
  project: default
  destination: { server: https://kubernetes.default.svc, namespace: shop }
  source: { repoURL: https://charts.example.com, chart: shop, targetRevision: 1.0.0 }
status:
  sourceType: Helm
  summary: { images: [REG/shop:v1.0.0] }
";

fn shop_with(updater: &str) -> String {
    format!("{SHOP}---\n{updater}")
}

#[tokio::test]
async fn a_new_tag_reaches_the_helm_parameters_of_an_application() {
    let world = World::given(&shop_with(
        "
kind: ImageUpdater
metadata: { name: all }
spec:
  applicationRefs:
    - namePattern: shop
      images: [{ alias: shop, imageName: 'REG/shop:1.x' }]
",
    ))
    .await;

    world.cycle().await;

    assert_eq!(world.helm_parameter("shop", "image.tag").await, "v1.1.0");
    assert_eq!(
        world.helm_parameter("shop", "image.name").await,
        json!(world.fill_in("REG/shop"))
    );
    let status = world.status("all").await;
    assert_eq!(status["applicationsMatched"], 1);
    assert_eq!(status["imagesManaged"], 1);
    assert_eq!(status["observedGeneration"], 1);
    assert_eq!(status["recentUpdates"][0]["alias"], "shop");
    assert_eq!(status["recentUpdates"][0]["newVersion"], "v1.1.0");
    assert_eq!(status["recentUpdates"][0]["applicationsUpdated"], 1);
    assert_eq!(world.condition("all", "Ready").await["reason"], "ReconcileSucceeded");
    assert_eq!(world.condition("all", "Error").await["status"], "False");
    assert_eq!(world.condition("all", "Reconciling").await["reason"], "Idle");
    let events = world.events("ImagesUpdated").await;
    assert_eq!(events.len(), 1, "{events:?}");
    let annotations = &events[0]["metadata"]["annotations"];
    assert_eq!(annotations["argocd-image-updater.image-0/new-tag"], "v1.1.0");
    assert_eq!(annotations["argocd-image-updater.image-0/old-tag"], "v1.0.0");
    assert_eq!(events[0]["involvedObject"]["kind"], "Application");
}

#[tokio::test]
async fn a_second_cycle_over_its_own_result_writes_nothing() {
    let world = World::given(&shop_with(
        "
kind: ImageUpdater
metadata: { name: all }
spec:
  applicationRefs:
    - namePattern: shop
      images: [{ alias: shop, imageName: 'REG/shop:1.x' }]
",
    ))
    .await;
    world.cycle().await;
    let before = world.application("shop").await;

    world.cycle().await;
    assert_eq!(
        world.application("shop").await,
        before,
        "not even a new resourceVersion"
    );
    assert_eq!(world.events("ImagesUpdated").await.len(), 1);

    world.running("shop", &["REG/shop:v1.1.0"]).await;
    let synced = world.application("shop").await;
    world.cycle().await;
    assert_eq!(world.application("shop").await, synced);
    assert_eq!(world.status("all").await["imagesManaged"], 1);
}

#[tokio::test]
async fn one_helm_parameter_may_hold_the_whole_reference_and_others_stay() {
    let world = World::given(
        "
registry:
  shop: [1.0.0, 1.2.0]
---
kind: Application
metadata: { name: shop }
spec:
  project: default
  destination: {}
  source:
    repoURL: https://git.example.com/a.git
    path: shop
    helm:
      releaseName: ''
      skipCrds: false
      parameters:
        - { name: replicas, value: '3' }
        - { name: image, value: 'old', forceString: false }
        - { name: empty, value: '' }
status:
  sourceType: Helm
  summary: { images: ['REG/shop:1.0.0'] }
---
kind: ImageUpdater
metadata: { name: all }
spec:
  applicationRefs:
    - namePattern: sh?p
      images:
        - alias: shop
          imageName: 'REG/shop:~1'
          manifestTargets: { helm: { spec: image } }
",
    )
    .await;

    world.cycle().await;

    let helm = world.application("shop").await["spec"]["source"]["helm"].clone();
    assert_eq!(
        helm,
        json!({
            "releaseName": "",
            "skipCrds": false,
            "parameters": [
                { "name": "replicas", "value": "3" },
                { "name": "image", "value": world.fill_in("REG/shop:1.2.0"), "forceString": true },
                { "name": "empty", "value": "" },
            ],
        })
    );
}

#[tokio::test]
async fn the_source_with_the_helm_block_is_written_of_several_sources() {
    let world = World::given(
        "
registry:
  shop: [1.0.0, 1.2.0]
---
kind: Application
metadata: { name: shop }
spec:
  project: default
  destination: {}
  sources:
    - { repoURL: https://git.example.com/values.git, ref: values }
    - repoURL: https://charts.example.com
      chart: shop
      targetRevision: 1.0.0
      helm: { valueFiles: [$values/shop.yaml] }
status:
  sourceTypes: [Directory, Helm]
  summary: { images: ['REG/shop:1.0.0'] }
---
kind: ImageUpdater
metadata: { name: all }
spec:
  applicationRefs:
    - namePattern: shop
      images: [{ alias: shop, imageName: 'REG/shop:1.x' }]
",
    )
    .await;

    world.cycle().await;

    let sources = world.application("shop").await["spec"]["sources"].clone();
    assert_eq!(parameter(&sources[1], "image.tag"), "1.2.0");
    assert_eq!(sources[1]["helm"]["valueFiles"], json!(["$values/shop.yaml"]));
    assert_eq!(sources[0].get("helm"), None);
}

#[tokio::test]
async fn a_renamed_kustomize_image_is_replaced_and_stays_converged() {
    let world = World::given(
        "
registry:
  api: [v1.0.0, v1.1.0]
---
kind: Application
metadata: { name: api }
spec:
  project: default
  destination: {}
  source:
    repoURL: https://git.example.com/a.git
    path: api
    kustomize: { images: ['upstream/api=REG/api:v1.0.0', 'other:1'] }
status:
  sourceType: Kustomize
  summary: { images: ['REG/api:v1.0.0'] }
---
kind: ImageUpdater
metadata: { name: all }
spec:
  applicationRefs:
    - namePattern: api
      images:
        - alias: api
          imageName: 'REG/api:1.x'
          manifestTargets: { kustomize: { name: upstream/api } }
",
    )
    .await;

    world.cycle().await;

    let expected = json!([format!("upstream/api={}", world.fill_in("REG/api:v1.1.0")), "other:1"]);
    let after = world.application("api").await;
    assert_eq!(after["spec"]["source"]["kustomize"]["images"], expected);
    world.cycle().await;
    assert_eq!(world.application("api").await, after);
}

#[tokio::test]
async fn a_plugin_gets_its_environment() {
    let world = World::given(
        "
registry:
  api: [v1.0.0, v1.1.0]
---
kind: Application
metadata: { name: api }
spec:
  project: default
  destination: {}
  source:
    repoURL: https://git.example.com/a.git
    path: api
    plugin: { name: cdk8s, env: [{ name: STAGE, value: prod }] }
status:
  sourceType: Plugin
  summary: { images: ['REG/api:v1.0.0'] }
---
kind: ImageUpdater
metadata: { name: all }
spec:
  applicationRefs:
    - namePattern: api
      images:
        - alias: api
          imageName: 'REG/api:1.x'
          manifestTargets: { plugin: { name: IMAGE, tag: TAG } }
",
    )
    .await;

    world.cycle().await;

    let expected = json!([
        { "name": "STAGE", "value": "prod" },
        { "name": "IMAGE", "value": world.fill_in("REG/api") },
        { "name": "TAG", "value": "v1.1.0" },
    ]);
    assert_eq!(
        world.application("api").await["spec"]["source"]["plugin"]["env"],
        expected
    );
}

#[tokio::test]
async fn each_strategy_picks_its_own_tag() {
    let world = World::given(
        "
registry:
  app:
    '1.2.0': '2026-01-03T00:00:00Z'
    '1.10.0': '2026-01-02T00:00:00Z'
    zebra: '2026-01-01T00:00:00Z'
    main: '2026-01-05T00:00:00Z'
---
kind: Application
metadata: { name: semver }
spec: { project: default, destination: {}, source: { repoURL: https://git.example.com/a.git, path: a } }
status: { sourceType: Kustomize, summary: { images: ['REG/app:1.2.0'] } }
---
kind: Application
metadata: { name: newest }
spec: { project: default, destination: {}, source: { repoURL: https://git.example.com/a.git, path: a } }
status: { sourceType: Kustomize, summary: { images: ['REG/app:1.2.0'] } }
---
kind: Application
metadata: { name: name }
spec: { project: default, destination: {}, source: { repoURL: https://git.example.com/a.git, path: a } }
status: { sourceType: Kustomize, summary: { images: ['REG/app:1.2.0'] } }
---
kind: Application
metadata: { name: digest }
spec: { project: default, destination: {}, source: { repoURL: https://git.example.com/a.git, path: a } }
status: { sourceType: Kustomize, summary: { images: ['REG/app:main'] } }
---
kind: ImageUpdater
metadata: { name: all }
spec:
  images: [{ imageName: REG/app }]
  applicationRefs:
    - { namePattern: semver }
    - { namePattern: newest, commonUpdateSettings: { updateStrategy: newest-build } }
    - namePattern: name
      images: [{ imageName: REG/app, updateStrategy: name, allowTags: [{ regex: '^[a-z]+$' }] }]
    - namePattern: digest
      images: [{ imageName: 'REG/app:main', commonUpdateSettings: { updateStrategy: digest } }]
",
    )
    .await;
    let digest = world.push("app", "main", "2026-01-05T00:00:00Z").await;

    world.cycle().await;

    for (application, version) in [
        ("semver", ":1.10.0".to_owned()),
        ("newest", ":main".to_owned()),
        ("name", ":zebra".to_owned()),
        ("digest", format!(":main@{digest}")),
    ] {
        let images = world.application(application).await["spec"]["source"]["kustomize"]["images"].clone();
        assert_eq!(
            images,
            json!([format!("{}{version}", world.fill_in("REG/app"))]),
            "{application}"
        );
    }
    assert_eq!(world.status("all").await["applicationsMatched"], 4);
}

#[tokio::test]
async fn the_most_specific_rule_wins_and_other_applications_are_left_alone() {
    let application = |name: &str, labels: &str| {
        format!(
            "
kind: Application
metadata: {{ name: {name}, labels: {labels} }}
spec: {{ project: default, destination: {{}}, source: {{ repoURL: https://git.example.com/a.git, path: a }} }}
status: {{ sourceType: Kustomize, summary: {{ images: ['REG/app:1.0.0'] }} }}
"
        )
    };
    let world = World::given(&format!(
        "
registry:
  app: [1.0.0, 1.0.5, 1.5.0, 2.5.0]
---{}---{}---{}---
kind: ImageUpdater
metadata: {{ name: rules }}
spec:
  applicationRefs:
    - namePattern: shop-*
      images: [{{ alias: app, imageName: 'REG/app:~1.0' }}]
    - namePattern: '*'
      labelSelectors: {{ matchLabels: {{ track: fast }} }}
      images: [{{ alias: app, imageName: 'REG/app:^1' }}]
---
kind: ImageUpdater
metadata: {{ name: other }}
spec:
  applicationRefs:
    - namePattern: web
      images: [{{ alias: app, imageName: 'REG/app:2.x' }}]
",
        application("shop-slow", "{}"),
        application("shop-fast", "{ track: fast }"),
        application("web", "{}"),
    ))
    .await;

    world.cycle().await;

    for (name, tag) in [("shop-slow", "1.0.5"), ("shop-fast", "1.5.0"), ("web", "2.5.0")] {
        let images = world.application(name).await["spec"]["source"]["kustomize"]["images"].clone();
        assert_eq!(images, json!([world.fill_in(&format!("REG/app:{tag}"))]), "{name}");
    }
    assert_eq!(world.status("rules").await["applicationsMatched"], 2);
    assert_eq!(world.status("other").await["applicationsMatched"], 1);
}

/// An application that lies in git, and its updater.
const GIT: &str = "
registry:
  web: [v1.0.0, v1.1.0]
git:
  deploy: { apps/web/kustomization.yaml: 'kind: Kustomization' }
---
kind: Application
metadata: { name: web }
spec:
  project: default
  destination: {}
  source: { repoURL: GIT/deploy, path: apps/web, targetRevision: main }
status: { sourceType: Kustomize, summary: { images: ['REG/web:v1.0.0'] } }
---
kind: Secret
metadata: { name: deploy, labels: { argocd.argoproj.io/secret-type: repository } }
stringData: { type: git, url: GIT/deploy, username: bot, password: gitpassword-6f1d }
---
kind: ImageUpdater
metadata: { name: all }
spec:
  writeBackConfig: { method: git, gitCommitUser: release-bot, gitCommitEmail: bot@example.com }
  applicationRefs:
    - namePattern: web
      images: [{ alias: web, imageName: 'REG/web:1.x' }]
";

#[tokio::test]
async fn a_new_tag_is_committed_and_pushed_and_the_application_is_not_touched() {
    let world = World::given(GIT).await;
    world.git.require_password("bot", "gitpassword-6f1d");
    let before = world.application("web").await;

    world.cycle().await;

    let file = world.git.file("deploy", "main", "apps/web/.argocd-source-web.yaml");
    assert_eq!(
        file.as_deref(),
        Some(&*world.fill_in("kustomize:\n  images:\n  - REG/web:v1.1.0\n"))
    );
    let log = world.git.log("deploy", "main");
    assert_eq!(log.len(), 2, "{log:?}");
    assert!(
        log[0]
            .message
            .starts_with("build: automatic update of web\n\nupdates image "),
        "{}",
        log[0].message
    );
    assert!(
        log[0].message.contains("/web tag 'v1.0.0' to 'v1.1.0'"),
        "{}",
        log[0].message
    );
    assert_eq!(log[0].author, "release-bot <bot@example.com>");
    assert_eq!(world.application("web").await["spec"], before["spec"]);
    let status = world.status("all").await;
    assert_eq!(status["recentUpdates"][0]["newVersion"], "v1.1.0");
    assert_eq!(status["writes"][0]["commit"], json!(log[0].id));

    world.cycle().await;
    assert_eq!(world.git.log("deploy", "main").len(), 2);
    assert_eq!(world.git.requests().pushes, 1);
    assert_eq!(world.events("ImagesUpdated").await.len(), 1);
}

#[tokio::test]
async fn many_applications_of_one_repository_are_one_fetch_and_one_push() {
    let mut yaml = GIT.replace("namePattern: web", "namePattern: web*");
    for number in 0..20 {
        let _ = write!(
            yaml,
            "
---
kind: Application
metadata: {{ name: web-{number} }}
spec:
  project: default
  destination: {{}}
  source: {{ repoURL: GIT/deploy, path: apps/web-{number}, targetRevision: main }}
status: {{ sourceType: Kustomize, summary: {{ images: ['REG/web:v1.0.0'] }} }}
"
        );
    }
    let world = World::given(&yaml).await;

    world.cycle().await;

    assert_eq!(world.git.log("deploy", "main").len(), 22);
    let requests = world.git.requests();
    assert_eq!((requests.fetches, requests.pushes), (1, 1), "{requests:?}");
    assert_eq!(world.status("all").await["recentUpdates"][0]["applicationsUpdated"], 21);
}

#[tokio::test]
async fn a_refused_push_is_told_in_the_servers_words_and_nothing_is_claimed() {
    let world = World::given(GIT).await;
    world.git.refuse_pushes("deploy", "main is frozen until Monday");

    world.cycle().await;

    assert_eq!(world.git.log("deploy", "main").len(), 1);
    let status = world.status("all").await;
    assert_eq!(status.get("recentUpdates"), None, "{status}");
    assert_eq!(status["problems"][0]["reason"], "WriteFailed");
    let message = status["problems"][0]["message"].as_str().unwrap_or_default().to_owned();
    assert!(message.contains("main is frozen until Monday"), "{message}");
    assert_eq!(world.condition("all", "Error").await["reason"], "PartialErrors");
    assert!(world.events("ImagesUpdated").await.is_empty());
}

#[tokio::test]
async fn a_commit_of_somebody_else_just_before_the_push_is_kept() {
    let world = World::given(GIT).await;
    world
        .git
        .sneak_in_before_next_push("deploy", "main", "README.md", "hello");

    world.cycle().await;

    let log = world.git.log("deploy", "main");
    assert_eq!(log.len(), 3, "{log:?}");
    assert_eq!(world.git.file("deploy", "main", "README.md").as_deref(), Some("hello"));
    assert!(
        world
            .git
            .file("deploy", "main", "apps/web/.argocd-source-web.yaml")
            .is_some()
    );
    assert_eq!(world.status("all").await.get("problems"), None);
}

#[tokio::test]
async fn a_wrong_git_password_is_told_without_the_password() {
    let world = World::given(GIT).await;
    world.git.require_password("bot", "another");

    world.cycle().await;

    let status = world.status("all").await;
    assert_eq!(status["problems"][0]["reason"], "CredentialsUnavailable", "{status}");
    assert!(!status.to_string().contains("gitpassword-6f1d"));
}

#[tokio::test]
async fn the_credentials_of_one_project_never_serve_another() {
    let other = GIT
        [GIT.find("---\nkind: Application").expect("a part")..GIT.find("---\nkind: Secret").expect("a part")]
        .replace("name: web", "name: web-other")
        .replace("project: default", "project: beta")
        .replace("apps/web", "apps/other");
    let yaml = GIT
        .replace("stringData: { type: git,", "stringData: { project: default, type: git,")
        .replace("namePattern: web", "namePattern: web*");
    let world = World::given(&format!("{yaml}{other}")).await;
    world.git.require_password("bot", "gitpassword-6f1d");

    world.cycle().await;

    let log = world.git.log("deploy", "main");
    assert_eq!(log.len(), 2, "{log:?}");
    assert!(
        world
            .git
            .file("deploy", "main", "apps/web/.argocd-source-web.yaml")
            .is_some()
    );
    let problem = world.status("all").await["problems"][0].clone();
    assert_eq!(problem["reason"], "CredentialsUnavailable");
    assert!(
        problem["application"]
            .as_str()
            .unwrap_or_default()
            .ends_with("/web-other"),
        "{problem}"
    );
}

#[tokio::test]
async fn dry_run_decides_and_writes_nothing() {
    let world = World::given(GIT).await.with_flags(&["--dry-run"]);
    let before = world.application("web").await;

    let run = world.cycle().await;

    assert!(run.log.contains("dry run"), "{}", run.log);
    assert_eq!(world.git.log("deploy", "main").len(), 1);
    assert_eq!(world.application("web").await, before);
    let status = world.status("all").await;
    assert_eq!(
        (status.get("recentUpdates"), status.get("lastUpdatedAt")),
        (None, None),
        "{status}"
    );
}

#[tokio::test]
async fn what_is_not_implemented_is_named_and_never_ignored() {
    let world = World::given(&shop_with(
        "
kind: ImageUpdater
metadata: { name: all }
spec:
  imagesVerification: { keyless: { identities: [] } }
  applicationRefs:
    - namePattern: shop
      images: [{ alias: shop, imageName: 'REG/shop:1.x' }]
",
    ))
    .await;
    let before = world.application("shop").await;

    world.cycle().await;

    assert_eq!(world.application("shop").await, before);
    let problem = world.status("all").await["problems"][0].clone();
    assert_eq!(problem["reason"], "UnsupportedSetting");
    assert!(
        problem["message"]
            .as_str()
            .unwrap_or_default()
            .contains("spec.imagesVerification.keyless"),
        "{problem}"
    );
}

#[tokio::test]
async fn an_invalid_pattern_stalls_the_resource_and_others_go_on() {
    let world = World::given(&shop_with(
        "
kind: ImageUpdater
metadata: { name: broken }
spec:
  applicationRefs:
    - namePattern: shop
      images: [{ alias: shop, imageName: 'REG/shop:2.x' }]
    - namePattern: 'shop-['
      images: [{ alias: shop, imageName: 'REG/shop:2.x' }]
---
kind: ImageUpdater
metadata: { name: good }
spec:
  applicationRefs:
    - namePattern: shop
      images: [{ alias: shop, imageName: 'REG/shop:1.x' }]
",
    ))
    .await;

    world.cycle().await;

    assert_eq!(world.helm_parameter("shop", "image.tag").await, "v1.1.0");
    let stalled = world.condition("broken", "Stalled").await;
    assert_eq!(stalled["status"], "True");
    let message = stalled["message"].as_str().unwrap_or_default().to_owned();
    assert!(message.contains("spec.applicationRefs[1].namePattern"), "{message}");
    assert_eq!(world.condition("broken", "Ready").await["reason"], "ReconcileFailed");
    assert_eq!(world.condition("good", "Ready").await["status"], "True");
}

#[tokio::test]
async fn bad_settings_of_one_image_do_not_stop_the_others() {
    let world = World::given(
        "
registry:
  shop: [v1.0.0, v1.1.0]
  web: [v1.0.0, v1.1.0]
---
kind: Application
metadata: { name: shop }
spec: { project: default, destination: {}, source: { repoURL: https://git.example.com/a.git, path: a } }
status: { sourceType: Kustomize, summary: { images: ['REG/shop:v1.0.0', 'REG/web:v1.0.0'] } }
---
kind: ImageUpdater
metadata: { name: all }
spec:
  applicationRefs:
    - namePattern: shop
      images:
        - { alias: shop, imageName: 'REG/shop:not a constraint' }
        - { alias: web, imageName: 'REG/web:1.x', commonUpdateSettings: { updateStrategy: newes } }
        - { alias: bad, imageName: REG/web, commonUpdateSettings: { allowTags: 'regexp:(' } }
",
    )
    .await;

    world.cycle().await;

    let images = world.application("shop").await["spec"]["source"]["kustomize"]["images"].clone();
    assert_eq!(images, json!([world.fill_in("REG/web:v1.1.0")]));
    let status = world.status("all").await;
    let problems = status["problems"].as_array().cloned().unwrap_or_default();
    let reasons: Vec<_> = problems
        .iter()
        .map(|p| (p["alias"].clone(), p["reason"].clone()))
        .collect();
    assert_eq!(
        reasons,
        [
            (json!("shop"), json!("InvalidConstraint")),
            (json!("bad"), json!("InvalidPattern"))
        ],
        "{status}"
    );
    let warning = world.condition("all", "Warning").await["message"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    assert!(warning.contains("newes"), "{warning}");
}

#[tokio::test]
async fn a_finalizer_of_the_original_is_removed_and_none_is_added() {
    let world = World::given(
        "
kind: ImageUpdater
metadata: { name: old, finalizers: [resources-finalizer.argocd-image-updater.argoproj.io] }
spec:
  applicationRefs: [{ namePattern: none, images: [{ alias: a, imageName: a }] }]
",
    )
    .await;

    world.cycle().await;

    assert_eq!(
        world.object("ImageUpdater", "old").await["metadata"].get("finalizers"),
        None
    );
}

#[test]
fn kubectl_shows_the_same_columns_as_before() {
    let crd = argocd_image_updater::api::v1alpha1::crd();
    let columns: Vec<_> = crd.spec.versions[0]
        .additional_printer_columns
        .iter()
        .flatten()
        .map(|c| (c.name.as_str(), c.type_.as_str(), c.json_path.as_str()))
        .collect();
    assert_eq!(
        columns,
        [
            ("Apps", "integer", ".status.applicationsMatched"),
            ("Images", "integer", ".status.imagesManaged"),
            ("Last Checked", "date", ".status.lastCheckedAt"),
            ("Ready", "string", r#".status.conditions[?(@.type=="Ready")].status"#),
        ]
    );
}
