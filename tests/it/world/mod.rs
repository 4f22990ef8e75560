//! A small world for one test: a namespace in the real API server, the reference registry, a git server, and the
//! program as a child process. It starts from short YAML and is judged by what a user sees.
//!
//! ```yaml
//! registry:                       # pushed into the reference registry, below the test's own prefix
//!   shop: [v1.0.0, v1.1.0]
//!   clock: { old: "2026-01-01T00:00:00Z" }
//! git:                            # repositories with their first commit on `main`
//!   deploy: { apps/shop/Chart.yaml: "name: shop" }
//! applications:                   # short forms, see `short`
//!   - { name: web, running: ['REG/shop:v1.0.0'] }
//! updater: { images: [{ alias: shop, imageName: 'REG/shop:1.x' }] }
//! ---
//! kind: Application               # apiVersion and namespace are filled in
//! ```
//!
//! `REG/` stands for the registry and the test's prefix, `GIT/deploy` for a repository's URL, `NS` for the namespace.

mod children;
pub mod fleet;
mod guarded_registry;
mod reference_registry;
mod short;
pub mod signer;

use std::{path::PathBuf, time::Duration};

use kube::{
    Api, Client,
    api::{DynamicObject, ListParams, Patch, PatchParams, PostParams},
    core::{ApiResource, GroupVersionKind},
};
use serde_json::{Value, json};

pub use children::{Child, Finished};
pub use fleet::Fleet;
pub use guarded_registry::{Guard, GuardedRegistry};
pub use reference_registry::ReferenceRegistry;
pub use signer::Signer;

use crate::support::{
    apiserver::{ApiServer, User},
    git_server::GitServer,
};

/// Secrets that the test used, so that nothing a child process wrote may contain them.
pub const PASSWORDS: [&str; 2] = ["gitpassword-6f1d", "registrypassword-93ab"];

/// The service account that the program runs as.
const ORIGINAL_ACCOUNT: &str = "argocd-image-updater-controller";

/// The small world.
pub struct World {
    pub server: &'static ApiServer,
    pub registry: &'static ReferenceRegistry,
    pub git: GitServer,
    pub namespace: String,
    client: Client,
    kubeconfig: PathBuf,
    folder: tempfile::TempDir,
    flags: Vec<String>,
}

impl World {
    /// The world that `yaml` describes.
    pub async fn given(yaml: &str) -> Self {
        let server = ApiServer::shared().await;
        let registry = ReferenceRegistry::shared().await;
        let namespace = server.namespace().await;
        let git = GitServer::start().await;
        let client = server.client();
        // The program has the rights of an installation of the original, and no more.
        let name = server.original_account(&namespace).await;
        let account = User::ServiceAccount {
            namespace: &namespace,
            name,
        };
        let kubeconfig = server.kubeconfig_via(server.address(), account, &namespace);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let world = Self {
            server,
            registry,
            git,
            namespace,
            client,
            kubeconfig,
            folder,
            flags: Vec::new(),
        };
        world.write_registries_conf(&format!(
            "registries:\n- name: test\n  prefix: {host}\n  api_url: http://{host}\n",
            host = registry.host()
        ));
        for text in yaml.split("\n---\n") {
            let text = world.fill_in(text);
            let mut document: Value = yaml_serde::from_str(&text).unwrap_or_else(|e| panic!("{e} in\n{text}"));
            if document.get("kind").is_some() {
                world.create(document).await;
            } else {
                let objects = short::objects(&mut document);
                world.prepare(&document).await;
                for object in objects {
                    world.create(object).await;
                }
            }
        }
        world
    }

    /// Adds flags to every run of the program.
    pub fn with_flags(mut self, flags: &[&str]) -> Self {
        self.flags.extend(flags.iter().map(|f| (*f).to_owned()));
        self
    }

    /// Runs the program with all rights, for what needs more than one namespace.
    pub fn with_all_rights(mut self) -> Self {
        self.kubeconfig = self.server.kubeconfig();
        self
    }

    /// Lets the program reach the API server at another address.
    pub fn through(mut self, address: std::net::SocketAddr) -> Self {
        let account = User::ServiceAccount {
            namespace: &self.namespace,
            name: ORIGINAL_ACCOUNT,
        };
        self.kubeconfig = self.server.kubeconfig_via(address, account, &self.namespace);
        self
    }

    /// Replaces the registries file.
    pub fn write_registries_conf(&self, text: &str) {
        std::fs::write(self.registries_conf(), text).expect("a writable folder");
    }

    fn registries_conf(&self) -> PathBuf {
        self.folder.path().join("registries.conf")
    }

