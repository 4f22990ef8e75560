//! What a decision costs a registry, cycle after cycle.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use argocd_image_updater::{
    core::{
        image::{ImageRef, Platform, Platforms},
        registries::RegistriesConf,
        resolve::{CurrentFrom, TrackedImage, credential_ref::CredentialRef},
        select::FirstSeen,
        strategy::{Policy, PolicyOptions, StrategyKind, TagFilter},
        verdict::Reason,
    },
    engine::{
        credentials::Secrets,
        observe::{Asker, Observer, Pick},
    },
    registry::{self, Registries},
};
use jiff::Timestamp;

use crate::support::registry::{Fault, Registry};

/// So long that nothing is due while a test runs.
const LONG: Duration = Duration::from_hours(100_000);

fn observer(registry: &Registry, refresh: Duration) -> Observer {
    observer_with(registry, refresh, "")
}

/// `more` is what else the registry's entry says.
fn observer_with(registry: &Registry, refresh: Duration, more: &str) -> Observer {
    let conf = format!(
        "registries:\n- {{ name: test, prefix: r.test, api_url: {}, limit: 100000{more} }}\n",
        registry.url()
    );
    let conf = RegistriesConf::parse(&conf).expect("a registries file");
    let options = registry::Options {
        refresh,
        ..registry::Options::default()
    };
    let registries = Registries::new(Arc::new(conf), options);
    Observer::new(registries, Secrets::Unavailable("no cluster is needed".to_owned()))
}

/// `count` tags, the last one the newest.
async fn with_tags(count: usize) -> Registry {
    let registry = Registry::start().await;
    for n in 0..count {
        let created = Timestamp::UNIX_EPOCH + Duration::from_secs(n as u64);
        registry.push("app", &format!("1.0.{n}"), &created.to_string());
    }
    registry
}

struct Ask {
    strategy: StrategyKind,
    constraint: &'static str,
    options: PolicyOptions,
    credentials: Option<CredentialRef>,
}

impl Ask {
    fn newest() -> Self {
        Self {
            strategy: StrategyKind::NewestBuild,
            constraint: "",
            options: PolicyOptions::default(),
            credentials: None,
        }
    }

    /// One cycle.
    async fn pick(&self, observer: &Observer) -> Pick {
        let policy = Policy::parse(self.strategy, self.constraint, self.options.clone()).expect("a policy");
        let image = TrackedImage {
            signatures: None,
            alias: String::new(),
            reference: ImageRef::parse("r.test/app").expect("a reference"),
            policy: Arc::new(policy),
            force_update: false,
            current_from: CurrentFrom::Live,
            credentials: self.credentials.clone(),
            platforms: Platforms(vec![Platform::new("linux", "amd64")]),
            manifest_target: argocd_image_updater::core::resolve::ManifestTarget::Default,
        };
        let asker = Asker {
            namespace: "argocd",
            live: None,
            beside: &[],
            written: None,
            first_seen: &FirstSeen::default(),
            unverified: &std::collections::BTreeMap::new(),
            explain: false,
        };
        observer.pick(&observer.cycle(Timestamp::now()), &image, asker).await
    }

    async fn picked(&self, observer: &Observer) -> String {
        let candidate = self.pick(observer).await.candidate;
        candidate.expect("a tag is picked").tag.to_string()
    }
}

/// The requests since the last call, by method and kind.
fn since(registry: &Registry, seen: &mut usize) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for request in registry.seen().iter().skip(*seen) {
        let kind = ["tags/list", "manifests", "blobs"]
            .into_iter()
            .find(|kind| request.path.contains(kind));
        *counts
            .entry(format!("{} {}", request.method, kind.unwrap_or("ping")))
            .or_default() += 1;
        *seen += 1;
    }
    counts
}

fn counts<const N: usize>(expected: [(&str, usize); N]) -> BTreeMap<String, usize> {
    expected.map(|(kind, count)| (kind.to_owned(), count)).into()
}

#[tokio::test]
async fn of_700_tags_under_newest_build_each_is_read_once_and_then_only_the_list() {
    let registry = with_tags(700).await;
    let observer = observer(&registry, LONG);
    let mut seen = 0;
    assert_eq!(Ask::newest().picked(&observer).await, "1.0.699");
    let first = counts([
        ("GET ping", 1),
        ("GET tags/list", 1),
        ("GET manifests", 700),
        ("GET blobs", 700),
    ]);
    assert_eq!(since(&registry, &mut seen), first);
    for _ in 0..2 {
        assert_eq!(Ask::newest().picked(&observer).await, "1.0.699");
        assert_eq!(since(&registry, &mut seen), counts([("GET tags/list", 1)]));
    }
    registry.push("app", "1.0.700", "2024-01-01T00:00:00Z");
    assert_eq!(Ask::newest().picked(&observer).await, "1.0.700");
    let new = counts([("GET tags/list", 1), ("GET manifests", 1), ("GET blobs", 1)]);
    assert_eq!(since(&registry, &mut seen), new);
}

#[tokio::test]
async fn without_a_refresh_interval_every_tag_is_asked_by_head_in_every_cycle() {
    let registry = with_tags(20).await;
    let observer = observer(&registry, Duration::ZERO);
    Ask::newest().picked(&observer).await;
    let mut seen = registry.seen().len();
    Ask::newest().picked(&observer).await;
    assert_eq!(
        since(&registry, &mut seen),
        counts([("GET tags/list", 1), ("HEAD manifests", 20)])
    );
}

