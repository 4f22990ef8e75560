//! The short forms of objects, so that a test says what it is about and nothing else.
//!
//! ```yaml
//! applications:
//!   - { name: shop, running: ['REG/app:v1.0.0'] }              # a kustomization in git
//!   - { name: web, type: Helm, source: { chart: web }, labels: { team: web }, running: [] }
//!   - { name: both, types: [Helm, Kustomize], sources: [...], annotations: {...}, spec: {...} }
//! credentials: { deploy: GIT/deploy }                          # Argo CD's Secret for a repository
//! updater: { images: [{ alias: app, imageName: 'REG/app:1.x' }] }   # named all, follows every application
//! ```

use serde_json::{Map, Value, json};

use super::PASSWORDS;

/// Takes the short forms out of a document: the objects that they stand for, in their order.
pub(super) fn objects(document: &mut Value) -> Vec<Value> {
    let Some(document) = document.as_object_mut() else {
        return Vec::new();
    };
    let applications = document.remove("applications").unwrap_or_else(|| json!([]));
    let applications = applications
        .as_array()
        .expect("applications is a list")
        .iter()
        .map(application);
    let credentials = document.remove("credentials").unwrap_or_else(|| json!({}));
    let credentials = credentials
        .as_object()
        .expect("credentials have names")
        .iter()
        .map(secret);
    let updater = document.remove("updater");
    applications
        .chain(credentials)
        .chain(updater.as_ref().map(updater_of))
        .collect()
}

/// An Application. `type` is the type of its source (Kustomize), or `types` of its `sources`; `source` is added to what
/// every source has, `spec` and `metadata` to the object.
fn application(short: &Value) -> Value {
    let name = short["name"].as_str().expect("an application has a name");
    let mut metadata = json!({ "name": name });
    for key in ["labels", "annotations", "namespace"] {
        copy(short, key, &mut metadata, key);
    }
    let mut spec = json!({ "project": "default", "destination": { "namespace": name } });
    let mut status = json!({ "summary": { "images": short.get("running").cloned().unwrap_or_else(|| json!([])) } });
    if short.get("sources").is_some() {
        copy(short, "sources", &mut spec, "sources");
        copy(short, "types", &mut status, "sourceTypes");
    } else {
        let mut source = json!({ "repoURL": "https://git.example.com/deploy.git", "path": name });
        merge(&mut source, short.get("source"));
        spec["source"] = source;
        status["sourceType"] = short.get("type").cloned().unwrap_or_else(|| json!("Kustomize"));
    }
    merge(&mut spec, short.get("spec"));
    merge(&mut metadata, short.get("metadata"));
    // A null takes away what every application has.
    if let Some(spec) = spec.as_object_mut() {
        spec.retain(|_, value| !value.is_null());
    }
    json!({ "kind": "Application", "metadata": metadata, "spec": spec, "status": status })
}

/// An ImageUpdater: a spec, whose `images` are those of a rule for all applications unless there are rules.
fn updater_of(short: &Value) -> Value {
    let mut spec: Map<String, Value> = short.as_object().expect("an updater has settings").clone();
    let name = spec.remove("name").unwrap_or_else(|| json!("all"));
    if !spec.contains_key("applicationRefs") {
        let images = spec.remove("images").unwrap_or_else(|| json!([]));
        spec.insert(
            "applicationRefs".to_owned(),
            json!([{ "namePattern": "*", "images": images }]),
        );
    }
    json!({ "kind": "ImageUpdater", "metadata": { "name": name }, "spec": spec })
}

/// The Secret in which Argo CD keeps what a repository asks for.
fn secret((name, url): (&String, &Value)) -> Value {
    json!({
        "kind": "Secret",
        "metadata": { "name": name, "labels": { "argocd.argoproj.io/secret-type": "repository" } },
        "stringData": { "type": "git", "url": url, "username": "bot", "password": PASSWORDS[0] },
    })
}

fn copy(from: &Value, key: &str, to: &mut Value, name: &str) {
    if let Some(value) = from.get(key) {
        to[name] = value.clone();
    }
}

fn merge(to: &mut Value, more: Option<&Value>) {
    for (key, value) in more.and_then(Value::as_object).into_iter().flatten() {
        to[key] = value.clone();
    }
}
