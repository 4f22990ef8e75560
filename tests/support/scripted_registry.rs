//! A small internet for tests of registries: hosts by their real names, each answering by a script.
//!
//! The program reaches it as a proxy (`CONNECT` for https, absolute targets for http), so that rules about names hold as
//! they do outside: which host is whose, and who may be told credentials. https hosts have certificates of one CA, which
//! the program is told to trust. One more origin, [`Internet::direct`], is reached without the proxy, for programs that are
//! told of none. Everything that was asked is kept; a host that nobody scripted answers 502 and is kept too.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    body::{Body, to_bytes},
    http::{Request, Response, StatusCode},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// The first byte of a TLS connection.
const TLS_HANDSHAKE: u8 = 22;
/// The largest request that is read.
const MAX_BODY: usize = 1 << 20;

/// An answer.
pub type Reply = Response<Body>;

type Script = Arc<dyn Fn(&Asked) -> Reply + Send + Sync>;

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Scheme, host and port: `https://auth.docker.io`.
    pub origin: String,
    /// The method.
    pub method: String,
    /// The path, as it was sent.
    pub path: String,
    /// The query as it was sent, without `?`.
    pub query: String,
    /// The value of `Authorization`; empty without one.
    pub authorization: String,
    /// The media types of `Accept`, in order.
    pub accept: Vec<String>,
    /// The body, as text.
    pub body: String,
}

impl Asked {
    /// A parameter of the query, decoded.
    pub fn parameter(&self, key: &str) -> Option<String> {
        let pairs = url::form_urlencoded::parse(self.query.as_bytes());
        pairs.into_iter().find(|(k, _)| k == key).map(|(_, v)| v.into_owned())
    }

    /// Whether `Authorization` is this user and password.
    pub fn is_basic(&self, user: &str, password: &str) -> bool {
        use base64::Engine as _;
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        self.authorization == format!("Basic {pair}")
    }

    /// The scheme of `Authorization`, `-` without one.
    pub fn login(&self) -> &str {
        self.authorization
            .split(' ')
            .next()
            .filter(|s| !s.is_empty())
            .unwrap_or("-")
    }
}

/// The hosts, and what they were asked. They end when this is dropped.
pub struct Internet {
    address: SocketAddr,
    ca: String,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    issuer: CertifiedIssuer<'static, KeyPair>,
    scripts: Mutex<BTreeMap<String, Script>>,
    asked: Mutex<Vec<Asked>>,
}

impl Drop for Internet {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Internet {
    /// An empty one.
    pub async fn start() -> Self {
        argocd_image_updater::http::use_ring();
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("a CA");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free loopback port");
        let address = listener.local_addr().expect("a bound address");
        let ca = issuer.pem();
        let shared = Arc::new(Shared {
            issuer,
            scripts: Mutex::default(),
            asked: Mutex::default(),
        });
        let own = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                // A client that goes away, or does not trust us, ends its connection only.
                connections.spawn(serve(stream, Arc::clone(&own)));
                while connections.try_join_next().is_some() {}
            }
        });
        Self {
            address,
            ca,
            shared,
            task,
        }
    }

    /// Lets `origin` (`https://ghcr.io`) answer by `script`.
    pub fn host(&self, origin: &str, script: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> &Self {
        let mut scripts = self.shared.scripts.lock().expect("no panic while locked");
        scripts.insert(origin.to_owned(), Arc::new(script));
        self
    }

    /// The URL of the proxy by which the hosts are reached.
    pub fn proxy(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The origin that is reached without the proxy: `https://127.0.0.1:port`.
    pub fn direct(&self) -> String {
        format!("https://{}", self.address)
    }

    /// A certificate of the CA for a name or address, and its key, both as PEM.
    pub fn certificate(&self, name: &str) -> (String, String) {
        let (leaf, key) = self.shared.issue(name);
        (leaf.pem(), key.serialize_pem())
    }

    /// The certificate that signs those of the https hosts, as PEM.
    pub fn ca(&self) -> &str {
        &self.ca
    }

    /// Everything that was asked, in order.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().expect("no panic while locked").clone()
    }

    /// What was asked of one origin.
    pub fn asked_of(&self, origin: &str) -> Vec<Asked> {
        let mut asked = self.asked();
        asked.retain(|asked| asked.origin == origin);
        asked
    }

    /// Forgets what was asked so far.
    pub fn forget(&self) {
        self.shared.asked.lock().expect("no panic while locked").clear();
    }

    /// Which schemes of `Authorization` each origin got: `"https://auth.docker.io Basic"`. `-` is a request without one.
    pub fn logins(&self) -> Vec<String> {
        let asked = self.asked();
        let all: BTreeSet<String> = asked.iter().map(|a| format!("{} {}", a.origin, a.login())).collect();
        all.into_iter().collect()
    }
}

