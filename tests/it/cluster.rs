//! The Kubernetes API as it really is: patches, rights, and watches that survive.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{sync::Arc, time::Duration};

use argocd_image_updater::{
    api::{annotations, argocd::Application, v1alpha1::ImageUpdater},
    cluster::{
        Cluster, ClusterError,
        applications::PatchError,
        connect,
        watch::{self, Scope, WatchEvent, Watches},
    },
    core::{keys::ObjectKey, report::events},
};
use k8s_openapi::{
    api::core::v1::{Event, Secret},
    apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry,
};
use kube::{
    Api, Client, ResourceExt,
    api::{ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::support::{
    apiserver::{self, ApiServer, User, eventually},
    tcp_proxy::TcpProxy,
};

const CREATE: PostParams = PostParams {
    dry_run: false,
    field_manager: None,
};

/// Objects of a kind as the API server has them, without our types in between.
fn raw(client: &Client, kind: &str, namespace: &str) -> Api<DynamicObject> {
    let group = match kind {
        "ImageUpdater" => "argocd-image-updater.argoproj.io",
        _ => "argoproj.io",
    };
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1alpha1", kind));
    Api::namespaced_with(client.clone(), namespace, &kind)
}

fn object(value: Value) -> DynamicObject {
    serde_json::from_value(value).unwrap()
}

fn application(name: &str) -> DynamicObject {
    object(json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": name},
        "spec": {
            "project": "default",
            "destination": {"namespace": "shop", "server": "https://kubernetes.default.svc"},
            "source": {"repoURL": "https://git.test/deploy", "path": "shop"},
        },
    }))
}

fn updater(name: &str) -> DynamicObject {
    object(json!({
        "apiVersion": "argocd-image-updater.argoproj.io/v1alpha1", "kind": "ImageUpdater",
        "metadata": {"name": name},
        "spec": {"applicationRefs": [
            {"namePattern": "*", "images": [{"alias": "api", "imageName": "registry.test/shop/api:1.x"}]},
        ]},
    }))
}

async fn merge(api: &Api<DynamicObject>, name: &str, patch: Value) {
    api.patch(name, &PatchParams::default(), &Patch::Merge(patch))
        .await
        .unwrap();
}

fn patch(operations: Value) -> json_patch::Patch {
    serde_json::from_value(operations).unwrap()
}

/// Waits for the next event.
async fn next(watches: &mut Watches) -> WatchEvent {
    let wait = tokio::time::timeout(Duration::from_secs(30), watches.events.recv());
    wait.await.expect("an event within 30 s").expect("a running watch")
}

/// The event that is expected next, as the names of what was and what is.
async fn next_application(watches: &mut Watches) -> (Option<Arc<Application>>, Option<Arc<Application>>) {
    match next(watches).await {
        WatchEvent::ApplicationChanged { old, new } => (old, new),
        other => panic!("another event: {other:?}"),
    }
}

async fn watching(cluster: &Cluster, namespace: &str) -> (Watches, DropGuard) {
    let shutdown = CancellationToken::new();
    let mut watches = watch::start(cluster, &Scope::Namespaces(vec![namespace.to_owned()]), &shutdown);
    assert!(matches!(next(&mut watches).await, WatchEvent::Synced));
    (watches, shutdown.drop_guard())
}

