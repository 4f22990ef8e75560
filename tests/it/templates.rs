//! Templates of commit messages in `run`: where they come from, what they tell, and what their labels cost.

use std::{fmt::Write as _, fs};

use crate::{
    support::{
        git_server::GitServer,
        registry::{Fault, Registry},
    },
    world::{Child, Finished},
};

const REVISION: &str = "org.opencontainers.image.revision";

/// Tells the revision of every image.
const WITH_REVISION: &str = "update {{ .AppName }}

{{ range .AppChanges }}{{ .Image }} is of {{ index .Labels \"org.opencontainers.image.revision\" }}
{{ end }}";

/// Applications `web-0`, `web-1`, ... in one repository, which all run `shop:v1.0.0` and `api:v1.0.0`.
struct Shops {
    registry: Registry,
    git: GitServer,
    folder: tempfile::TempDir,
}

impl Shops {
    async fn given(applications: usize, settings: &str) -> Self {
        let (registry, git) = (Registry::start().await, GitServer::start().await);
        for (day, tag) in ["v1.0.0", "v1.1.0"].into_iter().enumerate() {
            for image in ["shop", "api"] {
                let revision = format!("{image}-{tag}");
                let created = format!("2026-01-0{}T00:00:00Z", day + 1);
                registry.push_labelled(image, tag, &created, &[(REVISION, &revision)]);
            }
        }
        git.create_repo("deploy", &[("README.md", "the shops\n")]);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut manifests = format!(
            "apiVersion: argocd-image-updater.argoproj.io/v1alpha1
kind: ImageUpdater
metadata: {{name: all}}
spec:
  writeBackConfig: {{method: 'git:secret:argocd/git'}}
  commonUpdateSettings: {{{settings}}}
  applicationRefs:
  - namePattern: web-*
    images: [{{imageName: 'registry.example.com/shop:1.x'}}, {{imageName: 'registry.example.com/api:1.x'}}]
---
apiVersion: v1
kind: Secret
metadata: {{name: git}}
stringData: {{username: bot, password: gitpassword-6f1d}}
"
        );
        for number in 0..applications {
            let _ = write!(
                manifests,
                "---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{name: web-{number}}}
spec:
  project: default
  source: {{repoURL: '{}', path: apps/{number}}}
status:
  sourceType: Kustomize
  summary: {{images: ['registry.example.com/shop:v1.0.0', 'registry.example.com/api:v1.0.0']}}
",
                git.url("deploy")
            );
        }
        let world = Self { registry, git, folder };
        world.write("manifests/all.yaml", &manifests);
        let conf = format!(
            "registries:\n- {{ name: r, prefix: registry.example.com, api_url: {} }}\n",
            world.registry.url()
        );
        world.write("registries.conf", &conf);
        world
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a writable folder");
        fs::write(path, text).expect("a writable folder");
    }

    /// One cycle, with this template.
    async fn once(&self, template: &str) -> Finished {
        self.write("commit.template", template);
        let flag = |flag: &str, path: &str| format!("--{flag}={}", self.folder.path().join(path).display());
        let flags = [
            "run".to_owned(),
            "--once".to_owned(),
            flag("directory", "manifests"),
            flag("registries-conf-path", "registries.conf"),
            flag("git-commit-message-path", "commit.template"),
        ];
        Child::start_with(&flags, &[("KUBECONFIG", "/nowhere"), ("HOME", "/nowhere")])
            .finish()
            .await
    }

    /// The messages of the commits that were made, sorted.
    fn messages(&self) -> Vec<String> {
        let log = self.git.log("deploy", "main");
        let made = log.iter().filter(|commit| !commit.parents.is_empty());
        let mut messages: Vec<_> = made.map(|commit| commit.message.clone()).collect();
        messages.sort();
        messages
    }

    /// How many manifests and configs were read.
    fn read(&self) -> (usize, usize) {
        (self.registry.count("/manifests/"), self.registry.count("/blobs/"))
    }
}

#[tokio::test]
async fn labels_are_read_once_for_all_applications_that_change_alike() {
    let shops = Shops::given(5, "").await;

    let run = shops.once(WITH_REVISION).await;

    assert!(run.success, "{}", run.log);
    let expected: Vec<_> = (0..5)
        .map(|n| format!("update web-{n}\n\nshop is of shop-v1.1.0\napi is of api-v1.1.0"))
        .collect();
    assert_eq!(shops.messages(), expected, "{}", run.log);
    assert_eq!(shops.read(), (2, 2), "one of each image: {:?}", shops.registry.seen());
}

#[tokio::test]
async fn labels_that_no_template_tells_are_not_read() {
    let shops = Shops::given(2, "").await;

    let run = shops.once("update {{ .AppName }}").await;

    assert!(run.success, "{}", run.log);
    assert_eq!(shops.messages(), ["update web-0", "update web-1"]);
    assert_eq!(shops.read(), (0, 0), "{:?}", shops.registry.seen());
}

#[tokio::test]
async fn labels_of_what_was_read_to_pick_it_cost_nothing() {
    for settings in [
        "updateStrategy: newest-build",
        "updateStrategy: newest-build, pinDigest: true",
    ] {
        let (with, without) = (Shops::given(2, settings).await, Shops::given(2, settings).await);

        let run = with.once(WITH_REVISION).await;
        assert!(run.success, "{}", run.log);
        let run = without.once("update").await;
        assert!(run.success, "{}", run.log);

        let expected = "update web-0\n\nshop is of shop-v1.1.0\napi is of api-v1.1.0";
        assert_eq!(
            with.messages().first().map(String::as_str),
            Some(expected),
            "{settings}"
        );
        assert_eq!(with.read(), without.read(), "{settings}: {:?}", with.registry.seen());
    }
}

#[tokio::test]
async fn a_pinned_image_tells_the_labels_of_its_digest() {
    let shops = Shops::given(1, "pinDigest: true").await;

    let run = shops.once(WITH_REVISION).await;

    assert!(run.success, "{}", run.log);
    assert_eq!(
        shops.messages(),
        ["update web-0\n\nshop is of shop-v1.1.0\napi is of api-v1.1.0"],
        "{}",
        run.log
    );
    let file = shops.git.file("deploy", "main", "apps/0/.argocd-source-web-0.yaml");
    assert!(file.is_some_and(|text| text.contains("shop:v1.1.0@sha256:")));
}

#[tokio::test]
async fn a_registry_that_tells_no_labels_holds_no_write_up() {
    for fault in [Fault::Manifests(500), Fault::Manifests(404), Fault::Manifests(403)] {
        let shops = Shops::given(1, "").await;
        shops.registry.fault(fault.clone());

        let run = shops.once(WITH_REVISION).await;

        assert!(run.success, "{fault:?}: {}", run.log);
        assert_eq!(
            shops.messages(),
            ["update web-0\n\nshop is of\napi is of"],
            "{fault:?}: {}",
            run.log
        );
        let told = run.log.lines().filter(|line| line.contains("does not tell the labels"));
        let told: Vec<_> = told.collect();
        assert_eq!(told.len(), 2, "{fault:?}: {}", run.log);
        let names = |line: &&str| line.contains("web-0") && line.contains("v1.1.0");
        assert!(told.iter().all(names), "{fault:?}: {told:?}");
    }
}

#[tokio::test]
async fn a_template_that_fails_gives_a_fixed_message_and_one_warning() {
    for (template, why) in [
        ("update {{ index .AppChanges 7 }}", "line 1: "),
        ("\n{{ .Nope }}", "line 2: "),
        ("{{/* nothing */}}", "blank message"),
    ] {
        let shops = Shops::given(2, "").await;

        let run = shops.once(template).await;

        assert!(run.success, "{template}: {}", run.log);
        assert_eq!(
            shops.messages(),
            [
                "build: update of application web-0",
                "build: update of application web-1"
            ],
            "{template}"
        );
        let told: Vec<_> = run
            .log
            .lines()
            .filter(|line| line.contains("commit messages"))
            .collect();
        assert_eq!(told.len(), 1, "{template}: {}", run.log);
        assert!(
            told[0].contains(why) && told[0].contains("--git-commit-message-path"),
            "{told:?}"
        );
    }
}

#[tokio::test]
async fn a_file_that_is_no_template_ends_the_start() {
    let shops = Shops::given(1, "").await;

    let run = shops.once("update\n{{ if .AppName }}").await;

    assert_eq!(run.code, Some(1), "{}", run.log);
    assert!(run.log.contains("commit.template: line 2: "), "{}", run.log);
    assert_eq!(shops.messages(), [""; 0]);
}

#[tokio::test]
async fn an_empty_file_means_the_built_in_message() {
    let shops = Shops::given(1, "").await;

    let run = shops.once("\n").await;

    assert!(run.success, "{}", run.log);
    assert_eq!(
        shops.messages(),
        ["build: automatic update of web-0\n\n\
          updates image shop tag 'v1.0.0' to 'v1.1.0'\n\
          updates image api tag 'v1.0.0' to 'v1.1.0'"]
    );
}
