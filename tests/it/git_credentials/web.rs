//! Over https and http.

use argocd_image_updater::git::GitError;

use super::{Desk, secret};
use crate::support::{
    git_server::GitServer,
    proxies::{self, Kind, Proxy},
    tls_front::TlsFront,
};

const TOKEN: &str = "t0ken-8c1f2b7a9e";

async fn server() -> GitServer {
    let server = GitServer::start().await;
    server.create_repo("acme/deploy", &[("a.txt", "given\n")]);
    server
}

fn url_of(front: &TlsFront) -> String {
    format!("https://{}/acme/deploy.git", front.address())
}

/// A desk that trusts the front's CA.
fn trusting(front: &TlsFront) -> Desk {
    let mut desk = Desk::new();
    let folder = desk.folder.path().join("tls");
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::write(folder.join("127.0.0.1"), &front.ca).expect("a file");
    desk.options.transport.tls_dirs = vec![folder];
    desk
}

#[tokio::test]
async fn a_token_as_user_or_password_is_in_no_argument_list_and_no_file() {
    let server = server().await;
    let url = server.url("acme/deploy");
    for (username, password) in [("bot", TOKEN), (TOKEN, "x-oauth-basic-9d3"), ("", TOKEN)] {
        let given = if username.is_empty() {
            "x-access-token"
        } else {
            username
        };
        server.require_password(given, password);
        let desk = Desk::new();
        let credentials = secret(&[("username", username), ("password", password)], &url);
        let text = desk.visit(&url, &credentials).await.expect("the server takes it");
        assert!(text.contains("given") || text.contains("changed"), "{text}");
        let record = desk.record();
        assert!(record.contains("credential get"), "{record}");
        assert!(record.contains("git-remote-http"), "{record}");
        for secret in [TOKEN, password] {
            assert!(!record.contains(secret), "{record}");
        }
        server.commit_as_other("acme/deploy", "main", "a.txt", "given\n");
    }
}

#[tokio::test]
async fn a_refused_user_is_told_without_the_token() {
    let server = server().await;
    let url = server.url("acme/deploy");
    server.require_password("somebody", "else");
    let desk = Desk::new();
    let error = desk
        .failure(&url, &secret(&[("username", TOKEN), ("password", "pw-51ac")], &url))
        .await;
    assert!(matches!(error, GitError::Unauthorized { .. }), "{error:?}");
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains(TOKEN) && !shown.contains("pw-51ac"), "{shown}");
}

#[tokio::test]
async fn a_bearer_token_and_a_forced_password_come_with_the_first_request() {
    for (fields, wanted) in [
        (vec![("bearerToken", TOKEN)], format!("Bearer {TOKEN}")),
        (
            vec![
                ("username", "bot"),
                ("password", "pw-51ac"),
                ("forceHttpBasicAuth", "true"),
            ],
            // `bot:pw-51ac`, RFC 7617.
            "Basic Ym90OnB3LTUxYWM=".to_owned(),
        ),
    ] {
        let server = server().await;
        server.require_authorization(&wanted);
        let url = server.url("acme/deploy");
        let desk = Desk::new();
        let credentials = secret(&fields, &url);
        desk.visit(&url, &credentials).await.expect("the server takes it");
        let requests = server.requests();
        assert_eq!(requests.all, requests.authorized, "{requests:?}");
        assert!(!desk.record().contains(&wanted), "{}", desk.record());
    }
}

#[tokio::test]
async fn what_is_sent_unasked_does_not_follow_a_redirect() {
    let (front, behind) = (server().await, server().await);
    front.redirect_to(&behind);
    let url = front.url("acme/deploy");
    for fields in [
        vec![("bearerToken", TOKEN)],
        vec![("username", "bot"), ("password", "pw"), ("forceHttpBasicAuth", "true")],
    ] {
        let error = Desk::new().failure(&url, &secret(&fields, &url)).await;
        assert!(matches!(error, GitError::Redirects { .. }), "{error:?}");
    }
    assert_eq!(behind.requests().all, 0);
}

