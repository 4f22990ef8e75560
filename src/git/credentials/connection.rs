//! How a repository is connected to, whoever we are: proxy, trust, client certificate.

use hyper_util::client::proxy::matcher::Matcher;
use url::Url;

use super::super::url::RemoteUrl;
use crate::secret::Secret;

/// The port that RFC 1928 gives to SOCKS.
const SOCKS_PORT: u16 = 1080;

/// What holds for every connection to the repository.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Connection {
    /// The certificate of an https server, or the host key of an SSH server, is not checked.
    pub insecure: bool,
    /// What connections go through, instead of what the environment says.
    pub proxy: Option<Proxy>,
    /// Shown to https servers that ask who connects.
    pub client_certificate: Option<ClientCertificate>,
}

/// A certificate chain and its private key, in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The chain, our own certificate first.
    pub certificate: Secret,
    /// The key, not encrypted.
    pub key: Secret,
}

/// A proxy with the hosts that are reached without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    url: Secret,
    kind: ProxyKind,
    host: String,
    port: u16,
    exceptions: String,
}

/// How a proxy is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyKind {
    /// `CONNECT` (RFC 9110).
    Http,
    /// The same over TLS.
    Https,
    /// SOCKS 5 (RFC 1928); the proxy resolves names.
    Socks5,
}

impl Proxy {
    /// Reads the URL of a proxy (http, https, socks5 or socks5h, perhaps with user and password), and the hosts that are
    /// reached without it (names, domains, addresses and ranges, with commas between them).
    pub fn parse(text: &str, no_proxy: &str) -> Result<Self, &'static str> {
        const WRONG: &str =
            "is not a URL like http://proxy.example.com:3128 (http, https, socks5 or socks5h, without path)";
        let mut url = Url::parse(text.trim()).map_err(|_| WRONG)?;
        let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        let kind = match url.scheme() {
            "http" => ProxyKind::Http,
            "https" => ProxyKind::Https,
            "socks5" | "socks5h" => ProxyKind::Socks5,
            _ => return Err(WRONG),
        };
        let host = url.host_str().unwrap_or_default().to_owned();
        if host.is_empty() || !bare {
            return Err(WRONG);
        }
        let port = url.port_or_known_default().unwrap_or(SOCKS_PORT);
        if kind == ProxyKind::Socks5 {
            url.set_port(Some(port)).map_err(|()| WRONG)?;
        }
        let mut whole = String::from(url).trim_end_matches('/').to_owned();
        // The proxy resolves names: it may know others than we do.
        if let Some(rest) = whole.strip_prefix("socks5://") {
            whole = format!("socks5h://{rest}");
        }
        Ok(Self {
            url: whole.into(),
            kind,
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port,
            exceptions: no_proxy.trim().to_owned(),
        })
    }

    /// The URL, with user and password.
    pub fn url(&self) -> &Secret {
        &self.url
    }

    /// How it is spoken to.
    pub fn kind(&self) -> ProxyKind {
        self.kind
    }

    /// Its host, without the brackets of an IPv6 address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Host and port, for people.
    pub fn place(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The password as it is written in the URL.
    fn password(&self) -> Option<&str> {
        let (_, rest) = self.url.expose().split_once("://")?;
        let (_, password) = rest.rsplit_once('@')?.0.split_once(':')?;
        (!password.is_empty()).then_some(password)
    }

    /// Whether a server is reached through it. The list is read as curl and Go read `NO_PROXY`.
    pub fn serves(&self, host: &str, port: u16) -> bool {
        let host = if host.contains(':') {
            format!("[{host}]")
        } else {
            host.to_owned()
        };
        let Ok(target) = format!("https://{host}:{port}").parse() else {
            return true;
        };
        // Which proxy does not matter here, only whether the list has the host.
        let matcher = Matcher::builder()
            .all("http://proxy.invalid")
            .no(self.exceptions.as_str())
            .build();
        matcher.intercept(&target).is_some()
    }
}

impl Connection {
    /// All that makes it what it is.
    pub(super) fn parts(&self) -> Vec<String> {
        let mut parts = vec![format!("insecure {}", self.insecure)];
        if let Some(proxy) = &self.proxy {
            parts.extend([
                "proxy".to_owned(),
                proxy.url.expose().to_owned(),
                proxy.exceptions.clone(),
            ]);
        }
        if let Some(shown) = &self.client_certificate {
            let (certificate, key) = (shown.certificate.expose(), shown.key.expose());
            parts.extend(["certificate".to_owned(), certificate.to_owned(), key.to_owned()]);
        }
        parts
    }

    /// Every text of it that must not be shown.
    pub(super) fn secrets(&self) -> Vec<&str> {
        let mut secrets = Vec::new();
        if let Some(proxy) = &self.proxy {
            secrets.push(proxy.url.expose());
            // As it stands in the URL; the caller knows the other spellings.
            secrets.extend(proxy.password());
        }
        secrets.extend(self.client_certificate.as_ref().map(|shown| shown.key.expose()));
        secrets
    }

    /// The proxy that leads to the repository, when it has one of its own.
    pub(in crate::git) fn proxy_to(&self, url: &RemoteUrl) -> Option<&Proxy> {
        self.proxy.as_ref().filter(|proxy| proxy.serves(url.host(), url.port()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_a_url_of_a_known_scheme() {
        for (given, expected) in [
            (
                "http://proxy.test:3128/",
                Some(("http://proxy.test:3128", "proxy.test:3128")),
            ),
            (
                " https://bob:hunter2@proxy.test ",
                Some(("https://bob:hunter2@proxy.test", "proxy.test:443")),
            ),
            (
                "socks5://proxy.test",
                Some(("socks5h://proxy.test:1080", "proxy.test:1080")),
            ),
            (
                "socks5h://b:p@[::1]:9050",
                Some(("socks5h://b:p@[::1]:9050", "::1:9050")),
            ),
            ("proxy.test:3128", None),
            ("socks4://proxy.test", None),
            ("http://proxy.test/path", None),
            ("http://", None),
            ("", None),
        ] {
            let proxy = Proxy::parse(given, "").ok();
            let read = proxy.as_ref().map(|proxy| (proxy.url().expose(), proxy.place()));
            let expected = expected.map(|(url, place)| (url, place.to_owned()));
            assert_eq!(read, expected, "{given}");
        }
    }

    #[test]
    fn a_proxy_serves_all_but_the_hosts_of_its_list() {
        let proxy = Proxy::parse("http://proxy.test:3128", "git.example.com,.intern.test, 10.0.0.0/8").unwrap();
        for (host, expected) in [
            ("git.example.com", false),
            ("a.intern.test", false),
            ("10.1.2.3", false),
            ("github.com", true),
            ("::1", true),
        ] {
            assert_eq!(proxy.serves(host, 443), expected, "{host}");
        }
        assert!(!Proxy::parse("http://p", "*").unwrap().serves("github.com", 22));
        assert!(Proxy::parse("http://p", "").unwrap().serves("github.com", 22));
    }
}
