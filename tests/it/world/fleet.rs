//! Applications in a folder of manifests, and the program that runs over them: no cluster, one image for all of them.
//!
//! For tests of what happens in git: a fleet is ready in milliseconds, however many Applications it has. Every one
//! follows `r.example.com/app:1.x` and runs `v1.0.0`; [`Fleet::release`] pushes a newer tag.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::{Child, Finished};
use crate::support::registry::Registry;

/// The folder, and the registry behind `r.example.com`.
pub struct Fleet {
    registry: Registry,
    folder: tempfile::TempDir,
    environment: Vec<(String, String)>,
}

impl Fleet {
    /// These objects; `v1.0.0` is the only tag.
    pub async fn given(objects: &[Value]) -> Self {
        let registry = Registry::start().await;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let conf = format!(
            "registries:\n- {{ name: r, prefix: r.example.com, api_url: {} }}\n",
            registry.url()
        );
        std::fs::write(folder.path().join("registries.conf"), conf).expect("a writable folder");
        std::fs::create_dir(folder.path().join("manifests")).expect("a writable folder");
        let fleet = Self {
            registry,
            folder,
            environment: Vec::new(),
        };
        fleet.write("all.yaml", objects);
        fleet.release("v1.0.0");
        fleet
    }

    /// Sets an environment variable of every run of the program.
    pub fn with_environment(mut self, key: &str, value: &str) -> Self {
        self.environment.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Writes a file of manifests; one of the same name is replaced.
    pub fn write(&self, file: &str, objects: &[Value]) {
        let documents: Vec<String> = objects
            .iter()
            .map(|object| yaml_serde::to_string(object).expect("JSON is YAML"))
            .collect();
        let path = self.folder.path().join("manifests").join(file);
        std::fs::write(path, documents.join("---\n")).expect("a writable folder");
    }

    /// Pushes the image with another tag.
    pub fn release(&self, tag: &str) {
        self.registry.push("app", tag, "2026-01-01T00:00:00Z");
    }

    /// The folder that the program keeps its mirrors in over runs.
    pub fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    /// Starts the program with `flags` after the usual ones.
    pub fn start(&self, flags: &[&str]) -> Child {
        let folder = self.folder.path();
        let mut all = vec![
            "run".to_owned(),
            format!("--directory={}", folder.join("manifests").display()),
            format!("--registries-conf-path={}", folder.join("registries.conf").display()),
            format!("--cache-dir={}", self.cache().display()),
            "--health-probe-bind-address=0".to_owned(),
            "--loglevel=debug".to_owned(),
        ];
        all.extend(flags.iter().map(|flag| (*flag).to_owned()));
        let nowhere = [("KUBECONFIG", "/nowhere"), ("HOME", "/nowhere")];
        let own = self
            .environment
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()));
        let environment: Vec<_> = nowhere.into_iter().chain(own).collect();
        Child::start_with(&all, &environment)
    }

    /// Runs one cycle and waits for its end, which must be a good one.
    pub async fn cycle(&self) -> Finished {
        let finished = self.start(&["--once"]).finish().await;
        assert!(finished.success, "the program ends well:\n{}", finished.log);
        finished
    }

    /// The status of the ImageUpdater `all`.
    pub fn status(&self) -> Value {
        let file = "manifests/.argocd-image-updater/status/imageupdater-argocd-all.yaml";
        let text = std::fs::read_to_string(self.folder.path().join(file)).expect("a status");
        let object: Value = yaml_serde::from_str(&text).expect("YAML");
        object["status"].clone()
    }

    /// Reason and message of the problems in the status.
    pub fn problems(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let problems = self.status()["problems"].as_array().cloned().unwrap_or_default();
        problems
            .iter()
            .map(|p| (text(&p["reason"]), text(&p["message"])))
            .collect()
    }
}

/// An Application whose kustomization lies in a folder of its name in the repository `url`, on `main`.
pub fn application(name: &str, url: &str) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": { "name": name },
        "spec": {
            "project": "default",
            "destination": { "namespace": name },
            "source": { "repoURL": url, "path": name, "targetRevision": "main" },
        },
        "status": { "sourceType": "Kustomize", "summary": { "images": ["r.example.com/app:v1.0.0"] } },
    })
}

/// The ImageUpdater `all`: it writes every Application to git, as `config` says.
pub fn updater(config: &Value) -> Value {
    json!({
        "apiVersion": "argocd-image-updater.argoproj.io/v1alpha1", "kind": "ImageUpdater",
        "metadata": { "name": "all" },
        "spec": {
            "writeBackConfig": { "method": "git", "gitConfig": config },
            "applicationRefs": [{
                "namePattern": "*",
                "images": [{ "alias": "app", "imageName": "r.example.com/app:1.x" }],
            }],
        },
    })
}

/// Argo CD's Secret for a repository, with more fields.
pub fn repository(url: &str, fields: &Value) -> Value {
    let mut data = json!({ "type": "git", "url": url });
    for (key, value) in fields.as_object().into_iter().flatten() {
        data[key] = value.clone();
    }
    json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": { "name": "repository", "labels": { "argocd.argoproj.io/secret-type": "repository" } },
        "stringData": data,
    })
}

/// The file that [`application`] is written to.
pub fn file(name: &str) -> String {
    format!("{name}/.argocd-source-{name}.yaml")
}

/// What that file says when `tag` is written.
pub fn text(tag: &str) -> String {
    format!("kustomize:\n  images:\n  - r.example.com/app:{tag}\n")
}
