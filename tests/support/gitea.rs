//! Gitea, a real forge, as a child process: one for all tests, and each test has a user of its own in it.
//!
//! It speaks https with a CA of its own, and ssh by the server that it brings along.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::support::{
    servers::{self, Household},
    writer::{Identity, Writer},
};

static SHARED: OnceCell<Gitea> = OnceCell::const_new();

/// A running Gitea.
pub struct Gitea {
    port: u16,
    ssh_port: u16,
    token: String,
    household: Household,
    _process: Child,
}

/// A user, who owns the repositories of one test.
pub struct Owner {
    gitea: &'static Gitea,
    /// The name.
    pub name: String,
    /// The password.
    pub password: String,
}

/// A commit as the API tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The id.
    pub id: String,
    /// The message, without the line break at its end.
    pub message: String,
    /// How many parents it has.
    pub parents: usize,
}

impl Gitea {
    /// The Gitea of this test process.
    pub async fn shared() -> &'static Self {
        SHARED.get_or_init(Self::start).await
    }

    async fn start() -> Self {
        let household = Household::new("gitea");
        let (port, ssh_port) = (servers::free_port(), servers::free_port());
        make_certificates(household.folder());
        let settings = household.folder().join("app.ini");
        std::fs::write(&settings, app_ini(household.folder(), port, ssh_port)).expect("a writable folder");
        let process = household.spawn(
            "gitea",
            Command::new(servers::path("gitea")).args(run(household.folder(), &["web"])),
        );
        let mut gitea = Self {
            port,
            ssh_port,
            token: String::new(),
            household,
            _process: process,
        };
        gitea.ready().await;
        gitea.token = gitea.administrator();
        gitea
    }

    async fn ready(&self) {
        let deadline = tokio::time::Instant::now() + Duration::from_mins(1);
        let health = format!("{}/api/healthz", self.address());
        loop {
            let answer = self.client().get(&health).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "Gitea does not answer:\n{}",
                self.household.log("gitea")
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Makes the administrator; the token of it.
    fn administrator(&self) -> String {
        let create = [
            "admin",
            "user",
            "create",
            "--admin",
            "--username",
            "root",
            "--email",
            "root@example.com",
            "--random-password",
            "--access-token",
            "--access-token-scopes",
            "all",
        ];
        let output = Command::new(servers::path("gitea"))
            .args(run(self.household.folder(), &create))
            .env("HOME", self.household.folder())
            .output()
            .expect("gitea runs");
        let words = String::from_utf8_lossy(&output.stdout).into_owned();
        let token = words.lines().find(|line| line.starts_with("Access token"));
        let token = token.and_then(|line| line.rsplit(' ').next());
        let error = String::from_utf8_lossy(&output.stderr);
        token
            .unwrap_or_else(|| panic!("no token in {words:?} {error}"))
            .to_owned()
    }

    /// `https://127.0.0.1:port`.
    pub fn address(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// The file of the CA that its certificate is from.
    pub fn ca(&self) -> PathBuf {
        self.household.folder().join("ca.pem")
    }

    /// A folder with a file of CA certificates for it, named like its host.
    pub fn trust(&self) -> PathBuf {
        let folder = self.household.folder().join("tls");
        std::fs::create_dir_all(&folder).expect("a writable folder");
        std::fs::copy(self.ca(), folder.join("127.0.0.1")).expect("a writable folder");
        folder
    }

    /// A folder with a file `ssh_known_hosts` that has its host key.
    pub fn known_hosts(&self) -> PathBuf {
        let folder = self.household.folder().join("ssh");
        std::fs::create_dir_all(&folder).expect("a writable folder");
        let key = std::fs::read_to_string(self.household.folder().join("data/ssh/gitea.rsa.pub"));
        let line = format!("[127.0.0.1]:{} {}", self.ssh_port, key.expect("a host key"));
        std::fs::write(folder.join("ssh_known_hosts"), line).expect("a writable folder");
        folder
    }

    /// A new user with this password. Names are those of tests, so that two tests never meet.
    pub async fn owner(&'static self, name: &str, password: &str) -> Owner {
        let user = json!({
            "username": name, "email": format!("{name}@example.com"), "password": password,
            "must_change_password": false,
        });
        self.ask(Method::POST, "admin/users", Some(user)).await;
        Owner {
            gitea: self,
            name: name.to_owned(),
            password: password.to_owned(),
        }
    }

    /// What the API answers the administrator; every refusal ends the test.
    pub async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        self.ask_as(&format!("token {}", self.token), method, path, body).await
    }

    async fn ask_as(&self, authorization: &str, method: Method, path: &str, body: Option<Value>) -> Value {
        let url = format!("{}/api/v1/{path}", self.address());
        let mut request = self
            .client()
            .request(method.clone(), &url)
            .header("Authorization", authorization);
        if let Some(body) = &body {
            request = request.json(body);
        }
        let answer = request.send().await.expect("Gitea answers");
        let status = answer.status();
        let text = answer.text().await.expect("a body");
        assert!(status.is_success(), "{method} {path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::String(text))
    }

    /// A client of the runtime that asks: connections end with the runtime that opened them.
    fn client(&self) -> Client {
        // There is one already unless this is the first test.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let ca = std::fs::read(self.ca()).expect("the CA");
        let ca = reqwest::Certificate::from_pem(&ca).expect("a certificate");
        Client::builder()
            .no_proxy()
            .tls_certs_only([ca])
            .build()
            .expect("a client")
    }
}

impl Owner {
    /// A token of this user with these scopes, such as `write:repository`.
    pub async fn token(&self, scopes: &[&str]) -> String {
        let basic = format!("Basic {}", STANDARD.encode(format!("{}:{}", self.name, self.password)));
        let path = format!("users/{}/tokens", self.name);
        let wanted = json!({ "name": format!("token for {}", scopes.join(" ")), "scopes": scopes });
        let token = self.gitea.ask_as(&basic, Method::POST, &path, Some(wanted)).await;
        token["sha1"].as_str().expect("a token").to_owned()
    }

    /// Makes a repository; without files it stays empty, with them they are its first commit on `main`.
    pub async fn repository(&self, name: &str, files: &[(&str, &str)]) -> String {
        let wanted = json!({ "name": name, "default_branch": "main", "private": true, "auto_init": false });
        let path = format!("admin/users/{}/repos", self.name);
        self.gitea.ask(Method::POST, &path, Some(wanted)).await;
        let url = self.url(name);
        if !files.is_empty() {
            let writer = Writer::begin(&url, self.identity()).await;
            writer.commit("first commit", files).await;
            writer.push("main").await.expect("the owner may push");
        }
        url
    }

    /// The URL of a repository over https.
    pub fn url(&self, repository: &str) -> String {
        format!("{}/{}/{repository}.git", self.gitea.address(), self.name)
    }

    /// The URL of a repository over ssh.
    pub fn ssh_url(&self, repository: &str) -> String {
        format!(
            "ssh://git@127.0.0.1:{}/{}/{repository}.git",
            self.gitea.ssh_port, self.name
        )
    }

    /// The owner as a writer.
    pub fn identity(&self) -> Identity {
        Identity {
            login: Some((self.name.clone(), self.password.clone())),
            ca: Some(self.gitea.ca()),
        }
    }

    /// A clone of the owner's.
    pub async fn clone_of(&self, repository: &str, branch: &str) -> Writer {
        Writer::clone(&self.url(repository), branch, self.identity()).await
    }

    /// Asks the API about a repository: `/branches` and the like, as the administrator.
    pub async fn ask(&self, method: Method, repository: &str, path: &str, body: Option<Value>) -> Value {
        let path = format!("repos/{}/{repository}{path}", self.name);
        self.gitea.ask(method, &path, body).await
    }

    /// Lets nobody push to a branch.
    pub async fn protect(&self, repository: &str, branch: &str) {
        let rule = json!({ "rule_name": branch, "enable_push": false, "block_admin_merge_override": true });
        self.ask(Method::POST, repository, "/branch_protections", Some(rule))
            .await;
    }

    /// Adds a new key that serves this repository only; the private one.
    pub async fn deploy_key(&self, repository: &str, read_only: bool) -> String {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("key");
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(&path)
            .status();
        assert!(made.expect("ssh-keygen is there").success());
        let public = std::fs::read_to_string(path.with_extension("pub")).expect("a public key");
        let title = format!("read only: {read_only}");
        let key = json!({ "title": title, "key": public, "read_only": read_only });
        self.ask(Method::POST, repository, "/keys", Some(key)).await;
        std::fs::read_to_string(path).expect("a private key")
    }

    /// The commits of a branch, newest first.
    pub async fn log(&self, repository: &str, branch: &str) -> Vec<Told> {
        let query = format!("/commits?sha={branch}&limit=50&stat=false&files=false&verification=false");
        let commits = self.ask(Method::GET, repository, &query, None).await;
        let told = |commit: &Value| Told {
            id: commit["sha"].as_str().expect("an id").to_owned(),
            message: commit["commit"]["message"]
                .as_str()
                .expect("a message")
                .trim_end()
                .to_owned(),
            parents: commit["parents"].as_array().map_or(0, Vec::len),
        };
        commits.as_array().expect("a list").iter().map(told).collect()
    }

    /// A file at the head of a branch.
    pub async fn file(&self, repository: &str, branch: &str, path: &str) -> String {
        let answer = self
            .ask(Method::GET, repository, &format!("/contents/{path}?ref={branch}"), None)
            .await;
        let content = answer["content"].as_str().expect("a file").replace('\n', "");
        String::from_utf8(STANDARD.decode(content).expect("base64")).expect("UTF-8")
    }

    /// The names of all branches.
    pub async fn branches(&self, repository: &str) -> Vec<String> {
        let branches = self.ask(Method::GET, repository, "/branches?limit=50", None).await;
        let name = |branch: &Value| branch["name"].as_str().expect("a name").to_owned();
        branches.as_array().expect("a list").iter().map(name).collect()
    }
}

/// A command with what every one of them needs.
fn run(folder: &Path, command: &[&str]) -> Vec<String> {
    let place = [
        format!("--work-path={}", folder.display()),
        format!("--config={}", folder.join("app.ini").display()),
    ];
    place
        .into_iter()
        .chain(command.iter().map(|word| (*word).to_owned()))
        .collect()
}

fn make_certificates(folder: &Path) {
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().expect("a key")).expect("a CA");
    let key = KeyPair::generate().expect("a key");
    let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("a name");
    let leaf = leaf.signed_by(&key, &ca).expect("a certificate");
    for (name, text) in [
        ("ca.pem", ca.pem()),
        ("cert.pem", leaf.pem()),
        ("key.pem", key.serialize_pem()),
    ] {
        std::fs::write(folder.join(name), text).expect("a writable folder");
    }
}

/// What a forge in a corner of the machine needs and no more: nothing goes out, nothing runs by itself, and passwords are
/// hashed as quickly as it can.
fn app_ini(folder: &Path, port: u16, ssh_port: u16) -> String {
    let (folder, files) = (folder.display(), servers::path("gitea-files"));
    format!(
        "
RUN_MODE = prod
I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true
WORK_PATH = {folder}
[server]
STATIC_ROOT_PATH = {files}
PROTOCOL = https
CERT_FILE = {folder}/cert.pem
KEY_FILE = {folder}/key.pem
HTTP_ADDR = 127.0.0.1
HTTP_PORT = {port}
ROOT_URL = https://127.0.0.1:{port}/
LOCAL_ROOT_URL = https://127.0.0.1:{port}/
OFFLINE_MODE = true
START_SSH_SERVER = true
BUILTIN_SSH_SERVER_USER = git
SSH_DOMAIN = 127.0.0.1
SSH_LISTEN_HOST = 127.0.0.1
SSH_PORT = {ssh_port}
[database]
DB_TYPE = sqlite3
PATH = {folder}/gitea.db
SQLITE_JOURNAL_MODE = WAL
[security]
INSTALL_LOCK = true
SECRET_KEY = tests
PASSWORD_HASH_ALGO = pbkdf2$1000$50
[service]
DISABLE_REGISTRATION = true
[repository]
ENABLE_PUSH_CREATE_USER = false
[queue]
TYPE = channel
[indexer]
ISSUE_INDEXER_TYPE = db
[actions]
ENABLED = false
[packages]
ENABLED = false
[cron]
ENABLED = false
[cron.update_checker]
ENABLED = false
[log]
MODE = console
LEVEL = Warn
",
        files = files.display()
    )
}
