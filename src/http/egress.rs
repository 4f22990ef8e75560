//! Which addresses are never asked: those of the metadata services of clouds, which give credentials to whoever asks.
//!
//! Texts of users name hosts: a registry in an image, a repository in an annotation, a redirect, a token realm. None of
//! them may make this process ask the machine below it. Loopback and private ranges are fine: registries and git servers
//! of companies live there. What is checked is the address that is connected to, not only its name.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use url::{Host, Url};

use super::resolver::{self, Lookup};
use crate::core::foreign::ForeignText;

/// The longest that [`check_host`] waits for a name. Whoever connects then asks again, and says what is wrong.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

/// Which addresses a client may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Egress {
    /// Every address but those that [`forbidden`] names.
    #[default]
    Public,
    /// Metadata services too: only for who fetches the identity of the machine. Redirects are then not followed, for such
    /// a service sends none.
    Metadata,
}

/// Why an address is never asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forbidden {
    /// 169.254.0.0/16 (RFC 3927) and fe80::/10 (RFC 4291): the machine below and its neighbours.
    LinkLocal,
    /// An address outside these ranges that a cloud uses for the same.
    Metadata,
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LinkLocal => "a link-local address",
            Self::Metadata => "the metadata service of a cloud",
        })
    }
}

/// A host that is not asked, whatever it is asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is, or stands for, such an address.
    #[error("the host {host} is not asked: {address} is {why}")]
    Address {
        /// The host, as it was named.
        host: ForeignText,
        /// What it stands for.
        address: IpAddr,
        /// Why that is refused.
        why: Forbidden,
    },
    /// A name that clouds give to their metadata services. A proxy would resolve it where this process cannot see it.
    #[error("the host {host} is not asked: this is the name of {}", Forbidden::Metadata)]
    Name {
        /// The host, as it was named.
        host: ForeignText,
    },
}

/// Metadata services outside the link-local ranges, as their vendors document them: Alibaba Cloud, Azure (wire server).
const METADATA_V4: [Ipv4Addr; 2] = [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16)];

/// The same over IPv6: AWS (instance metadata, and the credentials of containers), Google Cloud, Oracle Cloud.
const METADATA_V6: [Ipv6Addr; 4] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe),
];

/// Names of metadata services, as their vendors document them.
const METADATA_NAMES: [&str; 5] = [
    "metadata",
    "metadata.google.internal",
    "metadata.goog",
    "instance-data",
    "instance-data.ec2.internal",
];

/// Why `address` is never asked; nothing when it may be.
pub fn forbidden(address: IpAddr) -> Option<Forbidden> {
    match address {
        IpAddr::V4(address) => forbidden_v4(address),
        IpAddr::V6(address) if address.is_unicast_link_local() => Some(Forbidden::LinkLocal),
        IpAddr::V6(address) if METADATA_V6.contains(&address) => Some(Forbidden::Metadata),
        IpAddr::V6(address) => embedded(address).and_then(forbidden_v4),
    }
}

fn forbidden_v4(address: Ipv4Addr) -> Option<Forbidden> {
    if address.is_link_local() {
        return Some(Forbidden::LinkLocal);
    }
    METADATA_V4.contains(&address).then_some(Forbidden::Metadata)
}

/// The IPv4 address that an IPv6 address leads to: mapped and compatible (RFC 4291), translated (RFC 2765), NAT64
/// (RFC 6052, and the local prefix of RFC 8215 in its usual form) and 6to4 (RFC 3056).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let ([0, 0, 0, 0, 0, 0 | 0xffff, high, low]
    | [0, 0, 0, 0, 0xffff, 0, high, low]
    | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
    | [0x64, 0xff9b, 1, _, _, _, high, low]
    | [0x2002, high, low, ..]) = address.segments()
    else {
        return None;
    };
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    Some(Ipv4Addr::new(a, b, c, d))
}

