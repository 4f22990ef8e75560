//! What others are told: Argo CD by an annotation, people by status and events.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, time::Duration};

use argocd_image_updater::{
    cluster::{
        Cluster, ClusterError,
        directory::{self, DirectoryOptions},
        watch::{self, Scope, WatchEvent, Watches},
    },
    core::keys::ObjectKey,
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::world::World;

const REFRESH: &str = "argocd.argoproj.io/refresh";

/// An application whose image is written to git.
const WEB: &str = "
registry:
  web: ['1.0', '1.1']
git:
  deploy: { apps/web/kustomization.yaml: 'kind: Kustomization' }
---
kind: Application
metadata: { name: web, labels: { team: web }, annotations: { example.com/kept: 'yes' } }
spec:
  project: default
  destination: {}
  source: { repoURL: GIT/deploy, path: apps/web }
status:
  sourceType: Kustomize
  summary: { images: ['REG/web:1.0'] }
---
kind: ImageUpdater
metadata: { name: all }
spec:
  writeBackConfig: { method: git, gitConfig: { branch: main } }
  applicationRefs:
    - namePattern: 'web*'
      images: [{ alias: web, imageName: REG/web }]
";

/// The next event of the watches.
async fn next(watches: &mut Watches) -> WatchEvent {
    let wait = tokio::time::timeout(Duration::from_secs(30), watches.events.recv());
    wait.await.expect("an event within 30 s").expect("a running watch")
}

/// An object without what the API server itself counts.
fn without_server_fields(mut object: Value) -> Value {
    for field in ["resourceVersion", "managedFields"] {
        object["metadata"].as_object_mut().unwrap().remove(field);
    }
    object
}

#[tokio::test]
async fn argo_cd_is_told_by_one_annotation_that_no_watch_of_ours_notices() {
    let world = World::given(WEB).await;
    let cluster = Cluster::new(world.server.client());
    let end = CancellationToken::new();
    let _end = end.clone().drop_guard();
    let mut watches = watch::start(&cluster, &Scope::Namespaces(vec![world.namespace.clone()]), &end);
    assert!(matches!(next(&mut watches).await, WatchEvent::Synced));
    let before = world.application("web").await;

    cluster
        .refresh_application(&ObjectKey::new(&world.namespace, "web"))
        .await
        .unwrap();

    let mut told = world.application("web").await;
    let annotations = told["metadata"]["annotations"].as_object_mut().unwrap();
    assert_eq!(annotations.remove(REFRESH), Some(json!("normal")));
    assert_eq!(
        without_server_fields(told),
        without_server_fields(before),
        "nothing else is touched"
    );

    // Argo CD removes it when it is done; then somebody changes a label, which has to be noticed first of all.
    let nothing = json!({ "metadata": { "annotations": { REFRESH: null } } });
    world.patch("Application", "web", nothing).await;
    let label = json!({ "metadata": { "labels": { "team": "shop" } } });
    world.patch("Application", "web", label).await;
    let WatchEvent::ApplicationChanged { new: Some(new), .. } = next(&mut watches).await else {
        panic!("another event");
    };
    assert_eq!(new.metadata.labels.as_ref().unwrap()["team"], "shop");
}

#[tokio::test]
async fn an_application_that_is_gone_is_not_told() {
    let world = World::given(WEB).await;
    let cluster = Cluster::new(world.server.client());
    let gone = ObjectKey::new(&world.namespace, "gone");
    let error = cluster.refresh_application(&gone).await.unwrap_err();
    assert!(matches!(error, ClusterError::NotFound { .. }), "{error}");
}

#[tokio::test]
async fn nobody_is_told_in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("web.yaml");
    let text =
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: web, namespace: argocd}\nspec: {}\n";
    fs::write(&file, text).unwrap();
    let options = DirectoryOptions {
        default_namespace: "argocd".to_owned(),
    };
    let api = directory::open(folder.path(), options).unwrap();
    let web = ObjectKey::new("argocd", "web");

    let cluster = Cluster::of_folder(api.client());
    cluster.refresh_application(&web).await.unwrap();

    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    assert_eq!(cluster.requests(), 0);
    assert!(cluster.get_application(&web).await.unwrap().is_some(), "it is there");
}

#[tokio::test]
async fn neither_the_annotation_nor_its_removal_starts_a_cycle() {
    let world = World::given(WEB).await;
    let program = world.start(&["--interval=1h"]);
    program.wrote("cycle done").await;
    let version = async || world.application("web").await["metadata"]["resourceVersion"].clone();
    let first = version().await;
    for value in [json!("normal"), Value::Null] {
        let annotation = json!({ "metadata": { "annotations": { REFRESH: value } } });
        world.patch("Application", "web", annotation).await;
    }
    assert_ne!(version().await, first, "it really changed");
    // A second application is news, and is looked at alone: what changed shortly before would be looked at with it.
    let other = world.fill_in(
        "{ metadata: { name: web-2 }, kind: Application, \
         spec: { project: default, destination: {}, source: { repoURL: GIT/deploy, path: apps/web } }, \
         status: { sourceType: Kustomize, summary: { images: ['REG/web:1.1'] } } }",
    );
    world.create(yaml_serde::from_str(&other).unwrap()).await;
    program.wrote("cycle done for changed applications").await;

    let ended = program.stop().await;

    assert!(ended.success, "{}", ended.log);
    let partial: Vec<_> = ended
        .log
        .lines()
        .filter(|line| line.contains("cycle done for changed"))
        .collect();
    assert_eq!(partial.len(), 1, "{}", ended.log);
    assert!(partial[0].contains("applications=1"), "{}", partial[0]);
}

#[tokio::test]
async fn a_write_that_fails_is_told_once_in_an_event_and_stays_in_the_status() {
    let world = World::given(WEB).await;
    world.git.refuse_pushes("deploy", "only releases on Mondays");
    let program = world.start(&["--interval=1s"]);
    world
        .wait_for(
            "three cycles are over",
            async || program.log().matches("cycle done").count(),
            |cycles| *cycles >= 3,
        )
        .await;
    assert!(program.stop().await.success);

    let failed = world.events("WriteFailed").await;
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(failed[0]["type"], "Warning");
    assert_eq!(failed[0]["involvedObject"]["name"], "web");
    let status = world.status("all").await;
    let write = &status["writes"][0];
    for words in [
        &failed[0]["message"],
        &write["error"],
        &status["problems"][0]["message"],
    ] {
        assert!(
            words.as_str().unwrap_or_default().contains("only releases on Mondays"),
            "{words}"
        );
    }
    assert_eq!(write["applications"], json!([world.fill_in("NS/web")]));
    assert_eq!(write["branch"], "main");
    assert_eq!(status["lastUpdatedAt"], Value::Null, "nothing was written");
    assert_eq!(world.condition("all", "Error").await["reason"], "PartialErrors");
    assert_eq!(
        world.condition("all", "Ready").await["reason"],
        "ReconcileCompletedWithErrors"
    );

    world.git.allow_pushes("deploy");
    world.cycle().await;
    let status = world.status("all").await;
    assert_eq!(
        status["writes"][0]["commit"],
        json!(world.git.log("deploy", "main")[0].id)
    );
    assert_eq!(
        status["writes"].as_array().map(Vec::len),
        Some(1),
        "the failure is over"
    );
    assert_eq!(world.events("ImagesUpdated").await.len(), 1);
}
