//! Servers whose certificate does not hold what it should, and a server that gives TLS up.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{registries, repo};
use crate::registry::RegistryError;

/// An https server for `name` that says `answer` to everybody; gives its URL and its CA's certificate.
async fn server(name: &str, expired: bool, answer: String) -> (String, String) {
    crate::http::use_ring();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(DnType::CommonName, format!("CA of {name}"));
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    if expired {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    }
    let leaf = params.signed_by(&key, &ca).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)
        .unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let config = Arc::new(config);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = serve(stream, &config, &answer).await;
        }
    });
    (url, ca.pem())
}

/// TLS over a socket, without a crate for it: bytes go to and fro until the request is there.
async fn serve(
    mut stream: tokio::net::TcpStream,
    config: &Arc<rustls::ServerConfig>,
    answer: &str,
) -> std::io::Result<()> {
    use std::io::{Read as _, Write as _};
    let mut tls = rustls::ServerConnection::new(Arc::clone(config)).map_err(std::io::Error::other)?;
    let mut buffer = vec![0; 16 << 10];
    loop {
        let mut out = Vec::new();
        while tls.wants_write() {
            tls.write_tls(&mut out)?;
        }
        stream.write_all(&out).await?;
        let n = stream.read(&mut buffer).await?;
        if n == 0 {
            return Ok(());
        }
        let mut received = &buffer[..n];
        while !received.is_empty() {
            tls.read_tls(&mut received)?;
            tls.process_new_packets().map_err(std::io::Error::other)?;
        }
        if tls.reader().read(&mut [0; 4096]).is_ok_and(|n| n > 0) {
            break;
        }
    }
    tls.writer().write_all(answer.as_bytes())?;
    tls.send_close_notify();
    let mut out = Vec::new();
    while tls.wants_write() {
        tls.write_tls(&mut out)?;
    }
    stream.write_all(&out).await
}

async fn ask(url: &str, ca: Option<&str>) -> Result<usize, RegistryError> {
    let more = ca.map_or_else(String::new, |pem| {
        format!("  ca_data: |\n    {}\n", pem.trim().replace('\n', "\n    "))
    });
    let registries = registries(url, &more);
    let list = registries.session().tags(&repo(&registries, "a", None)).await?;
    Ok(list.tags.len())
}

fn list() -> String {
    let body = r#"{"tags":["1"]}"#;
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n";
    format!("{head}content-length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn what_is_wrong_with_a_certificate_is_told_apart() {
    let (good, good_ca) = server("127.0.0.1", false, list()).await;
    assert_eq!(ask(&good, Some(&good_ca)).await, Ok(1));
    let (expired, expired_ca) = server("127.0.0.1", true, list()).await;
    let (other, other_ca) = server("other.test", false, list()).await;
    let mut told = Vec::new();
    for (url, ca, words, not) in [
        (&expired, Some(&expired_ca), "expired", "other.test"),
        (&other, Some(&other_ca), "other.test", "expired"),
        (&good, None, "certificate", "expired"),
        (&good, Some(&other_ca), "certificate", "other.test"),
    ] {
        let error = ask(url, ca.map(String::as_str)).await.unwrap_err();
        let RegistryError::Unavailable { reason, .. } = error else {
            panic!("{error:?}")
        };
        let reason = reason.as_str().to_lowercase();
        assert!(reason.contains(words) && !reason.contains(not), "{words}: {reason}");
        told.push(reason);
    }
    assert_eq!(told[2], told[3], "one CA is as unknown as the other");
}

#[tokio::test]
async fn a_redirect_from_https_to_http_is_not_followed() {
    let plain = super::server::Server::start(|_, _| super::server::page(&["1"])).await;
    let location = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: {}/x\r\ncontent-length: 0\r\n\r\n",
        plain.url
    );
    let (url, ca) = server("127.0.0.1", false, location).await;
    let error = ask(&url, Some(&ca)).await.unwrap_err();
    assert!(error.to_string().contains("it redirects from https to http"), "{error}");
    assert!(plain.asked().is_empty());
}
