//! Amazon ECR: "Private registry authentication" (Basic with the user `AWS` and a token that lives for twelve hours),
//! the API reference of `ListImages` (pages of 100, 1,000 at most, an opaque place), and "Registry authentication in
//! Amazon ECR Public" (Bearer; a token that is no longer good is answered with 400, see containers-roadmap#2835).

use argocd_image_updater::registry::RegistryError;

use super::{learn, registries, releases, repository, repository_at, size, token};
use crate::support::{
    image_shelf::{Shelf, page},
    scripted_registry::{Asked, Internet, Reply, error, json, status, typed, unauthorized, with},
};

const ECR: &str = "https://123456789012.dkr.ecr.eu-central-1.amazonaws.com";
const IMAGE: &str = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/api";
const LAYERS: &str = "https://prod-eu-central-1-starport-layer-bucket.s3.eu-central-1.amazonaws.com";
const PUBLIC: &str = "https://public.ecr.aws";

fn tags(asked: &Asked, shelf: &Shelf) -> Reply {
    if asked
        .parameter("n")
        .and_then(|n| n.parse::<usize>().ok())
        .is_some_and(|n| n > 1000)
    {
        let words = "Invalid parameter at 'maxResults' failed to satisfy constraint: 'Member must have value less than or equal to 1000'";
        return error(405, "UNSUPPORTED", words);
    }
    let names = shelf.pushed();
    let place = asked
        .parameter("last")
        .map(|last| last.trim_start_matches("next/").trim_end_matches('=').to_owned());
    let n = size(asked, 100, 1000);
    let (part, more) = page(&names, place.as_deref(), n);
    let reply = json(200, &serde_json::json!({ "name": "team/api", "tags": part }));
    match more {
        Some(last) => {
            let link = format!(
                "<{}{}?last=next%2F{last}%3D&n={n}>; rel=\"next\"",
                asked.origin, asked.path
            );
            with(reply, "link", &link)
        }
        None => reply,
    }
}

