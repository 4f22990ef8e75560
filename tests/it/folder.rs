//! `run --once --directory`: the same job on a folder of YAML files, as a user runs it.

use std::fs;

use crate::{
    support::{git_server::GitServer, registry::Registry},
    world::{Child, Finished},
};

const SHOP: &str = "\
# the shop
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: shop   # no namespace: Argo CD's
spec:
  project: default
  source:
    repoURL: https://charts.example.com
    chart: shop
    helm:
      parameters:
      - name: image.tag   # the tag
        value: 'v1.0.0'
        forceString: true
status:
  sourceType: Helm
  summary: {images: [registry.example.com/shop:v1.0.0]}
---
kind: Deployment
apiVersion: apps/v1
metadata: {name: other}
";

const UPDATER: &str = "\
apiVersion: argocd-image-updater.argoproj.io/v1alpha1
kind: ImageUpdater
metadata: {name: all}
spec:
  applicationRefs:
  - namePattern: shop
    images:
    - alias: shop
      imageName: registry.example.com/shop:1.x
      manifestTargets: {helm: {name: image.repository, tag: image.tag}}
";

/// A folder of manifests beside a registry that serves `registry.example.com`.
pub(crate) struct Folder {
    registry: Registry,
    folder: tempfile::TempDir,
}

impl Folder {
    /// Writes `files` into a new folder. The repository `shop` has v1.0.0, v1.1.0 and v2.0.0.
    pub(crate) async fn given(files: &[(&str, &str)]) -> Self {
        let registry = Registry::start().await;
        for tag in ["v1.0.0", "v1.1.0", "v2.0.0"] {
            registry.push("shop", tag, "2026-01-01T00:00:00Z");
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (path, text) in files {
            let path = folder.path().join("manifests").join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a writable folder");
            fs::write(path, text).expect("a writable folder");
        }
        let conf = format!(
            "registries:\n- {{ name: r, prefix: registry.example.com, api_url: {} }}\n",
            registry.url()
        );
        fs::write(folder.path().join("registries.conf"), conf).expect("a writable folder");
        Self { registry, folder }
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("manifests")
    }

    /// The text of a file now.
    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path().join(path)).expect("a file")
    }

    fn start(&self, flags: &[&str]) -> Child {
        let mut all = vec![
            "run".to_owned(),
            format!("--directory={}", self.path().display()),
            format!(
                "--registries-conf-path={}",
                self.folder.path().join("registries.conf").display()
            ),
            "--loglevel=debug".to_owned(),
        ];
        all.extend(flags.iter().map(|f| (*f).to_owned()));
        Child::start_with(&all, &[("KUBECONFIG", "/nowhere"), ("HOME", "/nowhere")])
    }

    /// Runs one cycle over the folder.
    pub(crate) async fn once(&self) -> Finished {
        self.start(&["--once"]).finish().await
    }
}

