//! JFrog Artifactory: "Docker Registry" and the REST API "List Docker Tags" (`/api/docker/<repo-key>/v2/<image>/tags/list`,
//! `n` and `last`). Its links leave out where Artifactory and the repository are (RTFACT-18971), and `last` is a number.

use super::{learn, registries, releases, repository_at, size, token};
use crate::support::{
    image_shelf::Shelf,
    scripted_registry::{Asked, Internet, Reply, json, status, unauthorized, with},
};

const ART: &str = "https://art.example.com";
const USER: Option<(&str, &str)> = Some(("updater", "reference-token"));

/// `last` is how many tags were listed; of the link's path only the image is left.
fn tags(asked: &Asked, shelf: &Shelf) -> Reply {
    let names = shelf.sorted();
    let from = asked
        .parameter("last")
        .and_then(|last| last.parse().ok())
        .unwrap_or(0)
        .min(names.len());
    let until = names.len().min(from + size(asked, 40, 40));
    let reply = json(
        200,
        &serde_json::json!({ "name": "team/api", "tags": names[from..until] }),
    );
    if until == names.len() {
        return reply;
    }
    with(
        reply,
        "link",
        &format!("</v2/team/api/tags/list?last={until}&n={}>; rel=\"next\"", until - from),
    )
}

/// Artifactory, whose repository `docker-virtual` has its API at `base`.
async fn artifactory(base: &'static str, bearer: bool) -> Internet {
    let net = Internet::start().await;
    let shelf = releases(100);
    net.host(ART, move |asked| {
        let may = asked.is_basic("updater", "reference-token");
        let token_path = "/artifactory/api/docker/docker-virtual/v2/token";
        match asked.path.as_str() {
            path if path == token_path && may => token("art"),
            path if path == token_path => status(401),
            _ if bearer && asked.authorization != "Bearer art" => unauthorized(&format!(
                r#"Bearer realm="{ART}{token_path}",service="art.example.com""#
            )),
            _ if !bearer && !may => unauthorized(r#"Basic realm="Artifactory Realm""#),
            path if path.ends_with("/v2/") => status(200),
            _ => repository_at(asked, &format!("{base}/team/api"), &shelf, || tags(asked, &shelf)),
        }
    });
    net
}

#[tokio::test]
async fn all_pages_are_read_below_the_base_path_of_the_api() {
    for bearer in [true, false] {
        let net = artifactory("/artifactory/api/docker/docker-virtual/v2", bearer).await;
        let conf = format!(
            "registries:\n- name: art\n  prefix: art.example.com\n  api_url: {ART}/artifactory/api/docker/docker-virtual/\n"
        );
        let registries = registries(&net, &conf);

        let learned = learn(&registries, "art.example.com/team/api", USER, &["v1.99", "v1.5"])
            .await
            .expect("may");

        assert_eq!(learned.tags, releases(100).sorted());
        assert_eq!(learned.newest, "v1.99");
        let outside: Vec<_> = net
            .asked()
            .into_iter()
            .filter(|a| !a.path.starts_with("/artifactory/"))
            .collect();
        assert!(outside.is_empty(), "{outside:?}");
    }
}

#[tokio::test]
async fn all_pages_are_read_where_the_repository_is_the_first_part_of_the_image() {
    let net = artifactory("/v2/docker-virtual", true).await;
    let registries = registries(&net, "");

    let image = "art.example.com/docker-virtual/team/api";
    let learned = learn(&registries, image, USER, &["v1.98"]).await.expect("may");

    assert_eq!(learned.tags, releases(100).sorted());
}
