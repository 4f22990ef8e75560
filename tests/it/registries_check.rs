//! The command `registries check`, as a user runs it: a file with registries that are well, and with such that are not.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    path::PathBuf,
    sync::Arc,
};

use axum::{Router, extract::Request, http::StatusCode, response::IntoResponse as _, routing::get};
use serde_json::Value;

use crate::{
    support::registry::{Fault, Registry},
    world::{Child, Finished, World},
};

const PASSWORD: &str = "registrypassword-93ab";

/// A folder with a registries file.
struct Conf {
    folder: tempfile::TempDir,
}

impl Conf {
    fn new(text: &str) -> Self {
        let conf = Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
        };
        std::fs::write(conf.path(), text).expect("a writable folder");
        conf
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("registries.conf")
    }

    /// Runs the command where no cluster is.
    async fn check(&self, flags: &[&str]) -> Finished {
        let mut all = vec!["registries".to_owned(), "check".to_owned()];
        all.push(format!("--conf={}", self.path().display()));
        all.extend(flags.iter().map(|flag| (*flag).to_owned()));
        let good = format!("bob:{PASSWORD}");
        let environment = [
            ("KUBECONFIG", "/nowhere"),
            ("HOME", "/nowhere"),
            ("GOOD", good.as_str()),
            ("WRONG", "bob:wrong-9f2c"),
        ];
        let run = Child::start_with(&all, &environment).finish().await;
        for secret in [PASSWORD, "wrong-9f2c"] {
            assert!(!run.log.contains(secret), "a secret was written:\n{}", run.log);
        }
        run
    }

    /// The registries of the JSON answer.
    async fn rows(&self) -> (Option<i32>, Vec<Value>) {
        let run = self.check(&["-o", "json"]).await;
        let report: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|e| panic!("{e}: {}", run.log));
        assert_eq!(report["ok"], run.code == Some(0), "{}", run.log);
        let rows = report["registries"].as_array().expect("registries").clone();
        (run.code, rows)
    }
}

fn entry(name: &str, url: &str, more: &str) -> String {
    format!("- {{name: {name}, prefix: {name}.test, api_url: '{url}'{more}}}\n")
}

/// A registry that gives tokens to bob alone, and for no scope.
async fn token_registry() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let challenge = format!("Bearer realm=\"{url}/token\",service=\"r\"");
    let probe = move || async move { (StatusCode::UNAUTHORIZED, [("www-authenticate", challenge)]) };
    let token = |request: Request| async move {
        let header = request.headers().get("authorization").and_then(|v| v.to_str().ok());
        let good = "Basic Ym9iOnJlZ2lzdHJ5cGFzc3dvcmQtOTNhYg==";
        if header != Some(good) || request.uri().query().unwrap_or("").contains("scope") {
            return StatusCode::UNAUTHORIZED.into_response();
        }
        ([("content-type", "application/json")], r#"{"token":"t"}"#).into_response()
    };
    let app = Router::new().route("/v2/", get(probe)).route("/token", get(token));
    tokio::spawn(async move { axum::serve(listener, app).await.expect("it serves") });
    url
}

/// An https registry with a certificate of its own CA; gives its URL and the CA's certificate.
fn tls_registry() -> (String, String) {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut params = CertificateParams::new(Vec::new()).expect("names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a CA");
    let key = KeyPair::generate().expect("a key");
    let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("names");
    let leaf = leaf.signed_by(&key, &ca).expect("a certificate");
    let key = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)
        .expect("a certificate and its key");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("https://{}", listener.local_addr().expect("an address"));
    let config = Arc::new(config);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let Ok(mut tls) = rustls::ServerConnection::new(Arc::clone(&config)) else {
                return;
            };
            let mut tls = rustls::Stream::new(&mut tls, &mut stream);
            // A client that does not trust us goes away.
            if tls.read(&mut [0; 4096]).is_ok() {
                let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
                let _ = tls.write_all(answer.as_bytes());
                let _ = tls.flush();
            }
        }
    });
    (url, ca.pem())
}

