//! Which tag is picked, through the API server: numbers, parts of tags, ages, digests, steps back, and what a registry
//! does not show.

use std::{collections::BTreeMap, sync::Arc};

use argocd_image_updater::{
    core::{
        image::{ImageRef, Platform, Platforms},
        registries::RegistriesConf,
        resolve::{CurrentFrom, ManifestTarget, TrackedImage},
        select::{FirstSeen, Policy},
        strategy::{StrategyKind, TagFilter},
        verdict::Reason,
    },
    engine::{
        credentials::Secrets,
        observe::{Asker, Observer, Pick},
    },
    registry::{self, Registries},
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    support::registry::{Fault, Registry},
    world::World,
};

/// A Kustomize application that runs one image, which is followed with `settings`.
fn given(registry: &str, running: &str, image: &str, settings: &str) -> String {
    format!(
        "
registry:
  app: {registry}
---
kind: Application
metadata: {{ name: shop }}
spec: {{ project: default, destination: {{}}, source: {{ repoURL: https://git.example.com/a.git, path: a }} }}
status: {{ sourceType: Kustomize, summary: {{ images: ['REG/app:{running}'] }} }}
---
kind: ImageUpdater
metadata: {{ name: all }}
spec:
  applicationRefs:
    - namePattern: shop
      images: [{{ alias: app, imageName: 'REG/{image}', commonUpdateSettings: {settings} }}]
"
    )
}

async fn written(world: &World) -> Value {
    world.kustomize_images("shop").await
}

fn images(world: &World, versions: &[&str]) -> Value {
    let texts: Vec<_> = versions
        .iter()
        .map(|version| world.fill_in(&format!("REG/app:{version}")))
        .collect();
    json!(texts)
}

#[tokio::test]
async fn numbers_parts_of_tags_and_the_order_decide_what_is_written() {
    for (registry, running, settings, expected) in [
        (
            "['26', '226', '0199', main]",
            "26",
            "{ updateStrategy: numerical }",
            "226",
        ),
        (
            "['26', '226']",
            "226",
            "{ updateStrategy: numerical, order: desc }",
            "26",
        ),
        (
            "[main-0ab-9, main-0cd-12, main-0ef-11, dev-0ab-99]",
            "main-0ab-9",
            "{ updateStrategy: numerical, extract: '^main-[0-9a-f]+-(?P<key>[0-9]+)$' }",
            "main-0cd-12",
        ),
        (
            "[rel-1.9.0-x, rel-1.10.0-y, other]",
            "rel-1.9.0-x",
            "{ updateStrategy: semver, extract: '^rel-([0-9.]+)-' }",
            "rel-1.10.0-y",
        ),
        ("[a, c, b]", "c", "{ updateStrategy: alphabetical, order: desc }", "a"),
    ] {
        let world = World::given(&given(registry, running, "app", settings)).await;
        world.cycle().await;
        assert_eq!(written(&world).await, images(&world, &[expected]), "{settings}");
        let before = world.application("shop").await;
        world.running("shop", &[&format!("REG/app:{expected}")]).await;
        world.cycle().await;
        assert_eq!(world.application("shop").await["spec"], before["spec"], "{settings}");
    }
}

#[tokio::test]
async fn a_tag_waits_for_its_age_and_the_time_survives_a_restart() {
    let dates = "{ '1': 2020-01-01T00:00:00Z, '2': 2020-02-01T00:00:00Z, '3': '1970-01-01T00:00:00Z' }";
    let settings = "{ updateStrategy: numerical, minimumAge: 72h }";
    let world = World::given(&given(dates, "1", "app", settings)).await;

    world.cycle().await;
    assert_eq!(
        written(&world).await,
        images(&world, &["2"]),
        "the best one that is old enough"
    );
    let pending = world.status("all").await["pending"].clone();
    assert_eq!(pending[0]["image"], json!(world.fill_in("REG/app")));
    assert_eq!(
        (&pending[0]["tag"], pending.as_array().map(Vec::len)),
        (&json!("3"), Some(1))
    );

    // The program is another one in every cycle here: the time is only in the status.
    world.cycle().await;
    assert_eq!(world.status("all").await["pending"], pending);
    let mut seen = pending.clone();
    seen[0]["firstSeen"] = json!("2020-03-01T00:00:00Z");
    world.set_status("all", json!({ "pending": seen })).await;
    world.cycle().await;
    assert_eq!(written(&world).await, images(&world, &["3"]));
    assert_eq!(
        world.status("all").await["pending"],
        Value::Null,
        "nothing waits any more"
    );
}

#[tokio::test]
async fn the_first_cycle_pins_the_running_tag_and_a_new_digest_is_a_change() {
    let settings = "{ updateStrategy: semver, pinDigest: true }";
    let world = World::given(&given("[v1.0.0, v1.1.0, v2.0.0]", "v1.1.0", "app:1.x", settings)).await;
    let first = world.push("app", "v1.1.0", "2026-02-01T00:00:00Z").await;

    world.cycle().await;
    let pinned = format!("v1.1.0@{first}");
    assert_eq!(written(&world).await, images(&world, &[&pinned]));

    world.running("shop", &[&format!("REG/app:{pinned}")]).await;
    let before = world.application("shop").await;
    world.cycle().await;
    assert_eq!(world.application("shop").await, before, "it converges");

    let second = world.push("app", "v1.1.0", "2026-03-01T00:00:00Z").await;
    assert_ne!(first, second);
    let plan = world.plan(&["-o", "json"]).await.stdout;
    let plan: Value = serde_json::from_str(&plan).expect("JSON");
    let image = &plan["resources"][0]["applications"][0]["images"][0];
    let (old, new) = (pinned, format!("v1.1.0@{second}"));
    assert_eq!((&image["current"], &image["chosen"]), (&json!(old), &json!(new)));
    let text = world.plan(&[]).await.stdout;
    let short = |version: &str| version[.."v1.1.0@sha256:".len() + 12].to_owned();
    assert!(
        text.contains(&format!("{}… -> {}…", short(&old), short(&new))),
        "{text}"
    );

    world.cycle().await;
    let update = world.status("all").await["recentUpdates"][0].clone();
    assert_eq!(update["newVersion"], new);
    assert_eq!(update["message"], format!("updated from {old} to {new}"));
    assert_eq!(written(&world).await, images(&world, &[&format!("v1.1.0@{second}")]));
}

#[tokio::test]
async fn a_step_back_is_refused_unless_it_is_allowed_and_then_it_says_why() {
    let settings = "{ updateStrategy: numerical }";
    let world = World::given(&given("['1', '2']", "3", "app", settings)).await;
    world.cycle().await;
    assert_eq!(written(&world).await, Value::Null);

    let settings = "{ updateStrategy: numerical, allowDowngrade: true }";
    let world = World::given(&given("['1', '2']", "3", "app", settings)).await;
    world.cycle().await;
    assert_eq!(written(&world).await, images(&world, &["2"]));
    let update = world.status("all").await["recentUpdates"][0]["message"].clone();
    assert_eq!(
        update,
        "updated from 3 to 2; 3 was running, but the registry does not list it any more"
    );
}

/// Runs a cycle over an application that runs `running`, and in whose source `written` stands already; `reason` is logged.
/// The tag that stands there then, which a second cycle leaves alone.
async fn standing(running: &[&str], written: &str, image: &str, settings: &str, reason: &str) -> String {
    let dates = "{ v1.0.0: 2020-01-01T00:00:00Z, v1.0.7: 2020-02-01T00:00:00Z, v1.1.0: '1970-01-01T00:00:00Z' }";
    let world = World::given(&given(dates, "v1.0.0", image, settings)).await;
    let live: Vec<_> = running.iter().map(|tag| format!("REG/app:{tag}")).collect();
    world
        .running("shop", &live.iter().map(String::as_str).collect::<Vec<_>>())
        .await;
    let source = json!({ "spec": { "source": { "kustomize": { "images": images(&world, &[written]) } } } });
    world.patch("Application", "shop", source).await;
    let log = world.cycle().await.log;
    assert!(log.contains(reason), "{running:?} {written} {settings}: {log}");
    let after = world.application("shop").await["spec"].clone();
    world.cycle().await;
    assert_eq!(world.application("shop").await["spec"], after, "it converges");
    let text = world.kustomize_images("shop").await[0]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    text.rsplit(':').next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn of_several_running_versions_the_highest_is_not_taken_back_and_an_old_one_changes_nothing() {
    let aged = "{ minimumAge: 72h }";
    for (running, written, settings, reason, expected) in [
        (["v1.0.0", "v1.1.0"], "v1.1.0", aged, "UpToDate", "v1.1.0"),
        (["v1.0.0", "v1.1.0"], "v1.0.0", aged, "TooYoung", "v1.0.0"),
        (["v1.0.0", "v1.9.0"], "v1.9.0", "{}", "WouldDowngrade", "v1.9.0"),
        (["v1.0.0", "v1.1.0"], "v1.1.0", "{}", "UpToDate", "v1.1.0"),
        (["v1.0.0", "v2.0.0"], "v1.0.0", "{}", "", "v1.1.0"),
    ] {
        let stands = standing(&running, written, "app:1.x", settings, reason).await;
        assert_eq!(stands, expected, "{running:?} {written} {settings}");
    }
}

#[tokio::test]
async fn a_version_that_is_written_and_waits_for_its_sync_is_not_overwritten_by_a_lower_one() {
    let (aged, allowed) = ("{ minimumAge: 72h }", "{ minimumAge: 72h, allowDowngrade: true }");
    for (written, image, settings, reason, expected) in [
        ("v1.1.0", "app:1.x", aged, "WouldDowngrade", "v1.1.0"),
        ("v1.9.0", "app:1.x", "{}", "WouldDowngrade", "v1.9.0"),
        ("v1.1.0", "app:1.x", allowed, "", "v1.0.7"),
        ("v1.1.0", "app:1.0.x", "{}", "", "v1.0.7"),
    ] {
        let stands = standing(&["v1.0.0"], written, image, settings, reason).await;
        assert_eq!(stands, expected, "{written} {image} {settings}");
    }
}

/// A scripted registry with three images, and an observer over it.
async fn scripted() -> (Registry, Observer) {
    let registry = Registry::start().await;
    for (tag, created) in [
        ("a", "2024-01-01T00:00:00Z"),
        ("b", "2024-02-01T00:00:00Z"),
        ("c", "2024-03-01T00:00:00Z"),
    ] {
        registry.push("app", tag, created);
    }
    let conf = format!(
        "registries:\n- {{ name: test, prefix: r.test, api_url: {} }}\n",
        registry.url()
    );
    let conf = RegistriesConf::parse(&conf).expect("a registries file");
    let registries = Registries::new(Arc::new(conf), registry::Options::default());
    (
        registry,
        Observer::new(registries, Secrets::Unavailable("no cluster is needed".to_owned())),
    )
}

/// One cycle for the newest build of that registry.
async fn pick(observer: &Observer) -> Pick {
    let policy = Policy::parse(StrategyKind::NewestBuild, "", TagFilter::default()).expect("no constraint");
    let image = TrackedImage {
        alias: String::new(),
        reference: ImageRef::parse("r.test/app").expect("a reference"),
        policy: Arc::new(policy),
        force_update: false,
        current_from: CurrentFrom::Live,
        credentials: None,
        platforms: Platforms(vec![Platform::new("linux", "amd64")]),
        signatures: None,
        manifest_target: ManifestTarget::Default,
    };
    let asker = Asker {
        namespace: "argocd",
        live: None,
        beside: &[],
        written: None,
        first_seen: &FirstSeen::default(),
        unverified: &BTreeMap::new(),
        explain: false,
    };
    observer.pick(&observer.cycle(Timestamp::now()), &image, asker).await
}

fn picked(pick: Pick) -> String {
    pick.candidate.expect("a tag is picked").tag.to_string()
}

#[tokio::test]
async fn a_tag_that_is_not_shown_is_passed_over_and_a_repository_that_is_not_holds_the_decision() {
    for status in [403, 412, 451] {
        let (registry, observer) = scripted().await;
        registry.fault(Fault::Manifest("c".to_owned(), status));
        assert_eq!(picked(pick(&observer).await), "b", "{status}");
        let (registry, observer) = scripted().await;
        registry.fault(Fault::Manifests(status));
        let verdict = pick(&observer).await.candidate.expect_err("nobody may read anything");
        assert_eq!(verdict.reason, Reason::MetadataUnavailable);
        assert!(verdict.message.starts_with("0 of 3 read"), "{}", verdict.message);
        registry.fault(Fault::None);
        assert_eq!(picked(pick(&observer).await), "c", "{status}");
    }
}

#[tokio::test]
async fn a_held_decision_says_how_far_it_is_and_goes_on_from_there() {
    let (registry, observer) = scripted().await;
    registry.fault(Fault::Manifest("b".to_owned(), 503));
    let verdict = pick(&observer).await.candidate.expect_err("b may be the newest");
    assert!(verdict.message.starts_with("2 of 3 read"), "{}", verdict.message);
    let asked = |tag: &str| registry.count(&format!("/manifests/{tag}"));
    assert_eq!((asked("a"), asked("b"), asked("c")), (1, 1, 1));

    let verdict = pick(&observer).await.candidate.expect_err("b is still unknown");
    assert!(verdict.message.starts_with("2 of 3 read"), "{}", verdict.message);
    assert_eq!((asked("a"), asked("b"), asked("c")), (1, 2, 1), "only what is missing");

    registry.fault(Fault::None);
    assert_eq!(picked(pick(&observer).await), "c");
    assert_eq!((asked("a"), asked("b"), asked("c")), (1, 3, 1));

    assert_eq!(picked(pick(&observer).await), "c");
    assert_eq!((asked("a"), asked("b"), asked("c")), (1, 3, 1), "decided, and not due");
}

#[tokio::test]
async fn a_credential_that_needs_a_cluster_is_told_where_there_is_none() {
    let registry = Registry::start().await;
    let conf = format!(
        "registries:\n- {{ name: test, prefix: r.test, api_url: {}, credentials: 'pullsecret:argocd/x' }}\n",
        registry.url()
    );
    let conf = RegistriesConf::parse(&conf).expect("a registries file");
    let registries = Registries::new(Arc::new(conf), registry::Options::default());
    let observer = Observer::new(registries, Secrets::Unavailable("there is no cluster".to_owned()));
    let verdict = pick(&observer).await.candidate.expect_err("no credentials");
    assert_eq!(verdict.reason, Reason::CredentialsUnavailable);
    assert_eq!(verdict.message, "Secret argocd/x is needed, but there is no cluster");
    assert_eq!(registry.seen(), [], "nothing is asked without them");
}
