//! GitHub Apps: a server that answers as GitHub's REST API documents it, and a git server that takes the tokens.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use argocd_image_updater::{
    engine::app_tokens,
    git::{GitCredentials, GitError},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jiff::{SignedDuration, Timestamp};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, RsaPublicKeyComponents};
use serde_json::{Value, json};

use super::{Desk, secret};
use crate::{
    identity::stand_in::{Asked, Reply, StandIn, reply},
    support::{
        git_server::GitServer,
        proxies::{Kind, Proxy},
        tls_front::TlsFront,
    },
};

/// PKCS #8, made for these tests.
const KEY: &str = include_str!("../identity/service-account.pem");

/// GitHub: its API, whose tokens its git server takes until another one is given.
struct GitHub {
    api: StandIn,
    git: Arc<GitServer>,
    given: Arc<AtomicU64>,
}

impl GitHub {
    /// `life` is that of a token.
    async fn start(life: SignedDuration) -> Self {
        let git = Arc::new(GitServer::start().await);
        git.create_repo("acme/deploy", &[("a.txt", "given\n")]);
        let given = Arc::new(AtomicU64::new(0));
        let (server, count) = (Arc::clone(&git), Arc::clone(&given));
        let api = StandIn::start(move |asked, _| answer(asked, &server, &count, life)).await;
        Self { api, git, given }
    }

    fn url(&self) -> String {
        self.git.url("acme/deploy")
    }

    fn credentials(&self, more: &[(&str, &str)]) -> GitCredentials {
        let base = format!("{}/api/v3/", self.api.url);
        let fields = [
            ("githubAppID", "12"),
            ("githubAppPrivateKey", KEY),
            ("githubAppEnterpriseBaseUrl", &base),
        ];
        let fields: Vec<_> = fields
            .into_iter()
            .filter(|(name, _)| !more.iter().any(|(other, _)| other == name))
            .chain(more.iter().copied())
            .collect();
        secret(&fields, &self.url())
    }

    fn targets(&self) -> Vec<String> {
        let asked = self.api.asked();
        asked
            .iter()
            .map(|asked| format!("{} {}", asked.method, asked.target))
            .collect()
    }
}

/// "Create an installation access token for an app" and "Get a repository installation for the authenticated app".
fn answer(asked: &Asked, git: &GitServer, given: &AtomicU64, life: SignedDuration) -> Reply {
    if !is_proof(asked) {
        return reply(401, r#"{"message":"A JSON web token could not be decoded"}"#);
    }
    match (asked.method.as_str(), asked.target.as_str()) {
        ("GET", "/api/v3/repos/acme/deploy/installation") => reply(200, r#"{"id":77,"app_id":12}"#),
        ("POST", "/api/v3/app/installations/77/access_tokens") => {
            let token = format!("ghs_t0ken{}", given.fetch_add(1, Ordering::SeqCst));
            git.require_password("x-access-token", &token);
            let until = Timestamp::now() + life;
            reply(
                201,
                json!({"token": token, "expires_at": until.to_string()}).to_string(),
            )
        }
        _ => reply(
            404,
            r#"{"message":"Not Found","documentation_url":"https://docs.github.com/rest"}"#,
        ),
    }
}

/// Whether it comes from the App with the key: "Generating a JSON Web Token (JWT) for a GitHub App".
fn is_proof(asked: &Asked) -> bool {
    assert_eq!(asked.header("accept"), "application/vnd.github+json");
    assert_eq!(asked.header("x-github-api-version"), "2022-11-28");
    let token = asked
        .header("authorization")
        .strip_prefix("Bearer ")
        .expect("a bearer token");
    let (text, signature) = token.rsplit_once('.').expect("a signature");
    let der: String = KEY.lines().filter(|line| !line.starts_with('-')).collect();
    let pair = RsaKeyPair::from_pkcs8(&STANDARD.decode(der).expect("PEM")).expect("a key");
    let public: RsaPublicKeyComponents<Vec<u8>> = pair.public().into();
    let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64");
    let (_, claims) = text.split_once('.').expect("two parts");
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).expect("base64")).expect("JSON");
    let (now, number) = (Timestamp::now().as_second(), |name: &str| {
        claims[name].as_i64().expect("seconds")
    });
    assert!(
        number("iat") <= now && number("exp") > now && number("exp") - number("iat") <= 600,
        "{claims}"
    );
    assert_eq!(claims["iss"], "12");
    public
        .verify(&RSA_PKCS1_2048_8192_SHA256, text.as_bytes(), &signature)
        .is_ok()
}

fn desk() -> Desk {
    let mut desk = Desk::new();
    desk.options.transport.app_tokens = Some(app_tokens());
    desk
}

const HOUR: SignedDuration = SignedDuration::from_hours(1);

#[tokio::test]
async fn an_app_writes_with_one_token_for_many_runs() {
    let github = GitHub::start(HOUR).await;
    let (desk, credentials) = (desk(), github.credentials(&[("githubAppInstallationID", "77")]));
    for _ in 0..2 {
        desk.visit(&github.url(), &credentials)
            .await
            .expect("the token is taken");
        github.git.commit_as_other("acme/deploy", "main", "a.txt", "given\n");
    }
    assert_eq!(github.targets(), ["POST /api/v3/app/installations/77/access_tokens"]);
    let record = desk.record();
    assert!(
        record.contains("credential get") && !record.contains("ghs_t0ken"),
        "{record}"
    );
}

