//! `imagesVerification` through the program: images that the real cosign signed, or did not, in the real registry.

mod fallback;
mod front;
mod keys;
mod mirrors;
mod requests;

use argocd_image_updater::core::image::Digest;
use serde_json::{Value, json};

use crate::world::{
    Signer, World,
    signer::{NEW, OLD},
};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DATE: &str = "2026-01-02T03:04:05Z";

/// A world where an application `shop` runs `running` and follows `images`; `settings` are more lines of the spec.
async fn given(running: &[&str], images: &[Value], settings: &Value) -> World {
    let mut updater = settings.clone();
    updater["images"] = json!(images);
    let running: Vec<String> = running.iter().map(|image| format!("REG/{image}")).collect();
    let document = json!({"applications": [{"name": "shop", "running": running}], "updater": updater});
    World::given(&document.to_string()).await
}

/// An image of the list, with more settings.
fn image(name: &str, settings: &Value) -> Value {
    let mut image = json!({"alias": name, "imageName": format!("REG/{name}:1.x")});
    for (key, value) in settings.as_object().into_iter().flatten() {
        image[key] = value.clone();
    }
    image
}

/// A reference to a key.
fn key(secret: &str) -> Value {
    json!({"secretName": secret, "key": "cosign.pub"})
}

/// Puts the public keys of `signers` into one Secret.
async fn secret(world: &World, name: &str, signers: &[&Signer]) {
    let text: String = signers.iter().map(|signer| signer.key_text()).collect();
    let secret = json!({"kind": "Secret", "metadata": {"name": name}, "stringData": {"cosign.pub": text}});
    world.create(secret).await;
}

async fn push(world: &World, name: &str, tag: &str) -> Digest {
    world.push(name, tag, DATE).await.parse().expect("a digest")
}

async fn sign(world: &World, signer: &Signer, name: &str, digest: Digest, format: &[&str]) {
    let repository = format!("{}/{name}", world.namespace);
    signer.sign(&repository, digest, format).await;
}

/// The version that is written for an image; empty when there is none.
async fn written(world: &World, name: &str) -> String {
    let images = world.kustomize_images("shop").await;
    let start = world.fill_in(&format!("REG/{name}:"));
    let images = images.as_array().cloned().unwrap_or_default();
    let mut versions = images.iter().filter_map(|image| image.as_str()?.strip_prefix(&start));
    versions.next().unwrap_or_default().to_owned()
}

/// Reason and message of the problem with an image.
async fn problem(world: &World, alias: &str) -> (String, String) {
    let problems = world.status("all").await["problems"].clone();
    let problems = problems.as_array().cloned().unwrap_or_default();
    let problem = problems.into_iter().find(|problem| problem["alias"] == alias);
    let text = |key: &str| {
        problem
            .as_ref()
            .and_then(|problem| problem[key].as_str())
            .unwrap_or("")
            .to_owned()
    };
    (text("reason"), text("message"))
}