async fn serve(mut stream: TcpStream, shared: Arc<Shared>) -> std::io::Result<()> {
    let mut start = [0; 8];
    // Whoever says less than this at once is no client of ours.
    let said = stream.peek(&mut start).await?;
    if said > 0 && start[0] == TLS_HANDSHAKE {
        let address = stream.local_addr()?;
        let tls = shared.acceptor(&address.ip().to_string()).accept(stream).await?;
        return http(TokioIo::new(tls), Some(format!("https://{address}")), shared).await;
    }
    if said < start.len() || &start != b"CONNECT " {
        return http(TokioIo::new(stream), None, shared).await;
    }
    let target = connect(&mut stream).await?;
    let name = target
        .rsplit_once(':')
        .map_or(target.as_str(), |(host, _)| host)
        .to_owned();
    let origin = format!("https://{}", target.strip_suffix(":443").unwrap_or(&target));
    if !shared
        .scripts
        .lock()
        .expect("no panic while locked")
        .contains_key(&origin)
    {
        shared.remember(Asked {
            origin,
            method: "CONNECT".to_owned(),
            path: String::new(),
            query: String::new(),
            authorization: String::new(),
            accept: Vec::new(),
            body: String::new(),
        });
        return stream
            .write_all(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n")
            .await;
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    let tls = shared.acceptor(&name).accept(stream).await?;
    http(TokioIo::new(tls), Some(origin), shared).await
}

/// Reads the head of a `CONNECT` and nothing more; answers its target.
async fn connect(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < 8192 {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head);
    Ok(head.split(' ').nth(1).unwrap_or_default().to_owned())
}

async fn http<S>(stream: TokioIo<S>, origin: Option<String>, shared: Arc<Shared>) -> std::io::Result<()>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let (origin, shared) = (origin.clone(), Arc::clone(&shared));
        async move { Ok::<_, Infallible>(shared.answer(origin, request).await) }
    });
    http1::Builder::new()
        .serve_connection(stream, service)
        .await
        .map_err(std::io::Error::other)
}

impl Shared {
    fn issue(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![name.to_owned()]).expect("a host name");
        (params.signed_by(&key, &self.issuer).expect("a certificate"), key)
    }

    fn acceptor(&self, name: &str) -> tokio_rustls::TlsAcceptor {
        let (leaf, key) = self.issue(name);
        let key = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).expect("a PKCS#8 key");
        let config = rustls::ServerConfig::builder().with_no_client_auth();
        let config = config.with_single_cert(vec![leaf.der().clone()], key);
        Arc::new(config.expect("key and certificate fit")).into()
    }

    fn remember(&self, asked: Asked) {
        self.asked.lock().expect("no panic while locked").push(asked);
    }

    async fn answer(&self, origin: Option<String>, request: Request<Incoming>) -> Reply {
        let (head, body) = request.into_parts();
        let header = |name: &str| {
            head.headers
                .get(name)
                .and_then(|v| v.to_str().ok())
                .unwrap_or_default()
                .to_owned()
        };
        let authority = head.uri.authority().map_or_else(|| header("host"), ToString::to_string);
        let accept = head.headers.get_all("accept").iter().filter_map(|v| v.to_str().ok());
        let asked = Asked {
            origin: origin.unwrap_or_else(|| format!("http://{authority}")),
            method: head.method.to_string(),
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            authorization: header("authorization"),
            accept: accept.flat_map(|v| v.split(',')).map(|v| v.trim().to_owned()).collect(),
            body: to_bytes(Body::new(body), MAX_BODY).await.map_or_else(
                |e| format!("unreadable: {e}"),
                |bytes| String::from_utf8_lossy(&bytes).into_owned(),
            ),
        };
        self.remember(asked.clone());
        let script = self
            .scripts
            .lock()
            .expect("no panic while locked")
            .get(&asked.origin)
            .cloned();
        let mut reply = script.map_or_else(|| status(502), |script| script(&asked));
        if asked.method == "HEAD" {
            *reply.body_mut() = Body::empty();
        }
        reply
    }
}

/// An answer without a body.
pub fn status(code: u16) -> Reply {
    let mut reply = Response::new(Body::empty());
    *reply.status_mut() = StatusCode::from_u16(code).expect("a status");
    reply
}

/// An answer with one content type.
pub fn typed(code: u16, media_type: &str, body: impl Into<Body>) -> Reply {
    let mut reply = with(status(code), "content-type", media_type);
    *reply.body_mut() = body.into();
    reply
}

/// An answer in JSON.
pub fn json(code: u16, body: &serde_json::Value) -> Reply {
    typed(code, "application/json", body.to_string())
}

/// An error in the format of the distribution specification.
pub fn error(code: u16, name: &str, message: &str) -> Reply {
    json(
        code,
        &serde_json::json!({ "errors": [{ "code": name, "message": message }] }),
    )
}

/// The same answer with one more header.
pub fn with(mut reply: Reply, name: &'static str, value: &str) -> Reply {
    reply.headers_mut().append(name, value.parse().expect("a header"));
    reply
}

/// A 401 that asks to log in as `challenge` says.
pub fn unauthorized(challenge: &str) -> Reply {
    with(
        error(401, "UNAUTHORIZED", "authentication required"),
        "www-authenticate",
        challenge,
    )
}
