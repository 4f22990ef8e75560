//! The registries file of a running program: mirrors, and a file that changes.

use std::fmt::Write as _;

use argocd_image_updater::{api::registries_conf::RegistryEntry, core::registries::RegistriesConf};
use serde_json::Value;

use crate::{
    support::registry::{Fault, Registry},
    world::World,
};

/// An application that runs `hub.test/team/shop:v1.0.0`, and a resource that follows it.
const SHOP: &str = "
applications:
- { name: web, running: ['hub.test/team/shop:v1.0.0'] }
updater: { images: [{ alias: shop, imageName: 'hub.test/team/shop:1.x' }] }
";

const CREATED: &str = "2026-01-01T00:00:00Z";

async fn shop() -> World {
    World::given(SHOP).await
}

/// A registry with these tags.
async fn registry(repository: &str, tags: &[&str]) -> Registry {
    let registry = Registry::start().await;
    for tag in tags {
        registry.push(repository, tag, CREATED);
    }
    registry
}

fn host(registry: &Registry) -> String {
    registry.url().trim_start_matches("http://").to_owned()
}

/// A file with `hub.test` at `hub`, whose mirrors these are, each with an entry of its own and a path.
fn with_mirrors(hub: &Registry, mirrors: &[(&Registry, &str)]) -> String {
    let places: Vec<String> = mirrors
        .iter()
        .map(|(mirror, path)| format!("'{}/{path}'", host(mirror)))
        .collect();
    let mut text = format!(
        "registries:\n- {{name: hub, prefix: hub.test, api_url: '{}', mirrors: [{}]}}\n",
        hub.url(),
        places.join(", ")
    );
    for (index, (mirror, _)) in mirrors.iter().enumerate() {
        let _ = writeln!(
            text,
            "- {{name: m{index}, prefix: '{}', api_url: '{}'}}",
            host(mirror),
            mirror.url()
        );
    }
    text
}

