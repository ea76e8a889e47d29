use std::net::SocketAddr;

use super::{Addresses, Header, LONGEST, parse};

const V4: &[u8] = b"PROXY TCP4 203.0.113.7 192.0.2.1 56324 443\r\n";

fn addresses(source: &str, destination: &str) -> Addresses {
    let address = |text: &str| text.parse::<SocketAddr>().expect("an address");
    Addresses { source: address(source), destination: address(destination) }
}

/// The addresses of a whole header with a request behind it.
fn read(header: &[u8]) -> Option<Addresses> {
    let with_request = [header, b"GET / HTTP/1.1\r\n\r\n"].concat();
    let parsed = parse(&with_request).expect("well formed").expect("complete");
    assert_eq!(parsed.length, header.len());
    parsed.addresses
}

/// A version 2 header.
fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).expect("short").to_be_bytes();
    let fixed = [command, family, length[0], length[1]];
    [&b"\r\n\r\n\0\r\nQUIT\n"[..], &fixed, rest].concat()
}

const V4_REST: [u8; 12] = [203, 0, 113, 7, 192, 0, 2, 1, 0xdc, 0x04, 0x01, 0xbb];

fn wrong(input: &[u8]) {
    let parsed = parse(input);
    assert!(parsed.is_err(), "{:?}: {parsed:?}", String::from_utf8_lossy(input));
}

#[test]
fn a_line_tells_both_ends() {
    assert_eq!(read(V4), Some(addresses("203.0.113.7:56324", "192.0.2.1:443")));
    let v6 = b"PROXY TCP6 2001:db8::7 2001:db8::1 0 65535\r\n";
    assert_eq!(read(v6), Some(addresses("[2001:db8::7]:0", "[2001:db8::1]:65535")));
}

#[test]
fn an_unknown_origin_is_a_good_header_without_addresses() {
    for line in [
        &b"PROXY UNKNOWN\r\n"[..],
        b"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n",
        b"PROXY UNKNOWN anything at all\r\n",
    ] {
        assert_eq!(read(line), None);
    }
}

#[test]
fn the_longest_line_is_107_bytes() {
    let line = |length: usize| {
        let mut line = b"PROXY UNKNOWN ".to_vec();
        line.resize(length - 2, b'x');
        [&line[..], b"\r\n"].concat()
    };
    assert_eq!(read(&line(107)), None);
    wrong(&line(108));
    wrong(&line(5_000)[..107]);
}

#[test]
fn a_line_that_is_not_exact_is_refused() {
    for line in [
        "PROXY TCP4 203.0.113.7 192.0.2.1 56324 443\n",
        "PROXY TCP4 203.0.113.7 192.0.2.1 56324 443\rX",
        "PROXY TCP4  203.0.113.7 192.0.2.1 56324 443\r\n",
        "PROXY TCP4 203.0.113.7 192.0.2.1 56324 443 \r\n",
        "PROXY TCP4 203.0.113.7 192.0.2.1 56324\r\n",
        "PROXY TCP4 203.0.113.7 192.0.2.1 56324 443 1\r\n",
        "PROXY TCP4 203.0.113.07 192.0.2.1 56324 443\r\n",
        "PROXY TCP4 203.0.113 192.0.2.1 56324 443\r\n",
        "PROXY TCP4 203.0.113.256 192.0.2.1 56324 443\r\n",
        "PROXY TCP4 ::1 ::1 1 2\r\n",
        "PROXY TCP6 203.0.113.7 192.0.2.1 56324 443\r\n",
        "PROXY TCP4 203.0.113.7 192.0.2.1 +56324 443\r\n",
        "PROXY TCP4 203.0.113.7 192.0.2.1 056324 443\r\n",
        "PROXY TCP4 203.0.113.7 192.0.2.1 65536 443\r\n",
        "PROXY TCP4 203.0.113.7 192.0.2.1 -1 443\r\n",
        "PROXY TCP4 203.0.113.7 192.0.2.1 \u{663}\u{664} 443\r\n",
        "PROXY UDP4 203.0.113.7 192.0.2.1 56324 443\r\n",
        "PROXY TCP5 203.0.113.7 192.0.2.1 56324 443\r\n",
        "PROXY\tTCP4 203.0.113.7 192.0.2.1 56324 443\r\n",
        "PROXY \r\n",
        "PROXYTCP4",
        "proxy TCP4 203.0.113.7 192.0.2.1 56324 443\r\n",
        " PROXY TCP4 203.0.113.7 192.0.2.1 56324 443\r\n",
        "GET / HTTP/1.1\r\n",
        "POST / HTTP/1.1\r\n",
    ] {
        wrong(line.as_bytes());
    }
}

