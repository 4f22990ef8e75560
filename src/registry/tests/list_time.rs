//! How long a tag list may take, and what of it counts.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::AsyncWriteExt as _;

use super::{
    server::{Raw, Server, page},
    *,
};

#[tokio::test]
async fn the_wait_for_ones_turn_is_no_time_of_the_list() {
    let server = Server::open(|_, _| page(&["1"])).await;
    let registries = registries(&server.url, "");
    let repo = repo(&registries, "team/app", None);
    let connection = registries.connection(&repo.profile).await.unwrap();
    let mut others = Vec::new();
    while let Ok(other) = tokio::time::timeout(
        Duration::ZERO,
        connection.gate.enter(counts::Kind::Ping, || Ok::<_, ()>(())),
    )
    .await
    {
        others.push(other);
    }
    let session = registries.session();
    let mut list = Box::pin(session.tags(&repo));
    tokio::time::pause();
    let early = tokio::time::timeout(Duration::from_mins(30), &mut list).await;
    assert!(early.is_err(), "it waits: {early:?}");
    tokio::time::resume();
    drop(others);
    assert_eq!(list.await.unwrap().tags.len(), 1);
}

#[tokio::test]
async fn a_list_whose_pages_take_minutes_is_given_up() {
    let pages = Arc::new(AtomicUsize::new(0));
    let sent = Arc::clone(&pages);
    let server = Raw::start("127.0.0.1:0", move |mut stream, number| {
        let sent = Arc::clone(&sent);
        async move {
            let mut link = String::new();
            if number > 0 {
                later(Duration::from_secs(50)).await;
                sent.fetch_add(1, Ordering::Relaxed);
                link = format!("link: <?last={number}>; rel=next\r\n");
            }
            let body = format!(r#"{{"tags":["{number}"]}}"#);
            let length = body.len();
            let answer =
                format!("HTTP/1.1 200 OK\r\nconnection: close\r\n{link}content-length: {length}\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    })
    .await;
    let settings = ClientSettings {
        system_proxy: false,
        read_timeout: Duration::from_mins(10),
        total_timeout: Duration::from_mins(10),
        ..ClientSettings::default()
    };
    let registries = registries_with(&server.url, "", settings);
    let error = registries.session().tags(&repo(&registries, "team/app", None)).await;
    let error = error.unwrap_err();
    assert!(matches!(error, RegistryError::ListIncomplete { .. }), "{error}");
    assert!(error.to_string().contains("within 180 s"), "{error}");
    assert_eq!(pages.load(Ordering::Relaxed), 4);
}
