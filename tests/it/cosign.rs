//! Images that the real cosign signed with a key pair, in the real registry, without any network or transparency log.
//!
//! The reference registry keeps no list of referrers, so there cosign writes the tag that stands for it. [`Front`]
//! makes a registry of it that has the list.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::HashSet, sync::Arc};

use argocd_image_updater::{
    core::{
        image::{Digest, ImageRef},
        registries::RegistriesConf,
        signature::{InvalidKey, KeyProblem, PublicKey, Unverified, Verification},
    },
    http::ClientSettings,
    registry::{Options, Registries, RegistryError, RepoKey},
};
use axum::{
    Router,
    extract::Request,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};

use crate::world::{
    ReferenceRegistry, Signer,
    signer::{NEW, OLD},
};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Pushes an image that no other test has.
async fn push(repository: &str, tag: &str) -> Digest {
    let registry = ReferenceRegistry::shared().await;
    let digest = registry.push(repository, tag, "2026-01-02T03:04:05Z").await;
    digest.parse().unwrap()
}

/// Pushes an index of two images; answers its digest and theirs.
async fn push_index(repository: &str, tag: &str) -> (Digest, [Digest; 2]) {
    let images = [push(repository, "amd64").await, push(repository, "arm64").await];
    let mut entries = Vec::new();
    for (image, architecture) in images.iter().zip(["amd64", "arm64"]) {
        let (_, body) = get(repository, &image.to_string()).await;
        entries.push(json!({
            "mediaType": MANIFEST, "digest": image.to_string(), "size": body.len(),
            "platform": {"os": "linux", "architecture": architecture},
        }));
    }
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries});
    let registry = ReferenceRegistry::shared().await;
    let digest = registry.put_manifest(repository, tag, INDEX, index.to_string()).await;
    (digest.parse().unwrap(), images)
}

async fn get(repository: &str, reference: &str) -> (String, String) {
    let get = client().get(url(&format!("{repository}/manifests/{reference}")).await);
    let answer = get
        .header("accept", format!("{MANIFEST}, {INDEX}"))
        .send()
        .await
        .unwrap();
    assert!(
        answer.status().is_success(),
        "{repository}:{reference}: {}",
        answer.status()
    );
    let media_type = answer.headers()["content-type"].to_str().unwrap().to_owned();
    (media_type, answer.text().await.unwrap())
}

/// The tags that cosign made.
async fn signature_tags(repository: &str) -> HashSet<String> {
    let list = client().get(url(&format!("{repository}/tags/list")).await).send().await;
    let list: Value = list.unwrap().json().await.unwrap();
    let tags = list["tags"].as_array().unwrap().iter();
    let tags = tags.map(|tag| tag.as_str().unwrap().to_owned());
    tags.filter(|tag| tag.starts_with("sha256-")).collect()
}

async fn url(rest: &str) -> String {
    format!("http://{}/v2/{rest}", ReferenceRegistry::shared().await.host())
}

fn client() -> reqwest::Client {
    let settings = ClientSettings {
        plain_http: true,
        system_proxy: false,
        ..ClientSettings::default()
    };
    argocd_image_updater::http::client(&settings).unwrap()
}

/// Asks with the code under test, in a session of its own.
async fn verify(url: &str, repository: &str, image: Digest, keys: &[PublicKey]) -> Result<Verification, RegistryError> {
    let yaml = format!("registries:\n- name: test\n  api_url: {url}\n  prefix: r.test\n");
    let options = Options {
        ca_folders: Vec::new(),
        http: ClientSettings {
            system_proxy: false,
            ..ClientSettings::default()
        },
        ..Options::default()
    };
    let registries = Registries::new(Arc::new(RegistriesConf::parse(&yaml).unwrap()), options);
    let name = ImageRef {
        registry: "r.test".to_owned(),
        name: repository.to_owned(),
        version: None,
    };
    let profile = registries.lookup(&name);
    let repo = RepoKey {
        repository: profile.repository(&name),
        profile,
        credentials: None,
    };
    registries.session().verify(&repo, image, keys).await
}

