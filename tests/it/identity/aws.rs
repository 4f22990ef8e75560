//! ECR, STS and the credentials services of AWS.

use argocd_image_updater::{
    core::resolve::credential_ref::Vendor,
    identity::{Identities, IdentityError, Login, Trust},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::hmac;
use sha2::{Digest as _, Sha256};

use super::{
    file, identities,
    stand_in::{Asked, Reply, StandIn, reply},
};

const REGISTRY: &str = "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com";
const SECRET: &str = "wJalrXUtnFEMI/secret";
const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", SECRET)];

/// What ECR answers.
fn token() -> Reply {
    let token = STANDARD.encode("AWS:ecr-password");
    let expires = jiff::Timestamp::now().as_second() + 43_200;
    reply(
        200,
        format!(r#"{{"authorizationData":[{{"authorizationToken":"{token}","expiresAt":{expires}.5}}]}}"#),
    )
}

/// Keys as the credentials services have them.
fn served() -> Reply {
    reply(
        200,
        format!(
            r#"{{"Code":"Success","AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"{SECRET}","Token":"session","Expiration":"2026-01-01T00:00:00Z"}}"#
        ),
    )
}

async fn login(identities: &Identities, registry: &str) -> Result<Login, IdentityError> {
    identities.login(Vendor::Aws, registry, Trust::OwnHosts, None).await
}

/// Computes the signature anew, from what arrived.
fn check_signature(asked: &Asked, id: &str, region: &str, service: &str) {
    let authorization = asked.header("authorization").to_owned();
    let part = |name: &str| {
        let (_, rest) = authorization.split_once(name).expect("a part of the header");
        rest.split(", ").next().expect("a value").to_owned()
    };
    let time = asked.header("x-amz-date");
    let scope = format!("{}/{region}/{service}/aws4_request", &time[..8]);
    assert_eq!(part("Credential="), format!("{id}/{scope}"));
    let names = part("SignedHeaders=");
    for name in ["content-type", "host", "x-amz-date", "x-amz-target"] {
        assert!(names.split(';').any(|signed| signed == name), "{name} in {names}");
    }
    let lines: Vec<_> = names
        .split(';')
        .map(|name| format!("{name}:{}", asked.header(name)))
        .collect();
    let lines = lines.join("\n");
    let hash = |text: &str| hex::encode(Sha256::digest(text));
    let canonical = format!("POST\n{}\n\n{lines}\n\n{names}\n{}", asked.target, hash(&asked.body));
    let mac = |key: &[u8], text: &str| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes());
    let key = [&time[..8], region, service, "aws4_request"]
        .iter()
        .fold(format!("AWS4{SECRET}").into_bytes(), |key, part| {
            mac(&key, part).as_ref().to_vec()
        });
    let signature = mac(
        &key,
        &format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hash(&canonical)),
    );
    assert_eq!(part("Signature="), hex::encode(signature));
}

#[tokio::test]
async fn a_token_of_ecr_is_asked_for_with_a_signed_request() {
    let ecr = StandIn::start(|_, _| token()).await;
    let identities = identities(&[KEYS[0], KEYS[1], ("AWS_ENDPOINT_URL_ECR", &ecr.url)]);
    let login = login(&identities, REGISTRY).await.unwrap();
    assert_eq!(
        (login.username.as_str(), login.password.expose()),
        ("AWS", "ecr-password")
    );
    assert!(!format!("{login:?}").contains("ecr-password"));
    let asked = &ecr.asked()[0];
    assert_eq!(
        (asked.method.as_str(), asked.target.as_str(), asked.body.as_str()),
        ("POST", "/", "{}")
    );
    assert_eq!(asked.header("content-type"), "application/x-amz-json-1.1");
    assert_eq!(
        asked.header("x-amz-target"),
        "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"
    );
    assert_eq!(asked.header("x-amz-security-token"), "");
    check_signature(asked, "AKIDEXAMPLE", "eu-west-1", "ecr");
}

