//! Servers that ask who connects.

use std::sync::Arc;

use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::WebPkiClientVerifier,
};

use super::{
    server::{self, Served, ok},
    *,
};

const SEC1: &str = include_str!("../../../tests/fixtures/tls/client-sec1.pem");
const PKCS1: &str = include_str!("../../../tests/fixtures/tls/client-pkcs1.pem");

/// A server that lets in who shows a certificate by one of `roots`.
fn demanding(roots: &[CertificateDer<'static>]) -> Served {
    use_ring();
    let mut store = RootCertStore::empty();
    for root in roots {
        store.add(root.clone()).unwrap();
    }
    let verifier = WebPkiClientVerifier::builder(Arc::new(store)).build().unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()])
        .unwrap()
        .self_signed(&key)
        .unwrap();
    // With TLS 1.2 a client learns before its request that it is refused; later versions let it write first.
    let config = ServerConfig::builder_with_protocol_versions(&[&rustls::version::TLS12])
        .with_client_cert_verifier(verifier)
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    server::tls(config, |_| ok("known"))
}

fn showing(identity: Option<&str>) -> ClientSettings {
    ClientSettings {
        insecure: true,
        client_identity: identity.map(Secret::new),
        ..settings()
    }
}

/// A certificate by a CA of its own with its key, and the CA's certificate.
fn issued() -> (String, CertificateDer<'static>) {
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["client.test".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &ca).unwrap();
    (format!("{}{}", leaf.pem(), key.serialize_pem()), ca.der().clone())
}

fn root(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

#[tokio::test]
async fn a_certificate_is_shown_with_a_key_of_any_form() {
    let (pkcs8, ca) = issued();
    let server = demanding(&[ca, root(SEC1), root(PKCS1)]);
    for identity in [&pkcs8, SEC1, PKCS1] {
        let answer = get(&showing(Some(identity)), &server.url).await;
        assert_eq!(answer.as_deref(), Ok("known"), "{}", &identity[..30]);
    }
}

#[tokio::test]
async fn the_order_of_key_and_certificate_does_not_matter() {
    let (pem, ca) = issued();
    let server = demanding(&[ca]);
    let at = pem.find("-----BEGIN PRIVATE").unwrap();
    let turned = format!("{}{}", &pem[at..], &pem[..at]);
    assert_eq!(get(&showing(Some(&turned)), &server.url).await.as_deref(), Ok("known"));
}

#[tokio::test]
async fn a_server_that_refuses_us_is_told_with_the_settings_to_check() {
    let (_, ca) = issued();
    let (stranger, _) = issued();
    let server = demanding(&[ca]);
    for identity in [None, Some(stranger.as_str())] {
        let error = get(&showing(identity), &server.url).await.unwrap_err();
        assert!(error.to_string().contains("client_cert and client_key"), "{error}");
    }
    assert_eq!(server.seen(), Vec::<String>::new());
}

#[test]
fn an_identity_that_cannot_be_used_says_what_is_wrong_and_shows_nothing() {
    let (pem, _) = issued();
    let (other, _) = issued();
    let at = |pem: &str| pem.find("-----BEGIN PRIVATE").unwrap();
    let (certificate, key) = pem.split_at(at(&pem));
    let foreign_key = &other[at(&other)..];
    let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let broken = "-----BEGIN PRIVATE KEY-----\naGVsbG8=\n-----END PRIVATE KEY-----\n";
    for (name, given, expected) in [
        (
            "another key",
            format!("{certificate}{foreign_key}"),
            ClientError::ClientKeyMismatch,
        ),
        ("no key", certificate.to_owned(), ClientError::ClientKey),
        (
            "an encrypted key",
            format!("{certificate}{encrypted}"),
            ClientError::ClientKey,
        ),
        ("a broken key", format!("{certificate}{broken}"), ClientError::ClientKey),
        ("no certificate", key.to_owned(), ClientError::ClientCertificate),
        ("nothing", String::new(), ClientError::ClientKey),
    ] {
        let error = client(&showing(Some(&given))).err();
        assert_eq!(error, Some(expected), "{name}");
    }
}
