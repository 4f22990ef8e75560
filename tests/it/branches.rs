//! Which branch is read, which is written, and what becomes of them when others move, remove or make them.

use serde_json::{Value, json};

use crate::{
    support::git_server::GitServer,
    world::{
        Fleet, PASSWORDS,
        fleet::{application, file, repository, text, updater},
    },
};

/// A repository of Applications, and the program over them.
struct World {
    server: GitServer,
    fleet: Fleet,
}

impl World {
    /// Applications of these names, all on the revision, written as `config` says.
    async fn given(names: &[&str], revision: &str, config: Value) -> Self {
        let server = GitServer::start().await;
        let files: Vec<String> = names.iter().map(|name| format!("{name}/kustomization.yaml")).collect();
        let files: Vec<(&str, &str)> = files
            .iter()
            .map(|file| (file.as_str(), "kind: Kustomization\n"))
            .collect();
        let url = server.create_repo("deploy", &files);
        server.require_password("bot", PASSWORDS[0]);
        let mut objects = vec![
            updater(&config),
            repository(&url, &json!({ "username": "bot", "password": PASSWORDS[0] })),
        ];
        for name in names {
            let mut object = application(name, &url);
            object["spec"]["source"]["targetRevision"] = json!(revision);
            objects.push(object);
        }
        let fleet = Fleet::given(&objects).await;
        fleet.release("v1.1.0");
        Self { server, fleet }
    }

    async fn web(revision: &str, config: Value) -> Self {
        Self::given(&["web"], revision, config).await
    }

    /// A cycle without problems.
    async fn cycle(&self) {
        let run = self.fleet.cycle().await;
        assert_eq!(self.fleet.problems(), [], "{}", run.log);
    }

    /// The only problem of a cycle, which writes nothing.
    async fn refused(&self) -> (String, String) {
        self.fleet.cycle().await;
        let mut problems = self.fleet.problems();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(self.server.pushes(), 0);
        problems.remove(0)
    }

    fn file(&self, branch: &str) -> Option<String> {
        self.server.file("deploy", branch, &file("web"))
    }

    fn commits(&self, branch: &str) -> usize {
        self.server.log("deploy", branch).len()
    }
}

#[tokio::test]
async fn without_a_base_the_default_branch_is_written_whatever_it_is_called() {
    for revision in ["", "HEAD"] {
        let world = World::web(revision, json!({})).await;
        world.server.commit_as_other("deploy", "trunk", "README.md", "hello\n");
        world.server.set_default_branch("deploy", "trunk");

        world.cycle().await;

        assert_eq!(world.file("trunk"), Some(text("v1.1.0")), "{revision:?}");
        assert_eq!((world.commits("trunk"), world.commits("main")), (3, 1));
    }
}

#[tokio::test]
async fn a_branch_to_push_to_is_made_from_its_base() {
    let world = World::web("main", json!({ "branch": "release:updates" })).await;
    let base = world
        .server
        .commit_as_other("deploy", "release", "README.md", "hello\n");

    world.cycle().await;

    assert_eq!(world.file("updates"), Some(text("v1.1.0")));
    assert_eq!(world.server.log("deploy", "updates")[0].parents, [base]);
    assert_eq!((world.commits("release"), world.commits("main")), (2, 1));
    assert_eq!((world.server.fetches(), world.server.pushes()), (1, 1));
}

#[tokio::test]
async fn a_branch_to_push_to_that_is_there_goes_on_as_it_is() {
    let world = World::web("main", json!({ "branch": "main:updates" })).await;
    let theirs = world.server.commit_as_other("deploy", "updates", "theirs.txt", "x\n");
    world.server.commit_as_other("deploy", "main", "later.txt", "x\n");

    world.cycle().await;

    assert_eq!(world.file("updates"), Some(text("v1.1.0")));
    assert_eq!(world.server.log("deploy", "updates")[0].parents, [theirs]);
    assert_eq!(
        world.server.file("deploy", "updates", "later.txt"),
        None,
        "it is not brought up to date"
    );
}

