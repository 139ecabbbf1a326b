//! Which addresses a provider may name as its own.

use std::net::Ipv4Addr;

use url::{Host, Url};

use super::DiscoveryError;
use crate::ids::{Issuer, is_secure};
use crate::text;

/// An address that may be followed: encrypted, or on this machine when the issuer itself is; without
/// credentials and without a fragment (RFC 6749 sections 3.1 and 3.2). An issuer may not name a private address that is
/// not its own: requests with tokens in them would go to whatever listens on the person's machine or in their network
/// (RFC 9700 section 4.9, OpenID Connect Discovery section 7.2).
pub(super) fn secured(issuer: &Issuer, name: &'static str, url: Url) -> Result<Url, DiscoveryError> {
    if !is_secure(&url) || (url.scheme() == "http" && issuer.url().scheme() != "http") {
        return Err(DiscoveryError::InsecureEndpoint {
            name,
            address: text::address(&url),
        });
    }
    if is_private(&url) && !is_at_home(issuer.url(), &url) {
        return Err(DiscoveryError::PrivateEndpoint {
            name,
            address: text::address(&url),
        });
    }
    if url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        return Err(DiscoveryError::Malformed {
            what: format!("its {name} has a part that no address may have"),
        });
    }
    Ok(url)
}

/// Whether the host is an address that means something else from every network: this machine, a private network
/// (RFC 1918, RFC 4193), a single link (RFC 3927, RFC 4291), or none at all. Names are taken as they are; what they
/// lead to is the network's own affair, and a company's provider has its names there.
fn is_private(url: &Url) -> bool {
    let v4 = |ip: Ipv4Addr| {
        ip.is_loopback() || ip.is_private() || ip.is_link_local() || ip.is_unspecified() || ip.is_broadcast()
    };
    match url.host() {
        Some(Host::Ipv4(ip)) => v4(ip),
        Some(Host::Ipv6(ip)) => {
            ip.is_loopback()
                || ip.is_unspecified()
                || ip.is_unique_local()
                || ip.is_unicast_link_local()
                || ip.to_ipv4_mapped().is_some_and(v4)
        }
        Some(Host::Domain(name)) => is_localhost(name),
        None => true,
    }
}

/// Whether both are on one host, or both on this machine by whichever of its names.
fn is_at_home(issuer: &Url, url: &Url) -> bool {
    let is_loopback = |url: &Url| match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => is_localhost(name),
        None => false,
    };
    issuer.host() == url.host() || (is_loopback(issuer) && is_loopback(url))
}

/// RFC 6761 section 6.3: the name, and every name under it, is this machine.
fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name == "localhost" || name.ends_with(".localhost")
}
