//! Where this process has its AWS keys, in the order of the AWS SDKs: environment variables, web identity (IRSA), the
//! credentials service of the container (EKS Pod Identity, ECS), the instance profile (IMDSv2). Profiles in files are not
//! read.
//!
//! A source that is set and fails is an error: the next one would be somebody else.

use serde::Deserialize;
use url::{Host, Url};

use super::{
    super::{
        Environment, IdentityError,
        environment::file,
        transport::{Transport, ask, below, element, endpoint},
    },
    Endpoint, region,
};
use crate::{
    core::{foreign::ForeignText, resolve::credential_ref::Vendor},
    http,
    identity::hosts::Domain,
    secret::Secret,
};

/// The credentials service of an ECS task.
const TASK: &str = "http://169.254.170.2";
/// Hosts beside the machine itself that container credentials are asked from over plain http, as the SDKs have them: ECS,
/// and EKS Pod Identity over IPv4 and IPv6.
const CONTAINER_HOSTS: [&str; 3] = ["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"];
/// The instance metadata service, over IPv4 and IPv6.
const INSTANCE: [&str; 2] = ["http://169.254.169.254", "http://[fd00:ec2::254]"];
const SESSION_NAME: &str = "argocd-image-updater";

const REMEDY: &str = "Give the service account a role (IRSA or EKS Pod Identity), or set AWS_ACCESS_KEY_ID and \
                      AWS_SECRET_ACCESS_KEY";

/// What requests are signed with.
pub(super) struct Keys {
    pub(super) id: String,
    pub(super) secret: Secret,
    pub(super) token: Option<Secret>,
    /// Whose they are, in a name that stays while the keys change.
    pub(super) principal: String,
}

/// What the credentials services answer.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Served {
    access_key_id: String,
    secret_access_key: Secret,
    token: Option<Secret>,
    role_arn: Option<String>,
}

impl Served {
    fn read(body: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(body).map_err(|_| "its answer has no AccessKeyId and SecretAccessKey".to_owned())
    }

    fn keys(self, principal: String) -> Keys {
        Keys {
            id: self.access_key_id,
            secret: self.secret_access_key,
            token: self.token,
            principal,
        }
    }
}

/// Whether variables name an identity.
pub(in crate::identity) fn is_named(environment: &Environment) -> bool {
    let all = |names: [&str; 2]| names.iter().all(|name| environment.has(name));
    all(["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
        || all(["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"])
        || environment.has("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
        || environment.has("AWS_CONTAINER_CREDENTIALS_FULL_URI")
}

/// The keys of the first source that is there.
pub(super) async fn keys(
    ecr: &Endpoint,
    environment: &Environment,
    transport: &Transport,
) -> Result<Keys, IdentityError> {
    let fail = |step: &str, why: String| IdentityError::failed(Vendor::Aws, step, &why);
    if let (Some(id), Some(secret)) = (
        environment.get("AWS_ACCESS_KEY_ID"),
        environment.secret("AWS_SECRET_ACCESS_KEY"),
    ) {
        return Ok(Keys {
            principal: format!("key {id}"),
            id,
            secret,
            token: environment.secret("AWS_SESSION_TOKEN"),
        });
    }
    if let (Some(path), Some(role)) = (
        environment.get("AWS_WEB_IDENTITY_TOKEN_FILE"),
        environment.get("AWS_ROLE_ARN"),
    ) {
        let keys = web_identity(ecr, environment, transport, &path, role).await;
        return keys.map_err(|why| fail("web identity (AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN)", why));
    }
    if let Some(path) = environment.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
        let keys = container(environment, transport, &format!("{TASK}{path}")).await;
        return keys.map_err(|why| fail("container credentials (AWS_CONTAINER_CREDENTIALS_RELATIVE_URI)", why));
    }
    if let Some(url) = environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI") {
        let keys = container(environment, transport, &url).await;
        return keys.map_err(|why| fail("container credentials (AWS_CONTAINER_CREDENTIALS_FULL_URI)", why));
    }
    let off = environment.get("AWS_EC2_METADATA_DISABLED");
    let served = if off.is_some_and(|off| off.eq_ignore_ascii_case("true")) {
        Err("switched off by AWS_EC2_METADATA_DISABLED".to_owned())
    } else {
        instance(environment, transport).await
    };
    served.map_err(|why| IdentityError::NoIdentity {
        vendor: Vendor::Aws.as_str(),
        tried: format!(
            "environment keys (AWS_ACCESS_KEY_ID is not set), web identity (AWS_WEB_IDENTITY_TOKEN_FILE is not set), \
             container credentials (AWS_CONTAINER_CREDENTIALS_FULL_URI is not set), instance profile ({})",
            ForeignText::new(&why)
        ),
        remedy: REMEDY,
    })
}

/// AssumeRoleWithWebIdentity of the regional STS. The token is the proof; the request is not signed.
async fn web_identity(
    ecr: &Endpoint,
    environment: &Environment,
    transport: &Transport,
    path: &str,
    role: String,
) -> Result<Keys, String> {
    let token = file(path).await?;
    let near = region(environment).unwrap_or_else(|| ecr.region.clone());
    // A role of one partition cannot be used in another.
    let near = if near.starts_with("cn-") == (ecr.domain == Domain::China) {
        near
    } else {
        ecr.region.clone()
    };
    let suffix = if ecr.domain == Domain::China { ".cn" } else { "" };
    let usual = format!("https://sts.{near}.amazonaws.com{suffix}/");
    let named = environment.get("AWS_ENDPOINT_URL_STS");
    let url = endpoint(named.as_deref().unwrap_or(&usual)).map_err(|why| format!("AWS_ENDPOINT_URL_STS: {why}"))?;
    let session = environment.get("AWS_ROLE_SESSION_NAME");
    let fields = [
        ("Action", "AssumeRoleWithWebIdentity"),
        ("Version", "2011-06-15"),
        ("RoleArn", role.as_str()),
        ("RoleSessionName", session.as_deref().unwrap_or(SESSION_NAME)),
        ("WebIdentityToken", token.expose()),
    ];
    let body = ask(http::form(transport.public()?.post(url), &fields), &[&token]).await?;
    let xml = String::from_utf8_lossy(&body);
    let part = |name: &str| element(&xml, name).map(str::to_owned).filter(|text| !text.is_empty());
    let missing = || "its answer has no credentials".to_owned();
    Ok(Keys {
        id: part("AccessKeyId").ok_or_else(missing)?,
        secret: part("SecretAccessKey").map(Secret::new).ok_or_else(missing)?,
        token: Some(part("SessionToken").map(Secret::new).ok_or_else(missing)?),
        principal: format!("role {role}"),
    })
}

/// The credentials service that the platform put beside the container.
async fn container(environment: &Environment, transport: &Transport, url: &str) -> Result<Keys, String> {
    let url = container_url(url)?;
    let token = match environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
        Some(path) => Some(file(&path).await?),
        None => environment.secret("AWS_CONTAINER_AUTHORIZATION_TOKEN"),
    };
    let mut request = transport.metadata()?.get(url.clone());
    if let Some(token) = &token {
        let mut value = reqwest::header::HeaderValue::from_str(token.expose())
            .map_err(|_| "its authorization token cannot be sent in a header".to_owned())?;
        value.set_sensitive(true);
        request = request.header(reqwest::header::AUTHORIZATION, value);
    }
    let secrets: Vec<&Secret> = token.iter().collect();
    let served = Served::read(&ask(request, &secrets).await?)?;
    let principal = served.role_arn.clone().unwrap_or_else(|| url.path().to_owned());
    Ok(served.keys(format!("container {principal}")))
}

