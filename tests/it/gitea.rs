//! Writing to Gitea, a real forge: over https with passwords and tokens, over ssh with keys, and what becomes of it when
//! the forge says no.

use reqwest::Method;
use serde_json::json;

use crate::{
    support::gitea::{Gitea, Owner},
    world::{
        Fleet, PASSWORDS,
        fleet::{application, file, repository, text, updater},
    },
};

/// The repository of every test; its owner has the name of the test.
const REPOSITORY: &str = "deploy";
/// One Application.
const FILES: [(&str, &str); 2] = [
    ("web/kustomization.yaml", "kind: Kustomization\n"),
    ("README.md", "hello\n"),
];

/// A repository with one Application in it, of which v1.1.0 is the newest tag.
struct Shop {
    owner: Owner,
    fleet: Fleet,
}

impl Shop {
    /// The owner's own password is used.
    async fn given(name: &str, config: serde_json::Value) -> Self {
        let owner = owner(name).await;
        owner.repository(REPOSITORY, &FILES).await;
        let login = json!({ "username": owner.name, "password": PASSWORDS[0] });
        Self::with(owner, &login, &config).await
    }

    /// These are the fields of the repository's Secret.
    async fn with(owner: Owner, login: &serde_json::Value, config: &serde_json::Value) -> Self {
        let url = owner.url(REPOSITORY);
        Self::at(&url, owner, login, config).await
    }

    /// The same at any URL of the repository.
    async fn at(url: &str, owner: Owner, login: &serde_json::Value, config: &serde_json::Value) -> Self {
        let objects = [application("web", url), updater(config), repository(url, login)];
        let gitea = Gitea::shared().await;
        let fleet = Fleet::given(&objects)
            .await
            .with_environment("ARGOCD_TLS_DATA_PATH", &gitea.trust().display().to_string())
            .with_environment("ARGOCD_SSH_DATA_PATH", &gitea.known_hosts().display().to_string());
        fleet.release("v1.1.0");
        Self { owner, fleet }
    }

    /// What the file of the Application says on a branch.
    async fn file(&self, branch: &str) -> String {
        self.owner.file(REPOSITORY, branch, &file("web")).await
    }

    /// How many commits a branch has.
    async fn commits(&self, branch: &str) -> usize {
        self.owner.log(REPOSITORY, branch).await.len()
    }

    /// The only problem of a cycle, reason and message.
    async fn problem(&self) -> (String, String) {
        self.fleet.cycle().await;
        let mut problems = self.fleet.problems();
        assert_eq!(problems.len(), 1, "{problems:?}");
        problems.remove(0)
    }
}

async fn owner(name: &str) -> Owner {
    Gitea::shared().await.owner(name, PASSWORDS[0]).await
}

#[tokio::test]
async fn a_password_writes_over_https_and_a_second_cycle_writes_nothing() {
    let shop = Shop::given("password", json!({})).await;

    shop.fleet.cycle().await;

    assert_eq!(shop.fleet.problems(), []);
    assert_eq!(shop.file("main").await, text("v1.1.0"));
    let log = shop.owner.log(REPOSITORY, "main").await;
    assert_eq!((log.len(), log[0].parents), (2, 1), "{log:?}");
    assert!(log[0].message.contains("web"), "{log:?}");

    shop.fleet.cycle().await;
    assert_eq!(shop.owner.log(REPOSITORY, "main").await, log);
}

#[tokio::test]
async fn a_token_writes_if_it_may_and_is_shown_nowhere() {
    let owner = owner("tokens").await;
    owner.repository(REPOSITORY, &FILES).await;
    let reading = owner.token(&["read:repository"]).await;
    let writing = owner.token(&["write:repository"]).await;
    let login = |token: &str| json!({ "username": owner.name, "password": token });
    let logins = [login(&reading), login(&writing)];

    let shop = Shop::with(owner, &logins[0], &json!({})).await;
    let run = shop.fleet.cycle().await;
    let problems = shop.fleet.problems();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].0, "CredentialsUnavailable", "{problems:?}");
    assert_eq!(shop.commits("main").await, 1);
    assert!(!run.log.contains(&reading), "{}", run.log);

    let shop = Shop::with(shop.owner, &logins[1], &json!({})).await;
    let run = shop.fleet.cycle().await;
    assert_eq!(shop.fleet.problems(), []);
    assert_eq!(shop.file("main").await, text("v1.1.0"));
    assert!(!run.log.contains(&writing), "{}", run.log);
}

