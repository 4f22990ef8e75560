//! A folder as a Kubernetes API, driven by the ordinary client.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    pin::pin,
    time::Duration,
};

use argocd_image_updater::{
    api::{
        argocd::{AppProject, Application},
        v1alpha1::ImageUpdater,
    },
    cluster::directory::{self, DirectoryApi, DirectoryOptions},
};
use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::{ConfigMap, Event, Secret};
use kube::{
    Api, Client, Resource,
    api::{ListParams, ObjectMeta, Patch, PatchParams, PostParams, WatchEvent, WatchParams},
    core::Status,
    runtime::watcher,
};
use serde_json::{Value, json};
use tempfile::TempDir;

const SHOP: &str = "# The shop. Do not delete.\r\napiVersion: argoproj.io/v1alpha1\r\nkind: Application\r\nmetadata:\r\n  name: shop # short\r\n  labels: {team: a, tier: web}\r\nspec:\r\n  source:\r\n    repoURL: 'https://git.example.com/shop.git'\r\n    path: \"shop\"\r\n    helm:\r\n      parameters:\r\n        # the tag\r\n        - name: image.tag\r\n          value: \"1.0\" # pinned\r\n        - {name: replicas, value: '3'}\r\nstatus:\r\n  summary:\r\n    images: [acme/shop:1.0]\r\n---\r\nkind: Deployment\r\napiVersion: apps/v1\r\nmetadata: {name: other}\r\n---\r\napiVersion: argoproj.io/v1alpha1\r\nkind: Application\r\nmetadata:\r\n  name: web\r\n  namespace: team-b\r\nspec: {project: default}\r\n";

const UPDATER: &str = "apiVersion: argocd-image-updater.argoproj.io/v1alpha1\nkind: ImageUpdater\nmetadata:\n  name: all\n  namespace: argocd\nspec:\n  applicationRefs:\n  - namePattern: '*'\n    images:\n    - alias: a\n      imageName: acme/shop\n";

struct World {
    folder: TempDir,
    api: DirectoryApi,
    client: Client,
}

impl World {
    fn given(files: &[(&str, &str)]) -> Self {
        let folder = folder(files);
        let api = open(folder.path()).unwrap();
        let client = api.client();
        Self { folder, api, client }
    }

    fn applications(&self, namespace: &str) -> Api<Application> {
        Api::namespaced(self.client.clone(), namespace)
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.folder.path().join(file)).unwrap()
    }

    fn all<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = ()>,
    {
        Api::all(self.client.clone())
    }
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn open(folder: &Path) -> Result<DirectoryApi, directory::DirectoryError> {
    directory::open(
        folder,
        DirectoryOptions {
            default_namespace: "argocd".to_owned(),
        },
    )
}

fn refused(files: &[(&str, &str)]) -> String {
    let folder = folder(files);
    let error = open(folder.path()).unwrap_err().to_string();
    error.replace(&format!("{}/", fs::canonicalize(folder.path()).unwrap().display()), "")
}

fn status<T: std::fmt::Debug>(result: Result<T, kube::Error>) -> Status {
    match result {
        Err(kube::Error::Api(status)) => *status,
        other => panic!("not an answer of the API: {other:?}"),
    }
}

async fn json_patch(api: &Api<Application>, name: &str, patch: Value) -> Result<Application, kube::Error> {
    let patch: json_patch::Patch = serde_json::from_value(patch).unwrap();
    api.patch(name, &PatchParams::default(), &Patch::<()>::Json(patch))
        .await
}

