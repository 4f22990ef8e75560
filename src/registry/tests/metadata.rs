//! Manifests and configs: "Pulling manifests" of the OCI distribution specification.

use super::{
    server::{Server, json, status, typed, with},
    *,
};
use crate::core::image::{
    Digest,
    manifest::{ACCEPTED, Exclusion, OCI_INDEX, OCI_MANIFEST},
};

const CONFIG: &str =
    r#"{"os":"linux","architecture":"amd64","created":"2024-05-01T10:00:00Z","config":{"Labels":{"a":"b"}}}"#;

fn image() -> String {
    format!(r#"{{"config":{{"digest":"{}"}}}}"#, Digest::of(CONFIG.as_bytes()))
}

fn index() -> String {
    let child = Digest::of(image().as_bytes());
    format!(r#"{{"manifests":[{{"digest":"{child}","platform":{{"os":"linux","architecture":"amd64"}}}}]}}"#)
}

/// A repository with the tags `image` and `index`.
async fn registry() -> Server {
    Server::open(|_, asked| {
        let (image, index) = (image(), index());
        let known = |body: &str| Digest::of(body.as_bytes()).to_string();
        match asked.target.rsplit('/').next().unwrap() {
            "index" => typed(200, OCI_INDEX, index),
            "image" => typed(200, &format!("{OCI_MANIFEST}; charset=utf-8"), image),
            name if name == known(&image) => typed(200, OCI_MANIFEST, image),
            name if name == known(CONFIG) => typed(200, "application/octet-stream", CONFIG),
            _ => status(404),
        }
    })
    .await
}

async fn facts(server: &Server, name: &str, wanted: FactsWanted) -> Result<Known, RegistryError> {
    let registries = registries(&server.url, "");
    registries
        .session()
        .facts(
            &repo(&registries, "team/app", None),
            &tag(name),
            &linux(),
            wanted,
            Freshness::Now,
        )
        .await
}

#[tokio::test]
async fn date_labels_and_digest_of_a_tag_are_read() {
    let server = registry().await;
    for (name, digest) in [("image", image()), ("index", index())] {
        let Known::Facts(facts) = facts(&server, name, FactsWanted::Created).await.unwrap() else {
            panic!("{name}")
        };
        assert_eq!(facts.digest, Digest::of(digest.as_bytes()), "{name}");
        assert_eq!(facts.created.unwrap().to_string(), "2024-05-01T10:00:00Z");
        assert_eq!(facts.labels["a"], "b");
    }
    let manifest = server
        .asked()
        .into_iter()
        .find(|a| a.target.contains("/manifests/"))
        .unwrap();
    assert_eq!(manifest.accept, ACCEPTED);
}

#[tokio::test]
async fn the_digest_of_an_index_costs_one_request() {
    let server = registry().await;
    facts(&server, "index", FactsWanted::Digest).await.unwrap();
    assert_eq!(server.targets(), ["/v2/", "/v2/team/app/manifests/index"]);
}

#[tokio::test]
async fn a_tag_that_is_gone_is_excluded_and_not_an_error() {
    let server = registry().await;
    let known = facts(&server, "none", FactsWanted::Digest).await.unwrap();
    assert_eq!(known, Known::Excluded(Exclusion::Gone));
}

#[tokio::test]
async fn a_server_error_on_one_tag_is_an_error_and_never_an_exclusion() {
    for code in [500, 502, 400, 206, 405] {
        let server = Server::open(move |_, _| status(code)).await;
        let error = facts(&server, "1", FactsWanted::Digest).await.unwrap_err();
        assert!(
            matches!(error, RegistryError::MetadataUnavailable { .. }),
            "{code} {error}"
        );
    }
}

#[tokio::test]
async fn bytes_with_the_wrong_digest_are_refused() {
    let server = Server::open(|_, asked| {
        if asked.target.ends_with("/manifests/1") {
            typed(200, OCI_MANIFEST, image())
        } else {
            json(200, "{}")
        }
    })
    .await;
    let error = facts(&server, "1", FactsWanted::Digest).await.unwrap_err();
    assert!(error.to_string().contains("does not have this digest"), "{error}");

    let server = Server::open(|_, _| {
        let other = Digest::of(b"other").to_string();
        with(typed(200, OCI_MANIFEST, image()), "docker-content-digest", &other)
    })
    .await;
    let error = facts(&server, "1", FactsWanted::Digest).await.unwrap_err();
    assert!(error.to_string().contains("header claims"), "{error}");
}

const SCHEMA1: &str = "application/vnd.docker.distribution.manifest.v1+prettyjws";

#[tokio::test]
async fn a_wrong_content_type_is_an_error_but_schema_1_is_a_lasting_exclusion() {
    for media_type in [
        "text/html",
        "application/json",
        SCHEMA1,
        "application/vnd.other",
        OCI_INDEX,
    ] {
        let server = Server::open(move |_, _| typed(200, media_type, image())).await;
        let error = facts(&server, "1", FactsWanted::Digest).await.unwrap_err();
        assert!(matches!(error, RegistryError::MetadataUnavailable { .. }), "{error}");
    }
    let server = Server::open(|_, _| typed(200, SCHEMA1, r#"{"schemaVersion":1}"#)).await;
    assert_eq!(
        facts(&server, "1", FactsWanted::Digest).await,
        Ok(Known::Excluded(Exclusion::Schema1))
    );
}

#[tokio::test]
async fn a_tag_is_read_once_per_session_whoever_asks() {
    let server = registry().await;
    let registries = registries(&server.url, "");
    let session = Arc::new(registries.session());
    let askers = (0..50).map(|_| {
        let (session, repo) = (Arc::clone(&session), repo(&registries, "team/app", None));
        tokio::spawn(async move {
            session
                .facts(&repo, &tag("index"), &linux(), FactsWanted::Created, Freshness::Now)
                .await
                .unwrap();
        })
    });
    for asker in futures::future::join_all(askers).await {
        asker.unwrap();
    }
    let counted = &registries.requests()[0];
    assert_eq!((counted.ping, counted.manifest, counted.blob), (1, 2, 1));
}