#[tokio::test]
async fn a_patch_tests_what_it_was_decided_on() {
    let server = ApiServer::shared().await;
    let namespace = server.namespace().await;
    let applications = raw(&server.client(), "Application", &namespace);
    applications.create(&CREATE, &application("shop")).await.unwrap();
    let cluster = Cluster::new(server.client());
    let key = ObjectKey::new(&namespace, "shop");
    let seen = cluster.get_application(&key).await.unwrap().unwrap();

    // `null` says that a key is absent, but only of an object that is there.
    let below_nothing = patch(json!([{"op": "test", "path": "/spec/source/helm/parameters", "value": null}]));
    let error = cluster.patch_application(&key, &below_nothing).await.unwrap_err();
    assert!(matches!(error, PatchError::Stale { .. }), "{error}");

    let parameters = json!([{"name": "image.tag", "value": "1.1", "forceString": true}]);
    let first = patch(json!([
        {"op": "test", "path": "/metadata/uid", "value": seen.metadata.uid},
        {"op": "test", "path": "/spec/source/repoURL", "value": "https://git.test/deploy"},
        {"op": "test", "path": "/spec/source/chart", "value": null},
        {"op": "test", "path": "/spec/source/helm", "value": null},
        {"op": "add", "path": "/spec/source/helm", "value": {"parameters": parameters}},
    ]));
    let stored = cluster.patch_application(&key, &first).await.unwrap();
    assert_eq!(json!(stored.spec.source.unwrap().helm.unwrap().parameters), parameters);

    // The same decision again: what was absent is there now.
    let error = cluster.patch_application(&key, &first).await.unwrap_err();
    assert!(matches!(error, PatchError::Stale { .. }), "{error}");
    assert_eq!(
        serde_json::to_value(
            cluster
                .get_application(&key)
                .await
                .unwrap()
                .unwrap()
                .spec
                .source
                .unwrap()
                .helm
        )
        .unwrap(),
        json!({"parameters": parameters})
    );
}

#[tokio::test]
async fn a_patch_tells_apart_why_it_was_refused() {
    let server = ApiServer::shared().await;
    let namespace = server.namespace().await;
    let applications = raw(&server.client(), "Application", &namespace);
    applications.create(&CREATE, &application("shop")).await.unwrap();
    let account = server.original_account(&namespace).await;
    let cluster = Cluster::new(server.client_as(&namespace, account));
    let key = ObjectKey::new(&namespace, "shop");

    let old_version = patch(json!([{"op": "replace", "path": "/metadata/resourceVersion", "value": "1"}]));
    let error = cluster.patch_application(&key, &old_version).await.unwrap_err();
    assert!(matches!(error, PatchError::Stale { .. }), "{error}");

    let misfit = patch(json!([{"op": "replace", "path": "/spec/sources/3/path", "value": "x"}]));
    let error = cluster.patch_application(&key, &misfit).await.unwrap_err();
    assert!(matches!(error, PatchError::Stale { .. }), "{error}");

    let gone = ObjectKey::new(&namespace, "gone");
    let error = cluster.patch_application(&gone, &patch(json!([]))).await.unwrap_err();
    assert_eq!(error, PatchError::Gone(gone));

    let foreign = ObjectKey::new("default", "shop");
    let error = cluster
        .patch_application(&foreign, &patch(json!([])))
        .await
        .unwrap_err();
    assert!(matches!(error, PatchError::Forbidden(_)), "{error}");
    assert!(
        error
            .to_string()
            .contains("resources: [\"applications\"], verbs: [\"patch\"]"),
        "{error}"
    );
}

#[tokio::test]
async fn a_field_that_the_api_server_does_not_know_is_missing_in_the_answer() {
    let server = ApiServer::shared().await;
    let namespace = server.namespace().await;
    let applications = raw(&server.client(), "Application", &namespace);
    applications.create(&CREATE, &application("shop")).await.unwrap();
    let cluster = Cluster::new(server.client());

    let parameters = json!([{"name": "image.tag", "value": "1.1", "notInTheSchema": true}]);
    let meant = patch(json!([{"op": "add", "path": "/spec/source/helm", "value": {"parameters": parameters}}]));
    let stored = cluster
        .patch_application(&ObjectKey::new(&namespace, "shop"), &meant)
        .await
        .unwrap();

    assert_eq!(
        json!(stored.spec.source.unwrap().helm.unwrap().parameters),
        json!([{"name": "image.tag", "value": "1.1"}])
    );
}

