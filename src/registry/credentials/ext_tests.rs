//! Real programs, that do what programs do when they go wrong.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    ext::{Run, run},
    redact::MAX_SHOWN,
    run_ext,
};

const LIMIT: Duration = Duration::from_secs(30);

fn script(folder: &tempfile::TempDir, text: &str) -> String {
    let path = folder.path().join("login");
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

async fn ran(text: &str, limit: Duration) -> Run {
    let folder = tempfile::tempdir().unwrap();
    run(&script(&folder, text), limit).await
}

/// Waits until the process whose number stands in `file` is gone.
async fn gone(file: &Path) {
    let process = fs::read_to_string(file).unwrap();
    let stat = format!("/proc/{}/stat", process.trim());
    let ended = async {
        while fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_mins(1), ended).await;
    assert!(waited.is_ok(), "the process {process} is still running");
}

#[tokio::test]
async fn a_program_prints_credentials() {
    let Run { result, said } = ran("echo 'bob:s3cret'", LIMIT).await;
    let found = result.unwrap();
    assert_eq!((found.username.as_str(), found.password.expose()), ("bob", "s3cret"));
    assert_eq!(said, "");
}

#[tokio::test]
async fn a_program_that_fails_gives_an_error_without_its_words() {
    for (text, part) in [
        ("echo s3cret >&2; exit 3", "exit status: 3"),
        ("exit 0", "user:password"),
        ("yes s3cret:x", "more than 64 KiB"),
        ("head -c 100000000 /dev/zero", "more than 64 KiB"),
        ("printf '\\377:x'", "UTF-8"),
    ] {
        let error = ran(text, LIMIT).await.result.unwrap_err().to_string();
        assert!(error.contains(part), "{text}: {error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
    assert!(run_ext("login.sh").await.is_err());
    assert!(run_ext("/does/not/exist").await.is_err());
}

#[tokio::test]
async fn what_a_program_says_is_kept_for_the_log_whether_it_fails_or_not() {
    for (text, fits) in [
        ("echo 'no route to host' >&2; exit 1", false),
        ("echo 'no route to host' >&2; echo bob:s3cret", true),
        ("echo 'no route to host' >&2; echo nonsense", false),
    ] {
        let Run { result, said } = ran(text, LIMIT).await;
        assert_eq!((result.is_ok(), said.as_str()), (fits, "no route to host"), "{text}");
    }
    let hung = ran("echo 'asking the vault' >&2; sleep 600", Duration::from_secs(1)).await;
    assert_eq!(hung.said, "asking the vault");
    assert!(
        hung.result
            .unwrap_err()
            .to_string()
            .contains("did not end within 1 seconds")
    );
}

#[tokio::test]
async fn what_a_program_says_shows_no_secret_and_is_bounded() {
    let pair = STANDARD.encode("bob:s3cret");
    let text = format!("echo 'got s3cret for bob: {pair}' >&2; echo bob:s3cret");
    let said = ran(&text, LIMIT).await.said;
    assert_eq!(said, "got *** for ***: ***");

    let Run { result, said } = ran("yes 'many words' | head -n 500000 >&2; echo bob:s3cret", LIMIT).await;
    assert!(result.is_ok());
    assert!(
        said.starts_with("many words | ") && said.len() <= MAX_SHOWN,
        "{}",
        said.len()
    );
}

#[tokio::test]
async fn a_program_that_hangs_is_killed_with_its_children() {
    let folder = tempfile::tempdir().unwrap();
    let marker = folder.path().join("child");
    let text = format!("sleep 600 & echo $! > {}; wait", marker.display());
    let error = run(&script(&folder, &text), Duration::from_secs(1))
        .await
        .result
        .unwrap_err();
    assert!(error.to_string().contains("did not end"), "{error}");
    gone(&marker).await;
}

#[tokio::test]
async fn a_child_that_a_program_leaves_behind_ends_with_it_and_delays_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let marker = folder.path().join("child");
    // The child holds both pipes.
    let text = format!("sleep 600 & echo $! > {}; echo bob:s3cret", marker.display());
    let found = run(&script(&folder, &text), Duration::from_mins(5))
        .await
        .result
        .unwrap();
    assert_eq!(found.password.expose(), "s3cret");
    gone(&marker).await;
}

#[tokio::test]
async fn a_child_that_left_the_group_does_not_keep_us_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let marker = folder.path().join("child");
    let text = format!(
        "setsid sh -c 'echo $$ > {m}; exec sleep 600' & while [ ! -s {m} ]; do :; done; echo bob:s3cret",
        m = marker.display()
    );
    let found = run(&script(&folder, &text), Duration::from_mins(5))
        .await
        .result
        .unwrap();
    assert_eq!(found.password.expose(), "s3cret");
    let child = fs::read_to_string(&marker).unwrap().trim().parse().unwrap();
    let child = rustix::process::Pid::from_raw(child).unwrap();
    rustix::process::kill_process(child, rustix::process::Signal::KILL).unwrap();
}

#[tokio::test]
async fn a_program_that_nobody_waits_for_any_more_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let marker = folder.path().join("program");
    let path = script(
        &folder,
        &format!(
            "echo $$ > {m}.new; mv {m}.new {m}; exec sleep 600",
            m = marker.display()
        ),
    );
    let running = tokio::spawn(async move { run(&path, Duration::from_mins(5)).await.said });
    while !marker.exists() {
        tokio::task::yield_now().await;
    }
    running.abort();
    gone(&marker).await;
}
