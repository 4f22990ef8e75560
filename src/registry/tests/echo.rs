//! Servers that repeat in their answers what they were sent.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    server::{Asked, Reply, Server, json, status, typed, with},
    *,
};

const PASSWORD: &str = "s3\"cr/et+ö";

/// How a server may spell what it was sent.
fn spelled(authorization: &str) -> Vec<String> {
    let encoded = authorization.trim_start_matches("Basic ").trim_start_matches("Bearer ");
    let percent = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let json = |text: &str| serde_json::Value::from(text).to_string();
    vec![
        authorization.to_owned(),
        encoded.to_owned(),
        encoded.trim_end_matches('=').to_owned(),
        percent(encoded),
        PASSWORD.to_owned(),
        percent(PASSWORD),
        percent(PASSWORD).to_lowercase(),
        json(PASSWORD).trim_matches('"').to_owned(),
        json(PASSWORD).replace('/', "\\/").trim_matches('"').to_owned(),
        STANDARD.encode(PASSWORD),
    ]
}

/// An answer in each place where a message takes text from.
fn repeating(text: &str, place: usize) -> Reply {
    let errors = || serde_json::json!({"errors": [{"code": text, "message": format!("you sent {text}")}]}).to_string();
    let header = |reply, name| with(reply, name, &text.replace(['"', 'ö', '\\'], "."));
    match place {
        0 => json(403, errors()),
        1 => json(500, errors()),
        2 => json(200, serde_json::json!({ "tags": text }).to_string()),
        3 => json(200, format!("{{\"tags\":[\"a\"], {text}")),
        4 => typed(200, &text.replace(['"', 'ö', '\\'], "."), "{}"),
        5 => header(status(302), "location"),
        6 => header(json(401, errors()), "www-authenticate"),
        7 => header(json(200, r#"{"tags":[]}"#), "link"),
        _ => header(status(429), "retry-after"),
    }
}

const PLACES: usize = 9;

fn assert_hidden(error: &RegistryError, spelled: &[String], what: &str) {
    for shown in [error.to_string(), format!("{error:?}"), error.verdict().message] {
        let low = shown.to_lowercase();
        for secret in spelled {
            let part = &secret.to_lowercase()[..];
            assert!(!low.contains(part), "{what}: {secret} in {shown}");
        }
    }
}

/// The number after `letter` in the path: a test's repository says what is to be answered.
fn number(asked: &Asked, letter: char) -> usize {
    let part = asked
        .target
        .split('/')
        .find_map(|part| part.strip_prefix(letter)?.parse().ok());
    part.unwrap_or_default()
}

/// Asks for tags and facts of a repository; the errors must hold none of the secrets.
async fn assert_no_echo(registries: &Registries, repository: &str, secrets: &[String]) {
    let session = registries.session();
    let repo = repo(registries, repository, Some(("bob", PASSWORD)));
    let list = session.tags(&repo).await.map(|_| ());
    let facts = session
        .facts(&repo, &tag("1"), &linux(), FactsWanted::Digest, Freshness::Now)
        .await;
    assert!(facts.is_err(), "{repository}: {facts:?}");
    for error in [list.err(), facts.err()].into_iter().flatten() {
        assert_hidden(&error, secrets, repository);
    }
}

fn basic() -> String {
    format!("Basic {}", STANDARD.encode(format!("bob:{PASSWORD}")))
}

#[tokio::test]
async fn no_message_repeats_credentials_however_they_are_spelled() {
    let server = Server::start(move |_, asked| {
        if asked.authorization.is_empty() {
            return with(status(401), "www-authenticate", "Basic realm=r");
        }
        repeating(&spelled(&asked.authorization)[number(asked, 'w')], number(asked, 'p'))
    })
    .await;
    let registries = registries(&server.url, "");
    // The last place closes the registry, so it is asked once.
    for place in 0..PLACES {
        // One of those that are read as JSON with every spelling, the others with what a server simply repeats.
        let spellings = if place == 0 { spelled(&basic()).len() } else { 2 };
        for which in 0..spellings {
            assert_no_echo(&registries, &format!("w{which}/p{place}"), &spelled(&basic())).await;
        }
    }
}

#[tokio::test]
async fn no_message_repeats_a_token_or_what_the_token_server_was_sent() {
    let server = Server::start(move |own, asked: &Asked| {
        let place = number(asked, 'p');
        let sent = asked.authorization.as_str();
        if let Some(scope) = asked.target.strip_prefix("/token?scope=repository%3A") {
            // A repository "t<n>" is repeated by the token server.
            let place = scope
                .strip_prefix("t%2Fp")
                .and_then(|rest| rest.split("%3A").next()?.parse().ok());
            return place.map_or_else(
                || json(200, r#"{"token":"t0ken-93ab"}"#),
                |place| repeating(sent, place),
            );
        }
        if sent.is_empty() {
            return with(
                status(401),
                "www-authenticate",
                &format!("Bearer realm=\"{own}/token\""),
            );
        }
        repeating(sent, place)
    })
    .await;
    let registries = registries(&server.url, "");
    let mut secrets = spelled(&basic());
    secrets.push("t0ken-93ab".to_owned());
    for place in 0..PLACES {
        for by_token_server in ["r", "t"] {
            assert_no_echo(&registries, &format!("{by_token_server}/p{place}"), &secrets).await;
        }
    }
}
