//! Harbor: "Working with Projects" (the project is the first part of the path), "Create Project Robot Accounts" (names begin
//! with `robot$`) and "Configure an external load balancer": behind one that ends TLS, Harbor may write http links.

use argocd_image_updater::registry::RegistryError;

use super::{learn, list, registries, releases, repository_at, size, token};
use crate::support::scripted_registry::{Asked, Internet, error, unauthorized};

const HARBOR: &str = "https://harbor.example.com";
const ROBOT: (&str, &str) = ("robot$shop+updater", "robot-secret");

/// Harbor, whose links begin with `start`. Without `n` it lists everything.
async fn harbor(start: &'static str) -> Internet {
    let net = Internet::start().await;
    let shelf = releases(120);
    let registry = move |asked: &Asked| {
        if asked.path == "/service/token" {
            return if asked.is_basic(ROBOT.0, ROBOT.1) {
                token("harbor")
            } else {
                error(401, "UNAUTHORIZED", "")
            };
        }
        if asked.authorization != "Bearer harbor" {
            return unauthorized(
                r#"Bearer realm="https://harbor.example.com/service/token",service="harbor-registry""#,
            );
        }
        repository_at(asked, "/v2/shop/team/api", &shelf, || {
            let n = size(asked, usize::MAX, 50);
            list(asked, &shelf.sorted(), n, |last, n| {
                format!("{start}/v2/shop/team/api/tags/list?n={n}&last={last}")
            })
        })
    };
    net.host(HARBOR, registry);
    net
}

#[tokio::test]
async fn relative_absolute_and_http_links_all_lead_on_over_https() {
    for start in ["", HARBOR, "http://harbor.example.com", "http://harbor-core:8080"] {
        let net = harbor(start).await;
        let registries = registries(&net, "");

        let image = "harbor.example.com/shop/team/api";
        let learned = learn(&registries, image, Some(ROBOT), &["v1.119", "v1.3"])
            .await
            .expect("the robot may");

        assert_eq!(learned.tags, releases(120).sorted(), "{start}");
        assert_eq!(learned.newest, "v1.119", "{start}");
        let origins: Vec<_> = net.asked().into_iter().filter(|a| a.origin != HARBOR).collect();
        assert!(origins.is_empty(), "{start}: {origins:?}");
    }
}

#[tokio::test]
async fn a_repository_that_is_not_there_is_told_from_one_that_is_forbidden() {
    let net = harbor("").await;
    let registries = registries(&net, "");

    let missing = learn(&registries, "harbor.example.com/shop/other", Some(ROBOT), &[])
        .await
        .unwrap_err();
    assert!(matches!(missing, RegistryError::RepositoryNotFound { .. }), "{missing}");
    let anonymous = learn(&registries, "harbor.example.com/shop/team/api", None, &[])
        .await
        .unwrap_err();
    assert!(matches!(anonymous, RegistryError::Unauthorized { .. }), "{anonymous}");
}
