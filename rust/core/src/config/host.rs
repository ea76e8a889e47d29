//! The host of a node: an address, or a name to resolve.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// A host that can be connected to and named in a Host header.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// An address, IPv6 without its brackets.
    Address(IpAddr),
    /// A name to resolve: ASCII letters, digits and `-._[]:`, perhaps after a `*`.
    Name(Box<str>),
}

impl Host {
    /// Reads a host. None if it holds a character that could not stand in a Host header.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(address) = text.parse() {
            return Some(Self::Address(address));
        }
        let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
        if let Some(address) = inner.and_then(|inner| inner.parse::<Ipv6Addr>().ok()) {
            return Some(Self::Address(address.into()));
        }
        is_host(text).then(|| Self::Name(text.into()))
    }
}

/// Whether `text` has only characters of a host, as the schema's pattern has them.
pub(super) fn is_host(text: &str) -> bool {
    let rest = text.strip_prefix('*').unwrap_or(text);
    !text.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._[]:".contains(&b))
}

impl fmt::Display for Host {
    /// As it stands in a URI: IPv6 in brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// Splits `host:port`, `[v6]:port`, `v6` or `host` into host and what stands after the colon.
pub(super) fn split_port(text: &str) -> (&str, Option<&str>) {
    if text.starts_with('[') {
        return match text.rsplit_once("]:") {
            Some((host, port)) => (&text[..=host.len()], Some(port)),
            None => (text, None),
        };
    }
    if text.parse::<Ipv6Addr>().is_ok() {
        return (text, None);
    }
    text.rsplit_once(':').map_or((text, None), |(host, port)| (host, Some(port)))
}