#[tokio::test]
async fn the_rights_of_the_original_suffice() {
    let server = ApiServer::shared().await;
    let namespace = server.namespace().await;
    let account = server.original_account(&namespace).await;
    let admin = server.client();
    let (applications, updaters) = (
        raw(&admin, "Application", &namespace),
        raw(&admin, "ImageUpdater", &namespace),
    );
    applications.create(&CREATE, &application("shop")).await.unwrap();
    let mut with_finalizer = updater("all");
    with_finalizer.metadata.finalizers = Some(vec!["other.test/keep".to_owned(), annotations::FINALIZER.to_owned()]);
    updaters.create(&CREATE, &with_finalizer).await.unwrap();
    let secrets: Api<Secret> = Api::namespaced(admin, &namespace);
    let secret: Secret = serde_json::from_value(json!({
        "metadata": {"name": "repo", "labels": {"argocd.argoproj.io/secret-type": "repository"}},
        "stringData": {"url": "https://git.test/deploy", "username": "bot", "password": "pw-of-the-test"},
    }))
    .unwrap();
    secrets.create(&CREATE, &secret).await.unwrap();

    let cluster = Cluster::new(server.client_as(&namespace, account));
    let (watches, _running) = watching(&cluster, &namespace).await;
    let shop = watches.applications.get(&ObjectKey::new(&namespace, "shop")).unwrap();
    let all = watches.updaters.get(&ObjectKey::new(&namespace, "all")).unwrap();

    // The status, in one merge patch; a second patch leaves alone what it does not name.
    let key = ObjectKey::new(&namespace, "all");
    cluster
        .patch_status(&key, json!({"status": {"applicationsMatched": 1, "imagesManaged": 2}}))
        .await
        .unwrap();
    cluster
        .patch_status(&key, json!({"status": {"imagesManaged": null}}))
        .await
        .unwrap();
    let status = cluster.get_updater(&key).await.unwrap().unwrap().status.unwrap();
    assert_eq!((status.applications_matched, status.images_managed), (Some(1), None));
    let gone = cluster
        .patch_status(&ObjectKey::new(&namespace, "gone"), json!({"status": {}}))
        .await;
    assert!(matches!(gone, Err(ClusterError::NotFound { .. })), "{gone:?}");

    // The finalizer, although the list has changed since it was read.
    merge(
        &updaters,
        "all",
        json!({"metadata": {"finalizers": [annotations::FINALIZER, "third.test/keep"]}}),
    )
    .await;
    cluster.remove_finalizer(&all).await.unwrap();
    assert_eq!(updaters.get("all").await.unwrap().finalizers(), ["third.test/keep"]);
    cluster.remove_finalizer(&all).await.unwrap();

    // An event, Secrets and ConfigMaps.
    let event = events::images_updated(&shop, &[], jiff::Timestamp::now());
    cluster.create_event(&event).await.unwrap();
    let stored: Api<Event> = Api::namespaced(server.client(), &namespace);
    let stored = stored.get(&event.name_any()).await.unwrap();
    assert_eq!(stored.involved_object.uid, shop.metadata.uid);
    let fields = cluster
        .secret(&ObjectKey::new(&namespace, "repo"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(fields["password"].expose(), "pw-of-the-test");
    assert_eq!(cluster.secret(&ObjectKey::new(&namespace, "gone")).await.unwrap(), None);
    assert_eq!(
        cluster.config_map(&ObjectKey::new(&namespace, "gone")).await.unwrap(),
        None
    );
    let repositories = cluster.repository_secrets(&namespace).await.unwrap();
    let found = repositories
        .for_repository("https://git.test/deploy", "default", str::to_owned)
        .unwrap();
    assert_eq!(found["username"].expose(), "bot");

    // What they do not include is told so that it can be added.
    let error = cluster.app_project(&namespace, "default").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "not allowed to get appprojects.argoproj.io {namespace}/default: the service account needs the rule \
             apiGroups: [\"argoproj.io\"], resources: [\"appprojects\"], verbs: [\"get\"], in a Role in namespace \
             {namespace}"
        )
    );

    // Nothing was written by server-side apply.
    let applied = |fields: &ManagedFieldsEntry| fields.operation.as_deref() == Some("Apply");
    assert!(!updaters.get("all").await.unwrap().managed_fields().iter().any(applied));
}