#[tokio::test]
async fn the_public_registry_has_a_service_of_its_own_in_one_region() {
    let ecr = StandIn::start(|_, _| {
        let token = STANDARD.encode("AWS:public-password");
        reply(
            200,
            format!(r#"{{"authorizationData":{{"authorizationToken":"{token}","expiresAt":1.7E9}}}}"#),
        )
    })
    .await;
    let identities = identities(&[KEYS[0], KEYS[1], ("AWS_ENDPOINT_URL_ECR_PUBLIC", &ecr.url)]);
    let login = login(&identities, "https://public.ecr.aws").await.unwrap();
    assert_eq!(login.password.expose(), "public-password");
    let asked = &ecr.asked()[0];
    assert_eq!(
        asked.header("x-amz-target"),
        "SpencerFrontendService.GetAuthorizationToken"
    );
    check_signature(asked, "AKIDEXAMPLE", "us-east-1", "ecr-public");
}

#[tokio::test]
async fn a_web_identity_becomes_a_role_before_ecr_is_asked() {
    let aws = StandIn::start(|asked, _| {
        if asked.body.starts_with("Action=") {
            return reply(
                200,
                format!(
                    "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>\
                     <AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>{SECRET}</SecretAccessKey>\
                     <SessionToken>session/token+=</SessionToken><Expiration>2026-01-01T00:00:00Z</Expiration>\
                     </Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
                ),
            );
        }
        token()
    })
    .await;
    let (_file, path) = file("the.web.token\n");
    let identities = identities(&[
        ("AWS_WEB_IDENTITY_TOKEN_FILE", &path),
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/updater"),
        ("AWS_ENDPOINT_URL_STS", &aws.url),
        ("AWS_ENDPOINT_URL_ECR", &aws.url),
    ]);
    let login = login(&identities, REGISTRY).await.unwrap();
    assert!(login.source.contains("role/updater"), "{}", login.source);
    let asked = aws.asked();
    assert_eq!(asked.len(), 2);
    let form = asked[0].form();
    for (name, value) in [
        ("Action", "AssumeRoleWithWebIdentity"),
        ("Version", "2011-06-15"),
        ("RoleArn", "arn:aws:iam::123456789012:role/updater"),
        ("RoleSessionName", "argocd-image-updater"),
        ("WebIdentityToken", "the.web.token"),
    ] {
        assert_eq!(form[name], value, "{name}");
    }
    assert_eq!(asked[0].header("authorization"), "", "the token is the proof");
    assert_eq!(asked[1].header("x-amz-security-token"), "session/token+=");
    check_signature(&asked[1], "ASIAROLE", "eu-west-1", "ecr");
}

#[tokio::test]
async fn a_pod_identity_is_asked_with_the_token_of_the_pod() {
    let aws = StandIn::start(|asked, _| {
        if asked.target == "/v1/credentials" {
            served()
        } else {
            token()
        }
    })
    .await;
    let (_file, path) = file("the pod's token");
    let url = format!("{}/v1/credentials", aws.url);
    let identities = identities(&[
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &path),
        ("AWS_ENDPOINT_URL_ECR", &aws.url),
    ]);
    login(&identities, REGISTRY).await.unwrap();
    let asked = aws.asked();
    assert_eq!(asked[0].method, "GET");
    assert_eq!(asked[0].header("authorization"), "the pod's token");
    assert_eq!(asked[1].header("x-amz-security-token"), "session");
    check_signature(&asked[1], "ASIAEXAMPLE", "eu-west-1", "ecr");
}

#[tokio::test]
async fn the_role_of_an_instance_is_asked_with_a_session_of_version_two() {
    let aws = StandIn::start(|asked, _| match (asked.method.as_str(), asked.target.as_str()) {
        ("PUT", "/latest/api/token") => reply(200, "metadata-session"),
        (_, "/latest/meta-data/iam/security-credentials/") => reply(200, "node-role\n"),
        (_, "/latest/meta-data/iam/security-credentials/node-role") => served(),
        ("POST", "/") => token(),
        _ => reply(404, ""),
    })
    .await;
    let identities = identities(&[
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &aws.url),
        ("AWS_ENDPOINT_URL_ECR", &aws.url),
    ]);
    let login = login(&identities, REGISTRY).await.unwrap();
    assert!(login.source.contains("node-role"), "{}", login.source);
    let asked = aws.asked();
    assert_eq!(asked.len(), 4, "{:?}", aws.targets());
    assert!(!asked[0].header("x-aws-ec2-metadata-token-ttl-seconds").is_empty());
    for asked in &asked[1..3] {
        assert_eq!(asked.header("x-aws-ec2-metadata-token"), "metadata-session");
    }
    check_signature(&asked[3], "ASIAEXAMPLE", "eu-west-1", "ecr");
}

#[tokio::test]
async fn version_one_of_the_metadata_service_is_never_asked() {
    let aws = StandIn::start(|asked, _| {
        if asked.method == "PUT" {
            reply(403, "")
        } else {
            reply(200, "x")
        }
    })
    .await;
    let identities = identities(&[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &aws.url)]);
    let error = login(&identities, REGISTRY).await.unwrap_err().to_string();
    for part in [
        "AWS_ACCESS_KEY_ID",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "403",
        "IRSA",
    ] {
        assert!(error.contains(part), "{part} in {error}");
    }
    assert_eq!(aws.targets(), ["PUT /latest/api/token"]);
}

#[tokio::test]
async fn the_first_source_that_is_set_counts_and_its_failure_is_told() {
    let aws = StandIn::start(|asked, _| match asked.target.as_str() {
        "/sts" => reply(
            403,
            "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not with the.web.token</Message></Error></ErrorResponse>",
        ),
        "/pod" => reply(500, ""),
        _ => reply(
            400,
            format!(r#"{{"__type":"AccessDeniedException","message":"{SECRET} may not"}}"#),
        ),
    })
    .await;
    let (_file, path) = file("the.web.token");
    let (sts, pod) = (format!("{}/sts", aws.url), format!("{}/pod", aws.url));
    let web = [("AWS_WEB_IDENTITY_TOKEN_FILE", path.as_str()), ("AWS_ROLE_ARN", "role")];
    let endpoints = [
        ("AWS_ENDPOINT_URL_STS", sts.as_str()),
        ("AWS_ENDPOINT_URL_ECR", &aws.url),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &pod),
    ];
    for (more, parts) in [
        (
            &[KEYS[0], KEYS[1], web[0], web[1]][..],
            ["ecr:GetAuthorizationToken", "AccessDeniedException"],
        ),
        (&web[..], ["web identity", "AccessDenied"]),
        (&[], ["container credentials", "500"]),
        (
            &[
                ("AWS_WEB_IDENTITY_TOKEN_FILE", "/does/not/exist"),
                ("AWS_ROLE_ARN", "role"),
            ],
            ["web identity", "/does/not/exist"],
        ),
    ] {
        let identities = identities(&[more, &endpoints].concat());
        let error = login(&identities, REGISTRY).await.unwrap_err().to_string();
        for part in parts {
            assert!(error.contains(part), "{part} in {error}");
        }
        assert!(!error.contains(SECRET) && !error.contains("the.web.token"), "{error}");
    }
}
