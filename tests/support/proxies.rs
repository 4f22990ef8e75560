//! Small proxies that remember what they were asked for: SOCKS 5 (RFC 1928, RFC 1929) and `CONNECT` (RFC 9110).

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

/// What a proxy speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// SOCKS 5; only requests by name or IPv4 address.
    Socks5,
    /// `CONNECT` only.
    Http,
}

/// A proxy that lets one user through. Whatever it is asked for, it connects to `127.0.0.1`. Ends with the runtime of the
/// test.
pub struct Proxy {
    address: SocketAddr,
    kind: Kind,
    asked: Arc<Mutex<Vec<String>>>,
}

/// The user of every proxy.
pub const USER: &str = "bob";
/// The password; some of it has to be encoded in a URL.
pub const PASSWORD: &str = "pr0xy/p@ss";

impl Proxy {
    /// Starts one.
    pub async fn start(kind: Kind) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let log = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let log = Arc::clone(&log);
                tokio::spawn(async move {
                    let target = match kind {
                        Kind::Socks5 => socks5(&mut client).await?,
                        Kind::Http => http(&mut client).await?,
                    };
                    log.lock().unwrap_or_else(PoisonError::into_inner).push(target.clone());
                    let port = target.rsplit_once(':').map_or("", |(_, port)| port);
                    let mut server = TcpStream::connect(format!("127.0.0.1:{port}")).await?;
                    match kind {
                        Kind::Socks5 => client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?,
                        Kind::Http => client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?,
                    }
                    copy_bidirectional(&mut client, &mut server).await
                });
            }
        });
        Self { address, kind, asked }
    }

    /// Its URL with this password.
    pub fn url_with(&self, password: &str) -> String {
        let scheme = match self.kind {
            Kind::Socks5 => "socks5",
            Kind::Http => "http",
        };
        let password = password.replace('/', "%2F").replace('@', "%40");
        format!("{scheme}://{USER}:{password}@{}", self.address)
    }

    /// Its URL with the right password.
    pub fn url(&self) -> String {
        self.url_with(PASSWORD)
    }

    /// `host:port` of every connection that was let through.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn refused() -> io::Error {
    io::Error::other("refused")
}

async fn bytes(client: &mut TcpStream, count: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; count];
    client.read_exact(&mut bytes).await?;
    Ok(bytes)
}

async fn sized(client: &mut TcpStream) -> io::Result<String> {
    let length = client.read_u8().await?;
    Ok(String::from_utf8_lossy(&bytes(client, length.into()).await?).into_owned())
}

async fn socks5(client: &mut TcpStream) -> io::Result<String> {
    let head = bytes(client, 2).await?;
    let methods = bytes(client, head[1].into()).await?;
    if !methods.contains(&2) {
        client.write_all(&[5, 0xff]).await?;
        return Err(refused());
    }
    client.write_all(&[5, 2]).await?;
    client.read_u8().await?;
    let (user, password) = (sized(client).await?, sized(client).await?);
    if (user.as_str(), password.as_str()) != (USER, PASSWORD) {
        client.write_all(&[1, 1]).await?;
        return Err(refused());
    }
    client.write_all(&[1, 0]).await?;
    let request = bytes(client, 4).await?;
    let host = match request[3] {
        3 => sized(client).await?,
        1 => {
            let address = bytes(client, 4).await?;
            address.iter().map(u8::to_string).collect::<Vec<_>>().join(".")
        }
        _ => return Err(refused()),
    };
    Ok(format!("{host}:{}", client.read_u16().await?))
}

async fn http(client: &mut TcpStream) -> io::Result<String> {
    let wanted = format!("Basic {}", STANDARD.encode(format!("{USER}:{PASSWORD}")));
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(client.read_u8().await?);
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let allowed = head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .any(|(name, value)| name.eq_ignore_ascii_case("proxy-authorization") && value == wanted);
        let mut words = head.split(' ');
        match (words.next(), words.next()) {
            (Some("CONNECT"), Some(target)) if allowed => return Ok(target.to_owned()),
            (Some("CONNECT"), Some(_)) => {}
            _ => return Err(refused()),
        }
        // Some clients wait for this before they tell who they are.
        let answer = "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"p\"\r\n\
                      Content-Length: 0\r\n\r\n";
        client.write_all(answer.as_bytes()).await?;
    }
}
