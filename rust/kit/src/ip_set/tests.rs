use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;

use super::{IpSet, parse_address};

fn ip(text: &str) -> IpAddr {
    text.parse().expect("the test gives an address")
}

fn set(texts: &[&str]) -> IpSet {
    IpSet::parse(texts).expect("the test gives addresses")
}

#[test]
fn the_empty_set_contains_nothing() {
    assert!(set(&[]).is_empty());
    assert!(!set(&[]).contains(ip("127.0.0.1")));
}

#[test]
fn networks_contain_their_first_and_last_address() {
    let set = set(&["10.1.2.3/8", "192.168.0.0/31", "2001:db8::/32"]);
    for inside in
        ["10.0.0.0", "10.255.255.255", "192.168.0.1", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"]
    {
        assert!(set.contains(ip(inside)), "{inside}");
    }
    for outside in ["9.255.255.255", "11.0.0.0", "192.168.0.2", "2001:db9::", "::"] {
        assert!(!set.contains(ip(outside)), "{outside}");
    }
}

#[test]
fn a_network_of_no_bits_contains_its_whole_family() {
    assert!(set(&["0.0.0.0/0"]).contains(ip("255.255.255.255")));
    assert!(!set(&["0.0.0.0/0"]).contains(ip("::1")));
    assert!(set(&["::/0"]).contains(ip("ffff::")));
    assert!(!set(&["::/0"]).contains(ip("1.2.3.4")));
}

#[test]
fn a_mapped_address_is_the_ipv4_address() {
    assert!(set(&["10.0.0.0/8"]).contains(ip("::ffff:10.1.2.3")));
    assert!(set(&["::ffff:10.0.0.0/104"]).contains(ip("10.1.2.3")));
    assert!(!set(&["::/0"]).contains(ip("::ffff:10.1.2.3")));
}

#[test]
fn brackets_around_ipv6_are_ignored() {
    assert!(set(&["[::1]"]).contains(ip("::1")));
    assert_eq!(parse_address(b"[::1]"), Some(ip("::1")));
    assert_eq!(parse_address(b"[127.0.0.1]"), None);
}

#[test]
fn errors_are_worded_as_apisix_words_them() {
    for (text, message) in [
        ("", "invalid ip address: "),
        ("foo", "invalid ip address: foo"),
        ("256.0.0.1/8", "invalid ip address: 256.0.0.1"),
        ("10.0.0.0/33", "invalid ip address: 10.0.0.0/33"),
        ("10.0.0.0/", "invalid ip address: 10.0.0.0/"),
        ("10.0.0.0/+8", "invalid ip address: 10.0.0.0/+8"),
        ("::1/129", "invalid ip address: ::1/129"),
    ] {
        assert_eq!(IpSet::parse([text]).expect_err(text).to_string(), message);
    }
}

proptest! {
    #[test]
    fn agrees_with_asking_every_network(
        networks in prop::collection::vec((any::<u32>(), 0_u32..=32), 0..20),
        near in any::<u32>(), flip in 0_u32..32,
    ) {
        let texts = networks.iter().map(|(bits, prefix)| format!("{}/{prefix}", Ipv4Addr::from_bits(*bits)));
        let set = IpSet::parse(texts).expect("these are networks");
        let probes = networks.iter().map(|(bits, _)| bits ^ (1 << flip)).chain([near]);
        for address in probes {
            let expected = networks.iter().any(|(bits, prefix)| {
                let mask = !u32::MAX.checked_shr(*prefix).unwrap_or(0);
                bits & mask == address & mask
            });
            prop_assert_eq!(set.contains(Ipv4Addr::from_bits(address).into()), expected);
        }
    }
}
