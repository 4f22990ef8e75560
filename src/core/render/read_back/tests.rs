use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::core::{
    image::Platform,
    plan::running,
    resolve::{
        CommitGrouping, GitCredentialRef, GitTarget, PathPattern, ResolveContext, SourceSlot, resolve,
        source_type::SourceType,
    },
    select::live::LiveImages,
};

fn application(spec: &Value) -> Application {
    serde_json::from_value(json!({"metadata": {"name": "shop", "namespace": "argocd"}, "spec": spec})).unwrap()
}

/// An application with one image `api` whose current version stands in the manifest, and whose changes go to `file`.
fn tracked(application: &Application, image: &Value, file: TargetFile, slot: SourceSlot) -> TrackedApplication {
    let mut image = image.clone();
    image["alias"] = json!("api");
    let updater = serde_json::from_value(json!({
        "metadata": {"name": "u", "namespace": "argocd"},
        "spec": {
            "commonUpdateSettings": {"currentFrom": "manifest"},
            "applicationRefs": [{"namePattern": "*", "images": [image]}],
        },
    }))
    .unwrap();
    let context = ResolveContext {
        argocd_namespace: "argocd".to_owned(),
        runtime_platform: Platform::new("linux", "amd64"),
        allow_env_ext_credentials: false,
    };
    let typed = Application {
        status: serde_json::from_value(json!({"sourceType": "Helm", "sourceTypes": ["Helm"]})).unwrap(),
        ..application.clone()
    };
    let resolved = resolve(&updater, &[Arc::new(typed)], &context).unwrap();
    let (kind, source_type) = match &file {
        TargetFile::Kustomization(_) => (ApplicationKind::Kustomize, SourceType::Kustomize),
        TargetFile::Manifests(_) => (ApplicationKind::Manifests, SourceType::Directory),
        TargetFile::HelmValues(_) | TargetFile::Override(_) => (ApplicationKind::Helm, SourceType::Helm),
    };
    TrackedApplication {
        kind,
        source_type,
        source: slot,
        target: WriteTarget::Git(Box::new(GitTarget {
            target_key: String::new(),
            repository: "https://git.test/r.git".to_owned(),
            credentials: GitCredentialRef::RepoCreds,
            base: None,
            push: None,
            file,
            author: None,
            message: None,
            grouping: CommitGrouping::default(),
            refresh: false,
        })),
        ..resolved.applications[0].tracked.clone().unwrap()
    }
}

/// The version that counts as current when the target file has this text.
fn current(
    application: &Application,
    image: &Value,
    file: &TargetFile,
    slot: SourceSlot,
    text: Option<&str>,
) -> Result<Option<String>, ReadBackError> {
    let tracked = tracked(application, image, file.clone(), slot);
    let files = [TargetText {
        path: "x/file.yaml".to_owned(),
        text: text.map(str::to_owned),
    }];
    let copy = read_back(application, &tracked, &files)?;
    let image = tracked.images[0].tracked.clone().unwrap();
    let found = running::find(&copy, &tracked, &LiveImages::parse(&[]), &image, None);
    assert!(found.followed);
    let running = found.running.unwrap();
    Ok(running.map(|running| running.full_name_with_version()))
}

fn values() -> TargetFile {
    TargetFile::HelmValues("x/file.yaml".to_owned())
}

fn overrides() -> TargetFile {
    TargetFile::Override("x/file.yaml".to_owned())
}

fn kustomization() -> TargetFile {
    TargetFile::Kustomization("x".to_owned())
}

fn manifests() -> TargetFile {
    TargetFile::Manifests(PathPattern::parse("x", "*.yaml").unwrap())
}

