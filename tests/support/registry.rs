//! An OCI registry inside the process, for the quickstart and for faults that no real registry shows on request.
//!
//! It answers as the OCI distribution specification 1.1 says (end-1, end-2, end-3, end-8): version probe, blobs,
//! manifests by tag and digest, and the tag list with `Link` pages. Everything is counted.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    response::Response,
};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::task::JoinHandle;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// What goes wrong, while it is set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// Every request gets this status.
    Status(u16),
    /// 429 with `Retry-After` in seconds.
    TooMany(u64),
    /// The tag list ends in the middle of its JSON.
    TruncatedList,
    /// The second page of the tag list is an error.
    SecondPageFails,
    /// Manifests are answered with this status.
    Manifests(u16),
    /// The manifest of one tag is answered with this status.
    Manifest(String, u16),
    /// The tag list is not JSON.
    Html,
    /// Answers come after this long.
    Slow(Duration),
}

/// One request that was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Whether it carried an `Authorization`.
    pub authorized: bool,
}

#[derive(Default)]
struct Inner {
    /// repository -> tags in order of their first push -> digest
    tags: BTreeMap<String, Vec<(String, String)>>,
    /// digest -> content type, bytes
    content: BTreeMap<String, (String, Vec<u8>)>,
    seen: Vec<Seen>,
    fault: Fault,
    page: Option<usize>,
    basic: Option<String>,
    private: Option<String>,
}

/// A registry on a free loopback port; it ends when dropped.
pub struct Registry {
    address: SocketAddr,
    inner: Arc<Mutex<Inner>>,
    task: JoinHandle<()>,
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Registry {
    /// Starts an empty registry.
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a free loopback port");
        let address = listener.local_addr().expect("a bound address");
        let inner = Arc::<Mutex<Inner>>::default();
        let app = Router::new().fallback(answer).with_state(inner.clone());
        let task = tokio::spawn(async move {
            axum::serve(listener, app)
                .await
                .expect("the registry serves until it is dropped");
        });
        Self { address, inner, task }
    }

    /// `http://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Pushes a small image for `linux/amd64` and answers its manifest's digest.
    pub fn push(&self, repository: &str, tag: &str, created: &str) -> String {
        self.push_labelled(repository, tag, created, &[])
    }

    /// The same with labels.
    pub fn push_labelled(&self, repository: &str, tag: &str, created: &str, labels: &[(&str, &str)]) -> String {
        let labels: BTreeMap<_, _> = labels.iter().copied().collect();
        let config = json!({
            "os": "linux", "architecture": "amd64", "created": created, "config": { "Labels": labels },
            "rootfs": { "type": "layers", "diff_ids": [] }, "author": format!("{repository}:{tag}"),
        });
        let mut inner = self.lock();
        let (config_digest, size) = inner.store(CONFIG, config.to_string().into_bytes());
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": { "mediaType": CONFIG, "digest": config_digest, "size": size }, "layers": [],
        });
        let (digest, _) = inner.store(MANIFEST, manifest.to_string().into_bytes());
        inner.tag(repository, tag, &digest);
        digest
    }

    /// Takes a tag away.
    pub fn delete_tag(&self, repository: &str, tag: &str) {
        if let Some(tags) = self.lock().tags.get_mut(repository) {
            tags.retain(|(name, _)| name != tag);
        }
    }

    /// Sets what goes wrong from now on.
    pub fn fault(&self, fault: Fault) {
        self.lock().fault = fault;
    }

    /// Cuts tag lists into pages of this many.
    pub fn page_size(&self, size: usize) {
        self.lock().page = Some(size);
    }

    /// Asks for `user:password` from now on.
    pub fn require_basic(&self, user_password: &str) {
        use base64::Engine as _;
        self.lock().basic = Some(format!(
            "Basic {}",
            base64::engine::general_purpose::STANDARD.encode(user_password)
        ));
    }

    /// Asks for credentials for this repository only, and is content with none.
    pub fn make_private(&self, repository: &str) {
        self.lock().private = Some(repository.to_owned());
    }

    /// Every request so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.lock().seen.clone()
    }

    /// How many requests had a path with this in it.
    pub fn count(&self, part: &str) -> usize {
        self.lock().seen.iter().filter(|s| s.path.contains(part)).count()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no panic while locked")
    }
}

impl Inner {
    fn store(&mut self, media_type: &str, bytes: Vec<u8>) -> (String, usize) {
        let digest = format!("sha256:{}", hex::encode(Sha256::digest(&bytes)));
        let size = bytes.len();
        self.content.insert(digest.clone(), (media_type.to_owned(), bytes));
        (digest, size)
    }

    fn tag(&mut self, repository: &str, tag: &str, digest: &str) {
        let tags = self.tags.entry(repository.to_owned()).or_default();
        match tags.iter_mut().find(|(name, _)| name == tag) {
            Some(entry) => digest.clone_into(&mut entry.1),
            None => tags.push((tag.to_owned(), digest.to_owned())),
        }
    }

