//! What runs for weeks: credentials that change, and programs that are started for them and must all end.

use std::{os::unix::fs::PermissionsExt as _, path::Path};

use serde_json::{Value, json};

use crate::{
    support::{
        image_shelf::{OCI, Shelf},
        scripted_registry::{Asked, Internet, Reply, error, unauthorized},
        servers,
    },
    world::{Child, PASSWORDS, World},
};

/// One application that runs `v1.0.0` of the registry of `net`, whose credentials come from `program`.
async fn world(net: &Internet, program: &Path, more: &str) -> World {
    let world = World::given(
        "
applications: [{ name: app, running: ['r.example.com/app:v1.0.0'] }]
updater: { images: [{ alias: app, imageName: r.example.com/app }] }
",
    )
    .await;
    let ca = net.ca().trim().replace('\n', "\n    ");
    world.write_registries_conf(&format!(
        "registries:\n- name: scripted\n  prefix: r.example.com\n  api_url: {}\n  credentials: ext:{}\n  ca_data: |\n    {ca}\n{more}",
        net.direct(),
        program.display(),
    ));
    world
}

/// A program of the shell.
fn program(folder: &Path, text: &str) -> std::path::PathBuf {
    let path = folder.join("login");
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("a writable folder");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    path
}

/// Two versions for whoever knows the password, which is read anew; others get `refusal`.
fn registry(net: &Internet, password: std::path::PathBuf, refusal: fn() -> Reply) {
    let mut images = Shelf::default();
    for tag in ["v1.0.0", "v1.1.0"] {
        images.push(OCI, tag, "2026-01-01T00:00:00Z");
    }
    net.host(&net.direct(), move |asked: &Asked| {
        let good = std::fs::read_to_string(&password).expect("a password");
        if asked.login() == "-" {
            return unauthorized(r#"Basic realm="scripted""#);
        }
        if !asked.is_basic("bob", good.trim()) {
            return refusal();
        }
        if asked.path == "/v2/app/tags/list" {
            let tags = json!({ "name": "app", "tags": images.sorted() });
            return crate::support::scripted_registry::json(200, &tags);
        }
        let other = images.answer(asked, "/v2/app");
        other.unwrap_or_else(|| error(404, "NAME_UNKNOWN", "repository name not known to registry"))
    });
}

/// Whether a process runs. One that ended and that nobody waited for does not.
fn runs(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(") ").next().and_then(|rest| rest.chars().next());
    state.is_some_and(|state| state != 'Z')
}

/// Waits until the program has no child process, neither one at work nor one that ended and was not waited for.
async fn no_child_is_left(world: &World, program: &Child) {
    let tasks = format!("/proc/{}/task", program.pid());
    let children = || async {
        let tasks = std::fs::read_dir(&tasks).expect("it runs");
        let of = |task: std::io::Result<std::fs::DirEntry>| {
            let path = task.ok().map(|task| task.path().join("children"));
            path.and_then(|path| std::fs::read_to_string(path).ok())
                .unwrap_or_default()
        };
        tasks.map(of).collect::<String>()
    };
    world
        .wait_for("no child is left", children, |children| children.trim().is_empty())
        .await;
}

#[tokio::test]
async fn credentials_that_change_before_they_expire_are_read_again_when_they_are_refused() {
    // #1540: 401 as the distribution specification has it, 403 as Amazon answers a token that died.
    let refusals: [fn() -> Reply; 2] = [
        || unauthorized(r#"Basic realm="scripted""#),
        || {
            error(
                403,
                "DENIED",
                "Your authorization token has expired. Reauthenticate and try again.",
            )
        },
    ];
    for refusal in refusals {
        let (net, folder) = (Internet::start().await, tempfile::tempdir().expect("a folder"));
        let password = folder.path().join("password");
        std::fs::write(&password, PASSWORDS[1]).expect("a writable folder");
        registry(&net, password.clone(), refusal);
        let runs = folder.path().join("runs");
        let text = format!("echo x >> {}\necho bob:$(cat {})", runs.display(), password.display());
        let world = world(&net, &program(folder.path(), &text), "  credsexpire: 12h\n").await;
        let program = world.start(&["--interval=1s"]);
        let written = |images: &Value| *images == json!(["r.example.com/app:v1.1.0"]);
        world
            .wait_for("the first password works", || world.kustomize_images("app"), written)
            .await;

        std::fs::write(&password, format!("{}-new", PASSWORDS[1])).expect("a writable folder");
        let count = || async { std::fs::read_to_string(&runs).unwrap_or_default().lines().count() };
        world
            .wait_for("the program is asked again", count, |count| *count == 2)
            .await;
        net.forget();
        let listed = || async { net.asked().iter().filter(|a| a.path.ends_with("/tags/list")).count() };
        world
            .wait_for("the next cycles list tags", listed, |count| *count >= 2)
            .await;

        assert_eq!(count().await, 2, "the new ones are kept again");
        assert_eq!(world.problem("app").await, Value::Null);
        program.stop().await;
    }
}

#[tokio::test]
async fn a_program_for_credentials_leaves_no_process_behind() {
    // #1445: processes that nobody ended, until the machine had no more.
    let (net, folder) = (Internet::start().await, tempfile::tempdir().expect("a folder"));
    let password = folder.path().join("password");
    std::fs::write(&password, PASSWORDS[1]).expect("a writable folder");
    registry(&net, password.clone(), || unauthorized(r#"Basic realm="scripted""#));
    let pids = folder.path().join("pids");
    let text = format!(
        "sleep 600 > /dev/null 2>&1 &\necho $! >> {}\necho bob:$(cat {})",
        pids.display(),
        password.display()
    );
    let world = world(&net, &program(folder.path(), &text), "  credsexpire: 1ms\n").await;
    let program = world.start(&["--interval=1s"]);

    let started = || async {
        std::fs::read_to_string(&pids)
            .unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect()
    };
    let several = |started: &Vec<String>| started.len() >= 3;
    let started: Vec<String> = world.wait_for("it runs for each cycle", started, several).await;

    // The last may still be at work.
    for pid in &started[..started.len() - 1] {
        assert!(!runs(pid), "{pid} goes on");
    }
    no_child_is_left(&world, &program).await;
    program.stop().await;
    let left = || async {
        let started = std::fs::read_to_string(&pids).expect("it ran");
        started.lines().filter(|pid| runs(pid)).count()
    };
    world
        .wait_for("nothing goes on after the end", left, |left| *left == 0)
        .await;
}

#[tokio::test]
async fn writing_to_git_leaves_no_process_behind() {
    // #1685 #1445
    let world = World::given(
        "
registry: { app: [v1.0.0] }
git: { deploy: { app/kustomization.yaml: 'kind: Kustomization' } }
credentials: { deploy: GIT/deploy }
applications:
  - { name: app, source: { repoURL: GIT/deploy, path: app, targetRevision: main }, running: ['REG/app:v1.0.0'] }
updater:
  writeBackConfig: { method: git }
  images: [{ alias: app, imageName: REG/app }]
",
    )
    .await;
    let program = world.start(&["--interval=1s"]);

    for tag in ["v1.1.0", "v1.2.0", "v1.3.0"] {
        world.push("app", tag, "2026-01-01T00:00:00Z").await;
        let file = || async { world.git.file("deploy", "main", "app/.argocd-source-app.yaml") };
        let written = |file: &Option<String>| file.as_ref().is_some_and(|file| file.contains(tag));
        world.wait_for("it is pushed", file, written).await;
    }

    no_child_is_left(&world, &program).await;
    program.stop().await;
}

#[tokio::test]
async fn a_replica_that_waits_for_the_lease_is_ready() {
    // #1368
    let world = World::given(
        "
registry: { app: [v1.0.0, v1.1.0] }
applications: [{ name: app, running: ['REG/app:v1.0.0'] }]
updater: { images: [{ alias: app, imageName: REG/app }] }
---
kind: Lease
metadata: { name: c21b75f2.argoproj.io }
spec: { holderIdentity: another, leaseDurationSeconds: 3600, renewTime: '2026-01-01T00:00:00.000000Z' }
",
    )
    .await;
    let address = format!("127.0.0.1:{}", servers::free_port());
    let program = world.start(&[
        "--leader-election=true",
        &format!("--leader-election-namespace={}", world.namespace),
        &format!("--health-probe-bind-address={address}"),
    ]);

    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let ready = || async {
        let answer = client.get(format!("http://{address}/readyz")).send().await;
        answer.map_or(0, |answer| answer.status().as_u16())
    };
    world.wait_for("it is ready", ready, |status| *status == 200).await;

    assert_eq!(world.kustomize_images("app").await, Value::Null, "and writes nothing");
    program.stop().await;
}
