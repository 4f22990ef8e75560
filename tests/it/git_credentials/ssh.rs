//! Over SSH, with OpenSSH's server.

use std::path::PathBuf;

use argocd_image_updater::{
    core::verdict::Reason,
    git::{GitCredentials, GitError},
};

use super::{Desk, secret};
use crate::support::{
    git_server::GitServer,
    proxies::{Kind, Proxy},
    sshd::{KeyFormat, PASSPHRASE, Sshd, private_file},
};

/// A repository behind an SSH server, and a desk that knows its host key.
struct World {
    git: GitServer,
    sshd: Sshd,
    desk: Desk,
    folder: PathBuf,
}

impl World {
    async fn new() -> Self {
        let git = GitServer::start().await;
        git.create_repo("deploy", &[("a.txt", "given\n")]);
        let folder = git.folder("deploy");
        let sshd = Sshd::start();
        let mut desk = Desk::new();
        desk.options.transport.ssh_known_hosts = sshd.known_hosts();
        Self {
            git,
            sshd,
            desk,
            folder,
        }
    }

    fn url(&self) -> String {
        self.sshd.url(&self.folder)
    }

    fn key(&self) -> GitCredentials {
        let key = self.sshd.new_key("ed25519", KeyFormat::OpenSsh, "");
        secret(&[("sshPrivateKey", &key)], &self.url())
    }

    async fn works(&self, credentials: &GitCredentials) {
        let text = self.desk.visit(&self.url(), credentials).await;
        let text = text.unwrap_or_else(|error| panic!("{error}\n{}", self.sshd.log()));
        assert!(text.contains("given"), "{text}");
        assert_eq!(self.git.file("deploy", "main", "a.txt").as_deref(), Some("changed\n"));
        self.git.commit_as_other("deploy", "main", "a.txt", "given\n");
    }

    async fn fails(&self, credentials: &GitCredentials) -> GitError {
        self.desk.failure(&self.url(), credentials).await
    }
}

#[tokio::test]
async fn every_kind_of_key_logs_in_open_and_encrypted() {
    let world = World::new().await;
    for (kind, format) in [
        ("ed25519", KeyFormat::OpenSsh),
        ("ecdsa", KeyFormat::OpenSsh),
        ("ecdsa", KeyFormat::Pem),
        ("rsa", KeyFormat::OpenSsh),
        ("rsa", KeyFormat::Pem),
        ("rsa", KeyFormat::Pkcs8),
    ] {
        for passphrase in ["", PASSPHRASE] {
            let key = world.sshd.new_key(kind, format, passphrase);
            let fields = [("sshPrivateKey", key.as_str()), ("sshPrivateKeyPassphrase", passphrase)];
            world.works(&secret(&fields, &world.url())).await;
        }
    }
    let record = world.desk.record();
    assert!(record.contains("Enter passphrase for key"), "{record}");
    for secret in ["open sesame", "PRIVATE KEY"] {
        assert!(!record.contains(secret), "{record}");
    }
}

#[tokio::test]
async fn a_wrong_passphrase_names_its_field_and_is_not_repeated() {
    let world = World::new().await;
    for (kind, format) in [("ed25519", KeyFormat::OpenSsh), ("rsa", KeyFormat::Pem)] {
        let key = world.sshd.new_key(kind, format, PASSPHRASE);
        let fields = [
            ("sshPrivateKey", key.as_str()),
            ("sshPrivateKeyPassphrase", "hunter2-91"),
        ];
        let error = world.fails(&secret(&fields, &world.url())).await;
        assert_eq!(error.reason(), Reason::CredentialsUnavailable);
        let shown = format!("{error} {error:?}");
        assert!(
            shown.contains("sshPrivateKeyPassphrase") && !shown.contains("hunter2"),
            "{shown}"
        );
    }
}

#[tokio::test]
async fn a_key_that_nobody_lets_in_is_refused_credentials() {
    let world = World::new().await;
    let key = world.sshd.stranger();
    let error = world.fails(&secret(&[("sshPrivateKey", &key)], &world.url())).await;
    assert!(matches!(&error, GitError::Unauthorized { .. }), "{error:?}");
    assert!(error.to_string().contains("Permission denied (publickey)"), "{error}");
}

#[tokio::test]
async fn the_host_key_has_to_be_known_unless_it_is_said_otherwise() {
    let mut world = World::new().await;
    let key = world.sshd.new_key("ed25519", KeyFormat::OpenSsh, "");
    for (file, expected) in [
        (
            PathBuf::from("/does/not/exist"),
            "is not known; add it to ssh_known_hosts",
        ),
        (
            world.sshd.wrong_known_hosts(),
            "is another one than ssh_known_hosts has",
        ),
    ] {
        world.desk.options.transport.ssh_known_hosts = file;
        let error = world.fails(&secret(&[("sshPrivateKey", &key)], &world.url())).await;
        assert!(matches!(&error, GitError::HostKey { .. }), "{error:?}");
        assert!(error.to_string().contains(expected), "{error}");
        for switch in ["insecure", "insecureIgnoreHostKey"] {
            world
                .works(&secret(&[("sshPrivateKey", &key), (switch, "true")], &world.url()))
                .await;
        }
    }
}

