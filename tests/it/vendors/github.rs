//! GitHub's container registry: "Working with the Container registry" (a personal token as password, anonymous reading of
//! public packages), and what its users found: a hundred tags per page, the oldest first, and relative links.

use argocd_image_updater::registry::RegistryError;

use super::{learn, list, registries, relative, releases, repository_at, size, token};
use crate::support::{
    image_shelf::Shelf,
    scripted_registry::{Asked, Internet, Reply, error, status, typed, unauthorized, with},
};

const GHCR: &str = "https://ghcr.io";
const BLOBS: &str = "https://pkg-containers.githubusercontent.com";

fn registry(asked: &Asked, shelf: &Shelf) -> Reply {
    if asked.authorization != "Bearer ghcr" {
        let challenge = r#"Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:user/image:pull""#;
        return unauthorized(challenge);
    }
    match asked.path.strip_prefix("/v2/acme/api/blobs/") {
        Some(digest) => with(
            status(307),
            "location",
            &format!("{BLOBS}/ghcr1/blobs/{digest}?se=soon&sig=x"),
        ),
        None => repository_at(asked, "/v2/acme/api", shelf, || {
            list(asked, &shelf.pushed(), size(asked, 100, 1000), relative(asked))
        }),
    }
}

/// GitHub with one package; `may` decides who gets a token for it.
async fn ghcr(shelf: Shelf, may: impl Fn(&Asked) -> bool + Send + Sync + 'static) -> Internet {
    let net = Internet::start().await;
    let blobs = shelf.clone();
    net.host(GHCR, move |asked| match asked.path.as_str() {
        "/token" if asked.parameter("scope").as_deref() != Some("repository:acme/api:pull") => status(400),
        "/token" if may(asked) => token("ghcr"),
        "/token" => error(403, "DENIED", "requested access to the resource is denied"),
        _ => registry(asked, &shelf),
    });
    net.host(BLOBS, move |asked| {
        let digest = asked.path.trim_start_matches("/ghcr1/blobs/");
        let blob = blobs
            .bytes(digest)
            .map(|(_, bytes)| typed(200, "application/octet-stream", bytes.clone()));
        blob.unwrap_or_else(|| status(404))
    });
    net
}

#[tokio::test]
async fn all_of_223_tags_are_seen_although_the_newest_are_on_the_last_page() {
    // #1660
    let net = ghcr(releases(223), |asked| asked.authorization.is_empty()).await;
    let registries = registries(&net, "");

    let learned = learn(&registries, "ghcr.io/acme/api", None, &["v1.7", "v1.222", "v1.99"])
        .await
        .expect("public");

    assert_eq!(
        learned.tags,
        releases(223).pushed(),
        "each once, in the registry's order"
    );
    assert_eq!(learned.newest, "v1.222");
    assert_eq!(
        net.logins(),
        [format!("{GHCR} -"), format!("{GHCR} Bearer"), format!("{BLOBS} -")]
    );
    assert_eq!(net.asked().iter().filter(|a| a.path == "/token").count(), 1);
}

#[tokio::test]
async fn a_personal_token_opens_a_private_package() {
    let net = ghcr(releases(3), |asked| asked.is_basic("alice", "ghp_personal")).await;
    let registries = registries(&net, "");

    let user = Some(("alice", "ghp_personal"));
    let learned = learn(&registries, "ghcr.io/acme/api", user, &["v1.2"])
        .await
        .expect("alice may");
    assert_eq!(learned.newest, "v1.2");
    for asked in net.asked().iter().filter(|a| a.login() == "Basic") {
        assert_eq!((asked.origin.as_str(), asked.path.as_str()), (GHCR, "/token"));
    }

    let error = learn(&registries, "ghcr.io/acme/api", None, &[]).await.unwrap_err();
    assert!(matches!(error, RegistryError::Unauthorized { .. }), "{error}");
    assert!(error.to_string().contains("asked without credentials"), "{error}");
}
