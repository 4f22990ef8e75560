//! A server that answers by a script and remembers everything it was told.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, Response},
};

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Asked {
    /// A header, empty when it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("ASCII"))
    }

    /// The fields of a form.
    pub(crate) fn form(&self) -> BTreeMap<String, String> {
        assert_eq!(self.header("content-type"), "application/x-www-form-urlencoded");
        assert_eq!(self.header("content-length"), self.body.len().to_string());
        url::form_urlencoded::parse(self.body.as_bytes()).into_owned().collect()
    }
}

pub(crate) type Reply = Response<Body>;

pub(crate) struct StandIn {
    /// `http://127.0.0.1:<port>`
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl StandIn {
    /// Answers everything by `script`, which is told how many requests came before.
    pub(crate) async fn start(script: impl Fn(&Asked, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (log, script) = (Arc::clone(&asked), Arc::new(script));
        let app = Router::new().fallback(move |request: Request<Body>| {
            let (log, script) = (Arc::clone(&log), Arc::clone(&script));
            async move {
                let (head, body) = request.into_parts();
                let body = to_bytes(body, 1 << 20).await.expect("a body");
                let asked = Asked {
                    method: head.method.to_string(),
                    target: head.uri.path_and_query().expect("a target").to_string(),
                    headers: head.headers,
                    body: String::from_utf8(body.to_vec()).expect("UTF-8"),
                };
                let before = {
                    let mut log = log.lock().expect("the log");
                    log.push(asked.clone());
                    log.len() - 1
                };
                script(&asked, before)
            }
        });
        let task = tokio::spawn(async move { axum::serve(listener, app).await.expect("a server") });
        Self { url, asked, task }
    }

    /// Host and port.
    pub(crate) fn host(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("the log").clone()
    }

    /// Method and target of every request.
    pub(crate) fn targets(&self) -> Vec<String> {
        self.asked()
            .iter()
            .map(|a| format!("{} {}", a.method, a.target))
            .collect()
    }
}

pub(crate) fn reply(status: u16, body: impl Into<String>) -> Reply {
    Response::builder()
        .status(status)
        .body(Body::from(body.into()))
        .expect("an answer")
}

pub(crate) fn with(mut reply: Reply, name: &'static str, value: &str) -> Reply {
    reply.headers_mut().append(name, value.parse().expect("a header"));
    reply
}
