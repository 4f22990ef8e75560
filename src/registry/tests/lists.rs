//! Tag lists: "Listing Tags" of the OCI distribution specification.

use super::{
    server::{Server, json, page, status, typed, with},
    *,
};

#[tokio::test]
async fn every_page_is_read_whether_its_link_is_relative_or_absolute() {
    let server = Server::open(|own, asked| match asked.target.as_str() {
        "/v2/team/app/tags/list?n=1000" => with(
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
        let n: u32 = asked.target.rsplit_once("last=").map_or(0, |(_, n)| n.parse().unwrap());
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
    assert_eq!(server.targets(), ["/v2/", "/v2/team/app/tags/list?n=1000"]);

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
        "/base/v2/team/app/tags/list?n=1000" => page(&["1"]),
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

/// Tags `1.0.0` to `1.0.<count - 1>` after `last`, at most `most`, as a registry sorts and pages them.
fn pages(count: usize, most: usize, asked: &str) -> (Vec<String>, bool) {
    let mut names: Vec<_> = (0..count).map(|n| format!("1.0.{n}")).collect();
    names.sort();
    let query = asked.split_once('?').map_or("", |(_, query)| query);
    let parameter = |key: &str| query.split('&').find_map(|p| p.strip_prefix(key)?.strip_prefix('='));
    let from = parameter("last").map_or(0, |last| names.partition_point(|name| name.as_str() <= last));
    let n = parameter("n").map_or(most, |n| n.parse::<usize>().unwrap().min(most));
    let page: Vec<_> = names[from..].iter().take(n).cloned().collect();
    let more = from + page.len() < count;
    (page, more)
}

fn texts(tags: &[String]) -> Vec<&str> {
    tags.iter().map(String::as_str).collect()
}

#[tokio::test]
async fn all_of_223_tags_are_seen_where_a_page_has_100() {
    let server = Server::open(|_, asked| {
        let (tags, more) = pages(223, 100, &asked.target);
        let reply = page(&texts(&tags));
        if !more {
            return reply;
        }
        let last = tags.last().unwrap();
        with(
            reply,
            "link",
            &format!("</v2/team/app/tags/list?last={last}&n=100>; rel=\"next\""),
        )
    })
    .await;
    assert_eq!(tags_of(&server).await.unwrap().len(), 223);
    assert_eq!(server.targets().len(), 1 + 3);
}

#[tokio::test]
async fn a_full_page_without_a_link_is_not_taken_for_the_whole_list() {
    for (count, requests) in [(0, 1), (1, 1), (999, 1), (1000, 2), (1001, 2), (2000, 3), (2500, 3)] {
        let server = Server::open(move |_, asked| page(&texts(&pages(count, usize::MAX, &asked.target).0))).await;
        assert_eq!(tags_of(&server).await.unwrap().len(), count);
        assert_eq!(server.targets().len(), 1 + requests, "{count}: {:?}", server.targets());
    }
}

#[tokio::test]
async fn a_registry_that_ignores_where_a_page_begins_answers_twice() {
    let names: Vec<_> = (0..1000).map(|n| format!("1.0.{n}")).collect();
    let server = Server::open(move |_, _| page(&texts(&names))).await;
    assert_eq!(tags_of(&server).await.unwrap().len(), 1000);
    assert_eq!(server.targets().len(), 3);
}

#[tokio::test]
async fn a_full_last_page_after_links_is_the_last_one() {
    let server = Server::open(|_, asked| {
        let (tags, more) = pages(2000, usize::MAX, &asked.target);
        let reply = page(&texts(&tags));
        if more {
            with(
                reply,
                "link",
                &format!("<?n=1000&last={}>; rel=next", tags.last().unwrap()),
            )
        } else {
            reply
        }
    })
    .await;
    assert_eq!(tags_of(&server).await.unwrap().len(), 2000);
    assert_eq!(server.targets().len(), 3);
}

#[tokio::test]
async fn a_page_beyond_the_first_that_fails_is_never_a_shorter_list() {
    let server = Server::open(|_, asked| {
        if asked.target.contains("last=") {
            return status(500);
        }
        page(&texts(&pages(1500, usize::MAX, &asked.target).0))
    })
    .await;
    assert!(tags_of(&server).await.is_err());
}

#[tokio::test]
async fn where_a_page_size_is_refused_none_is_asked_for_and_never_again() {
    let refusal =
        r#"{"errors":[{"code":"PAGINATION_NUMBER_INVALID","message":"invalid number of results requested"}]}"#;
    for body in [refusal, ""] {
        let server = Server::open(move |_, asked| {
            if asked.target.contains("n=") {
                return json(400, body);
            }
            page(&["1", "2"])
        })
        .await;
        let registries = registries(&server.url, "");
        for _ in 0..2 {
            let list = registries
                .session()
                .tags(&repo(&registries, "team/app", None))
                .await
                .unwrap();
            assert_eq!(list.tags.len(), 2);
        }
        let list = "/v2/team/app/tags/list";
        assert_eq!(server.targets(), ["/v2/", &format!("{list}?n=1000"), list, list]);
    }
}

#[tokio::test]
async fn a_registry_that_refuses_every_list_is_asked_twice_and_nothing_is_learned() {
    let server = Server::open(|_, _| status(400)).await;
    let registries = registries(&server.url, "");
    for n in 1..=2 {
        assert!(
            registries
                .session()
                .tags(&repo(&registries, "team/app", None))
                .await
                .is_err()
        );
        assert_eq!(registries.requests()[0].tags, 2 * n);
    }
}

#[tokio::test]
async fn a_list_without_measure_is_no_list() {
    let tag = |n: usize| format!("t{n}");
    let all: Vec<String> = (0..=200_000).map(tag).collect();
    let body = serde_json::json!({ "name": "team/app", "tags": all }).to_string();
    let server = Server::open(move |_, _| json(200, body.clone())).await;
    let error = tags_of(&server).await.unwrap_err();
    assert!(error.to_string().contains("it has more than 200000 tags"), "{error}");
}
