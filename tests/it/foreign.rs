//! Applications outside Argo CD's namespace write with its credentials only where they may.

use serde_json::json;

use crate::world::{PASSWORDS, World};

/// One Application for each way to a repository; Argo CD lives in another namespace.
const TEAM: &str = "
registry: { app: [v1.0.0, v1.1.0] }
git:
  own: { own/kustomization.yaml: 'kind: Kustomization' }
  shared: { a.txt: a }
  private: { a.txt: a }
  scoped: { a.txt: a }
applications:
  - { name: own, source: { repoURL: GIT/own }, running: ['REG/app:v1.0.0'] }
  - { name: branch, source: { repoURL: GIT/own }, running: ['REG/app:v1.0.0'] }
  - { name: shared, spec: { project: web }, running: ['REG/app:v1.0.0'] }
  - { name: private, spec: { project: web }, running: ['REG/app:v1.0.0'] }
  - { name: claimed, spec: { project: ops }, running: ['REG/app:v1.0.0'] }
  - { name: scoped, spec: { project: ops }, source: { repoURL: GIT/scoped }, running: ['REG/app:v1.0.0'] }
updater:
  writeBackConfig: { method: git }
  applicationRefs:
    - { namePattern: own, images: [{ alias: own, imageName: 'REG/app:1.x' }] }
    - namePattern: branch
      writeBackConfig: { gitConfig: { branch: release } }
      images: [{ alias: branch, imageName: 'REG/app:1.x' }]
    - namePattern: shared
      writeBackConfig: { gitConfig: { repository: GIT/shared, branch: main } }
      images: [{ alias: shared, imageName: 'REG/app:1.x' }]
    - namePattern: private
      writeBackConfig: { gitConfig: { repository: GIT/private, branch: main } }
      images: [{ alias: private, imageName: 'REG/app:1.x' }]
    - namePattern: claimed
      writeBackConfig: { gitConfig: { repository: GIT/private, branch: main } }
      images: [{ alias: claimed, imageName: 'REG/app:1.x' }]
    - { namePattern: scoped, images: [{ alias: scoped, imageName: 'REG/app:1.x' }] }
";

/// Whether the override file of each Application is in its repository.
fn written(world: &World) -> Vec<&'static str> {
    let all = [
        ("own", "main", "own"),
        ("own", "release", "branch"),
        ("shared", "main", "shared"),
        ("private", "main", "private"),
        ("private", "main", "claimed"),
        ("scoped", "main", "scoped"),
    ];
    let is_there = |repository: &str, branch: &str, name: &str| {
        let path = format!("{name}/.argocd-source-{}_{name}.yaml", world.namespace);
        world.git.file(repository, branch, &path).is_some()
    };
    let there = all
        .into_iter()
        .filter(|(repository, branch, name)| is_there(repository, branch, name));
    there.map(|(_, _, name)| name).collect()
}

#[tokio::test]
async fn an_application_of_a_team_writes_to_its_sources_and_to_what_its_project_allows() {
    let world = World::given(TEAM).await.with_all_rights();
    let argocd = world.server.namespace().await;
    world.git.commit_as_other("own", "release", "a.txt", "a");
    for (name, project) in [("own", ""), ("shared", ""), ("private", ""), ("scoped", "ops")] {
        let url = world.git.url(name);
        let labels = json!({ "argocd.argoproj.io/secret-type": "repository" });
        let fields = json!({ "url": url, "project": project, "username": "bot", "password": PASSWORDS[0] });
        let metadata = json!({ "name": name, "namespace": argocd, "labels": labels });
        world
            .create(json!({ "kind": "Secret", "metadata": metadata, "stringData": fields }))
            .await;
    }
    for (name, repositories, namespaces) in [
        ("web", json!([world.git.url("shared")]), json!([world.namespace])),
        ("ops", json!(["*"]), json!([])),
    ] {
        let spec = json!({ "sourceRepos": repositories, "sourceNamespaces": namespaces });
        let metadata = json!({ "name": name, "namespace": argocd });
        world
            .create(json!({ "kind": "AppProject", "metadata": metadata, "spec": spec }))
            .await;
    }
    world.git.require_password("bot", PASSWORDS[0]);
    let flag = format!("--argocd-namespace={argocd}");
    let world = world.with_flags(&[&flag]);

    world.cycle().await;

    assert_eq!(written(&world), ["own", "shared"]);
    let problems = world.status("all").await["problems"].clone();
    for (alias, words) in [
        ("branch", "AppProject \"default\" does not exist"),
        ("private", "sourceRepos of AppProject \"web\""),
        ("claimed", "AppProject \"ops\" does not have namespace"),
        ("scoped", "AppProject \"ops\" does not have namespace"),
    ] {
        assert_eq!(
            world.problem(alias).await,
            "CredentialsUnavailable",
            "{alias}: {problems}"
        );
        let message = problems
            .as_array()
            .into_iter()
            .flatten()
            .find(|problem| problem["alias"] == alias);
        let message = message
            .map(|problem| problem["message"].to_string())
            .unwrap_or_default();
        assert!(message.replace("\\\"", "\"").contains(words), "{alias}: {message}");
    }

    let world = world.with_flags(&["--allow-foreign-repositories"]);
    world.cycle().await;

    assert_eq!(
        written(&world),
        ["own", "branch", "shared", "private", "claimed", "scoped"]
    );
}
