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
kind: Secret
metadata: { name: deploy, labels: { argocd.argoproj.io/secret-type: repository } }
stringData: { type: git, url: GIT/deploy, username: bot, password: gitpassword-6f1d }
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
async fn a_refused_push_is_told_once_and_not_tried_again_before_somebody_asks() {
    let world = World::given(WEB).await;
    world.git.refuse_pushes("deploy", "only releases on Mondays");
    let program = world.start(&["--interval=1s"]);
    let count = || async { program.log().matches("cycle done").count() };
    world
        .wait_for("three cycles are over", count, |cycles| *cycles >= 3)
        .await;

    assert_eq!(world.git.requests().pushes, 1, "the server is left alone");
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
        let words = words.as_str().unwrap_or_default();
        assert!(words.contains("only releases on Mondays"), "{words}");
    }
    assert_eq!(write["applications"], json!([world.fill_in("NS/web")]));
    assert_eq!(write["branch"], "main");
    assert!(write["retryAt"].is_string(), "{write}");
    assert_eq!(status["lastUpdatedAt"], Value::Null, "nothing was written");
    assert_eq!(world.condition("all", "Error").await["reason"], "PartialErrors");
    let ready = world.condition("all", "Ready").await;
    assert_eq!(ready["reason"], "ReconcileCompletedWithErrors");

    let asked = json!({ "metadata": { "annotations": {
        "argocd-image-updater.argoproj.io/reconcile-requested-at": "now" } } });
    world.patch("ImageUpdater", "all", asked).await;
    let pushes = || async { world.git.requests().pushes };
    world.wait_for("a person is heard", pushes, |pushes| *pushes == 2).await;
    let sofar = count().await;
    world
        .wait_for("two more are over", count, |cycles| *cycles >= sofar + 2)
        .await;
    assert_eq!(world.git.requests().pushes, 2, "once");

    world.git.allow_pushes("deploy");
    let again = json!({ "metadata": { "annotations": {
        "argocd-image-updater.argoproj.io/reconcile-requested-at": "mended" } } });
    world.patch("ImageUpdater", "all", again).await;
    let status = world
        .wait_for(
            "it is written",
            || world.status("all"),
            |status| status["writes"][0]["commit"].is_string(),
        )
        .await;
    assert!(program.stop().await.success);
    let log = world.git.log("deploy", "main");
    assert_eq!(status["writes"][0]["commit"], json!(log[0].id));
    assert_eq!(
        status["writes"].as_array().map(Vec::len),
        Some(1),
        "the failure is over"
    );
    assert_eq!(world.events("ImagesUpdated").await.len(), 1);
    assert_eq!(world.events("WriteFailed").await.len(), 1, "the same words are no news");
}

#[tokio::test]
async fn a_repository_that_is_in_trouble_is_told_with_the_time_of_the_next_try() {
    let world = World::given(WEB).await;
    world.git.fail_with(Some(503));

    world.cycle().await;

    let status = world.status("all").await;
    let write = &status["writes"][0];
    assert_eq!(write["target"], json!(world.git.url("deploy")));
    assert!(write["retryAt"].is_string() && write["commit"].is_null(), "{write}");
    assert_eq!(status["problems"][0]["reason"], "WriteFailed");
    assert_eq!(world.git.requests().pushes, 0);
}

#[tokio::test]
async fn argo_cd_is_told_of_a_push_to_the_base_branch() {
    for revision in ["main", "HEAD"] {
        let world = World::given(&WEB.replace(
            "path: apps/web }",
            &format!("path: apps/web, targetRevision: {revision} }}"),
        ))
        .await;
        let before = world.application("web").await;

        world.cycle().await;

        assert_eq!(world.git.log("deploy", "main").len(), 2, "{revision}: it is written");
        let after = world.application("web").await;
        assert_eq!(after["metadata"]["annotations"][REFRESH], "normal", "{revision}");
        assert_eq!(after["spec"], before["spec"]);
        world
            .patch(
                "Application",
                "web",
                json!({ "metadata": { "annotations": { REFRESH: null } } }),
            )
            .await;

        world.cycle().await;

        let again = world.application("web").await;
        assert_eq!(
            again["metadata"]["annotations"][REFRESH],
            Value::Null,
            "{revision}: once"
        );
        assert_eq!(world.events("ImagesUpdated").await.len(), 1, "{revision}");
    }
}