#[tokio::test]
async fn every_kind_is_read_from_files_lists_and_sub_folders() {
    let world = World::given(&[
        ("a.yaml", SHOP),
        ("sub/dir/b.yml", UPDATER),
        (
            "c.json",
            r#"{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "eA=="}, "stringData": {"b": "y"}}"#,
        ),
        (
            "d.yaml",
            "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: c}\n  data: {k: v}\n- apiVersion: argoproj.io/v1alpha1\n  kind: AppProject\n  metadata: {name: default}\n  spec: {sourceRepos: ['*']}\n",
        ),
        (".hidden.yaml", SHOP),
        (".git/e.yaml", SHOP),
        ("values.yaml", "image: {tag: 1}\n"),
        ("notes.txt", "kind: [\n"),
    ]);
    assert_eq!(world.api.warnings(), [""; 0]);

    let shop = world.applications("argocd").get("shop").await.unwrap();
    assert_eq!(shop.live_images(), ["acme/shop:1.0"]);
    assert_eq!(
        (shop.metadata.generation, shop.metadata.resource_version.is_some()),
        (Some(1), true)
    );
    assert_eq!(
        world
            .applications("team-b")
            .get("web")
            .await
            .unwrap()
            .metadata
            .namespace
            .unwrap(),
        "team-b"
    );
    assert_eq!(
        world
            .all::<ImageUpdater>()
            .list(&ListParams::default())
            .await
            .unwrap()
            .items
            .len(),
        1
    );
    assert_eq!(
        world
            .all::<AppProject>()
            .list(&ListParams::default())
            .await
            .unwrap()
            .items
            .len(),
        1
    );
    let map = Api::<ConfigMap>::default_namespaced(world.client.clone())
        .get("c")
        .await
        .unwrap();
    assert_eq!(map.data.unwrap()["k"], "v");
    let secret = Api::<Secret>::namespaced(world.client.clone(), "argocd")
        .get("s")
        .await
        .unwrap();
    let data = secret.data.unwrap();
    assert_eq!((data["a"].0.as_slice(), data["b"].0.as_slice()), (&b"x"[..], &b"y"[..]));
    assert!(secret.string_data.is_none());
}

#[tokio::test]
async fn lists_are_narrowed_by_namespace_labels_and_fields() {
    let world = World::given(&[("a.yaml", SHOP)]);
    let names = |list: kube::core::ObjectList<Application>| -> Vec<String> {
        list.items.into_iter().map(|app| app.metadata.name.unwrap()).collect()
    };
    for (params, expected) in [
        (ListParams::default(), &["shop", "web"][..]),
        (ListParams::default().labels("team=a"), &["shop"]),
        (ListParams::default().labels("team in (a, b),tier"), &["shop"]),
        (ListParams::default().labels("!team"), &["web"]),
        (ListParams::default().fields("metadata.name=web"), &["web"]),
        (ListParams::default().limit(1), &["shop", "web"]),
    ] {
        assert_eq!(names(world.all().list(&params).await.unwrap()), expected, "{params:?}");
    }
    let list = world.applications("team-b").list(&ListParams::default()).await.unwrap();
    assert_eq!(names(list), ["web"]);
    let refused = status(
        world
            .all::<Application>()
            .list(&ListParams::default().labels("a b"))
            .await,
    );
    assert_eq!((refused.code, refused.reason.as_str()), (400, "BadRequest"));
}

#[tokio::test]
async fn a_json_patch_changes_only_its_own_lines() {
    let world = World::given(&[("a.yaml", SHOP)]);
    let path = world.folder.path().join("a.yaml");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let shop = world.applications("argocd").get("shop").await.unwrap();

    let patched = json_patch(
        &world.applications("argocd"),
        "shop",
        json!([
            {"op": "test", "path": "/metadata/uid", "value": shop.metadata.uid},
            {"op": "test", "path": "/spec/source/kustomize", "value": null},
            {"op": "test", "path": "/spec/source/helm/parameters", "value": shop.spec.source.unwrap().helm.unwrap().parameters},
            {"op": "replace", "path": "/spec/source/helm/parameters", "value": [
                {"name": "image.tag", "value": "1.10", "forceString": true},
                {"name": "replicas", "value": "3"},
                {"name": "image.name", "value": "acme/shop"},
            ]},
        ]),
    )
    .await
    .unwrap();

    assert_eq!(patched.metadata.generation, Some(2));
    assert_ne!(patched.metadata.resource_version, shop.metadata.resource_version);
    assert_eq!(patched.metadata.namespace.as_deref(), Some("argocd"));
    let expected = SHOP
        .replace(
            "value: \"1.0\" # pinned\r\n",
            "value: \"1.10\" # pinned\r\n          forceString: true\r\n",
        )
        .replace(
            "value: '3'}\r\n",
            "value: '3'}\r\n        - name: image.name\r\n          value: acme/shop\r\n",
        );
    assert_eq!(world.read("a.yaml"), expected);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);

    // What was written is what a new process reads.
    let (folder, before) = (world.folder, patched);
    drop((world.client, world.api));
    let again = loop {
        // The client's worker ends a moment after the client.
        match open(folder.path()) {
            Ok(api) => break api,
            Err(directory::DirectoryError::Locked { .. }) => tokio::task::yield_now().await,
            Err(e) => panic!("{e}"),
        }
    };
    let after = Api::<Application>::namespaced(again.client(), "argocd")
        .get("shop")
        .await
        .unwrap();
    assert_eq!(after.spec, before.spec);
    assert_eq!(after.metadata.uid, before.metadata.uid);
}

