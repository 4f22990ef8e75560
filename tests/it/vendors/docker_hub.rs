//! Docker Hub: "Docker Hub usage and limits, Pulls" (limits and their headers; a HEAD is no pull), "Allowlist for Docker
//! Desktop" (the hosts), and "Token Authentication Specification" of the distribution project, whose example it is.

use argocd_image_updater::registry::{Known, RegistryError};
use serde_json::json as value;

use super::{facts, learn, list, registries, relative, repository, size};
use crate::support::{
    image_shelf::{DOCKER, OCI, SCHEMA_1, Shelf},
    scripted_registry::{Asked, Internet, Reply, error, json, status, typed, unauthorized, with},
};

const HUB: &str = "https://registry-1.docker.io";
const AUTH: &str = "https://auth.docker.io";
const CDN: &str = "https://production.cloudflare.docker.com";

/// Docker Hub with one repository; with a password it is private.
async fn hub(repository: &'static str, shelf: Shelf, password: Option<&'static str>) -> Internet {
    let net = Internet::start().await;
    net.host(AUTH, move |asked| token(asked, repository, password));
    let blobs = shelf.clone();
    net.host(HUB, move |asked| registry(asked, repository, &shelf));
    net.host(CDN, move |asked| {
        let digest = asked.path.trim_start_matches("/registry-v2/");
        blobs.bytes(digest).map_or_else(
            || status(404),
            |(_, bytes)| typed(200, "application/octet-stream", bytes.clone()),
        )
    });
    net
}

fn token(asked: &Asked, repository: &str, password: Option<&str>) -> Reply {
    let wanted = asked.parameter("service").as_deref() == Some("registry.docker.io")
        && asked.parameter("scope").as_deref() == Some(&format!("repository:{repository}:pull"));
    match password {
        _ if asked.path != "/token" || !wanted => status(400),
        Some(password) if !asked.is_basic("alice", password) => {
            json(401, &value!({ "details": "incorrect username or password" }))
        }
        _ => json(
            200,
            &value!({ "token": "hub", "access_token": "hub", "expires_in": 300, "issued_at": "2026-01-01T00:00:00Z" }),
        ),
    }
}

