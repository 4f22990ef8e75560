//! Proxies: what goes through them, what they are told, and what is said when they fail.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, Ipv6Addr, Shutdown, TcpStream},
    process::Command,
    thread,
};

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::PrivateKeyDer;

use super::{
    server::{self, Served, closed_port, header, ok, plain, read_head, serve, target},
    *,
};

/// `bob:hunter2` by RFC 7617.
const BASIC: &str = "Basic Ym9iOmh1bnRlcjI=";

fn through(proxy: &str) -> ClientSettings {
    ClientSettings {
        proxy: Some(Secret::new(proxy)),
        insecure: true,
        ..settings()
    }
}

fn secure_server() -> Served {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = certificate.self_signed(&key).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    server::tls(server::shows(vec![certificate.der().clone()], key), |_| ok("secure"))
}

/// A proxy for tunnels that knows one user.
fn tunnelling() -> Served {
    serve("http", |mut client, seen| {
        let head = read_head(&mut client)?;
        seen.lock().unwrap().push(head.clone());
        if header(&head, "proxy-authorization") != Some(BASIC) {
            return client.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n");
        }
        let server = TcpStream::connect(target(&head))?;
        client.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
        join(client, server)
    })
}

/// Carries bytes both ways until one side has enough.
fn join(client: TcpStream, server: TcpStream) -> io::Result<()> {
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    let there = thread::spawn(move || {
        // Whoever goes away first ends both directions.
        let _ = io::copy(&mut from_client, &mut to_server);
        to_server.shutdown(Shutdown::Both)
    });
    let (mut from_server, mut to_client) = (server, client);
    let _ = io::copy(&mut from_server, &mut to_client);
    let _ = to_client.shutdown(Shutdown::Both);
    let _ = there.join();
    Ok(())
}

#[tokio::test]
async fn https_goes_through_a_tunnel_and_only_the_proxy_gets_its_password() {
    let (proxy, server) = (tunnelling(), secure_server());
    let settings = through(&proxy.url.replace("http://", "http://bob:hunter2@"));
    assert_eq!(get(&settings, &server.url).await.as_deref(), Ok("secure"));
    let asked = proxy.seen();
    assert_eq!(asked.len(), 1);
    assert!(
        asked[0].starts_with(&format!("CONNECT 127.0.0.1:{} ", server.port)),
        "{}",
        asked[0]
    );
    assert_eq!(header(&server.seen()[0], "proxy-authorization"), None);
}

#[tokio::test]
async fn http_is_asked_of_the_proxy_with_its_password_spelled_in_any_way() {
    let proxy = plain(|_| ok("by proxy"));
    for user in ["bob:hunter2", "bob:%68unter2"] {
        let settings = through(&proxy.url.replace("http://", &format!("http://{user}@")));
        // The name needs to be known to the proxy alone.
        let answer = get(&settings, "http://registry.invalid/v2/").await;
        assert_eq!(answer.as_deref(), Ok("by proxy"));
    }
    for head in proxy.seen() {
        assert_eq!(target(&head), "http://registry.invalid/v2/");
        assert_eq!(header(&head, "proxy-authorization"), Some(BASIC));
    }
}

#[tokio::test]
async fn a_proxy_that_is_down_is_named_without_its_password() {
    let port = closed_port();
    for scheme in ["http", "https", "socks5", "socks5h"] {
        for url in ["http://127.0.0.1:1/", "https://127.0.0.1:1/"] {
            let settings = through(&format!("{scheme}://bob:hunter2@127.0.0.1:{port}"));
            let error = get(&settings, url).await.unwrap_err();
            let expected = format!("the proxy 127.0.0.1:{port} does not answer: ");
            assert!(error.to_string().starts_with(&expected), "{scheme} {url}: {error}");
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("hunter2") && !shown.contains("bob"), "{shown}");
        }
    }
}

#[tokio::test]
async fn a_proxy_that_demands_a_password_is_named() {
    let (tunnel, server) = (tunnelling(), secure_server());
    let demanding = plain(|_| "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n".to_owned());
    for (proxy, url) in [(&tunnel, server.url.as_str()), (&demanding, "http://registry.invalid/")] {
        let error = get(&through(&proxy.url), url).await.unwrap_err();
        let expected = format!("the proxy 127.0.0.1:{} does not let it through: ", proxy.port);
        assert!(error.to_string().starts_with(&expected), "{url}: {error}");
        assert!(error.is_connect());
    }
    assert_eq!(server.seen(), Vec::<String>::new());
}

