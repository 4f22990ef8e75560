//! What the benches of the whole program share: a real API server, a registry that counts, and the program as a process.

use std::{
    io::Write as _,
    process::{Child, Command, Stdio},
    time::Duration,
};

use argocd_image_updater::api::v1alpha1::ImageUpdater;
use futures::{StreamExt as _, stream};
use kube::{
    Api, Client,
    api::{ListParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use crate::{
    apiserver::{self, ApiServer},
    registry::Registry,
};

/// How many objects are created at the same time.
const PARALLEL: usize = 16;

/// An API server, a registry and a folder for the files of the program.
pub struct World {
    server: ApiServer,
    /// The registry behind `r.example.com`.
    pub registry: Registry,
    /// The administrator of the API server.
    pub client: Client,
    folder: tempfile::TempDir,
}

impl World {
    /// Starts everything but the program.
    pub async fn start() -> Self {
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

    /// A namespace of its own.
    pub async fn namespace(&self) -> String {
        self.server.namespace().await
    }

    /// Creates Applications that run these images.
    pub async fn applications(&self, namespace: &str, applications: Vec<(String, Vec<String>)>) {
        let created = stream::iter(applications).map(|(name, images)| self.application(namespace, name, images));
        created.buffer_unordered(PARALLEL).collect::<Vec<()>>().await;
    }

    async fn application(&self, namespace: &str, name: String, images: Vec<String>) {
        let object = json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": { "name": name, "namespace": namespace, "labels": { "team": "web" } },
            "spec": {
                "project": "default",
                "destination": { "server": "https://kubernetes.default.svc", "namespace": "web" },
                "source": { "repoURL": "https://git.example.com/deploy.git", "path": format!("apps/{name}"),
                            "targetRevision": "main" },
            },
            "status": { "sourceType": "Kustomize", "summary": { "images": images } },
        });
        self.create(namespace, &object).await;
    }

    /// Creates objects of any of our kinds.
    pub async fn objects(&self, namespace: &str, objects: &[Value]) {
        let created = stream::iter(objects).map(|object| self.create(namespace, object));
        created.buffer_unordered(PARALLEL).collect::<Vec<()>>().await;
    }

    async fn create(&self, namespace: &str, object: &Value) {
        let (group, plural) = match object["kind"].as_str() {
            Some("Application") => ("apis", "applications"),
            Some("ImageUpdater") => ("apis", "imageupdaters"),
            Some("Secret") => ("api", "secrets"),
            other => panic!("{other:?} is none of our kinds"),
        };
        let version = object["apiVersion"].as_str().expect("a version");
        let request = http::Request::post(format!("/{group}/{version}/namespaces/{namespace}/{plural}"))
            .header("Content-Type", "application/json")
            .body(object.to_string().into_bytes())
            .expect("a request");
        let created = self.client.request::<Value>(request).await;
        created.unwrap_or_else(|error| panic!("{plural}: {error}"));
    }

    /// Creates an ImageUpdater: for each pattern of names, the images that are followed.
    pub async fn updater(&self, namespace: &str, name: &str, strategy: &str, followed: &[(String, Vec<String>)]) {
        let references = followed.iter().map(|(pattern, images)| {
            let images = images.iter().enumerate();
            let images: Vec<_> = images
                .map(|(at, image)| json!({ "alias": format!("i{at}"), "imageName": image }))
                .collect();
            json!({ "namePattern": pattern, "images": images })
        });
        let object: ImageUpdater = serde_json::from_value(json!({
            "apiVersion": "argocd-image-updater.argoproj.io/v1alpha1", "kind": "ImageUpdater",
            "metadata": { "name": name },
            "spec": {
                "commonUpdateSettings": { "updateStrategy": strategy },
                "applicationRefs": references.collect::<Vec<_>>(),
            },
        }))
        .expect("an ImageUpdater");
        let api: Api<ImageUpdater> = Api::namespaced(self.client.clone(), namespace);
        api.create(&PostParams::default(), &object)
            .await
            .expect("the ImageUpdater is created");
    }

    /// Asks for a cycle of one resource now.
    pub async fn request_cycle(&self, namespace: &str, name: &str, value: &str) {
        let request = json!({ "metadata": { "annotations": {
            "argocd-image-updater.argoproj.io/reconcile-requested-at": value } } });
        let updaters: Api<ImageUpdater> = Api::namespaced(self.client.clone(), namespace);
        updaters
            .patch(name, &PatchParams::default(), &Patch::Merge(request))
            .await
            .expect("a request for a cycle");
    }

    /// What the program wrote so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// The folder for temporary files of the program.
    pub fn temporary(&self) -> std::path::PathBuf {
        self.folder.path().join("tmp")
    }

    /// Waits until the cycle that was requested with this value is over.
    pub async fn handled(&self, namespace: &str, name: &str, value: &str) {
        let api: Api<ImageUpdater> = Api::namespaced(self.client.clone(), namespace);
        loop {
            let updater = api.get(name).await.expect("the ImageUpdater");
            let handled = updater.status.and_then(|status| status.last_handled_reconcile_at);
            if handled.as_deref() == Some(value) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Starts the program on one namespace.
    pub fn program(&self, namespace: &str, interval: &str) -> Running {
        std::fs::create_dir_all(self.temporary()).expect("a writable folder");
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
            .env("TMPDIR", self.temporary())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(self.folder.path().join("log")).expect("a log file"))
            .spawn()
            .expect("the program starts");
        Running(child)
    }

    /// Waits until this many resources were processed.
    pub async fn checked(&self, namespace: &str, count: usize) {
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
    pub async fn api_requests(&self) -> u64 {
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
pub struct Running(Child);

impl Running {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// A line of `/proc/PID/status` in KiB.
    pub fn memory(&self, name: &str) -> String {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap_or_default();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.map_or_else(String::new, |line| line.trim().trim_end_matches(" kB").to_owned())
    }

    /// User and system time so far, in ticks of 10 ms.
    pub fn cpu(&self) -> Duration {
        self.ticks([11, 12])
    }

    /// The same of its children that have ended, and of theirs.
    pub fn cpu_of_children(&self) -> Duration {
        self.ticks([13, 14])
    }

    fn ticks(&self, columns: [usize; 2]) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap_or_default();
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or("").split(' ').collect();
        let ticks = |index: usize| fields.get(index).and_then(|f| f.parse::<u64>().ok()).unwrap_or(0);
        Duration::from_millis(columns.into_iter().map(ticks).sum::<u64>() * 10)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// One figure.
pub fn print_line(what: &str, value: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout(), "{what:<55} {value}");
}