#[tokio::test]
async fn an_event_is_told_once_for_what_matters_and_never_for_the_rest() {
    let server = ApiServer::shared().await;
    let namespace = server.namespace().await;
    let (applications, updaters) = (
        raw(&server.client(), "Application", &namespace),
        raw(&server.client(), "ImageUpdater", &namespace),
    );
    applications.create(&CREATE, &application("there")).await.unwrap();
    let cluster = Cluster::new(server.client());
    let (mut watches, _running) = watching(&cluster, &namespace).await;
    assert!(watches.health.is_ready());
    assert_eq!(watches.applications.list(&namespace).len(), 1);

    // Reconciled again: nobody is told. Other images: told.
    merge(
        &applications,
        "there",
        json!({"status": {"reconciledAt": "2026-01-01T00:00:00Z", "sync": {"status": "Synced"}}}),
    )
    .await;
    merge(
        &applications,
        "there",
        json!({"metadata": {"annotations": {"other.test/x": "y"}}}),
    )
    .await;
    merge(
        &applications,
        "there",
        json!({"status": {"summary": {"images": ["registry.test/shop/api:1.0"]}}}),
    )
    .await;
    let (old, new) = next_application(&mut watches).await;
    assert!(old.unwrap().live_images().is_empty());
    assert_eq!(new.unwrap().live_images(), ["registry.test/shop/api:1.0"]);

    // A status of ours: nobody is told, but the store knows. A new generation: told.
    updaters.create(&CREATE, &updater("all")).await.unwrap();
    assert!(matches!(
        next(&mut watches).await,
        WatchEvent::UpdaterApplied { old: None, .. }
    ));
    let key = ObjectKey::new(&namespace, "all");
    cluster
        .patch_status(&key, json!({"status": {"imagesManaged": 2}}))
        .await
        .unwrap();
    eventually("the store knows the status", || async {
        watches.updaters.get(&key).is_some_and(|u| u.status.is_some())
    })
    .await;
    merge(
        &updaters,
        "all",
        json!({"spec": {"commonUpdateSettings": {"forceUpdate": true}}}),
    )
    .await;
    match next(&mut watches).await {
        WatchEvent::UpdaterApplied { old: Some(old), new } => {
            assert_eq!((old.metadata.generation, new.metadata.generation), (Some(1), Some(2)));
        }
        other => panic!("{other:?}"),
    }

    updaters.delete("all", &DeleteParams::default()).await.unwrap();
    assert!(matches!(next(&mut watches).await, WatchEvent::UpdaterDeleted { old } if old.name_any() == "all"));
    applications.delete("there", &DeleteParams::default()).await.unwrap();
    let (old, new) = next_application(&mut watches).await;
    assert!(old.is_some() && new.is_none());
    assert!(watches.applications.is_empty() && watches.updaters.is_empty());
}

#[tokio::test]
async fn a_watch_survives_an_api_server_that_was_away_and_repeats_nothing() {
    let server = ApiServer::shared().await;
    let namespace = server.namespace().await;
    let applications = raw(&server.client(), "Application", &namespace);
    for name in ["stays", "changes", "goes"] {
        applications.create(&CREATE, &application(name)).await.unwrap();
    }
    let proxy = TcpProxy::start(server.address()).await;
    let cluster = Cluster::new(server.client_via(proxy.address(), User::Admin));
    let (mut watches, _running) = watching(&cluster, &namespace).await;

    proxy.cut();
    eventually("the watches notice it", || async {
        !watches.health.troubles().is_empty()
    })
    .await;
    let error = cluster
        .get_application(&ObjectKey::new(&namespace, "stays"))
        .await
        .unwrap_err();
    assert!(matches!(error, ClusterError::Unreachable { .. }), "{error}");
    assert_eq!(watches.applications.list(&namespace).len(), 3, "what was known is kept");
    merge(
        &applications,
        "changes",
        json!({"metadata": {"labels": {"team": "web"}}}),
    )
    .await;
    applications.delete("goes", &DeleteParams::default()).await.unwrap();
    applications.create(&CREATE, &application("comes")).await.unwrap();
    proxy.restore();

    let mut told = Vec::new();
    for _ in 0..3 {
        let (old, new) = next_application(&mut watches).await;
        let name = |side: &Option<Arc<Application>>| side.as_ref().map(|a| a.name().to_owned());
        told.push((name(&old), name(&new)));
    }
    let name = |name: &str| Some(name.to_owned());
    assert_eq!(
        told,
        [
            (name("changes"), name("changes")),
            (name("goes"), None),
            (None, name("comes"))
        ]
    );
    // Whatever would be told twice would be told before this.
    merge(&applications, "stays", json!({"metadata": {"labels": {"last": "one"}}})).await;
    assert_eq!(next_application(&mut watches).await.1.unwrap().name(), "stays");
}

