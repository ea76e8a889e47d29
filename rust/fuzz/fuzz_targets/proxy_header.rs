//! PROXY headers: what is accepted must be accepted by `ppp`, with the same addresses, and pieces
//! of it must be neither refused nor taken for the whole.

#![no_main]

use gateway_net::proxy_protocol::{Addresses, LONGEST, parse};
use libfuzzer_sys::fuzz_target;
use ppp::{HeaderResult, v1, v2};

fuzz_target!(|data: &[u8]| {
    let Ok(Some(header)) = parse(data) else { return };
    assert!(header.length <= data.len().min(LONGEST), "more is taken than came or than may");
    for end in 0..header.length {
        assert_eq!(parse(&data[..end]), Ok(None), "a piece of {end} bytes is judged");
    }
    assert_eq!(parse(&data[..header.length]), Ok(Some(header)), "what follows counts");
    let other = other_opinion(&data[..header.length]);
    assert_eq!(header.addresses, other, "another parser reads other addresses");
});

/// The addresses that `ppp` reads. It wants them of `LOCAL` headers, too, where nothing counts.
fn other_opinion(header: &[u8]) -> Option<Addresses> {
    let both = |source, destination| Some(Addresses { source, destination });
    match HeaderResult::parse(header) {
        HeaderResult::V1(header) => match header.expect("ppp refuses the line").addresses {
            v1::Addresses::Tcp4(ip) => both(
                (ip.source_address, ip.source_port).into(),
                (ip.destination_address, ip.destination_port).into(),
            ),
            v1::Addresses::Tcp6(ip) => both(
                (ip.source_address, ip.source_port).into(),
                (ip.destination_address, ip.destination_port).into(),
            ),
            v1::Addresses::Unknown => None,
        },
        HeaderResult::V2(Err(_)) if header[12] == 0x20 => None,
        HeaderResult::V2(header) => {
            let header = header.expect("ppp refuses the header");
            let stream = header.protocol == v2::Protocol::Stream;
            match header.addresses {
                _ if header.command == v2::Command::Local || !stream => None,
                v2::Addresses::IPv4(ip) => both(
                    (ip.source_address, ip.source_port).into(),
                    (ip.destination_address, ip.destination_port).into(),
                ),
                v2::Addresses::IPv6(ip) => both(
                    (ip.source_address, ip.source_port).into(),
                    (ip.destination_address, ip.destination_port).into(),
                ),
                v2::Addresses::Unix(_) | v2::Addresses::Unspecified => None,
            }
        }
    }
}
