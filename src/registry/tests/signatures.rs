//! Signatures: "Listing Referrers" of the OCI distribution specification, and the tags that stand for it.

use super::{
    server::{Asked, Reply, Server, broken, json, status, typed, with},
    *,
};
use crate::core::{
    image::{
        Digest,
        manifest::{OCI_INDEX, OCI_MANIFEST},
    },
    signature::{
        Unverified, Verification,
        samples::{BUNDLE, SIMPLE, Shelf, Signer, list, simple, statement},
    },
};

fn image() -> Digest {
    Digest::of(b"the image")
}

fn signature_tag() -> String {
    format!("{}.sig", image().to_string().replace(':', "-"))
}

/// Answers as a registry that holds what is on the shelf; page `n` of its list is at `?page=n`.
fn reply(shelf: &Shelf, asked: &Asked) -> Reply {
    let (path, query) = asked.target.split_once('?').unwrap_or((&asked.target, ""));
    let path = path.strip_prefix("/v2/team/app/").unwrap();
    let (kind, name) = path.split_once('/').unwrap();
    match kind {
        "referrers" => {
            let page: usize = query.strip_prefix("page=").map_or(0, |page| page.parse().unwrap());
            let Some(body) = shelf.referrers.get(page).filter(|_| name == image().to_string()) else {
                return status(404);
            };
            let reply = typed(200, OCI_INDEX, body.clone());
            if page + 1 == shelf.referrers.len() {
                return reply;
            }
            let link = format!(
                "<https://elsewhere.test/v2/team/app/referrers/{name}?page={}>; rel=\"next\"",
                page + 1
            );
            with(reply, "link", &link)
        }
        "manifests" => match shelf.manifests.get(name) {
            Some((media_type, body)) => typed(200, media_type, body.clone()),
            None => status(404),
        },
        _ => match shelf.blobs.get(name) {
            Some(body) => typed(200, "application/octet-stream", body.clone()),
            None => status(404),
        },
    }
}

async fn serve(shelf: Shelf) -> Server {
    Server::open(move |_, asked| reply(&shelf, asked)).await
}

/// The image is signed under the signature tag.
fn old_format(signer: &Signer) -> Shelf {
    let mut shelf = Shelf::default();
    let payload = simple(image());
    let signature = signer.sign(payload.as_bytes());
    shelf.tagged(&signature_tag(), &[(SIMPLE, &payload, Some(&signature))]);
    shelf
}

/// The image is signed on the last of three pages of the list.
fn new_format(signer: &Signer) -> Shelf {
    let mut shelf = Shelf::default();
    let entry = shelf.artifact(&[(BUNDLE, &signer.bundle(&statement(&[image()])), None)]);
    shelf.referrers = vec![list(&[]), list(&[]), list(&[entry])];
    shelf
}