#[tokio::test]
async fn a_watch_without_rights_names_them_and_begins_when_it_gets_them() {
    let server = ApiServer::shared().await;
    let namespace = server.namespace().await;
    raw(&server.client(), "Application", &namespace)
        .create(&CREATE, &application("shop"))
        .await
        .unwrap();
    let cluster = Cluster::new(server.client_as(&namespace, "argocd-image-updater-controller"));
    let shutdown = CancellationToken::new();
    let _running = shutdown.clone().drop_guard();
    let watches = watch::start(&cluster, &Scope::Namespaces(vec![namespace.clone()]), &shutdown);

    eventually("both watches complain", || async {
        watches.health.troubles().len() == 2
    })
    .await;
    let troubles = watches.health.troubles().join("\n");
    for resource in ["applications", "imageupdaters"] {
        let rule = format!("resources: [\"{resource}\"], verbs: [\"list\"], in a Role in namespace {namespace}");
        assert!(troubles.contains(&rule), "{troubles}");
    }
    assert!(!watches.health.is_ready());

    server.original_account(&namespace).await;
    tokio::time::timeout(Duration::from_secs(30), watches.health.ready())
        .await
        .expect("ready within 30 s");
    assert_eq!(watches.applications.list(&namespace).len(), 1);

    // All namespaces need more.
    let everywhere = watch::start(&cluster, &Scope::All, &shutdown);
    eventually("both watches complain", || async {
        everywhere.health.troubles().len() == 2
    })
    .await;
    assert!(
        everywhere
            .health
            .troubles()
            .iter()
            .all(|t| t.ends_with("in a ClusterRole"))
    );
}

/// Definitions that let everything pass, as those of another version may.
fn loose_definitions() -> Vec<Value> {
    let mut all = apiserver::definitions();
    for definition in &mut all {
        for version in definition["spec"]["versions"].as_array_mut().unwrap() {
            version["schema"]["openAPIV3Schema"] =
                json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        }
    }
    all
}

