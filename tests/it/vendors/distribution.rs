//! The distribution project's registry, in the versions that are in use: "HTTP API V2" of version 2 (`n` and `last` are passed
//! over, the whole list comes at once) and "Pagination" of version 3 (`n` above the configured maximum is refused with
//! `PAGINATION_NUMBER_INVALID`, or cut to it). The present version runs as a real process in `reference_registry`.

use super::{learn, list, registries, relative, releases, repository_at, size};
use crate::support::{
    image_shelf::Shelf,
    scripted_registry::{Asked, Internet, Reply, error, json, status, with},
};

const REGISTRY: &str = "https://registry.example.com";

type Listing = fn(&Asked, &Shelf) -> Reply;

fn version_2(_: &Asked, shelf: &Shelf) -> Reply {
    json(200, &serde_json::json!({ "name": "team/api", "tags": shelf.sorted() }))
}

fn refuses(asked: &Asked, shelf: &Shelf) -> Reply {
    match asked.parameter("n").map(|n| n.parse::<usize>()) {
        Some(Ok(n)) if n <= 100 => list(asked, &shelf.sorted(), n, relative(asked)),
        Some(_) => error(400, "PAGINATION_NUMBER_INVALID", "invalid number of results requested"),
        None => list(asked, &shelf.sorted(), usize::MAX, relative(asked)),
    }
}

fn cuts(asked: &Asked, shelf: &Shelf) -> Reply {
    list(asked, &shelf.sorted(), size(asked, usize::MAX, 100), relative(asked))
}

#[tokio::test]
async fn every_version_lists_all_its_tags() {
    for (version, listing) in [("2", version_2 as Listing), ("3.0", refuses), ("3.1", cuts)] {
        let net = Internet::start().await;
        let shelf = releases(1200);
        net.host(REGISTRY, move |asked| match asked.path.as_str() {
            "/v2/" => with(status(200), "docker-distribution-api-version", "registry/2.0"),
            _ => repository_at(asked, "/v2/team/api", &shelf, || listing(asked, &shelf)),
        });
        let registries = registries(&net, "");

        let read = &["v1.1199", "v1.90"];
        let learned = learn(&registries, "registry.example.com/team/api", None, read)
            .await
            .expect(version);

        assert_eq!(learned.tags, releases(1200).sorted(), "{version}");
        assert_eq!(learned.newest, "v1.1199", "{version}");
        assert_eq!(
            net.logins(),
            [format!("{REGISTRY} -")],
            "{version}: nothing is asked for"
        );
    }
}

#[tokio::test]
async fn an_empty_repository_is_no_error_however_it_is_written() {
    for body in [r#"{"name":"team/api","tags":null}"#, r#"{"name":"team/api","tags":[]}"#] {
        let net = Internet::start().await;
        net.host(REGISTRY, move |asked| match asked.path.as_str() {
            "/v2/" => status(200),
            _ => crate::support::scripted_registry::typed(200, "application/json; charset=utf-8", body),
        });
        let registries = registries(&net, "");

        let learned = learn(&registries, "registry.example.com/team/api", None, &[])
            .await
            .expect(body);

        assert!(learned.tags.is_empty(), "{body}");
    }
}
