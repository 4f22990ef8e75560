//! The file changes while the program runs.

use std::path::{Path, PathBuf};

use super::{
    server::{Server, page},
    *,
};

/// A folder with a `registries.conf` that is followed.
struct World {
    folder: tempfile::TempDir,
    file: RegistriesFile,
    registries: Registries,
}

impl World {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("registries.conf"), text).unwrap();
        let options = Options {
            ca_folders: vec![folder.path().join("tls")],
            http: ClientSettings {
                system_proxy: false,
                ..ClientSettings::default()
            },
            ..Options::default()
        };
        let registries = Registries::new(Arc::new(RegistriesConf::parse(text).unwrap()), options);
        let file = RegistriesFile::new(folder.path().join("registries.conf"), registries.clone());
        Self {
            folder,
            file,
            registries,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// Looks until what was written is settled.
    async fn look(&mut self) -> Look {
        assert_eq!(
            self.file.look().await,
            Look::Nothing,
            "nothing is taken over at first sight"
        );
        self.file.look().await
    }

    /// The number of the connection to a host: another number is another connection.
    async fn connection(&self, host: &str) -> u64 {
        let profile = repo_at(&self.registries, host).profile;
        self.registries.connection(&profile).await.unwrap().id
    }
}

fn repo_at(registries: &Registries, host: &str) -> RepoKey {
    let image = ImageRef {
        registry: host.to_owned(),
        name: "app".to_owned(),
        version: None,
    };
    let place = registries.places(&image).registry;
    RepoKey {
        profile: place.profile,
        repository: place.repository,
        credentials: None,
    }
}

fn entry(name: &str, more: &str) -> String {
    format!("- {{name: {name}, api_url: 'https://{name}.test', prefix: {name}.test{more}}}\n")
}

fn file(entries: &[String]) -> String {
    format!("registries:\n{}", entries.concat())
}

fn certificate() -> (String, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["a.test".to_owned()])
        .unwrap()
        .self_signed(&key)
        .unwrap();
    (certificate.pem(), key.serialize_pem())
}

#[tokio::test]
async fn an_unchanged_entry_keeps_its_connection_and_a_changed_one_gets_another() {
    let mut world = World::new(&file(&[entry("a", ""), entry("b", ""), entry("c", "")]));
    let before = [
        world.connection("a.test").await,
        world.connection("b.test").await,
        world.connection("d.test").await,
    ];
    assert_eq!(
        world.look().await,
        Look::Nothing,
        "what is there from the start is no news"
    );
    for more in [
        ", limit: 5",
        ", insecure: yes",
        ", proxy: 'http://bob:pw@proxy.test:1'",
        ", proxy: 'http://bob:other@proxy.test:1'",
    ] {
        let old = world.connection("b.test").await;
        world.write(
            "registries.conf",
            &file(&[entry("a", ", credsexpire: 5h"), entry("b", more)]),
        );
        assert_eq!(world.look().await, Look::TakenOver, "{more}");
        assert_ne!(world.connection("b.test").await, old, "{more}");
    }
    assert_eq!(world.connection("a.test").await, before[0]);
    assert_eq!(
        world.connection("d.test").await,
        before[2],
        "whoever is not configured stays as it is"
    );
    assert!(!repo_at(&world.registries, "c.test").profile.configured);
}

#[tokio::test]
async fn what_a_registry_asked_for_survives_the_change_of_another_entry() {
    let server = Server::open(|_, asked| match asked.before {
        0 => server::with(server::status(429), "retry-after", "300"),
        _ => page(&["1"]),
    })
    .await;
    let busy = format!("- {{name: busy, api_url: '{}', prefix: busy.test}}\n", server.url);
    let mut world = World::new(&file(&[busy.clone(), entry("b", "")]));
    let repo = repo_at(&world.registries, "busy.test");
    let first = world.registries.session().tags(&repo).await;
    assert!(matches!(first, Err(RegistryError::RateLimited { .. })), "{first:?}");
    world.write("registries.conf", &file(&[entry("b", ", limit: 3"), busy]));
    assert_eq!(world.look().await, Look::TakenOver);
    let repo = repo_at(&world.registries, "busy.test");
    let second = world.registries.session().tags(&repo).await;
    assert!(matches!(second, Err(RegistryError::RateLimited { .. })), "{second:?}");
    assert_eq!(
        server.targets(),
        ["/v2/", "/v2/app/tags/list?n=1000"],
        "nothing is asked before it may"
    );
}

