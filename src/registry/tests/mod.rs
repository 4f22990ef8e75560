//! The client against scripted servers on the loopback interface. They answer as the OCI distribution specification, Docker's
//! token authentication specification and RFC 9110 say, or break these rules on purpose.

mod cached;
mod certificates;
mod echo;
mod elsewhere;
mod faults;
mod garbage;
mod list_time;
mod lists;
mod login;
mod manners;
mod metadata;
mod reload;
mod server;
mod signatures;
mod tls;

use std::{sync::Arc, time::Duration};

use super::*;
use crate::{
    core::{
        image::{ImageRef, Platform, Platforms, TagName, manifest::FactsWanted},
        registries::RegistriesConf,
    },
    http::ClientSettings,
    secret::Secret,
};

/// Registries with one configured entry, which serves `r.test`.
fn registries(api_url: &str, more: &str) -> Registries {
    let http = ClientSettings {
        system_proxy: false,
        read_timeout: Duration::from_millis(500),
        total_timeout: Duration::from_secs(10),
        ..ClientSettings::default()
    };
    registries_with(api_url, more, http)
}

fn registries_with(api_url: &str, more: &str, http: ClientSettings) -> Registries {
    let yaml = format!("registries:\n- name: test\n  api_url: {api_url}\n  prefix: r.test\n{more}");
    let options = Options {
        ca_folders: Vec::new(),
        http,
        ..Options::default()
    };
    Registries::new(Arc::new(RegistriesConf::parse(&yaml).unwrap()), options)
}

fn repo(registries: &Registries, name: &str, user: Option<(&str, &str)>) -> RepoKey {
    let image = ImageRef {
        registry: "r.test".to_owned(),
        name: name.to_owned(),
        version: None,
    };
    let profile = registries.lookup(&image);
    RepoKey {
        repository: profile.repository(&image),
        profile,
        credentials: user.map(|(name, password)| Arc::new(Credentials::new(name, Secret::new(password)))),
    }
}

fn tag(name: &str) -> TagName {
    TagName::new(name).unwrap()
}

fn linux() -> Platforms {
    Platforms(vec![Platform::new("linux", "amd64")])
}

/// Makes that much time pass. Sockets are quiet meanwhile: a clock that stands still would not wait for them.
async fn later(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// The digest of a tag, or why it is not known.
async fn facts(registries: &Registries, session: &Session, tag_name: &str) -> Result<Known, RegistryError> {
    let repo = repo(registries, "team/app", None);
    session
        .facts(&repo, &tag(tag_name), &linux(), FactsWanted::Digest, Freshness::Now)
        .await
}

/// One fresh session asks for the tags of one repository.
async fn tags_of(server: &server::Server) -> Result<Vec<String>, RegistryError> {
    let registries = registries(&server.url, "");
    let list = registries.session().tags(&repo(&registries, "team/app", None)).await?;
    Ok(list.tags.iter().map(ToString::to_string).collect())
}
