//! The whole way on the reference implementation of a registry, a real process behind TLS, passwords or tokens: from the
//! Secret to what stands in the Application.

use std::{sync::Arc, time::Duration};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use p256::ecdsa::{Signature, SigningKey, signature::Signer as _};
use serde_json::{Value, json};

use crate::{
    support::{
        image_shelf::{DOCKER, OCI, Shelf},
        scripted_registry::{Asked, Internet, Reply, error, json as answer},
    },
    world::{Guard, GuardedRegistry, PASSWORDS, World},
};

/// Lines of an htpasswd file for `bob`, with the password of the tests and with the one after it.
const HTPASSWD: [&str; 2] = [
    "bob:$2a$04$abcdefghijklmnopqrstuuCz98OUrb/lTZB4SD9TRIH8istZ9SCT2\n",
    "bob:$2a$04$abcdefghijklmnopqrstuucmI1Z5Olk0hr9Sx/iXeWcIkPN5waFg6\n",
];

/// The passwords of these lines.
fn passwords() -> [String; 2] {
    [PASSWORDS[1].to_owned(), format!("{}-new", PASSWORDS[1])]
}

/// One application that runs `shop:RUNNING` from the guarded registry. The password lies in the Secret `login`.
fn given(settings: &str, running: &str) -> String {
    format!(
        "
applications: [{{ name: shop, running: ['registry.example.com/NS/shop:{running}'] }}]
updater:
  commonUpdateSettings: {{ {settings} }}
  images: [{{ alias: shop, imageName: 'registry.example.com/NS/shop' }}]
---
kind: Secret
metadata: {{ name: login }}
stringData: {{ login: 'bob:{}' }}
",
        passwords()[0]
    )
}

/// The entry of `registries.conf`; images of `registry.example.com` are asked for at `registry`.
fn entry(registry: &GuardedRegistry, more: &str) -> String {
    let url = registry.url();
    format!("registries:\n- name: guarded\n  prefix: registry.example.com\n  api_url: {url}\n{more}")
}

/// Writes `registries.conf` with one entry, and the pull secret `creds` for where it asks. `<namespace>` is that of the test;
/// the usual short form could be part of a certificate.
async fn configure(world: &World, registry: &GuardedRegistry, more: &str) {
    world.write_registries_conf(&entry(registry, more).replace("<namespace>", &world.namespace));
    let auth = STANDARD.encode(format!("bob:{}", passwords()[0]));
    let config = json!({ "auths": { registry.url(): { "auth": auth } } }).to_string();
    let secret = json!({
        "kind": "Secret", "metadata": { "name": "creds" }, "type": "kubernetes.io/dockerconfigjson",
        "stringData": { ".dockerconfigjson": config },
    });
    world.create(secret).await;
}

/// `ca_data` of an entry.
fn ca_data(net: &Internet) -> String {
    format!("  ca_data: |\n    {}\n", net.ca().trim().replace('\n', "\n    "))
}

fn image(world: &World, version: &str) -> Value {
    json!([format!("registry.example.com/{}/shop{version}", world.namespace)])
}

/// The message of the problem of the image in the status.
async fn message(world: &World) -> String {
    let problems = world.status("all").await["problems"].clone();
    problems[0]["message"].as_str().unwrap_or_default().to_owned()
}

async fn guarded(world: &World, net: &Internet) -> GuardedRegistry {
    GuardedRegistry::start(world.registry, net, Guard::Passwords(HTPASSWD[0].to_owned())).await
}

#[tokio::test]
async fn passwords_over_tls_with_an_own_ca_reach_the_application_from_every_kind_of_secret() {
    let net = Internet::start().await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, net.ca()).expect("a writable folder");
    let ca_file = format!("  ca_file: {}\n", file.display());
    let registry_wide = format!("{}  credentials: secret:<namespace>/login#login\n", ca_data(&net));
    for (settings, more) in [
        (
            "updateStrategy: newest-build, pullSecret: 'pullsecret:NS/creds'",
            ca_data(&net),
        ),
        (
            "updateStrategy: newest-build, pullSecret: 'secret:NS/login#login'",
            ca_file,
        ),
        ("updateStrategy: newest-build", registry_wide),
    ] {
        let world = World::given(&given(settings, "a")).await;
        let registry = guarded(&world, &net).await;
        configure(&world, &registry, &more).await;
        for (tag, month) in [("a", 1), ("c", 2), ("b", 3)] {
            world.push("shop", tag, &format!("2026-0{month}-01T00:00:00Z")).await;
        }

        world.cycle().await;

        assert_eq!(
            world.kustomize_images("shop").await,
            image(&world, ":b"),
            "{settings} {more}"
        );
    }
}

