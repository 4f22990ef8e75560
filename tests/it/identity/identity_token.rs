//! Identity tokens: the OAuth2 part of the distribution project's token authentication.

use std::sync::Arc;

use argocd_image_updater::{
    core::{image::ImageRef, registries::RegistriesConf},
    registry::{Credentials, Options, Registries, RegistryError, RepoKey},
    secret::Secret,
};

use super::stand_in::{Asked, Reply, StandIn, reply, with};

/// A registry whose token server is on the same host; `token` answers there.
async fn registry(token: impl Fn(&Asked, usize) -> Reply + Send + Sync + 'static) -> StandIn {
    StandIn::start(move |asked, before| {
        if asked.target.starts_with("/token") {
            return token(asked, before);
        }
        if asked.header("authorization").starts_with("Bearer access") {
            return reply(200, r#"{"name":"a","tags":["1"]}"#);
        }
        let realm = format!(
            r#"Bearer realm="http://{}/token",service="registry.test""#,
            asked.header("host")
        );
        with(reply(401, ""), "www-authenticate", &realm)
    })
    .await
}

fn registries(server: &StandIn) -> Registries {
    let conf = format!(
        "registries:\n- {{ name: test, prefix: r.test, api_url: '{}' }}\n",
        server.url
    );
    Registries::new(
        Arc::new(RegistriesConf::parse(&conf).expect("a file")),
        Options::default(),
    )
}

async fn tags(registries: &Registries, name: &str, credentials: Credentials) -> Result<(), RegistryError> {
    let image = ImageRef::parse(&format!("r.test/{name}")).expect("a reference");
    let profile = registries.lookup(&image);
    let repo = RepoKey {
        repository: profile.repository(&image),
        profile,
        credentials: Some(Arc::new(credentials)),
    };
    registries.session().tags(&repo).await.map(|_| ())
}

fn identity_token() -> Credentials {
    Credentials::with_identity_token("bob", Secret::new("refresh-0"))
}

fn forms(server: &StandIn) -> Vec<std::collections::BTreeMap<String, String>> {
    let asked = server.asked();
    let tokens = asked.iter().filter(|asked| asked.target.starts_with("/token"));
    tokens.map(Asked::form).collect()
}

#[tokio::test]
async fn an_identity_token_is_posted_to_the_token_server_and_goes_nowhere_else() {
    for credentials in [identity_token(), Credentials::new("<token>", Secret::new("refresh-0"))] {
        let server = registry(|_, _| reply(200, r#"{"access_token":"access"}"#)).await;
        tags(&registries(&server), "team/app", credentials).await.unwrap();
        let forms = forms(&server);
        assert_eq!(forms.len(), 1);
        for (name, value) in [
            ("grant_type", "refresh_token"),
            ("service", "registry.test"),
            ("client_id", "argocd-image-updater"),
            ("scope", "repository:team/app:pull"),
            ("refresh_token", "refresh-0"),
        ] {
            assert_eq!(forms[0][name], value, "{name}");
        }
        for asked in server.asked() {
            let kept = asked.method == "POST" && asked.target == "/token";
            assert!(kept || !format!("{asked:?}").contains("refresh-0"), "{asked:?}");
            assert!(!asked.header("authorization").starts_with("Basic"), "{asked:?}");
        }
    }
}

#[tokio::test]
async fn a_rotated_token_is_used_from_then_on() {
    let server = registry(|asked, _| {
        let number: usize = asked.form()["refresh_token"]
            .strip_prefix("refresh-")
            .unwrap()
            .parse()
            .unwrap();
        reply(
            200,
            format!(
                r#"{{"access_token":"access","refresh_token":"refresh-{}"}}"#,
                number + 1
            ),
        )
    })
    .await;
    let registries = registries(&server);
    // Each repository needs a token of its own; the server takes each refresh token once.
    let askers = ["a/a", "a/b", "a/c", "a/d"].map(|name| tags(&registries, name, identity_token()));
    for asked in futures::future::join_all(askers).await {
        asked.unwrap();
    }
    let mut sent: Vec<_> = forms(&server)
        .into_iter()
        .map(|form| form["refresh_token"].clone())
        .collect();
    sent.sort();
    assert_eq!(sent, ["refresh-0", "refresh-1", "refresh-2", "refresh-3"]);
}

#[tokio::test]
async fn a_rotated_token_that_is_refused_gives_way_to_the_configured_one() {
    let server = registry(|asked, _| match asked.form()["refresh_token"].as_str() {
        "refresh-0" => reply(200, r#"{"access_token":"access","refresh_token":"refresh-1"}"#),
        _ => reply(400, r#"{"error":"invalid_grant"}"#),
    })
    .await;
    let registries = registries(&server);
    tags(&registries, "a/a", identity_token()).await.unwrap();
    assert!(tags(&registries, "a/b", identity_token()).await.is_err());
    tags(&registries, "a/b", identity_token()).await.unwrap();
}

#[tokio::test]
async fn refusals_are_told_without_the_token() {
    for (status, part) in [
        (401, "401"),
        (404, "configure user and password"),
        (405, "configure user and password"),
    ] {
        let server = registry(move |_, _| {
            reply(
                status,
                r#"{"errors":[{"code":"UNAUTHORIZED","message":"not refresh-0"}]}"#,
            )
        })
        .await;
        let error = tags(&registries(&server), "a/a", identity_token()).await.unwrap_err();
        assert!(matches!(error, RegistryError::Unauthorized { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains(part) && text.contains("identity token"), "{text}");
        assert!(!text.contains("refresh-0"), "{text}");
    }
}

#[tokio::test]
async fn a_registry_that_wants_user_and_password_is_told_from_one_with_a_token_server() {
    let server = StandIn::start(|_, _| with(reply(401, ""), "www-authenticate", r#"Basic realm="r""#)).await;
    let error = tags(&registries(&server), "a/a", identity_token())
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("identity token") && error.contains("configure user and password"),
        "{error}"
    );
    assert!(
        server
            .asked()
            .iter()
            .all(|asked| asked.header("authorization").is_empty())
    );
}

#[tokio::test]
async fn a_redirect_does_not_take_the_token_to_another_place() {
    for status in [301, 302, 303, 307, 308] {
        let thief = StandIn::start(|_, _| reply(200, r#"{"access_token":"access"}"#)).await;
        let elsewhere = format!("{}/token", thief.url);
        let server = registry(move |_, _| with(reply(status, ""), "location", &elsewhere)).await;
        let asked = tags(&registries(&server), "a/a", identity_token()).await;
        assert!(asked.is_err(), "{status}");
        assert!(thief.asked().is_empty(), "{status}");
    }
}
