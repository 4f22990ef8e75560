//! Nothing goes back to an older image because something could not be read, or because dates say nothing.

use serde_json::{Value, json};

use super::scripted;
use crate::{
    support::{
        image_shelf::{OCI, Shelf},
        registry::Fault,
    },
    world::World,
};

/// One application that runs `r.example.com/app:RUNNING`.
fn given(strategy: &str, running: &str) -> String {
    format!(
        "
applications: [{{ name: app, running: ['r.example.com/app:{running}'] }}]
updater:
  commonUpdateSettings: {{ updateStrategy: {strategy} }}
  images: [{{ alias: app, imageName: r.example.com/app }}]
"
    )
}

#[tokio::test]
async fn one_tag_that_cannot_be_read_holds_the_decision_until_it_can() {
    // #511 #604
    for status in [500, 429, 503] {
        let world = World::given(&given("newest-build", "v1")).await;
        let registry = scripted(&world, "").await;
        for (tag, month) in [("v1", 1), ("v2", 2), ("v3", 3)] {
            registry.push("app", tag, &format!("2026-0{month}-01T00:00:00Z"));
        }
        registry.fault(Fault::Manifest("v3".to_owned(), status));
        world.cycle().await;
        assert_eq!(
            world.kustomize_images("app").await,
            Value::Null,
            "{status}: v2 is not the newest"
        );
        assert_eq!(world.problem("app").await, "MetadataUnavailable", "{status}");

        registry.fault(Fault::None);
        world.cycle().await;
        assert_eq!(
            world.kustomize_images("app").await,
            json!(["r.example.com/app:v3"]),
            "{status}"
        );
    }
}

#[tokio::test]
async fn a_tag_list_that_breaks_off_changes_nothing_until_it_is_whole() {
    // #511: the newest tag is on the page that failed.
    let world = World::given(&given("semver", "v1.0.0")).await;
    let registry = scripted(&world, "").await;
    for tag in ["v1.0.0", "v1.1.0", "v1.2.0", "v2.0.0"] {
        registry.push("app", tag, "2026-01-01T00:00:00Z");
    }
    registry.page_size(2);
    registry.fault(Fault::SecondPageFails);
    world.cycle().await;
    assert_eq!(
        world.kustomize_images("app").await,
        Value::Null,
        "v1.1.0 is not the highest"
    );
    assert_eq!(world.problem("app").await, "RegistryUnavailable");

    registry.fault(Fault::None);
    world.cycle().await;
    assert_eq!(world.kustomize_images("app").await, json!(["r.example.com/app:v2.0.0"]));
}

#[tokio::test]
async fn a_platform_of_an_index_that_is_not_there_takes_the_tag_out_and_no_other() {
    // #604: what is missing for good must not hold the others for ever.
    let world = World::given(&given("newest-build", "v1").replace("r.example.com", "REG")).await;
    let repository = format!("{}/app", world.namespace);
    for (tag, month) in [("v1", 1), ("v2", 2)] {
        world.push("app", tag, &format!("2026-0{month}-01T00:00:00Z")).await;
    }
    let mut images = Shelf::default();
    let child = images.image(OCI, "linux/amd64", "2026-03-01T00:00:00Z");
    let index = images.index(OCI, &[(&child, "linux/amd64")]);
    images.tag("v3", &index);
    world.registry.push_all(&repository, &images).await;
    world.registry.delete_manifest(&repository, &child).await;

    world.cycle().await;

    assert_eq!(
        world.kustomize_images("app").await,
        json!([world.fill_in("REG/app:v2")])
    );
}

#[tokio::test]
async fn a_running_tag_that_the_registry_lost_takes_nobody_back() {
    for (strategy, running, listed) in [
        ("semver", "v1.2.0", ["v1.0.0", "v1.1.0"]),
        ("alphabetical", "2026-03", ["2026-01", "2026-02"]),
        ("numerical", "226", ["26", "0225"]),
    ] {
        let world = World::given(&given(strategy, running)).await;
        let registry = scripted(&world, "").await;
        for tag in listed {
            registry.push("app", tag, "2026-01-01T00:00:00Z");
        }

        let log = world.cycle().await.log;

        assert_eq!(world.kustomize_images("app").await, Value::Null, "{strategy}");
        assert!(log.contains("WouldDowngrade"), "{strategy}: {log}");
    }
}

#[tokio::test]
async fn a_running_tag_of_unknown_age_that_the_registry_lost_is_replaced_and_that_is_said() {
    let world = World::given(&given("newest-build", "nightly-3")).await;
    let registry = scripted(&world, "").await;
    registry.push("app", "nightly-1", "2026-01-01T00:00:00Z");
    registry.push("app", "nightly-2", "2026-01-02T00:00:00Z");

    world.cycle().await;

    assert_eq!(
        world.kustomize_images("app").await,
        json!(["r.example.com/app:nightly-2"])
    );
    let update = world.status("all").await["recentUpdates"][0]["message"].clone();
    let message = update.as_str().unwrap_or_default();
    assert!(
        message.contains("nightly-3 was running, but the registry does not list it any more"),
        "{message}"
    );
}

#[tokio::test]
async fn an_application_goes_back_where_that_is_asked_for() {
    let yaml = given("semver", "v1.2.0").replace("updateStrategy:", "allowDowngrade: true, updateStrategy:");
    let world = World::given(&yaml).await;
    let registry = scripted(&world, "").await;
    registry.push("app", "v1.1.0", "2026-01-01T00:00:00Z");

    world.cycle().await;

    assert_eq!(world.kustomize_images("app").await, json!(["r.example.com/app:v1.1.0"]));
}

#[tokio::test]
async fn images_dated_1970_stay_as_they_run_and_a_real_date_wins() {
    // #311
    for running in ["a", "b", "c"] {
        let world = World::given(&given("newest-build", running)).await;
        let registry = scripted(&world, "").await;
        for tag in ["a", "b", "c"] {
            registry.push("app", tag, "1970-01-01T00:00:00Z");
        }
        world.cycle().await;
        assert_eq!(world.kustomize_images("app").await, Value::Null, "{running}");

        registry.push("app", "Z", "2026-01-01T00:00:00Z");
        world.cycle().await;
        assert_eq!(
            world.kustomize_images("app").await,
            json!(["r.example.com/app:Z"]),
            "{running}"
        );
    }
}

#[tokio::test]
async fn identical_dates_stay_as_they_run_whatever_the_order_of_names() {
    // #311: a pipeline that sets one date for all builds of a commit.
    for running in ["a", "b", "c"] {
        let world = World::given(&given("newest-build", running)).await;
        let registry = scripted(&world, "").await;
        for tag in ["b", "a", "c"] {
            registry.push("app", tag, "2026-01-01T00:00:00Z");
        }
        for _ in 0..2 {
            world.cycle().await;
            assert_eq!(world.kustomize_images("app").await, Value::Null, "{running}");
        }
    }
}

#[tokio::test]
async fn a_rebuild_with_an_old_date_wins_where_the_registry_lists_by_age() {
    // #681: a build from a cache keeps the date of the first one, so dates cannot tell.
    let world = World::given(&given("newest-build", "build-1")).await;
    let registry = scripted(&world, "  tagsortmode: latest-last\n").await;
    registry.push("app", "build-1", "2026-05-01T00:00:00Z");
    registry.push("app", "build-2", "2026-01-01T00:00:00Z");

    world.cycle().await;

    assert_eq!(
        world.kustomize_images("app").await,
        json!(["r.example.com/app:build-2"])
    );
}
