//! Which certificates of servers are accepted, and what is said of the others.

use std::{io::Write as _, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};

use super::{
    client::build,
    resolver,
    server::{self, Served, ok, shows},
    *,
};

/// A certificate in the making that may sign others, as `openssl req -x509` makes it.
fn self_signed() -> CertificateParams {
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

/// A server with a certificate that signed itself, and the PEM of it.
fn own(params: &CertificateParams) -> (Served, String) {
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let config = shows(vec![certificate.der().clone()], key_of(&key));
    (server::tls(config, |_| ok("hello")), certificate.pem())
}

/// A server with a certificate by a CA of its own, and the PEM of that CA.
fn signed(params: &CertificateParams) -> (Served, String) {
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.distinguished_name.push(DnType::CommonName, "a CA");
    let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = params.signed_by(&key, &ca).unwrap();
    let config = shows(vec![leaf.der().clone()], key_of(&key));
    (server::tls(config, |_| ok("hello")), ca.pem())
}

fn key_of(key: &KeyPair) -> PrivateKeyDer<'static> {
    PrivateKeyDer::try_from(key.serialize_der()).unwrap()
}

fn trusting(pems: &[&str]) -> ClientSettings {
    ClientSettings {
        extra_roots: pems.iter().map(|pem| pem.as_bytes().to_vec()).collect(),
        ..settings()
    }
}

async fn refusal(settings: &ClientSettings, server: &Served) -> String {
    let error = get(settings, &server.url).await.unwrap_err();
    assert!(error.is_connect(), "{error}");
    assert_eq!(server.seen(), Vec::<String>::new(), "nothing is sent");
    error.to_string()
}

