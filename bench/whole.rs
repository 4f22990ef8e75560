//! The program as a whole process against the real API server: memory, requests and speed.
//!
//! `make bench` prints the figures; nothing here passes or fails on time. It needs `make env`.

#![expect(clippy::disallowed_methods, reason = "a bench measures time and starts programs")]

#[expect(dead_code, unreachable_pub, reason = "shared with the tests, which use more of it")]
#[path = "../tests/support/apiserver.rs"]
mod apiserver;
#[expect(dead_code, unreachable_pub, reason = "shared with the tests, which use more of it")]
#[path = "../tests/support/registry.rs"]
mod registry;
#[expect(unreachable_pub, reason = "shared with the tests, which use more of it")]
#[path = "../tests/support/servers.rs"]
mod servers;
#[expect(
    dead_code,
    unreachable_pub,
    reason = "shared between the benches, and another one uses more of it"
)]
mod world;

use std::time::{Duration, Instant};

use argocd_image_updater::api::argocd::Application;
use kube::{Api, api::ListParams};
use world::{World, print_line};

const APPLICATIONS: usize = 1000;
const UPDATERS: usize = 10;

/// What the Applications run.
fn running() -> Vec<String> {
    ["r.example.com/app:v1.0.0", "docker.io/library/redis:7.0"]
        .map(str::to_owned)
        .to_vec()
}

/// What a resource follows.
fn followed(pattern: &str) -> Vec<(String, Vec<String>)> {
    vec![(pattern.to_owned(), vec!["r.example.com/app:1.x".to_owned()])]
}

fn main() {
    // `cargo bench` passes its own arguments, and `cargo test --benches` only wants to know that it builds.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let world = World::start().await;
        idle(&world).await;
        twenty_applications(&world).await;
    });
}

/// Memory and requests while nothing happens.
async fn idle(world: &World) {
    let namespace = world.namespace().await;
    world.registry.push("app", "v1.0.0", "2026-01-01T00:00:00Z");
    let applications = (0..APPLICATIONS).map(|number| (format!("app-{}-{number}", number % UPDATERS), running()));
    world.applications(&namespace, applications.collect()).await;
    for number in 0..UPDATERS {
        let (name, pattern) = (format!("updater-{number}"), format!("app-{number}-*"));
        world.updater(&namespace, &name, "semver", &followed(&pattern)).await;
    }
    let program = world.program(&namespace, "15s");
    world.checked(&namespace, UPDATERS).await;
    tokio::time::sleep(Duration::from_secs(20)).await;
    let (before, listed) = (world.api_requests().await, world.registry.count("/tags/list"));
    let cpu = program.cpu();
    tokio::time::sleep(Duration::from_mins(1)).await;
    let after = world.api_requests().await;
    print_line("idle: Applications", APPLICATIONS);
    print_line("idle: ImageUpdaters (every 15 s)", UPDATERS);
    print_line(
        "idle: requests to the API server in a minute",
        after.saturating_sub(before),
    );
    print_line(
        "idle: tag lists in a minute",
        world.registry.count("/tags/list") - listed,
    );
    print_line("idle: resident memory, KiB", program.memory("VmRSS"));
    print_line("idle: peak resident memory, KiB", program.memory("VmHWM"));
    print_line(
        "idle: CPU in a minute, ms",
        program.cpu().saturating_sub(cpu).as_millis(),
    );
}

/// How soon twenty Applications change after a tag was pushed and a cycle requested.
async fn twenty_applications(world: &World) {
    let namespace = world.namespace().await;
    let applications = (0..20).map(|number| (format!("shop-{number}"), running()));
    world.applications(&namespace, applications.collect()).await;
    world.updater(&namespace, "shop", "semver", &followed("shop-*")).await;
    let _program = world.program(&namespace, "1h");
    world.checked(&namespace, 1).await;
    for round in 1..=5 {
        let tag = format!("v1.{round}.0");
        world.registry.push("app", &tag, "2026-01-01T00:00:00Z");
        let started = Instant::now();
        world.request_cycle(&namespace, "shop", &round.to_string()).await;
        let wanted = format!("r.example.com/app:{tag}");
        while written(world, &namespace, &wanted).await < 20 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        print_line("20 Applications changed after, ms", started.elapsed().as_millis());
    }
}

async fn written(world: &World, namespace: &str, wanted: &str) -> usize {
    let api: Api<Application> = Api::namespaced(world.client.clone(), namespace);
    let list = api.list(&ListParams::default()).await.expect("a list");
    let has = |a: &&Application| {
        let kustomize = a.spec.source.as_ref().and_then(|s| s.kustomize.as_ref());
        kustomize
            .and_then(|k| k.images.as_ref())
            .is_some_and(|images| images.iter().any(|i| i == wanted))
    };
    list.items.iter().filter(has).count()
}
