//! Google's token endpoints and the metadata server.

use argocd_image_updater::{
    core::resolve::credential_ref::Vendor,
    identity::{IdentityError, Login, Trust},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, RsaPublicKeyComponents};
use serde_json::{Value, json};

use super::{
    file, identities,
    stand_in::{Asked, Reply, StandIn, reply},
};

const KEY: &str = include_str!("service-account.pem");
const REGISTRY: &str = "https://europe-west1-docker.pkg.dev";
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

fn google(_: &Asked, _: usize) -> Reply {
    reply(
        200,
        r#"{"access_token":"ya29.access","expires_in":3599,"token_type":"Bearer"}"#,
    )
}

async fn login(key_file: &Value) -> Result<Login, IdentityError> {
    let (_file, path) = file(&key_file.to_string());
    let identities = identities(&[("GOOGLE_APPLICATION_CREDENTIALS", &path)]);
    identities.login(Vendor::Gcp, REGISTRY, Trust::OwnHosts, None).await
}

/// The claims of an assertion, when it is signed with [`KEY`].
fn claims(assertion: &str) -> Value {
    let der: String = KEY.lines().filter(|line| !line.starts_with('-')).collect();
    let pair = RsaKeyPair::from_pkcs8(&STANDARD.decode(der).expect("PEM")).expect("a key");
    let public: RsaPublicKeyComponents<Vec<u8>> = pair.public().into();
    let (text, signature) = assertion.rsplit_once('.').expect("a signature");
    let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64");
    public
        .verify(&RSA_PKCS1_2048_8192_SHA256, text.as_bytes(), &signature)
        .expect("the signature fits");
    let part =
        |text: &str| -> Value { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).expect("base64")).expect("JSON") };
    let (header, claims) = text.split_once('.').expect("two parts");
    assert_eq!(part(header), json!({"alg": "RS256", "typ": "JWT", "kid": "key-1"}));
    part(claims)
}