#[tokio::test]
async fn an_object_in_a_list_and_one_in_json_are_written_in_place() {
    let list = "apiVersion: v1\nkind: List\nitems:\n# first\n- apiVersion: argoproj.io/v1alpha1\n  kind: Application\n  metadata: {name: one}\n  spec: {}\n- apiVersion: argoproj.io/v1alpha1\n  kind: Application\n  metadata:\n    name: two\n  spec:\n    project: x # p\n";
    let json = "{\n  \"apiVersion\": \"argoproj.io/v1alpha1\",\n  \"kind\": \"Application\",\n  \"metadata\": {\"name\": \"three\"},\n  \"spec\": {\n    \"project\": \"x\"\n  }\n}\n";
    let world = World::given(&[("list.yaml", list), ("three.json", json)]);
    let patch = json!({"metadata": {"annotations": {"a/b": "on"}}, "spec": {"project": "z"}});
    for name in ["two", "three"] {
        world
            .applications("argocd")
            .patch(name, &PatchParams::default(), &Patch::Merge(&patch))
            .await
            .unwrap();
    }
    let expected = list.replace("project: x # p", "project: z # p");
    let expected = expected.replace("name: two\n", "name: two\n    annotations:\n      a/b: \"on\"\n");
    assert_eq!(world.read("list.yaml"), expected);
    let expected = json
        .replace("\"x\"", "\"z\"")
        .replace("\"three\"}", "\"three\", \"annotations\": {\"a/b\": \"on\"}}");
    assert_eq!(world.read("three.json"), expected);
}

