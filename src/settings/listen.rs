//! Addresses that the program listens at.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

/// An address to listen at: `:8081`, `127.0.0.1:8081`, `localhost:8081`, `[::1]:8081`; `0` or nothing for off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenAddress {
    text: String,
    addresses: Vec<SocketAddr>,
}

/// A text that is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it must be an address such as :8081 or 127.0.0.1:8081, or 0 for off")]
pub struct InvalidListenAddress;

impl ListenAddress {
    /// Nothing listens.
    pub fn off() -> Self {
        Self {
            text: "0".to_owned(),
            addresses: Vec::new(),
        }
    }

    /// Where the kubelet asks in the shipped manifests: `:8081`.
    pub fn default_probe() -> Self {
        Self {
            text: ":8081".to_owned(),
            addresses: everywhere(8081),
        }
    }

    /// The addresses to bind, of which the first that can be bound is enough; none when it is off.
    pub fn socket_addrs(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Whether nothing listens.
    pub fn is_off(&self) -> bool {
        self.addresses.is_empty()
    }
}

/// Both families where the machine has IPv6, else IPv4.
fn everywhere(port: u16) -> Vec<SocketAddr> {
    vec![
        SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port),
        SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port),
    ]
}

impl FromStr for ListenAddress {
    type Err = InvalidListenAddress;

    fn from_str(text: &str) -> Result<Self, InvalidListenAddress> {
        if text.is_empty() || text == "0" {
            return Ok(Self::off());
        }
        let (host, port) = text.rsplit_once(':').ok_or(InvalidListenAddress)?;
        let port = port.parse().map_err(|_| InvalidListenAddress)?;
        let addresses = match host {
            "" => everywhere(port),
            "localhost" => vec![
                SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port),
                SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), port),
            ],
            _ => vec![text.parse().map_err(|_| InvalidListenAddress)?],
        };
        Ok(Self {
            text: text.to_owned(),
            addresses,
        })
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_where_to_listen() {
        for (given, expected) in [
            ("", Some(&[][..])),
            ("0", Some(&[])),
            (":8081", Some(&["[::]:8081", "0.0.0.0:8081"])),
            ("localhost:80", Some(&["127.0.0.1:80", "[::1]:80"])),
            ("127.0.0.1:80", Some(&["127.0.0.1:80"])),
            ("[::1]:80", Some(&["[::1]:80"])),
            ("8081", None),
            (":http", None),
            (":70000", None),
            ("example.com:80", None),
            ("::1:80", None),
        ] {
            let addresses = given.parse::<ListenAddress>().ok();
            let addresses = addresses.map(|a| a.socket_addrs().iter().map(ToString::to_string).collect::<Vec<_>>());
            assert_eq!(
                addresses.as_deref(),
                expected
                    .map(|e| e.iter().map(ToString::to_string).collect::<Vec<_>>())
                    .as_deref(),
                "{given}"
            );
        }
        assert_eq!(":8081".parse(), Ok(ListenAddress::default_probe()));
    }
}
