//! `/healthz` and `/readyz` for the kubelet.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::{body::Bytes, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_util::sync::CancellationToken;

/// Whether the program can do its work. A replica that waits for the lease is ready.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// Sets whether `/readyz` answers 200.
    pub fn set(&self, ready: bool) {
        self.0.store(ready, Ordering::Release);
    }

    fn get(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Connections at once: probes are few, and a stranger must not fill the file table.
const CONNECTIONS: usize = 64;

/// Serves the probes until `shutdown`. The address was bound by the caller, so that a used port ends the start.
pub async fn serve(listener: TcpListener, readiness: Readiness, shutdown: CancellationToken) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let (stream, _) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors: wait for some to come back rather than spin.
                    tracing::warn!(%error, "cannot accept a probe connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
            () = shutdown.cancelled() => return,
        };
        let Ok(slot) = slots.clone().try_acquire_owned() else {
            continue;
        };
        let readiness = readiness.clone();
        let shutdown = shutdown.clone();
        tokio::spawn(async move {
            let _slot = slot;
            let service = service_fn(move |request| {
                let answer = answer(&request, &readiness);
                async move { Ok::<_, Infallible>(answer) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(Duration::from_secs(10))
                .serve_connection(TokioIo::new(stream), service);
            tokio::select! {
                // A probe that breaks off is the prober's business.
                _ = connection => {}
                () = shutdown.cancelled() => {}
            }
        });
    }
}

fn answer<B>(request: &Request<B>, readiness: &Readiness) -> Response<Full<Bytes>> {
    let verbose = request
        .uri()
        .query()
        .is_some_and(|q| q.split('&').any(|p| p == "verbose" || p.starts_with("verbose=")));
    let (ok, check) = match request.uri().path() {
        "/healthz" | "/healthz/" => (true, "healthz"),
        "/readyz" | "/readyz/" => (readiness.get(), "warmup-check"),
        _ => return text(StatusCode::NOT_FOUND, "404 page not found\n".to_owned()),
    };
    let sign = if ok { "[+]" } else { "[-]" };
    let word = if ok {
        "ok"
    } else {
        "failed: the watches have not seen the cluster yet"
    };
    match (ok, verbose) {
        (true, false) => text(StatusCode::OK, "ok".to_owned()),
        (true, true) => text(StatusCode::OK, format!("{sign}{check} {word}\nhealthz check passed\n")),
        (false, _) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("{sign}{check} {word}\n")),
    }
}

fn text(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(path: &str, ready: bool) -> u16 {
        let readiness = Readiness::default();
        readiness.set(ready);
        let request = Request::builder().uri(path).body(()).expect("a request");
        answer(&request, &readiness).status().as_u16()
    }

    #[test]
    fn probes_tell_health_and_readiness() {
        for (path, ready, expected) in [
            ("/healthz", false, 200),
            ("/readyz", false, 500),
            ("/readyz", true, 200),
            ("/readyz?verbose", true, 200),
            ("/other", true, 404),
        ] {
            assert_eq!(status(path, ready), expected, "{path} {ready}");
        }
    }
}
