//! Entra ID, the instance metadata service, and the token exchange of a registry.

use argocd_image_updater::{core::resolve::credential_ref::Vendor, identity::Trust};

use super::{
    file, identities,
    stand_in::{Asked, Reply, StandIn, reply},
};

/// Entra ID, the metadata service and the registry in one.
fn azure(asked: &Asked, _: usize) -> Reply {
    if asked.target == "/oauth2/exchange" {
        return reply(200, r#"{"refresh_token":"acr-refresh"}"#);
    }
    reply(200, r#"{"access_token":"entra-access","expires_in":3599}"#)
}

fn check_exchange(server: &StandIn, asked: &Asked) {
    assert_eq!(
        (asked.method.as_str(), asked.target.as_str()),
        ("POST", "/oauth2/exchange")
    );
    let form = asked.form();
    assert_eq!(form["grant_type"], "access_token");
    assert_eq!(form["service"], server.host());
    assert_eq!(form["access_token"], "entra-access");
}

#[tokio::test]
async fn a_federated_token_or_a_client_secret_becomes_the_password_of_the_registry() {
    let (_file, path) = file("federated.token");
    for (proof, expected) in [
        (
            ("AZURE_FEDERATED_TOKEN_FILE", path.as_str()),
            &[
                ("client_assertion", "federated.token"),
                (
                    "client_assertion_type",
                    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                ),
            ][..],
        ),
        (("AZURE_CLIENT_SECRET", "s3cret"), &[("client_secret", "s3cret")]),
    ] {
        let server = StandIn::start(azure).await;
        let identities = identities(&[
            ("AZURE_CLIENT_ID", "client"),
            ("AZURE_TENANT_ID", "tenant"),
            ("AZURE_AUTHORITY_HOST", &server.url),
            proof,
        ]);
        let login = identities
            .login(Vendor::Azure, &server.url, Trust::AnyHost, None)
            .await
            .unwrap();
        assert_eq!(login.username, "00000000-0000-0000-0000-000000000000");
        assert_eq!(login.password.expose(), "acr-refresh");
        let asked = server.asked();
        assert_eq!(asked.len(), 2);
        assert_eq!(asked[0].target, "/tenant/oauth2/v2.0/token");
        let form = asked[0].form();
        for (name, value) in expected.iter().chain(&[
            ("grant_type", "client_credentials"),
            ("client_id", "client"),
            ("scope", "https://containerregistry.azure.net/.default"),
        ]) {
            assert_eq!(form[*name], *value, "{name}");
        }
        check_exchange(&server, &asked[1]);
    }
}

#[tokio::test]
async fn a_managed_identity_is_asked_at_the_metadata_service() {
    for client in [None, Some("client")] {
        let server = StandIn::start(azure).await;
        let mut variables = vec![("AZURE_POD_IDENTITY_AUTHORITY_HOST", server.url.as_str())];
        variables.extend(client.map(|client| ("AZURE_CLIENT_ID", client)));
        let identities = identities(&variables);
        identities
            .login(Vendor::Azure, &server.url, Trust::AnyHost, None)
            .await
            .unwrap();
        let asked = server.asked();
        assert_eq!(asked[0].header("metadata"), "true");
        let target =
            "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fcontainerregistry.azure.net";
        let more = client.map(|client| format!("&client_id={client}")).unwrap_or_default();
        assert_eq!(asked[0].target, format!("{target}{more}"));
        check_exchange(&server, &asked[1]);
    }
}

#[tokio::test]
async fn an_error_says_which_step_failed_and_shows_no_token() {
    let server = StandIn::start(|asked, _| {
        if asked.target == "/oauth2/exchange" {
            return reply(
                401,
                r#"{"errors":[{"code":"UNAUTHORIZED","message":"entra-access is not enough"}]}"#,
            );
        }
        if asked.target.starts_with("/metadata") {
            return reply(
                400,
                r#"{"error":"invalid_request","error_description":"Identity not found"}"#,
            );
        }
        if asked.target.starts_with("/wrong") {
            return reply(400, r#"{"error":"invalid_client","error_description":"bad s3cret"}"#);
        }
        azure(asked, 0)
    })
    .await;
    for (tenant, secret, parts) in [
        ("tenant", "s3cret", ["AcrPull", "UNAUTHORIZED"]),
        ("wrong", "s3cret", ["AZURE_CLIENT_SECRET", "invalid_client"]),
        ("tenant", "", ["AZURE_FEDERATED_TOKEN_FILE", "Identity not found"]),
    ] {
        let identities = identities(&[
            ("AZURE_CLIENT_ID", "client"),
            ("AZURE_TENANT_ID", tenant),
            ("AZURE_CLIENT_SECRET", secret),
            ("AZURE_AUTHORITY_HOST", &server.url),
            ("AZURE_POD_IDENTITY_AUTHORITY_HOST", &server.url),
        ]);
        let login = identities.login(Vendor::Azure, &server.url, Trust::AnyHost, None).await;
        let error = login.unwrap_err().to_string();
        for part in parts {
            assert!(error.contains(part), "{part} in {error}");
        }
        assert!(!error.contains("s3cret") && !error.contains("entra-access"), "{error}");
    }
}

#[tokio::test]
async fn a_token_is_not_exchanged_over_plain_http_with_another_machine() {
    let server = StandIn::start(azure).await;
    let identities = identities(&[("AZURE_POD_IDENTITY_AUTHORITY_HOST", &server.url)]);
    let login = identities
        .login(Vendor::Azure, "http://acr.example.com", Trust::AnyHost, None)
        .await;
    assert!(login.unwrap_err().to_string().contains("https"));
    assert_eq!(server.targets(), Vec::<String>::new());
}