async fn verify_directly(repository: &str, image: Digest, keys: &[PublicKey]) -> Verification {
    let url = format!("http://{}", ReferenceRegistry::shared().await.host());
    verify(&url, repository, image, keys).await.unwrap()
}

fn by(signer: &Signer) -> Verification {
    Verification::Verified { key: signer.key().id() }
}

fn by_others(by_others: usize) -> Verification {
    Verification::Unverified(Unverified {
        by_others,
        ..Unverified::default()
    })
}

#[tokio::test]
async fn an_image_signed_by_cosign_verifies_with_its_key_and_with_no_other() {
    let (alice, bob) = (Signer::new(), Signer::new());
    for (repository, format, suffix) in [("cosign/one/old", OLD, ".sig"), ("cosign/one/new", NEW, "")] {
        let image = push(repository, "1.0.0").await;
        let unsigned = push(repository, "1.0.1").await;
        alice.sign(repository, image, format).await;

        let tag = format!("{}{suffix}", image.to_string().replace(':', "-"));
        assert_eq!(signature_tags(repository).await, HashSet::from([tag]), "{format:?}");
        for (image, keys, expected) in [
            (image, vec![alice.key()], by(&alice)),
            (image, vec![bob.key()], by_others(1)),
            (image, vec![bob.key(), alice.key()], by(&alice)),
            (image, vec![alice.key(), bob.key()], by(&alice)),
            (unsigned, vec![alice.key(), bob.key()], by_others(0)),
        ] {
            let verification = verify_directly(repository, image, &keys).await;
            assert_eq!(verification, expected, "{format:?} {keys:?}");
        }
    }
}

#[tokio::test]
async fn each_of_two_signers_of_one_image_is_found_in_either_format() {
    let (alice, bob, eve) = (Signer::new(), Signer::new(), Signer::new());
    for (repository, formats) in [
        ("cosign/two/old", [OLD, OLD]),
        ("cosign/two/new", [NEW, NEW]),
        ("cosign/two/mixed", [NEW, OLD]),
    ] {
        let image = push(repository, "1.0.0").await;
        alice.sign(repository, image, formats[0]).await;
        bob.sign(repository, image, formats[1]).await;
        for signer in [&alice, &bob] {
            let keys = [eve.key(), signer.key()];
            assert_eq!(
                verify_directly(repository, image, &keys).await,
                by(signer),
                "{repository}"
            );
        }
        assert_eq!(
            verify_directly(repository, image, &[eve.key()]).await,
            by_others(2),
            "{repository}"
        );
    }
}

