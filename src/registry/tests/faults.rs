//! Registries that are down, slow, full or wrong.

use axum::body::Body;

use super::{
    server::{Server, broken, json, page, status, typed, with},
    *,
};
use crate::core::{disposition::Disposition, verdict::Reason};

#[tokio::test]
async fn a_probe_must_be_answered_as_a_registry_does() {
    for code in [204, 403, 404, 500, 502] {
        let server = Server::start(move |_, _| status(code)).await;
        let error = tags_of(&server).await.unwrap_err();
        assert_eq!(error.verdict().reason, Reason::RegistryUnavailable, "{code} {error}");
    }
}

#[tokio::test]
async fn a_silent_registry_is_not_waited_for_without_end() {
    let server = Server::open(|_, _| {
        json(
            200,
            Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>()),
        )
    })
    .await;
    let error = tags_of(&server).await.unwrap_err();
    assert_eq!(error.verdict().reason, Reason::ListIncomplete, "{error}");
    assert!(error.to_string().contains("did not come to its end in time"), "{error}");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_an_error() {
    let server = Server::open(|_, _| json(200, broken(r#"{"tags":["1"]}"#))).await;
    let error = tags_of(&server).await.unwrap_err();
    assert_eq!(error.verdict().reason, Reason::ListIncomplete, "{error}");
}

#[tokio::test]
async fn a_huge_answer_is_not_read_to_its_end() {
    let server = Server::open(|_, _| {
        let endless = futures::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b' '; 1 << 16]));
        typed(
            200,
            "application/vnd.oci.image.manifest.v1+json",
            Body::from_stream(endless),
        )
    })
    .await;
    let registries = registries(&server.url, "");
    let error = registries
        .session()
        .facts(
            &repo(&registries, "a", None),
            &tag("1"),
            &linux(),
            FactsWanted::Digest,
            Freshness::Now,
        )
        .await
        .unwrap_err();
    assert!(error.to_string().contains("larger than 8 MiB"), "{error}");
}

#[tokio::test]
async fn sizes_are_counted_after_decompression() {
    let server = Server::open(|_, _| {
        let reply = typed(200, "application/vnd.oci.image.manifest.v1+json", gzip_bomb(16 << 20));
        with(reply, "content-encoding", "gzip")
    })
    .await;
    let registries = registries(&server.url, "");
    let error = registries
        .session()
        .facts(
            &repo(&registries, "a", None),
            &tag("1"),
            &linux(),
            FactsWanted::Digest,
            Freshness::Now,
        )
        .await
        .unwrap_err();
    assert!(error.to_string().contains("larger than 8 MiB"), "{error}");
}

/// A gzip stream (RFC 1951, fixed codes) that unpacks to about `size` bytes: one literal, then matches of 258 bytes.
fn gzip_bomb(size: usize) -> Vec<u8> {
    let mut bits: Vec<bool> = vec![true, true, false];
    let mut push = |code: u32, length: u32| bits.extend((0..length).rev().map(|i| code >> i & 1 == 1));
    push(0b0011_0000, 8);
    for _ in 0..size / 258 {
        push(0b1100_0101, 8);
        push(0, 5);
    }
    let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    bytes.extend(
        bits.chunks(8)
            .map(|byte| byte.iter().rev().fold(0u8, |all, bit| all << 1 | u8::from(*bit))),
    );
    bytes
}

#[tokio::test]
async fn a_redirect_to_another_origin_carries_no_credentials() {
    let storage = Server::start(|_, _| page(&["1"])).await;
    let there = storage.url.clone();
    let server = Server::start(move |_, asked| {
        if asked.authorization.is_empty() {
            with(status(401), "www-authenticate", "Basic realm=r")
        } else {
            with(status(307), "location", &format!("{there}/signed?x=1"))
        }
    })
    .await;
    let registries = registries(&server.url, "");
    registries
        .session()
        .tags(&repo(&registries, "a", Some(("bob", "s3cret"))))
        .await
        .unwrap();
    let asked = storage.asked();
    assert_eq!((asked.len(), asked[0].authorization.as_str()), (1, ""));
}

#[tokio::test]
async fn redirects_in_a_circle_end() {
    let server = Server::open(|_, asked| with(status(307), "location", &asked.target)).await;
    let error = tags_of(&server).await.unwrap_err();
    assert!(error.to_string().contains("redirects too often"), "{error}");
}

#[tokio::test]
async fn a_setting_that_cannot_work_is_named() {
    for (api_url, more, part) in [
        ("registry.acme.test", "", "`api_url`"),
        ("ftp://registry.acme.test", "", "`api_url`"),
        ("https://bob:s3cret@registry.acme.test", "", "`api_url`"),
        ("https://registry.acme.test", "  ca_data: PEM\n", "`ca_data`"),
        (
            "https://registry.acme.test",
            "  ca_file: /does/not/exist\n",
            "`ca_file`",
        ),
        (
            "https://registry.acme.test",
            "  ca_file: /dev/null\n  ca_data: PEM\n",
            "`ca_data`",
        ),
    ] {
        let registries = registries(api_url, more);
        let problems = registries.check_settings().await;
        let text = problems[0].to_string();
        assert!(text.contains(part) && !text.contains("s3cret"), "{api_url}: {text}");
        assert_eq!(problems[0].disposition(), Disposition::Stalled);
        let error = registries
            .session()
            .tags(&repo(&registries, "a", None))
            .await
            .unwrap_err();
        assert_eq!(error.verdict().reason, Reason::InvalidSetting);
    }
}

#[tokio::test]
async fn requests_in_flight_are_bounded() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NOW: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    let server = Server::open(|_, _| {
        let now = NOW.fetch_add(1, Ordering::SeqCst) + 1;
        MOST.fetch_max(now, Ordering::SeqCst);
        let body = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            NOW.fetch_sub(1, Ordering::SeqCst);
            Ok::<_, std::io::Error>(r#"{"tags":[]}"#)
        };
        json(200, Body::from_stream(futures::stream::once(body)))
    })
    .await;
    let registries = registries(&server.url, "");
    let session = Arc::new(registries.session());
    let askers = (0..60).map(|i| {
        let (session, repo) = (Arc::clone(&session), repo(&registries, &format!("r{i}"), None));
        tokio::spawn(async move { session.tags(&repo).await.unwrap() })
    });
    futures::future::join_all(askers).await;
    let most = MOST.load(Ordering::SeqCst);
    assert!((2..=10).contains(&most), "{most}");
}

#[tokio::test]
async fn a_tag_that_is_not_shown_is_told_apart_from_one_that_could_not_be_read() {
    for (code, refused) in [
        (403, true),
        (412, true),
        (451, true),
        (401, false),
        (400, false),
        (500, false),
    ] {
        let server = Server::open(move |_, _| status(code)).await;
        let registries = registries(&server.url, "");
        let error = registries
            .session()
            .facts(
                &repo(&registries, "a", None),
                &tag("1"),
                &linux(),
                FactsWanted::Digest,
                Freshness::Now,
            )
            .await
            .unwrap_err();
        assert_eq!(
            matches!(error, RegistryError::TagRefused { .. }),
            refused,
            "{code}: {error:?}"
        );
        assert!(error.to_string().contains(&code.to_string()), "{error}");
    }
}
