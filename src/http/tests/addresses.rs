//! Addresses are checked where they are connected to.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex},
};

use reqwest::dns::Resolve as _;

use super::{
    client::build,
    resolver::{Guard, Lookup},
    server::{ok, plain},
    *,
};

fn answers(addresses: &'static [&'static str]) -> Lookup {
    Arc::new(move |_| Box::pin(async move { Ok(addresses.iter().map(|a| a.parse().unwrap()).collect()) }))
}

fn build_with(settings: &ClientSettings, lookup: Lookup) -> Client {
    build(settings, lookup, &tls::system_roots()).unwrap()
}

#[tokio::test]
async fn an_address_in_the_url_is_refused() {
    for host in [
        "169.254.169.254",
        "100.100.100.200",
        "[fe80::1]",
        "[64:ff9b::a9fe:a9fe]",
        "0xa83f8110",
    ] {
        let error = get(&settings(), &format!("http://{host}/latest")).await.unwrap_err();
        assert!(matches!(error, RequestError::Refused(_)), "{host}: {error}");
    }
}

#[tokio::test]
async fn a_name_that_stands_for_such_an_address_is_refused_with_its_reason() {
    let client = build_with(&settings(), answers(&["169.254.169.254", "fd00:ec2::254"]));
    let error = client.get("http://a.test/").send().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the host a.test is not asked: 169.254.169.254 is a link-local address"
    );
    assert!(error.is_connect());
}

#[tokio::test]
async fn of_several_addresses_only_the_good_ones_are_connected_to() {
    let server = plain(|_| ok("here"));
    let client = build_with(&settings(), answers(&["169.254.169.254", "127.0.0.1"]));
    let url = format!("http://a.test:{}/", server.port);
    let response = client.get(url).send().await.unwrap();
    assert_eq!(response.text().await.unwrap(), "here");
}

#[tokio::test]
async fn what_was_checked_is_what_is_connected_to() {
    let server = plain(|_| ok("here"));
    let given: Arc<Mutex<Vec<IpAddr>>> = Arc::new(Mutex::new(vec![
        "169.254.169.254".parse().unwrap(),
        "127.0.0.1".parse().unwrap(),
    ]));
    // A name server that changes its mind with every question.
    let lookup: Lookup = {
        let given = Arc::clone(&given);
        Arc::new(move |_| {
            let next = given.lock().unwrap().pop();
            Box::pin(async move { Ok(next.into_iter().collect()) })
        })
    };
    let client = build_with(&settings(), lookup);
    let url: url::Url = format!("http://a.test:{}/", server.port).parse().unwrap();
    let response = client.get(url.clone()).send().await.unwrap();
    assert_eq!(response.text().await.unwrap(), "here");
    assert_eq!(given.lock().unwrap().len(), 1, "one question per connection");
    let error = client.get(url).send().await.unwrap_err();
    assert!(matches!(error, RequestError::Refused(_)), "{error}");
}

#[tokio::test]
async fn who_fetches_an_identity_may_ask_metadata_services_and_a_proxy_may_be_anywhere() {
    for (egress, proxies, fine) in [
        (Egress::Public, vec![], false),
        (Egress::Metadata, vec![], true),
        (Egress::Public, vec!["A.test".to_owned()], true),
        (Egress::Public, vec!["b.test".to_owned()], false),
    ] {
        let guard = Guard {
            lookup: answers(&["169.254.169.254"]),
            egress,
            proxies: proxies.clone(),
        };
        let found = guard.resolve("a.test".parse().unwrap()).await;
        assert_eq!(found.is_ok(), fine, "{egress:?} {proxies:?}");
    }
}

#[tokio::test]
async fn a_proxy_is_not_asked_for_metadata_services_unless_for_an_identity() {
    let proxy = plain(|_| ok("metadata"));
    let mut settings = ClientSettings {
        proxy: Some(Secret::new(proxy.url.clone())),
        ..settings()
    };
    for host in ["169.254.169.254", "metadata.google.internal", "instance-data"] {
        let error = get(&settings, &format!("http://{host}/")).await.unwrap_err();
        assert!(matches!(error, RequestError::Refused(_)), "{host}: {error}");
    }
    assert_eq!(proxy.seen(), Vec::<String>::new());
    settings.egress = Egress::Metadata;
    assert_eq!(
        get(&settings, "http://169.254.169.254/").await.as_deref(),
        Ok("metadata")
    );
}
