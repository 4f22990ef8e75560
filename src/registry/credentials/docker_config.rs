//! Pull secrets: the configuration file of container tools (`.dockerconfigjson`).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};

use super::{Credentials, CredentialsError};
use crate::{core::foreign::ForeignText, secret::Secret};

/// The names of Docker Hub; its entry is written under the second by `docker login`.
const HUB: [&str; 3] = ["docker.io", "index.docker.io", "registry-1.docker.io"];

/// Reads the entry for the registry at `api_url` from `auths`.
///
/// Scheme and trailing slash do not matter; host and port must be equal, and the path of a key must be that of the
/// registry or lie below it. An entry for the host as a whole is preferred, then the longest path. The entry's `auth` is
/// `user:password` in base64; without it `username` and `password` are read. An `identitytoken` is used instead of the
/// password, as `docker login` means it.
pub fn from_docker_config(json: &str, api_url: &str) -> Result<Credentials, CredentialsError> {
    let config: Map<String, Value> = serde_json::from_str(json).map_err(|_| CredentialsError::BadJson)?;
    let auths = config
        .get("auths")
        .and_then(Value::as_object)
        .ok_or(CredentialsError::NoAuths)?;
    let registry = Place::of(api_url, None);
    let best = auths
        .iter()
        .filter_map(|(key, entry)| Some((rank(&registry, key)?, entry)))
        .min_by(|(a, _), (b, _)| a.cmp(b));
    let (_, entry) = best.ok_or_else(|| CredentialsError::NoMatch {
        registry: ForeignText::new(&registry.shown()),
    })?;
    read(entry.as_object().ok_or(CredentialsError::BadEntry)?)
}

fn read(entry: &Map<String, Value>) -> Result<Credentials, CredentialsError> {
    let text = |key: &str| entry.get(key).and_then(Value::as_str);
    let auth = text("auth");
    let pair = match auth.filter(|a| !a.is_empty()) {
        Some(auth) => {
            let bytes = STANDARD.decode(auth).map_err(|_| CredentialsError::BadBase64)?;
            let pair = String::from_utf8(bytes).map_err(|_| CredentialsError::BadUserPass)?;
            let (username, password) = pair.split_once(':').ok_or(CredentialsError::BadUserPass)?;
            Some(Credentials::new(username, password.to_owned()))
        }
        None => None,
    };
    if let Some(token) = text("identitytoken").filter(|token| !token.is_empty()) {
        let username = pair.map_or_else(|| text("username").unwrap_or("").to_owned(), |pair| pair.username);
        return Ok(Credentials::with_identity_token(username, Secret::new(token)));
    }
    if let Some(pair) = pair {
        return Ok(pair);
    }
    match (text("username"), text("password")) {
        (Some(username), Some(password)) => Ok(Credentials::new(username, Secret::new(password))),
        _ if auth.is_some() => Err(CredentialsError::BadUserPass),
        _ => Err(CredentialsError::BadAuthType),
    }
}

/// How well a key fits, the best first: the whole host, then longer paths, then the host in the registry's own spelling,
/// then byte order, so that the order of the file never decides.
fn rank<'a>(registry: &Place, key: &'a str) -> Option<(bool, std::cmp::Reverse<usize>, bool, &'a str)> {
    let place = Place::of(key, Some(registry));
    if place.host != registry.host || place.port != registry.port {
        return None;
    }
    let below = place.path.strip_prefix(registry.path.as_str())?;
    if !(below.is_empty() || registry.path.is_empty() || below.starts_with('/')) {
        return None;
    }
    Some((
        !below.is_empty(),
        std::cmp::Reverse(below.len()),
        place.written != registry.written,
        key,
    ))
}

/// Host, port and path of a URL, or of `host[:port][/path]`.
struct Place {
    host: String,
    /// The host before Docker Hub's names became one.
    written: String,
    /// A key without a port has the default port of the registry's scheme.
    port: String,
    default_port: &'static str,
    /// Without slashes at its ends.
    path: String,
}

impl Place {
    /// Reads `text`. A key is read with the scheme of the `registry`: its own does not matter.
    fn of(text: &str, registry: Option<&Place>) -> Self {
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let colon = authority.rfind(':').filter(|at| !authority[*at..].contains(']'));
        let (host, port) = colon.map_or((authority, ""), |at| (&authority[..at], &authority[at + 1..]));
        let written = host.to_ascii_lowercase();
        let is_hub = HUB.contains(&written.as_str());
        let default_port = match (registry, scheme) {
            (None, "http") => "80",
            (None, _) => "443",
            (Some(registry), _) => registry.default_port,
        };
        let path = path.trim_matches('/');
        Self {
            host: if is_hub { HUB[0].to_owned() } else { written.clone() },
            written,
            port: if port.is_empty() {
                default_port.to_owned()
            } else {
                port.to_owned()
            },
            default_port,
            // `docker login` writes the version of the API behind Docker Hub's host.
            path: if is_hub && matches!(path, "v1" | "v2") {
                String::new()
            } else {
                path.to_owned()
            },
        }
    }

    fn shown(&self) -> String {
        let slash = if self.path.is_empty() { "" } else { "/" };
        format!("{}:{}{slash}{}", self.host, self.port, self.path)
    }
}
