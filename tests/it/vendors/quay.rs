//! Quay: "Red Hat Quay API Guide" and "Robot accounts overview" (their name holds a `+`), and the paging of its v2 API: at
//! most 100 tags per page whatever `n` says, with a relative link; older servers 50, with an opaque `next_page`.

use argocd_image_updater::registry::RegistryError;

use super::{learn, list, registries, relative, releases, repository_at, size, token};
use crate::support::{
    image_shelf::{Shelf, page},
    scripted_registry::{Asked, Internet, Reply, error, json, unauthorized, with},
};

const QUAY: &str = "https://quay.io";

/// How tags are listed.
type Paging = fn(&Asked, &[String]) -> Reply;

/// Quay as it is: `last` names the tag that was listed last.
fn by_last(asked: &Asked, names: &[String]) -> Reply {
    list(asked, names, size(asked, 100, 100), relative(asked))
}

/// Quay as it was: an encrypted place, which only Quay understands, and `last` is passed over.
fn by_token(asked: &Asked, names: &[String]) -> Reply {
    let place = asked
        .parameter("next_page")
        .and_then(|token| Some(token.strip_prefix("gAAAAAB/")?.strip_suffix('=')?.to_owned()));
    let (part, more) = page(names, place.as_deref(), size(asked, 50, 50));
    let reply = json(200, &serde_json::json!({ "name": "acme/api", "tags": part }));
    match more {
        Some(last) => {
            let link = format!("<{}?next_page=gAAAAAB%2F{last}%3D&n=50>; rel=\"next\"", asked.path);
            with(reply, "link", &link)
        }
        None => reply,
    }
}

async fn quay(shelf: Shelf, robot: Option<(&'static str, &'static str)>, paging: Paging) -> Internet {
    let net = Internet::start().await;
    net.host(QUAY, move |asked| {
        let knows = robot.is_none_or(|(name, password)| asked.is_basic(name, password));
        match asked.path.as_str() {
            "/v2/auth" if asked.parameter("service").as_deref() != Some("quay.io") => error(400, "INVALID", "service"),
            "/v2/auth" if asked.login() == "Basic" && !knows => {
                error(401, "UNAUTHORIZED", "Invalid username or password")
            }
            "/v2/auth" if knows => token("may-pull"),
            // Quay gives everybody a token; it just opens nothing.
            "/v2/auth" => token("opens-nothing"),
            _ if asked.authorization != "Bearer may-pull" => unauthorized(
                r#"Bearer realm="https://quay.io/v2/auth",service="quay.io",scope="repository:acme/api:pull""#,
            ),
            _ => repository_at(asked, "/v2/acme/api", &shelf, || paging(asked, &shelf.sorted())),
        }
    });
    net
}

#[tokio::test]
async fn all_pages_of_a_public_repository_are_read_with_either_paging() {
    for (name, paging) in [("last", by_last as Paging), ("next_page", by_token)] {
        let net = quay(releases(230), None, paging).await;
        let registries = registries(&net, "");

        let learned = learn(&registries, "quay.io/acme/api", None, &["v1.9", "v1.229", "v1.100"])
            .await
            .expect(name);

        assert_eq!(learned.tags, releases(230).sorted(), "{name}");
        assert_eq!(learned.newest, "v1.229", "{name}");
        assert_eq!(net.logins(), [format!("{QUAY} -"), format!("{QUAY} Bearer")], "{name}");
    }
}

#[tokio::test]
async fn a_robot_reads_a_private_repository_and_nobody_else_does() {
    let robot = ("acme+updater", "ROBOTPASSWORD");
    let net = quay(releases(2), Some(robot), by_last).await;
    let registries = registries(&net, "");

    let learned = learn(&registries, "quay.io/acme/api", Some(robot), &["v1.1"])
        .await
        .expect("the robot may");
    assert_eq!(learned.newest, "v1.1");
    let tokens: Vec<_> = net.asked().into_iter().filter(|a| a.path == "/v2/auth").collect();
    assert_eq!(tokens[0].parameter("account").as_deref(), Some("acme+updater"));

    for user in [None, Some(("acme+updater", "ROTATED"))] {
        let error = learn(&registries, "quay.io/acme/api", user, &[]).await.unwrap_err();
        assert!(matches!(error, RegistryError::Unauthorized { .. }), "{user:?}: {error}");
    }
}
