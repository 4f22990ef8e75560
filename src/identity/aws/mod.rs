//! Amazon ECR: a signed request for an authorization token, which serves as user and password for half a day.
//!
//! As documented in the API references of ECR and ECR Public (`GetAuthorizationToken`). `chain` finds the keys, `sigv4`
//! signs with them.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use url::Url;

use super::{
    Environment, Given, IdentityError, Login,
    hosts::{self, Domain, Ecr},
    transport::{Transport, ask, endpoint},
};
use crate::{
    core::{foreign::ForeignText, resolve::credential_ref::Vendor},
    http,
    secret::Secret,
};

mod chain;
mod sigv4;

pub(super) use chain::is_named;

/// The media type of AWS' JSON protocol.
const JSON: &str = "application/x-amz-json-1.1";
/// Where ECR Public is, whatever the region of its users.
const PUBLIC_REGION: &str = "us-east-1";

/// The service that gives tokens for a registry.
pub(super) struct Endpoint {
    url: Url,
    region: String,
    /// The name of the service in signatures.
    service: &'static str,
    /// The operation, as the header `X-Amz-Target` names it.
    target: &'static str,
    domain: Domain,
}

impl Endpoint {
    /// The service for the registry at `api`. Its region is that of the host; a host that tells none is in that of
    /// `AWS_REGION`.
    pub(super) fn of(api: &Url, environment: &Environment) -> Result<Self, IdentityError> {
        let host = api.host_str().unwrap_or("");
        let (region, fips, domain) = match hosts::ecr(host) {
            Some(Ecr::Public) => {
                return Self::at(
                    environment.get("AWS_ENDPOINT_URL_ECR_PUBLIC").as_deref(),
                    &format!("https://api.ecr-public.{PUBLIC_REGION}.amazonaws.com/"),
                )
                .map(|url| Self {
                    url,
                    region: PUBLIC_REGION.to_owned(),
                    service: "ecr-public",
                    target: "SpencerFrontendService.GetAuthorizationToken",
                    domain: Domain::Com,
                });
            }
            Some(Ecr::Private { region, fips, domain }) => (region.to_owned(), fips, domain),
            None => {
                let region = region(environment).ok_or_else(|| {
                    let why = format!("{} does not tell its region; set AWS_REGION", ForeignText::new(host));
                    IdentityError::failed(Vendor::Aws, "region", &why)
                })?;
                let domain = if region.starts_with("cn-") {
                    Domain::China
                } else {
                    Domain::Com
                };
                (region, false, domain)
            }
        };
        let url = match (domain, fips) {
            (Domain::Com, false) => format!("https://api.ecr.{region}.amazonaws.com/"),
            (Domain::Com, true) => format!("https://ecr-fips.{region}.amazonaws.com/"),
            (Domain::China, _) => format!("https://api.ecr.{region}.amazonaws.com.cn/"),
            (Domain::DualStack, false) => format!("https://ecr.{region}.api.aws/"),
            (Domain::DualStack, true) => format!("https://ecr-fips.{region}.api.aws/"),
        };
        Ok(Self {
            url: Self::at(environment.get("AWS_ENDPOINT_URL_ECR").as_deref(), &url)?,
            region,
            service: "ecr",
            target: "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken",
            domain,
        })
    }

    /// The endpoint that the environment names (service-specific endpoints of the AWS SDKs), else the usual one.
    fn at(named: Option<&str>, usual: &str) -> Result<Url, IdentityError> {
        let text = named.unwrap_or(usual);
        endpoint(text)
            .map_err(|why| IdentityError::failed(Vendor::Aws, format!("endpoint {}", ForeignText::new(text)), &why))
    }

    pub(super) fn key(&self) -> String {
        format!("{} {}", self.region, self.url)
    }
}

