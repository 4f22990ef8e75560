//! Of several sources the right one is written, and its own branch.

use serde_json::{Value, json};

use crate::world::World;

fn sources(application: &Value) -> &Value {
    &application["spec"]["sources"]
}

#[tokio::test]
async fn of_two_kustomizations_the_one_that_has_the_image_is_written() {
    // #1147
    let world = World::given(
        "
registry: { app: [v1.0.0, v1.1.0] }
applications:
  - name: app
    types: [Kustomize, Kustomize]
    sources:
      - { repoURL: 'https://git.example.com/a.git', path: a, kustomize: { images: [other:1] } }
      - { repoURL: 'https://git.example.com/b.git', path: b, kustomize: { images: ['REG/app:v1.0.0'] } }
    running: ['REG/app:v1.0.0', 'other:1']
updater: { images: [{ alias: app, imageName: 'REG/app:1.x' }] }
",
    )
    .await;

    world.cycle().await;

    let application = world.application("app").await;
    assert_eq!(sources(&application)[0]["kustomize"]["images"], json!(["other:1"]));
    assert_eq!(
        sources(&application)[1]["kustomize"]["images"],
        json!([world.fill_in("REG/app:v1.1.0")])
    );
    world.cycle().await;
    assert_eq!(world.application("app").await, application);
}

#[tokio::test]
async fn of_two_charts_the_one_whose_parameters_name_the_image_is_written() {
    // #1147
    let world = World::given(
        "
registry: { app: [v1.0.0, v1.1.0] }
applications:
  - name: app
    types: [Helm, Helm]
    sources:
      - repoURL: https://charts.example.com
        chart: other
        targetRevision: 1.0.0
        helm: { parameters: [{ name: image.name, value: other }, { name: image.tag, value: '1' }] }
      - repoURL: https://charts.example.com
        chart: app
        targetRevision: 1.0.0
        helm: { parameters: [{ name: image.name, value: REG/app }, { name: image.tag, value: v1.0.0 }] }
    running: ['REG/app:v1.0.0', 'other:1']
updater: { images: [{ alias: app, imageName: 'REG/app:1.x' }] }
",
    )
    .await;
    let before = world.application("app").await;

    world.cycle().await;

    let application = world.application("app").await;
    assert_eq!(sources(&application)[0], sources(&before)[0]);
    assert_eq!(
        crate::world::parameter(&sources(&application)[1], "image.tag"),
        "v1.1.0"
    );
}

#[tokio::test]
async fn a_kustomize_target_beside_a_chart_is_written_to_the_kustomization() {
    // #1725
    let world = World::given(
        "
registry: { chart: [v1.0.0, v1.1.0], app: [v1.0.0, v1.1.0] }
applications:
  - name: app
    types: [Helm, Kustomize]
    sources:
      - { repoURL: 'https://charts.example.com', chart: app, targetRevision: 1.0.0, helm: { releaseName: a } }
      - { repoURL: 'https://git.example.com/b.git', path: b }
    running: ['REG/chart:v1.0.0', 'REG/app:v1.0.0']
updater:
  images:
    - { alias: chart, imageName: 'REG/chart:1.x' }
    - { alias: app, imageName: 'REG/app:1.x', manifestTargets: { kustomize: { name: upstream/app } } }
",
    )
    .await;

    world.cycle().await;

    let application = world.application("app").await;
    let [chart, kustomization] = [&sources(&application)[0], &sources(&application)[1]];
    assert_eq!(crate::world::parameter(chart, "image.tag"), "v1.1.0");
    assert_eq!(chart.get("kustomize"), None);
    assert_eq!(
        kustomization["kustomize"]["images"],
        json!([format!("upstream/app={}", world.fill_in("REG/app:v1.1.0"))])
    );
    assert_eq!(kustomization.get("helm"), None);
}

#[tokio::test]
async fn a_kustomization_in_git_beside_a_chart_is_written_with_the_credentials_and_branch_of_git() {
    // #1096 #932
    let world = World::given(
        "
registry: { app: [v1.0.0, v1.1.0] }
git: { deploy: { app/kustomization.yaml: 'kind: Kustomization' } }
credentials: { deploy: GIT/deploy }
applications:
  - name: app
    types: [Directory, Kustomize]
    sources:
      - { repoURL: 'https://charts.example.com', chart: app, targetRevision: 1.0.0 }
      - { repoURL: GIT/deploy, path: app, targetRevision: main }
    running: ['REG/app:v1.0.0']
updater: { writeBackConfig: { method: git }, images: [{ alias: app, imageName: 'REG/app:1.x' }] }
",
    )
    .await;
    world.git.require_password("bot", "gitpassword-6f1d");

    world.cycle().await;

    let file = world
        .git
        .file("deploy", "main", "app/.argocd-source-app.yaml")
        .unwrap_or_default();
    assert!(file.contains(&world.fill_in("REG/app:v1.1.0")), "{file}");
    assert_eq!(world.status("all").await.get("problems"), None);
}

/// A hydrated application.
const HYDRATED: &str = "
registry: { app: [v1.0.0, v1.1.0] }
git: { deploy: { dry/app/kustomization.yaml: 'kind: Kustomization' } }
credentials: { deploy: GIT/deploy }
applications:
  - name: app
    spec:
      source: null
      sourceHydrator:
        drySource: { repoURL: GIT/deploy, path: dry/app, targetRevision: main }
        syncSource: { targetBranch: env/prod, path: app }
        hydrateTo: { targetBranch: env/prod-next }
    running: ['REG/app:v1.0.0']
updater: { WRITE_BACK images: [{ alias: app, imageName: 'REG/app:1.x' }] }
";

#[tokio::test]
async fn a_hydrated_application_is_really_written_in_its_dry_source() {
    // #1809
    let world = World::given(&HYDRATED.replace("WRITE_BACK", "")).await;

    world.cycle().await;

    let application = world.application("app").await;
    let hydrator = &application["spec"]["sourceHydrator"];
    assert_eq!(
        hydrator["drySource"]["kustomize"]["images"],
        json!([world.fill_in("REG/app:v1.1.0")])
    );
    assert_eq!(
        hydrator["syncSource"],
        json!({ "targetBranch": "env/prod", "path": "app" })
    );
    assert_eq!(hydrator["hydrateTo"], json!({ "targetBranch": "env/prod-next" }));
    world.cycle().await;
    assert_eq!(world.application("app").await, application);
}

#[tokio::test]
async fn a_hydrated_application_in_git_is_really_committed_beside_its_dry_source() {
    // #1809
    let world = World::given(&HYDRATED.replace("WRITE_BACK", "writeBackConfig: { method: git },")).await;
    let before = world.application("app").await;

    world.cycle().await;

    let file = world
        .git
        .file("deploy", "main", "dry/app/.argocd-source-app.yaml")
        .unwrap_or_default();
    assert!(file.contains(&world.fill_in("REG/app:v1.1.0")), "{file}");
    assert_eq!(world.status("all").await["writes"][0]["branch"], "main");
    assert_eq!(world.application("app").await["spec"], before["spec"]);
}
