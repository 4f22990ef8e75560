//! Which hosts are registries of a vendor. Whoever may not name hosts can have credentials sent there and nowhere else.

use url::Url;

use crate::core::resolve::credential_ref::Vendor;

/// What the name of an ECR host tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ecr<'a> {
    /// `public.ecr.aws`
    Public,
    /// A private registry.
    Private {
        region: &'a str,
        /// Behind an endpoint that is certified by FIPS 140.
        fips: bool,
        domain: Domain,
    },
}

/// Where the names of a region end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Domain {
    /// `amazonaws.com`
    Com,
    /// `amazonaws.com.cn`
    China,
    /// `on.aws`, which has IPv6 too.
    DualStack,
}

/// The vendor whose own registry is at `api_url`: https, the default port, no path, and one of
///
/// * `<12 digits>.dkr.ecr.<region>.amazonaws.com` or `.com.cn`, `<12 digits>.dkr-ecr.<region>.on.aws` (`ecr-fips` likewise),
///   `public.ecr.aws`
/// * `gcr.io`, `<name>.gcr.io`, `docker.pkg.dev`, `<location>-docker.pkg.dev`
/// * `<name>.azurecr.io`, `.azurecr.cn`, `.azurecr.us`
pub fn vendor_of(api_url: &str) -> Option<Vendor> {
    vendor_of_url(&Url::parse(api_url).ok()?)
}

pub(super) fn vendor_of_url(api: &Url) -> Option<Vendor> {
    // `port` is absent when it is the default of the scheme.
    if api.scheme() != "https" || api.port().is_some() || !api.path().trim_matches('/').is_empty() {
        return None;
    }
    let host = api.host_str()?;
    if ecr(host).is_some() {
        Some(Vendor::Aws)
    } else if is_google(host) {
        Some(Vendor::Gcp)
    } else if is_azure(host) {
        Some(Vendor::Azure)
    } else {
        None
    }
}

/// Reads the name of an ECR host, in lower case as [`Url`] gives it.
pub(super) fn ecr(host: &str) -> Option<Ecr<'_>> {
    if host == "public.ecr.aws" {
        return Some(Ecr::Public);
    }
    let (account, rest) = host.split_once('.')?;
    let is_account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    let (service, rest) = [
        ("dkr.ecr.", false),
        ("dkr.ecr-fips.", true),
        ("dkr-ecr.", false),
        ("dkr-ecr-fips.", true),
    ]
    .into_iter()
    .find_map(|(service, fips)| Some(((service, fips), rest.strip_prefix(service)?)))?;
    let (region, domain) = rest.split_once('.')?;
    let domain = match (service.0.starts_with("dkr-"), domain) {
        (false, "amazonaws.com") => Domain::Com,
        (false, "amazonaws.com.cn") => Domain::China,
        (true, "on.aws") => Domain::DualStack,
        _ => return None,
    };
    (is_account && is_label(region)).then_some(Ecr::Private {
        region,
        fips: service.1,
        domain,
    })
}

fn is_google(host: &str) -> bool {
    let below = |domain: &str| host.strip_suffix(domain).and_then(|rest| rest.strip_suffix('.'));
    if host == "gcr.io" || host == "docker.pkg.dev" || below("gcr.io").is_some_and(is_label) {
        return true;
    }
    below("pkg.dev")
        .and_then(|name| name.strip_suffix("-docker"))
        .is_some_and(is_label)
}

fn is_azure(host: &str) -> bool {
    ["azurecr.io", "azurecr.cn", "azurecr.us"].iter().any(|domain| {
        let name = host.strip_suffix(domain).and_then(|rest| rest.strip_suffix('.'));
        // A registry has data endpoints below it, hence more than one label.
        name.is_some_and(|name| name.split('.').all(is_label))
    })
}

fn is_label(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_hosts_of_the_vendors_are_known_on_label_boundaries() {
        use Vendor::{Aws, Azure, Gcp};
        for (host, vendor) in [
            ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", Some(Aws)),
            ("123456789012.DKR.ecr.eu-west-1.amazonaws.com", Some(Aws)),
            ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", Some(Aws)),
            ("123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com", Some(Aws)),
            ("123456789012.dkr-ecr.eu-west-1.on.aws", Some(Aws)),
            ("123456789012.dkr-ecr-fips.us-east-1.on.aws", Some(Aws)),
            ("public.ecr.aws", Some(Aws)),
            ("public.ecr.aws:443", Some(Aws)),
            ("gcr.io", Some(Gcp)),
            ("eu.gcr.io", Some(Gcp)),
            ("europe-west1-docker.pkg.dev", Some(Gcp)),
            ("docker.pkg.dev", Some(Gcp)),
            ("shop.azurecr.io", Some(Azure)),
            ("shop.azurecr.cn", Some(Azure)),
            ("shop.azurecr.us", Some(Azure)),
            ("shop.westeurope.data.azurecr.io", Some(Azure)),
            // Somebody else's.
            ("12345678901.dkr.ecr.eu-west-1.amazonaws.com", None),
            ("evil.dkr.ecr.eu-west-1.amazonaws.com", None),
            ("123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.test", None),
            ("123456789012.dkr.ecr.eu-west-1.evil.amazonaws.com", None),
            ("123456789012.dkr.ecr.amazonaws.com", None),
            ("x.123456789012.dkr.ecr.eu-west-1.amazonaws.com", None),
            ("123456789012.dkr.ecr.eu-west-1.on.aws", None),
            ("123456789012.dkr-ecr.eu-west-1.amazonaws.com", None),
            ("s3.eu-west-1.amazonaws.com", None),
            ("evil.public.ecr.aws", None),
            ("evilgcr.io", None),
            ("gcr.io.evil.test", None),
            ("a.b.gcr.io", None),
            ("evildocker.pkg.dev", None),
            ("europe-west1-npm.pkg.dev", None),
            ("-docker.pkg.dev", None),
            ("azurecr.io", None),
            ("evilazurecr.io", None),
            ("shop.azurecr.io.evil.test", None),
            ("shop.azurecr.io:8443", None),
            ("shop.azurecr.io/proxy", None),
            ("shop.azurecr.io@evil.test", None),
            ("127.0.0.1", None),
        ] {
            assert_eq!(vendor_of(&format!("https://{host}")), vendor, "{host}");
            assert_eq!(vendor_of(&format!("http://{host}")), None, "http {host}");
        }
    }

    proptest! {
        #[test]
        fn no_url_makes_it_panic(url in r"https://([0-9]{12}|[a-z.-]*)(\.dkr)?(\.|-)ecr[a-z.-]*|.*") {
            let _ = vendor_of(&url);
        }
    }
}