#[tokio::test]
async fn registries_that_are_well_are_told_with_what_became_of_their_credentials() {
    let (open, basic, tokens) = (Registry::start().await, Registry::start().await, token_registry().await);
    basic.require_basic(&format!("bob:{PASSWORD}"));
    let (https, ca) = tls_registry();
    let conf = Conf::new("");
    let ca_file = conf.folder.path().join("ca.pem");
    std::fs::write(&ca_file, ca).expect("a writable folder");
    let entries = [
        entry("open", &open.url(), ", credentials: 'env:GOOD'"),
        entry("public", &tokens, ""),
        entry("tokens", &tokens, ", credentials: 'env:GOOD'"),
        entry("basic", &basic.url(), ", credentials: 'env:GOOD'"),
        entry("pullsecrets", &basic.url(), ""),
        entry("https", &https, &format!(", ca_file: {}", ca_file.display())),
        entry("trusting", &https, ", insecure: yes"),
    ];
    std::fs::write(conf.path(), format!("registries:\n{}", entries.concat())).expect("a writable folder");
    let (code, rows) = conf.rows().await;
    let shown: Vec<_> = rows
        .iter()
        .map(|row| {
            let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
            (text("name"), text("tls"), text("credentials"), row["ok"] == true)
        })
        .collect();
    let expected = [
        ("open", "none", "notAsked"),
        ("public", "none", "anonymous"),
        ("tokens", "none", "accepted"),
        ("basic", "none", "accepted"),
        ("pullsecrets", "none", "missing"),
        ("https", "ownCa", "notAsked"),
        ("trusting", "insecure", "notAsked"),
    ];
    let expected =
        expected.map(|(name, tls, credentials)| (name.to_owned(), tls.to_owned(), credentials.to_owned(), true));
    assert_eq!(shown, expected, "{rows:#?}");
    assert_eq!(code, Some(0));
    assert!(
        open.seen().iter().all(|seen| seen.path == "/v2/" && !seen.authorized),
        "{:?}",
        open.seen()
    );
}

#[tokio::test]
async fn every_failure_says_what_to_do() {
    let (basic, page, busy) = (
        Registry::start().await,
        Registry::start().await,
        Registry::start().await,
    );
    basic.require_basic(&format!("bob:{PASSWORD}"));
    page.fault(Fault::Html);
    busy.fault(Fault::TooMany(300));
    let none = Registry::start().await;
    none.fault(Fault::Status(404));
    let dead = {
        let gone = TcpListener::bind("127.0.0.1:0").expect("a free port");
        format!("http://{}", gone.local_addr().expect("an address"))
    };
    for (url, more, reachable, credentials, note, remedy) in [
        (
            basic.url(),
            ", credentials: 'env:WRONG'",
            true,
            "refused",
            "401",
            "right user and password",
        ),
        (
            token_registry().await,
            ", credentials: 'env:WRONG'",
            true,
            "refused",
            "token server answers 401",
            "right user",
        ),
        (
            basic.url(),
            ", credentials: 'env:NOT_SET'",
            true,
            "unreadable",
            "NOT_SET",
            "`credentials`",
        ),
        (
            basic.url(),
            ", credentials: 'bob:hunter2'",
            true,
            "unreadable",
            "credentials",
            "`credentials`",
        ),
        (
            basic.url(),
            ", credentials: 'secret:a/b#c'",
            true,
            "unreadable",
            "no cluster",
            "`credentials`",
        ),
        (tls_registry().0, "", false, "notTried", "certificate", "`ca_file`"),
        (dead, "", false, "notTried", "not available", "`api_url`"),
        (page.url(), "", false, "notTried", "web page", "`api_url`"),
        (none.url(), "", false, "notTried", "404", "`api_url`"),
        (busy.url(), "", false, "notTried", "asks to wait", "`limit`"),
        ("ftp://x.test".to_owned(), "", false, "notTried", "`api_url`", "mend"),
        (
            "https://x.test".to_owned(),
            ", ca_file: /no/such",
            false,
            "notTried",
            "/no/such",
            "mend",
        ),
    ] {
        let conf = Conf::new(&format!("registries:\n{}", entry("r", &url, more)));
        let (code, rows) = conf.rows().await;
        let row = &rows[0];
        assert_eq!((code, &row["ok"]), (Some(1), &Value::Bool(false)), "{row:#}");
        assert_eq!(
            (row["reachable"] == true, row["credentials"].as_str()),
            (reachable, Some(credentials)),
            "{row:#}"
        );
        for (key, part) in [("note", note), ("remedy", remedy)] {
            assert!(
                row[key].as_str().is_some_and(|text| text.contains(part)),
                "{key} {part}: {row:#}"
            );
        }
    }
}