#[tokio::test]
async fn a_server_that_shows_a_named_certificate_is_accepted_and_no_other() {
    let (server, pem) = own(&self_signed());
    let (_, other) = own(&self_signed());
    let (_, ca) = signed(&self_signed());
    for (name, settings, fine) in [
        ("named", trusting(&[&pem]), true),
        ("named among others", trusting(&[&other, &ca, &pem]), true),
        ("another of the same name", trusting(&[&other]), false),
        ("none", settings(), false),
    ] {
        match get(&settings, &server.url).await {
            Ok(answer) => assert!(fine && answer == "hello", "{name}"),
            Err(error) => {
                assert!(
                    !fine && error.to_string().contains("ca_file or ca_data"),
                    "{name}: {error}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_certificate_of_the_openssl_command_is_accepted() {
    let pem = include_str!("../../../tests/fixtures/tls/server-self-signed.pem");
    let chain = vec![CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()];
    let config = shows(chain, PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap());
    let server = server::tls(config, |_| ok("hello"));
    assert_eq!(get(&trusting(&[pem]), &server.url).await.as_deref(), Ok("hello"));
    assert!(
        refusal_of_the_untrusted(&server.url)
            .await
            .contains("name exactly this certificate")
    );
}

async fn refusal_of_the_untrusted(url: &str) -> String {
    get(&settings(), url).await.unwrap_err().to_string()
}

#[tokio::test]
async fn a_certificate_by_a_named_ca_is_accepted() {
    let (server, ca) = signed(&CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap());
    assert_eq!(get(&trusting(&[&ca]), &server.url).await.as_deref(), Ok("hello"));
}

/// What is wrong with a certificate, and how it is told.
type Fault = (fn(&mut CertificateParams), &'static str);

const FAULTS: &[Fault] = &[
    (
        |p| p.not_after = date_time_ymd(2020, 1, 1),
        "expired at 2020-01-01T00:00:00Z; the server",
    ),
    (
        |p| p.not_before = date_time_ymd(2999, 1, 1),
        "not valid before 2999-01-01T00:00:00Z; check",
    ),
    (
        |p| *p = with_names(p, &["other.test", "another.test"]),
        "is for another host than 127.0.0.1 (for",
    ),
    (
        |p| {
            *p = with_names(p, &[]);
            p.distinguished_name.push(DnType::CommonName, "127.0.0.1");
        },
        "names no host, so not 127.0.0.1 either",
    ),
];

fn with_names(params: &CertificateParams, names: &[&str]) -> CertificateParams {
    let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
    let mut made = CertificateParams::new(names).unwrap();
    made.is_ca = params.is_ca;
    made
}

#[tokio::test]
async fn a_named_certificate_still_needs_the_right_name_and_time() {
    for (spoil, expected) in FAULTS {
        let mut params = self_signed();
        spoil(&mut params);
        let (server, pem) = own(&params);
        let error = refusal(&trusting(&[&pem]), &server).await;
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[tokio::test]
async fn a_certificate_by_a_named_ca_needs_the_right_name_and_time() {
    for (spoil, expected) in FAULTS {
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        spoil(&mut params);
        let (server, ca) = signed(&params);
        let error = refusal(&trusting(&[&ca]), &server).await;
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[tokio::test]
async fn an_unknown_ca_is_told_with_the_way_out() {
    let (server, _) = signed(&CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap());
    let error = refusal(&settings(), &server).await;
    assert!(
        error.contains("a CA that is not trusted") && error.contains("ca_file or ca_data"),
        "{error}"
    );
}

#[tokio::test]
async fn insecure_accepts_every_certificate() {
    let insecure = ClientSettings {
        insecure: true,
        ..settings()
    };
    for (spoil, _) in FAULTS {
        let mut params = self_signed();
        spoil(&mut params);
        assert_eq!(get(&insecure, &own(&params).0.url).await.as_deref(), Ok("hello"));
    }
}

#[tokio::test]
async fn without_ca_certificates_on_the_system_only_https_fails_and_says_so() {
    let nothing = Arc::new(RootCertStore::empty());
    let plain = server::plain(|_| ok("hello"));
    let (secure, pem) = own(&self_signed());
    let ask = async |settings: &ClientSettings, url: &str| {
        let client = build(settings, resolver::system(), &nothing).unwrap();
        client.get(url).send().await.map(|response| response.status())
    };
    assert_eq!(ask(&settings(), &plain.url).await.unwrap(), 200);
    assert_eq!(ask(&trusting(&[&pem]), &secure.url).await.unwrap(), 200);
    let error = ask(&settings(), &secure.url).await.unwrap_err().to_string();
    assert!(error.starts_with("this system has no CA certificates"), "{error}");
}

#[tokio::test]
async fn what_is_no_tls_or_too_old_is_told_apart() {
    // RFC 8446, section 6: an alert record (21) of TLS 1.0, fatal (2), protocol_version (70) or handshake_failure (40).
    for (bytes, expected) in [
        (&b"\x15\x03\x01\x00\x02\x02\x46"[..], "its TLS is too old"),
        (b"\x15\x03\x01\x00\x02\x02\x28", "none of our TLS versions and ciphers"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "it does not speak TLS"),
    ] {
        let server = server::serve("https", move |mut stream, _| {
            std::io::Read::read(&mut stream, &mut [0; 4096])?;
            stream.write_all(bytes)
        });
        let error = refusal(&settings(), &server).await;
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[tokio::test]
async fn https_is_not_left_for_http() {
    let other = server::plain(|_| ok(""));
    let to = other.url.clone();
    let key = KeyPair::generate().unwrap();
    let certificate = self_signed().self_signed(&key).unwrap();
    let server = server::tls(shows(vec![certificate.der().clone()], key_of(&key)), move |_| {
        server::redirect(&to)
    });
    let error = get(&trusting(&[&certificate.pem()]), &server.url).await.unwrap_err();
    assert_eq!(error, RequestError::LeavesTls);
    assert_eq!(other.seen(), Vec::<String>::new());
}

#[tokio::test]
async fn http2_is_offered_and_http1_too() {
    let key = KeyPair::generate().unwrap();
    let certificate = self_signed().self_signed(&key).unwrap();
    let config = tls::config(&trusting(&[&certificate.pem()]), &tls::system_roots()).unwrap();
    assert_eq!(config.alpn_protocols, [b"h2".to_vec(), b"http/1.1".to_vec()]);
}
