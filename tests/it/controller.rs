//! The life of the controller: timer, triggers, lease, shutdown, losing the API server.

use std::time::Duration;

use serde_json::json;

use crate::{
    support::{
        registry::{Fault, Registry},
        tcp_proxy::TcpProxy,
    },
    world::World,
};

const SHOP: &str = "
registry:
  shop: [v1.0.0, v1.1.0]
---
kind: Application
metadata: { name: shop }
spec: { project: default, destination: {}, source: { repoURL: https://git.example.com/a.git, path: a } }
status: { sourceType: Kustomize, summary: { images: ['REG/shop:v1.0.0'] } }
---
kind: ImageUpdater
metadata: { name: all }
spec:
  applicationRefs: [{ namePattern: 'shop*', images: [{ alias: shop, imageName: 'REG/shop:1.x' }] }]
";

async fn wait_for_image(world: &World, application: &str, tag: &str) {
    let expected = json!([world.fill_in(&format!("REG/shop:{tag}"))]);
    world
        .wait_for(
            "the image is written",
            || async { world.application(application).await["spec"]["source"]["kustomize"]["images"].clone() },
            |images| *images == expected,
        )
        .await;
}

#[tokio::test]
async fn a_changed_resource_runs_at_once_and_a_new_application_soon() {
    let world = World::given(SHOP).await;
    let program = world.start(&["--interval=1h"]);
    wait_for_image(&world, "shop", "v1.1.0").await;

    world.push("shop", "v2.0.0", "2026-01-01T00:00:00Z").await;
    let images = json!([{ "alias": "shop", "imageName": world.fill_in("REG/shop:2.x") }]);
    world
        .patch(
            "ImageUpdater",
            "all",
            json!({ "spec": { "applicationRefs": [{ "namePattern": "shop*", "images": images }] } }),
        )
        .await;
    wait_for_image(&world, "shop", "v2.0.0").await;

    let application = world.fill_in(
        "{ metadata: { name: shop-new }, kind: Application, \
         spec: { project: default, destination: {}, source: { repoURL: https://git.example.com/a.git, path: a } }, \
         status: { sourceType: Kustomize, summary: { images: ['REG/shop:v1.0.0'] } } }",
    );
    world.create(yaml_serde::from_str(&application).expect("YAML")).await;
    wait_for_image(&world, "shop-new", "v2.0.0").await;
    assert_eq!(
        world.status("all").await["applicationsMatched"],
        1,
        "a partial cycle leaves the counters alone"
    );
    assert!(program.stop().await.success);
}

#[tokio::test]
async fn a_new_tag_is_found_by_the_timer() {
    let world = World::given(SHOP).await;
    let program = world.start(&["--interval=1s"]);
    wait_for_image(&world, "shop", "v1.1.0").await;
    world.push("shop", "v1.2.0", "2026-01-01T00:00:00Z").await;
    wait_for_image(&world, "shop", "v1.2.0").await;
    assert!(program.stop().await.success);
}

#[tokio::test]
async fn a_requested_cycle_runs_now() {
    let world = World::given(SHOP).await;
    let program = world.start(&["--interval=1h"]);
    wait_for_image(&world, "shop", "v1.1.0").await;
    world.push("shop", "v1.2.0", "2026-01-01T00:00:00Z").await;
    world
        .patch(
            "ImageUpdater",
            "all",
            json!({ "metadata": { "annotations": {
                "argocd-image-updater.argoproj.io/reconcile-requested-at": "2026-01-01" } } }),
        )
        .await;
    wait_for_image(&world, "shop", "v1.2.0").await;
    world
        .wait_for(
            "the request is marked as handled",
            || world.status("all"),
            |status| status["lastHandledReconcileAt"] == "2026-01-01",
        )
        .await;
    assert!(program.stop().await.success);
}

#[tokio::test]
async fn a_suspended_resource_writes_nothing_and_says_so() {
    let world =
        World::given(&SHOP.replace("spec:\n  applicationRefs", "spec:\n  suspend: true\n  applicationRefs")).await;
    let before = world.application("shop").await;

    world.cycle().await;

    assert_eq!(world.application("shop").await, before);
    assert_eq!(world.condition("all", "Suspended").await["status"], "True");
    world
        .patch("ImageUpdater", "all", json!({ "spec": { "suspend": false } }))
        .await;
    world.cycle().await;
    wait_for_image(&world, "shop", "v1.1.0").await;
    assert_eq!(world.condition("all", "Suspended").await, serde_json::Value::Null);
}

#[tokio::test]
async fn an_interval_that_makes_no_sense_stalls_and_a_short_one_is_raised() {
    let with = |interval: &str| {
        SHOP.replace(
            "spec:\n  applicationRefs",
            &format!("spec:\n  interval: '{interval}'\n  applicationRefs"),
        )
    };
    let world = World::given(&with("-5m")).await;
    world.cycle().await;
    let stalled = world.condition("all", "Stalled").await;
    assert!(
        stalled["message"]
            .as_str()
            .unwrap_or_default()
            .contains("spec.interval"),
        "{stalled}"
    );

    let world = World::given(&with("1s")).await;
    let program = world.start(&["--interval=1h"]);
    let warning = world
        .wait_for(
            "the warning is there",
            || world.condition("all", "Warning"),
            |c| c["status"] == "True",
        )
        .await;
    assert!(
        warning["message"]
            .as_str()
            .unwrap_or_default()
            .contains("--minimum-interval"),
        "{warning}"
    );
    wait_for_image(&world, "shop", "v1.1.0").await;
    assert!(program.stop().await.success);
}

#[tokio::test]
async fn nothing_is_written_while_another_holds_the_lease() {
    let world = World::given(&format!(
        "{SHOP}---
kind: Lease
metadata: {{ name: c21b75f2.argoproj.io }}
spec: {{ holderIdentity: the-original, leaseDurationSeconds: 3600, renewTime: '2026-01-01T00:00:00.000000Z' }}
"
    ))
    .await;
    let before = world.application("shop").await;
    let namespace = format!("--leader-election-namespace={}", world.namespace);
    let program = world.start(&["--interval=1s", "--leader-election=true", &namespace]);
    program.wrote("waiting for the lease").await;

    for _ in 0..50 {
        assert_eq!(world.application("shop").await, before);
        assert_eq!(world.status("all").await, serde_json::Value::Null);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    world
        .patch(
            "Lease",
            "c21b75f2.argoproj.io",
            json!({ "spec": { "holderIdentity": "" } }),
        )
        .await;
    wait_for_image(&world, "shop", "v1.1.0").await;
    assert!(program.stop().await.success);
}

#[tokio::test]
async fn a_slow_repository_holds_up_nobody_who_happens_to_be_due_with_it() {
    let world = World::given(&format!(
        "{SHOP}---
kind: Application
metadata: {{ name: slow }}
spec: {{ project: default, destination: {{}}, source: {{ repoURL: https://git.example.com/a.git, path: a }} }}
status: {{ sourceType: Kustomize, summary: {{ images: ['slow.example.com/app:v1.0.0'] }} }}
---
kind: ImageUpdater
metadata: {{ name: slow }}
spec:
  applicationRefs: [{{ namePattern: slow, images: [{{ alias: app, imageName: 'slow.example.com/app:1.x' }}] }}]
"
    ))
    .await;
    let slow = Registry::start().await;
    slow.push("app", "v1.0.0", "2026-01-01T00:00:00Z");
    slow.fault(Fault::Slow(Duration::from_mins(10)));
    world.write_registries_conf(&format!(
        "registries:\n- {{ name: slow, prefix: slow.example.com, api_url: {} }}\n- {{ name: test, prefix: {host}, api_url: http://{host} }}\n",
        slow.url(),
        host = world.registry.host(),
    ));
    let program = world.start(&["--interval=1s"]);
    wait_for_image(&world, "shop", "v1.1.0").await;

    // The slow resource is still on its first cycle; the other goes on with its own.
    for tag in ["v1.2.0", "v1.3.0"] {
        world.push("shop", tag, "2026-01-01T00:00:00Z").await;
        wait_for_image(&world, "shop", tag).await;
    }
    assert_eq!(world.status("slow").await.get("lastCheckedAt"), None);
    drop(program);
}

#[tokio::test]
async fn the_lease_is_handed_over_quickly() {
    let world = World::given(SHOP).await;
    let lease = ["--interval=1h", "--leader-election=true"];
    let lease_namespace = format!("--leader-election-namespace={}", world.namespace);
    let flags: Vec<&str> = lease.iter().copied().chain([lease_namespace.as_str()]).collect();
    let first = world.start(&flags);
    wait_for_image(&world, "shop", "v1.1.0").await;

    let second = world.start(&flags);
    second.wrote("waiting for the lease").await;
    assert!(first.stop().await.success);
    second.wrote("the lease is held").await;
    world.push("shop", "v1.2.0", "2026-01-01T00:00:00Z").await;
    world
        .patch(
            "ImageUpdater",
            "all",
            json!({ "metadata": { "annotations": {
                "argocd-image-updater.argoproj.io/reconcile-requested-at": "1" } } }),
        )
        .await;
    wait_for_image(&world, "shop", "v1.2.0").await;
    assert!(second.stop().await.success);
}

#[tokio::test]
async fn the_same_application_name_in_two_namespaces_is_two_applications() {
    let (one, two) = (World::given(SHOP).await, World::given(SHOP).await);
    let namespaces = format!("--watch-namespaces={},{}", one.namespace, two.namespace);
    let one = one.with_all_rights().with_flags(&[&namespaces]);

    // Both prefixes are in one registry, so one process can serve both.
    one.cycle().await;

    wait_for_image(&one, "shop", "v1.1.0").await;
    wait_for_image(&two, "shop", "v1.1.0").await;
}

#[tokio::test]
async fn the_api_server_may_go_away_and_come_back() {
    let world = World::given(SHOP).await;
    let proxy = TcpProxy::start(world.server.address()).await;
    let world = world.through(proxy.address());
    let program = world.start(&["--interval=1s"]);
    wait_for_image(&world, "shop", "v1.1.0").await;

    proxy.cut();
    world.push("shop", "v1.2.0", "2026-01-01T00:00:00Z").await;
    program.wrote("WriteFailed").await;
    let before = world.application("shop").await;
    assert_eq!(
        before["spec"]["source"]["kustomize"]["images"],
        json!([world.fill_in("REG/shop:v1.1.0")])
    );

    proxy.restore();
    wait_for_image(&world, "shop", "v1.2.0").await;
    assert!(program.stop().await.success);
}
