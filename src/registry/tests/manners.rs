//! Registries that ask to wait, that count pulls, and that do not answer at all.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::{Either, select};

use super::{
    server::{Asked, Raw, Reply, Server, json, page, status, typed, with},
    *,
};
use crate::core::{disposition::Disposition, verdict::Reason};

async fn list(registries: &Registries, name: &str) -> Result<usize, RegistryError> {
    let session = registries.session();
    session
        .tags(&repo(registries, name, None))
        .await
        .map(|list| list.tags.len())
}

#[tokio::test]
async fn after_a_429_nobody_asks_before_the_time_is_over() {
    let server = Server::open(|_, asked| match asked.before {
        0 if asked.target.contains("/a/") => with(status(429), "retry-after", "120"),
        _ => page(&["1"]),
    })
    .await;
    // One registry under two names, each with a limit of its own.
    let more = format!(
        "- name: other\n  api_url: {}/\n  prefix: other.test\n  limit: 7\n",
        server.url
    );
    let registries = registries(&server.url, &more);
    let mut until = None;
    for name in ["a", "b", "c"] {
        let error = list(&registries, name).await.unwrap_err();
        assert_eq!(error.verdict().reason, Reason::RateLimited);
        let Disposition::RateLimited(wait) = error.disposition() else {
            panic!("{error:?}")
        };
        assert!((100..=120).contains(&wait.as_secs()), "{wait:?}");
        let RegistryError::RateLimited { until: told, .. } = error else {
            panic!("{error:?}")
        };
        assert_eq!(*until.get_or_insert(told), told, "everybody is told the same");
    }
    let image = ImageRef {
        registry: "other.test".to_owned(),
        name: "a".to_owned(),
        version: None,
    };
    let profile = registries.lookup(&image);
    let other = RepoKey {
        repository: profile.repository(&image),
        profile,
        credentials: None,
    };
    let error = registries.session().tags(&other).await.unwrap_err();
    assert!(
        matches!(&error, RegistryError::RateLimited { registry, .. } if registry == "other"),
        "{error:?}"
    );
    assert_eq!(server.asked().len(), 2, "a probe and a list");

    later(Duration::from_secs(121)).await;
    for name in ["a", "b"] {
        assert_eq!(list(&registries, name).await, Ok(1));
    }
    assert!(registries.session().tags(&other).await.is_ok());
}

#[tokio::test]
async fn a_429_without_retry_after_makes_everybody_wait_longer_each_time() {
    let server = Server::open(|_, _| status(429)).await;
    let registries = registries(&server.url, "");
    for longest in [60, 120, 240] {
        let error = list(&registries, "a").await.unwrap_err();
        let RegistryError::RateLimited { wait, .. } = error else {
            panic!("{error:?}")
        };
        assert!((longest * 3 / 4 - 1..=longest).contains(&wait.as_secs()), "{wait:?}");
        later(wait + Duration::from_secs(1)).await;
    }
    assert_eq!(registries.requests()[0].tags, 3);
}

#[tokio::test]
async fn a_503_with_retry_after_is_a_request_to_wait_and_one_without_is_not() {
    let server = Server::open(|_, _| with(status(503), "retry-after", "9")).await;
    assert!(matches!(tags_of(&server).await, Err(RegistryError::RateLimited { .. })));
    let server = Server::open(|_, _| status(503)).await;
    assert!(matches!(tags_of(&server).await, Err(RegistryError::Unavailable { .. })));
}

