//! Whose answers are kept: passwords that change, copies of one Secret, repositories that are known from before.

use super::*;

/// `repo`, asked by bob of `source`.
fn at(registries: &Registries, password: &str, source: &str) -> RepoKey {
    let bob = Credentials::new("bob", Secret::new(password)).of_source(&[source]);
    RepoKey {
        credentials: Some(Arc::new(bob)),
        ..repo(registries, "team/app", None)
    }
}

/// All tags in one session, like [`cycle`].
async fn cycle_at(registries: &Registries, session: &Session, repo: &RepoKey) -> (u64, u64, u64) {
    for tag in tags() {
        let known = session
            .facts(repo, &tag, &linux(), FactsWanted::Created, Freshness::Kept)
            .await;
        facts(&known);
    }
    counts(registries)
}

#[tokio::test]
async fn a_password_that_changes_costs_only_what_is_due() {
    let server = open(Images::new(false)).await;
    let registries = registries(&server.url, "");
    for password in ["first", "second", "third"] {
        let repo = at(&registries, password, "ext:/login");
        let counted = cycle_at(&registries, &registries.session(), &repo).await;
        assert_eq!(counted, (0, ALL, ALL), "{password}");
    }
    registries.cache().forward(HOUR / 2);
    let repo = at(&registries, "fourth", "ext:/login");
    let (heads, manifests, blobs) = cycle_at(&registries, &registries.session(), &repo).await;
    assert!((ALL / 4..=ALL * 3 / 4).contains(&heads), "{heads}");
    assert_eq!((manifests, blobs), (ALL, ALL));
    let other = at(&registries, "fourth", "ext:/other");
    let (more, ..) = cycle_at(&registries, &registries.session(), &other).await;
    assert_eq!(more, heads + ALL, "another source is somebody else");
}

#[tokio::test]
async fn every_request_is_sent_with_the_present_password() {
    let images = Images::new(false);
    let server = Server::start(move |own, asked| match asked.target.as_str() {
        _ if asked.target.starts_with("/token") => {
            server::json(200, format!(r#"{{"token":"t{}"}}"#, asked.authorization.len()))
        }
        _ if asked.authorization.starts_with("Bearer") => images.answer(asked),
        _ => with(
            status(401),
            "www-authenticate",
            &format!(r#"Bearer realm="{own}/token""#),
        ),
    })
    .await;
    let registries = registries(&server.url, "");
    for (password, tokens) in [("first", 1), ("second", 2), ("second", 2)] {
        let (session, repo) = (registries.session(), at(&registries, password, "ext:/login"));
        let known = session
            .facts(&repo, &tag("1.0.0"), &linux(), FactsWanted::Created, Freshness::Now)
            .await;
        facts(&known);
        assert_eq!(registries.requests()[0].token, tokens, "{password}");
    }
}

#[tokio::test]
async fn copies_of_one_secret_ask_once_in_a_session() {
    let server = open(Images::new(false)).await;
    let registries = registries(&server.url, "");
    let session = registries.session();
    for namespace in ["a", "b", "c"] {
        let repo = at(&registries, "same", namespace);
        let counted = cycle_at(&registries, &session, &repo).await;
        assert_eq!(counted, (0, ALL, ALL), "{namespace}");
    }
}

#[tokio::test]
async fn an_image_that_is_new_after_a_restart_is_read_by_its_digest() {
    let folder = tempfile::tempdir().unwrap();
    let images = Images::new(false);
    let server = open(Arc::clone(&images)).await;
    for (moved, expected) in [(false, (0, ALL, ALL)), (true, (ALL, ALL, ALL)), (true, (ALL, 0, 0))] {
        images.moved.store(moved, Ordering::Relaxed);
        let registries = registries(&server.url, "");
        let keeper = registries.keep_facts_in(folder.path()).await.unwrap();
        cycle(&registries, None, Freshness::Kept).await;
        keeper.finish().await;
        assert_eq!(counts(&registries), expected);
    }
}

#[tokio::test]
async fn a_known_repository_is_asked_by_get_where_images_are_not_shown_by_digest() {
    let folder = tempfile::tempdir().unwrap();
    let images = Images::new(false);
    let moving = Arc::clone(&images);
    let server = Server::open(move |_, asked| {
        if asked.target.contains("/manifests/sha256:") {
            return status(404);
        }
        moving.answer(asked)
    })
    .await;
    for moved in [false, true] {
        images.moved.store(moved, Ordering::Relaxed);
        let registries = registries(&server.url, "");
        let keeper = registries.keep_facts_in(folder.path()).await.unwrap();
        let known = cycle(&registries, None, Freshness::Kept).await;
        keeper.finish().await;
        let expected = if moved { "1000" } else { "0" };
        assert_eq!(facts(&known[0]).labels["n"], expected);
    }
}
