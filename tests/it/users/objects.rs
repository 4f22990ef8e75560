//! Of an Application only what is owned is written, and only of those that are meant.

use serde_json::{Value, json};

use crate::world::World;

/// What a cycle changed: the paths of the values that differ.
fn differences(path: &str, before: &Value, after: &Value, found: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(a), Value::Object(b)) => {
            let keys = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key)));
            for key in keys {
                differences(&format!("{path}/{key}"), &before[key], &after[key], found);
            }
        }
        _ if before == after => {}
        _ => found.push(path.to_owned()),
    }
}

#[tokio::test]
async fn fields_that_nobody_here_knows_are_kept() {
    // #593
    let world = World::given(
        "
registry: { app: [v1.0.0, v1.1.0] }
applications:
  - name: helm
    type: Helm
    source:
      repoURL: https://charts.example.com
      chart: app
      helm:
        releaseName: ''
        passCredentials: false
        valuesObject: { image: { tag: kept }, list: [], nothing: {} }
        fileParameters: [{ name: f, path: p }]
        parameters: [{ name: image.tag, value: v1.0.0, forceString: false }, { name: empty }]
    metadata: &metadata
      finalizers: [resources-finalizer.argocd.argoproj.io]
      annotations: { notifications.argoproj.io/subscribe: '' }
    spec: &spec
      syncPolicy: { automated: { prune: false, selfHeal: false }, syncOptions: [CreateNamespace=true], retry: { limit: 0 } }
      ignoreDifferences: [{ kind: Deployment, group: apps, jsonPointers: [/spec/replicas] }]
      info: [{ name: url, value: '' }]
      revisionHistoryLimit: 0
    running: ['REG/app:v1.0.0']
  - name: kustomize
    source:
      targetRevision: main
      kustomize:
        namePrefix: ''
        commonLabels: { a: '' }
        patches: [{ patch: '- op: remove', target: { kind: Deployment } }]
        images: [other:1, 'REG/app:v1.0.0']
        forceCommonLabels: false
    metadata: *metadata
    spec: *spec
    running: ['REG/app:v1.0.0']
  - name: plugin
    type: Plugin
    source:
      plugin:
        name: cdk8s
        env: [{ name: STAGE, value: '' }]
        parameters: [{ name: p, array: [] }]
    metadata: *metadata
    spec: *spec
    running: ['REG/app:v1.0.0']
updater:
  images: [{ alias: app, imageName: 'REG/app:1.x' }]
  applicationRefs:
    - { namePattern: helm }
    - { namePattern: kustomize }
    - namePattern: plugin
      images: [{ alias: app, imageName: 'REG/app:1.x', manifestTargets: { plugin: { spec: IMAGE } } }]
",
    )
    .await;
    let written = [
        ("helm", "/spec/source/helm/parameters"),
        ("kustomize", "/spec/source/kustomize/images"),
        ("plugin", "/spec/source/plugin/env"),
    ];
    let mut before = Vec::new();
    for (name, _) in written {
        before.push(world.application(name).await);
    }

    world.cycle().await;

    for ((name, path), before) in written.into_iter().zip(before) {
        let after = world.application(name).await;
        let mut found = Vec::new();
        differences("", &before, &after, &mut found);
        // What the API server itself counts.
        found.retain(|path| !path.starts_with("/metadata/"));
        assert_eq!(found, [path], "{name}");
        for key in ["finalizers", "annotations", "labels"] {
            assert_eq!(after["metadata"][key], before["metadata"][key], "{name}");
        }
    }
    let parameters = world.application("helm").await["spec"]["source"]["helm"]["parameters"].clone();
    assert_eq!(parameters[1], json!({ "name": "empty" }));
}

#[tokio::test]
async fn applications_that_no_rule_means_are_not_touched() {
    // #917
    let world = World::given(
        "
registry: { app: [v1.0.0, v1.1.0] }
applications:
  - { name: shop, labels: { team: web }, running: ['REG/app:v1.0.0'] }
  - { name: shop-old, running: ['REG/app:v1.0.0'] }
  - { name: other, labels: { team: web }, running: ['REG/app:v1.0.0'] }
  - { name: shop-web, labels: { team: web }, running: ['REG/another:v1.0.0'] }
updater:
  applicationRefs:
    - namePattern: shop*
      labelSelectors: { matchLabels: { team: web } }
      images: [{ alias: app, imageName: 'REG/app:1.x' }]
",
    )
    .await;
    let unrelated = ["shop-old", "other", "shop-web"];
    let mut before = Vec::new();
    for name in unrelated {
        before.push(world.application(name).await);
    }

    world.cycle().await;

    assert_eq!(
        world.kustomize_images("shop").await,
        json!([world.fill_in("REG/app:v1.1.0")])
    );
    for (name, before) in unrelated.iter().zip(before) {
        assert_eq!(
            world.application(name).await,
            before,
            "{name}: not even a new resourceVersion"
        );
    }
    assert_eq!(world.status("all").await["applicationsMatched"], 2);
}
