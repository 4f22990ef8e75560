//! What goes wrong outside must never make a wrong decision: the image is left alone with a reason.
//!
//! The registry here is scripted (it answers as the OCI distribution specification says), because no real one fails on
//! request.

use std::{fmt::Write as _, time::Duration};

use serde_json::{Value, json};

use crate::{
    support::registry::{Fault, Registry},
    world::World,
};

/// Two images of two registries: `bad.example.com`, which the test spoils, and the reference registry.
const TWO: &str = "
registry:
  good: [v1.0.0, v1.1.0]
---
kind: Application
metadata: { name: shop }
spec: { project: default, destination: {}, source: { repoURL: https://git.example.com/a.git, path: a } }
status: { sourceType: Kustomize, summary: { images: ['bad.example.com/app:v1.0.0', 'REG/good:v1.0.0'] } }
---
kind: ImageUpdater
metadata: { name: all }
spec:
  applicationRefs:
    - namePattern: shop
      images:
        - { alias: app, imageName: bad.example.com/app, commonUpdateSettings: { updateStrategy: STRATEGY } }
        - { alias: good, imageName: 'REG/good:1.x' }
";

async fn given(strategy: &str) -> (World, Registry) {
    let world = World::given(&TWO.replace("STRATEGY", strategy)).await;
    let registry = Registry::start().await;
    for (tag, created) in [("v1.0.0", "2026-01-01T00:00:00Z"), ("v0.9.0", "2025-01-01T00:00:00Z")] {
        registry.push("app", tag, created);
    }
    world.write_registries_conf(&format!(
        "registries:\n- {{ name: bad, prefix: bad.example.com, api_url: {} }}\n- {{ name: good, prefix: {host}, api_url: http://{host} }}\n",
        registry.url(),
        host = world.registry.host(),
    ));
    (world, registry)
}

/// Runs one cycle and answers the reason for the bad image; the good one must have been updated.
async fn reason(world: &World) -> Value {
    world.cycle().await;
    let images = world.application("shop").await["spec"]["source"]["kustomize"]["images"].clone();
    assert_eq!(
        images,
        json!([world.fill_in("REG/good:v1.1.0")]),
        "only the good image is written"
    );
    let status = world.status("all").await;
    let problems = status["problems"].as_array().cloned().unwrap_or_default();
    assert_eq!(problems.len(), 1, "{status}");
    assert_eq!(problems[0]["alias"], "app");
    assert_eq!(
        world.condition("all", "Ready").await["reason"],
        "ReconcileCompletedWithErrors"
    );
    problems[0]["reason"].clone()
}

#[tokio::test]
async fn a_registry_that_fails_leaves_its_images_alone_and_no_others() {
    for (fault, expected) in [
        (Fault::Status(500), "RegistryUnavailable"),
        (Fault::Html, "RegistryUnavailable"),
        (Fault::TooMany(60), "RateLimited"),
        (Fault::TruncatedList, "ListIncomplete"),
        (Fault::SecondPageFails, "RegistryUnavailable"),
    ] {
        let (world, registry) = given("semver").await;
        for number in 0..10 {
            registry.push("app", &format!("v1.0.{number}"), "2026-02-01T00:00:00Z");
        }
        registry.page_size(3);
        registry.fault(fault.clone());
        assert_eq!(reason(&world).await, expected, "{fault:?}");
    }
}

#[tokio::test]
async fn a_registry_that_is_down_leaves_its_images_alone_and_no_others() {
    let (world, registry) = given("semver").await;
    drop(registry);
    assert_eq!(reason(&world).await, "RegistryUnavailable");
}

#[tokio::test]
async fn one_of_300_tags_that_cannot_be_read_holds_the_image_and_nothing_older_is_written() {
    let (world, registry) = given("newest-build").await;
    for number in 0..300 {
        let (month, day) = (1 + number / 28 % 12, 1 + number % 28);
        registry.push(
            "app",
            &format!("build-{number}"),
            &format!("2027-{month:02}-{day:02}T00:00:00Z"),
        );
    }
    registry.fault(Fault::Manifest("build-150".to_owned(), 500));
    assert_eq!(reason(&world).await, "MetadataUnavailable");
    let problem = world.status("all").await["problems"][0]["message"].clone();
    let message = problem.as_str().unwrap_or_default();
    assert!(message.contains("build-150") && message.contains("500"), "{message}");
}

#[tokio::test]
async fn an_unreadable_tag_holds_the_decision_instead_of_choosing_among_the_rest() {
    let (world, registry) = given("newest-build").await;
    registry.push("app", "v1.2.0", "2026-03-01T00:00:00Z");
    registry.fault(Fault::Manifests(500));
    assert_eq!(reason(&world).await, "MetadataUnavailable");
}

#[tokio::test]
async fn a_registry_without_tags_never_gives_an_empty_tag() {
    let (world, registry) = given("semver").await;
    registry.delete_tag("app", "v1.0.0");
    registry.delete_tag("app", "v0.9.0");
    let before = world.application("shop").await;

    world.cycle().await;

    let after = world.application("shop").await;
    assert_eq!(before["spec"]["source"].get("kustomize"), None);
    assert_eq!(
        after["spec"]["source"]["kustomize"]["images"],
        json!([world.fill_in("REG/good:v1.1.0")])
    );
}

#[tokio::test]
async fn a_forced_image_without_a_match_writes_nothing() {
    let world = World::given(
        "
registry:
  app: [main]
---
kind: Application
metadata: { name: cron }
spec: { project: default, destination: {}, source: { repoURL: https://git.example.com/a.git, path: a, helm: {} } }
status: { sourceType: Helm, summary: { images: [] } }
---
kind: ImageUpdater
metadata: { name: all }
spec:
  commonUpdateSettings: { forceUpdate: true }
  applicationRefs:
    - namePattern: cron
      images:
        - { alias: one, imageName: 'REG/app:1.x', manifestTargets: { helm: { name: one.name, tag: one.tag } } }
        - { alias: two, imageName: 'REG/app:2.x', manifestTargets: { helm: { name: two.name, tag: two.tag } } }
",
    )
    .await;
    let before = world.application("cron").await;

    world.cycle().await;
    assert_eq!(world.application("cron").await, before);

    world.push("app", "1.5.0", "2026-01-01T00:00:00Z").await;
    world.cycle().await;
    assert_eq!(world.helm_parameter("cron", "one.tag").await, "1.5.0");
    assert_eq!(world.helm_parameter("cron", "two.tag").await, Value::Null);
}

#[tokio::test]
async fn an_application_scaled_to_zero_is_left_alone() {
    let world = World::given(
        "
registry:
  app: [v1.0.0, v1.1.0]
---
kind: Application
metadata: { name: idle }
spec: { project: default, destination: {}, source: { repoURL: https://git.example.com/a.git, path: a } }
status: { sourceType: Kustomize, summary: {} }
---
kind: ImageUpdater
metadata: { name: all }
spec:
  applicationRefs: [{ namePattern: idle, images: [{ alias: app, imageName: 'REG/app:1.x' }] }]
",
    )
    .await;
    let before = world.application("idle").await;

    world.cycle().await;

    assert_eq!(world.application("idle").await, before);
    let status = world.status("all").await;
    assert_eq!(
        (&status["imagesManaged"], status.get("problems")),
        (&json!(0), None),
        "{status}"
    );
}

#[tokio::test]
async fn equal_versions_and_equal_dates_keep_what_runs() {
    let world = World::given(
        "
registry:
  versions: ['1.20', 1.20.0, v1.20.0]
  dates: { a: '2026-01-01T00:00:00Z', b: '2026-01-01T00:00:00Z', c: '2026-01-01T00:00:00Z' }
---
kind: Application
metadata: { name: shop }
spec: { project: default, destination: {}, source: { repoURL: https://git.example.com/a.git, path: a } }
status: { sourceType: Kustomize, summary: { images: ['REG/versions:1.20', 'REG/dates:b'] } }
---
kind: ImageUpdater
metadata: { name: all }
spec:
  applicationRefs:
    - namePattern: shop
      images:
        - { alias: versions, imageName: 'REG/versions:1.x' }
        - { alias: dates, imageName: REG/dates, commonUpdateSettings: { updateStrategy: newest-build } }
",
    )
    .await;
    let before = world.application("shop").await;

    world.cycle().await;

    assert_eq!(world.application("shop").await, before);
}

#[tokio::test]
async fn an_old_image_that_stays_in_the_status_does_not_update_again_and_again() {
    let world = World::given(
        "
registry:
  job: [v1.0.0, v1.1.0]
---
kind: Application
metadata: { name: job }
spec: { project: default, destination: {}, source: { repoURL: https://git.example.com/a.git, path: a } }
status: { sourceType: Kustomize, summary: { images: ['REG/job:v1.0.0'] } }
---
kind: ImageUpdater
metadata: { name: all }
spec:
  applicationRefs: [{ namePattern: job, images: [{ alias: job, imageName: 'REG/job:1.x' }] }]
",
    )
    .await;
    world.cycle().await;
    world.running("job", &["REG/job:v1.0.0", "REG/job:v1.1.0"]).await;
    let synced = world.application("job").await;

    world.cycle().await;

    assert_eq!(world.application("job").await, synced);
    assert_eq!(world.events("ImagesUpdated").await.len(), 1);
}

#[tokio::test]
async fn one_repository_is_listed_once_however_many_ask() {
    let mut yaml = String::from("registry: {}");
    for number in 0..10 {
        let _ = write!(
            yaml,
            "
---
kind: Application
metadata: {{ name: app-{number} }}
spec: {{ project: default, destination: {{}}, source: {{ repoURL: https://git.example.com/a.git, path: a }} }}
status: {{ sourceType: Kustomize, summary: {{ images: ['bad.example.com/app:v1.0.0'] }} }}
---
kind: ImageUpdater
metadata: {{ name: updater-{number} }}
spec:
  applicationRefs: [{{ namePattern: app-{number}, images: [{{ alias: app, imageName: 'bad.example.com/app:1.x' }}] }}]
"
        );
    }
    let world = World::given(&yaml).await;
    let registry = Registry::start().await;
    registry.push("app", "v1.0.0", "2026-01-01T00:00:00Z");
    world.write_registries_conf(&format!(
        "registries:\n- {{ name: bad, prefix: bad.example.com, api_url: {} }}\n",
        registry.url()
    ));

    world.cycle().await;

    assert_eq!(registry.count("/tags/list"), 1, "{:?}", registry.seen());
    assert_eq!(registry.count("/manifests/"), 0);
}

#[tokio::test]
async fn a_private_registry_gets_the_pull_secret_and_nobody_else_does() {
    let world = World::given(
        "
kind: Application
metadata: { name: shop }
spec: { project: default, destination: {}, source: { repoURL: https://git.example.com/a.git, path: a } }
status: { sourceType: Kustomize, summary: { images: ['private.example.com/app:v1.0.0', 'open.example.com/app:v1.0.0'] } }
---
kind: Secret
metadata: { name: creds }
stringData: { login: 'bob:registrypassword-93ab' }
---
kind: ImageUpdater
metadata: { name: all }
spec:
  applicationRefs:
    - namePattern: shop
      images:
        - alias: private
          imageName: 'private.example.com/app:1.x'
          commonUpdateSettings: { pullSecret: 'secret:NS/creds#login' }
        - { alias: open, imageName: 'open.example.com/app:1.x' }
",
    )
    .await;
    let (private, open) = (Registry::start().await, Registry::start().await);
    for registry in [&private, &open] {
        registry.push("app", "v1.0.0", "2026-01-01T00:00:00Z");
        registry.push("app", "v1.1.0", "2026-01-02T00:00:00Z");
    }
    private.require_basic("bob:registrypassword-93ab");
    world.write_registries_conf(&format!(
        "registries:\n- {{ name: private, prefix: private.example.com, api_url: {} }}\n- {{ name: open, prefix: open.example.com, api_url: {} }}\n",
        private.url(),
        open.url()
    ));

    world.cycle().await;

    let images = world.application("shop").await["spec"]["source"]["kustomize"]["images"].clone();
    assert_eq!(
        images,
        json!(["private.example.com/app:v1.1.0", "open.example.com/app:v1.1.0"])
    );
    assert!(open.seen().iter().all(|seen| !seen.authorized));
}

#[tokio::test]
async fn a_pull_secret_of_another_namespace_is_refused() {
    let (world, registry) = given("semver").await;
    world
        .patch(
            "ImageUpdater",
            "all",
            json!({ "spec": { "applicationRefs": [{
                "namePattern": "shop",
                "images": [
                    { "alias": "app", "imageName": "bad.example.com/app",
                      "commonUpdateSettings": { "pullSecret": "Secret:kube-system/creds#login" } },
                    { "alias": "good", "imageName": world.fill_in("REG/good:1.x") },
                ],
            }] } }),
        )
        .await;
    assert_eq!(reason(&world).await, "CredentialsUnavailable");
    assert_eq!(registry.count("/tags/list"), 0);
}

#[tokio::test]
async fn a_slow_cycle_shows_as_reconciling_and_a_quick_one_never_does() {
    let (world, registry) = given("semver").await;
    registry.fault(Fault::Slow(Duration::from_secs(3)));
    let program = world.start(&["--interval=1h"]);

    world
        .wait_for(
            "Reconciling is shown",
            || world.condition("all", "Reconciling"),
            |condition| condition["status"] == "True",
        )
        .await;
    registry.fault(Fault::None);
    world
        .wait_for(
            "the cycle ends",
            || world.condition("all", "Reconciling"),
            |condition| condition["status"] == "False",
        )
        .await;
    assert!(program.stop().await.success);
}

#[tokio::test]
async fn a_private_repository_does_not_close_its_public_neighbours() {
    let world = World::given(
        "
kind: Application
metadata: { name: shop }
spec: { project: default, destination: {}, source: { repoURL: https://git.example.com/a.git, path: a } }
status: { sourceType: Kustomize, summary: { images: ['r.example.com/private:v1.0.0', 'r.example.com/public:v1.0.0'] } }
---
kind: ImageUpdater
metadata: { name: all }
spec:
  applicationRefs:
    - namePattern: shop
      images:
        - { alias: private, imageName: 'r.example.com/private:1.x' }
        - { alias: public, imageName: 'r.example.com/public:1.x' }
",
    )
    .await;
    let registry = Registry::start().await;
    for repository in ["private", "public"] {
        registry.push(repository, "v1.0.0", "2026-01-01T00:00:00Z");
    }
    registry.make_private("private");
    world.write_registries_conf(&format!(
        "registries:\n- {{ name: r, prefix: r.example.com, api_url: {} }}\n",
        registry.url()
    ));
    let program = world.start(&["--interval=1s"]);
    world
        .wait_for(
            "the private one is refused",
            || world.status("all"),
            |s| s["problems"][0]["reason"] == "Unauthorized",
        )
        .await;

    registry.push("public", "v1.1.0", "2026-01-02T00:00:00Z");
    world
        .wait_for(
            "the public one goes on",
            || world.application("shop"),
            |a| a["spec"]["source"]["kustomize"]["images"] == json!(["r.example.com/public:v1.1.0"]),
        )
        .await;
    assert!(program.stop().await.success);
}
