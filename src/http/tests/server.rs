//! Servers with a thread of their own: one request per connection, by plain TCP or TLS.

use std::{
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer},
};

/// A running server.
pub(super) struct Served {
    /// `http://127.0.0.1:<port>` or `https://...`
    pub(super) url: String,
    pub(super) port: u16,
    /// The head of each request.
    seen: Arc<Mutex<Vec<String>>>,
}

impl Served {
    pub(super) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

/// An http server.
pub(super) fn plain(answer: impl Fn(&str) -> String + Send + 'static) -> Served {
    serve("http", move |mut stream, seen| exchange(&mut stream, seen, &answer))
}

/// An https server.
pub(super) fn tls(config: ServerConfig, answer: impl Fn(&str) -> String + Send + 'static) -> Served {
    let config = Arc::new(config);
    serve("https", move |mut stream, seen| {
        let mut tls = rustls::ServerConnection::new(Arc::clone(&config)).map_err(io::Error::other)?;
        let mut tls = rustls::Stream::new(&mut tls, &mut stream);
        exchange(&mut tls, seen, &answer)
    })
}

/// What a server shows: its certificates and its key.
pub(super) fn shows(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> ServerConfig {
    super::use_ring();
    ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap()
}

/// Answers each connection, one after the other.
pub(super) fn serve(
    scheme: &str,
    answer: impl Fn(TcpStream, &Mutex<Vec<String>>) -> io::Result<()> + Send + 'static,
) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = Arc::clone(&seen);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that does not like us goes away; the next one is waited for.
            let _ = answer(stream, &log);
        }
    });
    Served {
        url: format!("{scheme}://127.0.0.1:{port}"),
        port,
        seen,
    }
}

fn exchange(
    stream: &mut (impl Read + Write),
    seen: &Mutex<Vec<String>>,
    answer: &impl Fn(&str) -> String,
) -> io::Result<()> {
    let head = read_head(stream)?;
    seen.lock().unwrap().push(head.clone());
    stream.write_all(answer(&head).as_bytes())?;
    stream.flush()
}

/// A request up to the empty line, in lower case but for its values.
pub(super) fn read_head(stream: &mut impl Read) -> io::Result<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    String::from_utf8(head).map_err(io::Error::other)
}

pub(super) fn ok(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

pub(super) fn redirect(to: &str) -> String {
    format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
}

/// The target of a request.
pub(super) fn target(head: &str) -> &str {
    head.split(' ').nth(1).unwrap()
}

/// The value of a header, if it is there.
pub(super) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(": ")?;
        found.eq_ignore_ascii_case(name).then_some(value)
    })
}

/// A port where nobody listens: the listener was closed again.
pub(super) fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
