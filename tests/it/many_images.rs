//! One entry for many images, and one image in many places, on real servers.

use serde_json::{Value, json};

use crate::world::World;

/// Two Helm applications that run images of `shop`, one of them also a database.
const SHOPS: &str = "
registry:
  shop/api: [v1.0.0, v1.1.0, v2.0.0]
  shop/web: [v1.0.0, v1.2.0]
  shop/job: [v1.0.0, v1.3.0]
  db: [16.0.0, 16.1.0, 17.0.0]
---
kind: Application
metadata: { name: shop }
spec:
  project: default
  destination: {}
  source: { repoURL: https://charts.example.com, chart: shop, targetRevision: 1.0.0 }
status:
  sourceType: Helm
  summary: { images: ['REG/shop/web:v1.0.0', 'REG/shop/api:v1.0.0', 'REG/db:16.0.0'] }
---
kind: Application
metadata: { name: jobs }
spec:
  project: default
  destination: {}
  source: { repoURL: https://charts.example.com, chart: jobs, targetRevision: 1.0.0 }
status:
  sourceType: Helm
  summary: { images: ['REG/shop/job:v1.0.0'] }
";

fn with_updater(world: &str, images: &str) -> String {
    format!(
        "{world}---\nkind: ImageUpdater\nmetadata: {{ name: all }}\nspec:\n  applicationRefs:\n    - namePattern: '*'\n      images:\n{images}"
    )
}

/// The names and values of the Helm parameters of an application's only source.
async fn parameters(world: &World, application: &str) -> Vec<(String, String)> {
    let application = world.application(application).await;
    let parameters = application["spec"]["source"]["helm"]["parameters"].clone();
    let text = |parameter: &Value, key: &str| parameter[key].as_str().unwrap_or_default().to_owned();
    let mut values: Vec<_> = parameters
        .as_array()
        .into_iter()
        .flatten()
        .map(|parameter| (text(parameter, "name"), text(parameter, "value")))
        .collect();
    values.sort();
    values
}

fn values(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

#[tokio::test]
async fn one_entry_follows_every_image_that_runs_in_every_application() {
    let world = World::given(&with_updater(
        SHOPS,
        "        - imageName: 'REG/shop/*:1.x'
          manifestTargets: { helm: { tag: '{alias}.image.tag' } }
",
    ))
    .await;

    world.cycle().await;

    let shop = values(&[("api.image.tag", "v1.1.0"), ("web.image.tag", "v1.2.0")]);
    assert_eq!(parameters(&world, "shop").await, shop);
    assert_eq!(parameters(&world, "jobs").await, values(&[("job.image.tag", "v1.3.0")]));
    let status = world.status("all").await;
    assert_eq!(status["imagesManaged"], 3);
    assert_eq!(status["applicationsMatched"], 2);
    assert_eq!(world.condition("all", "Stalled").await, Value::Null);
    assert_eq!(world.condition("all", "Ready").await["reason"], "ReconcileSucceeded");

    let before = world.application("shop").await;
    world.cycle().await;
    assert_eq!(world.application("shop").await, before, "it converges");
}

#[tokio::test]
async fn a_literal_entry_keeps_its_image_beside_a_wildcard() {
    let world = World::given(&with_updater(
        SHOPS,
        "        - imageName: 'REG/shop/*:1.x'
          manifestTargets: { helm: { tag: '{name}.tag' } }
        - alias: main
          imageName: 'REG/shop/api:2.x'
          manifestTargets: { helm: { name: '{alias}.{name}', tag: '{alias}.tag' } }
",
    ))
    .await;

    world.cycle().await;

    let api = world.fill_in("REG/shop/api");
    let shop = values(&[("main.api", &api), ("main.tag", "v2.0.0"), ("web.tag", "v1.2.0")]);
    assert_eq!(parameters(&world, "shop").await, shop);
}

#[tokio::test]
async fn kustomize_needs_no_placeholder() {
    let world = World::given(&with_updater(
        "
registry:
  shop/api: [v1.0.0, v1.1.0]
  shop/web: [v1.0.0, v1.2.0]
---
kind: Application
metadata: { name: shop }
spec:
  project: default
  destination: {}
  source: { repoURL: https://git.example.com/a.git, path: shop, kustomize: { images: ['other:1'] } }
status:
  sourceType: Kustomize
  summary: { images: ['REG/shop/web:v1.0.0', 'REG/shop/api:v1.0.0'] }
",
        "        - imageName: 'REG/shop/*:1.x'
",
    ))
    .await;

    world.cycle().await;

    let after = world.application("shop").await;
    assert_eq!(
        after["spec"]["source"]["kustomize"]["images"],
        json!([
            "other:1",
            world.fill_in("REG/shop/api:v1.1.0"),
            world.fill_in("REG/shop/web:v1.2.0"),
        ])
    );
    world.cycle().await;
    assert_eq!(world.application("shop").await, after);
}

#[tokio::test]
async fn several_matches_for_one_place_stall_while_everything_else_goes_on() {
    let world = World::given(&with_updater(
        SHOPS,
        "        - imageName: 'REG/shop/*:1.x'
        - imageName: 'REG/db:16.x'
          manifestTargets: { helm: { spec: db.image } }
",
    ))
    .await;

    world.cycle().await;

    let db = world.fill_in("REG/db:16.1.0");
    assert_eq!(parameters(&world, "shop").await, values(&[("db.image", &db)]));
    // Only one image matches in the other application, so nothing stands in its way.
    let job = world.fill_in("REG/shop/job");
    let jobs = values(&[("image.name", &job), ("image.tag", "v1.3.0")]);
    assert_eq!(parameters(&world, "jobs").await, jobs);
    let stalled = world.condition("all", "Stalled").await;
    assert_eq!(stalled["status"], "True");
    let message = stalled["message"].as_str().unwrap();
    assert!(
        message.starts_with("spec.applicationRefs[0].images[0].manifestTargets.helm: several running images match"),
        "{message}"
    );
    assert!(message.contains("put {alias} or {name} into it"), "{message}");
    let problems = world.status("all").await["problems"].clone();
    let problems: Vec<_> = problems
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| (problem["alias"].as_str().unwrap(), problem["reason"].as_str().unwrap()))
        .collect();
    assert_eq!(problems, [("api", "InvalidSetting"), ("web", "InvalidSetting")]);
    assert_eq!(world.condition("all", "Error").await["reason"], "PartialErrors");

    let target = json!({ "helm": { "tag": "{alias}.tag" } });
    let images = json!([{ "imageName": world.fill_in("REG/shop/*:1.x"), "manifestTargets": target }]);
    let refs = json!([{ "namePattern": "*", "images": images }]);
    world
        .patch("ImageUpdater", "all", json!({ "spec": { "applicationRefs": refs } }))
        .await;
    world.cycle().await;
    assert_eq!(world.condition("all", "Stalled").await, Value::Null, "it is over");
    assert_eq!(world.helm_parameter("shop", "web.tag").await, "v1.2.0");
}

#[tokio::test]
async fn an_image_is_written_to_all_its_places_together_and_stays() {
    let world = World::given(&with_updater(
        SHOPS,
        "        - imageName: 'REG/shop/job:1.x'
          manifestTargets:
            helm:
              name: image.repository
              tag: image.tag
              additional: [{ tag: worker.image.tag }, { spec: '{alias}.cron' }]
",
    ))
    .await;

    world.cycle().await;

    let (name, whole) = (world.fill_in("REG/shop/job"), world.fill_in("REG/shop/job:v1.3.0"));
    let expected = values(&[
        ("image.repository", &name),
        ("image.tag", "v1.3.0"),
        ("job.cron", &whole),
        ("worker.image.tag", "v1.3.0"),
    ]);
    assert_eq!(parameters(&world, "jobs").await, expected);
    assert_eq!(world.status("all").await["recentUpdates"].as_array().unwrap().len(), 1);
    let after = world.application("jobs").await;
    world.cycle().await;
    assert_eq!(world.application("jobs").await, after, "written, and not running yet");

    // One place was lost, and its workload still runs the old version.
    let spec = json!({ "spec": { "source": { "helm": { "parameters": [
        { "name": "image.repository", "value": name, "forceString": true },
        { "name": "image.tag", "value": "v1.3.0", "forceString": true },
        { "name": "job.cron", "value": whole, "forceString": true },
    ] } } } });
    world.patch("Application", "jobs", spec).await;
    world
        .running("jobs", &["REG/shop/job:v1.3.0", "REG/shop/job:v1.0.0"])
        .await;
    world.cycle().await;
    assert_eq!(parameters(&world, "jobs").await, expected, "all of them hold it again");
    let after = world.application("jobs").await;
    world.cycle().await;
    assert_eq!(world.application("jobs").await, after);
}
