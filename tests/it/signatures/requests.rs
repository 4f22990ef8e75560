//! How often a registry is asked about signatures.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{front::Front, given, image, key, problem, push, secret, sign, written};
use crate::world::{PASSWORDS, Signer, World, signer::NEW};

#[tokio::test]
async fn an_image_that_is_up_to_date_costs_no_request_about_signatures() {
    let alice = Signer::new();
    let policy = json!({"imagesVerification": {"cosignKey": key("alice")}});
    let images = [image("runs", &json!({})), image("app", &json!({}))];
    let world = given(&["runs:1.1.0", "app:1.0.0"], &images, &policy).await;
    let front = Front::of(&world).await;
    secret(&world, "alice", &[&alice]).await;
    push(&world, "runs", "1.1.0").await;
    let digest = push(&world, "app", "1.1.0").await;
    sign(&world, &alice, "app", digest, NEW).await;

    world.cycle().await;
    assert_eq!(written(&world, "app").await, "1.1.0");
    assert_eq!(front.requests("/runs/manifests"), Vec::<String>::new());
    assert_eq!(front.signature_requests("runs"), 0);
    assert_ne!(front.signature_requests("app"), 0);

    // It is written and does not run yet, and then it runs.
    for running in [
        &["REG/runs:1.1.0", "REG/app:1.0.0"],
        &["REG/runs:1.1.0", "REG/app:1.1.0"],
    ] {
        world.running("shop", running).await;
        let before = front.signature_requests("app");
        world.cycle().await;
        assert_eq!(front.signature_requests("app"), before, "{running:?}");
    }
    assert_eq!(front.signature_requests("runs"), 0);
}

#[tokio::test]
async fn one_image_of_many_applications_is_looked_at_once() {
    let alice = Signer::new();
    let mut yaml = String::from("applications:\n");
    for name in ["a", "b", "c"] {
        let _ = writeln!(yaml, "  - {{ name: {name}, running: ['REG/app:1.0.0'] }}");
    }
    yaml.push_str(
        "updater: { imagesVerification: { cosignKey: { secretName: alice, key: cosign.pub } }, images: [{ imageName: 'REG/app:1.x' }] }",
    );
    let world = World::given(&yaml).await;
    let front = Front::of(&world).await;
    secret(&world, "alice", &[&alice]).await;
    let digest = push(&world, "app", "1.1.0").await;

    world.cycle().await;

    assert_eq!(world.status("all").await["problems"].as_array().map(Vec::len), Some(3));
    let asked = front.requests(&digest.to_string().replace(':', "-"));
    assert_eq!(asked.len(), 2, "one for each of two tags: {asked:?}");
    assert_eq!(front.requests("/referrers/").len(), 1);
}

/// Asks for a cycle, and waits for its end.
async fn cycle_now(world: &World, request: &str) {
    let annotations = json!({"argocd-image-updater.argoproj.io/reconcile-requested-at": request});
    let patch = json!({"metadata": {"annotations": annotations}});
    world.patch("ImageUpdater", "all", patch).await;
    let is_handled = |status: &Value| status["lastHandledReconcileAt"] == request;
    world
        .wait_for("the cycle ends", || world.status("all"), is_handled)
        .await;
}

#[tokio::test]
async fn what_is_verified_stays_so_and_what_is_not_is_looked_at_again() {
    let alice = Signer::new();
    let policy = json!({
        "imagesVerification": {"cosignKey": key("alice")},
        "writeBackConfig": {"method": "git", "gitConfig": {"branch": "main", "repository": "GIT/deploy"}},
    });
    let images = [image("good", &json!({})), image("bad", &json!({}))];
    let world = given(&["good:1.0.0", "bad:1.0.0"], &images, &policy).await;
    world
        .git
        .create_repo("deploy", &[("shop/kustomization.yaml", "resources: []")]);
    let credentials = json!({
        "kind": "Secret",
        "metadata": {"name": "deploy", "labels": {"argocd.argoproj.io/secret-type": "repository"}},
        "stringData": {"type": "git", "url": world.git.url("deploy"), "username": "bot", "password": PASSWORDS[0]},
    });
    world.create(credentials).await;
    let front = Front::of(&world).await;
    secret(&world, "alice", &[&alice]).await;
    let good = push(&world, "good", "1.1.0").await;
    sign(&world, &alice, "good", good, NEW).await;
    push(&world, "bad", "1.1.0").await;

    let program = world.start(&["--interval=24h"]);
    cycle_now(&world, "1").await;
    // Nothing is synced from git, so that each cycle wants to write both.
    let asked = || (front.signature_requests("good"), front.signature_requests("bad"));
    let before = asked();
    cycle_now(&world, "2").await;
    let after = asked();

    assert!(program.stop().await.success);
    assert_ne!(before.0, 0);
    assert_eq!(after.0, before.0, "it is verified");
    assert!(after.1 > before.1, "it may be signed by now: {before:?}, {after:?}");
    assert_eq!(problem(&world, "good").await.0, "");
    assert_eq!(problem(&world, "bad").await.0, "NotVerified");
}