#[tokio::test]
async fn the_key_of_a_service_account_signs_an_assertion() {
    let server = StandIn::start(google).await;
    let uri = format!("{}/token", server.url);
    let before = jiff::Timestamp::now().as_second();
    let login = login(&json!({
        "type": "service_account", "client_email": "updater@p.iam.gserviceaccount.com", "private_key_id": "key-1",
        "private_key": KEY, "token_uri": uri,
    }))
    .await
    .unwrap();
    assert_eq!(
        (login.username.as_str(), login.password.expose()),
        ("oauth2accesstoken", "ya29.access")
    );
    assert_eq!(login.source, "gcp account updater@p.iam.gserviceaccount.com");
    let form = server.asked()[0].form();
    assert_eq!(form["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
    let claims = claims(&form["assertion"]);
    assert_eq!(
        (claims["iss"].as_str(), claims["aud"].as_str(), claims["scope"].as_str()),
        (
            Some("updater@p.iam.gserviceaccount.com"),
            Some(uri.as_str()),
            Some(SCOPE)
        )
    );
    let (issued, expires) = (claims["iat"].as_i64().unwrap(), claims["exp"].as_i64().unwrap());
    assert!(issued >= before && expires == issued + 3600, "{claims}");
}

#[tokio::test]
async fn a_federated_token_is_exchanged_and_may_act_as_a_service_account() {
    for (text, format) in [
        ("subject.token\n", json!({"type": "text"})),
        ("subject.token", Value::Null),
        (
            r#"{"jwt":"subject.token"}"#,
            json!({"type": "json", "subject_token_field_name": "jwt"}),
        ),
    ] {
        for impersonated in [false, true] {
            let server = StandIn::start(|asked, _| {
                if asked.target.starts_with("/v1/projects") {
                    let expires = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
                    return reply(
                        200,
                        json!({"accessToken": "ya29.account", "expireTime": expires}).to_string(),
                    );
                }
                google(asked, 0)
            })
            .await;
            let (_file, path) = file(text);
            let mut key = json!({
                "type": "external_account", "audience": "//iam.googleapis.com/pool",
                "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "token_url": format!("{}/v1/token", server.url),
                "credential_source": {"file": path, "format": format},
            });
            let account = "/v1/projects/-/serviceAccounts/a@p.iam.gserviceaccount.com:generateAccessToken";
            if impersonated {
                key["service_account_impersonation_url"] = format!("{}{account}", server.url).into();
            }
            let login = login(&key).await.unwrap();
            let asked = server.asked();
            let form = asked[0].form();
            for (name, value) in [
                ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
                ("audience", "//iam.googleapis.com/pool"),
                ("scope", SCOPE),
                ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
                ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
                ("subject_token", "subject.token"),
            ] {
                assert_eq!(form[name], value, "{name}");
            }
            if impersonated {
                assert_eq!(login.password.expose(), "ya29.account");
                assert_eq!(asked[1].target, account);
                assert_eq!(asked[1].header("authorization"), "Bearer ya29.access");
                let wanted: Value = serde_json::from_str(&asked[1].body).unwrap();
                assert_eq!(wanted, json!({"scope": [SCOPE], "lifetime": "3600s"}));
            } else {
                assert_eq!((login.password.expose(), asked.len()), ("ya29.access", 1));
            }
        }
    }
}

#[tokio::test]
async fn the_login_of_a_person_is_refreshed() {
    let server = StandIn::start(google).await;
    let login = login(&json!({
        "type": "authorized_user", "client_id": "id", "client_secret": "client-s3cret", "refresh_token": "r3fresh",
        "token_uri": format!("{}/token", server.url),
    }))
    .await
    .unwrap();
    assert!(!login.source.contains("r3fresh"), "{}", login.source);
    let form = server.asked()[0].form();
    for (name, value) in [
        ("grant_type", "refresh_token"),
        ("client_id", "id"),
        ("client_secret", "client-s3cret"),
        ("refresh_token", "r3fresh"),
    ] {
        assert_eq!(form[name], value, "{name}");
    }
}

#[tokio::test]
async fn the_metadata_server_is_asked_in_its_own_way_when_there_is_no_file() {
    let server = StandIn::start(google).await;
    let host = server.host();
    let identities = identities(&[("GCE_METADATA_HOST", host)]);
    let login = identities
        .login(Vendor::Gcp, REGISTRY, Trust::OwnHosts, None)
        .await
        .unwrap();
    assert_eq!(login.password.expose(), "ya29.access");
    let asked = &server.asked()[0];
    assert_eq!(
        asked.target,
        "/computeMetadata/v1/instance/service-accounts/default/token"
    );
    assert_eq!(asked.header("metadata-flavor"), "Google");
}

#[tokio::test]
async fn an_error_names_the_file_and_repeats_nothing_of_it() {
    let server = StandIn::start(|asked, _| {
        reply(
            400,
            format!(
                r#"{{"error":"invalid_grant","error_description":"bad {}"}}"#,
                asked.body
            ),
        )
    })
    .await;
    let uri = format!("{}/token", server.url);
    let user =
        json!({"type": "authorized_user", "client_id": "id", "client_secret": "s3cret", "refresh_token": "s3cret"});
    for (key, part) in [
        (json!({"type": "s3cret"}), "service_account"),
        (
            json!({"type": "service_account", "client_email": "a", "private_key": "s3cret", "token_uri": uri}),
            "private_key",
        ),
        (
            json!({"type": "external_account", "audience": "a", "subject_token_type": "t", "token_url": uri,
                   "credential_source": {"url": "http://s3cret"}}),
            "credential_source",
        ),
        (
            {
                let mut user = user.clone();
                user["token_uri"] = "http://token.example.com".into();
                user
            },
            "token_uri",
        ),
        (
            {
                let mut user = user.clone();
                user["token_uri"] = uri.clone().into();
                user
            },
            "invalid_grant",
        ),
    ] {
        let error = login(&key).await.unwrap_err().to_string();
        assert!(
            error.contains(part) && error.contains("GOOGLE_APPLICATION_CREDENTIALS"),
            "{error}"
        );
        assert!(!error.contains("s3cret"), "{error}");
    }
}
