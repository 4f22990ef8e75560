//! Applications of plain manifests: `image:` fields and setter comments in git, through the whole program.

use crate::{folder::Folder, support::git_server::GitServer};

const DEPLOYMENT: &str = "\
# the shop
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  template:
    spec:
      containers:
      - name: shop
        image: \"registry.example.com/shop:v1.0.0\"   # the image
      - {name: other, image: 'registry.example.com/other:v1.0.0'}
";

const VALUES: &str = "\
image:
  repository: registry.example.com/shop # {\"$imageupdater\": \"shop:name\"}
  tag: v1.0.0 # {\"$imageupdater\": \"shop:tag\"}
";

/// An Application of plain manifests in the folder `apps/shop` of the server's repository, and its resource.
fn files(server: &GitServer, target: &str, live: &str, settings: &str) -> [(&'static str, String); 3] {
    let application = format!(
        "kind: Application\napiVersion: argoproj.io/v1alpha1\nmetadata: {{name: shop}}\nspec:\n  project: default\n  \
         source: {{repoURL: '{}', path: apps/shop, directory: {{recurse: true, exclude: '{{skip,test}}/*'}}}}\nstatus: \
         {{sourceType: Directory, summary: {{images: [{live}]}}}}\n",
        server.url("deploy")
    );
    let updater = format!(
        "kind: ImageUpdater\napiVersion: argocd-image-updater.argoproj.io/v1alpha1\nmetadata: {{name: all}}\nspec:\n  \
         writeBackConfig: {{method: 'git:secret:argocd/git', gitConfig: {{writeBackTarget: '{target}'}}}}\n  \
         commonUpdateSettings: {{{settings}}}\n  applicationRefs:\n  - namePattern: shop\n    images:\n    - {{alias: \
         shop, imageName: 'registry.example.com/shop:1.x'}}\n"
    );
    let secret =
        "kind: Secret\napiVersion: v1\nmetadata: {name: git}\nstringData: {username: bot, password: secret-6f1d}\n";
    [
        ("shop.yaml", application),
        ("updater.yaml", updater),
        ("secret.yaml", secret.to_owned()),
    ]
}

const LIVE: &str = "'registry.example.com/shop:v1.0.0'";

async fn server(files: &[(&str, &str)]) -> GitServer {
    let server = GitServer::start().await;
    server.create_repo("deploy", files);
    server.require_password("bot", "secret-6f1d");
    server
}

async fn folder(files: &[(&'static str, String)]) -> Folder {
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    Folder::given(&files).await
}

#[tokio::test]
async fn an_application_of_plain_manifests_is_updated_in_its_files_and_once() {
    let skipped = DEPLOYMENT.replace("name: shop", "name: skipped");
    let server = server(&[
        ("apps/shop/deployment.yaml", DEPLOYMENT),
        ("apps/shop/values/prod.yml", VALUES),
        ("apps/shop/skip/deployment.yaml", &skipped),
        ("apps/shop/template.yaml", "{{ if .x }}: [\n"),
        ("apps/other/deployment.yaml", &skipped),
    ])
    .await;
    let folder = folder(&files(&server, "manifests", LIVE, "")).await;

    let run = folder.once().await;

    assert!(run.success, "{}", run.log);
    let written = |path: &str| server.file("deploy", "main", path).unwrap_or_default();
    assert_eq!(
        written("apps/shop/deployment.yaml"),
        DEPLOYMENT.replace("shop:v1.0.0", "shop:v1.1.0"),
        "{}",
        run.log
    );
    assert_eq!(written("apps/shop/values/prod.yml"), VALUES.replace("v1.0.0", "v1.1.0"));
    assert_eq!(written("apps/shop/skip/deployment.yaml"), skipped);
    assert_eq!(written("apps/other/deployment.yaml"), skipped);
    assert_eq!(server.log("deploy", "main").len(), 2, "one commit for both files");

    let again = folder.once().await;

    assert!(again.success, "{}", again.log);
    assert_eq!(server.log("deploy", "main").len(), 2, "{}", again.log);
    assert_eq!(server.pushes(), 1);
}

#[tokio::test]
async fn an_image_that_stands_nowhere_is_told_with_both_ways_out() {
    let text = DEPLOYMENT.replace("example.com/shop", "example.com/shop2");
    let server = server(&[("apps/shop/deployment.yaml", &text)]).await;
    let folder = folder(&files(&server, "manifests:deployment.yaml", LIVE, "")).await;

    let run = folder.once().await;

    for words in [
        "apps/shop/deployment.yaml: no container has the image registry.example.com/shop",
        "image: field",
        "$imageupdater",
    ] {
        assert!(run.log.contains(words), "{words}: {}", run.log);
    }
    assert_eq!(server.log("deploy", "main").len(), 1);
}

#[tokio::test]
async fn plain_manifests_without_the_target_are_refused_with_the_way_out() {
    let server = server(&[("apps/shop/deployment.yaml", DEPLOYMENT)]).await;
    let folder = folder(&files(&server, "", LIVE, "")).await;

    let run = folder.once().await;

    assert!(run.log.contains("writeBackTarget manifests"), "{}", run.log);
    assert_eq!(server.log("deploy", "main").len(), 1);
}

#[tokio::test]
async fn the_current_version_is_read_from_the_manifests_in_git() {
    let server = server(&[("apps/shop/deployment.yaml", DEPLOYMENT)]).await;
    let folder = folder(&files(&server, "manifests", "", "currentFrom: manifest")).await;

    let run = folder.once().await;

    assert!(run.success, "{}", run.log);
    let written = || {
        server
            .file("deploy", "main", "apps/shop/deployment.yaml")
            .unwrap_or_default()
    };
    assert_eq!(
        written(),
        DEPLOYMENT.replace("shop:v1.0.0", "shop:v1.1.0"),
        "{}",
        run.log
    );
    let log = server.log("deploy", "main");
    assert!(
        log[0].message.contains("v1.0.0") && log[0].message.contains("v1.1.0"),
        "{log:?}"
    );

    let again = folder.once().await;

    assert!(again.success, "{}", again.log);
    assert_eq!(server.log("deploy", "main").len(), 2, "{}", again.log);
}