    /// Puts the real names in.
    pub fn fill_in(&self, text: &str) -> String {
        let mut text = text.replace("REG/", &format!("{}/{}/", self.registry.host(), self.namespace));
        text = text.replace("NS", &self.namespace);
        while let Some(at) = text.find("GIT/") {
            let name: String = text[at + 4..]
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '-')
                .collect();
            text.replace_range(at..at + 4 + name.len(), &self.git.url(&name));
        }
        text
    }

    async fn prepare(&self, document: &Value) {
        for (name, tags) in document["registry"].as_object().into_iter().flatten() {
            let listed = tags.as_array().into_iter().flatten().filter_map(Value::as_str);
            for tag in listed {
                self.push(name, tag, "2026-01-01T00:00:00Z").await;
            }
            for (tag, created) in tags.as_object().into_iter().flatten() {
                self.push(name, tag, created.as_str().unwrap_or_default()).await;
            }
        }
        for (name, files) in document["git"].as_object().into_iter().flatten() {
            let files: Vec<(&str, &str)> = files
                .as_object()
                .into_iter()
                .flatten()
                .map(|(path, text)| (path.as_str(), text.as_str().unwrap_or_default()))
                .collect();
            self.git.create_repo(name, &files);
        }
    }

    /// Pushes an image into the reference registry; answers the manifest's digest.
    pub async fn push(&self, name: &str, tag: &str, created: &str) -> String {
        self.registry
            .push(&format!("{}/{name}", self.namespace), tag, created)
            .await
    }

    /// Creates an object; apiVersion and namespace are filled in.
    pub async fn create(&self, mut object: Value) {
        let kind = object["kind"].as_str().expect("a kind").to_owned();
        object["apiVersion"] = json!(api_version(&kind));
        let namespace = object["metadata"]["namespace"]
            .as_str()
            .unwrap_or(&self.namespace)
            .to_owned();
        object["metadata"]["namespace"] = json!(namespace);
        let object: DynamicObject = serde_json::from_value(object).expect("an object");
        self.api_in(&namespace, &kind)
            .create(&PostParams::default(), &object)
            .await
            .unwrap_or_else(|e| panic!("{kind} is accepted: {e}"));
    }

    fn api_in(&self, namespace: &str, kind: &str) -> Api<DynamicObject> {
        let version = api_version(kind);
        let (group, version) = version.split_once('/').unwrap_or(("", version));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        Api::namespaced_with(self.client.clone(), namespace, &resource)
    }

    fn api(&self, kind: &str) -> Api<DynamicObject> {
        self.api_in(&self.namespace, kind)
    }

    /// An object as the API server has it.
    pub async fn object(&self, kind: &str, name: &str) -> Value {
        let object = self
            .api(kind)
            .get(name)
            .await
            .unwrap_or_else(|e| panic!("{kind} {name}: {e}"));
        serde_json::to_value(object).expect("an object is JSON")
    }

    /// An Application.
    pub async fn application(&self, name: &str) -> Value {
        self.object("Application", name).await
    }

    /// The status of an ImageUpdater.
    pub async fn status(&self, name: &str) -> Value {
        self.object("ImageUpdater", name).await["status"].clone()
    }

    /// One condition of an ImageUpdater, `Null` when it has none of this type.
    pub async fn condition(&self, name: &str, kind: &str) -> Value {
        let status = self.status(name).await;
        let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
        conditions
            .into_iter()
            .find(|c| c["type"] == kind)
            .unwrap_or(Value::Null)
    }

    /// Changes an object with a merge patch.
    pub async fn patch(&self, kind: &str, name: &str, patch: Value) {
        self.api(kind)
            .patch(name, &PatchParams::default(), &Patch::Merge(patch))
            .await
            .unwrap_or_else(|e| panic!("{kind} {name}: {e}"));
    }

    /// Changes the status of an ImageUpdater with a merge patch.
    pub async fn set_status(&self, name: &str, status: Value) {
        self.api("ImageUpdater")
            .patch_status(
                name,
                &PatchParams::default(),
                &Patch::Merge(json!({ "status": status })),
            )
            .await
            .unwrap_or_else(|e| panic!("{name}: {e}"));
    }

    /// Plays Argo CD: these images run now.
    pub async fn running(&self, application: &str, images: &[&str]) {
        let images: Vec<String> = images.iter().map(|image| self.fill_in(image)).collect();
        self.patch(
            "Application",
            application,
            json!({ "status": { "summary": { "images": images } } }),
        )
        .await;
    }

    /// The names of the events in the namespace with this reason.
    pub async fn events(&self, reason: &str) -> Vec<Value> {
        let list = self
            .api("Event")
            .list(&ListParams::default())
            .await
            .expect("events are listed");
        let events = list
            .items
            .into_iter()
            .map(|e| serde_json::to_value(e).expect("an event is JSON"));
        events.filter(|e| e["reason"] == reason).collect()
    }

    /// The value of a Helm parameter of the only source.
    pub async fn helm_parameter(&self, application: &str, name: &str) -> Value {
        let application = self.application(application).await;
        parameter(&application["spec"]["source"], name)
    }

    /// Starts the program with `arguments` after the usual flags of a test.
    pub fn start(&self, arguments: &[&str]) -> Child {
        let mut all = vec![
            "run".to_owned(),
            format!("--kubeconfig={}", self.kubeconfig.display()),
            format!("--argocd-namespace={}", self.namespace),
            format!("--watch-namespaces={}", self.namespace),
            format!("--registries-conf-path={}", self.registries_conf().display()),
            "--health-probe-bind-address=0".to_owned(),
            "--leader-election=false".to_owned(),
            "--loglevel=debug".to_owned(),
        ];
        all.extend(self.flags.iter().cloned());
        all.extend(arguments.iter().map(|a| (*a).to_owned()));
        Child::start(&all)
    }

    /// Runs `plan` with `arguments` after the usual flags of a test.
    pub async fn plan(&self, arguments: &[&str]) -> Finished {
        let mut all = vec![
            "plan".to_owned(),
            format!("--kubeconfig={}", self.kubeconfig.display()),
            format!("--argocd-namespace={}", self.namespace),
            format!("--watch-namespaces={}", self.namespace),
            format!("--registries-conf-path={}", self.registries_conf().display()),
        ];
        all.extend(self.flags.iter().cloned());
        all.extend(arguments.iter().map(|a| (*a).to_owned()));
        Child::start(&all).finish().await
    }

    /// Runs `test` for an image with `arguments` after the registries file of the world. It finds no cluster, unless
    /// `arguments` name one.
    pub async fn test(&self, image: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Finished {
        let mut all = vec![
            "test".to_owned(),
            self.fill_in(image),
            format!("--registries-conf-path={}", self.registries_conf().display()),
        ];
        all.extend(arguments.iter().map(|a| self.fill_in(a)));
        let nowhere = [("KUBECONFIG", "/nowhere"), ("HOME", "/nowhere")];
        let environment: Vec<_> = nowhere.iter().chain(environment).copied().collect();
        Child::start_with(&all, &environment).finish().await
    }

    /// The file by which the program reaches the API server.
    pub fn kubeconfig(&self) -> String {
        self.kubeconfig.display().to_string()
    }

    /// Runs one cycle over everything and waits for its end.
    pub async fn cycle(&self) -> Finished {
        let finished = self.start(&["--once"]).finish().await;
        assert!(finished.success, "the program ends well:\n{}", finished.log);
        finished
    }

    /// The Kustomize images of the only source, `Null` when there are none.
    pub async fn kustomize_images(&self, application: &str) -> Value {
        self.application(application).await["spec"]["source"]["kustomize"]["images"].clone()
    }

    /// Why an image is left alone: the reason of its problem in the status, `Null` when there is none.
    pub async fn problem(&self, alias: &str) -> Value {
        let problems = self.status("all").await["problems"].clone();
        let problems = problems.as_array().cloned().unwrap_or_default();
        let problem = problems.into_iter().find(|problem| problem["alias"] == alias);
        problem.map_or(Value::Null, |problem| problem["reason"].clone())
    }

    /// Waits until `check` holds for the value that `read` gives.
    pub async fn wait_for<T, F>(&self, what: &str, mut read: impl FnMut() -> F, check: impl Fn(&T) -> bool) -> T
    where
        T: std::fmt::Debug,
        F: Future<Output = T>,
    {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        loop {
            let value = read().await;
            if check(&value) {
                return value;
            }
            assert!(tokio::time::Instant::now() < deadline, "{what}: still {value:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// The value of a Helm parameter of a source, `Null` when there is none.
pub fn parameter(source: &Value, name: &str) -> Value {
    let parameters = source["helm"]["parameters"].as_array().cloned().unwrap_or_default();
    parameters
        .into_iter()
        .find(|p| p["name"] == name)
        .map_or(Value::Null, |p| p["value"].clone())
}

fn api_version(kind: &str) -> &'static str {
    match kind {
        "Application" | "AppProject" => "argoproj.io/v1alpha1",
        "ImageUpdater" => "argocd-image-updater.argoproj.io/v1alpha1",
        "Lease" => "coordination.k8s.io/v1",
        _ => "v1",
    }
}
