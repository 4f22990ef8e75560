//! Images that do not run now, whose current version stands in the manifest.

use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn an_application_that_is_scaled_to_zero_is_followed_by_its_manifest() {
    let world = World::given(
        "
registry:
  shop: [v1.0.0, v1.1.0]
  job: [v1.0.0, v1.1.0]
---
kind: Application
metadata: { name: shop }
spec:
  project: default
  destination: {}
  source:
    repoURL: https://charts.example.com
    chart: shop
    targetRevision: 1.0.0
    helm: { parameters: [{ name: image.tag, value: v1.0.0 }, { name: job.tag, value: v1.1.0 }] }
status: { sourceType: Helm, summary: { images: [] } }
---
kind: ImageUpdater
metadata: { name: all }
spec:
  commonUpdateSettings: { currentFrom: manifest }
  applicationRefs:
    - namePattern: shop
      images:
        - { alias: shop, imageName: 'REG/shop:1.x' }
        - { alias: job, imageName: 'REG/job:1.x', manifestTargets: { helm: { name: job.name, tag: job.tag } } }
        - { alias: new, imageName: 'REG/shop:~1.0', manifestTargets: { helm: { spec: new.image } } }
        - { alias: away, imageName: 'REG/shop:1.x', commonUpdateSettings: { currentFrom: live } }
",
    )
    .await;
    world.cycle().await;
    assert_eq!(world.helm_parameter("shop", "image.tag").await, "v1.1.0");
    assert_eq!(
        world.helm_parameter("shop", "job.name").await,
        json!(null),
        "it is up to date"
    );
    assert_eq!(
        world.helm_parameter("shop", "new.image").await,
        json!(world.fill_in("REG/shop:v1.0.0")),
        "nothing stood there"
    );
    let status = world.status("all").await;
    assert_eq!(status["imagesManaged"], 3, "not the one that does not run: {status}");
    let update = status["recentUpdates"]
        .as_array()
        .and_then(|all| all.iter().find(|update| update["alias"] == "shop"))
        .cloned()
        .unwrap_or_default();
    assert_eq!(update["message"], "updated from v1.0.0 to v1.1.0");

    let written = world.application("shop").await;
    world.cycle().await;
    assert_eq!(world.application("shop").await, written, "its own result needs nothing");
}
