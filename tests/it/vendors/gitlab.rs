//! GitLab: "Authenticate with the container registry" (personal and deploy tokens as password; the tokens that it gives live
//! for five minutes) and "Container registry administration" (the realm `/jwt/auth` is on GitLab's host, not the registry's).

use argocd_image_updater::registry::RegistryError;

use super::{learn, list, registries, relative, releases, repository_at, size, token};
use crate::support::scripted_registry::{Internet, error, status, unauthorized};

const REGISTRY: &str = "https://registry.example.com";
const GITLAB: &str = "https://gitlab.example.com";

async fn gitlab() -> Internet {
    let net = Internet::start().await;
    net.host(GITLAB, |asked| {
        let scope = asked.parameter("scope");
        match asked.path.as_str() {
            "/jwt/auth" if asked.parameter("service").as_deref() != Some("container_registry") => status(400),
            "/jwt/auth" if scope.as_deref() != Some("repository:group/sub/shop/api:pull") => status(400),
            "/jwt/auth" if asked.is_basic("updater", "glpat-token") => token("gitlab"),
            "/jwt/auth" => error(403, "DENIED", "access forbidden"),
            _ => status(404),
        }
    });
    let shelf = releases(150);
    net.host(REGISTRY, move |asked| {
        if asked.authorization != "Bearer gitlab" {
            return unauthorized(r#"Bearer realm="https://gitlab.example.com/jwt/auth",service="container_registry""#);
        }
        repository_at(asked, "/v2/group/sub/shop/api", &shelf, || {
            list(asked, &shelf.sorted(), size(asked, 100, 1000), relative(asked))
        })
    });
    net
}

const IMAGE: &str = "registry.example.com/group/sub/shop/api";

#[tokio::test]
async fn a_deploy_token_goes_to_gitlab_and_its_answer_to_the_registry() {
    let net = gitlab().await;
    let registries = registries(&net, "");
    let user = Some(("updater", "glpat-token"));

    let learned = learn(&registries, IMAGE, user, &["v1.149", "v1.2"])
        .await
        .expect("the token may");

    assert_eq!(learned.tags, releases(150).sorted());
    assert_eq!(learned.newest, "v1.149");
    assert_eq!(
        net.logins(),
        [
            format!("{GITLAB} Basic"),
            format!("{REGISTRY} -"),
            format!("{REGISTRY} Bearer")
        ],
        "another host, but named by the registry itself"
    );
}

#[tokio::test]
async fn a_forbidden_token_is_told_in_gitlabs_words() {
    let net = gitlab().await;
    let registries = registries(&net, "");

    let error = learn(&registries, IMAGE, Some(("updater", "glpat-old")), &[])
        .await
        .unwrap_err();

    assert!(matches!(error, RegistryError::Unauthorized { .. }), "{error}");
    assert!(error.to_string().contains("DENIED access forbidden"), "{error}");
    assert!(!error.to_string().contains("glpat-old"), "{error}");
}
