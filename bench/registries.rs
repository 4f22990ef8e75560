//! What a registry is asked by a whole installation: requests by kind, CPU and memory, at the start and when nothing happens.
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

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use world::{Running, World, print_line};

/// How often a cycle begins.
const INTERVAL: &str = "20s";
/// A cycle is over when the registry was asked nothing for so long.
const QUIET: Duration = Duration::from_secs(6);
/// How many cycles are measured when nothing happens.
const CYCLES: usize = 3;

/// Many Applications that follow a few images each.
struct Installation {
    title: &'static str,
    applications: usize,
    images: usize,
    repositories: usize,
    resources: usize,
    tags: usize,
    strategy: &'static str,
}

const INSTALLATIONS: [Installation; 3] = [
    Installation {
        title: "5,000 Applications x 3 images on 500 repositories, semver",
        applications: 5000,
        images: 3,
        repositories: 500,
        resources: 50,
        tags: 20,
        strategy: "semver",
    },
    Installation {
        title: "500 Applications x 3 images on 100 repositories, semver",
        applications: 500,
        images: 3,
        repositories: 100,
        resources: 5,
        tags: 20,
        strategy: "semver",
    },
    Installation {
        title: "20 Applications on one repository of 700 tags, newest-build",
        applications: 20,
        images: 1,
        repositories: 1,
        resources: 1,
        tags: 700,
        strategy: "newest-build",
    },
];

fn main() {
    // `cargo bench` passes its own arguments, and `cargo test --benches` only wants to know that it builds.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for installation in INSTALLATIONS {
        runtime.block_on(installation.measure());
    }
}

impl Installation {
    async fn measure(&self) {
        let world = World::start().await;
        let namespace = world.namespace().await;
        self.fill(&world, &namespace).await;
        print_line(self.title, "");
        let program = world.program(&namespace, INTERVAL);
        world.checked(&namespace, self.resources).await;
        settled(&world).await;
        tell("start", &BTreeMap::new(), &world, &program, Duration::ZERO, 1);
        let (before, cpu) = (by_kind(&world), program.cpu());
        for _ in 0..CYCLES {
            next_cycle(&world).await;
        }
        tell("quiet cycle", &before, &world, &program, cpu, CYCLES);
    }

    /// Every Application runs what is newest already.
    async fn fill(&self, world: &World, namespace: &str) {
        for repository in 0..self.repositories {
            for tag in 0..self.tags {
                let created = format!(
                    "2026-01-{:02}T{:02}:{:02}:00Z",
                    1 + tag / 60 / 24,
                    tag / 60 % 24,
                    tag % 60
                );
                world
                    .registry
                    .push(&format!("team/app-{repository}"), &format!("v1.{tag}.0"), &created);
            }
        }
        let newest = self.tags - 1;
        // Applications of one group follow the same images, and a resource has several groups.
        let groups = self.repositories.div_ceil(self.images);
        let image = |group: usize, at: usize| {
            let repository = (group * self.images + at) % self.repositories;
            format!("r.example.com/team/app-{repository}")
        };
        let applications = (0..self.applications).map(|number| {
            let group = number % groups;
            let images = (0..self.images).map(|at| format!("{}:v1.{newest}.0", image(group, at)));
            (format!("app-{group}-{number}"), images.collect())
        });
        world.applications(namespace, applications.collect()).await;
        for resource in 0..self.resources {
            let followed: Vec<_> = (resource..groups)
                .step_by(self.resources)
                .map(|group| {
                    let images = (0..self.images).map(|at| image(group, at));
                    (format!("app-{group}-*"), images.collect())
                })
                .collect();
            let name = format!("updater-{resource}");
            world.updater(namespace, &name, self.strategy, &followed).await;
        }
    }
}

/// Requests so far, by what is asked.
fn by_kind(world: &World) -> BTreeMap<String, usize> {
    let mut kinds = BTreeMap::new();
    for seen in world.registry.seen() {
        let place = ["/tags/list", "/manifests/", "/blobs/", "/referrers/"];
        let place = place.into_iter().find(|place| seen.path.contains(place));
        let kind = format!("{} {}", seen.method, place.unwrap_or("/v2/").trim_matches('/'));
        *kinds.entry(kind).or_default() += 1;
    }
    kinds
}

/// Waits until the registry is asked nothing any more.
async fn settled(world: &World) {
    let (mut seen, mut since) = (world.registry.seen().len(), Instant::now());
    while since.elapsed() < QUIET {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let now = world.registry.seen().len();
        if now != seen {
            (seen, since) = (now, Instant::now());
        }
    }
}

/// Waits for the next cycle, and until it is over.
async fn next_cycle(world: &World) {
    let seen = world.registry.seen().len();
    while world.registry.seen().len() == seen {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    settled(world).await;
}

fn tell(when: &str, before: &BTreeMap<String, usize>, world: &World, program: &Running, cpu: Duration, cycles: usize) {
    for (kind, count) in by_kind(world) {
        let count = count - before.get(&kind).copied().unwrap_or(0);
        print_line(&format!("  {when}: {kind}"), format!("{:.1}", per_cycle(count, cycles)));
    }
    let cpu = program.cpu().saturating_sub(cpu);
    let cpu = cpu.as_secs_f64() / f64::from(u32::try_from(cycles).unwrap_or(1));
    print_line(&format!("  {when}: CPU, s"), format!("{cpu:.2}"));
    print_line(&format!("  {when}: resident memory, KiB"), program.memory("VmRSS"));
    print_line(&format!("  {when}: peak resident memory, KiB"), program.memory("VmHWM"));
}

fn per_cycle(count: usize, cycles: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / f64::from(u32::try_from(cycles).unwrap_or(1))
}
