//! The program as a whole process against the real API server: memory, requests and speed.
//!
//! `make bench` prints the figures; nothing here passes or fails on time. It needs `make env`.

#![expect(clippy::disallowed_methods, reason = "a bench measures time and starts programs")]

#[expect(dead_code, unreachable_pub, reason = "shared with the tests, which use more of it")]
#[path = "../tests/support/apiserver.rs"]
mod apiserver;
#[expect(dead_code, unreachable_pub, reason = "shared with the tests, which use more of it")]
#[path = "../tests/support/registry.rs"]
mod registry;
#[expect(unreachable_pub, reason = "shared with the tests, which use more of it")]
#[path = "../tests/support/servers.rs"]
mod servers;

use std::{
    io::Write as _,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use apiserver::ApiServer;
use argocd_image_updater::api::{argocd::Application, v1alpha1::ImageUpdater};
use kube::{
    Api, Client,
    api::{ListParams, Patch, PatchParams, PostParams},
};
use registry::Registry;
use serde_json::{Value, json};

const APPLICATIONS: usize = 1000;
const UPDATERS: usize = 10;

fn main() {
    // `cargo bench` passes its own arguments, and `cargo test --benches` only wants to know that it builds.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let world = World::start().await;
        world.idle().await;
        world.twenty_applications().await;
    });
}

struct World {
    server: ApiServer,
    registry: Registry,
    client: Client,
    folder: tempfile::TempDir,
}

impl World {
    async fn start() -> Self {
        let server = tokio::task::spawn_blocking(|| ApiServer::own(&apiserver::definitions())).await;
        let server = server.expect("an API server");
        let client = server.client();
        let registry = Registry::start().await;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let conf = format!(
            "registries:\n- {{ name: r, prefix: r.example.com, api_url: {} }}\n",
            registry.url()
        );
        std::fs::write(folder.path().join("registries.conf"), conf).expect("a writable folder");
        Self {
            server,
            registry,
            client,
            folder,
        }
    }

