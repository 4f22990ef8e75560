//! Azure Container Registry: "Azure Container Registry authentication" and its REST reference "Access Tokens, Get From
//! Login" (`/oauth2/token`; a refresh token as the password of a user of zeros), "Create a token with repository-scoped
//! permissions" (listing tags wants `metadata/read`) and "Dedicated data endpoints" (where blobs are).

use std::collections::BTreeMap;

use argocd_image_updater::registry::RegistryError;

use super::{learn, list, registries, releases, repository_at, size, token};
use crate::support::scripted_registry::{Asked, Internet, Reply, error, json, status, typed, unauthorized, with};

const ACR: &str = "https://acme.azurecr.io";
const DATA: &str = "https://acme.westeurope.data.azurecr.io";
const ZEROS: &str = "00000000-0000-0000-0000-000000000000";

/// "Get access token from refresh token": a form, and nothing in the query or in `Authorization`.
fn post(asked: &Asked) -> Reply {
    let form: BTreeMap<_, _> = url::form_urlencoded::parse(asked.body.as_bytes())
        .into_owned()
        .collect();
    let is = |key: &str, value: &str| form.get(key).is_some_and(|given| given == value);
    let asks = is("grant_type", "refresh_token") && is("service", "acme.azurecr.io") && asked.query.is_empty();
    if !asks || !is("scope", "repository:team/api:pull,metadata_read,content_read") || asked.login() != "-" {
        return error(400, "INVALID", "not a form for a token");
    }
    if is("refresh_token", "refresh-token") {
        json(200, &serde_json::json!({ "access_token": "pull-and-metadata" }))
    } else {
        error(
            401,
            "UNAUTHORIZED",
            "authentication required, visit https://aka.ms/acr/authorization",
        )
    }
}

async fn acr() -> Internet {
    let net = Internet::start().await;
    let shelf = releases(1500);
    let blobs = shelf.clone();
    net.host(ACR, move |asked| {
        let scope = asked.parameter("scope").unwrap_or_default();
        let actions: Vec<_> = scope.trim_start_matches("repository:team/api:").split(',').collect();
        match asked.path.as_str() {
            "/oauth2/token" if asked.method == "POST" => post(asked),
            "/oauth2/token" if asked.parameter("service").as_deref() != Some("acme.azurecr.io") => status(400),
            "/oauth2/token" if !asked.is_basic(ZEROS, "refresh-token") => {
                error(401, "UNAUTHORIZED", "authentication required, visit https://aka.ms/acr/authorization")
            }
            "/oauth2/token" if actions.contains(&"metadata_read") => token("pull-and-metadata"),
            "/oauth2/token" => token("pull"),
            _ if asked.login() != "Bearer" => {
                unauthorized(&format!(r#"Bearer realm="{ACR}/oauth2/token",service="acme.azurecr.io""#))
            }
            // A token without `metadata_read` pulls, but does not list.
            path if path.ends_with("/tags/list") && asked.authorization != "Bearer pull-and-metadata" => {
                let challenge = format!(
                    r#"Bearer realm="{ACR}/oauth2/token",service="acme.azurecr.io",scope="repository:team/api:metadata_read",error="insufficient_scope""#
                );
                unauthorized(&challenge)
            }
            path => match path.strip_prefix("/v2/team/api/blobs/") {
                Some(digest) => with(status(307), "location", &format!("{DATA}/{digest}?sig=x")),
                None => repository_at(asked, "/v2/team/api", &shelf, || {
                    let link = |last: &str, n| format!("/v2/team/api/tags/list?last={last}&n={n}&orderby=");
                    list(asked, &shelf.sorted(), size(asked, 100, 1000), link)
                }),
            },
        }
    });
    net.host(DATA, move |asked| {
        let blob = blobs.bytes(asked.path.trim_start_matches('/'));
        blob.map_or_else(
            || status(404),
            |(_, bytes)| typed(200, "application/octet-stream", bytes.clone()),
        )
    });
    net
}

#[tokio::test]
async fn a_refresh_token_reads_all_tags_since_metadata_read_is_asked_for() {
    // #1502
    let net = acr().await;
    let registries = registries(&net, "");

    let user = Some((ZEROS, "refresh-token"));
    let learned = learn(&registries, "acme.azurecr.io/team/api", user, &["v1.1499", "v1.3"])
        .await
        .expect("may");

    assert_eq!(learned.tags, releases(1500).sorted());
    assert_eq!(learned.newest, "v1.1499");
    assert_eq!(
        net.logins(),
        [
            format!("{ACR} -"),
            format!("{ACR} Basic"),
            format!("{ACR} Bearer"),
            format!("{DATA} -")
        ]
    );
    let scopes: Vec<_> = net.asked().iter().filter_map(|a| a.parameter("scope")).collect();
    assert_eq!(
        scopes,
        ["repository:team/api:pull,metadata_read,content_read"],
        "one token is enough"
    );
}

#[tokio::test]
async fn a_refresh_token_that_expired_is_unauthorized() {
    let net = acr().await;
    let registries = registries(&net, "");

    let user = Some((ZEROS, "expired-token"));
    let error = learn(&registries, "acme.azurecr.io/team/api", user, &[])
        .await
        .unwrap_err();

    assert!(matches!(error, RegistryError::Unauthorized { .. }), "{error}");
    assert!(!error.to_string().contains("expired-token"), "{error}");
}

#[tokio::test]
async fn an_identity_token_is_posted_and_never_sent_as_a_password() {
    let net = acr().await;
    let registries = registries(&net, "");

    // As Docker's credential helpers name the user of an identity token.
    let user = Some(("<token>", "refresh-token"));
    let learned = learn(&registries, "acme.azurecr.io/team/api", user, &["v1.1499"])
        .await
        .expect("may");
    assert_eq!(learned.tags.len(), 1500);
    assert_eq!(
        net.logins(),
        [format!("{ACR} -"), format!("{ACR} Bearer"), format!("{DATA} -")]
    );

    let user = Some(("<token>", "expired-token"));
    let error = learn(&registries, "acme.azurecr.io/team/api", user, &[])
        .await
        .unwrap_err();
    assert!(matches!(error, RegistryError::Unauthorized { .. }), "{error}");
    assert!(!error.to_string().contains("expired-token"), "{error}");
}