#[tokio::test]
async fn an_image_is_written_only_when_one_of_its_keys_has_signed_it() {
    let (alice, bob) = (Signer::new(), Signer::new());
    let names = ["old", "new", "second", "both", "index", "unsigned", "other"];
    let running: Vec<String> = names.iter().map(|name| format!("{name}:1.0.0")).collect();
    let running: Vec<_> = running.iter().map(String::as_str).collect();
    let several = json!({"imagesVerification": {"cosignKeys": [key("bob"), key("alice")]}});
    let both = json!({"imagesVerification": {"cosignKey": key("both")}});
    let images = names.map(|name| match name {
        // Beside the key of the resource, of which each field can be replaced.
        "second" => image(name, &several),
        "both" => image(name, &both),
        _ => image(name, &json!({})),
    });
    let policy = json!({"imagesVerification": {"cosignKey": key("alice")}});
    let world = given(&running, &images, &policy).await;
    secret(&world, "alice", &[&alice]).await;
    secret(&world, "bob", &[&bob]).await;
    secret(&world, "both", &[&alice, &bob]).await;
    let mut unsigned = None;
    for name in names {
        let digest = match name {
            "index" => push_index(&world, name).await,
            _ => push(&world, name, "1.1.0").await,
        };
        match name {
            "old" => sign(&world, &alice, name, digest, OLD).await,
            "new" | "second" | "index" => sign(&world, &alice, name, digest, NEW).await,
            "both" | "other" => sign(&world, &bob, name, digest, NEW).await,
            _ => unsigned = Some(digest),
        }
    }
    let unsigned = unsigned.expect("one that nobody signed");

    let plan = world.plan(&["--output=json", "--explain"]).await;
    world.cycle().await;

    for name in ["old", "new", "second", "both", "index"] {
        assert_eq!(written(&world, name).await, "1.1.0", "{name}");
        assert_eq!(problem(&world, name).await.0, "", "{name}");
    }
    let refusals = [
        (
            "unsigned",
            format!("1.1.0 is not verified: it is not signed ({unsigned})"),
        ),
        (
            "other",
            "1.1.0 is not verified: its one signature was made by another key".to_owned(),
        ),
    ];
    for (name, words) in refusals {
        assert_eq!(written(&world, name).await, "", "{name}");
        let (reason, message) = problem(&world, name).await;
        assert_eq!(reason, "NotVerified", "{name}");
        assert!(message.starts_with(&words), "{message}");
    }
    assert_eq!(world.condition("all", "Error").await["status"], "True");
    let ready = world.condition("all", "Ready").await;
    assert_eq!(ready["reason"], "ReconcileCompletedWithErrors");
    assert_eq!(ready["message"], "applications: 1, images updated: 5, errors: 2");
    // What was planned is what was done.
    let plan: Value = serde_json::from_str(&plan.stdout).expect("a plan");
    let planned = plan["resources"][0]["applications"][0]["images"].as_array().cloned();
    let planned = planned.unwrap_or_default().into_iter();
    let outcomes: Vec<String> = planned
        .map(|image| format!("{} {}", image["chosen"], image["outcome"]))
        .collect();
    let expected = ["Change", "Change", "Change", "Change", "Change", "Problem", "Problem"];
    let expected = expected.map(|outcome| format!("\"1.1.0\" \"{outcome}\""));
    assert_eq!(outcomes, expected);

    sign(&world, &alice, "unsigned", unsigned, NEW).await;
    world.cycle().await;
    assert_eq!(written(&world, "unsigned").await, "1.1.0", "the next cycle looks again");
    assert_eq!(written(&world, "other").await, "");
}

/// Pushes an index of one image, which is not signed with it.
async fn push_index(world: &World, name: &str) -> Digest {
    let child = world.push(name, "child", DATE).await;
    let repository = format!("{}/{name}", world.namespace);
    let platform = json!({"os": "linux", "architecture": "amd64"});
    // Nobody here looks at the size.
    let entry = json!({"mediaType": MANIFEST, "digest": child, "size": 2, "platform": platform});
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]});
    let index = world
        .registry
        .put_manifest(&repository, "1.1.0", INDEX, index.to_string());
    index.await.parse().expect("a digest")
}

#[tokio::test]
async fn a_pinned_digest_is_the_one_that_was_verified() {
    let alice = Signer::new();
    let policy = json!({"imagesVerification": {"cosignKey": key("alice")}});
    let pinning = json!({"commonUpdateSettings": {"pinDigest": true}});
    let digest = json!({"imageName": "REG/digest:latest", "commonUpdateSettings": {"updateStrategy": "digest"}});
    let images = [
        image("pinned", &pinning),
        image("moved", &pinning),
        image("digest", &digest),
    ];
    let world = given(&["pinned:1.0.0", "moved:1.1.0", "digest:latest"], &images, &policy).await;
    secret(&world, "alice", &[&alice]).await;
    let pinned = push(&world, "pinned", "1.1.0").await;
    sign(&world, &alice, "pinned", pinned, NEW).await;
    let latest = push(&world, "digest", "latest").await;
    sign(&world, &alice, "digest", latest, OLD).await;
    // A signed image is replaced by another one under the same tag.
    let before = push(&world, "moved", "1.0.0").await;
    sign(&world, &alice, "moved", before, NEW).await;
    let after = push(&world, "moved", "1.1.0").await;
    assert_ne!(before, after);

    world.cycle().await;

    assert_eq!(written(&world, "pinned").await, format!("1.1.0@{pinned}"));
    assert_eq!(written(&world, "digest").await, format!("latest@{latest}"));
    assert_eq!(written(&world, "moved").await, "");
    let (reason, message) = problem(&world, "moved").await;
    assert_eq!(reason, "NotVerified");
    assert!(message.contains(&after.to_string()), "{message}");
}

