//! What is asked again, and when: the counts of requests over many sessions.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::{
    server::{Asked, Reply, Server, page, status, typed, with},
    *,
};
use crate::core::image::{
    Digest, TagFacts,
    manifest::{Exclusion, OCI_INDEX, OCI_MANIFEST},
};

mod head;
mod users;

const HOUR: Duration = Duration::from_hours(1);

/// The config, manifest and index of the image with number `n`.
fn config(n: usize) -> String {
    format!(
        r#"{{"os":"linux","architecture":"amd64","created":"2024-05-01T10:00:00Z","config":{{"Labels":{{"n":"{n}"}}}}}}"#
    )
}

fn image(n: usize) -> String {
    format!(r#"{{"config":{{"digest":"{}"}}}}"#, Digest::of(config(n).as_bytes()))
}

fn index(n: usize) -> String {
    let child = Digest::of(image(n).as_bytes());
    format!(r#"{{"manifests":[{{"digest":"{child}","platform":{{"os":"linux","architecture":"amd64"}}}}]}}"#)
}

/// A repository whose tag `1.0.<n>` names image `n`, and after `moved` is set image `n + 1000`; with indexes when `indexed`.
struct Images {
    indexed: bool,
    moved: AtomicBool,
}

impl Images {
    fn new(indexed: bool) -> Arc<Self> {
        let moved = AtomicBool::new(false);
        Arc::new(Self { indexed, moved })
    }

    fn answer(&self, asked: &Asked) -> Reply {
        let name = asked.target.rsplit('/').next().unwrap();
        let shift = if self.moved.load(Ordering::Relaxed) { 1000 } else { 0 };
        let top = |n: usize| if self.indexed { index(n) } else { image(n) };
        let media_type = if self.indexed { OCI_INDEX } else { OCI_MANIFEST };
        if let Some(n) = name.strip_prefix("1.0.") {
            let top = top(n.parse::<usize>().unwrap() + shift);
            let digest = Digest::of(top.as_bytes()).to_string();
            return with(typed(200, media_type, top), "docker-content-digest", &digest);
        }
        let digest = name.parse::<Digest>().unwrap();
        let is = |text: &String| Digest::of(text.as_bytes()) == digest;
        for n in (0..TAGS).chain(1000..1000 + TAGS) {
            for (text, media_type) in [
                (config(n), "application/json"),
                (image(n), OCI_MANIFEST),
                (index(n), OCI_INDEX),
            ] {
                if is(&text) {
                    return typed(200, media_type, text);
                }
            }
        }
        status(404)
    }
}

/// As many tags as one cycle reads here.
const TAGS: usize = 40;

fn tags() -> Vec<TagName> {
    (0..TAGS).map(|n| tag(&format!("1.0.{n}"))).collect()
}

/// What one fresh session says about all tags.
async fn cycle(
    registries: &Registries,
    user: Option<(&str, &str)>,
    freshness: Freshness,
) -> Vec<Result<Known, RegistryError>> {
    let (session, repo) = (registries.session(), repo(registries, "team/app", user));
    let mut all = Vec::new();
    for tag in tags() {
        all.push(
            session
                .facts(&repo, &tag, &linux(), FactsWanted::Created, freshness)
                .await,
        );
    }
    all
}

/// HEAD, manifests and configs that were asked for since the process started.
fn counts(registries: &Registries) -> (u64, u64, u64) {
    let counted = &registries.requests()[0];
    (counted.head, counted.manifest, counted.blob)
}

fn facts(known: &Result<Known, RegistryError>) -> &TagFacts {
    match known {
        Ok(Known::Facts(facts)) => facts,
        other => panic!("{other:?}"),
    }
}

async fn open(images: Arc<Images>) -> Server {
    Server::open(move |_, asked| images.answer(asked)).await
}

const ALL: u64 = TAGS as u64;

#[tokio::test]
async fn the_second_cycle_asks_nothing_about_tags_and_later_ones_by_head_when_they_are_due() {
    let images = Images::new(false);
    let server = open(Arc::clone(&images)).await;
    let registries = registries(&server.url, "");
    let first = cycle(&registries, None, Freshness::Kept).await;
    assert_eq!(counts(&registries), (0, ALL, ALL));
    assert_eq!(cycle(&registries, None, Freshness::Kept).await, first);
    assert_eq!(counts(&registries), (0, ALL, ALL));

    registries.cache().forward(HOUR / 2);
    assert_eq!(cycle(&registries, None, Freshness::Kept).await, first);
    let (heads, manifests, blobs) = counts(&registries);
    assert!((ALL / 4..=ALL * 3 / 4).contains(&heads), "{heads}");
    assert_eq!((manifests, blobs), (ALL, ALL));
    registries.cache().forward(HOUR / 2);
    cycle(&registries, None, Freshness::Kept).await;
    assert_eq!(counts(&registries), (ALL, ALL, ALL), "each once in an hour");
}

#[tokio::test]
async fn an_index_costs_three_requests_once() {
    let server = open(Images::new(true)).await;
    let registries = registries(&server.url, "");
    for _ in 0..2 {
        cycle(&registries, None, Freshness::Kept).await;
        assert_eq!(counts(&registries), (0, 2 * ALL, ALL));
    }
}

#[tokio::test]
async fn who_asks_for_the_present_image_asks_by_head_once_in_a_session() {
    let server = open(Images::new(false)).await;
    let registries = registries(&server.url, "");
    for n in 0..3 {
        cycle(&registries, None, Freshness::Now).await;
        assert_eq!(counts(&registries), (n * ALL, ALL, ALL));
    }
    let (session, repo) = (registries.session(), repo(&registries, "team/app", None));
    for freshness in [Freshness::Kept, Freshness::Now, Freshness::Now, Freshness::Kept] {
        let known = session
            .facts(&repo, &tag("1.0.0"), &linux(), FactsWanted::Digest, freshness)
            .await;
        assert_eq!(facts(&known).labels["n"], "0", "who knows the date knows the digest");
    }
    assert_eq!(counts(&registries), (2 * ALL + 1, ALL, ALL));
}

#[tokio::test]
async fn a_tag_that_moved_is_read_by_its_new_digest() {
    let images = Images::new(false);
    let server = open(Arc::clone(&images)).await;
    let registries = registries(&server.url, "");
    cycle(&registries, None, Freshness::Kept).await;
    images.moved.store(true, Ordering::Relaxed);
    let before = server.asked().len();
    let moved = cycle(&registries, None, Freshness::Now).await;
    assert_eq!(facts(&moved[3]).digest, Digest::of(image(1003).as_bytes()));
    assert_eq!(facts(&moved[3]).labels["n"], "1003");
    assert_eq!(counts(&registries), (ALL, 2 * ALL, 2 * ALL));
    let asked = server.asked().split_off(before);
    assert!(asked.iter().all(|a| a.method == "HEAD" || a.target.contains("sha256:")));

    // Both images are known now: moving back costs a question each.
    images.moved.store(false, Ordering::Relaxed);
    cycle(&registries, None, Freshness::Now).await;
    assert_eq!(counts(&registries), (2 * ALL, 2 * ALL, 2 * ALL));
}

#[tokio::test]
async fn what_is_marked_stale_is_asked_again_by_everybody_and_nothing_else_is() {
    let server = open(Images::new(false)).await;
    let registries = registries(&server.url, "");
    let bob = Some(("bob", "secret"));
    for user in [None, bob] {
        cycle(&registries, user, Freshness::Kept).await;
    }
    let repo = repo(&registries, "team/app", None);
    let before = counts(&registries).0;
    registries.mark_stale(&repo.profile, "team/other");
    cycle(&registries, None, Freshness::Kept).await;
    assert_eq!(counts(&registries).0, before);
    registries.mark_stale(&repo.profile, &repo.repository);
    registries.cache().forward(Duration::from_millis(1));
    for _ in 0..2 {
        for user in [None, bob] {
            cycle(&registries, user, Freshness::Kept).await;
        }
        assert_eq!(counts(&registries).0, before + 2 * ALL);
    }
}

#[tokio::test]
async fn which_image_a_tag_names_is_never_told_to_other_credentials() {
    let server = open(Images::new(false)).await;
    let registries = registries(&server.url, "");
    for (n, user) in [
        (1, None),
        (2, Some(("bob", "a"))),
        (3, Some(("bob", "b"))),
        (3, Some(("bob", "b"))),
    ] {
        cycle(&registries, user, Freshness::Kept).await;
        // What the images say is known; that they may be read is asked with each one's own credentials.
        assert_eq!(counts(&registries), ((n - 1) * ALL, ALL, ALL), "{user:?}");
    }
}

#[tokio::test]
async fn ten_who_ask_at_once_for_different_things_ask_the_tag_once() {
    let server = open(Images::new(false)).await;
    let registries = registries(&server.url, "");
    let session = Arc::new(registries.session());
    let askers = (0..10).map(|n| {
        let (session, repo) = (Arc::clone(&session), repo(&registries, "team/app", None));
        let wanted = [FactsWanted::Created, FactsWanted::Digest][n % 2];
        let freshness = [Freshness::Kept, Freshness::Now][n / 2 % 2];
        tokio::spawn(async move { session.facts(&repo, &tag("1.0.0"), &linux(), wanted, freshness).await })
    });
    for asker in futures::future::join_all(askers).await {
        facts(&asker.unwrap());
    }
    let by_tag: Vec<_> = server.targets().into_iter().filter(|t| t.ends_with("/1.0.0")).collect();
    assert_eq!(by_tag.len(), 1, "{by_tag:?}");
}

#[tokio::test]
async fn after_a_quota_the_next_cycle_goes_on_where_this_one_stopped() {
    let (images, quota) = (Images::new(true), Arc::new(AtomicUsize::new(50)));
    let left = Arc::clone(&quota);
    let server = Server::open(move |_, asked| {
        let has_room = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
        match has_room {
            Ok(_) => images.answer(asked),
            Err(_) => with(status(429), "retry-after", "1"),
        }
    })
    .await;
    let registries = registries(&server.url, "");
    let mut read = Vec::new();
    while read.len() < TAGS {
        let known = cycle(&registries, None, Freshness::Kept).await;
        read = known.into_iter().filter_map(Result::ok).collect();
        quota.store(50, Ordering::Relaxed);
        // The registry is left alone for a second.
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(2)).await;
        tokio::time::resume();
    }
    let answered = server.targets().len();
    let refused = answered - 1 - 3 * TAGS;
    assert_eq!(refused, 2, "120 requests in quotas of 50, each asked once");
}

#[tokio::test]
async fn a_lasting_exclusion_is_kept_and_a_missing_part_is_not() {
    let windows = r#"{"manifests":[{"digest":"sha256:0000000000000000000000000000000000000000000000000000000000000000","platform":{"os":"windows","architecture":"amd64"}}]}"#;
    let schema1 = "application/vnd.docker.distribution.manifest.v1+prettyjws";
    for (body, media_type, manifests) in [
        (windows.to_owned(), OCI_INDEX, 1),
        (image(0), OCI_MANIFEST, 2),
        (r#"{"schemaVersion":1}"#.to_owned(), schema1, 1),
        // Only the header says so, and the digest does not cover it.
        ("{}".to_owned(), schema1, 2),
        ("{}".to_owned(), "application/vnd.other", 2),
    ] {
        let server = Server::open(move |_, asked| {
            if asked.target.contains("/blobs/") {
                return status(404);
            }
            let digest = Digest::of(body.as_bytes()).to_string();
            with(typed(200, media_type, body.clone()), "docker-content-digest", &digest)
        })
        .await;
        let registries = registries(&server.url, "");
        for _ in 0..2 {
            let (session, repo) = (registries.session(), repo(&registries, "team/app", None));
            let known = session
                .facts(&repo, &tag("1"), &linux(), FactsWanted::Created, Freshness::Kept)
                .await;
            assert!(matches!(known, Ok(Known::Excluded(_))), "{known:?}");
        }
        assert_eq!(counts(&registries).1, manifests, "{media_type}");
    }
}

#[tokio::test]
async fn a_wrong_content_type_is_forgotten_when_the_right_one_comes() {
    for wrong in [
        "text/html",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
        "application/vnd.other",
        OCI_INDEX,
    ] {
        let is_wrong = Arc::new(AtomicBool::new(true));
        let images = Images::new(false);
        let server = {
            let is_wrong = Arc::clone(&is_wrong);
            Server::open(move |_, asked| {
                let mut reply = images.answer(asked);
                if is_wrong.load(Ordering::Relaxed) && asked.target.contains("/manifests/") {
                    reply.headers_mut().insert("content-type", wrong.parse().unwrap());
                }
                reply
            })
            .await
        };
        let registries = registries(&server.url, "");
        let ask = async || {
            let (session, repo) = (registries.session(), repo(&registries, "team/app", None));
            session
                .facts(&repo, &tag("1.0.1"), &linux(), FactsWanted::Created, Freshness::Now)
                .await
        };
        let held = ask().await;
        assert!(
            matches!(held, Err(RegistryError::MetadataUnavailable { .. })),
            "{wrong}: {held:?}"
        );
        is_wrong.store(false, Ordering::Relaxed);
        let read = ask().await;
        assert!(matches!(read, Ok(Known::Facts(_))), "{wrong}: {read:?}");
    }
}

#[tokio::test]
async fn pages_of_a_list_that_did_not_change_are_not_sent_again() {
    let server = Server::open(|_, asked| {
        let (etag, answer) = if asked.target.contains("last=") {
            ("\"second\"", page(&["3"]))
        } else {
            (
                "\"first\"",
                with(page(&["1", "2"]), "link", "<?n=1000&last=2>; rel=next"),
            )
        };
        if asked.if_none_match == etag {
            return status(304);
        }
        with(answer, "etag", etag)
    })
    .await;
    let registries = registries(&server.url, "");
    let list = |user| {
        let (session, repo) = (registries.session(), repo(&registries, "team/app", user));
        async move { session.tags(&repo).await.unwrap().tags.len() }
    };
    for _ in 0..2 {
        assert_eq!(list(None).await, 3);
    }
    let told = |asked: Vec<Asked>| asked.into_iter().map(|a| a.if_none_match).collect::<Vec<_>>();
    assert_eq!(told(server.asked()), ["", "", "", "\"first\"", "\"second\""]);
    list(Some(("bob", "secret"))).await;
    assert_eq!(
        told(server.asked().split_off(5)),
        ["", ""],
        "not with the pages of others"
    );
}

#[tokio::test]
async fn a_304_that_nobody_asked_for_is_an_error() {
    let server = Server::open(|_, _| status(304)).await;
    assert!(tags_of(&server).await.is_err());
    let registries = registries(&server.url, "");
    for known in cycle(&registries, None, Freshness::Kept).await {
        assert!(known.is_err(), "{known:?}");
    }
}

#[tokio::test]
async fn facts_survive_a_restart_and_which_image_a_tag_names_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let server = open(Images::new(true)).await;
    let mut answers = Vec::new();
    for restart in 0..2 {
        let registries = registries(&server.url, "");
        let keeper = registries.keep_facts_in(folder.path()).await.unwrap();
        answers.push(cycle(&registries, Some(("bob", "hunter2")), Freshness::Kept).await);
        keeper.finish().await;
        let read = if restart == 0 { (0, 2 * ALL, ALL) } else { (ALL, 0, 0) };
        assert_eq!(counts(&registries), read);
    }
    assert_eq!(answers[0], answers[1]);
    let file = std::fs::read_to_string(folder.path().join("registry-facts.jsonl")).unwrap();
    assert_eq!(file.lines().count(), 1 + TAGS);
    let words = ["bob", "hunter2", "team/app", &server.url];
    assert!(words.iter().all(|word| !file.contains(word)), "{file}");
}
