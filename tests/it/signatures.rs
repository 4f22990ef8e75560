//! `imagesVerification` through the program: images that the real cosign signed, or did not, in the real registry.

use std::{
    fmt::Write as _,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use argocd_image_updater::core::image::Digest;
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};

use crate::world::{
    ReferenceRegistry, Signer, World,
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
async fn a_key_that_cannot_be_used_is_named_and_the_registry_is_not_asked() {
    let alice = Signer::new();
    let names = ["missing", "field", "broken", "private", "beside"];
    let running: Vec<String> = names.iter().map(|name| format!("{name}:1.1.0")).collect();
    let running: Vec<_> = running.iter().map(String::as_str).collect();
    let images = names.map(|name| {
        let keys = match name {
            "field" => json!([{"secretName": "alice", "key": "other.pub"}]),
            "beside" => json!([key("alice"), key("gone")]),
            name => json!([key(name)]),
        };
        image(name, &json!({"imagesVerification": {"cosignKeys": keys}}))
    });
    let world = given(&running, &images, &json!({})).await;
    let front = Front::of(&world).await;
    secret(&world, "alice", &[&alice]).await;
    let texts = [
        ("broken", "no key at all".to_owned()),
        (
            "private",
            std::fs::read_to_string(alice.path("cosign.key")).expect("a private key"),
        ),
    ];
    for (name, text) in texts {
        let secret = json!({"kind": "Secret", "metadata": {"name": name}, "stringData": {"cosign.pub": text}});
        world.create(secret).await;
    }

    world.cycle().await;

    for (alias, expected, words) in [
        ("missing", "KeyUnavailable", "Secret NS/missing does not exist"),
        (
            "field",
            "KeyUnavailable",
            "Secret NS/alice has no text field \"other.pub\"",
        ),
        (
            "broken",
            "InvalidSetting",
            "Secret NS/broken, field \"cosign.pub\": it holds no PEM block",
        ),
        (
            "private",
            "InvalidSetting",
            "Secret NS/private, field \"cosign.pub\": PEM block 1",
        ),
        ("beside", "KeyUnavailable", "Secret NS/gone does not exist"),
    ] {
        let (reason, message) = problem(&world, alias).await;
        assert_eq!(reason, expected, "{alias}: {message}");
        assert!(message.contains(&world.fill_in(words)), "{alias}: {message}");
    }
    assert_eq!(front.requests(""), Vec::<String>::new());
}

#[tokio::test]
async fn a_policy_that_cannot_be_honoured_blocks_its_images_and_names_the_field() {
    let images = [
        image(
            "keyless",
            &json!({"imagesVerification": {"keyless": {"identities": []}}}),
        ),
        image(
            "word",
            &json!({"imagesVerification": {"cosignKey": key("k"), "onUnverified": "warn"}}),
        ),
        image("free", &json!({})),
    ];
    let world = given(&["keyless:1.0.0", "word:1.0.0", "free:1.0.0"], &images, &json!({})).await;
    for name in ["keyless", "word", "free"] {
        push(&world, name, "1.1.0").await;
    }

    world.cycle().await;

    for (index, alias, expected, field) in [
        (0, "keyless", "UnsupportedSetting", "keyless"),
        (1, "word", "InvalidSetting", "onUnverified"),
    ] {
        let (reason, message) = problem(&world, alias).await;
        assert_eq!(reason, expected, "{alias}");
        let path = format!("spec.applicationRefs[0].images[{index}].imagesVerification.{field}: ");
        assert!(message.starts_with(&path), "{message}");
        assert_eq!(written(&world, alias).await, "", "{alias}");
    }
    assert_eq!(written(&world, "free").await, "1.1.0");
}

#[tokio::test]
async fn with_fallback_the_newest_signed_tag_is_written_and_never_one_below_what_runs() {
    let alice = Signer::new();
    let policy = json!({"imagesVerification": {"cosignKey": key("alice"), "onUnverified": "fallback"}});
    let images = ["falls", "stays", "none"].map(|name| image(name, &json!({})));
    let world = given(&["falls:1.0.0", "stays:1.1.0", "none:1.0.0"], &images, &policy).await;
    secret(&world, "alice", &[&alice]).await;
    for (name, tags, signed) in [
        ("falls", &["1.0.0", "1.1.0", "1.2.0", "1.3.0"][..], "1.1.0"),
        ("stays", &["1.0.0", "1.1.0", "1.2.0"], "1.0.0"),
        // What runs is not listed any more.
        ("none", &["1.1.0", "1.2.0"], ""),
    ] {
        for tag in tags {
            let digest = push(&world, name, tag).await;
            if *tag == signed {
                sign(&world, &alice, name, digest, NEW).await;
            }
        }
    }

    let plan = world.plan(&["--explain"]).await;
    world.cycle().await;

    assert_eq!(written(&world, "falls").await, "1.1.0");
    assert_eq!(written(&world, "stays").await, "");
    assert_eq!(written(&world, "none").await, "");
    assert_eq!(problem(&world, "falls").await.0, "");
    assert_eq!(
        problem(&world, "stays").await.0,
        "",
        "what runs is the newest that may run"
    );
    let (reason, message) = problem(&world, "none").await;
    assert_eq!(reason, "NotVerified");
    assert!(message.ends_with("; nor is one more tag"), "{message}");
    let told: Vec<_> = plan.stdout.split_whitespace().collect();
    let told = told.join(" ");
    for words in [
        "change falls 1.0.0 -> 1.1.0",
        "1.3.0 not verified: it is not signed",
        "1.2.0 not verified: it is not signed",
        "UpToDate: 1.1.0 is running; 1.2.0 is not verified: it is not signed",
    ] {
        assert!(told.contains(words), "{words}:\n{}", plan.stdout);
    }
}

#[tokio::test]
async fn a_fallback_goes_twenty_tags_deep_and_no_deeper() {
    let alice = Signer::new();
    let policy = json!({"imagesVerification": {"cosignKey": key("alice"), "onUnverified": "fallback"}});
    let images = ["near", "far"].map(|name| image(name, &json!({})));
    let world = given(&["near:1.0.0", "far:1.0.0"], &images, &policy).await;
    secret(&world, "alice", &[&alice]).await;
    for (name, unsigned) in [("near", 19), ("far", 20)] {
        let signed = push(&world, name, "1.1.0").await;
        sign(&world, &alice, name, signed, NEW).await;
        push(&world, name, "1.2.0").await;
        for patch in 1..unsigned {
            let repository = format!("{}/{name}", world.namespace);
            world.registry.tag(&repository, "1.2.0", &format!("1.2.{patch}")).await;
        }
    }

    world.cycle().await;

    assert_eq!(written(&world, "near").await, "1.1.0");
    assert_eq!(written(&world, "far").await, "");
    let (reason, message) = problem(&world, "far").await;
    assert_eq!(reason, "NotVerified");
    assert!(
        message.starts_with("none of the 20 best tags is verified; the last: 1.2.0"),
        "{message}"
    );
}

#[tokio::test]
async fn what_cannot_be_read_about_signatures_holds_the_image_and_never_falls_back() {
    let alice = Signer::new();
    let policy = json!({"imagesVerification": {"cosignKey": key("alice"), "onUnverified": "fallback"}});
    let world = given(&["app:1.0.0"], &[image("app", &json!({}))], &policy).await;
    let front = Front::of(&world).await;
    secret(&world, "alice", &[&alice]).await;
    let signed = push(&world, "app", "1.1.0").await;
    sign(&world, &alice, "app", signed, NEW).await;
    push(&world, "app", "1.2.0").await;

    front.break_signatures(true);
    world.cycle().await;
    assert_eq!(written(&world, "app").await, "");
    let (reason, message) = problem(&world, "app").await;
    assert_ne!(reason, "NotVerified", "{message}");
    assert!(
        message.starts_with("whether 1.2.0 is signed is not known: "),
        "{message}"
    );

    front.break_signatures(false);
    world.cycle().await;
    assert_eq!(written(&world, "app").await, "1.1.0");
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

/// Stands before the real registry, notes what is asked, and can be out of order for signatures.
struct Front {
    seen: Arc<Mutex<Vec<String>>>,
    broken: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<()>,
}

impl Front {
    /// Lets the program reach the registry of `world` through it.
    async fn of(world: &World) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let (seen, broken) = (Arc::default(), Arc::<AtomicBool>::default());
        let app = Router::new().fallback(answer);
        let app = app.with_state((Arc::clone(&seen), Arc::clone(&broken)));
        let task = tokio::spawn(async move { axum::serve(listener, app).await.expect("it serves") });
        let host = world.registry.host();
        world.write_registries_conf(&format!(
            "registries:\n- name: test\n  prefix: {host}\n  api_url: http://{address}\n"
        ));
        Self { seen, broken, task }
    }

    /// The paths that were asked for and hold `part`.
    fn requests(&self, part: &str) -> Vec<String> {
        let seen = self.seen.lock().expect("no test failed before");
        seen.iter().filter(|path| path.contains(part)).cloned().collect()
    }

    /// How often it was asked for signatures in a repository.
    fn signature_requests(&self, name: &str) -> usize {
        let of_name = self.requests(&format!("/{name}/"));
        of_name.iter().filter(|path| is_about_signatures(path)).count()
    }

    fn break_signatures(&self, broken: bool) {
        self.broken.store(broken, Ordering::Relaxed);
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn is_about_signatures(path: &str) -> bool {
    path.contains("/referrers/") || path.contains("/manifests/sha256-")
}

type Shared = (Arc<Mutex<Vec<String>>>, Arc<AtomicBool>);

async fn answer(State((seen, broken)): State<Shared>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    // Any client begins by asking who is there.
    if path != "/v2/" {
        seen.lock().expect("no test failed before").push(path.clone());
    }
    if broken.load(Ordering::Relaxed) && is_about_signatures(&path) {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let host = ReferenceRegistry::shared().await.host();
    let target = request.uri().path_and_query().map_or("", |path| path.as_str());
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let mut forwarded = client.request(request.method().clone(), format!("http://{host}{target}"));
    for accept in request.headers().get_all(header::ACCEPT) {
        forwarded = forwarded.header(header::ACCEPT, accept);
    }
    let answer = forwarded.send().await.expect("the registry answers");
    let mut response = Response::builder().status(answer.status());
    let digest = HeaderName::from_static("docker-content-digest");
    for name in [header::CONTENT_TYPE, header::LINK, header::ETAG, digest] {
        if let Some(value) = answer.headers().get(&name) {
            response = response.header(name, value);
        }
    }
    let body = answer.bytes().await.expect("a whole answer");
    response.body(Body::from(body)).expect("an answer")
}