#[tokio::test]
async fn a_new_tag_reaches_the_file_and_only_its_lines_change() {
    let folder = Folder::given(&[("apps/shop.yaml", SHOP), ("updater.yml", UPDATER)]).await;

    let run = folder.once().await;
    assert!(run.success, "{}", run.log);

    let expected = SHOP.replace(
        "        value: 'v1.0.0'\n        forceString: true\n",
        "        value: 'v1.1.0'\n        forceString: true\n      - name: image.repository\n        \
         value: registry.example.com/shop\n        forceString: true\n",
    );
    let written = folder.read("apps/shop.yaml");
    assert!(
        written.contains("value: 'v1.1.0'") && written.contains("registry.example.com/shop\n"),
        "{written}"
    );
    let unchanged = |text: &str| -> Vec<String> {
        let ours = [
            "v1.",
            "image.repository",
            "value: registry.example.com/shop",
            "forceString",
        ];
        text.lines()
            .filter(|line| !ours.iter().any(|o| line.contains(o)))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(unchanged(&written), unchanged(&expected), "everything else stays");
    assert_eq!(
        folder.read("updater.yml"),
        UPDATER,
        "the status is not written into the user's file"
    );
    let status = folder.path().join(".argocd-image-updater/status");
    assert!(status.is_dir(), "the status goes beside them");

    let again = folder.once().await;
    assert!(again.success, "{}", again.log);
    assert_eq!(folder.read("apps/shop.yaml"), written);
}

#[tokio::test]
async fn a_second_process_on_the_same_folder_is_stopped_with_a_clear_message() {
    let folder = Folder::given(&[("shop.yaml", SHOP), ("updater.yml", UPDATER)]).await;
    let first = folder.start(&["--interval=1h"]);
    first.wrote("cycle done").await;

    let second = folder.once().await;

    assert!(!second.success);
    assert!(second.log.contains("manifests"), "{}", second.log);
    assert!(first.stop().await.success);
    assert!(folder.once().await.success);
}

#[tokio::test]
async fn an_unknown_field_is_an_error_with_file_and_line() {
    let updater = UPDATER.replace("  applicationRefs:\n", "  aplicationRefs: []\n  applicationRefs:\n");
    let folder = Folder::given(&[("shop.yaml", SHOP), ("updater.yml", &updater)]).await;

    let run = folder.once().await;

    assert!(
        run.log.contains("updater.yml:5") && run.log.contains("aplicationRefs"),
        "{}",
        run.log
    );
    assert_eq!(folder.read("shop.yaml"), SHOP);
}

#[tokio::test]
async fn what_is_no_manifest_is_warned_about_and_hidden_folders_are_not_read() {
    let folder = Folder::given(&[
        ("shop.yaml", SHOP),
        ("updater.yml", UPDATER),
        ("broken.yaml", "a: [\n"),
        (".git/config.yaml", "b: [\n"),
    ])
    .await;

    let run = folder.once().await;

    assert!(run.success, "{}", run.log);
    assert!(run.log.contains("broken.yaml"), "{}", run.log);
    assert!(!run.log.contains("config.yaml"), "{}", run.log);
    assert!(folder.read("shop.yaml").contains("v1.1.0"));
}

#[tokio::test]
async fn a_missing_folder_is_a_clear_error() {
    let run = Child::start(&[
        "run".to_owned(),
        "--once".to_owned(),
        "--directory=/does/not/exist".to_owned(),
    ]);
    let run = run.finish().await;
    assert!(!run.success);
    assert!(run.log.contains("/does/not/exist"), "{}", run.log);
}

#[tokio::test]
async fn git_write_back_works_from_a_folder_with_a_secret_in_it() {
    let server = GitServer::start().await;
    server.create_repo("deploy", &[("apps/web/kustomization.yaml", "kind: Kustomization\n")]);
    server.require_password("bot", "gitpassword-6f1d");
    let application = format!(
        "kind: Application\napiVersion: argoproj.io/v1alpha1\nmetadata: {{name: web}}\nspec:\n  project: default\n  \
         source: {{repoURL: '{}', path: apps/web}}\nstatus: {{sourceType: Kustomize, summary: {{images: \
         ['registry.example.com/shop:v1.0.0']}}}}\n",
        server.url("deploy")
    );
    let secret = "kind: Secret\napiVersion: v1\nmetadata: {name: git}\nstringData: {username: bot, password: \
                  gitpassword-6f1d}\n";
    let updater = UPDATER
        .replace(
            "namePattern: shop",
            "namePattern: web\n    writeBackConfig: {method: 'git:secret:argocd/git'}",
        )
        .replace(
            "      manifestTargets: {helm: {name: image.repository, tag: image.tag}}\n",
            "",
        );
    let files = [
        ("web.yaml", application.as_str()),
        ("secret.yaml", secret),
        ("updater.yaml", &updater),
    ];
    let folder = Folder::given(&files).await;

    let run = folder.once().await;

    assert!(run.success, "{}", run.log);
    let file = server.file("deploy", "main", "apps/web/.argocd-source-web.yaml");
    let expected = "kustomize:\n  images:\n  - registry.example.com/shop:v1.1.0\n";
    assert_eq!(file.as_deref(), Some(expected), "{}", run.log);
    assert_eq!(folder.read("web.yaml"), application);
    assert!(folder.registry.count("/tags/list") == 1);
}

#[tokio::test]
async fn ten_resources_that_follow_one_repository_ask_for_it_once() {
    let (mut applications, mut updaters) = (String::new(), String::new());
    for number in 0..10 {
        let name = format!("shop-{number}");
        applications += &SHOP.replace("name: shop   # no", &format!("name: {name}   # no"));
        applications += "---\n";
        updaters += &UPDATER
            .replace("name: all", &format!("name: all-{number}"))
            .replace("namePattern: shop", &format!("namePattern: {name}"));
        updaters += "---\n";
    }
    let folder = Folder::given(&[("shops.yaml", &applications), ("updaters.yaml", &updaters)]).await;

    let run = folder.once().await;

    assert!(run.success, "{}", run.log);
    assert_eq!(
        folder.read("shops.yaml").matches("value: 'v1.1.0'").count(),
        10,
        "{}",
        run.log
    );
    assert_eq!(folder.registry.count("/tags/list"), 1, "{:?}", folder.registry.seen());
}

#[tokio::test]
async fn facts_are_kept_over_runs_in_the_folder_that_is_named_and_a_damaged_file_is_set_aside() {
    let updater = UPDATER.replace(":1.x", "") + "      commonUpdateSettings: {updateStrategy: newest-build}\n";
    let folder = Folder::given(&[("shop.yaml", SHOP), ("updater.yaml", &updater)]).await;
    let cache = folder.folder.path().join("cache");
    let flag = format!("--cache-dir={}", cache.display());
    let file = cache.join("registry-facts.jsonl");
    let mut blobs = Vec::new();
    for damaged in [false, false, true] {
        if damaged {
            fs::write(&file, "{}").expect("a writable folder");
        }
        let run = folder.start(&["--once", "--dry-run", &flag]).finish().await;
        assert!(run.success, "{}", run.log);
        assert_eq!(run.log.contains("registry-facts.jsonl.damaged"), damaged, "{}", run.log);
        blobs.push(folder.registry.count("/blobs/"));
        let kept = fs::read_to_string(&file).expect("a file of facts");
        assert_eq!(kept.lines().count(), 1 + 3, "{kept}");
    }
    assert_eq!(blobs, [3, 3, 6]);
}

#[tokio::test]
async fn a_cache_folder_that_cannot_be_written_stops_the_start() {
    let folder = Folder::given(&[("shop.yaml", SHOP), ("updater.yaml", UPDATER)]).await;
    let run = folder.start(&["--once", "--cache-dir=/dev/null/cache"]).finish().await;
    assert!(!run.success, "{}", run.log);
    assert!(
        run.log.contains("--cache-dir") && run.log.contains("/dev/null/cache"),
        "{}",
        run.log
    );
    assert_eq!(folder.registry.seen(), []);
}
