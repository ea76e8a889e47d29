//! A set of IPv4 and IPv6 addresses and networks, asked by binary search.
//!
//! ```
//! use gateway_kit::ip_set::IpSet;
//!
//! let office = IpSet::parse(["10.0.0.0/8", "2001:db8::/32", "192.0.2.7"]).unwrap();
//! assert!(office.contains("10.1.2.3".parse().unwrap()));
//! assert!(!office.contains("192.0.2.8".parse().unwrap()));
//! ```
//!
//! What surprises: an IPv4 address in IPv6 clothes (`::ffff:10.1.2.3`, what a
//! dual-stack socket reports) is the IPv4 address, in the set and in questions,
//! so `::/0` does not contain it and `10.0.0.0/8` does.

#[cfg(test)]
mod tests;

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// The set; see the [module](self).
#[derive(Clone, Debug, Default)]
pub struct IpSet {
    /// First and last address of each range; sorted, apart from each other.
    v4: Box<[(u32, u32)]>,
    v6: Box<[(u128, u128)]>,
}

/// A text that is neither an address nor a network; worded as APISIX words it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidAddress(String);

impl fmt::Display for InvalidAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid ip address: {}", self.0)
    }
}

impl std::error::Error for InvalidAddress {}

impl IpSet {
    /// The set of the given addresses (`192.0.2.7`, `::1`, `[::1]`) and
    /// networks (`10.0.0.0/8`; bits below the mask are ignored).
    ///
    /// # Errors
    /// The first text that is neither.
    pub fn parse<T: AsRef<str>>(
        texts: impl IntoIterator<Item = T>,
    ) -> Result<Self, InvalidAddress> {
        texts.into_iter().map(|text| parse_network(text.as_ref())).collect()
    }

    /// Nothing is in the set.
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// Whether the address, or a network around it, is in the set.
    pub fn contains(&self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(address) => covers(&self.v4, address.to_bits()),
            IpAddr::V6(address) => covers(&self.v6, address.to_bits()),
        }
    }
}

/// Networks as an address and how many of its leading bits count; for more
/// than the address has, all do.
impl FromIterator<(IpAddr, u8)> for IpSet {
    fn from_iter<I: IntoIterator<Item = (IpAddr, u8)>>(networks: I) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for network in networks {
            match canonical(network) {
                (IpAddr::V4(address), prefix) => {
                    let host = u32::MAX.checked_shr(prefix.into()).unwrap_or(0);
                    v4.push((address.to_bits() & !host, address.to_bits() | host));
                }
                (IpAddr::V6(address), prefix) => {
                    let host = u128::MAX.checked_shr(prefix.into()).unwrap_or(0);
                    v6.push((address.to_bits() & !host, address.to_bits() | host));
                }
            }
        }
        Self { v4: merged(v4), v6: merged(v6) }
    }
}

/// Read an address, an IPv6 one with or without brackets. Names, ports and
/// zones are none.
pub fn parse_address(text: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(text).ok()?;
    match text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        Some(bare) => bare.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => text.parse().ok(),
    }
}

/// An address and how many of its leading bits count.
fn parse_network(text: &str) -> Result<(IpAddr, u8), InvalidAddress> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let parsed =
        parse_address(address.as_bytes()).ok_or_else(|| InvalidAddress(address.to_owned()))?;
    let width = if parsed.is_ipv4() { 32 } else { 128 };
    let Some(prefix) = prefix else {
        return Ok((parsed, width));
    };
    // `parse` alone would accept a sign.
    let digits = prefix.bytes().all(|byte| byte.is_ascii_digit());
    match prefix.parse() {
        Ok(prefix) if digits && prefix <= width => Ok((parsed, prefix)),
        _ => Err(InvalidAddress(text.to_owned())),
    }
}

/// A network of mapped addresses as the IPv4 network it is; one that reaches
/// beyond them stays IPv6.
fn canonical((address, prefix): (IpAddr, u8)) -> (IpAddr, u8) {
    match (address, address.to_canonical()) {
        (IpAddr::V6(_), IpAddr::V4(mapped)) if prefix >= 96 => (IpAddr::V4(mapped), prefix - 96),
        _ => (address, prefix),
    }
}

/// Sort the ranges and join those that overlap.
fn merged<N: Ord + Copy>(mut ranges: Vec<(N, N)>) -> Box<[(N, N)]> {
    ranges.sort_unstable();
    ranges.dedup_by(|next, kept| {
        let overlaps = next.0 <= kept.1;
        if overlaps {
            kept.1 = kept.1.max(next.1);
        }
        overlaps
    });
    ranges.into_boxed_slice()
}

fn covers<N: Ord + Copy>(ranges: &[(N, N)], address: N) -> bool {
    let after = ranges.partition_point(|(first, _)| *first <= address);
    after > 0 && address <= ranges[after - 1].1
}
