//! Answers of others than the registry: of hosts that it redirects to, and of token servers elsewhere.

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::Request;
use tokio::sync::{Barrier, Notify};

use super::{
    server::{Asked, Reply, Server, json, page, status, typed, with},
    *,
};
use crate::core::{
    image::{Digest, manifest::OCI_MANIFEST},
    verdict::Reason,
};

const CONFIG: &str = r#"{"os":"linux","architecture":"amd64","created":"2024-05-01T10:00:00Z"}"#;

fn manifest() -> Reply {
    let digest = Digest::of(CONFIG.as_bytes());
    typed(200, OCI_MANIFEST, format!(r#"{{"config":{{"digest":"{digest}"}}}}"#))
}

/// Whether a request is redirected.
type LeadsAway = fn(&Asked) -> bool;

/// A registry that wants no login, and redirects what `leads_away` says to the same path of `target`.
async fn redirecting(target: &Server, leads_away: LeadsAway) -> Server {
    let target = target.url.clone();
    Server::start(move |_, asked| {
        if leads_away(asked) {
            return with(status(307), "location", &format!("{target}{}", asked.target));
        }
        match asked.target.as_str() {
            "/v2/" => json(200, "{}"),
            list if list.contains("/tags/list") => page(&["1"]),
            tag if tag.contains("/manifests/") => manifest(),
            _ => json(200, CONFIG),
        }
    })
    .await
}

fn is_manifest(asked: &Asked) -> bool {
    asked.target.contains("/manifests/")
}

const BOB: Option<(&str, &str)> = Some(("bob", "s3cret"));

/// Everything that bob reads of a tag.
async fn read(registries: &Registries, name: &str) -> Result<Known, RegistryError> {
    let repo = repo(registries, "team/app", BOB);
    let session = registries.session();
    session.tags(&repo).await?;
    session
        .facts(&repo, &tag(name), &linux(), FactsWanted::Created, Freshness::Now)
        .await
}

#[tokio::test]
async fn a_host_that_the_registry_redirects_to_is_told_no_credentials_whatever_it_asks_for() {
    let places: [(LeadsAway, Reason); 4] = [
        (|asked| asked.target == "/v2/", Reason::RegistryUnavailable),
        (|asked| asked.target.contains("/tags/list"), Reason::ListIncomplete),
        (is_manifest, Reason::MetadataUnavailable),
        (|asked| asked.target.contains("/blobs/"), Reason::MetadataUnavailable),
    ];
    for refusal in [401, 403] {
        for (place, (leads_away, reason)) in places.into_iter().enumerate() {
            let thief = Server::start(move |own, asked| {
                if asked.target.starts_with("/token") {
                    return json(200, r#"{"token":"t"}"#);
                }
                let reply = with(
                    status(refusal),
                    "www-authenticate",
                    &format!(r#"Bearer realm="{own}/token""#),
                );
                with(reply, "www-authenticate", r#"Basic realm="r""#)
            })
            .await;
            let server = redirecting(&thief, leads_away).await;
            let registries = registries(&server.url, "");
            for _ in 0..2 {
                let error = read(&registries, "1").await.unwrap_err();
                assert!(!error.is_unauthorized(), "{place}: {error}");
                assert_eq!(error.verdict().reason, reason, "{place}: {error}");
                let words = format!("redirects to 127.0.0.1, which answers {refusal}");
                assert!(error.to_string().contains(&words), "{place}: {error}");
            }
            for asked in thief.asked().iter().chain(&server.asked()) {
                assert_eq!(asked.authorization, "", "{place}: {asked:?}");
                assert!(!asked.target.starts_with("/token"), "{place}: {asked:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_check_of_a_registry_that_redirects_its_probe_sends_no_credentials() {
    let thief = Server::start(|own, asked| {
        if asked.target.starts_with("/token") {
            return json(200, r#"{"token":"t"}"#);
        }
        with(
            status(401),
            "www-authenticate",
            &format!(r#"Bearer realm="{own}/token""#),
        )
    })
    .await;
    let server = redirecting(&thief, |asked| asked.target == "/v2/").await;
    let registries = registries(&server.url, "");
    let RepoKey {
        profile, credentials, ..
    } = repo(&registries, "", BOB);
    let error = registries.check(&profile, credentials).await.unwrap_err();
    assert!(error.to_string().contains("it redirects to 127.0.0.1"), "{error}");
    assert_eq!(thief.targets(), ["/v2/"]);
}

#[tokio::test]
async fn a_token_is_not_replaced_for_what_a_redirect_leads_to() {
    for refusal in [400, 401, 403] {
        let storage = Server::start(move |_, _| status(refusal)).await;
        let target = storage.url.clone();
        let server = Server::start(move |own, asked| {
            if asked.target.starts_with("/token") {
                return json(200, r#"{"token":"t","expires_in":300}"#);
            }
            if asked.authorization.is_empty() {
                return with(
                    status(401),
                    "www-authenticate",
                    &format!(r#"Bearer realm="{own}/token""#),
                );
            }
            if is_manifest(asked) {
                return with(status(307), "location", &format!("{target}/signed"));
            }
            page(&["1"])
        })
        .await;
        let registries = registries(&server.url, "");
        let error = read(&registries, "1").await.unwrap_err();
        assert_eq!(error.verdict().reason, Reason::MetadataUnavailable, "{error}");
        assert_eq!(registries.requests()[0].token, 1, "{refusal}");
        assert_eq!(storage.targets().len(), 1, "{refusal}");
        assert!(!error.to_string().contains("signed"), "{error}");
    }
}

#[tokio::test]
async fn who_asks_to_wait_after_a_redirect_does_not_close_the_registry() {
    for code in [429, 503] {
        for retry_after in ["-1", "86400", "soon"] {
            let storage = Server::start(move |_, _| with(status(code), "retry-after", retry_after)).await;
            let server = redirecting(&storage, is_manifest).await;
            let registries = registries(&server.url, "");
            for _ in 0..2 {
                // The second time its tag list is read again, so nothing is closed.
                let error = read(&registries, "1").await.unwrap_err();
                assert_eq!(error.verdict().reason, Reason::MetadataUnavailable, "{error}");
                let words = format!("redirects to 127.0.0.1, which answers {code}");
                assert!(error.to_string().contains(&words), "{error}");
            }
        }
    }
}

#[tokio::test]
async fn a_token_server_elsewhere_that_asks_to_wait_closes_only_itself() {
    let tokens = Server::start(|_, asked| match asked.before {
        0 => with(status(429), "retry-after", "86400"),
        _ => json(200, r#"{"token":"t"}"#),
    })
    .await;
    let realm = format!(r#"Bearer realm="{}/token""#, tokens.url);
    let server = Server::open(move |_, asked| {
        if asked.target.contains("/private/") && asked.authorization.is_empty() {
            return with(status(401), "www-authenticate", &realm);
        }
        page(&["1"])
    })
    .await;
    let registries = registries(&server.url, "");
    let list = async |name| registries.session().tags(&repo(&registries, name, BOB)).await;
    for _ in 0..2 {
        let error = list("private").await.unwrap_err();
        let RegistryError::RateLimited { wait, .. } = error else {
            panic!("{error:?}")
        };
        assert!((550..=600).contains(&wait.as_secs()), "{wait:?}");
        assert!(list("public").await.is_ok());
    }
    assert_eq!(tokens.targets().len(), 1);
    later(Duration::from_secs(601)).await;
    assert!(list("private").await.is_ok());
}

#[tokio::test]
async fn the_digest_of_a_tag_is_not_what_the_target_of_a_redirect_says_to_head() {
    for code in [200, 401, 403, 500] {
        let liar = Server::start(move |_, _| {
            let digest = Digest::of(b"something else").to_string();
            with(typed(code, OCI_MANIFEST, ""), "docker-content-digest", &digest)
        })
        .await;
        let server = redirecting(&liar, |asked| asked.method == "HEAD").await;
        let registries = registries(&server.url, "");
        let first = read(&registries, "1").await.unwrap();
        assert_eq!(read(&registries, "1").await, Ok(first), "{code}");
        assert_eq!(liar.asked().len(), 1, "{code}");
    }
}

/// A registry that answers each GET of a manifest when `until` is over, which is told how many came before.
async fn manifests<F>(until: impl Fn(usize) -> F + Clone + Send + Sync + 'static) -> String
where
    F: Future<Output = ()> + Send,
{
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let count = Arc::<AtomicUsize>::default();
    let app = axum::Router::new().fallback(move |request: Request| {
        let (until, count) = (until.clone(), Arc::clone(&count));
        async move {
            match request.uri().path() {
                blob if blob.contains("/blobs/") => return json(200, CONFIG),
                manifest if manifest.contains("/manifests/") => {}
                _ => return page(&["1"]),
            }
            until(count.fetch_add(1, Ordering::SeqCst)).await;
            manifest()
        }
    });
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    url
}

#[tokio::test]
async fn manifests_behind_a_redirect_are_read_side_by_side() {
    const TOGETHER: usize = 5;
    let barrier = Arc::new(Barrier::new(TOGETHER));
    let storage = manifests(move |n| {
        let barrier = Arc::clone(&barrier);
        async move {
            // The first tells whether pulls are counted. Of the others none is answered before all are there.
            if n > 0 {
                barrier.wait().await;
            }
        }
    })
    .await;
    let server =
        Server::open(move |_, asked| with(status(307), "location", &format!("{storage}{}", asked.target))).await;
    let registries = registries(&server.url, "");
    let session = registries.session();
    let names: Vec<_> = (0..=TOGETHER).map(|n| format!("t{n}")).collect();
    let all = futures::future::join_all(names.iter().map(|name| facts(&registries, &session, name))).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
}

#[tokio::test]
async fn whoever_waits_for_the_first_manifest_holds_up_nothing_else() {
    let (arrived, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell, wait) = (Arc::clone(&arrived), Arc::clone(&go_on));
    let url = manifests(move |n| {
        let (tell, wait) = (Arc::clone(&tell), Arc::clone(&wait));
        async move {
            if n == 0 {
                tell.notify_one();
                wait.notified().await;
            }
        }
    })
    .await;
    let registries = registries(&url, "");
    let session = registries.session();
    let names: Vec<_> = (0..20).map(|n| format!("t{n}")).collect();
    let all = futures::future::join_all(names.iter().map(|name| facts(&registries, &session, name)));
    let list = async {
        arrived.notified().await;
        let repo = repo(&registries, "team/app", None);
        let list = session.tags(&repo).await;
        go_on.notify_one();
        list
    };
    let (all, list) = futures::join!(all, list);
    assert!(list.is_ok(), "{list:?}");
    assert!(all.iter().all(Result::is_ok), "{all:?}");
}