#[tokio::test]
async fn all_of_250_tags_are_read_page_by_page() {
    let net = Internet::start().await;
    let world = World::given(&given("pullSecret: 'pullsecret:NS/creds'", "1.0.0")).await;
    let registry = guarded(&world, &net).await;
    configure(&world, &registry, &ca_data(&net)).await;
    world.push("shop", "1.0.0", "2026-01-01T00:00:00Z").await;
    let repository = format!("{}/shop", world.namespace);
    for n in 1..250 {
        world.registry.tag(&repository, "1.0.0", &format!("1.0.{n}")).await;
    }
    // The last of 250 in the order of names is `1.0.99`; the highest is on the second page.
    world.cycle().await;
    assert_eq!(world.kustomize_images("shop").await, image(&world, ":1.0.249"));

    world.registry.tag(&repository, "1.0.0", "1.1.0").await;
    world.cycle().await;
    assert_eq!(
        world.kustomize_images("shop").await,
        image(&world, ":1.1.0"),
        "it is on the third"
    );
}

#[tokio::test]
async fn a_certificate_of_an_unknown_ca_is_a_clear_problem() {
    let net = Internet::start().await;
    let world = World::given(&given("pullSecret: 'pullsecret:NS/creds'", "1.0.0")).await;
    let registry = guarded(&world, &net).await;
    configure(&world, &registry, "").await;
    world.push("shop", "1.1.0", "2026-01-01T00:00:00Z").await;

    world.cycle().await;

    assert_eq!(world.kustomize_images("shop").await, Value::Null);
    assert_eq!(world.problem("shop").await, "RegistryUnavailable");
    let message = message(&world).await;
    assert!(
        message.contains("guarded") && message.contains("certificate"),
        "{message}"
    );
}

#[tokio::test]
async fn a_rotated_password_works_from_the_next_cycle_on_without_a_restart() {
    let net = Internet::start().await;
    let world = World::given(&given("pullSecret: 'secret:NS/login#login'", "1.0.0")).await;
    let registry = guarded(&world, &net).await;
    configure(&world, &registry, &ca_data(&net)).await;
    world.push("shop", "1.0.0", "2026-01-01T00:00:00Z").await;
    let program = world.start(&["--interval=1s"]);
    world
        .wait_for(
            "a cycle ended",
            || world.status("all"),
            |status| status["imagesManaged"] == 1,
        )
        .await;

    std::fs::write(registry.htpasswd(), HTPASSWD[1]).expect("a writable folder");
    world.push("shop", "1.1.0", "2026-01-02T00:00:00Z").await;
    let refused = |reason: &Value| reason == "Unauthorized";
    world
        .wait_for("the old password is refused", || world.problem("shop"), refused)
        .await;
    let message = message(&world).await;
    assert!(
        message.contains("guarded") && message.contains("with credentials"),
        "{message}"
    );

    let login = json!({ "stringData": { "login": format!("bob:{}", passwords()[1]) } });
    world.patch("Secret", "login", login).await;
    let expected = image(&world, ":1.1.0");
    let written = |images: &Value| *images == expected;
    world
        .wait_for("the new one works", || world.kustomize_images("shop"), written)
        .await;
    program.stop().await;
}

/// Signs tokens as "Token Authentication Implementation" of the distribution project says.
struct TokenServer {
    key: SigningKey,
}

impl TokenServer {
    fn new() -> Self {
        Self {
            key: SigningKey::from_slice(&[7; 32]).expect("a key"),
        }
    }

    /// The public key as a JSON Web Key Set.
    fn keys(&self) -> Value {
        let point = self.key.verifying_key().to_encoded_point(false);
        let part = |bytes: Option<_>| URL_SAFE_NO_PAD.encode::<&[u8]>(bytes.expect("a point"));
        json!({ "keys": [{
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "tests",
            "x": part(point.x().map(AsRef::as_ref)), "y": part(point.y().map(AsRef::as_ref)),
        }] })
    }

    fn answer(&self, asked: &Asked) -> Reply {
        let scope = asked.parameter("scope").unwrap_or_default();
        let parts: Vec<_> = scope.split(':').collect();
        let (true, ["repository", name, actions]) = (asked.path == "/token", &parts[..]) else {
            return error(400, "INVALID", "not a question for a token");
        };
        if !asked.is_basic("bob", PASSWORDS[1]) || asked.parameter("service").as_deref() != Some("guarded") {
            return error(401, "UNAUTHORIZED", "incorrect username or password");
        }
        let now = jiff::Timestamp::now().as_second();
        let claims = json!({
            "iss": "tests", "sub": "bob", "aud": "guarded", "iat": now, "nbf": now, "exp": now + 300, "jti": now.to_string(),
            "access": [{ "type": "repository", "name": name, "actions": actions.split(',').collect::<Vec<_>>() }],
        });
        let header = json!({ "typ": "JWT", "alg": "ES256", "kid": "tests" });
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header.to_string()),
            URL_SAFE_NO_PAD.encode(claims.to_string())
        );
        let signature: Signature = self.key.sign(signed.as_bytes());
        let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()));
        answer(200, &json!({ "token": token, "expires_in": 300 }))
    }
}

/// A registry that lets in who has a token of a server of its own.
async fn with_tokens(world: &World) -> (Internet, GuardedRegistry) {
    let net = Internet::start().await;
    let server = Arc::new(TokenServer::new());
    let guard = Guard::Tokens {
        realm: format!("{}/token", net.direct()),
        keys: server.keys(),
    };
    net.host(&net.direct(), move |asked| server.answer(asked));
    let registry = GuardedRegistry::start(world.registry, &net, guard).await;
    configure(world, &registry, &ca_data(&net)).await;
    (net, registry)
}