#[tokio::test]
async fn a_certificate_behind_a_proxy_is_the_servers_own_trouble() {
    let (proxy, server) = (tunnelling(), secure_server());
    let settings = ClientSettings {
        insecure: false,
        ..through(&proxy.url.replace("http://", "http://bob:hunter2@"))
    };
    let error = get(&settings, &server.url).await.unwrap_err();
    assert!(matches!(error, RequestError::Connect { .. }), "{error}");
    assert!(error.to_string().contains("ca_file or ca_data"), "{error}");
}

/// A SOCKS 5 proxy (RFC 1928) that knows bob (RFC 1929), and answers by itself instead of connecting. It notes what it is
/// asked to connect to.
fn socks() -> Served {
    serve("socks5", |mut stream, seen| {
        let mut two = [0; 2];
        stream.read_exact(&mut two)?;
        io::copy(&mut (&stream).take(two[1].into()), &mut io::sink())?;
        stream.write_all(&[5, 2])?;
        stream.read_exact(&mut [0])?;
        let (user, password) = (read_short(&mut stream)?, read_short(&mut stream)?);
        stream.write_all(&[
            1,
            u8::from((user.as_slice(), password.as_slice()) != (b"bob", b"hunter2")),
        ])?;
        let mut head = [0; 4];
        stream.read_exact(&mut head)?;
        let host = match head[3] {
            1 => {
                let mut address = [0; 4];
                stream.read_exact(&mut address)?;
                Ipv4Addr::from(address).to_string()
            }
            4 => {
                let mut address = [0; 16];
                stream.read_exact(&mut address)?;
                Ipv6Addr::from(address).to_string()
            }
            _ => String::from_utf8(read_short(&mut stream)?).map_err(io::Error::other)?,
        };
        stream.read_exact(&mut two)?;
        seen.lock().unwrap().push(host);
        stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
        read_head(&mut stream)?;
        stream.write_all(ok("by socks").as_bytes())
    })
}

/// A text with its length in front.
fn read_short(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut length = [0];
    stream.read_exact(&mut length)?;
    let mut text = vec![0; length[0].into()];
    stream.read_exact(&mut text)?;
    Ok(text)
}

#[tokio::test]
async fn a_socks_proxy_gets_a_checked_address_or_the_name() {
    for (scheme, host, expected) in [
        ("socks5", "127.0.0.1", "127.0.0.1"),
        ("socks5", "[::1]", "::1"),
        ("socks5h", "registry.invalid", "registry.invalid"),
    ] {
        let proxy = socks();
        let url = proxy.url.replace("socks5://", &format!("{scheme}://bob:hunter2@"));
        let answer = get(&through(&url), &format!("http://{host}/")).await;
        assert_eq!(answer.as_deref(), Ok("by socks"), "{scheme}");
        assert_eq!(proxy.seen(), [expected], "{scheme}");
    }
}

/// Set in the process that is started with a proxy in its environment: the URL to ask, and what the answer is.
const CHILD: &str = "HTTP_TEST_ASK";

#[tokio::test]
async fn the_environment_names_a_proxy_and_no_proxy_its_exceptions() {
    if let Ok(asked) = std::env::var(CHILD) {
        let (system_proxy, url, expected) = {
            let mut words = asked.split(' ');
            let mut next = || words.next().unwrap().to_owned();
            (next() == "system", next(), next())
        };
        let settings = ClientSettings {
            system_proxy,
            ..settings()
        };
        let answer = get(&settings, &url).await.unwrap_or_else(|error| error.to_string());
        assert!(answer.starts_with(&expected), "{asked}: {answer}");
        return;
    }
    let (proxy, server) = (plain(|_| ok("proxy")), plain(|_| ok("server")));
    let dead = format!("http://bob:hunter2@127.0.0.1:{}", closed_port());
    for (kind, http_proxy, no_proxy, expected) in [
        ("system", &proxy.url, "", "proxy"),
        ("system", &proxy.url, "127.0.0.0/8", "server"),
        ("none", &proxy.url, "", "server"),
        ("system", &dead, "", "the"),
    ] {
        let this = std::env::current_exe().unwrap();
        let output = Command::new(this)
            .args([
                "--exact",
                "http::tests::proxies::the_environment_names_a_proxy_and_no_proxy_its_exceptions",
            ])
            .env_clear()
            .env(CHILD, format!("{kind} {} {expected}", server.url))
            .env("HTTP_PROXY", http_proxy)
            .env("NO_PROXY", no_proxy)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && said.contains("1 passed"),
            "{kind} {no_proxy}: {said}"
        );
        assert!(!said.contains("hunter2"), "{said}");
    }
}