#[tokio::test]
async fn the_table_has_a_line_for_each_registry_and_one_for_what_to_do() {
    let (open, basic) = (Registry::start().await, Registry::start().await);
    basic.require_basic(&format!("bob:{PASSWORD}"));
    let entries = [
        entry("open", &open.url(), ""),
        entry("closed", &basic.url(), ", credentials: 'env:WRONG'"),
    ];
    let conf = Conf::new(&format!("registries:\n{}", entries.concat()));
    let run = conf.check(&[]).await;
    let (one, two) = (open.url(), basic.url());
    let width = one.len().max(two.len());
    let expected = format!(
        "\
NAME    PREFIX       {api:width$}  REACHABLE  TLS   CREDENTIALS  NOTE
open    open.test    {one:width$}  yes        none  not asked
closed  closed.test  {two:width$}  yes        none  refused      asked with credentials, it answers 401 Unauthorized: UNAUTHORIZED scripted
  -> put the right user and password where `credentials` of the entry points to

1 of 2 failed.
",
        api = "API"
    );
    assert_eq!(run.stdout, expected, "{}", run.stderr);
    assert_eq!((run.code, run.stderr.as_str()), (Some(1), ""));
    let run = conf.check(&["--color=always", "--output=table"]).await;
    assert!(run.stdout.contains("\u{1b}[31mrefused"), "{}", run.stdout);
}

#[tokio::test]
async fn what_is_odd_in_an_entry_stands_in_its_note_and_is_counted() {
    let (open, basic) = (Registry::start().await, Registry::start().await);
    basic.require_basic(&format!("bob:{PASSWORD}"));
    for (entries, notes, last) in [
        (vec![entry("a", &open.url(), "")], vec![""], "All is well."),
        (
            vec![entry("a", &open.url(), ", limit: -5"), entry("b", &open.url(), "")],
            vec!["`limit`: -5 is no limit", ""],
            "All answer; 1 warning above.",
        ),
        (
            vec![
                entry("old", &open.url(), "").replace("old.test", "x.test"),
                entry("x", &open.url(), ", ca_file: /ca.pem, insecure: yes"),
                entry("b", &basic.url(), ""),
            ],
            vec![
                "`prefix`: it replaces the entry \"old\"",
                "it asks for user and password",
            ],
            "All answer; 3 warnings above.",
        ),
    ] {
        let conf = Conf::new(&format!("registries:\n{}", entries.concat()));
        let (code, rows) = conf.rows().await;
        assert_eq!((code, rows.len()), (Some(0), notes.len()), "{rows:#?}");
        for (row, part) in rows.iter().zip(&notes) {
            let (note, warnings) = (row["note"].as_str(), row["warnings"].as_array());
            assert!(note.is_some_and(|note| note.contains(part)), "{part}: {row:#}");
            assert_eq!(warnings.is_some_and(Vec::is_empty), part.is_empty(), "{row:#}");
        }
        let run = conf.check(&[]).await;
        assert_eq!(run.stdout.lines().last(), Some(last), "{}", run.stdout);
        assert!(
            run.stderr.is_empty() && notes.iter().all(|part| run.stdout.contains(part)),
            "{}",
            run.log
        );
    }
}

