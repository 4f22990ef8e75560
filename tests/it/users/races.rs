//! Others write to the same branch, and servers have many words for it.

use serde_json::{Value, json};

use crate::{
    support::git_server::GitServer,
    world::{
        Fleet, PASSWORDS,
        fleet::{application, file, repository, text, updater},
    },
};

/// A repository with Applications of these names, written as `config` says.
async fn given(names: &[&str], config: &Value) -> (GitServer, Fleet) {
    let server = GitServer::start().await;
    let files: Vec<String> = names.iter().map(|name| format!("{name}/kustomization.yaml")).collect();
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|file| (file.as_str(), "kind: Kustomization\n"))
        .collect();
    let url = server.create_repo("deploy", &files);
    server.require_password("bot", PASSWORDS[0]);
    let mut objects: Vec<Value> = names.iter().map(|name| application(name, &url)).collect();
    objects.push(updater(config));
    objects.push(repository(
        &url,
        &json!({ "username": "bot", "password": PASSWORDS[0] }),
    ));
    let fleet = Fleet::given(&objects).await;
    fleet.release("v1.1.0");
    (server, fleet)
}

#[tokio::test]
async fn a_second_update_of_a_push_branch_goes_on_top_of_the_first() {
    // #673 #879
    let (server, fleet) = given(&["web"], &json!({ "branch": "main:updates" })).await;
    fleet.cycle().await;
    let first = server.head("deploy", "updates").expect("it is pushed");
    fleet.release("v1.2.0");

    fleet.cycle().await;

    assert_eq!(fleet.problems(), []);
    let log = server.log("deploy", "updates");
    assert_eq!(log.len(), 3, "{log:?}");
    assert_eq!(log[0].parents, [first]);
    assert_eq!(server.file("deploy", "updates", &file("web")), Some(text("v1.2.0")));
    assert_eq!(server.log("deploy", "main").len(), 1);
    assert_eq!(server.pushes(), 2);
}

#[tokio::test]
async fn a_push_branch_that_somebody_makes_at_the_same_time_keeps_their_commit() {
    let (server, fleet) = given(&["web"], &json!({ "branch": "main:updates" })).await;
    server.sneak_in_before_next_push("deploy", "updates", "theirs.txt", "x\n");

    fleet.cycle().await;

    assert_eq!(fleet.problems(), []);
    let log = server.log("deploy", "updates");
    assert_eq!(log.len(), 3, "{log:?}");
    assert_eq!(server.file("deploy", "updates", "theirs.txt").as_deref(), Some("x\n"));
    assert_eq!(server.file("deploy", "updates", &file("web")), Some(text("v1.1.0")));
}

#[tokio::test]
async fn a_moved_head_is_known_in_the_words_of_every_server() {
    let (server, fleet) = given(&["web"], &json!({})).await;
    let words = [
        "incorrect old value provided",
        "stale info",
        "fetch first",
        "non-fast-forward",
        "failed to update ref",
        "cannot lock ref 'refs/heads/main': is at 1f0c but expected 2a9b",
        "LOCK_FAILURE",
        "lock failure",
        "remote ref updated since checkout",
        "TF401028: The reference 'refs/heads/main' has already been updated by another client.",
    ];
    for (number, words) in words.iter().enumerate() {
        let tag = format!("v1.{}.0", number + 2);
        fleet.release(&tag);
        let before = server.pushes();
        server.reject_next_push(words);

        let run = fleet.cycle().await;

        assert_eq!(fleet.problems(), [], "{words}: {}", run.log);
        assert_eq!(server.file("deploy", "main", &file("web")), Some(text(&tag)), "{words}");
        assert_eq!(server.pushes() - before, 2, "{words}");
        assert_eq!(server.log("deploy", "main").len(), number + 2, "{words}");
    }
}

#[tokio::test]
async fn what_a_server_refuses_for_another_reason_is_not_tried_again_at_once() {
    let (server, fleet) = given(&["web"], &json!({})).await;
    for words in [
        "protected branch hook declined",
        "pre-receive hook declined",
        "permission denied",
        "'refs/heads/main/x' exists; cannot create 'refs/heads/main'",
    ] {
        let before = server.pushes();
        server.reject_next_push(words);

        fleet.cycle().await;

        let problems = fleet.problems();
        assert_eq!(problems.len(), 1, "{words}: {problems:?}");
        assert_eq!(problems[0].0, "WriteFailed", "{words}: {problems:?}");
        assert!(problems[0].1.contains(words), "{words}: {problems:?}");
        assert_eq!(server.pushes() - before, 1, "{words}");
        assert_eq!(fleet.status().get("recentUpdates"), None, "{words}");
    }
    assert_eq!(server.log("deploy", "main").len(), 1);
}

#[tokio::test]
async fn two_resources_for_one_branch_push_once() {
    let (server, fleet) = given(&["api", "web"], &json!({})).await;
    let url = server.url("deploy");
    let mut objects = vec![application("api", &url), application("web", &url)];
    for name in ["api", "web"] {
        let mut one = updater(&json!({}));
        one["metadata"]["name"] = json!(format!("only-{name}"));
        one["spec"]["applicationRefs"][0]["namePattern"] = json!(name);
        objects.push(one);
    }
    objects.push(repository(
        &url,
        &json!({ "username": "bot", "password": PASSWORDS[0] }),
    ));
    fleet.write("all.yaml", &objects);

    fleet.cycle().await;

    for name in ["api", "web"] {
        assert_eq!(
            server.file("deploy", "main", &file(name)),
            Some(text("v1.1.0")),
            "{name}"
        );
    }
    assert_eq!(server.log("deploy", "main").len(), 3);
    assert_eq!((server.fetches(), server.pushes()), (1, 1));
}