fn registry(asked: &Asked, repository: &str, shelf: &Shelf) -> Reply {
    if asked.authorization != "Bearer hub" {
        return unauthorized(r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io""#);
    }
    let base = format!("/v2/{repository}");
    match asked.path.strip_prefix(&base) {
        Some("/tags/list") => list(
            asked,
            &shelf.sorted(),
            size(asked, usize::MAX, usize::MAX),
            relative(asked),
        ),
        Some(rest) if rest.starts_with("/blobs/") => {
            let place = format!("{CDN}/registry-v2/{}", rest.trim_start_matches("/blobs/"));
            with(status(307), "location", &place)
        }
        _ => {
            let reply = shelf
                .answer(asked, &base)
                .unwrap_or_else(|| error(404, "NAME_UNKNOWN", "not known"));
            let reply = with(reply, "ratelimit-limit", "100;w=21600");
            with(
                with(reply, "ratelimit-remaining", "76;w=21600"),
                "docker-ratelimit-source",
                "192.0.2.1",
            )
        }
    }
}

/// Old and new formats, with build attestations beside the images of an index.
fn official() -> (Shelf, String) {
    let mut shelf = Shelf::default();
    let old = shelf.put(SCHEMA_1, r#"{"schemaVersion":1,"name":"library/nginx","tag":"1.8"}"#);
    shelf.tag("1.8", &old);
    let [amd, arm] =
        ["linux/amd64", "linux/arm64"].map(|platform| shelf.image(DOCKER, platform, "2025-01-01T00:00:00Z"));
    let index = shelf.index(DOCKER, &[(&amd, "linux/amd64"), (&arm, "linux/arm64")]);
    shelf.tag("1.26", &index);
    let amd = shelf.image(OCI, "linux/amd64", "2026-01-01T00:00:00Z");
    let attestation = shelf.attestation();
    let index = shelf.index(OCI, &[(&amd, "linux/amd64"), (&attestation, "unknown/unknown")]);
    shelf.tag("1.27", &index);
    (shelf, index)
}

#[tokio::test]
async fn an_official_image_is_read_anonymously_below_library() {
    let (shelf, index) = official();
    let net = hub("library/nginx", shelf, None).await;
    let registries = registries(&net, "");

    let learned = learn(&registries, "nginx", None, &["1.26", "1.27"])
        .await
        .expect("it is public");

    assert_eq!(learned.tags, ["1.26", "1.27", "1.8"]);
    assert_eq!(learned.newest, "1.27");
    assert_eq!(learned.digests["1.27"], index, "that of the index");
    assert_eq!(
        net.logins(),
        [
            format!("{AUTH} -"),
            format!("{CDN} -"),
            format!("{HUB} -"),
            format!("{HUB} Bearer")
        ],
        "nobody was told more than it needs"
    );
    assert_eq!(net.asked_of(AUTH).len(), 1, "one token for everything");
    let manifests: Vec<_> = net
        .asked_of(HUB)
        .into_iter()
        .filter(|a| a.path.contains("/manifests/"))
        .collect();
    assert_eq!(
        manifests.len(),
        4,
        "index and image of two tags, never an attestation: {manifests:?}"
    );
}

#[tokio::test]
async fn an_image_of_schema_1_is_excluded_and_the_reason_says_what_to_do() {
    let net = hub("library/nginx", official().0, None).await;
    let registries = registries(&net, "");
    let repo = repository(&registries, "nginx", None);

    let known = facts(&registries.session(), &repo, "1.8").await.expect("an answer");

    let Known::Excluded(why) = known else {
        panic!("{known:?}")
    };
    assert!(why.to_string().contains("push it again with a current tool"), "{why}");
}

#[tokio::test]
async fn a_private_image_sends_user_and_password_to_the_token_server_only() {
    let mut shelf = Shelf::default();
    let digest = shelf.push(DOCKER, "1", "2026-01-01T00:00:00Z");
    let net = hub("acme/api", shelf, Some("hub-password")).await;
    let registries = registries(&net, "");
    let user = Some(("alice", "hub-password"));

    for image in ["acme/api", "docker.io/acme/api", "index.docker.io/acme/api"] {
        let learned = learn(&registries, image, user, &["1"])
            .await
            .expect("alice may read it");
        assert_eq!(learned.digests["1"], digest, "{image}");
    }

    assert_eq!(
        net.logins(),
        [
            format!("{AUTH} Basic"),
            format!("{CDN} -"),
            format!("{HUB} -"),
            format!("{HUB} Bearer")
        ]
    );
    assert_eq!(net.asked_of(AUTH)[0].parameter("account").as_deref(), Some("alice"));
}

#[tokio::test]
async fn a_wrong_password_is_unauthorized_and_is_not_repeated() {
    let net = hub("acme/api", Shelf::default(), Some("hub-password")).await;
    let registries = registries(&net, "");

    let error = learn(&registries, "acme/api", Some(("alice", "old-password")), &[])
        .await
        .unwrap_err();

    assert!(matches!(error, RegistryError::Unauthorized { .. }), "{error}");
    assert!(!error.to_string().contains("old-password"), "{error}");
}

#[tokio::test]
async fn a_used_up_pull_limit_stops_asking_and_says_so() {
    let net = Internet::start().await;
    net.host(AUTH, |asked| token(asked, "library/nginx", None));
    net.host(HUB, |asked| {
        if asked.path.contains("/manifests/") {
            let words = "You have reached your unauthenticated pull rate limit.";
            let reply = with(error(429, "TOOMANYREQUESTS", words), "retry-after", "3600");
            return with(reply, "ratelimit-remaining", "0;w=21600");
        }
        registry(asked, "library/nginx", &official().0)
    });
    let registries = registries(&net, "");
    let repo = repository(&registries, "nginx", None);
    let session = registries.session();

    for tag in ["1.26", "1.27"] {
        let error = facts(&session, &repo, tag).await.unwrap_err();
        assert!(matches!(error, RegistryError::RateLimited { .. }), "{error}");
    }

    let asked = net.asked_of(HUB);
    assert_eq!(
        asked.iter().filter(|a| a.path.contains("/manifests/")).count(),
        1,
        "{asked:?}"
    );
}
