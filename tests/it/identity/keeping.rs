//! How long a login is kept, who shares it, and who may have it.

use std::time::Duration;

use argocd_image_updater::{
    core::resolve::credential_ref::Vendor,
    identity::{Identities, IdentityError, Login, Trust},
    secret::Secret,
};

use super::{
    identities,
    stand_in::{Reply, StandIn, reply},
};

const REGISTRY: &str = "https://gcr.io";

fn numbered(number: usize) -> Reply {
    reply(200, format!(r#"{{"access_token":"token-{number}","expires_in":3600}}"#))
}

async fn google() -> (StandIn, Identities) {
    started(numbered).await
}

async fn started(script: impl Fn(usize) -> Reply + Send + Sync + 'static) -> (StandIn, Identities) {
    let server = StandIn::start(move |_, number| script(number)).await;
    let host = server.host().to_owned();
    (server, identities(&[("GCE_METADATA_HOST", &host)]))
}

async fn login(identities: &Identities, refused: Option<&str>) -> Result<Login, IdentityError> {
    let refused = refused.map(Secret::new);
    identities
        .login(Vendor::Gcp, REGISTRY, Trust::OwnHosts, refused.as_ref())
        .await
}

async fn password(identities: &Identities, refused: Option<&str>) -> String {
    let login = login(identities, refused).await.expect("a login");
    login.password.expose().to_owned()
}

/// Moves the clock; nothing waits meanwhile.
async fn later(by: Duration) {
    tokio::time::pause();
    tokio::time::advance(by).await;
    tokio::time::resume();
}

#[tokio::test]
async fn many_askers_share_one_exchange() {
    let (server, identities) = google().await;
    let askers = (0..50).map(|_| password(&identities, None));
    let passwords = futures::future::join_all(askers).await;
    assert!(passwords.iter().all(|password| password == "token-0"), "{passwords:?}");
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_login_is_replaced_five_minutes_before_its_end_and_keeps_its_source() {
    let (_server, identities) = google().await;
    let first = login(&identities, None).await.unwrap();
    later(Duration::from_mins(54)).await;
    assert_eq!(login(&identities, None).await.unwrap(), first);
    later(Duration::from_mins(2)).await;
    let second = login(&identities, None).await.unwrap();
    assert_eq!(second.password.expose(), "token-1");
    assert_eq!(second.source, first.source);
}

#[tokio::test]
async fn a_password_that_was_refused_is_replaced_once_for_all() {
    let (server, identities) = google().await;
    assert_eq!(password(&identities, None).await, "token-0");
    for _ in 0..5 {
        assert_eq!(password(&identities, Some("token-0")).await, "token-1");
    }
    assert_eq!(password(&identities, None).await, "token-1");
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test]
async fn a_failure_is_remembered_for_a_moment() {
    let (server, identities) = started(|number| if number == 0 { reply(503, "") } else { numbered(number) }).await;
    for _ in 0..300 {
        assert!(login(&identities, None).await.is_err());
    }
    assert_eq!(server.asked().len(), 1);
    later(Duration::from_secs(31)).await;
    assert_eq!(password(&identities, None).await, "token-1");
}

#[tokio::test]
async fn hosts_of_others_get_nothing_and_nothing_is_asked_for_them() {
    let (server, identities) = google().await;
    for host in [
        "https://evilgcr.io",
        "https://gcr.io.evil.test",
        "https://evil.test/gcr.io",
        "https://gcr.io:8443",
        "http://gcr.io",
        "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        "not a url",
    ] {
        let login = identities.login(Vendor::Gcp, host, Trust::OwnHosts, None).await;
        assert!(matches!(login, Err(IdentityError::ForeignHost { .. })), "{host}");
    }
    assert_eq!(server.asked().len(), 0);
    let named = identities
        .login(Vendor::Gcp, "https://images.example.com", Trust::AnyHost, None)
        .await;
    assert_eq!(named.unwrap().password.expose(), "token-0");
}

#[tokio::test]
async fn an_answer_without_end_or_sense_is_an_error() {
    for body in ["x".repeat(1 << 20), String::new(), "{}".to_owned(), "[".repeat(200_000)] {
        let (_server, identities) = started(move |_| reply(200, body.clone())).await;
        assert!(login(&identities, None).await.is_err());
    }
}