#[tokio::test]
async fn a_bad_version_keeps_the_one_before_until_it_is_mended() {
    let good = file(&[entry("a", "")]);
    let mut world = World::new(&good);
    world.look().await;
    let before = world.connection("a.test").await;
    let mut changes = world.registries.changes();
    for (text, part) in [
        ("registries: [", "cannot be read"),
        ("registries:\n- name: a\n", "`api_url` is missing"),
        (
            &file(&[entry("a", ", ca_file: /no/such/file")]),
            "`ca_file`: /no/such/file",
        ),
        (&file(&[entry("a", ", ca_data: PEM")]), "`ca_data`"),
        (
            &file(&[entry("a", ", client_cert: /no/cert, client_key: /no/key")]),
            "`client_cert`: /no/cert",
        ),
        (
            "registries:\n- {name: a, api_url: 'ftp://a.test', prefix: a.test}\n",
            "`api_url`",
        ),
        (&file(&[entry("a", ", proxy: 'bob:hunter2@p'")]), "`proxy`"),
        (&"x".repeat((1 << 20) + 1), "larger than 1 MiB"),
    ] {
        world.write("registries.conf", text);
        let Look::Kept(why) = world.look().await else {
            panic!("{part}: it is taken over");
        };
        let told = world.registries.problem().unwrap().to_string();
        assert!(told.contains(part) && why.to_string() == told, "{part}: {told}");
        assert!(!told.contains("hunter2"), "{told}");
        assert_eq!(world.connection("a.test").await, before, "{part}");
        changes.next().await;
    }
    world.write("registries.conf", &good);
    assert_eq!(world.look().await, Look::TakenOver);
    assert_eq!(world.registries.problem(), None);
    assert_eq!(world.connection("a.test").await, before);
    changes.next().await;
}

#[tokio::test]
async fn a_file_that_goes_is_not_an_empty_file() {
    let mut world = World::new(&file(&[entry("a", "")]));
    world.look().await;
    std::fs::remove_file(world.path("registries.conf")).unwrap();
    assert_eq!(world.look().await, Look::Kept(Arc::new(ReloadError::Gone)));
    assert!(repo_at(&world.registries, "a.test").profile.configured);
    world.write("registries.conf", "");
    assert_eq!(world.look().await, Look::TakenOver);
    assert!(!repo_at(&world.registries, "a.test").profile.configured);
    std::fs::remove_file(world.path("registries.conf")).unwrap();
    assert_eq!(world.look().await, Look::Nothing, "there is nothing to lose");
    assert_eq!(world.registries.problem(), None);
}

#[tokio::test]
async fn a_file_that_is_being_written_is_not_taken_over() {
    let whole = file(&[entry("a", ""), entry("b", "")]);
    let mut world = World::new(&whole);
    world.look().await;
    world.write("registries.conf", &file(&[entry("a", "")]));
    assert_eq!(world.file.look().await, Look::Nothing);
    world.write("registries.conf", &whole);
    assert_eq!(world.look().await, Look::Nothing);
    assert!(repo_at(&world.registries, "b.test").profile.configured);
}

#[tokio::test]
async fn a_mounted_folder_that_is_swapped_is_seen() {
    let mut world = World::new("");
    for (version, limit) in [("v1", 1), ("v2", 2)] {
        std::fs::create_dir(world.path(version)).unwrap();
        world.write(
            &format!("{version}/conf"),
            &file(&[entry("a", &format!(", limit: {limit}"))]),
        );
    }
    let link = |to: &Path, name: &str| {
        let new = world.path("new");
        std::os::unix::fs::symlink(to, &new).unwrap();
        std::fs::rename(&new, world.path(name)).unwrap();
    };
    link(Path::new("v1"), "data");
    link(Path::new("data/conf"), "registries.conf");
    world.look().await;
    let limit = |world: &World| repo_at(&world.registries, "a.test").profile.limit.unwrap().get();
    assert_eq!(limit(&world), 1);
    std::os::unix::fs::symlink("v2", world.path("new")).unwrap();
    std::fs::rename(world.path("new"), world.path("data")).unwrap();
    assert_eq!(world.look().await, Look::TakenOver);
    assert_eq!(limit(&world), 2);
}