#[tokio::test]
async fn a_password_is_not_given_to_the_server_behind_a_redirect() {
    let (front, behind) = (server().await, server().await);
    front.redirect_to(&behind);
    behind.require_password("bot", TOKEN);
    let url = front.url("acme/deploy");
    let credentials = secret(&[("username", "bot"), ("password", TOKEN)], &url);
    let error = Desk::new().failure(&url, &credentials).await;
    assert!(matches!(error, GitError::Unauthorized { .. }), "{error:?}");
    let requests = behind.requests();
    assert!(requests.all > 0 && requests.authorized == 0, "{requests:?}");
}

#[tokio::test]
async fn a_client_certificate_is_shown_from_memory() {
    let server = server().await;
    let front = TlsFront::start(server.address(), true).await;
    let (url, desk) = (url_of(&front), trusting(&front));
    let fields = [
        ("tlsClientCertData", front.client_certificate.as_str()),
        ("tlsClientCertKey", front.client_key.as_str()),
    ];
    desk.visit(&url, &secret(&fields, &url))
        .await
        .expect("the certificate is taken");
    let error = desk.failure(&url, &secret(&[("password", TOKEN)], &url)).await;
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains(TOKEN) && server.pushes() == 1, "{shown}");
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_refused_unless_it_is_said_otherwise() {
    let server = server().await;
    let front = TlsFront::start(server.address(), false).await;
    let (url, desk) = (url_of(&front), Desk::new());
    let error = desk.failure(&url, &secret(&[("password", TOKEN)], &url)).await;
    assert!(matches!(error, GitError::Certificate { .. }), "{error:?}");
    assert!(error.to_string().contains("\"127.0.0.1\""), "{error}");
    let insecure = secret(&[("password", TOKEN), ("insecure", "true")], &url);
    desk.visit(&url, &insecure).await.expect("nothing is checked");
    let trusted = secret(&[("password", TOKEN)], &url);
    server.commit_as_other("acme/deploy", "main", "a.txt", "given\n");
    trusting(&front).visit(&url, &trusted).await.expect("the CA is known");
}

#[tokio::test]
async fn https_goes_through_the_proxy_of_the_repository() {
    for kind in [Kind::Http, Kind::Socks5] {
        let server = server().await;
        let front = TlsFront::start(server.address(), false).await;
        let proxy = Proxy::start(kind).await;
        // A name that only the proxy knows.
        let url = format!("https://git.invalid:{}/acme/deploy.git", front.address().port());
        let desk = Desk::new();
        let address = proxy.url();
        let fields = [("password", TOKEN), ("proxy", &address), ("insecure", "true")];
        desk.visit(&url, &secret(&fields, &url))
            .await
            .expect("the proxy knows the way");
        let asked = proxy.asked();
        let wanted = format!("git.invalid:{}", front.address().port());
        assert!(
            !asked.is_empty() && asked.iter().all(|target| *target == wanted),
            "{kind:?} {asked:?}"
        );
    }
}

#[tokio::test]
async fn hosts_of_the_list_are_reached_without_the_proxy() {
    let server = server().await;
    let proxy = Proxy::start(Kind::Http).await;
    let url = server.url("acme/deploy");
    let address = proxy.url();
    let fields = [("password", TOKEN), ("proxy", &address), ("noProxy", "127.0.0.0/8")];
    Desk::new()
        .visit(&url, &secret(&fields, &url))
        .await
        .expect("it is not needed");
    assert_eq!(proxy.asked(), [""; 0]);
}

#[tokio::test]
async fn a_proxy_that_refuses_is_told_without_its_password() {
    for kind in [Kind::Http, Kind::Socks5] {
        let proxy = Proxy::start(kind).await;
        let address = proxy.url_with("wr0ng-7f");
        let url = "https://git.invalid/acme/deploy.git";
        let fields = [("password", TOKEN), ("proxy", &address)];
        let error = Desk::new().failure(url, &secret(&fields, url)).await;
        let shown = format!("{error} {error:?}");
        assert!(
            !shown.contains("wr0ng-7f") && !shown.contains(proxies::PASSWORD),
            "{shown}"
        );
        assert_eq!(proxy.asked(), [""; 0]);
    }
}

#[tokio::test]
async fn a_proxy_at_the_metadata_service_is_never_asked() {
    let url = "https://git.invalid/acme/deploy.git";
    let fields = [("password", TOKEN), ("proxy", "http://169.254.169.254:80")];
    let error = Desk::new().failure(url, &secret(&fields, url)).await;
    assert!(matches!(error, GitError::Refused { .. }), "{error:?}");
}
