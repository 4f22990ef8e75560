//! A second cycle over its own result pushes nothing, whatever became of the branches meanwhile.

use serde_json::{Value, json};

use crate::{
    support::git_server::GitServer,
    world::{
        Fleet, PASSWORDS,
        fleet::{application, file, repository, text, updater},
    },
};

/// A repository with one Application per name and these other files, written as `config` says.
async fn given(names: &[&str], files: &[(&str, &str)], config: &Value) -> (GitServer, Fleet) {
    let server = GitServer::start().await;
    let url = server.create_repo("deploy", files);
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

const WEB: [(&str, &str); 1] = [("web/kustomization.yaml", "kind: Kustomization\n")];

/// Cycles over what is written already: no pack is fetched, nothing is pushed, and nobody complains.
async fn nothing_more_happens(server: &GitServer, fleet: &Fleet) {
    let (pushes, log) = (server.pushes(), server.log("deploy", "--all"));
    for _ in 0..3 {
        let before = server.requests();
        let run = fleet.cycle().await;
        assert_eq!(fleet.problems(), [], "{}", run.log);
        let now = server.requests();
        // Listed once: git asks without its password first.
        assert!(now.authorized - before.authorized <= 2, "{}", run.log);
        assert!(now.listings - before.listings <= 2, "{}", run.log);
        assert_eq!(now.fetches - before.fetches, 0, "{}", run.log);
    }
    assert_eq!(server.pushes(), pushes);
    assert_eq!(server.log("deploy", "--all"), log);
}

#[tokio::test]
async fn what_was_pushed_is_not_pushed_again() {
    let (server, fleet) = given(&["web"], &WEB, &json!({})).await;
    fleet.cycle().await;
    assert_eq!(server.file("deploy", "main", &file("web")), Some(text("v1.1.0")));
    nothing_more_happens(&server, &fleet).await;
}

#[tokio::test]
async fn a_push_branch_beside_its_base_is_not_pushed_again() {
    // #895
    let (server, fleet) = given(&["web"], &WEB, &json!({ "branch": "main:updates" })).await;
    fleet.cycle().await;
    assert_eq!(server.file("deploy", "updates", &file("web")), Some(text("v1.1.0")));
    nothing_more_happens(&server, &fleet).await;
}

#[tokio::test]
async fn a_push_branch_that_was_merged_and_removed_stays_away() {
    // #537: not yet synced, so the old version runs still.
    let (server, fleet) = given(&["web"], &WEB, &json!({ "branch": "main:updates" })).await;
    fleet.cycle().await;
    let head = server.head("deploy", "updates").expect("it is pushed");
    server.move_branch("deploy", "main", &head);
    server.delete_branch("deploy", "updates");

    // What others merged is read once.
    let run = fleet.cycle().await;
    assert_eq!(fleet.problems(), [], "{}", run.log);

    nothing_more_happens(&server, &fleet).await;
    assert_eq!(server.head("deploy", "updates"), None);
    assert_eq!(server.pushes(), 1);
}

#[tokio::test]
async fn applications_that_share_a_file_change_it_together_and_once() {
    // #1686
    let files = [
        ("web/Chart.yaml", "name: web\n"),
        ("shared/values.yaml", "# all of them\napp:\n  tag: v1.0.0 # the tag\n"),
    ];
    let config = json!({ "writeBackTarget": "helmvalues:/shared/values.yaml" });
    let (server, fleet) = given(&[], &files, &config).await;
    let url = server.url("deploy");
    let mut objects: Vec<Value> = Vec::new();
    for name in ["one", "three", "two"] {
        let mut object = application(name, &url);
        object["spec"]["source"]["path"] = json!("web");
        object["spec"]["source"]["helm"] = json!({ "parameters": [{ "name": "app.tag", "value": "v1.0.0" }] });
        object["status"]["sourceType"] = json!("Helm");
        objects.push(object);
    }
    let mut updater = updater(&config);
    updater["spec"]["applicationRefs"][0]["images"][0]["manifestTargets"] = json!({ "helm": { "tag": "app.tag" } });
    objects.push(updater);
    objects.push(repository(
        &url,
        &json!({ "username": "bot", "password": PASSWORDS[0] }),
    ));
    fleet.write("all.yaml", &objects);

    fleet.cycle().await;

    assert_eq!(fleet.problems(), []);
    let values = server.file("deploy", "main", "shared/values.yaml").expect("a file");
    assert!(
        values.starts_with("# all of them\napp:\n  tag: v1.1.0 # the tag\n"),
        "{values}"
    );
    assert_eq!(server.log("deploy", "main").len(), 2, "one of them says it for all");
    nothing_more_happens(&server, &fleet).await;
}

#[tokio::test]
async fn applications_that_want_different_things_of_one_file_do_not_take_turns() {
    let files = [
        ("web/Chart.yaml", "name: web\n"),
        ("shared/values.yaml", "app:\n  tag: v1.0.0\n"),
    ];
    let (server, fleet) = given(&[], &files, &json!({})).await;
    fleet.release("v1.2.0");
    let url = server.url("deploy");
    let mut objects: Vec<Value> = Vec::new();
    let mut rules: Vec<Value> = Vec::new();
    for (name, constraint) in [("careful", "1.1.x"), ("eager", "1.x")] {
        let mut object = application(name, &url);
        object["spec"]["source"]["path"] = json!("web");
        object["spec"]["source"]["helm"] = json!({ "parameters": [{ "name": "app.tag", "value": "v1.0.0" }] });
        object["status"]["sourceType"] = json!("Helm");
        objects.push(object);
        rules.push(json!({
            "namePattern": name,
            "images": [{
                "alias": "app", "imageName": format!("r.example.com/app:{constraint}"),
                "manifestTargets": { "helm": { "tag": "app.tag" } },
            }],
        }));
    }
    let mut updater = updater(&json!({ "writeBackTarget": "helmvalues:/shared/values.yaml" }));
    updater["spec"]["applicationRefs"] = json!(rules);
    objects.push(updater);
    objects.push(repository(
        &url,
        &json!({ "username": "bot", "password": PASSWORDS[0] }),
    ));
    fleet.write("all.yaml", &objects);

    fleet.cycle().await;

    let (values, log) = (
        server.file("deploy", "main", "shared/values.yaml"),
        server.log("deploy", "main"),
    );
    for _ in 0..3 {
        fleet.cycle().await;
        assert_eq!(server.file("deploy", "main", "shared/values.yaml"), values);
        assert_eq!(server.log("deploy", "main"), log);
    }
}