#[test]
fn a_binary_header_tells_both_ends() {
    assert_eq!(
        read(&binary(0x21, 0x11, &V4_REST)),
        Some(addresses("203.0.113.7:56324", "192.0.2.1:443"))
    );
    let mut rest = [0; 36];
    rest[15] = 7;
    rest[31] = 1;
    rest[33] = 80;
    rest[35] = 81;
    assert_eq!(read(&binary(0x21, 0x21, &rest)), Some(addresses("[::7]:80", "[::1]:81")));
}

#[test]
fn fields_behind_the_addresses_are_passed_over() {
    let with_fields = [&V4_REST[..], &[3, 0, 4, 1, 2, 3, 4], &[0xee; 300]].concat();
    assert_eq!(
        read(&binary(0x21, 0x11, &with_fields)),
        Some(addresses("203.0.113.7:56324", "192.0.2.1:443"))
    );
}

#[test]
fn what_has_no_address_here_is_a_good_header_without_one() {
    assert_eq!(read(&binary(0x20, 0x00, &[])), None, "LOCAL");
    assert_eq!(read(&binary(0x20, 0x11, &V4_REST)), None, "LOCAL, addresses ignored");
    assert_eq!(read(&binary(0x20, 0xff, &[9; 3])), None, "LOCAL, all of it ignored");
    assert_eq!(read(&binary(0x21, 0x00, &[])), None, "UNSPEC");
    assert_eq!(read(&binary(0x21, 0x31, &[0; 216])), None, "AF_UNIX");
    assert_eq!(read(&binary(0x21, 0x12, &V4_REST)), None, "a datagram");
}

#[test]
fn a_binary_header_that_is_not_exact_is_refused() {
    wrong(&binary(0x11, 0x11, &V4_REST)); // version 1
    wrong(&binary(0x31, 0x11, &V4_REST)); // version 3
    wrong(&binary(0x22, 0x11, &V4_REST)); // command 2
    wrong(&binary(0x21, 0x41, &V4_REST)); // family 4
    wrong(&binary(0x21, 0x13, &V4_REST)); // transport 3
    wrong(&binary(0x21, 0x11, &V4_REST[..11]));
    wrong(&binary(0x21, 0x21, &[0; 35]));
    wrong(&binary(0x21, 0x31, &[0; 215]));
    wrong(b"\r\n\r\nGET / HTTP/1.1\r\n");
}

#[test]
fn a_binary_header_has_a_longest_length_known_before_it_is_read() {
    let rest = vec![0; LONGEST - 16];
    assert_eq!(read(&binary(0x21, 0x00, &rest)), None);
    wrong(&binary(0x21, 0x00, &[0; LONGEST - 15])[..16]);
}

#[test]
fn a_header_in_pieces_is_waited_for() {
    for header in [V4.to_vec(), b"PROXY UNKNOWN\r\n".to_vec(), binary(0x21, 0x11, &V4_REST)] {
        for end in 0..header.len() {
            assert_eq!(parse(&header[..end]), Ok(None), "{:?}", &header[..end]);
        }
        let whole = parse(&header).expect("well formed").expect("complete");
        assert_eq!(whole.length, header.len());
    }
    assert_eq!(parse(b""), Ok(None));
    let _: Header = parse(V4).expect("well formed").expect("complete");
}
