//! Certificates: those of the system, those of `registries.conf`, and none at all.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    sync::Arc,
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use super::{registries, repo};
use crate::registry::RegistryError;

/// An https server with a certificate of its own CA; gives its URL and the CA's certificate.
fn server() -> (String, String) {
    let (url, ca, _) = serve(false);
    (url, ca)
}

/// The same; with `mutual` it wants to know who connects. Gives also a certificate and key that it lets in.
fn serve(mutual: bool) -> (String, String, (String, String)) {
    crate::http::use_ring();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()])
        .unwrap()
        .signed_by(&key, &ca)
        .unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let own = KeyPair::generate().unwrap();
    let client = CertificateParams::new(vec!["updater".to_owned()])
        .unwrap()
        .signed_by(&own, &ca)
        .unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(ca.der().clone()).unwrap();
    let builder = rustls::ServerConfig::builder();
    let builder = if mutual {
        let verifier = rustls::server::WebPkiClientVerifier::builder(Arc::new(roots));
        builder.with_client_cert_verifier(verifier.build().unwrap())
    } else {
        builder.with_no_client_auth()
    };
    let config = builder.with_single_cert(vec![leaf.der().clone()], key).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let config = Arc::new(config);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that does not trust us goes away; the next one is waited for.
            let _ = answer(stream, &config);
        }
    });
    (url, ca.pem(), (client.pem(), own.serialize_pem()))
}

fn answer(mut stream: std::net::TcpStream, config: &Arc<rustls::ServerConfig>) -> std::io::Result<()> {
    let mut tls = rustls::ServerConnection::new(Arc::clone(config)).map_err(std::io::Error::other)?;
    let mut tls = rustls::Stream::new(&mut tls, &mut stream);
    let mut request = [0; 4096];
    if tls.read(&mut request)? == 0 {
        return Ok(());
    }
    let body = r#"{"tags":["1"]}"#;
    write!(
        tls,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )?;
    tls.flush()
}

#[tokio::test]
async fn only_a_trusted_certificate_is_accepted_unless_insecure() {
    let (url, ca) = server();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, &ca).unwrap();
    let other = server().1;
    let block = |pem: &str| format!("  ca_data: |\n    {}\n", pem.trim().replace('\n', "\n    "));
    let file_line = format!("  ca_file: {}\n", file.display());
    for (name, more, trusted) in [
        ("nothing", String::new(), false),
        ("ca_data", block(&ca), true),
        ("ca_file", file_line.clone(), true),
        ("both", format!("{file_line}{}", block(&other)), true),
        ("another CA", block(&other), false),
        ("insecure", "  insecure: yes\n".to_owned(), true),
    ] {
        let registries = registries(&url, &more);
        let answer = registries.session().tags(&repo(&registries, "a", None)).await;
        match answer {
            Ok(list) => assert!(trusted && list.tags.len() == 1, "{name}"),
            Err(RegistryError::Unavailable { reason, .. }) => {
                assert!(
                    !trusted && reason.as_str().to_lowercase().contains("cert"),
                    "{name}: {reason}"
                );
            }
            Err(other) => panic!("{name}: {other}"),
        }
    }
}

#[tokio::test]
async fn a_server_that_asks_who_connects_is_shown_the_certificate_of_the_entry() {
    let (url, ca, (certificate, key)) = serve(true);
    let folder = tempfile::tempdir().unwrap();
    for (name, pem) in [("ca", &ca), ("cert", &certificate), ("key", &key)] {
        std::fs::write(folder.path().join(name), pem).unwrap();
    }
    let path = |name: &str| folder.path().join(name).display().to_string();
    let trusted = format!("  ca_file: {}\n", path("ca"));
    let shown = format!(
        "{trusted}  client_cert: {}\n  client_key: {}\n",
        path("cert"),
        path("key")
    );
    for (more, let_in) in [(trusted, false), (shown, true)] {
        let registries = registries(&url, &more);
        let answer = registries.session().tags(&repo(&registries, "a", None)).await;
        assert_eq!(answer.is_ok(), let_in, "{more}: {answer:?}");
    }
}

#[tokio::test]
async fn an_entry_is_asked_through_its_own_proxy() {
    let proxy = super::server::Server::open(|_, _| super::server::page(&["1"])).await;
    let url = proxy.url.replace("http://", "http://bob:hunter2@");
    let registries = registries("http://registry.invalid", &format!("  proxy: {url}\n"));
    let list = registries.session().tags(&repo(&registries, "a", None)).await.unwrap();
    assert_eq!(list.tags.len(), 1);
    assert_eq!(proxy.targets(), ["/v2/", "/v2/a/tags/list"]);
}