#[tokio::test]
async fn a_wrong_token_is_told_in_the_words_of_the_forge() {
    let owner = owner("wrong-token").await;
    owner.repository(REPOSITORY, &FILES).await;
    let login = json!({ "username": owner.name, "password": PASSWORDS[1] });
    let shop = Shop::with(owner, &login, &json!({})).await;

    let (reason, message) = shop.problem().await;

    assert_eq!(reason, "CredentialsUnavailable", "{message}");
    assert!(message.contains("Failed to authenticate user"), "{message}");
    assert_eq!(shop.commits("main").await, 1);
}

#[tokio::test]
async fn a_protected_branch_is_refused_in_the_words_of_the_forge_until_it_is_free() {
    let shop = Shop::given("protected", json!({})).await;
    shop.owner.protect(REPOSITORY, "main").await;

    let (reason, message) = shop.problem().await;

    assert_eq!(reason, "WriteFailed", "{message}");
    assert!(
        message.contains("Not allowed to push to protected branch main"),
        "{message}"
    );
    assert_eq!(shop.commits("main").await, 1);
    assert_eq!(shop.fleet.status().get("recentUpdates"), None);

    let rule = "/branch_protections/main";
    shop.owner.ask(Method::DELETE, REPOSITORY, rule, None).await;
    shop.fleet.cycle().await;
    assert_eq!(shop.fleet.problems(), []);
    assert_eq!(shop.file("main").await, text("v1.1.0"));
}

#[tokio::test]
async fn a_branch_that_was_deleted_and_one_that_was_made_anew_are_told_apart() {
    let shop = Shop::given("recreated", json!({ "branch": "release" })).await;
    let branch = json!({ "new_branch_name": "release", "old_ref_name": "main" });
    let make = || {
        shop.owner
            .ask(Method::POST, REPOSITORY, "/branches", Some(branch.clone()))
    };
    make().await;
    shop.fleet.cycle().await;
    assert_eq!(shop.file("release").await, text("v1.1.0"));

    shop.owner
        .ask(Method::DELETE, REPOSITORY, "/branches/release", None)
        .await;
    shop.fleet.release("v1.2.0");
    let (reason, message) = shop.problem().await;
    assert_eq!(reason, "TargetUnusable", "{message}");
    assert!(message.contains("release"), "{message}");
    assert_eq!(shop.owner.branches(REPOSITORY).await, ["main"]);

    make().await;
    shop.fleet.cycle().await;
    assert_eq!(shop.fleet.problems(), []);
    assert_eq!(shop.file("release").await, text("v1.2.0"));
    assert_eq!(shop.commits("release").await, 2, "the first commit and ours");
}

#[tokio::test]
async fn a_branch_that_somebody_rewrites_is_written_as_it_is_now() {
    let shop = Shop::given("rewritten", json!({})).await;
    shop.fleet.cycle().await;
    let theirs = shop.owner.clone_of(REPOSITORY, "main").await;
    theirs.git(&["checkout", "--quiet", "--orphan", "anew"]).await;
    theirs
        .commit(
            "history is rewritten",
            &[("web/.argocd-source-web.yaml", "kustomize: {}\n")],
        )
        .await;
    theirs.git(&["push", "--quiet", "--force", "origin", "anew:main"]).await;
    shop.fleet.release("v1.2.0");

    shop.fleet.cycle().await;

    assert_eq!(shop.fleet.problems(), []);
    let log = shop.owner.log(REPOSITORY, "main").await;
    assert_eq!(log.len(), 2, "{log:?}");
    assert_eq!((log[1].message.as_str(), log[1].parents), ("history is rewritten", 0));
    assert!(shop.file("main").await.contains("app:v1.2.0"));
}

