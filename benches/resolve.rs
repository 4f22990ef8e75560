//! Resolving 5,000 Applications of three images each against 50 resources in one namespace, as in every cycle.
//!
//! Before the timings it prints how much memory the results of one such round hold.

#![expect(
    clippy::disallowed_methods,
    reason = "a bench reads what the system says about its memory"
)]

use std::{hint::black_box, sync::Arc};

use argocd_image_updater::{
    api::{argocd::Application, v1alpha1::ImageUpdater},
    core::{
        image::Platform,
        resolve::{Compiled, ResolveContext, Resolved},
    },
};
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::{Value, json};

const RESOURCES: usize = 50;
const APPLICATIONS: usize = 5_000;

fn context() -> ResolveContext {
    ResolveContext {
        argocd_namespace: "argocd".to_owned(),
        runtime_platform: Platform::new("linux", "amd64"),
        allow_env_ext_credentials: true,
    }
}

fn updaters(rule: impl Fn(usize) -> Value) -> Vec<ImageUpdater> {
    let updater = |index: usize| {
        json!({
            "apiVersion": "argocd-image-updater.argoproj.io/v1alpha1",
            "kind": "ImageUpdater",
            "metadata": {"namespace": "argocd", "name": format!("updater-{index}")},
            "spec": {"applicationRefs": [rule(index)]},
        })
    };
    (0..RESOURCES)
        .map(|index| serde_json::from_value(updater(index)).expect("a resource"))
        .collect()
}

fn listed(pattern: &str) -> Value {
    json!({
        "namePattern": pattern,
        "commonUpdateSettings": {"allowTags": r"regexp:^v[0-9]+\.[0-9]+\.[0-9]+$", "ignoreTags": ["*-rc*", "latest"]},
        "writeBackConfig": {"method": "git", "gitConfig": {"branch": "main"}},
        "images": [
            {"imageName": "registry.example.com/shop/api:1.x"},
            {"imageName": "registry.example.com/shop/web:~2.1"},
            {"imageName": "registry.example.com/shop/worker", "commonUpdateSettings": {"updateStrategy": "newest-build"}},
        ],
    })
}

fn applications(annotations: impl Fn(usize) -> Value) -> Vec<Arc<Application>> {
    let application = |index: usize| {
        let team = index % RESOURCES;
        json!({
            "metadata": {
                "namespace": "argocd", "name": format!("team-{team:02}-shop-{index}-team-{team:02}"),
                "labels": {"team": format!("team-{team:02}")}, "annotations": annotations(index),
            },
            "spec": {"source": {
                "repoURL": "https://git.example.com/deploy.git", "path": format!("apps/{index}"), "targetRevision": "main",
                "helm": {"parameters": [{"name": "image.tag", "value": "1.0.0"}]},
            }},
            "status": {"sourceType": "Helm", "summary": {"images": [
                "registry.example.com/shop/api:1.0.0", "registry.example.com/shop/web:2.1.0",
                "registry.example.com/shop/worker:7",
            ]}},
        })
    };
    (0..APPLICATIONS)
        .map(|index| Arc::new(serde_json::from_value(application(index)).expect("an application")))
        .collect()
}

fn compile(updaters: &[ImageUpdater]) -> Vec<Compiled> {
    let compiled = |updater| Compiled::new(updater, &context()).expect("a resource without mistakes");
    updaters.iter().map(compiled).collect()
}

fn resolve(compiled: &[Compiled], applications: &[Arc<Application>]) -> Vec<Resolved> {
    let resolved: Vec<_> = compiled.iter().map(|one| one.resolve(applications)).collect();
    let followed = resolved.iter().flat_map(|resolved| &resolved.applications);
    let followed = followed.filter(|application| application.tracked.is_ok()).count();
    assert_eq!(followed, APPLICATIONS, "every application belongs to one resource");
    resolved
}

/// The resident memory of this process, in KiB.
fn resident() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[expect(clippy::print_stderr, reason = "the figure is what the bench is for")]
fn memory(name: &str, updaters: &[ImageUpdater], applications: &[Arc<Application>]) {
    let before = resident();
    let compiled = compile(updaters);
    let resolved = resolve(&compiled, applications);
    if let (Some(before), Some(after)) = (before, resident()) {
        eprintln!(
            "{name}: {} KiB hold the compiled resources and one result",
            after.saturating_sub(before)
        );
    }
    black_box((compiled, resolved));
}

fn bench(criterion: &mut Criterion) {
    let plain = applications(|_| json!({}));
    let prefix = updaters(|index| listed(&format!("team-{index:02}-*")));
    let suffix = updaters(|index| listed(&format!("*-team-{index:02}")));
    let expression = updaters(|index| listed(&format!("regexp:team-{index:02}-[a-z]+-.*")));
    let annotations = |list: String| {
        json!({
            "argocd-image-updater.argoproj.io/image-list": list,
            "argocd-image-updater.argoproj.io/allow-tags": r"regexp:^v[0-9]+\.[0-9]+\.[0-9]+$",
        })
    };
    let equal =
        applications(|_| annotations("a=r.example.com/a:1.x,b=r.example.com/b:1.x,c=r.example.com/c".to_owned()));
    let different = applications(|index| {
        annotations(format!(
            "a=r.example.com/a{index}:1.x,b=r.example.com/b:1.x,c=r.example.com/c"
        ))
    });
    let annotated = updaters(|index| json!({"namePattern": format!("team-{index:02}-*"), "useAnnotations": true}));

    let rounds = [
        ("names by their beginning", &prefix, &plain),
        ("names by their end", &suffix, &plain),
        ("regular expressions", &expression, &plain),
        ("equal annotations", &annotated, &equal),
        ("different annotations", &annotated, &different),
    ];
    let mut group = criterion.benchmark_group("resolve");
    group.sample_size(10);
    group.bench_function("compile", |bencher| bencher.iter(|| compile(black_box(&prefix))));
    for (name, updaters, applications) in rounds {
        memory(name, updaters, applications);
        let compiled = compile(updaters);
        group.bench_function(name, |bencher| {
            bencher.iter(|| resolve(black_box(&compiled), black_box(applications)));
        });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
