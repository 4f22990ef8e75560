//! Azure Container Registry: a token of Microsoft Entra ID, exchanged at the registry for a refresh token that serves as a
//! password.
//!
//! As documented: workload identity federation and client secrets (the OAuth2 client credentials flow of the Microsoft
//! identity platform), managed identities (the instance metadata service), and "Authenticate with an Azure container
//! registry" for the exchange.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use url::Url;

use super::{
    Environment, Given, IdentityError, Login,
    environment::file,
    transport::{Transport, ask, below, endpoint},
};
use crate::{core::resolve::credential_ref::Vendor, http, secret::Secret};

/// The user that stands beside a token, as the registry demands it.
const USER: &str = "00000000-0000-0000-0000-000000000000";
/// What the token is for. It is taken also by registries that refuse tokens for the resource manager.
const RESOURCE: &str = "https://containerregistry.azure.net";
const AUTHORITY: &str = "https://login.microsoftonline.com";
/// The instance metadata service.
const METADATA: &str = "http://169.254.169.254";
/// The life of a registry's refresh token, as documented.
const LIFE: Duration = Duration::from_hours(3);

const REMEDY: &str = "Give the pod a workload identity (label azure.workload.identity/use: \"true\" and an annotated \
                      service account), or set AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET";

/// A registry that exchanges tokens.
pub(super) struct Registry {
    /// Where its API begins.
    api: Url,
    /// Its name, with the port where that is not the default.
    service: String,
}

impl Registry {
    pub(super) fn key(&self) -> String {
        self.api.origin().ascii_serialization()
    }
}

/// The registry at `api`; tokens are exchanged over https only.
pub(super) fn registry(api: &Url) -> Result<Registry, IdentityError> {
    let fail = |why: &str| IdentityError::failed(Vendor::Azure, "api_url", why);
    let api = endpoint(api.as_str()).map_err(|why| fail(&why))?;
    let host = api.host_str().ok_or_else(|| fail("it names no host"))?;
    let service = api
        .port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    Ok(Registry { api, service })
}

pub(super) fn is_named(environment: &Environment) -> bool {
    environment.has("AZURE_CLIENT_ID")
        && environment.has("AZURE_TENANT_ID")
        && (environment.has("AZURE_FEDERATED_TOKEN_FILE") || environment.has("AZURE_CLIENT_SECRET"))
}

/// A token of Entra ID, and whose it is.
struct EntraToken {
    token: Secret,
    principal: String,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: Secret,
}

#[derive(Deserialize)]
struct ExchangeAnswer {
    refresh_token: Secret,
}

pub(super) async fn login(
    registry: &Registry,
    environment: &Environment,
    transport: &Transport,
) -> Result<Given, IdentityError> {
    let EntraToken { token, principal } = entra_token(environment, transport).await?;
    let fields = [
        ("grant_type", "access_token"),
        ("service", registry.service.as_str()),
        ("access_token", token.expose()),
    ];
    let fail = |why: &str| {
        let step = format!(
            "token exchange at the registry {} (the identity needs the role AcrPull)",
            registry.service
        );
        IdentityError::failed(Vendor::Azure, step, why)
    };
    let url = below(&registry.api, &["oauth2", "exchange"]);
    let client = transport.public().map_err(|why| fail(&why))?;
    let body = ask(http::form(client.post(url), &fields), &[&token]).await;
    let answer: ExchangeAnswer = body
        .and_then(|body| serde_json::from_slice(&body).map_err(|_| "its answer has no refresh_token".to_owned()))
        .map_err(|why| fail(&why))?;
    Ok(Given {
        life: life(&answer.refresh_token, jiff::Timestamp::now().as_second()),
        login: Login {
            username: USER.to_owned(),
            password: answer.refresh_token,
            source: format!("azure {} {principal}", registry.service),
        },
    })
}

/// How long a token (a JSON web token) is still good; as documented when it does not say.
fn life(token: &Secret, now: i64) -> Duration {
    #[derive(Deserialize)]
    struct Claims {
        exp: i64,
    }
    let claims = token.expose().split('.').nth(1);
    let claims = claims.and_then(|claims| URL_SAFE_NO_PAD.decode(claims).ok());
    let claims = claims.and_then(|claims| serde_json::from_slice::<Claims>(&claims).ok());
    claims.map_or(LIFE, |claims| {
        Duration::from_secs(u64::try_from(claims.exp.saturating_sub(now)).unwrap_or(0)).min(LIFE)
    })
}

