//! Servers that do not speak HTTP as they should, or not to their end.

use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpStream},
};

use super::{
    server::{Raw, Server, status, with},
    *,
};
use crate::core::verdict::Reason;

async fn tags_at(url: &str) -> Result<Vec<String>, RegistryError> {
    let registries = registries(url, "");
    let list = registries.session().tags(&repo(&registries, "team/app", None)).await?;
    Ok(list.tags.iter().map(ToString::to_string).collect())
}

/// Says `text` to everybody and hangs up.
async fn saying(text: impl Into<Vec<u8>>) -> Raw {
    let text: Arc<Vec<u8>> = Arc::new(text.into());
    Raw::start("127.0.0.1:0", move |mut stream, _| {
        let text = Arc::clone(&text);
        async move {
            // The client may have heard enough.
            let _ = stream.write_all(&text).await;
        }
    })
    .await
}

fn answer(body: &str, length: usize) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

#[tokio::test]
async fn what_is_not_http_is_no_registry() {
    for text in [
        "",
        "\0\0\0\0",
        "SSH-2.0-OpenSSH_9.7\r\n",
        "220 mail.example.com ESMTP\r\n",
        "<html>hello</html>",
        "HTTP/0.9 200 OK\r\n\r\n",
        "HTTP/1.1 banana\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        "\x15\x03\x01\0\x02\x02\x46",
    ] {
        let server = saying(text).await;
        let first = tags_at(&server.url).await.unwrap_err();
        assert_eq!(first.verdict().reason, Reason::RegistryUnavailable, "{text:?}: {first}");
        assert_eq!(
            first,
            tags_at(&server.url).await.unwrap_err(),
            "the text stays the same"
        );
    }
}

#[tokio::test]
async fn http_1_0_without_a_length_is_read_to_its_end() {
    let server = saying("HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{\"tags\":[\"1\"]}").await;
    assert_eq!(tags_at(&server.url).await.unwrap(), ["1"]);
}

#[tokio::test]
async fn a_list_that_is_cut_off_in_its_body_is_incomplete_and_never_a_shorter_list() {
    let whole = r#"{"tags":["1","2"]}"#;
    let longer = whole.len() + 10;
    let server = Raw::start("127.0.0.1:0", move |mut stream, number| async move {
        let text = if number == 0 {
            answer("{}", 2)
        } else {
            answer(whole, longer)
        };
        let _ = stream.write_all(text.as_bytes()).await;
    })
    .await;
    let error = tags_at(&server.url).await.unwrap_err();
    assert_eq!(error.verdict().reason, Reason::ListIncomplete, "{error}");
    assert!(error.to_string().contains("it broke off"), "{error}");
}

#[tokio::test]
async fn endless_headers_are_not_read_to_their_end() {
    let sent = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    let server = Raw::start("127.0.0.1:0", move |mut stream, _| {
        let count = Arc::clone(&count);
        async move {
            let line = format!("x-more: {}\r\n", "x".repeat(8000));
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
            // 100 MB, if somebody reads them.
            for _ in 0..12_500 {
                if stream.write_all(line.as_bytes()).await.is_err() {
                    return;
                }
                count.fetch_add(line.len(), std::sync::atomic::Ordering::SeqCst);
            }
        }
    })
    .await;
    let error = tags_at(&server.url).await.unwrap_err();
    assert_eq!(error.verdict().reason, Reason::RegistryUnavailable, "{error}");
    // What lies in the buffers of the system was sent, too.
    let sent = sent.load(std::sync::atomic::Ordering::SeqCst);
    assert!(sent < 20 << 20, "{sent}");
}

