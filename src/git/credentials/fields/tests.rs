use super::*;

const PEM: &str = "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n";

fn fields(pairs: &[(&str, &str)]) -> Fields {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), Secret::new(*value)))
        .collect()
}

fn url(text: &str) -> RemoteUrl {
    RemoteUrl::parse(text).unwrap()
}

fn web(pairs: &[(&str, &str)]) -> Result<GitCredentials, GitCredentialsError> {
    from_repository_secret(&fields(pairs), &url("https://h/a"))
}

fn ssh(pairs: &[(&str, &str)]) -> Result<GitCredentials, GitCredentialsError> {
    from_repository_secret(&fields(pairs), &url("git@h:a"))
}

fn named(pairs: &[(&str, &str)], place: &str) -> Result<GitCredentials, GitCredentialsError> {
    from_named_secret(&fields(pairs), &url(place))
}

#[test]
fn user_and_password_are_read() {
    let password = GitCredentials::password;
    for (given, expected) in [
        (vec![("username", "bob"), ("password", "pw\n")], password("bob", "pw")),
        (
            vec![("password", "pw"), ("insecure", "false")],
            password("x-access-token", "pw"),
        ),
        (
            vec![("username", ""), ("password", "p w")],
            password("x-access-token", "p w"),
        ),
        (
            vec![("password", "pw"), ("sshPrivateKey", "x"), ("bearerToken", "y")],
            password("x-access-token", "pw"),
        ),
        (
            vec![("url", "https://h/a"), ("insecure", "maybe")],
            GitCredentials::anonymous(),
        ),
        (vec![("insecureIgnoreHostKey", "true")], GitCredentials::anonymous()),
    ] {
        assert_eq!(web(&given), Ok(expected), "{given:?}");
    }
    let unasked = web(&[("username", "bob"), ("password", "pw"), ("forceHttpBasicAuth", "true")]);
    assert!(matches!(unasked.unwrap().login, Login::Password { unasked: true, .. }));
}

#[test]
fn a_token_and_an_app_follow_the_password() {
    let token = web(&[("username", "bob"), ("bearerToken", "t\n"), ("githubAppID", "1")]).unwrap();
    assert_eq!(token.login, Login::Bearer("t".into()));
    let app = web(&[("githubAppID", "12"), ("githubAppPrivateKey", PEM)]).unwrap();
    let expected = GitHubApp {
        id: 12,
        installation: None,
        private_key: PEM.into(),
        base_url: None,
    };
    assert_eq!(app.login, Login::GitHubApp(expected));
}

#[test]
fn the_api_of_an_enterprise_server_is_found_from_its_host() {
    for (given, expected) in [
        ("https://ghe.test/api/v3/", Some("https://ghe.test/api/v3")),
        ("https://ghe.test", Some("https://ghe.test/api/v3")),
        ("https://api.acme.ghe.com", Some("https://api.acme.ghe.com/")),
        ("http://127.0.0.1:8080/x", Some("http://127.0.0.1:8080/x")),
        ("ghe.test", None),
        ("ftp://ghe.test", None),
        ("https://bob:pw@ghe.test", None),
    ] {
        assert_eq!(base_url(given).ok().as_ref().map(Url::as_str), expected, "{given}");
    }
}

#[test]
fn an_ssh_url_takes_the_key() {
    let encrypted = PEM.replace("AAAA", "Proc-Type: 4,ENCRYPTED\n\nAAAA");
    for (given, key, passphrase) in [
        (vec![("sshPrivateKey", PEM), ("password", "pw")], PEM, None),
        (
            vec![
                ("sshPrivateKey", encrypted.as_str()),
                ("sshPrivateKeyPassphrase", "open"),
            ],
            encrypted.as_str(),
            Some("open"),
        ),
    ] {
        let key = SshKey::parse(key, passphrase).unwrap();
        assert_eq!(ssh(&given).unwrap().login, Login::SshKey(key));
    }
    assert_eq!(ssh(&[]), Ok(GitCredentials::anonymous()));
    let error = ssh(&[("sshPrivateKey", &encrypted)]).unwrap_err().to_string();
    assert!(error.contains("sshPrivateKeyPassphrase"), "{error}");
}