#[tokio::test]
async fn a_repository_that_is_not_there_is_told_in_the_servers_words() {
    let mut world = World::new().await;
    let key = world.key();
    world.folder = world.folder.join("nothing");
    let error = world.fails(&key).await;
    assert!(matches!(&error, GitError::NotFound { .. }), "{error:?}");
    assert!(
        error.to_string().contains("does not appear to be a git repository"),
        "{error}"
    );
}

#[tokio::test]
async fn ssh_goes_through_the_proxy_of_the_repository() {
    for kind in [Kind::Socks5, Kind::Http] {
        let mut world = World::new().await;
        let proxy = Proxy::start(kind).await;
        let (key, address) = (world.sshd.new_key("ed25519", KeyFormat::OpenSsh, ""), proxy.url());
        let port = world.sshd.address().port();
        // A name that only the proxy knows.
        let url = world.sshd.url_at("git.invalid", &world.folder);
        let known = std::fs::read_to_string(world.sshd.known_hosts()).expect("a file");
        let file = world.sshd.folder().join("by_name");
        std::fs::write(&file, known.replace("127.0.0.1", "git.invalid")).expect("a file");
        world.desk.options.transport.ssh_known_hosts = file;
        let fields = [("sshPrivateKey", key.as_str()), ("proxy", &address)];
        let visit = world.desk.visit(&url, &secret(&fields, &url)).await;
        assert!(visit.is_ok(), "{visit:?}\n{}", world.sshd.log());
        let asked = proxy.asked();
        assert!(
            !asked.is_empty() && asked.iter().all(|target| *target == format!("git.invalid:{port}")),
            "{asked:?}"
        );
        let record = world.desk.record();
        assert!(record.contains(&format!("tunnel git.invalid {port}")), "{record}");
        assert!(!record.contains("pr0xy"), "{record}");
    }
}

#[tokio::test]
async fn a_proxy_that_refuses_ssh_is_told_without_its_password() {
    for kind in [Kind::Socks5, Kind::Http] {
        let world = World::new().await;
        let proxy = Proxy::start(kind).await;
        let (key, address) = (world.sshd.stranger(), proxy.url_with("wr0ng-7f"));
        let error = world
            .fails(&secret(&[("sshPrivateKey", &key), ("proxy", &address)], &world.url()))
            .await;
        assert!(matches!(&error, GitError::Unreachable { .. }), "{error:?}");
        let shown = error.to_string();
        assert!(
            shown.contains("demands a user and a password") && !shown.contains("wr0ng-7f"),
            "{shown}"
        );
    }
}

#[tokio::test]
async fn the_mounted_configuration_counts_but_not_where_it_weakens() {
    let mut world = World::new().await;
    let key = world.sshd.new_key("ed25519", KeyFormat::OpenSsh, "");
    let identity = world.sshd.folder().join("identity");
    private_file(&identity, &key);
    let port = world.sshd.address().port();
    let config = world.sshd.folder().join("config");
    let text = format!(
        "Host forge\n  HostName 127.0.0.1\n  Port {port}\n  IdentityFile {}\nHost *\n  StrictHostKeyChecking no\n  \
         UserKnownHostsFile /dev/null\n  ControlMaster auto\n  ControlPath {}/control\n  ControlPersist yes\n",
        identity.display(),
        world.sshd.folder().display(),
    );
    std::fs::write(&config, text).expect("a file");
    world.desk.options.transport.ssh_config = config;
    let url = world.url().replace(&format!("127.0.0.1:{port}"), "forge");
    let nobody = GitCredentials::anonymous();
    let visit = world.desk.visit(&url, &nobody).await;
    assert!(visit.is_ok(), "{visit:?}\n{}", world.sshd.log());
    world.desk.options.transport.ssh_known_hosts = world.sshd.wrong_known_hosts();
    let error = world.desk.failure(&url, &nobody).await;
    assert!(matches!(&error, GitError::HostKey { .. }), "{error:?}");
    assert!(
        !world.sshd.folder().join("control").exists(),
        "no connection outlives its run"
    );
}

#[tokio::test]
async fn an_ssh_host_that_is_never_asked_is_refused_before() {
    let world = World::new().await;
    let url = "ssh://git@169.254.169.254/deploy";
    let error = world.desk.failure(url, &world.key()).await;
    assert!(matches!(&error, GitError::Refused { .. }), "{error:?}");
}
