//! Tag lists: "Listing Tags" of the OCI distribution specification.

use super::{
    server::{Server, json, page, status, typed, with},
    *,
};

#[tokio::test]
async fn every_page_is_read_whether_its_link_is_relative_or_absolute() {
    let server = Server::open(|own, asked| match asked.target.as_str() {
        "/v2/team/app/tags/list" => with(
            page(&["1", "2"]),
            "link",
            "</v2/team/app/tags/list?last=2&n=2>; rel=\"next\"",
        ),
        "/v2/team/app/tags/list?last=2&n=2" => with(
            page(&["3", "2"]),
            "link",
            &format!("<{own}/v2/team/app/tags/list?last=3>; rel=\"next\""),
        ),
        "/v2/team/app/tags/list?last=3" => with(page(&["4"]), "link", "<?last=4>"),
        "/v2/team/app/tags/list?last=4" => json(200, r#"{"name":"team/app","tags":null}"#),
        _ => status(500),
    })
    .await;
    assert_eq!(tags_of(&server).await.unwrap(), ["1", "2", "3", "4"]);
    assert_eq!(server.asked()[1].user_agent, crate::http::USER_AGENT);
}

#[tokio::test]
async fn a_link_to_another_host_is_followed_on_the_registry_itself() {
    let foreign = Server::open(|_, _| page(&["evil"])).await;
    let foreign_url = foreign.url.clone();
    let server = Server::open(move |_, asked| {
        if asked.target.contains("last") {
            page(&["2"])
        } else {
            with(
                page(&["1"]),
                "link",
                &format!("<{foreign_url}/v2/team/app/tags/list?last=1>; rel=next"),
            )
        }
    })
    .await;
    assert_eq!(tags_of(&server).await.unwrap(), ["1", "2"]);
    assert_eq!(foreign.targets(), Vec::<String>::new());
}

#[tokio::test]
async fn links_in_a_circle_end_in_an_error() {
    let server = Server::open(|_, asked| {
        let next = if asked.target.ends_with("last=b") { "a" } else { "b" };
        with(
            page(&["1"]),
            "link",
            &format!("</v2/team/app/tags/list?last={next}>; rel=next"),
        )
    })
    .await;
    assert!(matches!(
        tags_of(&server).await,
        Err(RegistryError::ListIncomplete { .. })
    ));
    assert_eq!(server.targets().len(), 4);
}

#[tokio::test]
async fn a_list_without_end_is_given_up() {
    let server = Server::open(|_, asked| {
        let n: u32 = asked.target.rsplit_once('=').map_or(0, |(_, n)| n.parse().unwrap());
        with(
            page(&["1"]),
            "link",
            &format!("</v2/team/app/tags/list?last={}>", n + 1),
        )
    })
    .await;
    let error = tags_of(&server).await.unwrap_err();
    assert!(error.to_string().contains("more than 2000 pages"), "{error}");
}

#[tokio::test]
async fn a_page_that_fails_is_never_a_shorter_list() {
    for code in [500, 404, 204, 206] {
        let server = Server::open(move |_, asked| {
            if asked.target.contains("last") {
                status(code)
            } else {
                with(page(&["1"]), "link", "<?last=1>; rel=next")
            }
        })
        .await;
        assert!(tags_of(&server).await.is_err(), "{code}");
    }
}

#[tokio::test]
async fn what_is_not_a_tag_list_is_an_error() {
    for (media_type, body) in [
        ("text/html", r#"{"tags":["1"]}"#),
        ("application/json", "<html>log in</html>"),
        ("application/json", "{}"),
        ("application/json", r#"{"errors":[]}"#),
        ("application/json", r#"{"tags":"1"}"#),
        ("application/json", r#"{"tags":["1"#),
        ("application/json", r#"{"tags":[1]}"#),
        ("application/json", ""),
    ] {
        let server = Server::open(move |_, _| typed(200, media_type, body)).await;
        let error = tags_of(&server).await.unwrap_err();
        assert!(
            matches!(
                error,
                RegistryError::ListIncomplete { .. } | RegistryError::Unavailable { .. }
            ),
            "{body}: {error}"
        );
    }
}

#[tokio::test]
async fn names_outside_the_grammar_are_dropped_and_told() {
    let server = Server::open(|_, _| page(&["1.0", "", "-x", "a b", "a\u{1b}[31m", "ok"])).await;
    let registries = registries(&server.url, "");
    let list = registries
        .session()
        .tags(&repo(&registries, "team/app", None))
        .await
        .unwrap();
    assert_eq!(list.tags, [tag("1.0"), tag("ok")]);
    let dropped: Vec<_> = list
        .dropped
        .iter()
        .map(crate::core::foreign::ForeignText::as_str)
        .collect();
    assert_eq!(dropped, ["", "-x", "a b", "a[31m"]);
}

#[tokio::test]
async fn a_repository_that_is_not_there_is_told() {
    let server = Server::open(|_, _| json(404, r#"{"errors":[{"code":"NAME_UNKNOWN","message":"?"}]}"#)).await;
    assert!(matches!(
        tags_of(&server).await,
        Err(RegistryError::RepositoryNotFound { .. })
    ));
}

#[tokio::test]
async fn a_name_that_could_lead_elsewhere_is_never_asked_for() {
    let server = Server::open(|_, _| page(&[])).await;
    let registries = registries(&server.url, "");
    for name in ["../other", "a//b", "a?x", "a/..", ".", "", "a%2f", &"x/".repeat(200)] {
        let error = registries
            .session()
            .tags(&repo(&registries, name, None))
            .await
            .unwrap_err();
        assert!(
            matches!(error, RegistryError::InvalidRepository { .. }),
            "{name}: {error}"
        );
    }
    assert!(server.targets().is_empty());
}

#[tokio::test]
async fn one_question_is_asked_once_however_many_ask_it() {
    let server = Server::open(|_, _| page(&["1"])).await;
    let registries = registries(&server.url, "");
    let session = Arc::new(registries.session());
    let askers: Vec<_> = (0..50)
        .map(|_| {
            let (session, repo) = (Arc::clone(&session), repo(&registries, "team/app", None));
            tokio::spawn(async move { session.tags(&repo).await.map(|list| list.tags.len()) })
        })
        .collect();
    for asker in askers {
        assert_eq!(asker.await.unwrap(), Ok(1));
    }
    assert_eq!(server.targets(), ["/v2/", "/v2/team/app/tags/list"]);

    // The next cycle asks again, but does not probe again.
    registries
        .session()
        .tags(&repo(&registries, "team/app", None))
        .await
        .unwrap();
    assert_eq!(server.targets().len(), 3);
    let counted = &registries.requests()[0];
    assert_eq!((counted.ping, counted.tags, counted.token), (1, 2, 0));
}

#[tokio::test]
async fn answers_are_not_shared_across_credentials() {
    let server = Server::open(|_, _| page(&["1"])).await;
    let registries = registries(&server.url, "");
    let session = registries.session();
    for user in [None, Some(("bob", "a")), Some(("bob", "b")), Some(("bob", "b"))] {
        session.tags(&repo(&registries, "team/app", user)).await.unwrap();
    }
    assert_eq!(registries.requests()[0].tags, 3);
}

#[tokio::test]
async fn errors_are_shared_too() {
    let server = Server::open(|_, _| status(500)).await;
    let registries = registries(&server.url, "");
    let session = registries.session();
    for _ in 0..3 {
        assert!(session.tags(&repo(&registries, "team/app", None)).await.is_err());
    }
    assert_eq!(registries.requests()[0].tags, 1);
}

#[tokio::test]
async fn an_api_below_a_path_is_asked_below_that_path() {
    let server = Server::start(|_, asked| match asked.target.as_str() {
        "/base/v2/" => json(200, "{}"),
        "/base/v2/team/app/tags/list" => page(&["1"]),
        _ => status(404),
    })
    .await;
    let registries = registries(&format!("{}/base/", server.url), "");
    assert!(
        registries
            .session()
            .tags(&repo(&registries, "team/app", None))
            .await
            .is_ok()
    );
}
