//! Where redirects lead, and what they take along.

use super::{
    server::{Served, closed_port, header, ok, plain, redirect, target},
    *,
};

const SECRETS: [&str; 4] = ["authorization", "cookie", "x-token", "proxy-authorization"];

/// Asks with everything that must stay with the first server, and with what may go along.
async fn ask(url: &str) -> Result<reqwest::Response, RequestError> {
    let mut request = client(&settings()).unwrap().get(url);
    for name in SECRETS {
        request = request.header(name, "hunter2");
    }
    request
        .header("accept", "a/b")
        .header("if-none-match", "\"e\"")
        .send()
        .await
}

fn secrets(head: &str) -> Vec<&str> {
    SECRETS
        .into_iter()
        .filter(|name| header(head, name).is_some())
        .collect()
}

#[tokio::test]
async fn only_what_is_asked_for_goes_to_another_origin() {
    let storage = plain(|_| ok("blob"));
    let to = format!("{}/blob?signature=abc", storage.url);
    let registry = plain(move |_| redirect(&to));
    let response = ask(&registry.url).await.unwrap();
    assert_eq!(response.text().await.unwrap(), "blob");
    assert_eq!(secrets(&registry.seen()[0]), SECRETS);
    let seen = storage.seen();
    assert_eq!(secrets(&seen[0]), Vec::<&str>::new(), "{seen:?}");
    assert_eq!(target(&seen[0]), "/blob?signature=abc");
    assert_eq!(header(&seen[0], "accept"), Some("a/b"));
    assert_eq!(header(&seen[0], "if-none-match"), Some("\"e\""));
    assert_eq!(header(&seen[0], "user-agent"), Some(USER_AGENT));
}

#[tokio::test]
async fn what_was_dropped_does_not_come_back_when_the_other_server_sends_it_on() {
    let storage = plain(|head| {
        if target(head) == "/a" {
            redirect("/b")
        } else {
            ok("blob")
        }
    });
    let to = format!("{}/a", storage.url);
    let registry = plain(move |_| redirect(&to));
    ask(&registry.url).await.unwrap();
    let seen = storage.seen();
    assert_eq!(seen.iter().map(|head| target(head)).collect::<Vec<_>>(), ["/a", "/b"]);
    for head in &seen {
        assert_eq!(secrets(head), Vec::<&str>::new(), "{head}");
    }
}

#[tokio::test]
async fn what_was_dropped_does_not_come_back_on_the_way_home() {
    let (tell, told) = std::sync::mpsc::channel::<String>();
    let storage = {
        let home = std::sync::Mutex::new(told);
        plain(move |_| redirect(&format!("{}/end", home.lock().unwrap().recv().unwrap())))
    };
    let to = storage.url.clone();
    let registry = plain(move |head| if target(head) == "/end" { ok("") } else { redirect(&to) });
    tell.send(registry.url.clone()).unwrap();
    ask(&registry.url).await.unwrap();
    let seen = registry.seen();
    assert_eq!(secrets(&seen[0]), SECRETS);
    assert_eq!(secrets(&seen[1]), Vec::<&str>::new());
}

#[tokio::test]
async fn within_one_origin_everything_goes_along() {
    let registry = plain(|head| {
        if target(head) == "/" {
            redirect("/other")
        } else {
            ok("")
        }
    });
    ask(&registry.url).await.unwrap();
    assert_eq!(secrets(&registry.seen()[1]), SECRETS);
}

#[tokio::test]
async fn ten_redirects_are_followed_and_no_more() {
    for (limit, fine) in [(10, true), (11, false)] {
        let server = plain(move |head| {
            let count: usize = target(head).trim_start_matches('/').parse().unwrap_or(0);
            if count == limit {
                ok("end")
            } else {
                redirect(&format!("/{}", count + 1))
            }
        });
        let answer = get(&settings(), &server.url).await;
        let expected = if fine {
            Ok("end".to_owned())
        } else {
            Err(RequestError::TooManyRedirects)
        };
        assert_eq!(answer, expected, "{limit}");
    }
}

#[tokio::test]
async fn a_place_that_must_not_be_asked_is_not_asked_after_a_redirect_either() {
    for (to, expected) in [
        (
            "http://169.254.169.254/latest/meta-data/",
            "169.254.169.254 is a link-local address",
        ),
        ("http://[::ffff:a9fe:a9fe]/", "is a link-local address"),
        ("http://metadata.google.internal/", "the metadata service of a cloud"),
        ("ftp://127.0.0.1/", "no http or https URL"),
        ("http://[", "no http or https URL"),
    ] {
        let server = plain(move |_| redirect(to));
        let error = get(&settings(), &server.url).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{to}: {error}");
    }
}

#[tokio::test]
async fn a_signed_url_is_in_no_error() {
    let port = closed_port();
    let server = plain(move |_| redirect(&format!("http://127.0.0.1:{port}/blob?signature=hunter2")));
    let error = get(&settings(), &server.url).await.unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(shown.contains("127.0.0.1") && !shown.contains("hunter2"), "{shown}");
    assert!(!error.is_connect(), "the server that redirects is well");
}

#[tokio::test]
async fn a_user_in_a_location_is_not_told() {
    let storage = plain(|_| ok(""));
    let to = storage.url.replace("http://", "http://eve:hunter2@");
    let server = plain(move |_| redirect(&to));
    get(&settings(), &server.url).await.unwrap();
    assert_eq!(header(&storage.seen()[0], "authorization"), None);
}

#[tokio::test]
async fn what_is_posted_stays_with_the_server_that_it_is_for() {
    let other = plain(|_| ok(""));
    let to = other.url.clone();
    let server = plain(move |_| redirect(&to));
    let request = client(&settings()).unwrap().post(server.url.as_str());
    let response = form(request, &[("refresh_token", "hunter2")]).send().await.unwrap();
    assert_eq!(response.status(), 307);
    assert_eq!(other.seen(), Vec::<String>::new());
    let head = &server.seen()[0];
    assert_eq!(header(head, "content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(header(head, "content-length"), Some("21"));
}

#[tokio::test]
async fn who_may_ask_metadata_services_is_not_sent_on() {
    let other = plain(|_| ok(""));
    let to = other.url.clone();
    let server: Served = plain(move |_| redirect(&to));
    let settings = ClientSettings {
        egress: Egress::Metadata,
        ..settings()
    };
    let request = client(&settings).unwrap().get(server.url);
    assert_eq!(request.send().await.unwrap().status(), 307);
    assert_eq!(other.seen(), Vec::<String>::new());
}