#[tokio::test]
async fn refusals_are_those_of_the_real_server() {
    let world = World::given(&[("a.yaml", SHOP)]);
    let apps = world.applications("argocd");
    let merge = |patch: Value| {
        let apps = apps.clone();
        async move { status(apps.patch("shop", &PatchParams::default(), &Patch::Merge(&patch)).await) }
    };

    let failed = status(
        json_patch(
            &apps,
            "shop",
            json!([{"op": "test", "path": "/spec/project", "value": "x"}]),
        )
        .await,
    );
    assert_eq!((failed.code, failed.reason.as_str()), (422, "Invalid"));
    assert_eq!(
        failed.message,
        "the server rejected our request due to an error in our request"
    );

    let missing = status(apps.get("nobody").await);
    assert_eq!((missing.code, missing.reason.as_str()), (404, "NotFound"));
    assert_eq!(missing.message, "applications.argoproj.io \"nobody\" not found");
    assert_eq!(missing.details.unwrap().kind, "applications");

    let stale = merge(json!({"metadata": {"resourceVersion": "999"}, "spec": {"project": "x"}})).await;
    assert_eq!((stale.code, stale.reason.as_str()), (409, "Conflict"));
    assert!(
        stale.message.contains("the object has been modified"),
        "{}",
        stale.message
    );

    assert_eq!(merge(json!({"metadata": {"uid": "other"}})).await.code, 409);
    assert_eq!(merge(json!({"metadata": {"name": "other"}})).await.code, 400);
    assert_eq!(merge(json!({"spec": {"project": 3}})).await.code, 422);

    let apply = Patch::Apply(json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application"}));
    assert_eq!(
        status(apps.patch("shop", &PatchParams::apply("me"), &apply).await).code,
        415
    );
    assert_eq!(
        status(apps.delete("shop", &kube::api::DeleteParams::default()).await.map(drop)).code,
        405
    );
    let secrets: Api<Secret> = Api::namespaced(world.client.clone(), "argocd");
    assert_eq!(
        status(secrets.create(&PostParams::default(), &Secret::default()).await).code,
        405
    );
    let leases: Api<k8s_openapi::api::coordination::v1::Lease> = Api::namespaced(world.client.clone(), "argocd");
    assert_eq!(status(leases.get("x").await).code, 404);
    assert_eq!(world.read("a.yaml"), SHOP);
}

#[tokio::test]
async fn a_patch_that_changes_nothing_or_is_a_dry_run_writes_nothing() {
    let world = World::given(&[("a.yaml", SHOP)]);
    let apps = world.applications("team-b");
    let before = apps.get("web").await.unwrap();
    let same = Patch::Merge(json!({"spec": {"project": "default"}}));
    let after = apps.patch("web", &PatchParams::default(), &same).await.unwrap();
    assert_eq!(after.metadata.resource_version, before.metadata.resource_version);
    let other = Patch::Merge(json!({"spec": {"project": "x"}}));
    let dry = apps
        .patch(
            "web",
            &PatchParams {
                dry_run: true,
                ..PatchParams::default()
            },
            &other,
        )
        .await
        .unwrap();
    assert_eq!(dry.spec.project.as_deref(), Some("x"));
    assert_eq!(apps.get("web").await.unwrap(), before);
    assert_eq!(world.read("a.yaml"), SHOP);
}

#[tokio::test]
async fn a_file_that_somebody_else_changed_is_not_overwritten_but_read_again() {
    let world = World::given(&[("a.yaml", SHOP)]);
    let apps = world.applications("team-b");
    let theirs = SHOP.replace("project: default", "project: theirs");
    fs::write(world.folder.path().join("a.yaml"), &theirs).unwrap();
    let patch = Patch::Merge(json!({"metadata": {"annotations": {"a": "b"}}}));

    let conflict = status(apps.patch("web", &PatchParams::default(), &patch).await);
    assert_eq!((conflict.code, conflict.reason.as_str()), (409, "Conflict"));
    assert!(
        conflict.message.contains("a.yaml was changed by somebody else"),
        "{}",
        conflict.message
    );
    assert_eq!(world.read("a.yaml"), theirs);

    assert_eq!(apps.get("web").await.unwrap().spec.project.as_deref(), Some("theirs"));
    apps.patch("web", &PatchParams::default(), &patch).await.unwrap();
    assert!(world.read("a.yaml").contains("project: theirs"));

    fs::remove_file(world.folder.path().join("a.yaml")).unwrap();
    let patch = Patch::Merge(json!({"metadata": {"annotations": {"a": "c"}}}));
    assert_eq!(
        status(apps.patch("web", &PatchParams::default(), &patch).await).code,
        409
    );
    assert_eq!(status(apps.get("web").await).code, 404);
}

#[tokio::test]
async fn status_goes_to_the_sidecar_and_comes_back_from_there() {
    let world = World::given(&[("u.yaml", UPDATER), ("a.yaml", SHOP)]);
    let updaters: Api<ImageUpdater> = Api::namespaced(world.client.clone(), "argocd");
    let patch = Patch::Merge(json!({"status": {"applicationsMatched": 2}, "spec": {"interval": "1h"}}));
    let patched = updaters
        .patch_status("all", &PatchParams::default(), &patch)
        .await
        .unwrap();
    assert_eq!(
        (patched.status.unwrap().applications_matched, patched.spec.interval),
        (Some(2), None)
    );
    // The main endpoint leaves the status alone.
    let patch = Patch::Merge(json!({"status": {"applicationsMatched": 7}}));
    let patched = updaters.patch("all", &PatchParams::default(), &patch).await.unwrap();
    assert_eq!(patched.status.unwrap().applications_matched, Some(2));
    assert_eq!(patched.metadata.generation, Some(1));
    let patch = Patch::Merge(json!({"status": {"summary": {"images": ["acme/shop:2.0"]}}}));
    world
        .applications("argocd")
        .patch("shop", &PatchParams::default(), &patch)
        .await
        .unwrap();

    assert_eq!(
        (world.read("u.yaml").as_str(), world.read("a.yaml").as_str()),
        (UPDATER, SHOP)
    );
    let sidecar = world.read(".argocd-image-updater/status/imageupdater-argocd-all.yaml");
    assert!(sidecar.ends_with("status:\n  applicationsMatched: 2\n"), "{sidecar}");
    assert!(
        world
            .folder
            .path()
            .join(".argocd-image-updater/status/application-argocd-shop.yaml")
            .is_file()
    );

    let copy = folder(&[
        ("u.yaml", UPDATER),
        ("a.yaml", SHOP),
        (".argocd-image-updater/status/imageupdater-argocd-all.yaml", &sidecar),
    ]);
    let again = open(copy.path()).unwrap();
    let updater = Api::<ImageUpdater>::namespaced(again.client(), "argocd")
        .get("all")
        .await
        .unwrap();
    assert_eq!(updater.status.unwrap().applications_matched, Some(2));
}

#[tokio::test]
async fn events_are_kept_up_to_a_bound() {
    let world = World::given(&[("a.yaml", SHOP)]);
    let events: Api<Event> = Api::namespaced(world.client.clone(), "argocd");
    for n in 0..205 {
        let metadata = ObjectMeta {
            name: Some(format!("shop.{n:x}")),
            ..ObjectMeta::default()
        };
        let event = Event {
            metadata,
            reason: Some("ImagesUpdated".to_owned()),
            ..Event::default()
        };
        events.create(&PostParams::default(), &event).await.unwrap();
    }
    let list = events.list(&ListParams::default()).await.unwrap();
    assert_eq!(
        (list.items.len(), list.items[0].metadata.name.as_deref()),
        (200, Some("shop.5"))
    );
    let twice = Event {
        metadata: list.items[0].metadata.clone(),
        ..Event::default()
    };
    assert_eq!(
        status(events.create(&PostParams::default(), &twice).await).reason,
        "AlreadyExists"
    );
    let file = world.read(".argocd-image-updater/events.yaml");
    let file: serde_json::Value = yaml_serde::from_str(&file).unwrap();
    let names: Vec<_> = file["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["metadata"]["name"].clone())
        .collect();
    assert_eq!((names.len(), names[0].as_str()), (200, Some("shop.5")));
}

#[tokio::test]
async fn a_watch_tells_what_changes_through_the_api() {
    let world = World::given(&[("a.yaml", SHOP)]);
    let config = watcher::Config::default().labels("team");
    let mut stream = pin!(watcher(world.all::<Application>(), config));
    let mut next = async || {
        let event = tokio::time::timeout(Duration::from_secs(10), stream.try_next()).await;
        event
            .expect("an event in time")
            .expect("no error")
            .expect("a stream without end")
    };
    assert!(matches!(next().await, watcher::Event::Init));
    assert!(matches!(next().await, watcher::Event::InitApply(app) if app.name() == "shop"));
    assert!(matches!(next().await, watcher::Event::InitDone));

    let apps = world.applications("argocd");
    let patch = Patch::Merge(json!({"spec": {"project": "x"}}));
    apps.patch("shop", &PatchParams::default(), &patch).await.unwrap();
    assert!(matches!(next().await, watcher::Event::Apply(app) if app.spec.project.as_deref() == Some("x")));
    let patch = Patch::Merge(json!({"metadata": {"labels": {"team": null}}}));
    apps.patch("shop", &PatchParams::default(), &patch).await.unwrap();
    assert!(matches!(next().await, watcher::Event::Delete(app) if app.name() == "shop"));
    let patch = Patch::Merge(json!({"metadata": {"labels": {"team": "z"}}}));
    world
        .applications("team-b")
        .patch("web", &PatchParams::default(), &patch)
        .await
        .unwrap();
    assert!(matches!(next().await, watcher::Event::Apply(app) if app.name() == "web"));
}

#[tokio::test]
async fn a_watch_starts_anywhere_and_ends_in_time() {
    let world = World::given(&[("a.yaml", SHOP)]);
    let apps = world.applications("argocd");
    let all = WatchParams::default().timeout(1);
    let added: Vec<_> = apps.watch(&all, "0").await.unwrap().try_collect().await.unwrap();
    assert!(matches!(added.as_slice(), [WatchEvent::Added(_)]), "{added:?}");

    let before = apps.get("shop").await.unwrap().metadata.resource_version.unwrap();
    for n in 0..3 {
        let patch = Patch::Merge(json!({"spec": {"project": format!("p{n}")}}));
        apps.patch("shop", &PatchParams::default(), &patch).await.unwrap();
    }
    let missed: Vec<_> = apps.watch(&all, &before).await.unwrap().collect().await;
    assert_eq!(missed.len(), 3);
    let future: Vec<_> = apps.watch(&all, "4711").await.unwrap().collect().await;
    assert!(
        matches!(future.as_slice(), [Ok(WatchEvent::Error(status))] if status.code == 410),
        "{future:?}"
    );

    let streaming = watcher::Config::default().streaming_lists();
    let mut stream = pin!(watcher(world.all::<Application>(), streaming));
    let mut seen = Vec::new();
    while let Ok(Some(event)) = stream.try_next().await {
        let done = matches!(event, watcher::Event::InitDone);
        seen.push(event);
        if done {
            break;
        }
    }
    assert_eq!(seen.len(), 4, "{seen:?}");
}

#[test]
fn mistakes_name_file_and_line() {
    let unknown = UPDATER.replace("      imageName:", "      imagename:");
    let typed = UPDATER.replace("namePattern: '*'", "namePattern: 3");
    let meta = UPDATER.replace("  namespace: argocd", "  lables: {a: b}");
    let twice = format!("# again\n{UPDATER}");
    for (files, expected) in [
        (
            &[("sub/u.yaml", unknown.as_str())][..],
            "sub/u.yaml:10: ImageUpdater all: spec.applicationRefs[0].images[0]: imageName is missing\nsub/u.yaml:11: ImageUpdater all: spec.applicationRefs[0].images[0].imagename: unknown field",
        ),
        (
            &[("u.yaml", typed.as_str())],
            "u.yaml:8: ImageUpdater all: spec.applicationRefs[0].namePattern: must be of type string",
        ),
        (
            &[("u.yaml", meta.as_str())],
            "u.yaml:5: ImageUpdater all: metadata.lables: unknown field",
        ),
        (
            &[("a.yaml", UPDATER), ("b.yaml", twice.as_str())],
            "b.yaml:2: ImageUpdater argocd/all is there twice, also in a.yaml:1",
        ),
    ] {
        assert_eq!(refused(files), expected, "{files:?}");
    }
}

#[test]
fn what_cannot_be_used_is_left_out_with_a_warning() {
    let outside = folder(&[("o.yaml", SHOP)]);
    let folder = folder(&[
        ("bad.yaml", "{{- if .Values.x }}\na: 1\n{{- end }}\n"),
        (
            "app.yaml",
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: x}\nspec: {project: 3}\n",
        ),
        (
            "name.yaml",
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: ../x}\n",
        ),
        (
            "secret.yaml",
            "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\ndata: {a: '%hunter2'}\n",
        ),
        ("..data/real.yaml", SHOP),
    ]);
    fs::write(folder.path().join("latin.yaml"), b"a: \xe9\n").unwrap();
    symlink(outside.path().join("o.yaml"), folder.path().join("link.yaml")).unwrap();
    symlink(
        folder.path().join("..data/real.yaml"),
        folder.path().join("mounted.yaml"),
    )
    .unwrap();
    symlink(folder.path(), folder.path().join("loop")).unwrap();
    let api = open(folder.path()).unwrap();
    let warnings = api.warnings().join("\n");
    for expected in [
        "link.yaml: leads out of the folder, so it is not read",
        "app.yaml:1: Application x: invalid type: integer `3`, expected a string; the object is not read",
        "bad.yaml: not YAML, so it is not read: line 1",
        "latin.yaml: not UTF-8, so it is not read",
        "name.yaml:1: Application \"../x\": metadata.name is no valid name; the object is not read",
        "secret.yaml:1: Secret x: data must be base64, and stringData text; the object is not read",
    ] {
        assert!(warnings.contains(expected), "{expected}\nnot in\n{warnings}");
    }
    assert_eq!(api.warnings().len(), 6, "{warnings}");
    assert!(!warnings.contains("hunter2"));
}

#[tokio::test]
async fn only_one_process_works_on_a_folder() {
    let world = World::given(&[("a.yaml", SHOP)]);
    let second = open(world.folder.path()).unwrap_err().to_string();
    assert_eq!(
        second,
        format!(
            "{}: process {} works on this folder already; only one can at a time",
            world.folder.path().display(),
            std::process::id()
        )
    );
}

#[test]
fn a_folder_that_cannot_be_used_is_named() {
    let folder = folder(&[("a.yaml", SHOP)]);
    let missing = folder.path().join("nowhere");
    assert_eq!(
        open(&missing).unwrap_err().to_string(),
        format!("{}: there is no such folder", missing.display())
    );
    let file: PathBuf = folder.path().join("a.yaml");
    assert_eq!(
        open(&file).unwrap_err().to_string(),
        format!("{}: not a folder", file.display())
    );
    // A file in the place of the sidecar folder stands for every folder that cannot be written to.
    fs::write(folder.path().join(".argocd-image-updater"), "").unwrap();
    let error = open(folder.path()).unwrap_err().to_string();
    assert!(
        error.contains("cannot be written to") && error.contains(&folder.path().display().to_string()),
        "{error}"
    );
}
