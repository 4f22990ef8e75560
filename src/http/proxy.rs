//! Which proxy a request goes through, and how its failures are told. Users and passwords of proxies are never shown.

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Proxy;
use url::Url;

use super::settings::{ClientError, ClientSettings};

/// The kinds of proxy that are spoken to: RFC 9110 (`CONNECT`) and RFC 1928. With `socks5h` the proxy resolves names.
const SCHEMES: [&str; 4] = ["http", "https", "socks5", "socks5h"];
/// The port that RFC 1928 gives to SOCKS.
const SOCKS_PORT: u16 = 1080;

/// The proxies of one client. The same rules as the client's own tell which one is asked.
pub(super) struct Proxies(Option<Matcher>);

impl Proxies {
    /// The proxies that `settings` name, and the one to give to the client when it is not the environment's.
    pub(super) fn new(settings: &ClientSettings) -> Result<(Self, Option<Proxy>), ClientError> {
        let Some(text) = &settings.proxy else {
            return Ok((Self(settings.system_proxy.then(Matcher::from_system)), None));
        };
        let url = parse(text.expose())?;
        let matcher = Matcher::builder().all(url.to_string()).build();
        let proxy = Proxy::all(url).map_err(|_| ClientError::Proxy)?;
        Ok((Self(Some(matcher)), Some(proxy)))
    }

    /// Host and port of the proxy that `url` is asked through.
    pub(super) fn of(&self, url: &Url) -> Option<String> {
        let target = url.as_str().parse().ok()?;
        let proxy = self.0.as_ref()?.intercept(&target)?;
        Some(proxy.uri().authority()?.to_string())
    }

    /// The hosts of all proxies.
    pub(super) fn hosts(&self) -> Vec<String> {
        let Some(matcher) = &self.0 else {
            return Vec::new();
        };
        // `.invalid` never exists (RFC 2606), so no exception of NO_PROXY but `*` is for it.
        let targets = ["http://any.invalid", "https://any.invalid"].map(http::Uri::from_static);
        let proxies = targets.iter().filter_map(|target| matcher.intercept(target));
        proxies
            .filter_map(|proxy| Some(proxy.uri().host()?.to_owned()))
            .collect()
    }
}

fn parse(text: &str) -> Result<Url, ClientError> {
    let mut url = Url::parse(text.trim()).map_err(|_| ClientError::Proxy)?;
    let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    if !SCHEMES.contains(&url.scheme()) || url.host_str().is_none_or(str::is_empty) || !bare {
        return Err(ClientError::Proxy);
    }
    if url.scheme().starts_with("socks") && url.port().is_none() {
        url.set_port(Some(SOCKS_PORT)).map_err(|()| ClientError::Proxy)?;
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn a_proxy_is_a_url_of_a_known_scheme() {
        for (given, expected) in [
            ("http://proxy.test:3128", Some("proxy.test:3128")),
            ("https://bob:hunter2@proxy.test/", Some("proxy.test")),
            ("socks5://proxy.test", Some("proxy.test:1080")),
            (" socks5h://[::1]:9050 ", Some("[::1]:9050")),
            ("proxy.test:3128", None),
            ("proxy.test", None),
            ("socks4://proxy.test", None),
            ("ftp://proxy.test", None),
            ("http://proxy.test/path", None),
            ("http://proxy.test?a=b", None),
            ("http://", None),
            ("", None),
        ] {
            let settings = ClientSettings {
                proxy: Some(Secret::new(given)),
                ..ClientSettings::default()
            };
            let target = Url::parse("https://registry.test/v2/").unwrap();
            match Proxies::new(&settings) {
                Ok((proxies, proxy)) => {
                    assert!(proxy.is_some(), "{given}");
                    assert_eq!(proxies.of(&target).as_deref(), expected, "{given}");
                }
                Err(error) => {
                    assert_eq!((error, expected), (ClientError::Proxy, None), "{given}");
                }
            }
        }
    }

    #[test]
    fn without_a_proxy_none_is_named() {
        let settings = ClientSettings {
            system_proxy: false,
            ..ClientSettings::default()
        };
        let (proxies, proxy) = Proxies::new(&settings).unwrap();
        assert!(proxy.is_none() && proxies.hosts().is_empty());
        assert_eq!(proxies.of(&Url::parse("https://registry.test/").unwrap()), None);
    }
}
