use std::{fs, os::unix::fs::PermissionsExt as _, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use serde_json::json;

use super::{ext::run, *};

fn config(keys: &[&str]) -> String {
    let entries = keys
        .iter()
        .map(|key| ((*key).to_owned(), json!({"auth": STANDARD.encode(format!("{key}:pw"))})));
    json!({"auths": entries.collect::<serde_json::Map<_, _>>()}).to_string()
}

fn chosen(keys: &[&str], api_url: &str) -> Option<String> {
    // The key stands in front of the last colon but its own may come first; compare what was split at the first.
    let found = from_docker_config(&config(keys), api_url).ok()?;
    Some(
        format!("{}:{}", found.username, found.password.expose())
            .trim_end_matches(":pw")
            .to_owned(),
    )
}

#[test]
fn a_pull_secret_is_matched_by_host_port_and_path() {
    let hub = "https://registry-1.docker.io";
    for (keys, api_url, expected) in [
        (&["quay.io"][..], "https://quay.io/", Some("quay.io")),
        (&["https://quay.io/"], "http://quay.io", Some("https://quay.io/")),
        // The scheme of a key does not count, so neither does the port that it implies.
        (&["https://quay.io/"], "http://quay.io:443", None),
        (&["QUAY.io"], "https://quay.io", Some("QUAY.io")),
        (&["quay.io.evil.test"], "https://quay.io", None),
        (&["quay.io:8443"], "https://quay.io", None),
        (&["quay.io"], "https://quay.io:8443", None),
        (&["quay.io:443"], "https://quay.io", Some("quay.io:443")),
        (&["r.test"], "http://r.test", Some("r.test")),
        (&["[::1]:5000"], "http://[::1]:5000", Some("[::1]:5000")),
        (&["[::1]"], "http://[::1]:5000", None),
        (
            &["https://index.docker.io/v1/"],
            hub,
            Some("https://index.docker.io/v1/"),
        ),
        (&["docker.io"], hub, Some("docker.io")),
        (
            &["index.docker.io", "registry-1.docker.io"],
            hub,
            Some("registry-1.docker.io"),
        ),
        (
            &["quay.io/a", "quay.io", "quay.io/a/b"],
            "https://quay.io",
            Some("quay.io"),
        ),
        (&["quay.io/a", "quay.io/a/b"], "https://quay.io", Some("quay.io/a/b")),
        (&["r.test/team"], "https://r.test/team", Some("r.test/team")),
        (&["r.test/team-b"], "https://r.test/team", None),
        (&["r.test/team/x"], "https://r.test/team", Some("r.test/team/x")),
    ] {
        assert_eq!(chosen(keys, api_url).as_deref(), expected, "{keys:?} {api_url}");
    }
}

#[test]
fn entries_are_read_in_both_forms() {
    let read = |entry: serde_json::Value| {
        from_docker_config(&json!({"auths": {"r.test": entry}}).to_string(), "https://r.test")
            .map(|c| (c.username.clone(), c.password.expose().to_owned()))
    };
    let both = Ok(("bob".to_owned(), "a:b".to_owned()));
    assert_eq!(read(json!({"auth": STANDARD.encode("bob:a:b")})), both);
    assert_eq!(read(json!({"username": "bob", "password": "a:b"})), both);
    assert_eq!(read(json!({"username": "bob", "password": "a:b", "auth": ""})), both);
    assert_eq!(read(json!({"auth": 5})), Err(CredentialsError::BadAuthType));
    assert_eq!(read(json!({"auth": "!"})), Err(CredentialsError::BadBase64));
    assert_eq!(read(json!({"identitytoken": "x"})), Err(CredentialsError::BadAuthType));
}

#[test]
fn one_trailing_line_break_is_removed() {
    for (text, password) in [
        ("bob:s", "s"),
        ("bob:s\n", "s"),
        ("bob:s\r\n", "s"),
        ("bob:s\n\n", "s\n"),
        ("bob:", ""),
    ] {
        assert_eq!(
            from_user_password(text).unwrap().password.expose(),
            password,
            "{text:?}"
        );
    }
}

#[test]
fn a_variable_that_cannot_be_named_is_not_set() {
    for name in ["", "A=B", "A\0B", "AIU_TEST_SURELY_NOT_SET"] {
        assert!(
            matches!(from_env(name), Err(CredentialsError::Unset { .. })),
            "{name:?}"
        );
    }
}

#[test]
fn credentials_are_not_printed_and_their_identity_tells_them_apart() {
    let (a, b) = (
        Credentials::new("ab", Secret::new("c")),
        Credentials::new("a", Secret::new("bc")),
    );
    assert_ne!(a.identity(), b.identity());
    assert_eq!(a.identity(), a.clone().identity());
    let printed = format!("{a:?} {:?}", a.identity());
    assert_eq!(printed, "Credentials(***) CredentialsIdentity(***)");
}

fn script(folder: &tempfile::TempDir, text: &str) -> String {
    let path = folder.path().join("login");
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_program_prints_credentials() {
    let folder = tempfile::tempdir().unwrap();
    let found = run_ext(&script(&folder, "echo 'bob:s3cret'")).await.unwrap();
    assert_eq!((found.username.as_str(), found.password.expose()), ("bob", "s3cret"));
}

#[tokio::test]
async fn a_program_that_fails_gives_an_error_without_its_words() {
    let folder = tempfile::tempdir().unwrap();
    for (text, part) in [
        ("echo s3cret >&2; exit 3", "exit status: 3"),
        ("exit 0", "user:password"),
        ("yes s3cret:x", "more than 64 KiB"),
        ("printf '\\377:x'", "UTF-8"),
    ] {
        let limit = Duration::from_secs(5);
        let error = run(&script(&folder, text), limit).await.unwrap_err().to_string();
        assert!(error.contains(part), "{text}: {error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
    assert!(run_ext("login.sh").await.is_err());
    assert!(run_ext("/does/not/exist").await.is_err());
}

#[tokio::test]
async fn a_program_that_hangs_is_killed_with_its_children() {
    let folder = tempfile::tempdir().unwrap();
    let marker = folder.path().join("child");
    let text = format!("sleep 300 & echo $! > {}; wait", marker.display());
    let error = run(&script(&folder, &text), Duration::from_millis(500))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("did not end"), "{error}");
    let child = fs::read_to_string(&marker).unwrap();
    let proc = format!("/proc/{}/stat", child.trim());
    for _ in 0..100 {
        let gone = fs::read_to_string(&proc).map_or(true, |stat| stat.contains(") Z "));
        if gone {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the child {child} is still running");
}

proptest! {
    #[test]
    fn no_pull_secret_makes_it_panic(
        json in r#"(\{|\}|"auths"|:|"r.test"|"auth"|"Ym9i"|,|null)*|.*"#,
        key in ".*",
        api_url in r"(https://)?[a-z.:\[\]/0-9]*|.*",
    ) {
        let _ = from_docker_config(&json, &api_url);
        let _ = from_docker_config(&config(&[&key]), &api_url);
        let _ = (from_user_password(&json), from_env_value("X", &json));
    }
}