#[tokio::test]
async fn an_entry_that_serves_no_image_and_a_mirror_that_is_never_asked_are_failures() {
    let open = Registry::start().await;
    for (given, part, remedy) in [
        (
            entry("a", &open.url(), "").replace("a.test", "'https://a.test'"),
            "serves no image",
            "mend `prefix`",
        ),
        (
            entry("a", &open.url(), ", mirrors: ['https://m.test']"),
            "is not asked: it is a URL",
            "mend `mirrors`",
        ),
    ] {
        let conf = Conf::new(&format!(
            "registries:\n{given}{}",
            entry("b", &open.url(), ", limit: -1")
        ));
        let (code, rows) = conf.rows().await;
        let text = |key: &str| rows[0][key].as_str().unwrap_or_default().to_owned();
        assert_eq!((code, &rows[0]["ok"]), (Some(1), &Value::Bool(false)), "{rows:#?}");
        assert!(
            text("note").contains(part) && text("remedy").contains(remedy),
            "{rows:#?}"
        );
        let run = conf.check(&[]).await;
        let last = run.stdout.lines().last();
        assert_eq!(last, Some("1 of 2 failed; 1 warning above."), "{}", run.stdout);
    }
}

#[tokio::test]
async fn what_failed_is_not_told_again_as_a_warning() {
    let open = Registry::start().await;
    for (url, more) in [("ftp://x.test", ""), (&open.url(), ", credentials: nonsense")] {
        let conf = Conf::new(&format!("registries:\n{}", entry("a", url, more)));
        let (code, rows) = conf.rows().await;
        assert_eq!(
            (code, &rows[0]["warnings"]),
            (Some(1), &serde_json::json!([])),
            "{rows:#?}"
        );
    }
}

#[tokio::test]
async fn a_mirror_without_an_entry_is_asked_as_well() {
    let conf = Conf::new(
        "registries:\n- {name: a, prefix: a.test, api_url: 'http://127.0.0.1:1', mirrors: ['127.0.0.1:1/x', a.test/y]}\n",
    );
    let (code, rows) = conf.rows().await;
    let names: Vec<_> = rows
        .iter()
        .map(|row| row["name"].as_str().unwrap_or_default())
        .collect();
    assert_eq!((code, names), (Some(1), vec!["a", "127.0.0.1:1"]));
    assert!(
        rows[1]["note"]
            .as_str()
            .is_some_and(|note| note.starts_with("mirror of a")),
        "{:#}",
        rows[1]
    );
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_told_before_anything_is_asked() {
    for (text, part) in [
        ("registries: [", "cannot be read"),
        ("registries:\n- {name: a}\n", "`api_url` is missing"),
        (
            "registries:\n- {name: a, api_url: 'https://a', prefix: a, proxy: 'bob:hunter2@x'}\n",
            "`proxy`",
        ),
    ] {
        let run = Conf::new(text).check(&[]).await;
        assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""), "{}", run.log);
        assert!(
            run.stderr.contains(part) && !run.stderr.contains("hunter2"),
            "{}",
            run.stderr
        );
    }
    let gone = Conf::new("");
    std::fs::remove_file(gone.path()).expect("a file");
    let run = gone.check(&[]).await;
    assert_eq!(run.code, Some(1), "{}", run.log);
}

#[tokio::test]
async fn credentials_in_the_cluster_are_read_there() {
    let world = World::given(&format!(
        "
kind: Secret
metadata: {{ name: registry }}
stringData: {{ login: 'bob:{PASSWORD}' }}
"
    ))
    .await;
    let basic = Registry::start().await;
    basic.require_basic(&format!("bob:{PASSWORD}"));
    let more = format!(", credentials: 'secret:{}/registry#login'", world.namespace);
    let conf = Conf::new(&format!("registries:\n{}", entry("r", &basic.url(), &more)));
    let run = conf.check(&[&format!("--kubeconfig={}", world.kubeconfig())]).await;
    assert!(run.code == Some(0) && run.stdout.contains("accepted"), "{}", run.log);
}

#[tokio::test]
async fn the_help_teaches_by_example() {
    for (line, code) in [
        (&["registries", "check", "--help"][..], 0),
        (&["registries"], 1),
        (&["registries", "--help"], 0),
    ] {
        let line: Vec<String> = line.iter().map(|text| (*text).to_owned()).collect();
        let run = Child::start(&line).finish().await;
        assert_eq!(run.code, Some(code), "{}", run.log);
        assert!(
            run.log.contains("registries check --conf=registries.conf"),
            "{line:?}: {}",
            run.log
        );
    }
}