/// The region of this process.
fn region(environment: &Environment) -> Option<String> {
    let fits = |name: &String| {
        name.bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let region = environment
        .get("AWS_REGION")
        .or_else(|| environment.get("AWS_DEFAULT_REGION"));
    region.filter(fits)
}

/// The answer of ECR has a list, that of ECR Public one entry.
#[derive(Deserialize)]
struct TokenAnswer {
    #[serde(rename = "authorizationData")]
    data: OneOrMany,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(Authorization),
    Many(Vec<Authorization>),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Authorization {
    authorization_token: Secret,
    /// Seconds since 1970.
    expires_at: Option<f64>,
}

pub(super) async fn login(
    endpoint: &Endpoint,
    environment: &Environment,
    transport: &Transport,
) -> Result<Given, IdentityError> {
    let keys = chain::keys(endpoint, environment, transport).await?;
    let permission = format!("{}:GetAuthorizationToken", endpoint.service);
    let fail = |why: &str| {
        let step = format!(
            "{permission} in {} as {}",
            endpoint.region,
            ForeignText::new(&keys.principal)
        );
        IdentityError::failed(Vendor::Aws, step, why)
    };
    let now = jiff::Timestamp::now();
    let body = b"{}";
    let request = sigv4::Request {
        url: &endpoint.url,
        headers: &[("content-type", JSON), ("x-amz-target", endpoint.target)],
        body,
        region: &endpoint.region,
        service: endpoint.service,
    };
    let client = transport.public().map_err(|why| fail(&why))?;
    let mut post = http::once(client.post(endpoint.url.clone()), JSON, body.to_vec());
    post = post.header("x-amz-target", endpoint.target);
    for (name, value) in sigv4::sign(&request, &keys, now).map_err(|why| fail(&why))? {
        post = post.header(name, value);
    }
    let answer = ask(post, &[&keys.secret]).await.map_err(|why| fail(&why))?;
    let (login, expires) = read(&answer).map_err(fail)?;
    let (username, password) = login;
    let life = expires.map_or(Duration::from_hours(1), |expires| {
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^52")]
        let left = expires - now.as_second() as f64;
        Duration::try_from_secs_f64(left).unwrap_or_default()
    });
    Ok(Given {
        login: Login {
            username,
            password,
            source: format!("aws {} {}", endpoint.key(), keys.principal),
        },
        life,
    })
}

type UserPassword = (String, Secret);

/// User and password, and when they expire.
fn read(answer: &[u8]) -> Result<(UserPassword, Option<f64>), &'static str> {
    let answer: TokenAnswer = serde_json::from_slice(answer).map_err(|_| "its answer has no authorizationData")?;
    let data = match answer.data {
        OneOrMany::One(data) => Some(data),
        OneOrMany::Many(data) => data.into_iter().next(),
    };
    let data = data.ok_or("its answer has no authorizationData")?;
    let pair = STANDARD.decode(data.authorization_token.expose()).ok();
    let pair = pair.and_then(|pair| String::from_utf8(pair).ok());
    let pair = pair.as_deref().and_then(|pair| pair.split_once(':'));
    let (username, password) = pair.ok_or("its authorizationToken is not user:password in base64")?;
    Ok(((username.to_owned(), Secret::new(password)), data.expires_at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_follows_from_the_host_of_the_registry() {
        let region = |name: &str| Environment::of([("AWS_REGION".to_owned(), name.to_owned())]);
        for (host, expected) in [
            (
                "1.dkr.ecr.eu-west-1.amazonaws.com",
                "us-west-2 https://api.ecr.us-west-2.amazonaws.com/",
            ),
            (
                "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
                "eu-west-1 https://api.ecr.eu-west-1.amazonaws.com/",
            ),
            (
                "123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com",
                "us-gov-west-1 https://ecr-fips.us-gov-west-1.amazonaws.com/",
            ),
            (
                "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn",
                "cn-north-1 https://api.ecr.cn-north-1.amazonaws.com.cn/",
            ),
            (
                "123456789012.dkr-ecr.eu-west-1.on.aws",
                "eu-west-1 https://ecr.eu-west-1.api.aws/",
            ),
            (
                "public.ecr.aws",
                "us-east-1 https://api.ecr-public.us-east-1.amazonaws.com/",
            ),
        ] {
            let api = Url::parse(&format!("https://{host}")).unwrap();
            let endpoint = Endpoint::of(&api, &region("us-west-2")).unwrap();
            assert_eq!(endpoint.key(), expected, "{host}");
        }
        let own = Url::parse("https://images.example.com").unwrap();
        for odd in ["", "evil.test/", "a b"] {
            let error = Endpoint::of(&own, &region(odd)).err().unwrap();
            assert!(error.to_string().contains("AWS_REGION"), "{odd}: {error}");
        }
    }

    #[test]
    fn both_forms_of_the_answer_are_read_and_nonsense_is_an_error() {
        let token = STANDARD.encode("AWS:s3cret");
        for (answer, fits) in [
            (
                format!(r#"{{"authorizationData":[{{"authorizationToken":"{token}","expiresAt":1.5E9}}]}}"#),
                true,
            ),
            (
                format!(r#"{{"authorizationData":{{"authorizationToken":"{token}"}}}}"#),
                true,
            ),
            (r#"{"authorizationData":[]}"#.to_owned(), false),
            (
                r#"{"authorizationData":[{"authorizationToken":"!"}]}"#.to_owned(),
                false,
            ),
            (
                r#"{"authorizationData":[{"authorizationToken":"QVdT"}]}"#.to_owned(),
                false,
            ),
            ("{}".to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(read(answer.as_bytes()).is_ok(), fits, "{answer}");
        }
    }
}
