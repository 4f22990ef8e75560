//! The files that `GOOGLE_APPLICATION_CREDENTIALS` names: keys of service accounts, workload identity federation, and the
//! login of a user.

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    super::{
        environment::file,
        rs256,
        transport::{Transport, ask, endpoint},
    },
    Access, SCOPE, TokenAnswer,
};
use crate::{http, secret::Secret};

const TOKEN_URI: &str = "https://oauth2.googleapis.com/token";
/// How long a token is asked for.
const LIFE: Duration = Duration::from_hours(1);

/// What stands in the file, by its `type`.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum KeyFile {
    ServiceAccount(ServiceAccount),
    ExternalAccount(ExternalAccount),
    AuthorizedUser(AuthorizedUser),
}

/// A private key (RFC 7523: a signed assertion is exchanged for a token).
#[derive(Deserialize)]
pub(super) struct ServiceAccount {
    client_email: String,
    private_key: Secret,
    private_key_id: Option<String>,
    token_uri: Option<String>,
}

/// A token of somebody else, exchanged (RFC 8693), and perhaps used to act as a service account.
#[derive(Deserialize)]
pub(super) struct ExternalAccount {
    audience: String,
    subject_token_type: String,
    token_url: String,
    credential_source: CredentialSource,
    service_account_impersonation_url: Option<String>,
}

#[derive(Deserialize)]
struct CredentialSource {
    file: Option<String>,
    format: Option<SourceFormat>,
}

#[derive(Deserialize)]
struct SourceFormat {
    #[serde(default, rename = "type")]
    kind: String,
    subject_token_field_name: Option<String>,
}

/// The refresh token of a person.
#[derive(Deserialize)]
pub(super) struct AuthorizedUser {
    client_id: String,
    client_secret: Secret,
    refresh_token: Secret,
    token_uri: Option<String>,
}

impl KeyFile {
    /// Reads the file. Nothing of it is repeated in an error.
    pub(super) fn parse(text: &Secret) -> Result<Self, String> {
        serde_json::from_str(text.expose()).map_err(|_| {
            "it is not JSON of type service_account, external_account (with a file as its source) or authorized_user"
                .to_owned()
        })
    }

    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::ServiceAccount(_) => "service account",
            Self::ExternalAccount(_) => "workload identity federation (external_account)",
            Self::AuthorizedUser(_) => "user login (authorized_user)",
        }
    }

    pub(super) async fn access(&self, transport: &Transport) -> Result<Access, String> {
        match self {
            Self::ServiceAccount(account) => account.access(transport).await,
            Self::ExternalAccount(account) => account.access(transport).await,
            Self::AuthorizedUser(user) => user.access(transport).await,
        }
    }
}

impl ServiceAccount {
    async fn access(&self, transport: &Transport) -> Result<Access, String> {
        let audience = self.token_uri.as_deref().unwrap_or(TOKEN_URI);
        let url = endpoint(audience).map_err(|why| format!("token_uri: {why}"))?;
        let assertion = self.assertion(audience, Timestamp::now())?;
        let fields = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("assertion", assertion.expose()),
        ];
        let body = ask(http::form(transport.public()?.post(url), &fields), &[&assertion]).await?;
        Ok(TokenAnswer::read(&body)?.access(format!("account {}", self.client_email)))
    }

    /// A JSON web token (RFC 7519), signed with RS256.
    fn assertion(&self, audience: &str, now: Timestamp) -> Result<Secret, String> {
        let mut header = json!({"alg": "RS256", "typ": "JWT"});
        if let Some(id) = &self.private_key_id {
            header["kid"] = id.as_str().into();
        }
        let now = now.as_second();
        let claims = json!({
            "iss": self.client_email,
            "scope": SCOPE,
            "aud": audience,
            "iat": now,
            "exp": now.saturating_add_unsigned(LIFE.as_secs()),
        });
        rs256::token(&header, &claims, &self.private_key).map_err(|why| format!("private_key {why}"))
    }
}

impl ExternalAccount {
    async fn access(&self, transport: &Transport) -> Result<Access, String> {
        let url = endpoint(&self.token_url).map_err(|why| format!("token_url: {why}"))?;
        let subject = self.subject_token().await?;
        let fields = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("audience", self.audience.as_str()),
            ("scope", SCOPE),
            ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("subject_token_type", self.subject_token_type.as_str()),
            ("subject_token", subject.expose()),
        ];
        let body = ask(http::form(transport.public()?.post(url), &fields), &[&subject]).await?;
        let answer = TokenAnswer::read(&body)?;
        match &self.service_account_impersonation_url {
            None => Ok(answer.access(format!("federated {}", self.audience))),
            Some(url) => impersonate(transport, url, &answer.access_token).await,
        }
    }

    async fn subject_token(&self) -> Result<Secret, String> {
        let path = self.credential_source.file.as_deref();
        let path = path.ok_or("credential_source has no `file`; other sources are not supported")?;
        let text = file(path).await?;
        match &self.credential_source.format {
            Some(format) if format.kind == "json" => {
                let field = format.subject_token_field_name.as_deref();
                let field = field.ok_or("credential_source.format has no subject_token_field_name")?;
                let value: Option<Value> = serde_json::from_str(text.expose()).ok();
                let token = value.as_ref().and_then(|value| value.get(field)?.as_str());
                token
                    .map(Secret::new)
                    .ok_or_else(|| "the subject token file has not the field that credential_source names".to_owned())
            }
            _ => Ok(text),
        }
    }
}

/// `generateAccessToken` of the IAM Credentials API.
async fn impersonate(transport: &Transport, url: &str, token: &Secret) -> Result<Access, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        access_token: Secret,
        expire_time: Timestamp,
    }
    let step = |why: String| format!("service_account_impersonation_url: {why}");
    let url = endpoint(url).map_err(step)?;
    let account = url.path().rsplit('/').next().unwrap_or("").to_owned();
    let wanted = json!({"scope": [SCOPE], "lifetime": format!("{}s", LIFE.as_secs())});
    let request = transport.public()?.post(url).bearer_auth(token.expose());
    let request = http::once(request, "application/json", wanted.to_string().into_bytes());
    let body = ask(request, &[token]).await.map_err(step)?;
    let answer: Answer =
        serde_json::from_slice(&body).map_err(|_| step("its answer has no accessToken and expireTime".to_owned()))?;
    let left = answer
        .expire_time
        .as_second()
        .saturating_sub(Timestamp::now().as_second());
    Ok(Access {
        token: answer.access_token,
        life: Duration::from_secs(u64::try_from(left).unwrap_or(0)),
        principal: format!("acting as {account}"),
    })
}

impl AuthorizedUser {
    async fn access(&self, transport: &Transport) -> Result<Access, String> {
        let url =
            endpoint(self.token_uri.as_deref().unwrap_or(TOKEN_URI)).map_err(|why| format!("token_uri: {why}"))?;
        let fields = [
            ("grant_type", "refresh_token"),
            ("client_id", self.client_id.as_str()),
            ("client_secret", self.client_secret.expose()),
            ("refresh_token", self.refresh_token.expose()),
        ];
        let secrets = [&self.client_secret, &self.refresh_token];
        let body = ask(http::form(transport.public()?.post(url), &fields), &secrets).await?;
        // Everybody who logs in with one client has its name; the token tells them apart.
        let principal = hex::encode(Sha256::digest(self.refresh_token.expose()));
        Ok(TokenAnswer::read(&body)?.access(format!("user {} {principal}", self.client_id)))
    }
}