/// Checks what can be seen of a URL's host without asking anybody: an address, or the name of a metadata service.
pub fn check_url(url: &Url) -> Result<(), Refused> {
    match url.host() {
        Some(Host::Domain(name)) => check_name(name),
        Some(Host::Ipv4(address)) => check_address(&address.to_string(), address.into()),
        Some(Host::Ipv6(address)) => check_address(&address.to_string(), address.into()),
        None => Ok(()),
    }
}

/// Checks a host before a program of its own connects to it, and gives the addresses that may be connected to.
///
/// `host` is a name or an address (IPv6 with brackets or without). A name that cannot be resolved here gives no address
/// and is no error: behind a proxy that is usual, and without one the program fails by itself. Of several addresses the
/// forbidden ones are left out; it is an error when none is left.
pub async fn check_host(host: &str) -> Result<Vec<IpAddr>, Refused> {
    check_host_by(host, &resolver::system()).await
}

pub(super) async fn check_host_by(host: &str, lookup: &Lookup) -> Result<Vec<IpAddr>, Refused> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let address = match Host::parse(bare) {
        Ok(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
        // The parser wants brackets around IPv6.
        _ => bare.parse().ok(),
    };
    if let Some(address) = address {
        check_address(host, address)?;
        return Ok(vec![address]);
    }
    check_name(bare)?;
    match tokio::time::timeout(LOOKUP_TIMEOUT, lookup(bare.to_owned())).await {
        Ok(Ok(found)) => allowed(host, found),
        Ok(Err(_)) | Err(_) => Ok(Vec::new()),
    }
}

/// What a name stands for, without the forbidden addresses. When these are all, the first is the error.
pub(super) fn allowed(host: &str, found: Vec<IpAddr>) -> Result<Vec<IpAddr>, Refused> {
    let mut refused = Ok(());
    let keep = |address: &IpAddr| match check_address(host, *address) {
        Ok(()) => true,
        Err(error) => {
            refused = refused.clone().and(Err(error));
            false
        }
    };
    let left: Vec<_> = found.into_iter().filter(keep).collect();
    if left.is_empty() {
        refused?;
    }
    Ok(left)
}

fn check_address(host: &str, address: IpAddr) -> Result<(), Refused> {
    forbidden(address).map_or(Ok(()), |why| {
        Err(Refused::Address {
            host: ForeignText::new(host),
            address,
            why,
        })
    })
}

