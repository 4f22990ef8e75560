//! Registries that are left alone for a while: because they asked for it, or because they do not answer.

use serde_json::json;

use crate::{
    support::registry::{Fault, Registry},
    world::World,
};

/// Two resources with one application each: `bad` with an image of `bad.example.com`, `good` with one of the reference
/// registry.
const APART: &str = "
registry:
  good: [v1.0.0, v1.1.0]
---
kind: Application
metadata: { name: bad }
spec: { project: default, destination: {}, source: { repoURL: https://git.example.com/a.git, path: a } }
status: { sourceType: Kustomize, summary: { images: ['bad.example.com/app:v1.0.0'] } }
---
kind: Application
metadata: { name: good }
spec: { project: default, destination: {}, source: { repoURL: https://git.example.com/a.git, path: a } }
status: { sourceType: Kustomize, summary: { images: ['REG/good:v1.0.0'] } }
---
kind: ImageUpdater
metadata: { name: bad }
spec: { applicationRefs: [{ namePattern: bad, images: [{ alias: app, imageName: 'bad.example.com/app:1.x' }] }] }
---
kind: ImageUpdater
metadata: { name: good }
spec: { applicationRefs: [{ namePattern: good, images: [{ alias: good, imageName: 'REG/good:1.x' }] }] }
";

fn write_registries_conf(world: &World, bad: &str) {
    world.write_registries_conf(&format!(
        "registries:\n- {{ name: bad, prefix: bad.example.com, api_url: {bad} }}\n- {{ name: good, prefix: {host}, api_url: http://{host} }}\n",
        host = world.registry.host(),
    ));
}

#[tokio::test]
async fn a_registry_that_never_answers_delays_no_image_of_another() {
    let world = World::given(APART).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    let black_hole = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok(connection) = listener.accept().await {
            held.push(connection);
        }
    });
    write_registries_conf(&world, &format!("http://{address}"));
    let program = world.start(&["--interval=1h"]);
    world
        .wait_for(
            "the dead registry is told",
            || world.status("bad"),
            |status| status["problems"][0]["reason"] == "RegistryUnavailable",
        )
        .await;
    let message = world.status("bad").await["problems"][0]["message"].clone();
    assert_eq!(message, "registry bad is not available: it does not answer in time");
    assert_eq!(
        world.kustomize_images("good").await,
        json!([world.fill_in("REG/good:v1.1.0")])
    );
    let finished = program.stop().await;
    assert!(finished.success);
    // What is logged about an image is logged when it is done: the good one did not wait for the time limit of the other.
    let at = |text: &str| {
        finished
            .log
            .find(text)
            .unwrap_or_else(|| panic!("{text}: {}", finished.log))
    };
    assert!(at("v1.1.0") < at("does not answer in time"), "{}", finished.log);
    black_hole.abort();
}

#[tokio::test]
async fn a_registry_that_asks_to_wait_is_asked_again_then_whatever_the_interval() {
    let world = World::given(APART).await;
    let registry = Registry::start().await;
    registry.push("app", "v1.0.0", "2026-01-01T00:00:00Z");
    registry.push("app", "v1.1.0", "2026-01-02T00:00:00Z");
    registry.fault(Fault::TooMany(11));
    write_registries_conf(&world, &registry.url());
    let program = world.start(&["--interval=1h"]);
    let status = world
        .wait_for(
            "the wait is told",
            || world.status("bad"),
            |status| status["problems"][0]["reason"] == "RateLimited",
        )
        .await;
    let message = status["problems"][0]["message"].as_str().unwrap_or_default().to_owned();
    let until = message
        .strip_prefix("registry bad asks to wait until ")
        .unwrap_or_default();
    assert_eq!(status["nextCheckAt"], until, "{status}");
    assert_eq!(registry.seen().len(), 1, "nobody asks meanwhile");
    registry.fault(Fault::None);

    world
        .wait_for(
            "it is asked again",
            || world.kustomize_images("bad"),
            |images| *images == json!(["bad.example.com/app:v1.1.0"]),
        )
        .await;
    assert!(program.stop().await.success);
}