#[tokio::test]
async fn a_dead_registry_is_given_up_and_one_probe_decides_later() {
    let server = Server::open(|_, _| page(&["1"])).await;
    let address = server.url.trim_start_matches("http://").to_owned();
    let registries = registries(&server.url, "");
    assert_eq!(list(&registries, "first").await, Ok(1));
    drop(server);
    // The server ends when its task is dropped.
    while tokio::net::TcpStream::connect(&address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let asked = || {
        let requests = &registries.requests()[0];
        (requests.ping, requests.tags)
    };
    let session = registries.session();
    let mut texts = std::collections::BTreeSet::new();
    for i in 0..20 {
        let error = session
            .tags(&repo(&registries, &format!("r{i}"), None))
            .await
            .unwrap_err();
        assert_eq!(error.verdict().reason, Reason::RegistryUnavailable, "{error}");
        texts.insert(error.to_string());
    }
    assert_eq!(asked(), (1, 4), "after three failures it is given up");
    assert_eq!(texts.len(), 1, "{texts:?}");

    for _ in 0..5 {
        let error = list(&registries, "a").await.unwrap_err();
        assert!(matches!(error, RegistryError::LeftAlone { .. }), "{error:?}");
        assert_eq!(error.verdict().reason, Reason::RegistryUnavailable);
        assert!(
            error.to_string().contains("refused") && error.to_string().contains("until 20"),
            "{error}"
        );
    }
    assert_eq!(asked(), (1, 4), "over sessions nobody asks");

    later(Duration::from_secs(31)).await;
    let session = registries.session();
    let repos: Vec<_> = (0..20).map(|i| repo(&registries, &format!("r{i}"), None)).collect();
    let all = futures::future::join_all(repos.iter().map(|repo| session.tags(repo))).await;
    assert!(all.iter().all(Result::is_err));
    assert_eq!(asked(), (2, 4), "one probe for all");

    // It was the second time, so it is left alone for longer.
    later(Duration::from_secs(31)).await;
    assert!(matches!(
        list(&registries, "a").await,
        Err(RegistryError::LeftAlone { .. })
    ));
    let listener = tokio::net::TcpListener::bind(&address).await.unwrap();
    let app = axum::Router::new().fallback(|| async { page(&["1"]) });
    let back = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    later(Duration::from_secs(31)).await;
    assert_eq!(list(&registries, "a").await, Ok(1));
    back.abort();
}

#[tokio::test]
async fn a_registry_that_is_left_alone_and_back_answers_everybody_at_once() {
    let alive = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let is_alive = Arc::clone(&alive);
    let server = Raw::start("127.0.0.1:0", move |mut stream, _| {
        let is_alive = is_alive.load(Ordering::SeqCst);
        async move {
            use tokio::io::AsyncWriteExt as _;
            if !is_alive {
                std::future::pending::<()>().await;
            }
            let body = r#"{"tags":["1"]}"#;
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
            let answer = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
            // The client may be gone.
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    })
    .await;
    let registries = registries(&server.url, "");
    assert!(list(&registries, "a").await.is_err());
    later(Duration::from_secs(31)).await;
    alive.store(true, Ordering::SeqCst);
    let session = registries.session();
    let repos: Vec<_> = (0..20).map(|i| repo(&registries, &format!("r{i}"), None)).collect();
    let all = futures::future::join_all(repos.iter().map(|repo| session.tags(repo))).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    assert_eq!(registries.requests()[0].ping, 2);
}

#[tokio::test]
async fn a_registry_that_never_answers_delays_no_other() {
    let (black_hole, good) = (Raw::silent().await, Server::open(|_, _| page(&["1", "2"])).await);
    let more = format!("- name: good\n  api_url: {}\n  prefix: good.test\n", good.url);
    let registries = registries(&black_hole.url, &more);
    let image = ImageRef {
        registry: "good.test".to_owned(),
        name: "app".to_owned(),
        version: None,
    };
    let profile = registries.lookup(&image);
    let good = RepoKey {
        repository: profile.repository(&image),
        profile,
        credentials: None,
    };
    let session = registries.session();
    let dead: Vec<_> = (0..50).map(|i| repo(&registries, &format!("r{i}"), None)).collect();
    let all_dead = Box::pin(futures::future::join_all(dead.iter().map(|repo| session.tags(repo))));
    let Either::Right((list, all_dead)) = select(all_dead, Box::pin(session.tags(&good))).await else {
        panic!("the dead one came first")
    };
    assert_eq!(list.unwrap().tags.len(), 2);
    for answer in all_dead.await {
        let error = answer.unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("is not available: it does not answer in time"),
            "{error}"
        );
    }
    // From now on it is not even waited for.
    let session = registries.session();
    let Either::Left((answer, _)) = select(Box::pin(session.tags(&dead[0])), Box::pin(session.tags(&good))).await
    else {
        panic!("the dead one was asked again")
    };
    assert!(matches!(answer, Err(RegistryError::LeftAlone { .. })));
}

/// Docker Hub: 100 pulls in 6 h, which come back one by one as time passes.
struct Hub {
    server: Server,
    pulls: Arc<AtomicUsize>,
    returned: Arc<AtomicUsize>,
}

impl Hub {
    async fn start() -> Self {
        let (pulls, returned) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (p, r) = (Arc::clone(&pulls), Arc::clone(&returned));
        let server = Server::open(move |_, asked| Self::answer(asked, &p, &r)).await;
        Self {
            server,
            pulls,
            returned,
        }
    }

    fn answer(asked: &Asked, pulls: &AtomicUsize, returned: &AtomicUsize) -> Reply {
        if !asked.target.contains("/manifests/") {
            let tags: Vec<_> = (0..700).map(|i| format!("t{i}")).collect();
            return json(200, serde_json::json!({ "tags": tags }).to_string());
        }
        let left = 100 + returned.load(Ordering::SeqCst) - pulls.fetch_add(1, Ordering::SeqCst);
        let Some(left) = left.checked_sub(1) else {
            return status(429);
        };
        let manifest = r#"{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":1,"platform":{"os":"linux","architecture":"amd64"}}]}"#;
        let reply = typed(200, "application/vnd.oci.image.index.v1+json", manifest);
        let reply = with(reply, "ratelimit-limit", "100;w=21600");
        with(reply, "ratelimit-remaining", &format!("{left};w=21600"))
    }

    fn left(&self) -> usize {
        100 + self.returned.load(Ordering::SeqCst) - self.pulls.load(Ordering::SeqCst)
    }

    /// A pull comes back each 216 s, up to a hundred.
    async fn pass(&self, pulls: u64) {
        let room = u64::try_from(100 - self.left()).unwrap().min(pulls);
        self.returned
            .fetch_add(usize::try_from(room).unwrap(), Ordering::SeqCst);
        later(Duration::from_secs(216 * pulls)).await;
    }
}

#[tokio::test]
async fn the_last_tenth_of_the_pulls_is_left_to_the_cluster_and_the_rest_is_read_in_later_cycles() {
    let hub = Hub::start().await;
    let registries = registries(&hub.server.url, "");
    let mut unread: Vec<String> = (0..700).map(|i| format!("t{i}")).collect();
    let mut cycles = 0;
    while !unread.is_empty() {
        cycles += 1;
        assert!(cycles < 100, "{} left", unread.len());
        let session = registries.session();
        let repo = repo(&registries, "team/app", None);
        assert_eq!(
            session.tags(&repo).await.map(|list| list.tags.len()),
            Ok(700),
            "lists go on"
        );
        let answers = futures::future::join_all(unread.iter().map(|tag| facts(&registries, &session, tag))).await;
        let before = unread.len();
        let mut answers = answers.into_iter();
        unread.retain(|_| match answers.next() {
            Some(Ok(_)) => false,
            Some(Err(error)) => {
                assert_eq!(error.verdict().reason, Reason::RateLimited, "{error}");
                assert!(
                    matches!(error, RegistryError::QuotaReserved { limit: 100, .. }),
                    "{error}"
                );
                true
            }
            None => panic!("an answer for each"),
        });
        assert!(unread.len() < before, "something is read in each cycle");
        assert!(hub.left() >= 10, "the reserve was touched: {}", hub.left());
        if cycles == 1 {
            assert_eq!(before - unread.len(), 90);
        }
        hub.pass(20).await;
    }
}

#[tokio::test]
async fn other_credentials_have_a_quota_of_their_own() {
    let server = Server::open(|_, asked| {
        assert!(asked.target.contains("/manifests/"));
        let reply = with(status(404), "ratelimit-limit", "10;w=3600");
        with(reply, "ratelimit-remaining", "1;w=3600")
    })
    .await;
    let registries = registries(&server.url, "");
    let session = registries.session();
    for (user, held) in [
        (None, false),
        (None, true),
        (Some(("bob", "x")), false),
        (Some(("bob", "x")), true),
    ] {
        let repo = repo(&registries, "team/app", user);
        let name = tag(if held { "2" } else { "1" });
        let answer = session
            .facts(&repo, &name, &linux(), FactsWanted::Digest, Freshness::Now)
            .await;
        assert_eq!(
            matches!(answer, Err(RegistryError::QuotaReserved { .. })),
            held,
            "{user:?}"
        );
    }
}