async fn verify(server: &Server, signer: &Signer) -> Result<Verification, RegistryError> {
    let registries = registries(&server.url, "");
    let session = registries.session();
    session
        .verify(&repo(&registries, "team/app", None), image(), &[signer.key()])
        .await
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
async fn a_signature_of_either_format_is_found_with_the_right_key_only() {
    let (alice, bob) = (Signer::new(1), Signer::new(2));
    for shelf in [old_format(&alice), new_format(&alice)] {
        let server = serve(shelf).await;
        assert_eq!(verify(&server, &alice).await, Ok(by(&alice)));
        assert_eq!(verify(&server, &bob).await, Ok(by_others(1)));
    }
    let server = serve(Shelf::default()).await;
    assert_eq!(verify(&server, &alice).await, Ok(by_others(0)));
}

#[tokio::test]
async fn pages_are_followed_on_the_registrys_own_origin() {
    let alice = Signer::new(1);
    let server = serve(new_format(&alice)).await;
    verify(&server, &alice).await.unwrap();
    let list = format!("/v2/team/app/referrers/{}", image());
    let targets = server.targets();
    assert_eq!(
        targets[1..4],
        [list.clone(), format!("{list}?page=1"), format!("{list}?page=2")]
    );
    assert_eq!(server.asked()[1].accept, [OCI_INDEX]);
    assert_eq!(targets.len(), 6, "{targets:?}");
}

#[tokio::test]
async fn one_session_asks_once_for_all_askers_and_all_keys() {
    let (alice, bob, eve) = (Signer::new(1), Signer::new(2), Signer::new(3));
    let server = serve(old_format(&alice)).await;
    let registries = registries(&server.url, "");
    let session = Arc::new(registries.session());
    let askers = (0..50).map(|n| {
        let (session, repo) = (Arc::clone(&session), repo(&registries, "team/app", None));
        let keys = if n % 2 == 0 {
            vec![bob.key(), alice.key()]
        } else {
            vec![eve.key()]
        };
        let expected = if n % 2 == 0 { by(&alice) } else { by_others(1) };
        tokio::spawn(async move { assert_eq!(session.verify(&repo, image(), &keys).await, Ok(expected)) })
    });
    for asker in futures::future::join_all(askers).await {
        asker.unwrap();
    }
    let counted = &registries.requests()[0];
    assert_eq!(
        (counted.ping, counted.referrers, counted.manifest, counted.blob),
        (1, 1, 2, 1),
        "{:?}",
        server.targets()
    );
}

#[tokio::test]
async fn a_proof_is_kept_and_a_missing_signature_is_looked_for_again() {
    let (alice, bob) = (Signer::new(1), Signer::new(2));
    let server = serve(old_format(&alice)).await;
    let registries = registries(&server.url, "");
    let repo = repo(&registries, "team/app", None);
    for (keys, requests) in [
        (vec![bob.key(), alice.key()], 5),
        (vec![alice.key()], 0),
        (vec![bob.key(), alice.key()], 0),
        (vec![bob.key()], 4),
        (vec![bob.key()], 4),
        (vec![], 0),
    ] {
        let before = server.asked().len();
        let session = registries.session();
        session.verify(&repo, image(), &keys).await.unwrap();
        assert_eq!(server.asked().len() - before, requests, "{keys:?}");
    }
}

#[tokio::test]
async fn nothing_is_shared_between_credentials() {
    let alice = Signer::new(1);
    let server = serve(Shelf::default()).await;
    let registries = registries(&server.url, "");
    let session = registries.session();
    for user in [None, Some(("bob", "secret")), Some(("bob", "other"))] {
        let repo = repo(&registries, "team/app", user);
        session.verify(&repo, image(), &[alice.key()]).await.unwrap();
    }
    assert_eq!(registries.requests()[0].referrers, 3);
}

#[tokio::test]
async fn a_registry_that_has_no_list_of_referrers_may_say_so_in_many_ways() {
    let alice = Signer::new(1);
    for code in [400, 404, 405, 406, 410, 501] {
        let shelf = old_format(&alice);
        let server = Server::open(move |_, asked| {
            if asked.target.contains("/referrers/") {
                status(code)
            } else {
                reply(&shelf, asked)
            }
        })
        .await;
        assert_eq!(verify(&server, &alice).await, Ok(by(&alice)), "{code}");
        assert_eq!(verify(&server, &Signer::new(2)).await, Ok(by_others(1)), "{code}");
    }
}

/// What goes wrong at one place, and what the error says then.
type Fault = (&'static str, fn() -> Reply, &'static str);

const FAULTS: [Fault; 8] = [
    ("/referrers/", || status(500), "the registry answers 500"),
    ("/referrers/", || typed(200, "text/html", "<html>"), "is not JSON"),
    ("/referrers/", || json(200, r#"{"errors":[]}"#), "has another shape"),
    ("/referrers/", || json(200, broken(r#"{"manifests":["#)), "broke off"),
    (
        "/referrers/",
        || with(typed(200, OCI_INDEX, list(&[])), "link", "<"),
        "does not say where",
    ),
    (".sig", || status(502), "the registry answers 502"),
    (
        ".sig",
        || typed(200, "text/html", "<html>"),
        "content type \"text/html\"",
    ),
    (
        ".sig",
        || {
            with(
                typed(200, OCI_MANIFEST, "{}"),
                "docker-content-digest",
                &image().to_string(),
            )
        },
        "header claims",
    ),
];

#[tokio::test]
async fn a_fault_is_an_error_unless_a_signature_is_found_elsewhere() {
    let (alice, bob) = (Signer::new(1), Signer::new(2));
    for (at, fault, words) in FAULTS {
        let mut shelf = Shelf::default();
        let tag = image().to_string().replace(':', "-");
        let entry = shelf.artifact(&[(BUNDLE, &alice.bundle(&statement(&[image()])), None)]);
        shelf.index(&tag, &[entry]);
        let server = Server::open(move |_, asked| {
            if asked.target.contains(at) {
                fault()
            } else {
                reply(&shelf, asked)
            }
        })
        .await;
        assert_eq!(verify(&server, &alice).await, Ok(by(&alice)), "{at} {words}");
        let error = verify(&server, &bob).await.unwrap_err();
        assert!(
            matches!(error, RegistryError::MetadataUnavailable { .. }),
            "{at}: {error}"
        );
        assert!(error.to_string().contains(words), "{at} {words}: {error}");
    }
}

#[tokio::test]
async fn a_list_that_leads_back_to_itself_ends_as_an_error() {
    let server = Server::open(|_, asked| {
        if !asked.target.contains("/referrers/") {
            return status(404);
        }
        let next = if asked.target.ends_with("?b") { "?a" } else { "?b" };
        with(typed(200, OCI_INDEX, list(&[])), "link", &format!("<{next}>; rel=next"))
    })
    .await;
    let error = verify(&server, &Signer::new(1)).await.unwrap_err();
    assert!(error.to_string().contains("lead back"), "{error}");
    assert!(server.asked().len() < 10, "{:?}", server.targets());
}

#[tokio::test]
async fn bytes_with_the_wrong_digest_prove_nothing() {
    let (alice, bob) = (Signer::new(1), Signer::new(2));
    for wrong in ["/manifests/sha256:", "/blobs/"] {
        let (good, evil) = (new_format(&alice), new_format(&bob));
        let server = Server::open(move |_, asked| {
            if asked.target.contains(wrong) {
                let (media_type, manifest) = evil.manifests.values().next().unwrap();
                return match wrong {
                    "/blobs/" => typed(200, "x/y", evil.blobs.values().next().unwrap().clone()),
                    _ => typed(200, media_type, manifest.clone()),
                };
            }
            let mut both = good.clone();
            both.blobs.extend(evil.blobs.clone());
            reply(&both, asked)
        })
        .await;
        let error = verify(&server, &bob).await.unwrap_err();
        assert!(
            error.to_string().contains("does not have this digest"),
            "{wrong}: {error}"
        );
    }
}

#[tokio::test]
async fn who_is_told_to_wait_or_gets_no_answer_does_not_go_on_asking() {
    let server = Server::open(|_, _| with(status(429), "retry-after", "60")).await;
    let error = verify(&server, &Signer::new(1)).await.unwrap_err();
    assert!(matches!(error, RegistryError::RateLimited { .. }), "{error}");
    assert_eq!(server.asked().len(), 2, "{:?}", server.targets());

    // Nothing is read in time; the next tag would not be either.
    let (url, _listener) = silent().await;
    let registries = registries(&url, "");
    let session = registries.session();
    let repo = repo(&registries, "team/app", None);
    let began = std::time::Instant::now();
    let error = session
        .verify(&repo, image(), &[Signer::new(1).key()])
        .await
        .unwrap_err();
    assert!(matches!(error, RegistryError::Unavailable { .. }), "{error}");
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

/// A server that takes connections and never answers.
async fn silent() -> (String, tokio::net::TcpListener) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    (format!("http://{}", listener.local_addr().unwrap()), listener)
}

#[tokio::test]
async fn a_refused_list_does_not_hide_a_tag_that_may_be_read() {
    let alice = Signer::new(1);
    let shelf = old_format(&alice);
    let server = Server::open(move |_, asked| {
        if asked.target.contains("/referrers/") {
            status(403)
        } else {
            reply(&shelf, asked)
        }
    })
    .await;
    assert_eq!(verify(&server, &alice).await, Ok(by(&alice)));
    let error = verify(&server, &Signer::new(2)).await.unwrap_err();
    assert!(error.is_unauthorized(), "{error}");
}

#[tokio::test]
async fn what_is_larger_than_a_signature_can_be_is_not_read() {
    let alice = Signer::new(1);
    let mut shelf = old_format(&alice);
    shelf.blobs.values_mut().for_each(|blob| *blob = " ".repeat(9 << 20));
    let server = serve(shelf).await;
    let error = verify(&server, &alice).await.unwrap_err();
    assert!(error.to_string().contains("larger than 8 MiB"), "{error}");
}