#[tokio::test]
async fn a_new_certificate_makes_a_new_connection() {
    let (ca, _) = certificate();
    let (certificate_pem, key) = certificate();
    let mut world = World::new("");
    for (name, text) in [("ca.pem", &ca), ("cert.pem", &certificate_pem), ("key.pem", &key)] {
        world.write(name, text);
    }
    let path = |name: &str| world.path(name).display().to_string();
    let more = format!(", ca_file: {}", path("ca.pem"));
    let client = format!(", client_cert: {}, client_key: {}", path("cert.pem"), path("key.pem"));
    world.write(
        "registries.conf",
        &file(&[entry("a", &more), entry("b", &client), entry("c", "")]),
    );
    assert_eq!(world.look().await, Look::TakenOver);
    let all = async |world: &World| {
        [
            world.connection("a.test").await,
            world.connection("b.test").await,
            world.connection("c.test").await,
        ]
    };
    let before = all(&world).await;

    world.write("ca.pem", &certificate().0);
    assert_eq!(world.look().await, Look::TakenOver);
    let after_ca = all(&world).await;
    assert_ne!(after_ca[0], before[0]);
    assert_eq!(after_ca[1..], before[1..]);

    // Half of a renewal is waited out.
    let (certificate_pem, key) = certificate();
    world.write("cert.pem", &certificate_pem);
    let Look::Kept(why) = world.look().await else {
        panic!("a certificate without its key is taken over");
    };
    assert!(why.to_string().contains("`client_cert`"), "{why}");
    assert_eq!(all(&world).await, after_ca);
    world.write("key.pem", &key);
    assert_eq!(world.look().await, Look::TakenOver);
    assert_ne!(all(&world).await[1], before[1]);

    std::fs::create_dir(world.path("tls")).unwrap();
    world.write("tls/c.test", &ca);
    world.write("tls/d.test", "not for a registry outside of the file");
    assert_eq!(world.look().await, Look::TakenOver);
    assert_ne!(all(&world).await[2], before[2]);
    world.connection("d.test").await;
}

#[tokio::test]
async fn files_with_a_key_in_them_are_told_by_their_path_alone() {
    let (certificate_pem, key) = certificate();
    let secret = key.lines().nth(1).unwrap().to_owned();
    let mut world = World::new("");
    world.look().await;
    world.write("cert.pem", &certificate_pem);
    world.write("key.pem", &key);
    world.write("cut.pem", &key.replace(&secret, &secret[..20]));
    world.write(
        "encrypted.pem",
        &key.replace("BEGIN PRIVATE", "BEGIN ENCRYPTED PRIVATE"),
    );
    for (cert, key, part) in [
        ("key.pem", "cert.pem", "`client_cert`"),
        ("cert.pem", "cert.pem", "`client_key`"),
        ("cert.pem", "encrypted.pem", "encrypted"),
        ("cert.pem", "cut.pem", "`client_cert`"),
        ("cert.pem", "", "`client_key` is not"),
    ] {
        let path = |name: &str| world.path(name).display().to_string();
        let key = if key.is_empty() { String::new() } else { path(key) };
        let more = format!(", client_cert: {}, client_key: '{key}'", path(cert));
        world.write("registries.conf", &file(&[entry("a", &more)]));
        let Look::Kept(why) = world.look().await else {
            panic!("{part}: it is taken over");
        };
        let told = why.to_string();
        assert!(told.contains(part), "{part}: {told}");
        assert!(!told.contains(&secret[..20]), "{told}");
    }
}