/// The first identity that is there: federated, with a client secret, or managed.
async fn entra_token(environment: &Environment, transport: &Transport) -> Result<EntraToken, IdentityError> {
    let client = environment.get("AZURE_CLIENT_ID");
    let tenant = environment.get("AZURE_TENANT_ID");
    let mut tried = Vec::new();
    match (&client, &tenant, environment.get("AZURE_FEDERATED_TOKEN_FILE")) {
        (Some(client), Some(tenant), Some(path)) => {
            let step = "workload identity (AZURE_FEDERATED_TOKEN_FILE)";
            let fail = |why: String| IdentityError::failed(Vendor::Azure, step, &why);
            let assertion = file(&path).await.map_err(fail)?;
            let fields = [
                (
                    "client_assertion_type",
                    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                ),
                ("client_assertion", assertion.expose()),
            ];
            let token = client_credentials(environment, transport, (tenant, client), &fields, &assertion).await;
            return token.map_err(fail);
        }
        _ => tried
            .push("workload identity (AZURE_FEDERATED_TOKEN_FILE, AZURE_CLIENT_ID, AZURE_TENANT_ID are not all set)"),
    }
    match (&client, &tenant, environment.secret("AZURE_CLIENT_SECRET")) {
        (Some(client), Some(tenant), Some(secret)) => {
            let fields = [("client_secret", secret.expose())];
            let token = client_credentials(environment, transport, (tenant, client), &fields, &secret).await;
            let step = "client secret (AZURE_CLIENT_SECRET)";
            return token.map_err(|why| IdentityError::failed(Vendor::Azure, step, &why));
        }
        _ => tried.push("client secret (AZURE_CLIENT_SECRET, AZURE_CLIENT_ID, AZURE_TENANT_ID are not all set)"),
    }
    managed(environment, transport, client.as_deref()).await.map_err(|why| {
        let why = crate::core::foreign::ForeignText::new(&why);
        IdentityError::NoIdentity {
            vendor: Vendor::Azure.as_str(),
            tried: format!("{}, managed identity ({why})", tried.join(", ")),
            remedy: REMEDY,
        }
    })
}

async fn client_credentials(
    environment: &Environment,
    transport: &Transport,
    (tenant, client): (&str, &str),
    proof: &[(&str, &str)],
    secret: &Secret,
) -> Result<EntraToken, String> {
    let authority = environment.get("AZURE_AUTHORITY_HOST");
    let authority =
        endpoint(authority.as_deref().unwrap_or(AUTHORITY)).map_err(|why| format!("AZURE_AUTHORITY_HOST: {why}"))?;
    let scope = format!("{RESOURCE}/.default");
    let mut fields = vec![
        ("grant_type", "client_credentials"),
        ("client_id", client),
        ("scope", scope.as_str()),
    ];
    fields.extend_from_slice(proof);
    let url = below(&authority, &[tenant, "oauth2", "v2.0", "token"]);
    let body = ask(http::form(transport.public()?.post(url), &fields), &[secret]).await?;
    Ok(EntraToken {
        token: access_token(&body)?,
        principal: format!("{tenant} {client}"),
    })
}

async fn managed(environment: &Environment, transport: &Transport, client: Option<&str>) -> Result<EntraToken, String> {
    // The name under which Azure's own libraries look for a stand-in.
    let base = environment.get("AZURE_POD_IDENTITY_AUTHORITY_HOST");
    let base = Url::parse(base.as_deref().unwrap_or(METADATA)).map_err(|_| "its address is not a URL".to_owned())?;
    let mut url = below(&base, &["metadata", "identity", "oauth2", "token"]);
    url.query_pairs_mut()
        .append_pair("api-version", "2018-02-01")
        .append_pair("resource", RESOURCE)
        .extend_pairs(client.map(|client| ("client_id", client)));
    let body = ask(transport.metadata()?.get(url).header("metadata", "true"), &[]).await?;
    Ok(EntraToken {
        token: access_token(&body)?,
        principal: format!("managed {}", client.unwrap_or("")),
    })
}

fn access_token(body: &[u8]) -> Result<Secret, String> {
    let answer: TokenAnswer = serde_json::from_slice(body).map_err(|_| "its answer has no access_token".to_owned())?;
    Ok(answer.access_token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_life_of_a_token_is_read_from_it() {
        let token = |claims: &str| Secret::new(format!("x.{}.y", URL_SAFE_NO_PAD.encode(claims)));
        for (token, expected) in [
            (token(r#"{"exp":1600}"#), Duration::from_mins(10)),
            (token(r#"{"exp":1}"#), Duration::ZERO),
            (token(r#"{"exp":99999999}"#), LIFE),
            (token("{}"), LIFE),
            (Secret::new("opaque"), LIFE),
        ] {
            assert_eq!(life(&token, 1000), expected);
        }
    }
}
