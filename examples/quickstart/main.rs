//! The whole program in one process: a registry, a git server, a folder of manifests, and the real engine.
//!
//! `cargo run --example quickstart` needs no cluster, no containers and no network. It shows what is decided for every
//! tag of every image and why, what is written, and that a second look changes nothing.

#![expect(clippy::disallowed_methods, reason = "the example starts servers and writes files")]

#[path = "../../tests/support/git_server.rs"]
#[expect(dead_code, unreachable_pub, reason = "shared with the tests, which use more of it")]
mod git_server;
#[path = "../../tests/support/registry.rs"]
#[expect(dead_code, unreachable_pub, reason = "shared with the tests, which use more of it")]
mod registry;
mod show;

use std::{path::Path, sync::Arc};

use argocd_image_updater::{
    api::{argocd::Application, v1alpha1::ImageUpdater},
    cluster::{
        Cluster,
        directory::{self, DirectoryOptions},
    },
    core::{
        image::Platform,
        registries::RegistriesConf,
        report::{ResourceReport, WriteOutcome},
        resolve::Author,
        select::ReadLimit,
    },
    engine::{Engine, Options, Task, decide::WritePermit},
    git::{self, MirrorOptions, Mirrors},
    registry::{Options as RegistryOptions, Registries},
};
use kube::{Api, api::ListParams};
use tokio::sync::mpsc;

use git_server::GitServer;
use registry::Registry;

const MANIFESTS: [(&str, &str); 4] = [
    ("shop.yaml", include_str!("manifests/shop.yaml")),
    ("web.yaml", include_str!("manifests/web.yaml")),
    ("repository.yaml", include_str!("manifests/repository.yaml")),
    ("updater.yaml", include_str!("manifests/updater.yaml")),
];

const KUSTOMIZATION: &str = "\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - deployment.yaml
";

fn main() -> anyhow::Result<()> {
    // git asks this very program for the user name and password.
    if git::askpass::answer_if_asked() {
        return Ok(());
    }
    tokio::runtime::Runtime::new()?.block_on(quickstart())
}

async fn quickstart() -> anyhow::Result<()> {
    let registry = Registry::start().await;
    fill(&registry);
    let server = GitServer::start().await;
    server.create_repo("deploy", &[("apps/web/kustomization.yaml", KUSTOMIZATION)]);
    server.require_password("bot", "hunter2");
    let folder = tempfile::Builder::new().prefix("quickstart-").tempdir()?;
    for (name, text) in MANIFESTS {
        std::fs::write(folder.path().join(name), text.replace("GIT_URL", &server.url("deploy")))?;
    }
    show::title("What is there");
    show::line("registry   registry.example.com, with the images shop, web and sidecar");
    show::line("git        the repository deploy, with the manifests of the application web");
    show::line("manifests  an ImageUpdater and the Applications shop (Helm) and web (Kustomize, in git)");

    let api = directory::open(
        folder.path(),
        DirectoryOptions {
            default_namespace: "argocd".to_owned(),
        },
    )?;
    let world = World {
        registry,
        server,
        folder,
        client: api.client(),
    };
    let scratch = tempfile::tempdir()?;
    let engine = world.engine(scratch.path())?;

    show::title("First cycle");
    world.cycle(&engine).await?;

    show::title("A new tag is pushed: registry.example.com/shop:v1.0.9");
    world.registry.push("shop", "v1.0.9", "2026-03-01T10:00:00Z");
    show::title("Second cycle");
    world.cycle(&engine).await?;

    show::title("Third cycle: nothing new, nothing changes");
    world.cycle(&engine).await?;
    Ok(())
}

/// Puts the images there that the story is about.
fn fill(registry: &Registry) {
    for (tag, created) in [
        ("v1.0.0", "2026-01-01T10:00:00Z"),
        ("v1.0.7", "2026-02-01T10:00:00Z"),
        ("v1.0.8-rc.1", "2026-02-02T10:00:00Z"),
        ("v1.0.7-debug", "2026-02-01T11:00:00Z"),
        ("v1.1.0", "2026-02-10T10:00:00Z"),
        ("latest", "2026-02-10T10:00:00Z"),
    ] {
        registry.push("shop", tag, created);
    }
    for tag in ["1.0", "1.1", "1.10", "2.0"] {
        registry.push("web", tag, "2026-01-05T10:00:00Z");
    }
    for (tag, created) in [
        ("2026-01-01", "2026-01-01T09:00:00Z"),
        ("2026-02-01", "2026-02-01T09:00:00Z"),
        ("nightly", "2026-02-20T09:00:00Z"),
    ] {
        registry.push("sidecar", tag, created);
    }
}

