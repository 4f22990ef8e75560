//! Tags are all listed, and read for what they say.

use serde_json::{Value, json};

use super::scripted;
use crate::{
    support::image_shelf::{DOCKER, OCI, Shelf},
    world::World,
};

/// One application that follows `IMAGE` of `r.example.com/app` and runs one of its tags.
fn given(strategy: &str, constraint: &str, running: &str) -> String {
    format!(
        "
applications: [{{ name: app, running: ['r.example.com/app:{running}'] }}]
updater:
  commonUpdateSettings: {{ updateStrategy: {strategy} }}
  images: [{{ alias: app, imageName: 'r.example.com/app{constraint}' }}]
"
    )
}

/// Images with these tags, which all say the same date; what the application is given after one cycle.
async fn chosen(strategy: &str, constraint: &str, running: &str, tags: &[&str]) -> (World, Value) {
    let world = World::given(&given(strategy, constraint, running)).await;
    let registry = scripted(&world, "").await;
    for tag in tags {
        registry.push("app", tag, "2026-01-01T00:00:00Z");
    }
    world.cycle().await;
    let images = world.kustomize_images("app").await;
    (world, images)
}

#[tokio::test]
async fn the_stable_release_on_the_last_of_three_pages_is_found() {
    // #1660: 223 tags, the first page of which has no stable one.
    let world = World::given(&given("semver", ":1.x", "v1.0.0").replace(
        "updateStrategy: semver",
        r"updateStrategy: semver, allowTags: 'regexp:^v\d+\.\d+\.\d+$'",
    ))
    .await;
    let registry = scripted(&world, "").await;
    for n in 0..222 {
        registry.push("app", &format!("build-{n:03}"), "2026-01-01T00:00:00Z");
    }
    registry.push("app", "v1.2.0", "2026-01-01T00:00:00Z");
    registry.page_size(100);

    world.cycle().await;

    assert_eq!(world.kustomize_images("app").await, json!(["r.example.com/app:v1.2.0"]));
    assert_eq!(registry.count("/tags/list"), 3);
}

#[tokio::test]
async fn a_build_of_a_commit_is_no_release() {
    let (_world, images) = chosen("semver", "", "v0.9.0", &["v1.0.0", "v1.0.1-64.272fa09"]).await;

    assert_eq!(images, json!(["r.example.com/app:v1.0.0"]));
}

#[tokio::test]
async fn an_application_that_runs_latest_is_moved_to_a_version_without_an_error() {
    // #1473
    let (world, images) = chosen("semver", ":1.x", "latest", &["latest", "1.2.0", "1.3.0", "2.0.0"]).await;

    assert_eq!(images, json!(["r.example.com/app:1.3.0"]));
    assert_eq!(world.problem("app").await, Value::Null);
    assert_eq!(world.condition("all", "Error").await["status"], "False");
}

#[tokio::test]
async fn numbers_are_compared_as_numbers() {
    // #327
    let (_world, images) = chosen("numerical", "", "26", &["26", "226", "99", "100"]).await;

    assert_eq!(images, json!(["r.example.com/app:226"]));
}

#[tokio::test]
async fn the_digest_of_an_image_for_several_platforms_is_that_of_its_index() {
    // #297 #529
    for family in [OCI, DOCKER] {
        let world = World::given(&given("digest", ":stable", "stable").replace("r.example.com", "REG")).await;
        let mut images = Shelf::default();
        let [amd, arm] = ["linux/amd64", "linux/arm64"].map(|p| images.image(family, p, "2026-01-01T00:00:00Z"));
        let attestation = images.attestation();
        let index = images.index(
            family,
            &[
                (&arm, "linux/arm64"),
                (&attestation, "unknown/unknown"),
                (&amd, "linux/amd64"),
            ],
        );
        images.tag("stable", &index);
        world
            .registry
            .push_all(&format!("{}/app", world.namespace), &images)
            .await;

        world.cycle().await;

        let expected = format!("{}@{index}", world.fill_in("REG/app:stable"));
        assert_eq!(
            world.kustomize_images("app").await,
            json!([expected]),
            "{}",
            family.index
        );
    }
}

#[tokio::test]
async fn the_date_of_an_index_is_that_of_its_images_and_not_of_its_attestations() {
    let world = World::given(&given("newest-build", "", "old").replace("r.example.com", "REG")).await;
    let mut images = Shelf::default();
    for (tag, created) in [("old", "2026-01-01T00:00:00Z"), ("new", "2026-02-01T00:00:00Z")] {
        let amd = images.image(OCI, "linux/amd64", created);
        let attestation = images.attestation();
        let index = images.index(OCI, &[(&attestation, "unknown/unknown"), (&amd, "linux/amd64")]);
        images.tag(tag, &index);
    }
    world
        .registry
        .push_all(&format!("{}/app", world.namespace), &images)
        .await;

    world.cycle().await;

    assert_eq!(
        world.kustomize_images("app").await,
        json!([world.fill_in("REG/app:new")])
    );
    assert_eq!(world.problem("app").await, Value::Null);
}