/// A private registry that takes one token; blobs lie in S3, which refuses what it does not know.
async fn private(shelf: Shelf, good: &'static str) -> Internet {
    let net = Internet::start().await;
    let blobs = shelf.clone();
    net.host(ECR, move |asked| {
        if asked.login() == "-" {
            return unauthorized(&format!(r#"Basic realm="{ECR}/",service="ecr.amazonaws.com""#));
        }
        if !asked.is_basic("AWS", good) {
            return error(
                403,
                "DENIED",
                "Your authorization token has expired. Reauthenticate and try again.",
            );
        }
        match asked.path.strip_prefix("/v2/team/api/blobs/") {
            Some(digest) => with(status(307), "location", &format!("{LAYERS}/{digest}?X-Amz-Signature=x")),
            None => repository_at(asked, "/v2/team/api", &shelf, || tags(asked, &shelf)),
        }
    });
    net.host(LAYERS, move |asked| {
        if asked.login() != "-" {
            return typed(400, "application/xml", "<Error><Code>InvalidArgument</Code></Error>");
        }
        let blob = blobs.bytes(asked.path.trim_start_matches('/'));
        blob.map_or_else(
            || status(404),
            |(_, bytes)| typed(200, "application/octet-stream", bytes.clone()),
        )
    });
    net
}

#[tokio::test]
async fn a_private_registry_is_read_whole_and_s3_is_told_nothing() {
    let net = private(releases(1200), "good").await;
    let registries = registries(&net, "");

    let learned = learn(&registries, IMAGE, Some(("AWS", "good")), &["v1.1199", "v1.20"])
        .await
        .expect("may");

    assert_eq!(learned.tags, releases(1200).pushed());
    assert_eq!(learned.newest, "v1.1199");
    assert_eq!(
        net.logins(),
        [format!("{ECR} -"), format!("{ECR} Basic"), format!("{LAYERS} -")]
    );
    let refused: Vec<_> = net
        .asked()
        .into_iter()
        .filter(|a| size(a, 1, usize::MAX) > 1000)
        .collect();
    assert!(refused.is_empty(), "{refused:?}");
}

#[tokio::test]
async fn a_token_that_died_after_twelve_hours_calls_for_other_credentials() {
    let net = private(releases(1), "todays").await;
    let registries = registries(&net, "");

    let error = learn(&registries, IMAGE, Some(("AWS", "yesterdays")), &[])
        .await
        .unwrap_err();

    assert!(error.is_unauthorized(), "{error}");
    assert!(error.to_string().contains("authorization token has expired"), "{error}");
    learn(&registries, IMAGE, Some(("AWS", "todays")), &["v1.0"])
        .await
        .expect("the same registry takes the next token");
}

#[tokio::test]
async fn a_repository_that_is_not_there_is_named() {
    let net = private(releases(1), "good").await;
    let registries = registries(&net, "");

    let image = IMAGE.replace("team/api", "team/gone");
    let error = learn(&registries, &image, Some(("AWS", "good")), &[])
        .await
        .unwrap_err();

    assert!(matches!(error, RegistryError::RepositoryNotFound { .. }), "{error}");
}

fn invalid() -> Reply {
    error(400, "DENIED", "Your Authorization Token is invalid.")
}

/// The public gallery, which answers a dead token by `dead`. Each token is `token-<n>`, and only the last one is good.
async fn public(dead: fn() -> Reply) -> Internet {
    let net = Internet::start().await;
    let shelf = releases(3);
    let given = std::sync::atomic::AtomicUsize::new(0);
    net.host(PUBLIC, move |asked| {
        use std::sync::atomic::Ordering::SeqCst;
        match asked.path.as_str() {
            "/token/" => token(&format!("token-{}", given.fetch_add(1, SeqCst) + 1)),
            // A way for the test to let an hour pass.
            "/an-hour-passes" => token(&format!("lost-{}", given.fetch_add(1, SeqCst))),
            _ if asked.login() == "-" => {
                unauthorized(r#"Bearer realm="https://public.ecr.aws/token/",service="public.ecr.aws",scope="aws""#)
            }
            _ if asked.authorization != format!("Bearer token-{}", given.load(SeqCst)) => dead(),
            _ => repository_at(asked, "/v2/nginx/nginx", &shelf, || tags(asked, &shelf)),
        }
    });
    net
}

#[tokio::test]
async fn the_public_gallery_is_read_with_an_anonymous_token() {
    let net = public(invalid).await;
    let registries = registries(&net, "");

    let learned = learn(&registries, "public.ecr.aws/nginx/nginx", None, &["v1.2"])
        .await
        .expect("it is public");

    assert_eq!(learned.newest, "v1.2");
    assert_eq!(net.logins(), [format!("{PUBLIC} -"), format!("{PUBLIC} Bearer")]);
}

#[tokio::test]
async fn a_dead_token_of_the_public_gallery_is_replaced_although_it_is_answered_with_400() {
    // A HEAD has no body to say why.
    for dead in [invalid as fn() -> Reply, || status(400)] {
        let net = public(dead).await;
        let registries = registries(&net, "");
        let repo = repository(&registries, "public.ecr.aws/nginx/nginx", None);
        registries.session().tags(&repo).await.expect("it is public");
        let ca = reqwest::Certificate::from_pem(net.ca().as_bytes()).expect("a certificate");
        let proxy = reqwest::Proxy::all(net.proxy()).expect("a URL");
        let client = reqwest::Client::builder()
            .proxy(proxy)
            .tls_certs_only([ca])
            .build()
            .expect("a client");
        client
            .get(format!("{PUBLIC}/an-hour-passes"))
            .send()
            .await
            .expect("it passes");

        let list = registries.session().tags(&repo).await.expect("a new token is good");

        assert_eq!(list.tags.len(), 3);
        assert_eq!(net.asked().iter().filter(|a| a.path == "/token/").count(), 2);
    }
}

#[tokio::test]
async fn a_repository_that_is_refused_with_400_is_not_asked_for_again_and_again() {
    let net = Internet::start().await;
    net.host(PUBLIC, |asked| match asked.path.as_str() {
        "/token/" => token("good"),
        _ if asked.login() == "-" => {
            unauthorized(r#"Bearer realm="https://public.ecr.aws/token/",service="public.ecr.aws""#)
        }
        _ => invalid(),
    });
    let registries = registries(&net, "");

    for _ in 0..2 {
        let error = learn(&registries, "public.ecr.aws/nginx/nginx", None, &[])
            .await
            .unwrap_err();
        assert!(error.to_string().contains("DENIED"), "{error}");
    }

    let lists = net.asked().iter().filter(|a| a.path.ends_with("/tags/list")).count();
    assert!(
        lists <= 5,
        "two of each cycle, and one more without a page size: {lists}"
    );
}
