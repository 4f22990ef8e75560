//! What runs for weeks: credentials that change, and programs that are started for them and must all end.

use std::{os::unix::fs::PermissionsExt as _, path::Path};

use serde_json::{Value, json};

use crate::{
    support::{
        image_shelf::{OCI, Shelf},
        scripted_registry::{Asked, Internet, Reply, error, unauthorized},
    },
    world::{PASSWORDS, World},
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
    let children = format!("/proc/{0}/task/{0}/children", program.pid());
    let none = || async { std::fs::read_to_string(&children).expect("it runs") };
    world
        .wait_for("no child is left", none, |children| children.trim().is_empty())
        .await;
    program.stop().await;
    let left = || async {
        let started = std::fs::read_to_string(&pids).expect("it ran");
        started.lines().filter(|pid| runs(pid)).count()
    };
    world
        .wait_for("nothing goes on after the end", left, |left| *left == 0)
        .await;
}
