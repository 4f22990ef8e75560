//! Looking up names, with an eye on what comes back: what was checked here is what is connected to.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::egress::{self, Egress};

/// Gives the addresses of a name.
pub(super) type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync>;

/// The operating system's own.
pub(super) fn system() -> Lookup {
    Arc::new(|name| {
        Box::pin(async move {
            // A SOCKS client asks for addresses too, IPv6 in brackets.
            let bare = name.trim_start_matches('[').trim_end_matches(']');
            let found = tokio::net::lookup_host((bare, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    })
}

/// The resolver of a client: it leaves out the addresses that are never asked.
pub(super) struct Guard {
    pub(super) lookup: Lookup,
    pub(super) egress: Egress,
    /// Hosts of proxies: the operator chose them, and may have put one on any address.
    pub(super) proxies: Vec<String>,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_owned();
        let found = (self.lookup)(name.clone());
        let free =
            self.egress == Egress::Metadata || self.proxies.iter().any(|proxy| proxy.eq_ignore_ascii_case(&name));
        Box::pin(async move {
            let mut found = found.await?;
            if !free {
                found = egress::allowed(&name, found)?;
            }
            // The port of the URL is put in its place later.
            let addresses: Addrs = Box::new(found.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}
