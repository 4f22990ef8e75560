//! Logging in: challenges of RFC 9110, tokens of Docker's token authentication specification.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    server::{Asked, Reply, Server, json, page, status, with},
    *,
};

/// A registry with a token server on the same host. Tokens are `t<n>` for the n-th request with the same query.
fn bearer(own: &str, asked: &Asked) -> Reply {
    if asked.target.starts_with("/token") {
        return json(200, format!(r#"{{"token":"t{}","expires_in":300}}"#, asked.before));
    }
    if asked.authorization.starts_with("Bearer t") && asked.target != "/v2/" {
        return page(&["1"]);
    }
    let challenge = format!(r#"Bearer realm="{own}/token",service="registry.test",scope="ignored""#);
    with(status(401), "www-authenticate", &challenge)
}

fn basic_of(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

#[tokio::test]
async fn a_token_is_asked_for_anonymously_and_used_until_it_expires() {
    let server = Server::start(bearer).await;
    let registries = registries(&server.url, "");
    for _ in 0..3 {
        registries
            .session()
            .tags(&repo(&registries, "team/app", None))
            .await
            .unwrap();
    }
    let asked = server.asked();
    let token: Vec<_> = asked.iter().filter(|a| a.target.starts_with("/token")).collect();
    assert_eq!(token.len(), 1, "{asked:?}");
    assert_eq!(
        token[0].target,
        "/token?service=registry.test&scope=repository%3Ateam%2Fapp%3Apull"
    );
    assert_eq!(token[0].authorization, "");
    assert_eq!(asked[0].authorization, "", "the probe carries no credentials");
}

#[tokio::test]
async fn credentials_go_to_the_token_server_and_nowhere_else() {
    let server = Server::start(bearer).await;
    let registries = registries(&server.url, "");
    registries
        .session()
        .tags(&repo(&registries, "team/app", Some(("bob", "s3cret"))))
        .await
        .unwrap();
    for asked in server.asked() {
        if asked.target.starts_with("/token") {
            assert!(asked.target.ends_with("&account=bob"), "{asked:?}");
            assert_eq!(asked.authorization, basic_of("bob", "s3cret"));
        } else {
            assert!(!asked.authorization.starts_with("Basic"), "{asked:?}");
        }
    }
}

#[tokio::test]
async fn a_token_is_shared_by_questions_about_one_repository_but_not_by_users() {
    let server = Server::start(bearer).await;
    let registries = registries(&server.url, "");
    let session = Arc::new(registries.session());
    let mut askers = Vec::new();
    for (name, user) in [("a", None), ("a", Some(("bob", "x"))), ("b", None), ("a", None)] {
        for _ in 0..5 {
            let (session, repo) = (Arc::clone(&session), repo(&registries, name, user));
            askers.push(tokio::spawn(async move {
                let facts = session
                    .facts(&repo, &tag("x"), &linux(), FactsWanted::Digest, Freshness::Now)
                    .await;
                drop(facts);
                session.tags(&repo).await.unwrap();
            }));
        }
    }
    for asker in askers {
        asker.await.unwrap();
    }
    assert_eq!(registries.requests()[0].token, 3);
}

#[tokio::test]
async fn a_cached_token_that_is_refused_is_replaced_once() {
    for refusal in [401, 403] {
        let server = Server::start(move |own, asked| {
            // The first token was revoked after its first use. A registry that answers 403 names no realm.
            if asked.authorization == "Bearer t0" && asked.before > 0 {
                let challenge = format!(r#"Bearer realm="{own}/token",service="registry.test",scope="ignored""#);
                return match refusal {
                    401 => with(status(401), "www-authenticate", &challenge),
                    _ => status(403),
                };
            }
            bearer(own, asked)
        })
        .await;
        let registries = registries(&server.url, "");
        let key = repo(&registries, "team/app", None);
        registries.session().tags(&key).await.unwrap();
        registries.session().tags(&key).await.unwrap();
        assert_eq!(registries.requests()[0].token, 2, "{refusal}");
    }
}

#[tokio::test]
async fn a_registry_that_refuses_every_token_is_asked_a_bounded_number_of_times() {
    let server = Server::start(|own, asked| {
        if asked.target.starts_with("/token") {
            return bearer(own, asked);
        }
        with(
            json(
                401,
                r#"{"errors":[{"code":"UNAUTHORIZED","message":"no t0, no s3cret"}]}"#,
            ),
            "www-authenticate",
            &format!(r#"Bearer realm="{own}/token""#),
        )
    })
    .await;
    let registries = registries(&server.url, "");
    let error = registries
        .session()
        .tags(&repo(&registries, "team/app", Some(("bob", "s3cret"))))
        .await
        .unwrap_err();
    assert!(matches!(error, RegistryError::Unauthorized { .. }), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("UNAUTHORIZED") && !text.contains("s3cret") && !text.contains("t0"),
        "{text}"
    );
    assert_eq!(server.targets().len(), 3, "probe, token, list: {:?}", server.targets());
}

#[tokio::test]
async fn basic_is_used_when_it_is_asked_for() {
    let expected = basic_of("bob", "s3cret");
    let server = Server::start(move |_, asked| {
        if asked.authorization == expected {
            page(&["1"])
        } else {
            with(status(401), "www-authenticate", r#"Basic realm="r""#)
        }
    })
    .await;
    let registries = registries(&server.url, "");
    assert!(
        registries
            .session()
            .tags(&repo(&registries, "a", Some(("bob", "s3cret"))))
            .await
            .is_ok()
    );
    for user in [None, Some(("bob", "")), Some(("", "s3cret"))] {
        let error = registries
            .session()
            .tags(&repo(&registries, "a", user))
            .await
            .unwrap_err();
        assert!(error.to_string().contains("asks for user and password"), "{error}");
    }
    let error = registries
        .session()
        .tags(&repo(&registries, "a", Some(("bob", "wrong"))))
        .await
        .unwrap_err();
    assert!(matches!(error, RegistryError::Unauthorized { .. }), "{error}");
}

#[tokio::test]
async fn of_two_schemes_the_first_that_can_be_satisfied_is_used() {
    for (first, user, with_token) in [
        ("bearer", Some(("bob", "s3cret")), true),
        ("bearer", None, true),
        ("basic", Some(("bob", "s3cret")), false),
        ("basic", None, true),
    ] {
        let server = Server::start(move |own, asked| {
            if asked.target.starts_with("/token") {
                return bearer(own, asked);
            }
            if asked.target != "/v2/" && !asked.authorization.is_empty() {
                return page(&["1"]);
            }
            let bearer = format!(r#"Bearer realm="{own}/token""#);
            let basic = r#"Basic realm="r""#.to_owned();
            let both = if first == "basic" {
                [basic, bearer]
            } else {
                [bearer, basic]
            };
            with(
                with(status(401), "www-authenticate", &both[0]),
                "www-authenticate",
                &both[1],
            )
        })
        .await;
        let registries = registries(&server.url, "");
        registries.session().tags(&repo(&registries, "a", user)).await.unwrap();
        assert_eq!(
            registries.requests()[0].token,
            u64::from(with_token),
            "{first} {user:?}"
        );
    }
}

#[tokio::test]
async fn a_registry_that_asks_only_for_its_repositories_is_understood() {
    let server = Server::start(|own, asked| {
        if asked.target == "/v2/" {
            json(200, "{}")
        } else {
            bearer(own, asked)
        }
    })
    .await;
    assert_eq!(tags_of(&server).await.unwrap(), ["1"]);
}

#[tokio::test]
async fn a_token_realm_elsewhere_over_plain_http_is_told_nothing() {
    let thief = Server::start(|_, _| json(200, r#"{"token":"x"}"#)).await;
    // The same address by another name is another host.
    let realm = thief.url.replace("127.0.0.1", "localhost");
    let server = Server::start(move |_, _| {
        with(
            status(401),
            "www-authenticate",
            &format!(r#"Bearer realm="{realm}/token""#),
        )
    })
    .await;
    let registries = registries(&server.url, "");
    let error = registries
        .session()
        .tags(&repo(&registries, "a", Some(("bob", "s3cret"))))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("not https"), "{error}");
    assert!(thief.targets().is_empty());
}

#[tokio::test]
async fn token_answers_are_read_in_both_forms_and_nonsense_is_an_error() {
    for (answer, fits) in [
        (r#"{"access_token":"t1"}"#, true),
        (r#"{"token":"t1"}"#, true),
        (r#"{"token":"t1","expires_in":-5}"#, true),
        (r#"{"token":"t1","expires_in":1e300}"#, true),
        (r#"{"token":"","access_token":"t1"}"#, true),
        (r#"{"token":""}"#, false),
        (r#"{"token":"a\nb"}"#, false),
        ("{}", false),
        ("<html>", false),
    ] {
        let server = Server::start(move |own, asked| {
            if asked.target.starts_with("/token") {
                json(200, answer)
            } else {
                bearer(own, asked)
            }
        })
        .await;
        assert_eq!(tags_of(&server).await.is_ok(), fits, "{answer}");
    }
}

#[tokio::test]
async fn a_token_server_that_refuses_is_told_from_one_that_is_down() {
    for (code, refused) in [(401, true), (403, true), (400, true), (500, false), (502, false)] {
        let server = Server::start(move |own, asked| {
            if asked.target.starts_with("/token") {
                status(code)
            } else {
                bearer(own, asked)
            }
        })
        .await;
        let error = tags_of(&server).await.unwrap_err();
        assert_eq!(
            matches!(error, RegistryError::Unauthorized { .. }),
            refused,
            "{code} {error}"
        );
    }
}

#[tokio::test]
async fn a_token_server_that_knows_only_post_is_asked_once_more_in_that_way() {
    for (refusal, posted, expected) in [
        (404, 200, None),
        (405, 200, None),
        (405, 401, Some("405 Method Not Allowed to GET and 401 Unauthorized")),
        (404, 404, Some("404 Not Found to GET and 404 Not Found")),
    ] {
        let server = Server::start(move |own, asked| match asked.method.as_str() {
            "POST" if posted == 200 => json(200, r#"{"access_token":"t0","expires_in":300}"#),
            "POST" => status(posted),
            _ if asked.target.starts_with("/token") => status(refusal),
            _ => bearer(own, asked),
        })
        .await;
        let registries = registries(&server.url, "");
        let repo = repo(&registries, "team/app", Some(("bob", "s3&cret")));
        let list = registries.session().tags(&repo).await;
        match (list, expected) {
            (list, None) => assert_eq!(list.unwrap().tags.len(), 1),
            (list, Some(words)) => {
                let error = list.unwrap_err().to_string();
                assert!(error.contains(words) && !error.contains("s3&cret"), "{error}");
            }
        }
        let asked = server.asked();
        let posts: Vec<_> = asked.iter().filter(|a| a.method == "POST").collect();
        assert_eq!(posts.len(), 1, "{asked:?}");
        assert_eq!(posts[0].target, "/token");
        assert_eq!(
            posts[0].body,
            "grant_type=password&username=bob&password=s3%26cret&service=registry.test\
             &client_id=argocd-image-updater&scope=repository%3Ateam%2Fapp%3Apull"
        );
    }
}

#[tokio::test]
async fn without_credentials_or_for_another_answer_a_token_server_is_not_posted_to() {
    for (refusal, user) in [(404, None), (401, Some(("bob", "x"))), (500, Some(("bob", "x")))] {
        let server = Server::start(move |own, asked| match asked.target.as_str() {
            _ if asked.target.starts_with("/token") => status(refusal),
            _ => bearer(own, asked),
        })
        .await;
        let registries = registries(&server.url, "");
        let list = registries.session().tags(&repo(&registries, "team/app", user)).await;
        assert!(list.is_err());
        assert!(server.asked().iter().all(|a| a.method != "POST"), "{refusal}");
    }
}