#[tokio::test]
async fn the_default_branch_may_be_called_otherwise_tomorrow() {
    let shop = Shop::given("renamed", json!({})).await;
    let mut head = application("web", &shop.owner.url(REPOSITORY));
    head["spec"]["source"]["targetRevision"] = json!("HEAD");
    let login = json!({ "username": shop.owner.name, "password": PASSWORDS[0] });
    let secret = repository(&shop.owner.url(REPOSITORY), &login);
    shop.fleet.write("all.yaml", &[head, updater(&json!({})), secret]);
    shop.fleet.cycle().await;
    assert_eq!(shop.file("main").await, text("v1.1.0"));

    let name = json!({ "name": "trunk" });
    shop.owner
        .ask(Method::PATCH, REPOSITORY, "/branches/main", Some(name))
        .await;
    shop.fleet.release("v1.2.0");
    shop.fleet.cycle().await;

    assert_eq!(shop.fleet.problems(), []);
    assert_eq!(shop.owner.branches(REPOSITORY).await, ["trunk"]);
    assert_eq!(shop.file("trunk").await, text("v1.2.0"));
    assert_eq!(shop.commits("trunk").await, 3);
}

#[tokio::test]
async fn an_empty_and_an_archived_repository_are_refused_clearly() {
    let owner = owner("refused").await;
    owner.repository(REPOSITORY, &[]).await;
    let login = json!({ "username": owner.name, "password": PASSWORDS[0] });
    let shop = Shop::with(owner, &login, &json!({})).await;

    let (reason, message) = shop.problem().await;
    assert_eq!(reason, "TargetUnusable", "{message}");
    assert!(message.contains("no branch") || message.contains("empty"), "{message}");

    let first = crate::support::writer::Writer::begin(&shop.owner.url(REPOSITORY), shop.owner.identity()).await;
    first.commit("first commit", &FILES).await;
    first.push("main").await.expect("the owner may push");
    let archived = json!({ "archived": true });
    shop.owner.ask(Method::PATCH, REPOSITORY, "", Some(archived)).await;

    let (reason, message) = shop.problem().await;
    assert!(
        ["WriteFailed", "CredentialsUnavailable"].contains(&reason.as_str()),
        "{reason}: {message}"
    );
    assert!(message.contains("archived"), "{message}");
    assert_eq!(shop.commits("main").await, 1);
}

#[tokio::test]
async fn a_deploy_key_writes_over_ssh_if_it_may() {
    let owner = owner("ssh").await;
    owner.repository(REPOSITORY, &FILES).await;
    let keys = [
        owner.deploy_key(REPOSITORY, true).await,
        owner.deploy_key(REPOSITORY, false).await,
    ];
    let login = |key: &str| json!({ "sshPrivateKey": key });
    let url = owner.ssh_url(REPOSITORY);

    let shop = Shop::at(&url, owner, &login(&keys[0]), &json!({})).await;
    let (reason, message) = shop.problem().await;
    assert_eq!(reason, "CredentialsUnavailable", "{message}");
    assert!(message.contains("not authorized to write"), "{message}");
    assert_eq!(shop.commits("main").await, 1);

    let shop = Shop::at(&url, shop.owner, &login(&keys[1]), &json!({})).await;
    shop.fleet.cycle().await;
    assert_eq!(shop.fleet.problems(), []);
    assert_eq!(shop.file("main").await, text("v1.1.0"));
}

#[tokio::test]
async fn a_protected_branch_is_refused_over_ssh_in_the_same_words() {
    let owner = owner("ssh-protected").await;
    owner.repository(REPOSITORY, &FILES).await;
    owner.protect(REPOSITORY, "main").await;
    let key = owner.deploy_key(REPOSITORY, false).await;
    let url = owner.ssh_url(REPOSITORY);
    let shop = Shop::at(&url, owner, &json!({ "sshPrivateKey": key }), &json!({})).await;

    let (reason, message) = shop.problem().await;

    assert_eq!(reason, "WriteFailed", "{message}");
    assert!(
        message.contains("Not allowed to push to protected branch main"),
        "{message}"
    );
    assert_eq!(shop.commits("main").await, 1);
}
