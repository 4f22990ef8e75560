//! What is true for every request: it is counted, few are in flight at once, none lasts for ever, no answer is endless.
//!
//! A layer of our own around a [`kube::Client`], because the client waits for ever on a connection that died silently.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use kube::client::Body;
use tokio::{sync::Semaphore, time::timeout};
use tower::BoxError;

/// The most requests in flight; watches, which last, are not among them.
const IN_FLIGHT: usize = 32;

/// How long one request may take, from its sending to the last byte of the answer (of a watch: to its first).
const PATIENCE: Duration = Duration::from_secs(30);

/// The most bytes of an answer. A page of a list is by far the largest: 50 objects of at most 1.5 MiB each.
const ANSWER_LIMIT: usize = 96 << 20;

/// How many requests were sent, and how many went wrong.
#[derive(Debug, Default)]
pub(super) struct Counters {
    sent: AtomicU64,
    failed: AtomicU64,
}

impl Counters {
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    pub(super) fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// A missing object is an answer like any other; everything else below 400 did what it should.
    fn count(&self, status: Option<StatusCode>) {
        let good = status.is_some_and(|s| s == StatusCode::NOT_FOUND || !(s.is_client_error() || s.is_server_error()));
        if !good {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// No answer came in time.
#[derive(Debug, thiserror::Error)]
#[error("no answer within {0:?}")]
pub(super) struct Overdue(pub(super) Duration);

/// A client that sends through `client` and obeys the limits of this module.
pub(super) fn guarded(client: kube::Client, counters: Arc<Counters>) -> kube::Client {
    let namespace = client.default_namespace().to_owned();
    let slots = Arc::new(Semaphore::new(IN_FLIGHT));
    let service = tower::service_fn(move |request: Request<Body>| {
        let (client, counters, slots) = (client.clone(), Arc::clone(&counters), Arc::clone(&slots));
        async move {
            let answer = carry(&client, &slots, &counters, request).await;
            counters.count(answer.as_ref().ok().map(Response::status));
            answer
        }
    });
    kube::Client::new(service, namespace)
}

async fn carry(
    client: &kube::Client,
    slots: &Semaphore,
    counters: &Counters,
    request: Request<Body>,
) -> Result<Response<Body>, BoxError> {
    let lasts = is_watch(&request);
    let _slot = if lasts { None } else { Some(slots.acquire().await?) };
    counters.sent.fetch_add(1, Ordering::Relaxed);
    let answer = async {
        let answer = client.send(request).await?;
        if lasts && answer.status().is_success() {
            return Ok(answer);
        }
        let (head, body) = answer.into_parts();
        let bytes = Limited::new(body, ANSWER_LIMIT).collect().await?.to_bytes();
        Ok(Response::from_parts(head, Body::from(bytes)))
    };
    timeout(PATIENCE, answer)
        .await
        .unwrap_or_else(|_| Err(Overdue(PATIENCE).into()))
}

fn is_watch(request: &Request<Body>) -> bool {
    let query = request.uri().query().unwrap_or("");
    query.split('&').any(|pair| matches!(pair, "watch=true" | "watch=1"))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn answering(status: u16) -> kube::Client {
        let service = tower::service_fn(move |_: Request<Body>| async move {
            Ok::<_, Infallible>(
                Response::builder()
                    .status(status)
                    .body(Body::from(b"{}".to_vec()))
                    .unwrap(),
            )
        });
        kube::Client::new(service, "default")
    }

    fn silent() -> kube::Client {
        let service = tower::service_fn(|_: Request<Body>| std::future::pending::<Result<Response<Body>, BoxError>>());
        kube::Client::new(service, "default")
    }

    fn get(path: &str) -> Request<Vec<u8>> {
        Request::get(path).body(Vec::new()).unwrap()
    }

    #[tokio::test]
    async fn every_request_is_counted_and_errors_are_counted_apart() {
        for (status, failed) in [(200, 0), (404, 0), (409, 1), (500, 1)] {
            let counters = Arc::new(Counters::default());
            let client = guarded(answering(status), Arc::clone(&counters));
            let _ = client.request_text(get("/api/v1/pods")).await;
            assert_eq!((counters.sent(), counters.failed()), (1, failed), "{status}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_never_answers_is_given_up() {
        let counters = Arc::new(Counters::default());
        let client = guarded(silent(), Arc::clone(&counters));
        for path in ["/api/v1/pods", "/api/v1/pods?watch=true&resourceVersion=1"] {
            let error = client.request_text(get(path)).await.unwrap_err();
            let kube::Error::Service(inner) = error else {
                panic!("{path}: {error}")
            };
            assert!(inner.is::<Overdue>(), "{path}: {inner}");
        }
        assert_eq!((counters.sent(), counters.failed()), (2, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn not_more_than_the_bound_are_in_flight() {
        let counters = Arc::new(Counters::default());
        let client = guarded(silent(), Arc::clone(&counters));
        let waiting: Vec<_> = (0..IN_FLIGHT + 8)
            .map(|_| {
                let client = client.clone();
                tokio::spawn(async move { client.request_text(get("/api/v1/pods")).await })
            })
            .collect();
        tokio::time::sleep(PATIENCE / 2).await;
        assert_eq!(counters.sent(), IN_FLIGHT as u64);
        for task in waiting {
            task.await.unwrap().unwrap_err();
        }
        assert_eq!(counters.sent(), IN_FLIGHT as u64 + 8);
    }
}
