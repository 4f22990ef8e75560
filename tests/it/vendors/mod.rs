//! Every common registry, against scripted servers that behave as its public documents say; each file names them.
//!
//! The hosts have their real names, see [`Internet`]. A test asks as a cycle does (the whole tag list, then date and
//! digest of some tags) and judges by what came out, and by what each host was asked and told.

mod amazon;
mod artifactory;
mod azure;
mod distribution;
mod docker_hub;
mod gitea;
mod github;
mod gitlab;
mod google;
mod harbor;
mod nexus;
mod quay;
mod zot;

use std::{collections::BTreeMap, sync::Arc};

use argocd_image_updater::{
    core::{
        image::{ImageRef, Platform, Platforms, TagName, manifest::FactsWanted},
        registries::RegistriesConf,
    },
    http::ClientSettings,
    registry::{Credentials, Freshness, Known, Options, Registries, RegistryError, RepoKey, Session},
    secret::Secret,
};

use crate::support::{
    image_shelf::{Shelf, page},
    scripted_registry::{Asked, Internet, Reply, error, json, with},
};

/// What was learned of an image.
#[derive(Debug)]
struct Learned {
    /// All tags, in the order of the registry.
    tags: Vec<String>,
    /// tag -> digest, of those that were read
    digests: BTreeMap<String, String>,
    /// The newest of those that were read.
    newest: String,
}

/// Registries that are reached through `net`, with a `registries.conf`.
fn registries(net: &Internet, conf: &str) -> Registries {
    let options = Options {
        ca_folders: Vec::new(),
        http: ClientSettings {
            proxy: Some(Secret::new(net.proxy())),
            extra_roots: vec![net.ca().as_bytes().to_vec()],
            ..ClientSettings::default()
        },
        ..Options::default()
    };
    let conf = RegistriesConf::parse(conf).expect("a valid registries.conf");
    Registries::new(Arc::new(conf), options)
}

/// The repository of an image, asked for by `user`.
fn repository(registries: &Registries, image: &str, user: Option<(&str, &str)>) -> RepoKey {
    let image = ImageRef::parse(image).expect("an image");
    let profile = registries.lookup(&image);
    RepoKey {
        repository: profile.repository(&image),
        profile,
        credentials: user.map(|(name, password)| Arc::new(Credentials::new(name, Secret::new(password)))),
    }
}

/// What is known of a tag for `linux/amd64`.
async fn facts(session: &Session, repo: &RepoKey, tag: &str) -> Result<Known, RegistryError> {
    let tag = TagName::new(tag).expect("a tag");
    let linux = Platforms(vec![Platform::new("linux", "amd64")]);
    session
        .facts(repo, &tag, &linux, FactsWanted::Created, Freshness::Now)
        .await
}

/// One cycle: the list, then date and digest of the tags `read`.
async fn learn(
    registries: &Registries,
    image: &str,
    user: Option<(&str, &str)>,
    read: &[&str],
) -> Result<Learned, RegistryError> {
    let session = registries.session();
    let repo = repository(registries, image, user);
    let list = session.tags(&repo).await?;
    let mut dated = BTreeMap::new();
    let mut digests = BTreeMap::new();
    for tag in read {
        match facts(&session, &repo, tag).await? {
            Known::Facts(facts) => {
                digests.insert((*tag).to_owned(), facts.digest.to_string());
                dated.insert(facts.created, (*tag).to_owned());
            }
            Known::Excluded(why) => panic!("{tag}: {why}"),
        }
    }
    Ok(Learned {
        tags: list.tags.iter().map(ToString::to_string).collect(),
        digests,
        newest: dated.pop_last().map(|(_, tag)| tag).unwrap_or_default(),
    })
}

/// A shelf with `count` images `v1.<n>`, each a day younger than the one before it.
fn releases(count: usize) -> Shelf {
    let mut shelf = Shelf::default();
    let first = jiff::civil::date(2024, 1, 1);
    for n in 0..count {
        let day = first
            .checked_add(jiff::Span::new().days(i64::try_from(n).expect("few")))
            .expect("a date");
        shelf.push(
            crate::support::image_shelf::OCI,
            &format!("v1.{n}"),
            &format!("{day}T12:00:00Z"),
        );
    }
    shelf
}

/// The size of the page that is asked for, at most `max`; `default` when nobody asks.
fn size(asked: &Asked, default: usize, max: usize) -> usize {
    let n = asked.parameter("n").and_then(|n| n.parse().ok());
    n.unwrap_or(default).min(max)
}

/// A page of a tag list whose `Link` is what `link` makes of the last name and the size; without more there is none.
fn list(asked: &Asked, names: &[String], size: usize, link: impl Fn(&str, usize) -> String) -> Reply {
    let last = asked.parameter("last");
    let (part, more) = page(names, last.as_deref(), size);
    let reply = json(200, &serde_json::json!({ "name": "listed", "tags": part }));
    match more {
        Some(last) => with(reply, "link", &format!("<{}>; rel=\"next\"", link(last, size))),
        None => reply,
    }
}

/// The usual relative link.
fn relative(asked: &Asked) -> impl Fn(&str, usize) -> String {
    let path = asked.path.clone();
    move |last, n| format!("{path}?last={last}&n={n}")
}

/// Answers for one repository below `base`: `listed` for its tags, its manifests and blobs, and 404 for strangers.
fn repository_at(asked: &Asked, base: &str, shelf: &Shelf, listed: impl Fn() -> Reply) -> Reply {
    match asked.path.strip_prefix(base) {
        Some("/tags/list") => listed(),
        _ => shelf
            .answer(asked, base)
            .unwrap_or_else(|| error(404, "NAME_UNKNOWN", "repository name not known to registry")),
    }
}

/// The answer of a token server.
fn token(token: &str) -> Reply {
    json(200, &serde_json::json!({ "token": token, "expires_in": 300 }))
}
