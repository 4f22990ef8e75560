//! zot: "Authentication" and "Authorization" of its documentation (htpasswd is Basic; with an anonymous policy for some
//! repositories `/v2/` asks nobody, and the others ask for themselves), and the OCI distribution specification, which it
//! follows to the letter: OCI media types only, `n` and `last`, a `Link` while there is more.

use super::{learn, list, registries, relative, releases, repository_at, size};
use crate::support::scripted_registry::{Internet, status, unauthorized};

const ZOT: &str = "http://zot.zot.svc:5000";

const CONF: &str = "registries:\n- name: zot\n  prefix: zot.example.com\n  api_url: http://zot.zot.svc:5000\n";

/// In the cluster, without TLS. `team` needs a login; `mixed`: and `public` needs none.
async fn zot(mixed: bool) -> Internet {
    let net = Internet::start().await;
    let shelf = releases(90);
    net.host(ZOT, move |asked| {
        if mixed && asked.path == "/v2/" {
            return status(200);
        }
        if !asked.path.starts_with("/v2/public/") && !asked.is_basic("updater", "zot-password") {
            return unauthorized(r#"Basic realm="zot""#);
        }
        let name = if asked.path.starts_with("/v2/public/") {
            "public"
        } else {
            "team"
        };
        repository_at(asked, &format!("/v2/{name}/api"), &shelf, || {
            list(asked, &shelf.sorted(), size(asked, 40, 40), relative(asked))
        })
    });
    net
}

#[tokio::test]
async fn a_registry_in_the_cluster_is_read_over_http_with_basic() {
    let net = zot(false).await;
    let registries = registries(&net, CONF);

    let user = Some(("updater", "zot-password"));
    let learned = learn(&registries, "zot.example.com/team/api", user, &["v1.89", "v1.9"])
        .await
        .expect("may");

    assert_eq!(learned.tags, releases(90).sorted());
    assert_eq!(learned.newest, "v1.89");
    assert_eq!(net.logins(), [format!("{ZOT} -"), format!("{ZOT} Basic")]);
}

#[tokio::test]
async fn a_repository_that_asks_for_itself_gets_the_login_and_an_open_one_does_not() {
    let net = zot(true).await;
    let registries = registries(&net, CONF);
    let user = Some(("updater", "zot-password"));

    let team = learn(&registries, "zot.example.com/team/api", user, &["v1.1"])
        .await
        .expect("may");
    let public = learn(&registries, "zot.example.com/public/api", user, &["v1.2"])
        .await
        .expect("everybody may");
    let stranger = learn(&registries, "zot.example.com/team/api", None, &[])
        .await
        .unwrap_err();

    assert_eq!((team.tags.len(), public.tags.len()), (90, 90));
    assert!(stranger.is_unauthorized(), "{stranger}");
    let told: Vec<_> = net
        .asked()
        .into_iter()
        .filter(|a| a.path.starts_with("/v2/public/") && a.login() != "-")
        .collect();
    assert!(told.is_empty(), "{told:?}");
}