#[tokio::test]
async fn a_tag_that_a_filter_drops_is_never_asked_about() {
    let registry = with_tags(30).await;
    let mut ask = Ask::newest();
    ask.options.filter = TagFilter::compile(Some("regexp:^1[.]0[.]1.$"), &["1.0.15".to_owned()]).expect("a filter");
    assert_eq!(ask.picked(&observer(&registry, LONG)).await, "1.0.19");
    let mut asked: Vec<_> = registry
        .seen()
        .into_iter()
        .filter_map(|s| Some(s.path.split_once("/manifests/1.0.")?.1.to_owned()))
        .collect();
    asked.sort();
    assert_eq!(asked, ["10", "11", "12", "13", "14", "16", "17", "18", "19"]);
}

#[tokio::test]
async fn the_digest_that_is_written_is_asked_in_every_cycle_and_no_other() {
    let registry = with_tags(10).await;
    let digest = registry.push("app", "latest", "2000-01-01T00:00:00Z");
    let pinned = Ask {
        options: PolicyOptions {
            pin_digest: true,
            ..PolicyOptions::default()
        },
        ..Ask::newest()
    };
    let tracked = Ask {
        strategy: StrategyKind::Digest,
        constraint: "latest",
        options: PolicyOptions::default(),
        credentials: None,
    };
    let semver = Ask {
        strategy: StrategyKind::Semver,
        constraint: "",
        options: pinned.options.clone(),
        credentials: None,
    };
    for (ask, tag) in [(&pinned, "latest"), (&tracked, "latest"), (&semver, "1.0.9")] {
        let observer = observer(&registry, LONG);
        let before = ask.pick(&observer).await.candidate.expect("a tag");
        assert_eq!(before.tag.as_str(), tag);
        let mut seen = registry.seen().len();
        for _ in 0..2 {
            assert_eq!(
                ask.pick(&observer).await.candidate.expect("a tag").digest,
                before.digest
            );
            assert_eq!(
                since(&registry, &mut seen),
                counts([("GET tags/list", 1), ("HEAD manifests", 1)]),
                "{tag}"
            );
        }
    }
    // What moved is written at once, though its interval is long.
    let observer = observer(&registry, LONG);
    for ask in [&pinned, &tracked] {
        assert_eq!(
            ask.pick(&observer)
                .await
                .candidate
                .expect("a tag")
                .digest
                .map(|d| d.to_string()),
            Some(digest.clone())
        );
    }
    let moved = registry.push("app", "latest", "2001-01-01T00:00:00Z");
    for ask in [&pinned, &tracked] {
        let digest = ask.pick(&observer).await.candidate.expect("a tag").digest;
        assert_eq!(digest.map(|d| d.to_string()), Some(moved.clone()));
    }
}

#[tokio::test]
async fn a_pinned_tag_that_moved_back_is_not_picked_for_the_date_that_it_had() {
    let registry = with_tags(2).await;
    let mut ask = Ask::newest();
    ask.options.pin_digest = true;
    let observer = observer(&registry, LONG);
    assert_eq!(ask.picked(&observer).await, "1.0.1");
    registry.push("app", "1.0.1", "1969-01-01T00:00:00Z");
    assert_eq!(ask.picked(&observer).await, "1.0.0");
}

#[tokio::test(start_paused = true)]
async fn an_image_that_takes_too_long_is_given_up_and_the_next_cycle_goes_on() {
    let registry = with_tags(1200).await;
    let observer = observer(&registry, LONG);
    // Ten at once, two for each tag, and each takes eight seconds.
    registry.fault(Fault::Slow(Duration::from_secs(8)));
    let mut cycles = 0;
    let tag = loop {
        cycles += 1;
        match Ask::newest().pick(&observer).await.candidate {
            Ok(candidate) => break candidate.tag,
            Err(verdict) => {
                assert_eq!(verdict.reason, Reason::MetadataUnavailable);
                assert_eq!(
                    verdict.message,
                    "not every tag was read within 5 min; the next cycle goes on"
                );
            }
        }
    };
    assert_eq!(tag.as_str(), "1.0.1199");
    assert!((6..=9).contains(&cycles), "{cycles}");
    let by_tag = registry.count("/manifests/1.0.");
    assert!(
        (1200..1200 + cycles * 20).contains(&by_tag),
        "{by_tag}: only what was cut off is asked again"
    );
}

/// A program that prints another password each time, and notes in the file beside it that it did.
fn changing_password(folder: &std::path::Path) -> (String, std::path::PathBuf) {
    use std::os::unix::fs::PermissionsExt as _;
    let (program, runs) = (folder.join("login.sh"), folder.join("runs"));
    let text = format!(
        "#!/bin/sh\necho run >> {runs}\necho \"bob:password-$(wc -l < {runs})\"\n",
        runs = runs.display()
    );
    std::fs::write(&program, text).expect("a program");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("it may run");
    (program.display().to_string(), runs)
}

#[tokio::test]
async fn a_password_that_changes_in_every_cycle_costs_only_the_list_of_30_tags() {
    for of_image in [false, true] {
        let folder = tempfile::tempdir().expect("a folder");
        let (program, runs) = changing_password(folder.path());
        let registry = with_tags(30).await;
        let (more, credentials) = if of_image {
            (String::new(), Some(CredentialRef::Ext(program)))
        } else {
            (format!(", credentials: 'ext:{program}', credsexpire: 1ns"), None)
        };
        let observer = observer_with(&registry, LONG, &more);
        let ask = Ask {
            credentials,
            ..Ask::newest()
        };
        let mut seen = 0;
        ask.picked(&observer).await;
        since(&registry, &mut seen);
        for cycle in 2..5 {
            assert_eq!(ask.picked(&observer).await, "1.0.29");
            assert_eq!(since(&registry, &mut seen), counts([("GET tags/list", 1)]));
            let runs = std::fs::read_to_string(&runs).expect("the program ran");
            assert_eq!(runs.lines().count(), cycle, "of the image: {of_image}");
        }
    }
}