#[tokio::test]
async fn a_malformed_object_does_not_jam_the_watch_over_all_namespaces() {
    let server = ApiServer::own(&loose_definitions());
    let (one, two) = (server.namespace().await, server.namespace().await);
    let (first, second) = (
        raw(&server.client(), "Application", &one),
        raw(&server.client(), "Application", &two),
    );
    let mut bad = application("bad");
    bad.data["spec"]["source"]["path"] = json!({"not": "a text"});
    first.create(&CREATE, &bad).await.unwrap();
    // More than fit into one page of a list.
    for index in 0..60 {
        second
            .create(&CREATE, &application(&format!("good-{index}")))
            .await
            .unwrap();
    }
    let updaters = raw(&server.client(), "ImageUpdater", &two);
    let mut bad = updater("bad");
    bad.data["spec"]["applicationRefs"] = json!("all of them");
    updaters.create(&CREATE, &bad).await.unwrap();

    let cluster = Cluster::new(server.client());
    let shutdown = CancellationToken::new();
    let _running = shutdown.clone().drop_guard();
    let mut watches = watch::start(&cluster, &Scope::All, &shutdown);
    let mut malformed = Vec::new();
    loop {
        match next(&mut watches).await {
            WatchEvent::Malformed { kind, key, error } => {
                assert!(error.as_str().contains("invalid type"), "{error}");
                malformed.push((kind, key.to_string()));
            }
            WatchEvent::Synced => break,
            other => panic!("{other:?}"),
        }
    }
    malformed.sort();
    let expected = [
        ("Application", format!("{one}/bad")),
        ("ImageUpdater", format!("{two}/bad")),
    ];
    assert_eq!(malformed, expected);
    assert_eq!(
        (
            watches.applications.list(&one).len(),
            watches.applications.list(&two).len()
        ),
        (0, 60)
    );

    // Mended, and broken again.
    merge(&first, "bad", json!({"spec": {"source": {"path": "shop"}}})).await;
    merge(&first, "bad", json!({"spec": {"source": {"path": null}}})).await;
    let (old, new) = next_application(&mut watches).await;
    assert!(old.is_none() && new.is_some(), "an object that can be read appears");
    next_application(&mut watches).await;
    merge(&first, "bad", json!({"spec": {"source": 1}})).await;
    let (old, new) = next_application(&mut watches).await;
    assert!(old.is_some() && new.is_none(), "what cannot be read any more is gone");
    assert!(matches!(next(&mut watches).await, WatchEvent::Malformed { key, .. } if key.name == "bad"));
    // Changed without getting better: told already.
    merge(&first, "bad", json!({"metadata": {"labels": {"a": "b"}}})).await;
    first.delete("bad", &DeleteParams::default()).await.unwrap();

    // The server goes and comes back: nothing is lost, nothing told twice.
    server.stop();
    server.start();
    merge(&second, "good-7", json!({"metadata": {"labels": {"a": "b"}}})).await;
    assert_eq!(next_application(&mut watches).await.1.unwrap().name(), "good-7");
    assert_eq!(watches.applications.len(), 60);
}

#[tokio::test]
async fn a_name_from_a_stranger_cannot_reach_another_object() {
    let server = ApiServer::shared().await;
    let namespace = server.namespace().await;
    let cluster = Cluster::new(server.client());
    let before = cluster.requests();
    for name in ["../../default/secrets/x", "x?y", "..", "a/b", ""] {
        let error = cluster.secret(&ObjectKey::new(&namespace, name)).await.unwrap_err();
        assert!(matches!(error, ClusterError::Refused { .. }), "{name}: {error}");
    }
    assert_eq!(cluster.requests(), before, "not even asked");
}

#[tokio::test]
async fn a_kubeconfig_file_says_where_and_who() {
    let server = ApiServer::shared().await;
    let namespace = server.namespace().await;
    let name = server.original_account(&namespace).await;
    let user = User::ServiceAccount {
        namespace: &namespace,
        name,
    };
    let path = server.kubeconfig_via(server.address(), user, &namespace);
    let (client, context) = connect::client(Some(&path)).await.unwrap();
    assert_eq!(context, namespace);
    let cluster = Cluster::new(client);
    assert_eq!(
        cluster
            .get_application(&ObjectKey::new(&namespace, "gone"))
            .await
            .unwrap(),
        None
    );
    let error = cluster
        .get_application(&ObjectKey::new("default", "gone"))
        .await
        .unwrap_err();
    assert!(matches!(error, ClusterError::Forbidden { .. }), "{error}");
    assert_eq!((cluster.requests(), cluster.failed_requests()), (2, 1));

    let (client, context) = connect::client(Some(&server.kubeconfig())).await.unwrap();
    assert_eq!(context, "default");
    let gone = ObjectKey::new("default", "gone");
    assert_eq!(Cluster::new(client).get_application(&gone).await.unwrap(), None);
}

#[tokio::test]
async fn our_types_are_those_that_the_api_server_serves() {
    let server = ApiServer::shared().await;
    let namespace = server.namespace().await;
    let api: Api<ImageUpdater> = Api::namespaced(server.client(), &namespace);
    assert!(
        api.list(&kube::api::ListParams::default())
            .await
            .unwrap()
            .items
            .is_empty()
    );
    let cluster = Cluster::new(server.client());
    assert_eq!(cluster.app_project(&namespace, "gone").await.unwrap(), None);
}