#[tokio::test]
async fn a_branch_to_push_to_that_was_removed_is_made_anew_from_the_base_of_today() {
    let world = World::web("main", json!({ "branch": "main:updates" })).await;
    world.cycle().await;
    world.server.delete_branch("deploy", "updates");
    let base = world.server.commit_as_other("deploy", "main", "later.txt", "x\n");
    world.fleet.release("v1.2.0");

    world.cycle().await;

    assert_eq!(world.file("updates"), Some(text("v1.2.0")));
    assert_eq!(world.server.log("deploy", "updates")[0].parents, [base]);
}

#[tokio::test]
async fn a_branch_to_push_to_that_somebody_rewrote_keeps_what_they_wrote() {
    let world = World::web("main", json!({ "branch": "main:updates" })).await;
    world.cycle().await;
    world.server.fast_import(
        "deploy",
        "reset refs/heads/updates\n\ncommit refs/heads/updates\ncommitter A <a@x> 1700000000 +0000\ndata 4\nanew\n\
         M 100644 inline theirs.txt\ndata 2\nx\n",
    );
    world.fleet.release("v1.2.0");

    world.cycle().await;

    let log = world.server.log("deploy", "updates");
    assert_eq!((log.len(), log[1].message.as_str()), (2, "anew"), "{log:?}");
    assert_eq!(world.file("updates"), Some(text("v1.2.0")));
}

#[tokio::test]
async fn a_tag_a_commit_and_a_branch_that_is_not_there_are_no_base() {
    for config in [
        json!({ "branch": "REVISION" }),
        json!({}),
        json!({ "branch": "REVISION:updates" }),
    ] {
        for kind in ["tag", "commit", "nothing"] {
            let world = World::web("main", json!({})).await;
            world.server.tag("deploy", "v7", "main");
            let commit = world.server.head("deploy", "main").expect("a commit");
            let revision = match kind {
                "tag" => "v7",
                "commit" => commit.as_str(),
                _ => "elsewhere",
            };
            let url = world.server.url("deploy");
            let mut object = application("web", &url);
            object["spec"]["source"]["targetRevision"] = json!(revision);
            let config: Value = serde_json::from_str(&config.to_string().replace("REVISION", revision)).expect("JSON");
            let secret = repository(&url, &json!({ "username": "bot", "password": PASSWORDS[0] }));
            world.fleet.write("all.yaml", &[object, updater(&config), secret]);

            let (reason, message) = world.refused().await;

            assert_eq!(reason, "TargetUnusable", "{kind}, {config}: {message}");
            assert!(message.contains(revision), "{kind}, {config}: {message}");
        }
    }
}

#[tokio::test]
async fn what_the_application_follows_does_not_matter_when_a_base_is_configured() {
    let world = World::web("v7", json!({ "branch": "main" })).await;
    world.server.tag("deploy", "v7", "main");

    world.cycle().await;

    assert_eq!(world.file("main"), Some(text("v1.1.0")));
}

#[tokio::test]
async fn a_template_gives_each_application_a_branch_and_all_are_fetched_at_once() {
    let world = World::given(
        &["api", "web"],
        "main",
        json!({ "branch": "main:updates/{{ .AppNamespace }}/{{ .AppName }}-{{ (index .Images 0).NewTag }}" }),
    )
    .await;

    world.cycle().await;

    for name in ["api", "web"] {
        let branch = format!("updates/argocd/{name}-v1.1.0");
        let log = world.server.log("deploy", &branch);
        assert_eq!((log.len(), &log[0].files), (2, &vec![file(name)]), "{branch}: {log:?}");
    }
    assert_eq!(world.commits("main"), 1);
    assert_eq!((world.server.fetches(), world.server.pushes()), (1, 2));
}

#[tokio::test]
async fn a_template_that_gives_no_name_of_a_branch_is_an_error_of_that_application() {
    for branch in [
        "main:{{ if false }}x{{ end }}",
        "main:a..b",
        "main:-x",
        "main:x.lock",
        "main:a b",
    ] {
        let world = World::web("main", json!({ "branch": branch })).await;

        let (reason, message) = world.refused().await;

        assert!(
            ["InvalidSetting", "TargetUnusable"].contains(&reason.as_str()),
            "{branch}: {reason} {message}"
        );
    }
}
