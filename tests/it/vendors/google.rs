//! Google's Artifact Registry and Container Registry: "Configure authentication to Artifact Registry for Docker" (the users
//! `oauth2accesstoken` and `_json_key`). Their lists tell more than the specification asks (`child`, `manifest`) and are
//! never cut into pages.

use serde_json::{Value, json as value};

use super::{learn, registries, releases, repository_at, token};
use crate::support::{
    image_shelf::Shelf,
    scripted_registry::{Internet, error, json, unauthorized},
};

/// The list with all that Google adds.
fn listed(shelf: &Shelf, name: &str) -> Value {
    let manifests: serde_json::Map<_, _> = shelf
        .sorted()
        .into_iter()
        .enumerate()
        .map(|(n, tag)| {
            let more = value!({
                "imageSizeBytes": "1024", "layerId": "", "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "tag": [tag], "timeCreatedMs": "0", "timeUploadedMs": "1704067200000",
            });
            (format!("sha256:{n:064x}"), more)
        })
        .collect();
    value!({ "child": ["sub"], "manifest": manifests, "name": name, "tags": shelf.sorted() })
}

#[tokio::test]
async fn both_registries_are_read_with_an_access_token_and_their_own_fields_are_passed_over() {
    for (host, repository) in [
        ("europe-west1-docker.pkg.dev", "project/repo/api"),
        ("eu.gcr.io", "project/api"),
    ] {
        let origin = format!("https://{host}");
        let net = Internet::start().await;
        let shelf = releases(1100);
        net.host(&origin.clone(), move |asked| {
            let scope = format!("repository:{repository}:pull");
            match asked.path.as_str() {
                "/v2/token" if asked.parameter("scope") != Some(scope) => error(400, "INVALID", "scope"),
                "/v2/token" if asked.is_basic("oauth2accesstoken", "ya29.token") => token("google"),
                "/v2/token" => error(403, "DENIED", "Unauthenticated request."),
                _ if asked.authorization != "Bearer google" => {
                    unauthorized(&format!(r#"Bearer realm="{origin}/v2/token",service="{host}""#))
                }
                _ => repository_at(asked, &format!("/v2/{repository}"), &shelf, || {
                    json(200, &listed(&shelf, repository))
                }),
            }
        });
        let registries = registries(&net, "");
        let image = format!("{host}/{repository}");

        let user = Some(("oauth2accesstoken", "ya29.token"));
        let learned = learn(&registries, &image, user, &["v1.1099", "v1.7"])
            .await
            .expect(host);

        assert_eq!(learned.tags, releases(1100).sorted(), "{host}");
        assert_eq!(learned.newest, "v1.1099", "{host}");
        let anonymous = learn(&registries, &image, None, &[]).await.unwrap_err();
        assert!(anonymous.is_unauthorized(), "{host}: {anonymous}");
        let basic: Vec<_> = net.asked().into_iter().filter(|a| a.login() == "Basic").collect();
        assert!(basic.iter().all(|a| a.path == "/v2/token"), "{host}: {basic:?}");
    }
}
