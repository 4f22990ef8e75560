//! A server that answers by a script and remembers what it was asked.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::Body,
    http::{Request, Response, StatusCode, request::Parts},
};
use futures::StreamExt as _;

/// One request, as the script sees it.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) if_none_match: String,
    /// Path and query.
    pub(super) target: String,
    pub(super) authorization: String,
    pub(super) accept: Vec<String>,
    pub(super) user_agent: String,
    pub(super) body: String,
    /// How many requests for the same target came before.
    pub(super) before: usize,
}

pub(super) type Reply = Response<Body>;

pub(super) struct Server {
    /// `http://127.0.0.1:<port>`
    pub(super) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Answers everything by `script`, which is told its own URL.
    pub(super) async fn start(script: impl Fn(&str, &Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (log, own, script) = (Arc::clone(&asked), url.clone(), Arc::new(script));
        let app = Router::new().fallback(move |request: Request<Body>| {
            let (log, own, script) = (Arc::clone(&log), own.clone(), Arc::clone(&script));
            async move {
                let (head, body) = request.into_parts();
                let body = axum::body::to_bytes(body, 1 << 16).await.unwrap();
                let asked = remember(&log, &head, String::from_utf8(body.to_vec()).unwrap());
                script(&own, &asked)
            }
        });
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, asked, task }
    }

    /// A registry that wants nothing to log in; `script` answers everything but the probe.
    pub(super) async fn open(script: impl Fn(&str, &Asked) -> Reply + Send + Sync + 'static) -> Self {
        Self::start(move |own, asked| {
            if asked.target == "/v2/" {
                json(200, "{}")
            } else {
                script(own, asked)
            }
        })
        .await
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub(super) fn targets(&self) -> Vec<String> {
        self.asked().into_iter().map(|a| a.target).collect()
    }
}

fn remember(log: &Mutex<Vec<Asked>>, request: &Parts, body: String) -> Asked {
    let header = |name: &str| {
        let value = request.headers.get(name);
        value.map(|v| v.to_str().unwrap().to_owned()).unwrap_or_default()
    };
    let target = request.uri.path_and_query().unwrap().to_string();
    let mut log = log.lock().unwrap();
    let asked = Asked {
        before: log.iter().filter(|a| a.target == target).count(),
        authorization: header("authorization"),
        accept: request
            .headers
            .get_all("accept")
            .iter()
            .map(|v| v.to_str().unwrap().to_owned())
            .collect(),
        user_agent: header("user-agent"),
        if_none_match: header("if-none-match"),
        method: request.method.to_string(),
        target,
        body,
    };
    log.push(asked.clone());
    asked
}

/// An answer with one content type.
pub(super) fn typed(status: u16, media_type: &str, body: impl Into<Body>) -> Reply {
    Response::builder()
        .status(status)
        .header("content-type", media_type)
        .body(body.into())
        .unwrap()
}

pub(super) fn json(status: u16, body: impl Into<Body>) -> Reply {
    typed(status, "application/json", body)
}

/// A page of a tag list.
pub(super) fn page(tags: &[&str]) -> Reply {
    json(200, serde_json::json!({"name": "team/app", "tags": tags}).to_string())
}

pub(super) fn with(mut reply: Reply, name: &'static str, value: &str) -> Reply {
    reply.headers_mut().append(name, value.parse().unwrap());
    reply
}

pub(super) fn status(code: u16) -> Reply {
    Response::builder()
        .status(StatusCode::from_u16(code).unwrap())
        .body(Body::empty())
        .unwrap()
}

/// A body that sends `start`, and breaks off when that has arrived.
pub(super) fn broken(start: &'static str) -> Body {
    let cut = async {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        Err(std::io::Error::other("cut"))
    };
    Body::from_stream(futures::stream::iter([Ok(start)]).chain(futures::stream::once(cut)))
}

/// A server that does with each connection what it likes: `serve` gets it, and which one it is, after the head of a request
/// was read.
pub(super) struct Raw {
    /// `http://127.0.0.1:<port>`
    pub(super) url: String,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Raw {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Raw {
    /// Listens on `address`, of which the port may be 0.
    pub(super) async fn start<F>(
        address: &str,
        serve: impl Fn(tokio::net::TcpStream, usize) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move {
            // Dropped with this task, so that nothing outlives the server.
            let mut connections = tokio::task::JoinSet::new();
            for number in 0.. {
                let (mut stream, _) = listener.accept().await.unwrap();
                let serve = &serve;
                read_head(&mut stream).await;
                connections.spawn(serve(stream, number));
            }
        });
        Self { url, task }
    }

    /// A server that takes every connection and never says anything.
    pub(super) async fn silent() -> Self {
        Self::start("127.0.0.1:0", |stream, _| async move {
            std::future::pending::<()>().await;
            drop(stream);
        })
        .await
    }
}

async fn read_head(stream: &mut tokio::net::TcpStream) {
    use tokio::io::AsyncReadExt as _;
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).await.is_ok_and(|n| n > 0) {
        head.extend_from_slice(&byte);
    }
}
