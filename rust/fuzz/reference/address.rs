//! Addresses and networks as texts of zeros and ones.

use std::net::{IpAddr, Ipv6Addr};

/// A text as an address: of which family, and its bits. An IPv4 address in IPv6 clothes is an
/// IPv4 address, as it is for the gateway.
pub fn bits(address: IpAddr) -> (bool, String) {
    match address.to_canonical() {
        IpAddr::V4(v4) => (true, format!("{:032b}", u32::from(v4))),
        IpAddr::V6(v6) => (false, format!("{:0128b}", u128::from(v6))),
    }
}

/// Reads an address; an IPv6 one may stand in brackets.
pub fn parse(text: &str) -> Option<IpAddr> {
    match text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(bare) => bare.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => text.parse().ok(),
    }
}

/// Whether `text` is an address, or one with a number of leading bits it has.
pub fn is_network(text: &str) -> bool {
    split(text).is_some()
}

/// Whether `address` is in the network that `text` spells.
pub fn within(address: IpAddr, text: &str) -> bool {
    let Some((network, prefix)) = split(text) else { return false };
    let ((v4, bits_of), (network_v4, network_bits)) = (bits(address), bits(network));
    // What is mapped counts from the 97th bit; a network around all mapped ones is IPv6.
    let mapped = network.is_ipv6() && network_v4;
    match (mapped, prefix) {
        (true, 96..) => v4 && bits_of.starts_with(&network_bits[..prefix - 96]),
        (true, _) => {
            let IpAddr::V6(whole) = network else { return false };
            !v4 && bits_of.starts_with(&format!("{:0128b}", u128::from(whole))[..prefix])
        }
        (false, _) => v4 == network_v4 && bits_of.starts_with(&network_bits[..prefix]),
    }
}

fn split(text: &str) -> Option<(IpAddr, usize)> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (parse(address)?, Some(prefix)),
        None => (parse(text)?, None),
    };
    let width = if address.is_ipv4() { 32 } else { 128 };
    let Some(prefix) = prefix else { return Some((address, width)) };
    let digits = !prefix.is_empty() && prefix.bytes().all(|b| b.is_ascii_digit());
    let prefix = prefix.parse().ok().filter(|prefix| digits && *prefix <= width)?;
    Some((address, prefix))
}
