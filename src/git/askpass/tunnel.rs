//! ssh's way through a proxy: connects through SOCKS 5 (RFC 1928, RFC 1929) or `CONNECT` (RFC 9110) to the server, and
//! copies bytes between it and standard input and output.
//!
//! It runs in a process of its own, which ssh ends with the connection.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpStream, ToSocketAddrs as _},
    thread,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use url::Url;

/// How long the proxy may take for each step.
const PATIENCE: Duration = Duration::from_secs(20);
/// The most bytes of an answer to `CONNECT`.
const HEAD_LIMIT: usize = 16 << 10;

/// Connects to `host` and `port` through the proxy and carries bytes until one side has enough.
///
/// The errors name the proxy without user and password.
pub(super) fn run(proxy: &str, host: &str, port: &str) -> io::Result<()> {
    let url = Url::parse(proxy).map_err(|_| io::Error::other("the proxy is no URL"))?;
    let port: u16 = port.parse().map_err(|_| io::Error::other("the port is no number"))?;
    let place = place(&url);
    let told = |error: io::Error| io::Error::other(format!("the proxy {place} does not let SSH through: {error}"));
    let stream = connect(&url, host, port).map_err(told)?;
    carry(stream)
}

/// Host and port of the proxy.
fn place(url: &Url) -> String {
    let port = url.port_or_known_default().unwrap_or(1080);
    format!("{}:{port}", url.host_str().unwrap_or_default())
}

fn connect(url: &Url, host: &str, port: u16) -> io::Result<TcpStream> {
    let mut stream = dial(&place(url))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let login = login(url);
    match url.scheme() {
        "http" => http(&mut stream, host, port, login.as_ref())?,
        _ => socks(&mut stream, host, port, login.as_ref())?,
    }
    stream.set_read_timeout(None)?;
    stream.set_write_timeout(None)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn dial(place: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "its name has no address");
    for address in place.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// User and password, decoded.
fn login(url: &Url) -> Option<(String, String)> {
    let password = url.password().unwrap_or_default();
    (!url.username().is_empty()).then(|| (decoded(url.username()), decoded(password)))
}

/// Takes percent encoding (RFC 3986) away.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = tail
            .get(..2)
            .filter(|_| *first == b'%')
            .and_then(|code| hex::decode(code).ok());
        rest = if code.is_some() { &tail[2..] } else { tail };
        bytes.push(code.map_or(*first, |code| code[0]));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn http(stream: &mut TcpStream, host: &str, port: u16, login: Option<&(String, String)>) -> io::Result<()> {
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    };
    let mut request = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n");
    if let Some((user, password)) = login {
        let basic = STANDARD.encode(format!("{user}:{password}"));
        request.extend(["Proxy-Authorization: Basic ", &basic, "\r\n"]);
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes())?;
    // Byte by byte: what follows the head is the server's.
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
        if head.len() > HEAD_LIMIT {
            return Err(io::Error::other("its answer is too long"));
        }
    }
    let head = String::from_utf8_lossy(&head);
    let status = head.split(' ').nth(1).unwrap_or_default();
    match status {
        code if code.starts_with('2') && head.starts_with("HTTP/1.") => Ok(()),
        "407" => Err(io::Error::other("it demands a user and a password, or refuses these")),
        code if code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit()) => {
            Err(io::Error::other(format!("it answers {code}")))
        }
        _ => Err(io::Error::other("it is no HTTP proxy")),
    }
}

fn socks(stream: &mut TcpStream, host: &str, port: u16, login: Option<&(String, String)>) -> io::Result<()> {
    let methods: &[u8] = if login.is_some() { &[5, 2, 0, 2] } else { &[5, 1, 0] };
    stream.write_all(methods)?;
    match read(stream)? {
        [5, 0] => {}
        [5, 2] => authenticate(stream, login)?,
        [5, _] => return Err(io::Error::other("it demands a login that is not user and password")),
        _ => return Err(io::Error::other("it is no SOCKS 5 proxy")),
    }
    let length = u8::try_from(host.len()).map_err(|_| io::Error::other("the name of the server is too long"))?;
    // By name, so that the proxy resolves it.
    let mut request = vec![5, 1, 0, 3, length];
    request.extend(host.bytes());
    request.extend(port.to_be_bytes());
    stream.write_all(&request)?;
    let [_, reply, _, kind] = read(stream)?;
    if reply != 0 {
        return Err(io::Error::other(refusal(reply)));
    }
    let length = match kind {
        1 => 4,
        4 => 16,
        3 => usize::from(read::<1>(stream)?[0]),
        _ => return Err(io::Error::other("its answer cannot be read")),
    };
    // The address that it connects from, and the port.
    stream.read_exact(&mut vec![0; length + 2])
}

fn authenticate(stream: &mut TcpStream, login: Option<&(String, String)>) -> io::Result<()> {
    let demands = || io::Error::other("it demands a user and a password, or refuses these");
    let (user, password) = login.ok_or_else(demands)?;
    let mut request = vec![1];
    for text in [user, password] {
        let length = u8::try_from(text.len()).map_err(|_| io::Error::other("its user or password is too long"))?;
        request.push(length);
        request.extend(text.bytes());
    }
    stream.write_all(&request)?;
    match read(stream)? {
        [_, 0] => Ok(()),
        _ => Err(demands()),
    }
}

fn read<const N: usize>(stream: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// RFC 1928, section 6.
fn refusal(reply: u8) -> &'static str {
    match reply {
        2 => "it is not allowed by its rules",
        3 => "it cannot reach the network",
        4 => "it cannot reach the host",
        5 => "the server refuses the connection",
        6 => "the server does not answer",
        7 | 8 => "it does not understand the request",
        _ => "it failed",
    }
}

/// Copies both ways. Ends with the server's last byte; the end of standard input is passed on to it.
fn carry(stream: TcpStream) -> io::Result<()> {
    let (mut to_server, mut from_server) = (stream.try_clone()?, stream);
    thread::spawn(move || {
        // Whatever ends this direction, the server is told, and ends the other one.
        let _ = io::copy(&mut io::stdin().lock(), &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    });
    let mut out = io::stdout().lock();
    let mut piece = vec![0; 32 << 10];
    loop {
        let count = from_server.read(&mut piece)?;
        if count == 0 {
            return Ok(());
        }
        out.write_all(&piece[..count])?;
        out.flush()?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_password_of_a_proxy_are_decoded() {
        for (given, expected) in [
            ("socks5h://p:1", None),
            ("socks5h://bob:p%40ss%2F%@p:1", Some(("bob", "p@ss/%"))),
            ("http://b%C3%B6b@p", Some(("böb", ""))),
        ] {
            let read = login(&Url::parse(given).unwrap());
            let expected = expected.map(|(user, password)| (user.to_owned(), password.to_owned()));
            assert_eq!(read, expected, "{given}");
        }
        for (given, expected) in [
            ("http://p", "p:80"),
            ("socks5h://[::1]:9", "[::1]:9"),
            ("socks5h://p", "p:1080"),
        ] {
            assert_eq!(place(&Url::parse(given).unwrap()), expected);
        }
    }
}