struct World {
    registry: Registry,
    server: GitServer,
    folder: tempfile::TempDir,
    client: kube::Client,
}

impl World {
    fn engine(&self, scratch: &Path) -> anyhow::Result<Engine> {
        let conf = format!(
            "registries:\n- name: Example\n  prefix: registry.example.com\n  api_url: {}\n",
            self.registry.url()
        );
        let registries = Registries::new(Arc::new(RegistriesConf::parse(&conf)?), RegistryOptions::default());
        let mirrors = Mirrors::new(scratch.join("git"), MirrorOptions::new(std::env::current_exe()?))?;
        let options = Options {
            allow_foreign_repositories: false,
            argocd_namespace: "argocd".to_owned(),
            platform: Platform {
                os: "linux".to_owned(),
                arch: "amd64".to_owned(),
                variant: String::new(),
            },
            dry_run: false,
            events: true,
            author: Author {
                name: "argocd-image-updater".to_owned(),
                email: "noreply@argoproj.io".to_owned(),
            },
            allow_env_ext_credentials: true,
            explain: true,
            message: Arc::default(),
            max_deciding: None,
            reads: ReadLimit::default(),
        };
        Ok(Engine::new(
            Cluster::new(self.client.clone()),
            registries,
            mirrors,
            options,
        ))
    }

    /// Runs the engine over everything in the folder once, and shows what it did.
    async fn cycle(&self, engine: &Engine) -> anyhow::Result<()> {
        let before = self.shop()?;
        let head = self.server.head("deploy", "main");
        let updaters = Api::<ImageUpdater>::all(self.client.clone())
            .list(&ListParams::default())
            .await?;
        let applications = Api::<Application>::all(self.client.clone())
            .list(&ListParams::default())
            .await?;
        let applications: Vec<_> = applications.items.into_iter().map(Arc::new).collect();
        let tasks: Vec<Task> = updaters
            .items
            .into_iter()
            .map(|updater| Task {
                updater: Arc::new(updater),
                applications: applications.clone(),
                partial: false,
                warnings: Vec::new(),
            })
            .collect();
        let (sender, mut receiver) = mpsc::unbounded_channel();
        engine.cycle(&tasks, &WritePermit::default(), &sender).await;
        drop(sender);
        while let Some((_, report)) = receiver.recv().await {
            show_report(&report);
        }
        let after = self.shop()?;
        if before == after {
            show::line("shop.yaml is unchanged");
        } else {
            show::heading("shop.yaml, before and after");
            show::diff(&before, &after);
        }
        let new_head = self.server.head("deploy", "main");
        if head == new_head {
            show::line("the repository deploy has no new commit");
        } else {
            show::heading("the new commit in the repository deploy");
            if let Some(commit) = self.server.log("deploy", "main").first() {
                show::line(&format!("{} {}", short(&commit.id), commit.author));
                show::commit(&commit.message);
            }
            show::commit(&self.server.last_diff("deploy", "main"));
        }
        Ok(())
    }

    fn shop(&self) -> anyhow::Result<String> {
        Ok(std::fs::read_to_string(self.folder.path().join("shop.yaml"))?)
    }
}

fn show_report(report: &ResourceReport) {
    for remark in report.stalled.iter().chain(&report.warnings) {
        show::line(&remark.to_string());
    }
    for application in &report.applications {
        show::heading(&format!("application {}", application.application.name));
        if let Some(verdict) = &application.refused {
            show::line(&verdict.to_string());
        }
        for image in &application.images {
            let current = image.current.as_deref().unwrap_or("nothing");
            match &image.decision {
                Ok(change) => show::decided(&format!("{}: {current} -> {}", image.image, change.new.text())),
                Err(verdict) => show::decided(&format!("{}: {current} stays, {verdict}", image.image)),
            }
            for tag in &image.story {
                show::tag(tag.tag.as_str(), &tag.fate.to_string());
            }
        }
        show::line(&written(&application.write));
    }
}

fn written(outcome: &WriteOutcome) -> String {
    match outcome {
        WriteOutcome::Nothing => "nothing to write".to_owned(),
        WriteOutcome::DryRun => "not written: this is a dry run".to_owned(),
        WriteOutcome::Patched => "written: the Application was patched".to_owned(),
        WriteOutcome::Pushed { branch, commit, .. } => format!("written: pushed {} to {branch}", short(commit)),
        WriteOutcome::AlreadyWritten => "nothing to write: the file in git says so already".to_owned(),
        WriteOutcome::Failed(verdict) => format!("not written, {verdict}"),
    }
}

fn short(commit: &str) -> &str {
    commit.get(..10).unwrap_or(commit)
}