#[tokio::test]
async fn the_installation_is_looked_up_from_the_repository() {
    let github = GitHub::start(HOUR).await;
    let visit = desk().visit(&github.url(), &github.credentials(&[])).await;
    visit.expect("the token is taken");
    assert_eq!(
        github.targets(),
        [
            "GET /api/v3/repos/acme/deploy/installation",
            "POST /api/v3/app/installations/77/access_tokens"
        ]
    );
}

#[tokio::test]
async fn a_token_is_renewed_before_its_end_and_the_credentials_stay_the_same() {
    // It lives but two minutes, of which the first half counts; the clock moves an hour.
    let github = GitHub::start(SignedDuration::from_mins(2)).await;
    let (desk, credentials) = (desk(), github.credentials(&[("githubAppInstallationID", "77")]));
    let before = credentials.identity();
    desk.visit(&github.url(), &credentials)
        .await
        .expect("the token is taken");
    tokio::time::pause();
    tokio::time::advance(std::time::Duration::from_mins(59)).await;
    tokio::time::resume();
    github.git.commit_as_other("acme/deploy", "main", "a.txt", "given\n");
    desk.visit(&github.url(), &credentials)
        .await
        .expect("the next one is taken");
    assert_eq!(github.given.load(Ordering::SeqCst), 2);
    assert_eq!(credentials.identity(), before);
}

#[tokio::test]
async fn a_token_that_is_refused_before_its_end_is_renewed_within_the_run() {
    let github = GitHub::start(HOUR).await;
    let (desk, credentials) = (desk(), github.credentials(&[("githubAppInstallationID", "77")]));
    desk.visit(&github.url(), &credentials)
        .await
        .expect("the token is taken");
    github.git.commit_as_other("acme/deploy", "main", "a.txt", "given\n");
    tokio::time::pause();
    tokio::time::advance(std::time::Duration::from_mins(5)).await;
    tokio::time::resume();
    // The App was suspended and is back: its old tokens are no good.
    github.git.require_password("x-access-token", "none");
    desk.visit(&github.url(), &credentials)
        .await
        .expect("the next one is taken");
    assert_eq!(github.given.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_fresh_token_that_is_refused_is_not_asked_for_again() {
    let github = GitHub::start(HOUR).await;
    let credentials = github.credentials(&[("githubAppInstallationID", "77")]);
    let (desk, refusing) = (desk(), GitServer::start().await);
    refusing.create_repo("acme/deploy", &[("a.txt", "given\n")]);
    refusing.require_password("x-access-token", "none");
    let error = desk.failure(&refusing.url("acme/deploy"), &credentials).await;
    assert!(matches!(error, GitError::Unauthorized { .. }), "{error:?}");
    assert_eq!(github.given.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_github_says_is_told_without_what_is_secret() {
    let github = GitHub::start(HOUR).await;
    for (more, expected) in [
        (
            [("githubAppInstallationID", "78")],
            "POST /app/installations/78/access_tokens: it answers 404 Not Found: Not Found",
        ),
        (
            [(
                "githubAppPrivateKey",
                "-----BEGIN RSA PRIVATE KEY-----\nc2VjcmV0\n-----END RSA PRIVATE KEY-----",
            )],
            "githubAppPrivateKey: is not an RSA key in PEM",
        ),
    ] {
        let error = desk().failure(&github.url(), &github.credentials(&more)).await;
        assert!(matches!(error, GitError::Token { .. }), "{error:?}");
        let shown = error.to_string();
        assert!(
            shown.contains(expected) && !shown.contains("c2Vj") && !shown.contains("eyJ"),
            "{shown}"
        );
    }
}

#[tokio::test]
async fn the_api_is_reached_as_the_repository_is() {
    let github = GitHub::start(HOUR).await;
    let target = github
        .api
        .url
        .trim_start_matches("http://")
        .parse()
        .expect("an address");
    let (front, proxy) = (TlsFront::start(target, true).await, Proxy::start(Kind::Http).await);
    let (base, address) = (format!("https://{}/api/v3", front.address()), proxy.url());
    let mut desk = desk();
    let folder = desk.folder.path().join("tls");
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::write(folder.join("127.0.0.1"), &front.ca).expect("a file");
    desk.options.transport.tls_dirs = vec![folder];
    // The repository itself is reached over http through the same proxy, which lets only tunnels through.
    let fields = [
        ("githubAppEnterpriseBaseUrl", base.as_str()),
        ("tlsClientCertData", &front.client_certificate),
        ("tlsClientCertKey", &front.client_key),
        ("proxy", &address),
    ];
    let error = desk.failure(&github.url(), &github.credentials(&fields)).await;
    assert!(!matches!(error, GitError::Token { .. }), "{error:?}");
    assert_eq!(github.given.load(Ordering::SeqCst), 1);
    assert_eq!(proxy.asked()[0], front.address().to_string());
}
