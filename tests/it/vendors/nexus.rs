//! Sonatype Nexus Repository: "Docker Registry" and "Docker Authentication" (Basic, or the Docker Bearer Token Realm), and
//! three ways to list tags that its public issues tell of: hosted repositories list everything, proxies link to a path
//! that the connector's port does not serve, groups cut at `n` and give no link.

use argocd_image_updater::registry::RegistryError;
use serde_json::json as value;

use super::{learn, list, registries, releases, repository_at, size, token};
use crate::support::{
    image_shelf::{Shelf, page},
    scripted_registry::{Asked, Internet, Reply, error, json, unauthorized},
};

const NEXUS: &str = "https://nexus.example.com:8443";
const IMAGE: &str = "nexus.example.com:8443/team/api";
const USER: Option<(&str, &str)> = Some(("updater", "nexus-password"));

type Listing = fn(&Asked, &Shelf) -> Reply;

fn hosted(_: &Asked, shelf: &Shelf) -> Reply {
    json(200, &value!({ "name": "team/api", "tags": shelf.sorted() }))
}

fn proxy(asked: &Asked, shelf: &Shelf) -> Reply {
    list(asked, &shelf.sorted(), size(asked, 100, 100), |last, n| {
        format!("{NEXUS}/repository/docker-proxy/v2/team/api/tags/list?n={n}&last={last}")
    })
}

fn group(asked: &Asked, shelf: &Shelf) -> Reply {
    let names = shelf.sorted();
    let (part, _) = page(
        &names,
        asked.parameter("last").as_deref(),
        size(asked, usize::MAX, usize::MAX),
    );
    json(200, &value!({ "name": "team/api", "tags": part }))
}

/// The port of one repository's connector.
async fn nexus(bearer: bool, listing: Listing) -> Internet {
    let net = Internet::start().await;
    let shelf = releases(130);
    net.host(NEXUS, move |asked| {
        let may = asked.is_basic("updater", "nexus-password");
        match asked.path.as_str() {
            "/v2/token" if bearer && may => token("DockerToken.9f"),
            "/v2/token" => error(
                401,
                "UNAUTHORIZED",
                "access to the requested resource is not authorized",
            ),
            _ if bearer && asked.authorization != "Bearer DockerToken.9f" => unauthorized(&format!(
                r#"Bearer realm="{NEXUS}/v2/token",service="{NEXUS}/v2/token""#
            )),
            _ if !bearer && !may => unauthorized(r#"Basic realm="Sonatype Nexus Repository Manager""#),
            path if !path.starts_with("/v2/") => error(400, "UNSUPPORTED", "not served by this connector"),
            _ => repository_at(asked, "/v2/team/api", &shelf, || listing(asked, &shelf)),
        }
    });
    net
}

#[tokio::test]
async fn every_kind_of_repository_lists_all_its_tags() {
    for (kind, listing) in [("hosted", hosted as Listing), ("proxy", proxy), ("group", group)] {
        let net = nexus(false, listing).await;
        let registries = registries(&net, "");

        let learned = learn(&registries, IMAGE, USER, &["v1.129", "v1.13"]).await.expect(kind);

        assert_eq!(learned.tags, releases(130).sorted(), "{kind}");
        assert_eq!(learned.newest, "v1.129", "{kind}");
    }
}

#[tokio::test]
async fn basic_and_bearer_are_both_spoken_to_the_connector_only() {
    for (bearer, expected) in [(false, vec!["-", "Basic"]), (true, vec!["-", "Basic", "Bearer"])] {
        let net = nexus(bearer, hosted).await;
        let registries = registries(&net, "");

        learn(&registries, IMAGE, USER, &["v1.1"]).await.expect("the user may");

        let expected: Vec<_> = expected.into_iter().map(|login| format!("{NEXUS} {login}")).collect();
        assert_eq!(net.logins(), expected);
    }
}

#[tokio::test]
async fn without_credentials_the_reason_says_that_some_are_missing() {
    let net = nexus(false, hosted).await;
    let registries = registries(&net, "");

    let error = learn(&registries, IMAGE, None, &[]).await.unwrap_err();

    assert!(matches!(error, RegistryError::Unauthorized { .. }), "{error}");
    assert!(
        error.to_string().contains("no complete credentials are configured"),
        "{error}"
    );
}