    fn list(&self, repository: &str, query: &str) -> Response {
        let Some(tags) = self.tags.get(repository) else {
            return error(StatusCode::NOT_FOUND, "NAME_UNKNOWN");
        };
        let mut names: Vec<&str> = tags.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        let parameter = |key: &str| query.split('&').find_map(|p| p.strip_prefix(key)?.strip_prefix('='));
        let last = parameter("last");
        if self.fault == Fault::SecondPageFails && last.is_some() {
            return error(StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN");
        }
        let from = last.map_or(0, |last| names.partition_point(|name| *name <= last));
        let asked = parameter("n").and_then(|n| n.parse().ok()).unwrap_or(usize::MAX);
        let size = self.page.unwrap_or(usize::MAX).min(asked).max(1);
        let page: Vec<_> = names.iter().skip(from).take(size).collect();
        let mut body = json!({ "name": repository, "tags": page }).to_string();
        if self.fault == Fault::TruncatedList {
            body.truncate(body.len() - 4);
        }
        let mut response = content("application/json", body.into_bytes());
        if from + page.len() < names.len()
            && let Some(last) = page.last()
        {
            let link = format!("</v2/{repository}/tags/list?last={last}&n={size}>; rel=\"next\"");
            response
                .headers_mut()
                .insert(header::LINK, HeaderValue::from_str(&link).expect("an ASCII link"));
        }
        response
    }

    fn manifest(&self, repository: &str, reference: &str) -> Response {
        match &self.fault {
            Fault::Manifests(status) => return error(StatusCode::from_u16(*status).expect("a status"), "UNKNOWN"),
            Fault::Manifest(tag, status) if tag == reference => {
                return error(StatusCode::from_u16(*status).expect("a status"), "UNKNOWN");
            }
            _ => {}
        }
        let by_tag = self
            .tags
            .get(repository)
            .and_then(|tags| tags.iter().find(|(name, _)| name == reference));
        let digest = by_tag.map_or(reference, |(_, digest)| digest.as_str());
        match self.content.get(digest) {
            Some((media_type, bytes)) => {
                let mut response = content(media_type, bytes.clone());
                let digest = HeaderValue::from_str(digest).expect("an ASCII digest");
                response.headers_mut().insert("docker-content-digest", digest);
                response
            }
            None => error(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN"),
        }
    }

    fn route(&self, path: &str, query: &str, authorization: Option<&str>) -> Response {
        match &self.fault {
            Fault::Status(status) => return error(StatusCode::from_u16(*status).expect("a status"), "UNKNOWN"),
            Fault::TooMany(seconds) => {
                let mut response = error(StatusCode::TOO_MANY_REQUESTS, "TOOMANYREQUESTS");
                response
                    .headers_mut()
                    .insert(header::RETRY_AFTER, HeaderValue::from(*seconds));
                return response;
            }
            Fault::Html => return content("text/html", b"<html>a captive portal</html>".to_vec()),
            _ => {}
        }
        let rest = path.strip_prefix("/v2/").unwrap_or_default();
        let is_private = self
            .private
            .as_ref()
            .is_some_and(|private| rest.starts_with(&format!("{private}/")));
        if is_private || (self.basic.is_some() && self.basic.as_deref() != authorization) {
            let mut response = error(StatusCode::UNAUTHORIZED, "UNAUTHORIZED");
            let challenge = HeaderValue::from_static("Basic realm=\"registry\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
            return response;
        }
        let Some(rest) = path.strip_prefix("/v2/") else {
            return error(StatusCode::NOT_FOUND, "NOT_FOUND");
        };
        if rest.is_empty() {
            return content("application/json", b"{}".to_vec());
        }
        if let Some(repository) = rest.strip_suffix("/tags/list") {
            return self.list(repository, query);
        }
        if let Some((repository, reference)) = rest.rsplit_once("/manifests/") {
            return self.manifest(repository, reference);
        }
        if let Some((_, digest)) = rest.rsplit_once("/blobs/") {
            return match self.content.get(digest) {
                Some((_, bytes)) => content("application/octet-stream", bytes.clone()),
                None => error(StatusCode::NOT_FOUND, "BLOB_UNKNOWN"),
            };
        }
        error(StatusCode::NOT_FOUND, "NOT_FOUND")
    }
}

async fn answer(State(inner): State<Arc<Mutex<Inner>>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or("").to_owned();
    let authorization = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|v| v.to_str().ok())
        .map(str::to_owned);
    let slow = {
        let mut inner = inner.lock().expect("no panic while locked");
        let full = request
            .uri()
            .path_and_query()
            .map_or_else(String::new, ToString::to_string);
        let seen = Seen {
            method: request.method().to_string(),
            path: full,
            authorized: authorization.is_some(),
        };
        inner.seen.push(seen);
        if let Fault::Slow(delay) = inner.fault {
            Some(delay)
        } else {
            None
        }
    };
    if let Some(delay) = slow {
        tokio::time::sleep(delay).await;
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return error(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED");
    }
    inner
        .lock()
        .expect("no panic while locked")
        .route(&path, &query, authorization.as_deref())
}

fn content(media_type: &str, bytes: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(bytes));
    let media_type = HeaderValue::from_str(media_type).expect("an ASCII media type");
    response.headers_mut().insert(header::CONTENT_TYPE, media_type);
    response
}

fn error(status: StatusCode, code: &str) -> Response {
    let body = json!({ "errors": [{ "code": code, "message": "scripted" }] }).to_string();
    let mut response = content("application/json", body.into_bytes());
    *response.status_mut() = status;
    response
}