#[tokio::test]
async fn a_slow_drip_is_ended_by_the_time_of_the_whole_request() {
    let server = Raw::start("127.0.0.1:0", |mut stream, number| async move {
        if number == 0 {
            let _ = stream.write_all(answer("{}", 2).as_bytes()).await;
            return;
        }
        let _ = stream.write_all(answer("{\"tags\":[", 1_000_000).as_bytes()).await;
        // Never silent for as long as a silence may be.
        while stream.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let yaml = format!(
        "registries:\n- name: test\n  api_url: {}\n  prefix: r.test\n",
        server.url
    );
    let options = Options {
        ca_folders: Vec::new(),
        http: ClientSettings {
            system_proxy: false,
            read_timeout: Duration::from_secs(10),
            total_timeout: Duration::from_millis(300),
            ..ClientSettings::default()
        },
        ..Options::default()
    };
    let registries = Registries::new(Arc::new(RegistriesConf::parse(&yaml).unwrap()), options);
    let session = registries.session();
    for i in 0..10 {
        let error = session
            .tags(&repo(&registries, &format!("r{i}"), None))
            .await
            .unwrap_err();
        let expected = if i < 3 {
            Reason::ListIncomplete
        } else {
            Reason::RegistryUnavailable
        };
        assert_eq!(error.verdict().reason, expected, "{error}");
        assert!(error.to_string().contains("did not come to its end in time"), "{error}");
    }
    assert_eq!(
        registries.requests()[0].tags,
        3,
        "it is given up like one that does not answer"
    );
}

#[tokio::test]
async fn a_registry_at_an_ipv6_address_is_asked() {
    let server = Raw::start("[::1]:0", |mut stream, _| async move {
        let body = r#"{"tags":["1"]}"#;
        let _ = stream.write_all(answer(body, body.len()).as_bytes()).await;
    })
    .await;
    assert!(server.url.starts_with("http://[::1]:"), "{}", server.url);
    assert_eq!(tags_at(&server.url).await.unwrap(), ["1"]);
    let image = format!("{}/team/app:1", server.url.trim_start_matches("http://"));
    let image = ImageRef::parse(&image).unwrap();
    let yaml = format!(
        "registries:\n- {{ name: six, api_url: '{}', prefix: '{}' }}\n",
        server.url, image.registry
    );
    let registries = Registries::new(Arc::new(RegistriesConf::parse(&yaml).unwrap()), Options::default());
    assert_eq!(registries.lookup(&image).name, "six");
}

#[tokio::test]
async fn a_token_server_that_is_down_slow_or_broken_is_named_and_given_up() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let down = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let (slow, garbage) = (Raw::silent().await, saying("220 mail.example.com ESMTP\r\n").await);
    let broken = saying("HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n").await;
    for (realm, part, tokens) in [
        (&down, "its token server: ", 3),
        (&slow.url, "its token server does not answer in time", 3),
        (&garbage.url, "its token server: ", 5),
        (&broken.url, "the token server answers 500", 5),
    ] {
        let challenge = format!("Bearer realm=\"{realm}/token\"");
        let server = Server::start(move |_, _| with(status(401), "www-authenticate", &challenge)).await;
        let registries = registries(&server.url, "");
        let session = registries.session();
        for i in 0..5 {
            let error = session
                .tags(&repo(&registries, &format!("r{i}"), Some(("bob", "s3cret"))))
                .await
                .unwrap_err();
            assert_eq!(error.verdict().reason, Reason::RegistryUnavailable, "{error}");
            assert!(error.to_string().contains(part), "{error}");
        }
        assert_eq!(registries.requests()[0].token, tokens, "{part}");
    }
}

#[tokio::test]
async fn a_proxy_that_is_down_is_an_error_without_its_password() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    assert!(TcpStream::connect(address).await.is_err());
    for api_url in ["http://r.test", "https://r.test"] {
        let yaml = format!("registries:\n- name: test\n  api_url: {api_url}\n  prefix: r.test\n");
        let options = Options {
            ca_folders: Vec::new(),
            http: ClientSettings {
                proxy: Some(Secret::new(format!("http://bob:pr0xypw@{address}"))),
                ..ClientSettings::default()
            },
            ..Options::default()
        };
        let registries = Registries::new(Arc::new(RegistriesConf::parse(&yaml).unwrap()), options);
        let error = registries
            .session()
            .tags(&repo(&registries, "a", None))
            .await
            .unwrap_err();
        assert_eq!(error.verdict().reason, Reason::RegistryUnavailable, "{error}");
        assert!(!format!("{error} {error:?}").contains("pr0xypw"), "{error}");
    }
}