    async fn application(&self, namespace: &str, name: &str) {
        let object = json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": { "name": name, "namespace": namespace, "labels": { "team": "web" } },
            "spec": {
                "project": "default",
                "destination": { "server": "https://kubernetes.default.svc", "namespace": "web" },
                "source": { "repoURL": "https://git.example.com/deploy.git", "path": format!("apps/{name}"),
                            "targetRevision": "main" },
            },
            "status": { "sourceType": "Kustomize",
                        "summary": { "images": ["r.example.com/app:v1.0.0", "docker.io/library/redis:7.0"] } },
        });
        let request = http::Request::post(format!(
            "/apis/argoproj.io/v1alpha1/namespaces/{namespace}/applications"
        ))
        .header("Content-Type", "application/json")
        .body(object.to_string().into_bytes())
        .expect("a request");
        self.client
            .request::<Value>(request)
            .await
            .expect("the Application is created");
    }

    async fn updater(&self, namespace: &str, name: &str, pattern: &str) {
        let object: ImageUpdater = serde_json::from_value(json!({
            "apiVersion": "argocd-image-updater.argoproj.io/v1alpha1", "kind": "ImageUpdater",
            "metadata": { "name": name },
            "spec": { "applicationRefs": [{ "namePattern": pattern,
                                            "images": [{ "alias": "app", "imageName": "r.example.com/app:1.x" }] }] },
        }))
        .expect("an ImageUpdater");
        let api: Api<ImageUpdater> = Api::namespaced(self.client.clone(), namespace);
        api.create(&PostParams::default(), &object)
            .await
            .expect("the ImageUpdater is created");
    }

    fn program(&self, namespace: &str, interval: &str) -> Running {
        let child = Command::new(env!("CARGO_BIN_EXE_argocd-image-updater"))
            .arg("run")
            .arg(format!("--kubeconfig={}", self.server.kubeconfig().display()))
            .arg(format!("--argocd-namespace={namespace}"))
            .arg(format!("--watch-namespaces={namespace}"))
            .arg(format!(
                "--registries-conf-path={}",
                self.folder.path().join("registries.conf").display()
            ))
            .args(["--leader-election=false", "--health-probe-bind-address=0"])
            .arg(format!("--interval={interval}"))
            .env("NO_PROXY", "*")
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(self.folder.path().join("log")).expect("a log file"))
            .spawn()
            .expect("the program starts");
        Running(child)
    }

    /// Memory and requests while nothing happens.
    async fn idle(&self) {
        let namespace = self.server.namespace().await;
        self.registry.push("app", "v1.0.0", "2026-01-01T00:00:00Z");
        for number in 0..APPLICATIONS {
            self.application(&namespace, &format!("app-{}-{number}", number % UPDATERS))
                .await;
        }
        for number in 0..UPDATERS {
            self.updater(&namespace, &format!("updater-{number}"), &format!("app-{number}-*"))
                .await;
        }
        let program = self.program(&namespace, "15s");
        self.checked(&namespace, UPDATERS).await;
        tokio::time::sleep(Duration::from_secs(20)).await;
        let (before, listed) = (self.api_requests().await, self.registry.count("/tags/list"));
        let cpu = program.cpu();
        tokio::time::sleep(Duration::from_mins(1)).await;
        let after = self.api_requests().await;
        print_line("idle: Applications", APPLICATIONS);
        print_line("idle: ImageUpdaters (every 15 s)", UPDATERS);
        print_line(
            "idle: requests to the API server in a minute",
            after.saturating_sub(before),
        );
        print_line(
            "idle: tag lists in a minute",
            self.registry.count("/tags/list") - listed,
        );
        print_line("idle: resident memory, KiB", program.memory("VmRSS"));
        print_line("idle: peak resident memory, KiB", program.memory("VmHWM"));
        print_line(
            "idle: CPU in a minute, ms",
            program.cpu().saturating_sub(cpu).as_millis(),
        );
    }

    /// How soon twenty Applications change after a tag was pushed and a cycle requested.
    async fn twenty_applications(&self) {
        let namespace = self.server.namespace().await;
        for number in 0..20 {
            self.application(&namespace, &format!("shop-{number}")).await;
        }
        self.updater(&namespace, "shop", "shop-*").await;
        let _program = self.program(&namespace, "1h");
        self.checked(&namespace, 1).await;
        for round in 1..=5 {
            let tag = format!("v1.{round}.0");
            self.registry.push("app", &tag, "2026-01-01T00:00:00Z");
            let request = json!({ "metadata": { "annotations": {
                "argocd-image-updater.argoproj.io/reconcile-requested-at": round.to_string() } } });
            let updaters: Api<ImageUpdater> = Api::namespaced(self.client.clone(), &namespace);
            let started = Instant::now();
            updaters
                .patch("shop", &PatchParams::default(), &Patch::Merge(request))
                .await
                .expect("a request for a cycle");
            let wanted = format!("r.example.com/app:{tag}");
            while self.written(&namespace, &wanted).await < 20 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            print_line("20 Applications changed after, ms", started.elapsed().as_millis());
        }
    }

    async fn written(&self, namespace: &str, wanted: &str) -> usize {
        let api: Api<Application> = Api::namespaced(self.client.clone(), namespace);
        let list = api.list(&ListParams::default()).await.expect("a list");
        let has = |a: &&Application| {
            let kustomize = a.spec.source.as_ref().and_then(|s| s.kustomize.as_ref());
            kustomize
                .and_then(|k| k.images.as_ref())
                .is_some_and(|images| images.iter().any(|i| i == wanted))
        };
        list.items.iter().filter(has).count()
    }

    /// Waits until this many resources were processed.
    async fn checked(&self, namespace: &str, count: usize) {
        let api: Api<ImageUpdater> = Api::namespaced(self.client.clone(), namespace);
        loop {
            let list = api.list(&ListParams::default()).await.expect("a list");
            let checked = |u: &&ImageUpdater| u.status.as_ref().is_some_and(|s| s.last_checked_at.is_some());
            if list.items.iter().filter(checked).count() >= count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Requests for our kinds that the API server has counted.
    async fn api_requests(&self) -> u64 {
        let request = http::Request::get("/metrics").body(Vec::new()).expect("a request");
        let metrics = self
            .client
            .request_text(request)
            .await
            .expect("the API server's metrics");
        let ours = |line: &&str| {
            line.starts_with("apiserver_request_total{")
                && [
                    "resource=\"applications\"",
                    "resource=\"imageupdaters\"",
                    "resource=\"secrets\"",
                    "resource=\"events\"",
                ]
                .iter()
                .any(|part| line.contains(part))
        };
        let count = |line: &str| line.rsplit(' ').next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
        metrics.lines().filter(ours).map(count).sum()
    }
}

/// A running program, killed when dropped.
struct Running(Child);

impl Running {
    /// A line of `/proc/PID/status` in KiB.
    fn memory(&self, name: &str) -> String {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap_or_default();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.map_or_else(String::new, |line| line.trim().trim_end_matches(" kB").to_owned())
    }

    /// User and system time so far, in ticks of 10 ms.
    fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap_or_default();
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or("").split(' ').collect();
        let ticks = |index: usize| fields.get(index).and_then(|f| f.parse::<u64>().ok()).unwrap_or(0);
        Duration::from_millis((ticks(11) + ticks(12)) * 10)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn print_line(what: &str, value: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout(), "{what:<55} {value}");
}