/// An index with a build attestation, for two platforms.
fn multi_arch(created: &str) -> (Shelf, String) {
    let mut shelf = Shelf::default();
    let (amd, arm) = (
        shelf.image(OCI, "linux/amd64", created),
        shelf.image(DOCKER, "linux/arm64", created),
    );
    let attestation = shelf.attestation();
    let children = [
        (amd.as_str(), "linux/amd64"),
        (&arm, "linux/arm64"),
        (&attestation, "unknown/unknown"),
    ];
    let index = shelf.index(OCI, &children);
    (shelf, index)
}

#[tokio::test]
async fn a_token_server_lets_a_multi_platform_image_be_followed_by_its_digest() {
    // #297 #529
    let yaml = given("updateStrategy: digest, pullSecret: 'pullsecret:NS/creds'", "stable").replace(
        "imageName: 'registry.example.com/NS/shop'",
        "imageName: 'registry.example.com/NS/shop:stable'",
    );
    let world = World::given(&yaml).await;
    let (net, _registry) = with_tokens(&world).await;
    let repository = format!("{}/shop", world.namespace);
    for created in ["2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"] {
        let (mut shelf, index) = multi_arch(created);
        shelf.tag("stable", &index);
        world.registry.push_all(&repository, &shelf).await;

        world.cycle().await;

        let expected = image(&world, &format!(":stable@{index}"));
        assert_eq!(
            world.kustomize_images("shop").await,
            expected,
            "the digest of the index"
        );
    }
    let asked = net.asked();
    let scope = format!("repository:{repository}:pull");
    assert!(
        asked
            .iter()
            .all(|a| a.login() == "Basic" && a.parameter("scope").as_deref() == Some(&scope)),
        "{asked:?}"
    );
    assert_eq!(asked.len(), 2, "one token per run of the program");
}

#[tokio::test]
async fn a_token_server_lets_the_newest_build_of_several_platforms_be_found() {
    let world = World::given(&given(
        "updateStrategy: newest-build, pullSecret: 'secret:NS/login#login'",
        "nightly-z",
    ))
    .await;
    let (_net, _registry) = with_tokens(&world).await;
    let repository = format!("{}/shop", world.namespace);
    for (tag, created) in [
        ("nightly-z", "2026-01-01T00:00:00Z"),
        ("nightly-a", "2026-02-01T00:00:00Z"),
    ] {
        let (mut shelf, index) = multi_arch(created);
        shelf.tag(tag, &index);
        world.registry.push_all(&repository, &shelf).await;
    }

    world.cycle().await;

    assert_eq!(world.kustomize_images("shop").await, image(&world, ":nightly-a"));
}

#[tokio::test]
async fn a_token_server_that_refuses_the_password_is_told_in_the_status() {
    let world = World::given(&given("pullSecret: 'secret:NS/login#login'", "1.0.0")).await;
    let (net, _registry) = with_tokens(&world).await;
    world.push("shop", "1.1.0", "2026-01-01T00:00:00Z").await;
    world
        .patch(
            "Secret",
            "login",
            json!({ "stringData": { "login": format!("bob:{}", passwords()[1]) } }),
        )
        .await;

    let log = world.cycle().await.log;

    assert_eq!(world.kustomize_images("shop").await, Value::Null);
    assert_eq!(world.problem("shop").await, "Unauthorized", "{log}");
    let message = message(&world).await;
    assert!(message.contains("the token server answers 401"), "{message}");
    assert_eq!(net.asked().len(), 1, "it is not asked again and again");
}

#[tokio::test]
async fn credentials_of_the_registry_that_change_before_they_expire_are_read_again() {
    // #1540
    let net = Internet::start().await;
    let world = World::given(&given("", "1.0.0")).await;
    let registry = guarded(&world, &net).await;
    let more = "  credentials: secret:<namespace>/login#login\n  credsexpire: 12h\n";
    configure(&world, &registry, &format!("{more}{}", ca_data(&net))).await;
    world.push("shop", "1.0.0", "2026-01-01T00:00:00Z").await;
    let program = world.start(&["--interval=1s"]);
    world
        .wait_for(
            "a cycle ended",
            || world.status("all"),
            |status| status["imagesManaged"] == 1,
        )
        .await;

    world
        .patch(
            "Secret",
            "login",
            json!({ "stringData": { "login": format!("bob:{}", passwords()[1]) } }),
        )
        .await;
    std::fs::write(registry.htpasswd(), HTPASSWD[1]).expect("a writable folder");
    world.push("shop", "1.1.0", "2026-01-02T00:00:00Z").await;

    let expected = image(&world, ":1.1.0");
    let written = |images: &Value| *images == expected;
    world
        .wait_for("the new ones work", || world.kustomize_images("shop"), written)
        .await;
    tokio::time::timeout(Duration::from_secs(30), program.stop())
        .await
        .expect("it ends");
}
