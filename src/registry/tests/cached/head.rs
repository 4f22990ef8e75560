//! Asking again which image a tag names: by HEAD, and where HEAD tells nothing.

use super::*;

#[tokio::test]
async fn a_tag_that_is_gone_is_forgotten() {
    let gone = Arc::new(AtomicBool::new(false));
    let (images, is_gone) = (Images::new(false), Arc::clone(&gone));
    let server = Server::open(move |_, asked| {
        if is_gone.load(Ordering::Relaxed) && asked.target.ends_with("/1.0.0") {
            return status(404);
        }
        images.answer(asked)
    })
    .await;
    let registries = registries(&server.url, "");
    cycle(&registries, None, Freshness::Now).await;
    gone.store(true, Ordering::Relaxed);
    for _ in 0..2 {
        let known = cycle(&registries, None, Freshness::Now).await;
        assert_eq!(known[0], Ok(Known::Excluded(Exclusion::Gone)));
    }
    gone.store(false, Ordering::Relaxed);
    facts(&cycle(&registries, None, Freshness::Kept).await[0]);
}

/// A server whose answers to HEAD are useless, in the way that `head` says.
async fn without_head(head: impl Fn(Reply) -> Reply + Send + Sync + 'static, etag: bool) -> Server {
    let images = Images::new(false);
    Server::open(move |_, asked| {
        let answer = images.answer(asked);
        let tag = format!("\"{}\"", asked.target.rsplit('/').next().unwrap());
        match asked.method.as_str() {
            "HEAD" => head(answer),
            _ if etag && asked.if_none_match == tag => status(304),
            _ if etag => with(answer, "etag", &tag),
            _ => answer,
        }
    })
    .await
}

#[tokio::test]
async fn where_head_tells_nothing_get_is_asked_with_the_etag_and_head_no_more() {
    fn bare(mut answer: Reply) -> Reply {
        answer.headers_mut().remove("docker-content-digest");
        answer
    }
    let ways: [fn(Reply) -> Reply; 6] = [
        bare,
        |_| status(400),
        |_| status(403),
        |_| status(404),
        |_| status(405),
        |_| status(501),
    ];
    for (way, head) in ways.into_iter().enumerate() {
        for etag in [false, true] {
            let server = without_head(head, etag).await;
            let registries = registries(&server.url, "");
            let first = cycle(&registries, None, Freshness::Now).await;
            for _ in 0..2 {
                assert_eq!(cycle(&registries, None, Freshness::Now).await, first, "{way}");
            }
            assert_eq!(
                counts(&registries),
                (3, 3 * ALL, ALL),
                "{way}: HEAD is tried three times"
            );
            let revalidated = server.asked().iter().filter(|a| !a.if_none_match.is_empty()).count();
            assert_eq!(revalidated, if etag { 2 * TAGS } else { 0 }, "{way}");
        }
    }
}

#[tokio::test]
async fn an_error_on_head_is_an_error_and_the_tag_is_asked_again_in_the_next_session() {
    let dead = Arc::new(AtomicBool::new(false));
    let (images, is_dead) = (Images::new(false), Arc::clone(&dead));
    let server = Server::open(move |_, asked| {
        if is_dead.load(Ordering::Relaxed) && asked.method == "HEAD" {
            return status(500);
        }
        images.answer(asked)
    })
    .await;
    let registries = registries(&server.url, "");
    cycle(&registries, None, Freshness::Now).await;
    dead.store(true, Ordering::Relaxed);
    for known in cycle(&registries, None, Freshness::Now).await {
        let error = known.unwrap_err();
        assert!(matches!(error, RegistryError::MetadataUnavailable { .. }), "{error}");
    }
    dead.store(false, Ordering::Relaxed);
    facts(&cycle(&registries, None, Freshness::Now).await[0]);
}

#[tokio::test]
async fn an_image_that_cannot_be_read_by_its_digest_is_read_by_its_tag() {
    let images = Images::new(false);
    let moving = Arc::clone(&images);
    let server = Server::open(move |_, asked| {
        if asked.target.contains("/manifests/sha256:") {
            return status(404);
        }
        moving.answer(asked)
    })
    .await;
    let registries = registries(&server.url, "");
    cycle(&registries, None, Freshness::Now).await;
    images.moved.store(true, Ordering::Relaxed);
    let known = cycle(&registries, None, Freshness::Now).await;
    assert_eq!(facts(&known[0]).labels["n"], "1000");
    assert_eq!(counts(&registries).0, ALL);
}
