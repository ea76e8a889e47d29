//! Which name servers are asked, and how.

use std::fmt::{self, Display, Formatter};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// The port of DNS.
const PORT: u16 = 53;

/// How names are resolved; by default as the system's `resolv.conf` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// `dns_resolver`: the name servers to ask instead of the system's.
    pub servers: Vec<SocketAddr>,
    /// `dns_resolver_valid`: how long answers are valid, whatever the name servers say.
    pub valid: Option<Duration>,
    /// `resolver_timeout`: how long a lookup may take, retries included.
    pub timeout: Duration,
    /// `enable_ipv6`: whether IPv6 addresses are asked for where there is no IPv4 address.
    pub ipv6: bool,
    /// `enable_resolv_search_opt`: whether the search domains of `resolv.conf` are tried.
    pub search: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            valid: None,
            timeout: Duration::from_secs(5),
            ipv6: true,
            search: true,
        }
    }
}

/// A name server that is written wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionsError(String);

impl Options {
    /// Reads the entries of `dns_resolver`: addresses, with a port or without.
    ///
    /// # Errors
    /// [`OptionsError`] names the first that is no address.
    pub fn parse_servers<'a>(
        entries: impl IntoIterator<Item = &'a str>,
    ) -> Result<Vec<SocketAddr>, OptionsError> {
        entries.into_iter().map(parse_server).collect()
    }
}

fn parse_server(entry: &str) -> Result<SocketAddr, OptionsError> {
    let bare = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(entry);
    bare.parse::<IpAddr>()
        .map(|address| SocketAddr::new(address, PORT))
        .or_else(|_| entry.parse())
        .map_err(|_| OptionsError(entry.to_owned()))
}

impl Display for OptionsError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "dns_resolver: {:?} is no address of a name server; write it as 1.1.1.1, \
             1.1.1.1:53 or [2606:4700:4700::1111]:53",
            self.0
        )
    }
}

impl std::error::Error for OptionsError {}