/// The image that is written into the application.
async fn written(world: &World) -> String {
    let images = world.kustomize_images("web").await;
    images[0].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_mirror_is_asked_and_the_original_name_is_written() {
    let world = shop().await;
    let hub = registry("team/shop", &["v1.0.0", "v1.9.0"]).await;
    let mirror = registry("dockerhub/team/shop", &["v1.0.0", "v1.1.0"]).await;
    world.write_registries_conf(&with_mirrors(&hub, &[(&mirror, "dockerhub")]));
    world.cycle().await;
    assert_eq!(written(&world).await, "hub.test/team/shop:v1.1.0");
    assert_eq!(hub.seen(), [], "nothing is asked where the image lies");
    assert_eq!(
        mirror.count("/v2/dockerhub/team/shop/tags/list"),
        1,
        "{:?}",
        mirror.seen()
    );
}

#[tokio::test]
async fn a_mirror_that_fails_in_any_way_is_passed_over() {
    for fault in [
        Fault::Status(500),
        Fault::Status(404),
        Fault::Status(401),
        Fault::TooMany(300),
        Fault::TruncatedList,
        Fault::Html,
    ] {
        let world = shop().await;
        let hub = registry("team/shop", &["v1.0.0", "v1.9.0"]).await;
        let (first, second) = (
            registry("a/team/shop", &["v1.0.0"]).await,
            registry("b/other", &["v1"]).await,
        );
        first.fault(fault.clone());
        world.write_registries_conf(&with_mirrors(&hub, &[(&first, "a"), (&second, "b")]));
        world.cycle().await;
        assert_eq!(written(&world).await, "hub.test/team/shop:v1.9.0", "{fault:?}");
        assert!(
            !first.seen().is_empty() && second.count("/v2/b/team/shop/tags/list") == 1,
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn when_all_fail_the_registry_itself_is_the_reason_and_its_mirrors_are_told() {
    let world = shop().await;
    let (hub, mirror) = (registry("x", &[]).await, registry("x", &[]).await);
    hub.fault(Fault::TooMany(300));
    mirror.fault(Fault::Status(401));
    world.write_registries_conf(&with_mirrors(&hub, &[(&mirror, "a")]));
    world.cycle().await;
    let problem = world.status("all").await["problems"][0].clone();
    assert_eq!(problem["reason"], "RateLimited", "{problem}");
    let message = problem["message"].as_str().unwrap_or_default();
    assert!(
        message.contains(&format!("mirror {}/a was asked before", host(&mirror))),
        "{message}"
    );
}

#[tokio::test]
async fn a_mirror_that_lost_the_running_tag_takes_nothing_back() {
    let world = World::given(&SHOP.replace("1.x", ">=0.1")).await;
    let hub = registry("team/shop", &["v1.0.0", "v0.9.0"]).await;
    let mirror = registry("a/team/shop", &["v0.9.0"]).await;
    world.write_registries_conf(&with_mirrors(&hub, &[(&mirror, "a")]));
    let plan = world.plan(&[]).await;
    assert!(plan.stdout.contains("WouldDowngrade"), "{}", plan.log);
}

#[tokio::test]
async fn the_pull_secret_of_an_image_does_not_go_to_a_mirror() {
    const LOGIN: &str = "bob:registrypassword-93ab";
    let world = World::given(
        "
kind: Secret
metadata: { name: login }
stringData: { it: 'bob:registrypassword-93ab' }
---
applications:
- { name: web, running: ['hub.test/team/shop:v1.0.0'] }
updater: { images: [{ alias: shop, imageName: 'hub.test/team/shop:1.x', commonUpdateSettings: { pullSecret: 'secret:NS/login#it' } }] }
",
    )
    .await;
    let hub = registry("team/shop", &["v1.0.0", "v1.9.0"]).await;
    let mirror = registry("a/team/shop", &["v1.0.0", "v1.1.0"]).await;
    for registry in [&hub, &mirror] {
        registry.require_basic(LOGIN);
    }
    world.write_registries_conf(&with_mirrors(&hub, &[(&mirror, "a")]));
    world.cycle().await;
    assert_eq!(written(&world).await, "hub.test/team/shop:v1.9.0");
    assert!(mirror.seen().iter().all(|seen| !seen.authorized), "{:?}", mirror.seen());
}

#[tokio::test]
async fn a_changed_file_is_used_without_a_restart_and_a_bad_one_is_told_until_it_is_mended() {
    let world = shop().await;
    let (old, new) = (
        registry("team/shop", &["v1.0.0"]).await,
        registry("team/shop", &["v1.0.0", "v1.2.0"]).await,
    );
    world.write_registries_conf(&with_mirrors(&old, &[]));
    let child = world.start(&["--interval=0"]);
    let list = "/v2/team/shop/tags/list";
    world
        .wait_for("the old one is asked", || async { old.count(list) }, |count| *count > 0)
        .await;

    // Nothing but the file changes, and resources are checked only when something changes.
    world.write_registries_conf("registries:\n- {name: hub, prefix: hub.test, proxy: 'bob:hunter2-77aa@x'}\n");
    let warning = || async { world.condition("all", "Warning").await };
    let told = |condition: &Value| {
        condition["message"]
            .as_str()
            .is_some_and(|m| m.contains("`api_url` is missing"))
    };
    world.wait_for("the problem is in the status", warning, told).await;
    assert_eq!(new.seen(), []);

    world.write_registries_conf(&with_mirrors(&new, &[]));
    let image = || written(&world);
    world
        .wait_for("the new registry is used", image, |image| {
            image == "hub.test/team/shop:v1.2.0"
        })
        .await;
    world
        .wait_for("nothing is wrong any more", warning, |condition| !told(condition))
        .await;
    let end = child.stop().await;
    assert!(end.success, "{}", end.log);
    assert_eq!(end.log.matches("is not taken over").count(), 1, "{}", end.log);
    assert!(!end.log.contains("hunter2-77aa"), "{}", end.log);
}

#[tokio::test]
async fn credentials_that_are_taken_out_of_the_file_are_not_used_any_more() {
    let secret = "
kind: Secret
metadata: { name: login }
stringData: { it: 'bob:registrypassword-93ab' }
---";
    let world = World::given(&format!("{secret}{SHOP}")).await;
    let hub = registry("team/shop", &["v1.0.0", "v1.1.0"]).await;
    hub.require_basic("bob:registrypassword-93ab");
    let conf = |more: &str| {
        format!(
            "registries:\n- {{name: hub, prefix: hub.test, api_url: '{}'{more}}}\n",
            hub.url()
        )
    };
    world.write_registries_conf(&conf(&format!(", credentials: 'secret:{}/login#it'", world.namespace)));
    let child = world.start(&["--interval=0"]);
    let image = || written(&world);
    world
        .wait_for("the credentials are used", image, |image| {
            image == "hub.test/team/shop:v1.1.0"
        })
        .await;
    world.write_registries_conf(&conf(""));
    let problem = || world.problem("shop");
    world
        .wait_for("they are not used any more", problem, |reason| reason == "Unauthorized")
        .await;
    assert!(child.stop().await.success);
}

#[test]
fn the_page_of_registries_names_every_key_and_its_examples_can_be_used() {
    let page = include_str!("../../docs/registries.md");
    let unknown = yaml_serde::from_str::<RegistryEntry>("no_such_key: 1").expect_err("an unknown key");
    let unknown = unknown.to_string();
    let (_, keys) = unknown.split_once("expected one of").expect("the keys");
    let keys: Vec<_> = keys.split('`').skip(1).step_by(2).collect();
    assert!(keys.len() > 15, "{unknown}");
    for key in keys {
        let row = page
            .lines()
            .find(|line| line.starts_with("| `") && line.contains(&format!("`{key}`")));
        assert!(row.is_some(), "{key} has no row");
    }
    let blocks: Vec<_> = page
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    assert_eq!(blocks.len(), 2);
    for block in blocks {
        let text = format!("registries:\n{}", block.trim_start_matches("registries:\n"));
        let conf = RegistriesConf::parse(&text).unwrap_or_else(|e| panic!("{e}:\n{text}"));
        assert!(!conf.entries().is_empty() && conf.warnings().is_empty(), "{text}");
    }
}
