//! Requests to the vendors: bounded, without proxy to metadata services, and errors without secrets.

use std::{net::IpAddr, sync::OnceLock, time::Duration};

use reqwest::StatusCode;
use serde_json::Value;
use url::{Host, Url};

use crate::{
    http::{self, Client, ClientSettings, Egress, RequestBuilder},
    secret::Secret,
};

/// The largest answer that is read.
const MAX_ANSWER: usize = 256 * 1024;

/// The clients, each built when it is needed first.
#[derive(Default)]
pub(super) struct Transport {
    public: OnceLock<Client>,
    metadata: OnceLock<Client>,
}

impl Transport {
    /// For the vendors' public endpoints.
    pub(super) fn public(&self) -> Result<&Client, String> {
        let settings = ClientSettings {
            total_timeout: Duration::from_secs(20),
            ..ClientSettings::default()
        };
        get(&self.public, &settings)
    }

    /// For services of the machine or the pod. They are near, and no proxy knows them.
    pub(super) fn metadata(&self) -> Result<&Client, String> {
        let settings = ClientSettings {
            egress: Egress::Metadata,
            system_proxy: false,
            connect_timeout: Duration::from_secs(2),
            read_timeout: Duration::from_secs(5),
            total_timeout: Duration::from_secs(5),
            ..ClientSettings::default()
        };
        get(&self.metadata, &settings)
    }
}

fn get<'a>(client: &'a OnceLock<Client>, settings: &ClientSettings) -> Result<&'a Client, String> {
    if let Some(client) = client.get() {
        return Ok(client);
    }
    let built = http::client(settings).map_err(|error| error.to_string())?;
    Ok(client.get_or_init(|| built))
}

/// Sends a request and gives the body of a success. An error has neither the URL nor any of `secrets` in it.
pub(super) async fn ask(request: RequestBuilder, secrets: &[&Secret]) -> Result<Vec<u8>, String> {
    let mut response = request.send().await.map_err(|error| error.to_string())?;
    let status = response.status();
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > MAX_ANSWER => {
                return Err("its answer is too large".to_owned());
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(error) => return Err(format!("its answer broke off: {}", http::reason(&error))),
        }
    }
    if matches!(status, StatusCode::OK | StatusCode::CREATED) {
        return Ok(body);
    }
    let mut text = words(&body);
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        text = text.replace(secret.expose(), "***");
    }
    let colon = if text.is_empty() { "" } else { ": " };
    Err(format!("it answers {status}{colon}{text}"))
}

/// The URL in `text`, when secrets may be sent there: https, or http that does not leave the machine.
pub(super) fn endpoint(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|_| "it is not a URL".to_owned())?;
    let stays = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        None => false,
    };
    if !url.has_host() || !(url.scheme() == "https" || url.scheme() == "http" && stays) {
        return Err("it is not an https URL".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it holds user and password".to_owned());
    }
    Ok(url)
}

/// `base` with `parts` behind its path, each encoded.
pub(super) fn below(base: &Url, parts: &[&str]) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(parts);
    }
    url
}

/// What an answer says about its error, in the formats that the vendors document: JSON of AWS, OAuth2 (RFC 6749, section
/// 5.2), Google and container registries, and XML of AWS' query API.
fn words(body: &[u8]) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    let join = |code: String, message: String| format!("{code} {message}").trim().to_owned();
    if let Ok(json) = serde_json::from_slice::<Value>(body) {
        if json["error"].is_object() {
            return join(text(&json["error"]["status"]), text(&json["error"]["message"]));
        }
        if json["error"].is_string() {
            return join(text(&json["error"]), text(&json["error_description"]));
        }
        if json["errors"].is_array() {
            return join(text(&json["errors"][0]["code"]), text(&json["errors"][0]["message"]));
        }
        let code = text(&json["__type"]);
        let code = code.rsplit_once('#').map_or(code.as_str(), |(_, code)| code).to_owned();
        return join(code, text(&json["message"]) + &text(&json["Message"]));
    }
    let xml = String::from_utf8_lossy(body);
    join(
        element(&xml, "Code").unwrap_or("").to_owned(),
        element(&xml, "Message").unwrap_or("").to_owned(),
    )
}

/// The text of the first element `name` that has only text in it.
pub(super) fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let start = xml.find(&format!("<{name}>"))? + name.len() + 2;
    let rest = &xml[start..];
    let text = &rest[..rest.find('<')?];
    rest[text.len()..]
        .starts_with(&format!("</{name}>"))
        .then_some(text.trim())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn secrets_are_sent_over_https_or_within_the_machine() {
        for (text, fits) in [
            ("https://sts.eu-west-1.amazonaws.com/", true),
            ("http://127.0.0.1:8080/x", true),
            ("http://[::1]:8080", true),
            ("http://localhost", true),
            ("http://sts.eu-west-1.amazonaws.com", false),
            ("http://127.0.0.1.evil.test", false),
            ("http://10.0.0.1", false),
            ("https://bob:pw@sts.test", false),
            ("file:///etc/passwd", false),
            ("sts", false),
        ] {
            assert_eq!(endpoint(text).is_ok(), fits, "{text}");
        }
    }

    #[test]
    fn the_vendors_errors_are_understood() {
        for (body, expected) in [
            (
                r#"{"__type":"com.amazon#AccessDeniedException","Message":"no"}"#,
                "AccessDeniedException no",
            ),
            (
                "<ErrorResponse><Error><Code>InvalidIdentityToken</Code><Message>no</Message></Error></ErrorResponse>",
                "InvalidIdentityToken no",
            ),
            (
                r#"{"error":"invalid_grant","error_description":"no"}"#,
                "invalid_grant no",
            ),
            (
                r#"{"error":{"status":"PERMISSION_DENIED","message":"no"}}"#,
                "PERMISSION_DENIED no",
            ),
            (
                r#"{"errors":[{"code":"UNAUTHORIZED","message":"no"}]}"#,
                "UNAUTHORIZED no",
            ),
            ("<html>", ""),
            ("", ""),
        ] {
            assert_eq!(words(body.as_bytes()), expected, "{body}");
        }
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(body in r#"(<Code>|</Code>|<|\{|"error"|:|é|[a-z])*|.*"#) {
            words(body.as_bytes());
            let _ = element(&body, "Code");
        }
    }
}
