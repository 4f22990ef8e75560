//! Gitea and Forgejo: "Container Registry" of their documentation (a package belongs to an owner; user and personal access
//! token). The realm is `/v2/token`; `n` and `last` are honoured, but no `Link` tells that there is more.

use serde_json::json as value;

use super::{learn, registries, releases, repository_at, size, token};
use crate::support::{
    image_shelf::page,
    scripted_registry::{Internet, error, json, unauthorized},
};

const FORGE: &str = "https://git.example.com";

#[tokio::test]
async fn a_package_of_an_owner_is_read_with_an_access_token() {
    let net = Internet::start().await;
    let shelf = releases(1100);
    net.host(FORGE, move |asked| match asked.path.as_str() {
        "/v2/token" if asked.is_basic("alice", "forge-token") => token("forge"),
        "/v2/token" => error(401, "UNAUTHORIZED", "authGroup.Verify"),
        _ if asked.authorization != "Bearer forge" => {
            unauthorized(r#"Bearer realm="https://git.example.com/v2/token",service="container_registry",scope="*""#)
        }
        _ => repository_at(asked, "/v2/acme/shop/api", &shelf, || {
            let names = shelf.sorted();
            let (part, _) = page(
                &names,
                asked.parameter("last").as_deref(),
                size(asked, usize::MAX, usize::MAX),
            );
            json(200, &value!({ "name": "acme/shop/api", "tags": part }))
        }),
    });
    let registries = registries(&net, "");

    let user = Some(("alice", "forge-token"));
    let learned = learn(&registries, "git.example.com/acme/shop/api", user, &["v1.1099", "v1.1"])
        .await
        .expect("may");

    assert_eq!(learned.tags, releases(1100).sorted(), "no link, and all of them");
    assert_eq!(learned.newest, "v1.1099");
    let basic: Vec<_> = net.asked().into_iter().filter(|a| a.login() == "Basic").collect();
    assert!(basic.iter().all(|a| a.path == "/v2/token"), "{basic:?}");
}