#[tokio::test]
async fn keys_in_one_secret_may_each_have_signed() {
    let (alice, bob) = (Signer::new(), Signer::new());
    let image = push("cosign/secret", "1.0.0").await;
    bob.sign("cosign/secret", image, NEW).await;
    let both = format!("{}{}", alice.key_text(), bob.key_text());
    let keys = PublicKey::parse_all(both.as_bytes()).unwrap();
    assert_eq!(verify_directly("cosign/secret", image, &keys).await, by(&bob));

    // The other half of the pair, put there by mistake, is refused and not shown.
    let private = std::fs::read(alice.path("cosign.key")).unwrap();
    let error = PublicKey::parse_all(&private).unwrap_err();
    assert!(
        matches!(
            &error,
            InvalidKey::Block {
                problem: KeyProblem::Private,
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn an_index_is_signed_as_itself_and_its_images_only_when_they_are_signed_too() {
    let alice = Signer::new();
    for (repository, format) in [("cosign/multi/old", OLD), ("cosign/multi/new", NEW)] {
        let (index, images) = push_index(repository, "1.0.0").await;
        alice.sign(repository, index, format).await;
        assert_eq!(
            verify_directly(repository, index, &[alice.key()]).await,
            by(&alice),
            "{repository}"
        );
        for image in images {
            let verification = verify_directly(repository, image, &[alice.key()]).await;
            assert_eq!(verification, by_others(0), "{repository}");
        }
        alice
            .sign(repository, index, &[format, &["--recursive"]].concat())
            .await;
        for image in images {
            assert_eq!(
                verify_directly(repository, image, &[alice.key()]).await,
                by(&alice),
                "{repository}"
            );
        }
    }
}

#[tokio::test]
async fn a_larger_curve_verifies_with_the_hash_that_cosign_takes_for_it() {
    let signer = Signer::on_p384();
    for (repository, format) in [("cosign/curve/old", OLD), ("cosign/curve/new", NEW)] {
        let image = push(repository, "1.0.0").await;
        signer.sign(repository, image, format).await;
        assert_eq!(
            verify_directly(repository, image, &[signer.key()]).await,
            by(&signer),
            "{repository}"
        );
    }
}

#[tokio::test]
async fn a_signature_that_is_copied_to_another_image_proves_nothing() {
    let alice = Signer::new();
    for (repository, format, suffix) in [("cosign/replay/old", OLD, ".sig"), ("cosign/replay/new", NEW, "")] {
        let good = push(repository, "1.0.0").await;
        let evil = push(repository, "1.0.1").await;
        alice.sign(repository, good, format).await;
        let tag = |image: Digest| format!("{}{suffix}", image.to_string().replace(':', "-"));
        let (media_type, body) = get(repository, &tag(good)).await;
        ReferenceRegistry::shared()
            .await
            .put_manifest(repository, &tag(evil), &media_type, body)
            .await;
        let of_others = Verification::Unverified(Unverified {
            of_others: 1,
            ..Unverified::default()
        });
        assert_eq!(
            verify_directly(repository, evil, &[alice.key()]).await,
            of_others,
            "{repository}"
        );
        assert_eq!(
            verify_directly(repository, good, &[alice.key()]).await,
            by(&alice),
            "{repository}"
        );
    }
}

#[tokio::test]
async fn signatures_are_found_on_every_page_of_a_list_of_referrers() {
    let front = Front::start().await;
    let (alice, bob, eve) = (Signer::new(), Signer::new(), Signer::new());
    let image = push("cosign/listed", "1.0.0").await;
    alice.sign("cosign/listed", image, NEW).await;
    bob.sign("cosign/listed", image, NEW).await;
    for (keys, expected) in [
        (vec![alice.key()], by(&alice)),
        (vec![bob.key()], by(&bob)),
        (vec![eve.key()], by_others(2)),
    ] {
        assert_eq!(
            verify(&front.url, "cosign/listed", image, &keys).await.unwrap(),
            expected
        );
    }
}

/// The real registry as one that keeps lists of referrers, one entry to a page, and not the tags in their stead.
struct Front {
    url: String,
    task: tokio::task::JoinHandle<()>,
}

impl Front {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().fallback(answer);
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, task }
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(request: Request) -> Response {
    let path = request.uri().path();
    if path.contains("/manifests/sha256-") {
        return StatusCode::NOT_FOUND.into_response();
    }
    if let Some((repository, image)) = path.trim_start_matches("/v2/").split_once("/referrers/") {
        let (_, index) = get(repository, &image.replace(':', "-")).await;
        let mut index: Value = serde_json::from_str(&index).unwrap();
        let entries = index["manifests"].take().as_array().unwrap().clone();
        let at: usize = request
            .uri()
            .query()
            .map_or(0, |query| query.trim_start_matches("at=").parse().unwrap());
        index["manifests"] = json!([entries[at]]);
        let mut answer = ([("content-type", INDEX)], index.to_string()).into_response();
        if at + 1 < entries.len() {
            let link = format!("<{path}?at={}>; rel=\"next\"", at + 1);
            answer.headers_mut().insert("link", link.parse().unwrap());
        }
        return answer;
    }
    let get = client().get(url(path.trim_start_matches("/v2/")).await);
    let accept = request.headers().get_all("accept");
    let get = accept.iter().fold(get, |get, value| get.header("accept", value));
    let answer = get.send().await.unwrap();
    let status = StatusCode::from_u16(answer.status().as_u16()).unwrap();
    let media_type = answer.headers()["content-type"].to_str().unwrap().to_owned();
    (status, [("content-type", media_type)], answer.bytes().await.unwrap()).into_response()
}
