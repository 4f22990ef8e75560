use base64::{Engine as _, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use serde_json::json;

use super::*;

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
    assert_eq!(read(json!({"identitytoken": ""})), Err(CredentialsError::BadAuthType));
}

#[test]
fn an_identity_token_takes_the_place_of_the_password() {
    for (entry, user) in [
        (json!({"identitytoken": "t"}), ""),
        (json!({"identitytoken": "t", "auth": STANDARD.encode("bob:")}), "bob"),
        (json!({"identitytoken": "t", "auth": STANDARD.encode("bob:pw")}), "bob"),
        (
            json!({"identitytoken": "t", "username": "bob", "password": "pw"}),
            "bob",
        ),
        (json!({"auth": STANDARD.encode("<token>:t")}), "<token>"),
        (json!({"username": "<token>", "password": "t"}), "<token>"),
    ] {
        let text = json!({"auths": {"r.test": entry}}).to_string();
        let found = from_docker_config(&text, "https://r.test").unwrap();
        assert!(found.is_identity_token() && found.is_complete(), "{entry}");
        assert_eq!(
            (found.username.as_str(), found.password.expose()),
            (user, "t"),
            "{entry}"
        );
    }
    assert!(from_user_password("<token>:t").unwrap().is_identity_token());
    assert!(!from_user_password("bob:t").unwrap().is_identity_token());
    assert!(!from_user_password("<token>:").unwrap().is_complete());
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
    assert_ne!(
        a.identity(),
        Credentials::with_identity_token("ab", Secret::new("c")).identity()
    );
    let printed = format!("{a:?} {:?}", a.identity());
    assert_eq!(printed, "Credentials(***) CredentialsIdentity(***)");
}

#[test]
fn a_password_that_changes_keeps_the_identity_of_its_source() {
    let at =
        |password: &str, source: &str| Credentials::new("AWS", Secret::new(password)).of_source(&[source, "r.test"]);
    let (first, second, other) = (at("a", "aws role"), at("b", "aws role"), at("a", "aws other"));
    assert_eq!(first.identity(), second.identity());
    assert_ne!(first.fingerprint(), second.fingerprint());
    assert_ne!(first.identity(), other.identity());
    assert_ne!(first.identity(), Credentials::new("AWS", Secret::new("a")).identity());
}

#[test]
fn no_two_users_or_sources_share_an_identity() {
    let of =
        |user: &str, password: &str, source: &[&str]| Credentials::new(user, Secret::new(password)).of_source(source);
    let identity_token =
        |token: &str| Credentials::with_identity_token("bob", Secret::new(token)).of_source(&["a", "b"]);
    let all = [
        of("bob", "x", &["a", "b"]),
        of("eve", "x", &["a", "b"]),
        of("bob", "x", &["ab"]),
        of("bob", "x", &["a", "bb"]),
        of("b", "x", &["a", "bbo"]),
        // Nobody is asked as: the user has no password.
        of("bob", "", &["a", "b"]),
        // Whose these are, only the token server knows.
        identity_token("x"),
        identity_token("y"),
        of("<token>", "x", &["a", "b"]),
        of("<token>", "y", &["a", "b"]),
    ];
    for (i, left) in all.iter().enumerate() {
        for (k, right) in all.iter().enumerate() {
            assert_eq!(left.identity() == right.identity(), i == k, "{i} {k}");
        }
    }
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
