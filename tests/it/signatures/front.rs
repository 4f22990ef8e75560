//! The real registry behind something that notes what is asked, and can be out of order for signatures.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse as _, Response},
};

use crate::world::{ReferenceRegistry, World};

/// Stands before the real registry, notes what is asked, and can be out of order for signatures.
pub(super) struct Front {
    seen: Arc<Mutex<Vec<String>>>,
    broken: Arc<AtomicBool>,
    bare: Arc<AtomicBool>,
    address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Front {
    /// Lets the program reach the registry of `world` through it.
    pub(super) async fn of(world: &World) -> Self {
        let front = Self::start().await;
        let (host, address) = (world.registry.host(), front.address);
        world.write_registries_conf(&format!(
            "registries:\n- name: test\n  prefix: {host}\n  api_url: http://{address}\n"
        ));
        front
    }

    /// Lets the program reach the registry of `world` through the second, after the first as its mirror.
    pub(super) async fn mirror_of(world: &World) -> (Self, Self) {
        let (mirror, original) = (Self::start().await, Self::start().await);
        let (host, at, behind) = (world.registry.host(), mirror.address, original.address);
        world.write_registries_conf(&format!(
            "registries:\n\
             - {{name: test, prefix: '{host}', api_url: 'http://{behind}', mirrors: ['{at}']}}\n\
             - {{name: mirror, prefix: '{at}', api_url: 'http://{at}'}}\n"
        ));
        (mirror, original)
    }

    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let (seen, broken, bare) = (
            Arc::default(),
            Arc::<AtomicBool>::default(),
            Arc::<AtomicBool>::default(),
        );
        let app = Router::new().fallback(answer);
        let app = app.with_state((Arc::clone(&seen), Arc::clone(&broken), Arc::clone(&bare)));
        let task = tokio::spawn(async move { axum::serve(listener, app).await.expect("it serves") });
        Self {
            seen,
            broken,
            bare,
            address,
            task,
        }
    }

    /// The paths that were asked for and hold `part`.
    pub(super) fn requests(&self, part: &str) -> Vec<String> {
        let seen = self.seen.lock().expect("no test failed before");
        seen.iter().filter(|path| path.contains(part)).cloned().collect()
    }

    /// How often it was asked for signatures in a repository.
    pub(super) fn signature_requests(&self, name: &str) -> usize {
        let of_name = self.requests(&format!("/{name}/"));
        of_name.iter().filter(|path| is_about_signatures(path)).count()
    }

    pub(super) fn break_signatures(&self, broken: bool) {
        self.broken.store(broken, Ordering::Relaxed);
    }

    /// It has the images and not their signatures.
    pub(super) fn leave_out_signatures(&self) {
        self.bare.store(true, Ordering::Relaxed);
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn is_about_signatures(path: &str) -> bool {
    path.contains("/referrers/") || path.contains("/manifests/sha256-")
}

type Shared = (Arc<Mutex<Vec<String>>>, Arc<AtomicBool>, Arc<AtomicBool>);

async fn answer(State((seen, broken, bare)): State<Shared>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    // Any client begins by asking who is there.
    if path != "/v2/" {
        seen.lock().expect("no test failed before").push(path.clone());
    }
    if broken.load(Ordering::Relaxed) && is_about_signatures(&path) {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    if bare.load(Ordering::Relaxed) && is_about_signatures(&path) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let host = ReferenceRegistry::shared().await.host();
    let target = request.uri().path_and_query().map_or("", |path| path.as_str());
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let mut forwarded = client.request(request.method().clone(), format!("http://{host}{target}"));
    for accept in request.headers().get_all(header::ACCEPT) {
        forwarded = forwarded.header(header::ACCEPT, accept);
    }
    let answer = forwarded.send().await.expect("the registry answers");
    let mut response = Response::builder().status(answer.status());
    let digest = HeaderName::from_static("docker-content-digest");
    for name in [header::CONTENT_TYPE, header::LINK, header::ETAG, digest] {
        if let Some(value) = answer.headers().get(&name) {
            response = response.header(name, value);
        }
    }
    let body = answer.bytes().await.expect("a whole answer");
    response.body(Body::from(body)).expect("an answer")
}