#[test]
fn host_keys_and_certificates_are_checked_unless_it_is_said_otherwise() {
    for (switch, over_https, over_ssh) in [
        (None, false, false),
        (Some(("insecure", "true")), true, true),
        (Some(("insecureIgnoreHostKey", "1")), false, true),
        (Some(("insecure", "yes")), false, false),
    ] {
        let given: Vec<_> = switch
            .into_iter()
            .chain([("password", "pw"), ("sshPrivateKey", PEM)])
            .collect();
        for (place, expected) in [
            ("https://h/a", over_https),
            ("http://h/a", over_https),
            ("git@h:a", over_ssh),
        ] {
            let read = named(&given, place).unwrap();
            assert_eq!(read.connection.insecure, expected, "{switch:?} {place}");
        }
    }
}

#[test]
fn proxy_and_client_certificate_are_read() {
    let given = [
        ("proxy", "socks5://proxy.test"),
        ("noProxy", "intern.test"),
        ("tlsClientCertData", "CERT"),
        ("tlsClientCertKey", "KEY"),
    ];
    let read = web(&given).unwrap().connection;
    assert_eq!(
        read.proxy,
        Proxy::parse("socks5h://proxy.test:1080", "intern.test").ok()
    );
    assert_eq!(read.client_certificate.unwrap().key, "KEY".into());
    // It is a login of its own.
    assert!(named(&given, "https://h/a").is_ok());
    assert!(ssh(&given).unwrap().connection.client_certificate.is_none());
    let error = ssh(&[("proxy", "https://proxy.test")]).unwrap_err().to_string();
    assert!(error.contains("field proxy") && error.contains("socks5://"), "{error}");
}

#[test]
fn what_a_cloud_would_give_is_refused_by_the_name_of_its_field() {
    for field in CLOUDS.iter().chain(&[CLOUD_SWITCH]) {
        let given = [("username", "bob"), ("password", "pw"), (*field, "true")];
        let expected = Err(NotYetSupported { field });
        assert_eq!(web(&given), expected);
        assert_eq!(named(&given, "git@h:a"), expected);
    }
}

#[test]
fn an_incomplete_secret_says_which_field_is_missing() {
    let missing = |field| Err(Missing { field });
    assert_eq!(web(&[("username", "bob")]), missing("password"));
    assert_eq!(web(&[("githubAppID", "1")]), missing("githubAppPrivateKey"));
    assert_eq!(web(&[("githubAppPrivateKey", PEM)]), missing("githubAppID"));
    assert_eq!(web(&[("tlsClientCertData", "x")]), missing("tlsClientCertKey"));
    assert_eq!(web(&[("tlsClientCertKey", "x")]), missing("tlsClientCertData"));
    assert_eq!(named(&[], "http://h/a"), missing("password"));
    assert_eq!(named(&[], "git@h:a"), missing("sshPrivateKey"));
}

#[test]
fn credentials_for_the_other_kind_of_url_say_so() {
    for (read, field) in [
        (web(&[("sshPrivateKey", PEM)]), "sshPrivateKey"),
        (ssh(&[("username", "a"), ("password", "b")]), "password"),
        (ssh(&[("bearerToken", "b")]), "bearerToken"),
        (ssh(&[("githubAppPrivateKey", PEM)]), "githubAppPrivateKey"),
    ] {
        let Err(OtherScheme { field: named, .. }) = read else {
            panic!("{read:?}");
        };
        assert_eq!(named, field);
    }
}

#[test]
fn what_cannot_be_sent_is_named_and_not_repeated() {
    let key = [("githubAppPrivateKey", PEM)];
    for (given, field) in [
        (vec![("username", "a"), ("password", "top\nsecret")], "password"),
        (vec![("username", "top:secret"), ("password", "x")], "username"),
        (vec![("bearerToken", "top\rsecret")], "bearerToken"),
        (vec![("githubAppID", "topsecret"), key[0]], "githubAppID"),
        (
            vec![("githubAppID", "1"), ("githubAppInstallationID", "topsecret"), key[0]],
            "githubAppInstallationID",
        ),
        (
            vec![("githubAppID", "1"), ("githubAppPrivateKey", "topsecret")],
            "githubAppPrivateKey",
        ),
        (
            vec![
                ("githubAppID", "1"),
                key[0],
                ("githubAppEnterpriseBaseUrl", "https://top:secret@h"),
            ],
            "githubAppEnterpriseBaseUrl",
        ),
        (vec![("proxy", "topsecret:80")], "proxy"),
    ] {
        let error = web(&given).unwrap_err();
        assert!(error.to_string().contains(field), "{error}");
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    }
}