fn check_name(name: &str) -> Result<(), Refused> {
    let plain = name.trim_end_matches('.');
    let known = METADATA_NAMES.iter().any(|known| plain.eq_ignore_ascii_case(known));
    if known {
        return Err(Refused::Name {
            host: ForeignText::new(name),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{io, sync::Arc};

    use super::*;

    #[test]
    fn addresses_of_metadata_services_are_forbidden_in_every_form() {
        for (address, expected) in [
            ("169.254.169.254", Some(Forbidden::LinkLocal)),
            ("169.254.0.1", Some(Forbidden::LinkLocal)),
            ("100.100.100.200", Some(Forbidden::Metadata)),
            ("168.63.129.16", Some(Forbidden::Metadata)),
            ("fe80::1", Some(Forbidden::LinkLocal)),
            ("febf::1", Some(Forbidden::LinkLocal)),
            ("fd00:ec2::254", Some(Forbidden::Metadata)),
            ("fd00:ec2::23", Some(Forbidden::Metadata)),
            ("fd20:ce::254", Some(Forbidden::Metadata)),
            ("fd00:c1::a9fe:a9fe", Some(Forbidden::Metadata)),
            ("::ffff:169.254.169.254", Some(Forbidden::LinkLocal)),
            ("::ffff:100.100.100.200", Some(Forbidden::Metadata)),
            ("::ffff:a83f:8110", Some(Forbidden::Metadata)),
            ("::169.254.169.254", Some(Forbidden::LinkLocal)),
            ("::ffff:0:169.254.169.254", Some(Forbidden::LinkLocal)),
            ("64:ff9b::169.254.169.254", Some(Forbidden::LinkLocal)),
            ("64:ff9b::168.63.129.16", Some(Forbidden::Metadata)),
            ("64:ff9b:1::169.254.169.254", Some(Forbidden::LinkLocal)),
            ("2002:a9fe:a9fe::1", Some(Forbidden::LinkLocal)),
            ("127.0.0.1", None),
            ("::1", None),
            ("::", None),
            ("10.0.0.1", None),
            ("172.16.0.1", None),
            ("192.168.0.1", None),
            ("100.100.100.201", None),
            ("168.63.129.17", None),
            ("169.253.255.255", None),
            ("fec0::1", None),
            ("fd00:ec2::1", None),
            ("fd12::1", None),
            ("::ffff:10.0.0.1", None),
            ("64:ff9b::8.8.8.8", None),
            ("2001:db8::169.254.169.254", None),
        ] {
            assert_eq!(forbidden(address.parse().unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn a_url_is_refused_by_its_address_however_it_is_spelled_and_by_its_name() {
        for (url, fine) in [
            ("http://169.254.169.254/latest/meta-data", false),
            ("http://169.254.169.254./", false),
            ("http://2852039166/", false),
            ("http://0xa9.0xfe.0xa9.0xfe/", false),
            ("http://0251.0376.0251.0376/", false),
            ("http://[::ffff:169.254.169.254]:8080/", false),
            ("https://[fd00:ec2::254]/", false),
            ("http://metadata.google.internal/computeMetadata/v1/", false),
            ("http://METADATA.google.internal./", false),
            ("http://metadata/", false),
            ("http://instance-data/", false),
            ("http://127.0.0.1:5000/", true),
            ("https://10.1.2.3/", true),
            ("https://metadata.example.com/", true),
            ("https://registry.example.com/169.254.169.254", true),
        ] {
            assert_eq!(check_url(&Url::parse(url).unwrap()).is_ok(), fine, "{url}");
        }
    }

    fn answers(addresses: &'static [&'static str]) -> Lookup {
        Arc::new(move |_| {
            Box::pin(async move {
                if addresses.is_empty() {
                    return Err(io::Error::other("no such name"));
                }
                Ok(addresses.iter().map(|a| a.parse().unwrap()).collect())
            })
        })
    }

    #[tokio::test]
    async fn a_host_is_checked_by_what_its_name_stands_for() {
        for (host, resolved, expected) in [
            ("a.test", &["10.0.0.1", "::1"][..], Ok("10.0.0.1 ::1")),
            ("a.test", &["169.254.169.254", "10.0.0.1"], Ok("10.0.0.1")),
            (
                "a.test",
                &["169.254.169.254", "fd00:ec2::254"],
                Err("the host a.test is not asked: 169.254.169.254 is a link-local address"),
            ),
            ("a.test", &[], Ok("")),
            ("127.0.0.1", &[], Ok("127.0.0.1")),
            ("[::1]", &[], Ok("::1")),
            (
                "0xa9fea9fe",
                &[],
                Err("the host 0xa9fea9fe is not asked: 169.254.169.254 is a link-local address"),
            ),
            (
                "[::ffff:100.100.100.200]",
                &[],
                Err(
                    "the host [::ffff:100.100.100.200] is not asked: ::ffff:100.100.100.200 is the metadata service \
                     of a cloud",
                ),
            ),
            (
                "Instance-Data",
                &["10.0.0.1"],
                Err("the host Instance-Data is not asked: this is the name of the metadata service of a cloud"),
            ),
        ] {
            let found = check_host_by(host, &answers(resolved)).await;
            let found = found.map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
            assert_eq!(
                found.map_err(|e| e.to_string()),
                expected.map(str::to_owned).map_err(str::to_owned),
                "{host} {resolved:?}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_server_that_is_silent_does_not_hold_up_forever() {
        let silent: Lookup = Arc::new(|_| Box::pin(std::future::pending()));
        assert_eq!(check_host_by("a.test", &silent).await, Ok(Vec::new()));
    }
}
