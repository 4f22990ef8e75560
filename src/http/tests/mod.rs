//! Clients against real servers and proxies on the loopback interface.

mod addresses;
mod identity;
mod proxies;
mod redirects;
mod server;
mod trust;

use std::time::Duration;

use super::*;
use crate::secret::Secret;

/// Settings that do not look at the environment and do not wait long for a server that is silent.
fn settings() -> ClientSettings {
    ClientSettings {
        system_proxy: false,
        total_timeout: Duration::from_secs(10),
        ..ClientSettings::default()
    }
}

async fn get(settings: &ClientSettings, url: &str) -> Result<String, RequestError> {
    let response = client(settings).unwrap().get(url).send().await?;
    Ok(response.text().await.unwrap())
}

#[test]
fn a_pem_text_without_a_certificate_is_an_error() {
    for pem in ["", "PEM", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"] {
        let settings = ClientSettings {
            extra_roots: vec![pem.as_bytes().to_vec()],
            ..ClientSettings::default()
        };
        assert_eq!(client(&settings).err(), Some(ClientError::NoCertificate), "{pem}");
        let insecure = ClientSettings {
            insecure: true,
            ..settings
        };
        assert!(client(&insecure).is_ok(), "{pem}");
    }
}

#[test]
fn choosing_the_provider_twice_is_no_panic() {
    use_ring();
    use_ring();
}

#[test]
fn settings_are_printed_without_their_secrets() {
    let settings = ClientSettings {
        proxy: Some(Secret::new("http://bob:hunter2@proxy.test")),
        client_identity: Some(Secret::new("hunter3")),
        ..ClientSettings::default()
    };
    let printed = format!("{settings:?}");
    assert!(!printed.contains("hunter") && !printed.contains("bob"), "{printed}");
}

#[tokio::test]
async fn a_server_that_is_silent_in_tls_costs_the_time_of_a_connection_only() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let patient = Duration::from_hours(1);
    let settings = ClientSettings {
        connect_timeout: Duration::from_millis(100),
        read_timeout: patient,
        total_timeout: patient,
        ..settings()
    };
    let url = format!("https://{}/", silent.local_addr().unwrap());
    let error = get(&settings, &url).await.unwrap_err();
    assert_eq!(error, RequestError::ConnectTimeout);
    assert!(error.is_timeout() && error.is_connect());
}

#[tokio::test]
async fn a_request_has_a_time_limit_over_all_its_redirects() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let first = server::plain(move |_| server::redirect(&format!("http://127.0.0.1:{port}/")));
    let settings = ClientSettings {
        total_timeout: Duration::from_millis(200),
        ..settings()
    };
    let error = get(&settings, &first.url).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "it redirects to 127.0.0.1, and there: it took too long"
    );
    assert!(!error.is_timeout() && !error.is_connect(), "the first server is well");
    let error = get(&settings, &format!("http://127.0.0.1:{port}/")).await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
}
