//! Credentials on their way from a setting to a registry: read once, read again when they are refused, and told to nobody
//! else.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt as _, sync::Arc};

use argocd_image_updater::{
    core::{
        image::{ImageRef, Platform, Platforms},
        registries::RegistriesConf,
        resolve::{CurrentFrom, ManifestTarget, TrackedImage, credential_ref::CredentialRef},
        select::FirstSeen,
        strategy::{Policy, StrategyKind, TagFilter},
        verdict::{Reason, Verdict},
    },
    engine::{
        credentials::Secrets,
        observe::{Asker, Cycle, Observer},
    },
    identity::Identities,
    registry::{Options, Registries},
    secret::Secret,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;

use super::{
    identities,
    stand_in::{Asked, StandIn, reply, with},
};

fn observer(api_url: &str, more: &str, identities: Identities) -> Observer {
    let conf = format!("registries:\n- {{ name: test, prefix: r.test, api_url: '{api_url}'{more} }}\n");
    let conf = RegistriesConf::parse(&conf).expect("a registries file");
    let registries = Registries::new(Arc::new(conf), Options::default());
    Observer::new(registries, Secrets::Unavailable("no cluster is needed".to_owned())).with_identities(identities)
}

fn image(name: &str, credentials: Option<&str>) -> TrackedImage {
    let policy = Policy::parse(StrategyKind::Alphabetical, "", TagFilter::default()).expect("no constraint");
    TrackedImage {
        alias: String::new(),
        reference: ImageRef::parse(name).expect("a reference"),
        policy: Arc::new(policy),
        force_update: false,
        current_from: CurrentFrom::Live,
        credentials: credentials.map(|text| CredentialRef::parse(text).expect("a source")),
        signatures: None,
        platforms: Platforms(vec![Platform::new("linux", "amd64")]),
        manifest_target: ManifestTarget::Default,
    }
}

async fn pick(observer: &Observer, cycle: &Cycle, image: &TrackedImage) -> Result<String, Verdict> {
    let asker = Asker {
        namespace: "argocd",
        live: None,
        beside: &[],
        written: None,
        first_seen: &FirstSeen::default(),
        unverified: &BTreeMap::new(),
        explain: false,
    };
    let pick = observer.pick(cycle, image, asker).await;
    pick.candidate.map(|candidate| candidate.tag.to_string())
}

fn cycle(observer: &Observer) -> Cycle {
    observer.cycle(Timestamp::now())
}

/// Ten images of ten repositories at once.
async fn ten(observer: &Observer, cycle: &Cycle, credentials: Option<&str>) -> Vec<Result<String, Verdict>> {
    let images: Vec<_> = (0..10).map(|n| image(&format!("r.test/app{n}"), credentials)).collect();
    futures::future::join_all(images.iter().map(|image| pick(observer, cycle, image))).await
}

fn basic(pair: &str) -> String {
    format!("Basic {}", STANDARD.encode(pair))
}

/// A registry that takes what `fits`, and says `refusal` to everything else.
async fn registry(refusal: u16, fits: impl Fn(&str) -> bool + Send + Sync + 'static) -> StandIn {
    StandIn::start(move |asked: &Asked, _| {
        if asked.target == "/v2/" {
            return with(reply(401, ""), "www-authenticate", r#"Basic realm="r""#);
        }
        if fits(asked.header("authorization")) {
            reply(200, r#"{"name":"a","tags":["1"]}"#)
        } else {
            with(reply(refusal, ""), "www-authenticate", r#"Basic realm="r""#)
        }
    })
    .await
}

/// A program that counts its runs and prints what stands in a file.
struct Script {
    folder: tempfile::TempDir,
}

impl Script {
    fn new(pair: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let script = Self { folder };
        script.prints(pair);
        let text = "#!/bin/sh\ncd \"$(dirname \"$0\")\"\necho run >> runs\ncat pair\n";
        fs::write(script.path(), text).expect("a script");
        fs::set_permissions(script.path(), fs::Permissions::from_mode(0o755)).expect("a program");
        script
    }

    fn path(&self) -> String {
        self.folder.path().join("login").display().to_string()
    }

    fn source(&self) -> String {
        format!("ext:{}", self.path())
    }

    fn entry(&self) -> String {
        format!(", credentials: '{}'", self.source())
    }

    fn prints(&self, pair: &str) {
        fs::write(self.folder.path().join("pair"), pair).expect("a file");
    }

    fn runs(&self) -> usize {
        fs::read_to_string(self.folder.path().join("runs"))
            .unwrap_or_default()
            .lines()
            .count()
    }
}

#[tokio::test]
async fn ten_images_that_need_one_program_run_it_once() {
    for own in [false, true] {
        for fails in [false, true] {
            let registry = registry(401, |sent| sent == basic("bob:one")).await;
            let script = Script::new(if fails { "nonsense" } else { "bob:one" });
            let entry = if own { String::new() } else { script.entry() };
            let source = own.then(|| script.source());
            let observer = observer(&registry.url, &entry, identities(&[]));
            let picks = ten(&observer, &cycle(&observer), source.as_deref()).await;
            assert!(picks.iter().all(|pick| pick.is_err() == fails), "{picks:?}");
            assert_eq!(script.runs(), 1, "own {own}, fails {fails}");
        }
    }
}

#[tokio::test]
async fn credentials_of_an_entry_are_read_again_once_when_they_are_refused() {
    for refusal in [401, 403] {
        let registry = registry(refusal, |sent| sent == basic("bob:two")).await;
        let script = Script::new("bob:one");
        let observer = observer(&registry.url, &script.entry(), identities(&[]));
        let first = cycle(&observer);
        let before = ten(&observer, &first, None).await;
        assert!(before.iter().all(Result::is_err), "{before:?}");
        assert_eq!(script.runs(), 2, "read, and read again once for all");

        script.prints("bob:two");
        let second = cycle(&observer);
        let after = ten(&observer, &second, None).await;
        assert!(after.iter().all(Result::is_ok), "{refusal} {after:?}");
        assert_eq!(script.runs(), 3);

        let third = ten(&observer, &cycle(&observer), None).await;
        assert!(third.iter().all(Result::is_ok), "{third:?}");
        assert_eq!(script.runs(), 3, "they are kept");
    }
}

#[tokio::test]
async fn credentials_that_are_always_refused_end_in_an_error_and_not_in_a_loop() {
    let registry = registry(401, |_| false).await;
    let script = Script::new("bob:one");
    let observer = observer(&registry.url, &script.entry(), identities(&[]));
    let verdict = pick(&observer, &cycle(&observer), &image("r.test/app", None))
        .await
        .unwrap_err();
    assert_eq!(verdict.reason, Reason::Unauthorized);
    assert_eq!(registry.targets().len(), 2, "probe and list: {:?}", registry.targets());
}

#[tokio::test]
async fn credentials_of_an_image_are_read_once_per_cycle() {
    let registry = registry(401, |sent| sent == basic("bob:two")).await;
    let script = Script::new("bob:one");
    let observer = observer(&registry.url, "", identities(&[]));
    let first = ten(&observer, &cycle(&observer), Some(&script.source())).await;
    assert!(first.iter().all(Result::is_err), "{first:?}");
    assert_eq!(script.runs(), 1);
    script.prints("bob:two");
    let second = ten(&observer, &cycle(&observer), Some(&script.source())).await;
    assert!(second.iter().all(Result::is_ok), "{second:?}");
    assert_eq!(script.runs(), 2);
}

/// The metadata server of Google, with a new token for every request.
async fn metadata() -> (StandIn, Identities) {
    let server =
        StandIn::start(|_, number| reply(200, format!(r#"{{"access_token":"token-{number}","expires_in":3600}}"#)))
            .await;
    let host = server.host().to_owned();
    (server, identities(&[("GCE_METADATA_HOST", &host)]))
}

#[tokio::test]
async fn an_entry_may_name_any_host_for_the_credentials_of_a_cloud() {
    let (google, identities) = metadata().await;
    let registry = registry(401, |sent| sent == basic("oauth2accesstoken:token-0")).await;
    let observer = observer(&registry.url, ", credentials: 'gcp:'", identities);
    let picks = ten(&observer, &cycle(&observer), None).await;
    assert!(picks.iter().all(Result::is_ok), "{picks:?}");
    assert_eq!(google.asked().len(), 1);
}

#[tokio::test]
async fn a_token_of_a_cloud_that_is_refused_before_its_end_is_replaced() {
    for refusal in [401, 403] {
        let (google, identities) = metadata().await;
        let registry = registry(refusal, |sent| sent == basic("oauth2accesstoken:token-1")).await;
        let observer = observer(&registry.url, ", credentials: 'gcp:'", identities);
        let picks = ten(&observer, &cycle(&observer), None).await;
        assert!(picks.iter().all(Result::is_ok), "{refusal} {picks:?}");
        assert_eq!(google.asked().len(), 2, "one token more for all");
    }
}

#[tokio::test]
async fn an_image_gets_the_credentials_of_a_cloud_for_its_own_hosts_only() {
    let (google, identities) = metadata().await;
    let registry = registry(401, |_| true).await;
    let observer = observer(&registry.url, "", identities);
    for source in ["gcp:", "aws:", "azure:"] {
        let verdict = pick(&observer, &cycle(&observer), &image("r.test/app", Some(source)))
            .await
            .unwrap_err();
        assert_eq!(verdict.reason, Reason::CredentialsUnavailable, "{source}");
        assert!(verdict.message.contains("registries.conf"), "{verdict}");
    }
    assert_eq!((google.asked().len(), registry.asked().len()), (0, 0));
}

#[tokio::test]
async fn a_cloud_that_gives_nothing_makes_the_credentials_unavailable() {
    let google = StandIn::start(|_, _| reply(404, "")).await;
    let host = google.host().to_owned();
    let registry = registry(401, |_| true).await;
    let identities = identities(&[("GCE_METADATA_HOST", &host)]);
    let observer = observer(&registry.url, ", credentials: 'gcp:'", identities);
    for pick in ten(&observer, &cycle(&observer), None).await {
        let verdict = pick.unwrap_err();
        assert_eq!(verdict.reason, Reason::CredentialsUnavailable);
        assert!(verdict.message.contains("GOOGLE_APPLICATION_CREDENTIALS"), "{verdict}");
    }
    assert_eq!((google.asked().len(), registry.asked().len()), (1, 0));
}

/// A registry behind a proxy that lets nobody through, so that no request of a test leaves the machine.
async fn behind_a_wall(name: &str, identities: Identities) -> Verdict {
    let wall = StandIn::start(|_, _| reply(502, "")).await;
    let mut options = Options::default();
    options.http.proxy = Some(Secret::new(wall.url.as_str()));
    let registries = Registries::new(Arc::new(RegistriesConf::default()), options);
    let observer = Observer::new(registries, Secrets::Unavailable("no cluster is needed".to_owned()));
    let observer = observer.with_identities(identities);
    let pick = pick(&observer, &cycle(&observer), &image(name, None)).await;
    pick.expect_err("nobody gets through")
}

#[tokio::test]
async fn an_identity_that_the_environment_names_is_used_for_the_vendors_own_hosts_without_a_setting() {
    let google = StandIn::start(|_, _| reply(200, r#"{"access_token":"token","expires_in":3600}"#)).await;
    let host = google.host();
    let key = format!(
        r#"{{"type":"authorized_user","client_id":"a","client_secret":"b","refresh_token":"c","token_uri":"{}"}}"#,
        google.url
    );
    let (_file, path) = super::file(&key);
    let named = ("GOOGLE_APPLICATION_CREDENTIALS", path.as_str());
    for (name, variables, asked) in [
        ("gcr.io/team/app", &[named][..], 1),
        ("europe-west1-docker.pkg.dev/team/app", &[named], 1),
        ("evilgcr.io/team/app", &[named], 0),
        ("shop.azurecr.io/app", &[named], 0),
        // Only a metadata service knows it: nothing is asked that nobody wanted.
        ("gcr.io/team/app", &[("GCE_METADATA_HOST", host)], 0),
        ("gcr.io/team/app", &[], 0),
    ] {
        let before = google.asked().len();
        let verdict = behind_a_wall(name, identities(variables)).await;
        assert_eq!(verdict.reason, Reason::RegistryUnavailable, "{verdict}");
        assert_eq!(google.asked().len() - before, asked, "{name} {variables:?}");
    }
}

#[tokio::test]
async fn where_an_identity_was_not_asked_for_and_fails_the_registry_is_asked_anonymously() {
    let gone = [("GOOGLE_APPLICATION_CREDENTIALS", "/does/not/exist")];
    let verdict = behind_a_wall("gcr.io/team/app", identities(&gone)).await;
    assert_eq!(verdict.reason, Reason::RegistryUnavailable, "{verdict}");
}