#[tokio::test]
async fn a_policy_of_the_resource_holds_for_images_in_annotations() {
    let alice = Signer::new();
    let world = World::given(
        "
applications:
  - name: shop
    running: ['REG/good:1.0.0', 'REG/bad:1.0.0']
    annotations:
      argocd-image-updater.argoproj.io/image-list: 'good=REG/good:1.x, bad=REG/bad:1.x'
  - name: free
    running: ['REG/bad:1.0.0']
    annotations: { argocd-image-updater.argoproj.io/image-list: 'bad=REG/bad:1.x' }
updater:
  imagesVerification: { cosignKey: { secretName: alice, key: cosign.pub } }
  applicationRefs:
    - { namePattern: shop, useAnnotations: true }
    - { namePattern: free, useAnnotations: true, imagesVerification: { enabled: false } }
",
    )
    .await;
    secret(&world, "alice", &[&alice]).await;
    let good = push(&world, "good", "1.1.0").await;
    sign(&world, &alice, "good", good, OLD).await;
    push(&world, "bad", "1.1.0").await;

    world.cycle().await;

    assert_eq!(written(&world, "good").await, "1.1.0");
    assert_eq!(written(&world, "bad").await, "");
    assert_eq!(problem(&world, "bad").await.0, "NotVerified");
    let free = world.kustomize_images("free").await;
    assert_eq!(free, json!([world.fill_in("REG/bad:1.1.0")]));
}

#[tokio::test]
async fn an_image_that_is_not_signed_is_left_out_of_the_commit() {
    let alice = Signer::new();
    let world = World::given(
        "
git: { deploy: { shop/kustomization.yaml: 'resources: []' } }
applications:
  - { name: shop, running: ['REG/good:1.0.0', 'REG/bad:1.0.0'], source: { repoURL: GIT/deploy } }
credentials: { deploy: GIT/deploy }
updater:
  imagesVerification: { cosignKey: { secretName: alice, key: cosign.pub } }
  writeBackConfig: { method: git, gitConfig: { branch: main } }
  images: [{ alias: good, imageName: 'REG/good:1.x' }, { alias: bad, imageName: 'REG/bad:1.x' }]
",
    )
    .await;
    secret(&world, "alice", &[&alice]).await;
    let good = push(&world, "good", "1.1.0").await;
    sign(&world, &alice, "good", good, NEW).await;
    push(&world, "bad", "1.1.0").await;

    world.cycle().await;

    let file = world.git.file("deploy", "main", "shop/.argocd-source-shop.yaml");
    let expected = world.fill_in("kustomize:\n  images:\n  - REG/good:1.1.0\n");
    assert_eq!(file.as_deref(), Some(expected.as_str()));
    assert_eq!(problem(&world, "bad").await.0, "NotVerified");
}

#[tokio::test]
async fn an_image_that_runs_unsigned_does_not_get_into_the_commit_of_another_one() {
    let alice = Signer::new();
    let world = World::given(
        "
git: { deploy: { shop/kustomization.yaml: 'resources: []' } }
applications:
  - { name: shop, running: ['REG/runs:1.1.0', 'REG/free:1.0.0'], source: { repoURL: GIT/deploy } }
credentials: { deploy: GIT/deploy }
updater:
  writeBackConfig: { method: git, gitConfig: { branch: main } }
  images:
    - { alias: runs, imageName: 'REG/runs:1.x', imagesVerification: { cosignKey: { secretName: alice, key: cosign.pub } } }
    - { alias: free, imageName: 'REG/free:1.x' }
",
    )
    .await;
    secret(&world, "alice", &[&alice]).await;
    push(&world, "runs", "1.1.0").await;
    push(&world, "free", "1.1.0").await;

    world.cycle().await;

    let file = world.git.file("deploy", "main", "shop/.argocd-source-shop.yaml");
    let expected = world.fill_in("kustomize:\n  images:\n  - REG/free:1.1.0\n");
    assert_eq!(file.as_deref(), Some(expected.as_str()));
    assert_eq!(problem(&world, "runs").await.0, "");
}