fn container_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|_| "it is not a URL".to_owned())?;
    if endpoint(text).is_ok() || url.scheme() == "http" && url.host_str().is_some_and(|h| CONTAINER_HOSTS.contains(&h))
    {
        return Ok(url);
    }
    Err(format!(
        "plain http is spoken with {} and this machine only",
        CONTAINER_HOSTS.join(", ")
    ))
}

/// The role of the machine, asked in the way of IMDSv2: with a token that a foreign site cannot get.
async fn instance(environment: &Environment, transport: &Transport) -> Result<Keys, String> {
    let named = environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    let mode = environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    let usual = INSTANCE[usize::from(mode.is_some_and(|mode| mode.eq_ignore_ascii_case("ipv6")))];
    let base = Url::parse(named.as_deref().unwrap_or(usual))
        .ok()
        .filter(|url| matches!(url.host(), Some(Host::Domain(_) | Host::Ipv4(_) | Host::Ipv6(_))))
        .ok_or("AWS_EC2_METADATA_SERVICE_ENDPOINT is not a URL")?;
    let client = transport.metadata()?;
    let request = client
        .put(below(&base, &["latest", "api", "token"]))
        .header("x-aws-ec2-metadata-token-ttl-seconds", "60")
        .header(reqwest::header::CONTENT_LENGTH, 0);
    let token = text(&ask(request, &[]).await?)?;
    let mut value =
        reqwest::header::HeaderValue::from_str(&token).map_err(|_| "its token cannot be sent".to_owned())?;
    value.set_sensitive(true);
    let token = Secret::new(token);
    let get = async |parts: &[&str]| {
        let url = below(
            &base,
            &[&["latest", "meta-data", "iam", "security-credentials"], parts].concat(),
        );
        ask(
            client.get(url).header("x-aws-ec2-metadata-token", value.clone()),
            &[&token],
        )
        .await
    };
    let roles = text(&get(&[""]).await?)?;
    let role = roles.lines().next().map(str::trim).filter(|role| !role.is_empty());
    let role = role.ok_or("the machine has no role")?;
    if !role
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"+=,.@_-".contains(&b))
    {
        return Err("the name of its role is not one".to_owned());
    }
    Ok(Served::read(&get(&[role]).await?)?.keys(format!("instance {role}")))
}

fn text(body: &[u8]) -> Result<String, String> {
    String::from_utf8(body.to_vec()).map_err(|_| "its answer is not text".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn container_credentials_are_asked_from_the_documented_hosts_only() {
        for (url, fits) in [
            ("http://169.254.170.23/v1/credentials", true),
            ("http://[fd00:ec2::23]/v1/credentials", true),
            ("http://169.254.170.2/v2/credentials/x", true),
            ("http://127.0.0.1:1234/x", true),
            ("https://credentials.example.com/x", true),
            ("http://169.254.169.254/x", false),
            ("http://169.254.170.23.evil.test/x", false),
            ("http://10.0.0.1/x", false),
            // A relative URI that would lead elsewhere.
            ("http://169.254.170.2@evil.test/x", false),
            ("http://169.254.170.2.evil.test/x", false),
            ("ftp://169.254.170.2/x", false),
        ] {
            assert_eq!(container_url(url).is_ok(), fits, "{url}");
        }
    }
}