#[test]
fn the_current_version_is_what_the_file_says() {
    let source = json!({"source": {"helm": {"parameters": [
        {"name": "image.name", "value": "acme/api"}, {"name": "image.tag", "value": "0.1"},
    ]}, "kustomize": {"images": ["acme/api:0.1"]}}});
    let plain = json!({"imageName": "acme/api:1.x"});
    let spec = json!({"imageName": "acme/api:1.x", "manifestTargets": {"helm": {"spec": "apps[0].image"}}});
    let renamed = json!({"imageName": "acme/api:1.x", "manifestTargets": {"kustomize": {"name": "base"}}});
    let quay = json!({"imageName": "quay.io/acme/api:1.x"});
    for (image, file, text, expected) in [
        (
            &plain,
            values(),
            Some("image: {name: docker.io/acme/api, tag: 1.10}"),
            Some("docker.io/acme/api:1.10"),
        ),
        (&plain, values(), Some("image.tag: '1.2'"), Some("acme/api:1.2")),
        (
            &plain,
            values(),
            Some("image: {tag: '1.3'}\nimage.tag: '1.2'"),
            Some("acme/api:1.3"),
        ),
        (&plain, values(), Some("image: {name: acme/other, tag: 1.1.1}"), None),
        (&plain, values(), Some("# nothing\n"), Some("acme/api:0.1")),
        (&plain, values(), None, Some("acme/api:0.1")),
        (
            &spec,
            values(),
            Some("apps:\n- image: acme/api:1.1@sha256:00\n"),
            Some("acme/api:1.1@sha256:00"),
        ),
        (
            &quay,
            values(),
            Some("image: {registry: quay.io, name: acme/api, tag: v1}"),
            Some("quay.io/acme/api:v1"),
        ),
        (
            &plain,
            overrides(),
            Some("helm:\n  parameters:\n  - {name: image.tag, value: \"1.2\", forcestring: true}\n"),
            Some("acme/api:1.2"),
        ),
        (&plain, overrides(), Some("helm:\n  parameters: []\n"), None),
        (&plain, overrides(), Some("helm:\n  parameters: null\n"), None),
        (
            &plain,
            overrides(),
            Some("kustomize: {images: [x]}\n"),
            Some("acme/api:0.1"),
        ),
        (&plain, overrides(), Some("# nothing\n"), Some("acme/api:0.1")),
        (&plain, overrides(), Some("~"), Some("acme/api:0.1")),
        (&plain, overrides(), None, Some("acme/api:0.1")),
        (
            &plain,
            kustomization(),
            Some("images:\n- name: other\n- name: acme/api\n  newTag: \"1.2\"\n"),
            Some("acme/api:1.2"),
        ),
        (
            &plain,
            kustomization(),
            Some("images: [{name: acme/api, newTag: v1, digest: sha256:00}]"),
            Some("acme/api:v1@sha256:00"),
        ),
        (
            &renamed,
            kustomization(),
            Some("images: [{name: base, newName: acme/api, newTag: v1}]"),
            Some("acme/api:v1"),
        ),
        (
            &renamed,
            kustomization(),
            Some("images: [{name: base, newName: acme/web, newTag: v1}]"),
            None,
        ),
        (&plain, kustomization(), Some("resources: []\n"), None),
        (&plain, kustomization(), None, Some("acme/api:0.1")),
        (
            &plain,
            manifests(),
            Some("apiVersion: v1\nkind: Pod\nspec: {containers: [{image: 'docker.io/acme/api:1.2'}]}\n"),
            Some("docker.io/acme/api:1.2"),
        ),
        (
            &plain,
            manifests(),
            Some("tag: v3 # {\"$imageupdater\": \"api:tag\"}\n"),
            Some("acme/api:v3"),
        ),
        (&plain, manifests(), Some("apiVersion: v1\n"), None),
        (&plain, manifests(), None, None),
    ] {
        let found = current(&application(&source), image, &file, SourceSlot::Single, text);
        assert_eq!(found, Ok(expected.map(str::to_owned)), "{image} {file:?} {text:?}");
    }
}

#[test]
fn the_source_that_is_written_is_the_one_that_says_it() {
    let image = json!({"imageName": "acme/api:1.x"});
    let text = Some("kustomize: {images: ['acme/api:1.2']}\n");
    let several = application(&json!({"sources": [{"helm": {}}, {"kustomize": {"images": ["acme/api:0.1"]}}]}));
    let hydrator = application(&json!({"sourceHydrator": {"drySource": {"kustomize": {"images": []}}}}));
    for (given, slot) in [(several, SourceSlot::Multi(1)), (hydrator, SourceSlot::Hydrator)] {
        let found = current(
            &given,
            &image,
            &kustomization(),
            slot,
            Some("images: [{name: acme/api, newTag: v1}]"),
        );
        assert_eq!(found, Ok(Some("acme/api:v1".to_owned())));
        let tracked = tracked(&given, &image, overrides(), slot);
        let files = [TargetText {
            path: "x".to_owned(),
            text: text.map(str::to_owned),
        }];
        let copy = read_back(&given, &tracked, &files).unwrap();
        let source = source_type::source_in(&copy, slot).unwrap();
        assert_eq!(source.kustomize.clone().unwrap().images.unwrap(), ["acme/api:1.2"]);
        let first = |application: &Application| application.spec.sources.as_ref().map(|sources| sources[0].clone());
        assert_eq!(first(&copy), first(&given));
    }
}

#[test]
fn a_file_that_cannot_be_read_is_told_with_its_line() {
    let image = json!({"imageName": "acme/api:1.x"});
    let given = application(&json!({"source": {}}));
    for (file, text, expected) in [
        (overrides(), "a: 1\nb: [\n", "x/file.yaml: not YAML: line"),
        (overrides(), "a: 1\na: 2\n", "x/file.yaml: line 2"),
        (overrides(), "- 1\n", "x/file.yaml: line 1: it is no map"),
        (overrides(), "a: 1\nhelm: 2\n", "x/file.yaml: line 2: helm is nothing"),
        (values(), "a: [\n", "x/file.yaml: the values file: not YAML: line"),
        (values(), "image: [1]\n", "x/file.yaml: the parameter \"image.name\""),
        (kustomization(), "images: 1\n", "x/file.yaml: line 1: images is no list"),
        (
            manifests(),
            "x: 1\ny: 2 # {\"$imageupdater\": \"api:x\"}\n",
            "x/file.yaml: line 2: \"x\" is no part",
        ),
    ] {
        let error = current(&given, &image, &file, SourceSlot::Single, Some(text)).unwrap_err();
        let verdict = Verdict::from(error);
        assert_eq!(verdict.reason, Reason::TargetUnusable);
        let message = verdict.message.strip_prefix("currentFrom: manifest: ").unwrap();
        assert!(message.starts_with(expected), "{file:?} {text}: {message}");
        assert!(message.ends_with("or set currentFrom: live"), "{message}");
    }
}
