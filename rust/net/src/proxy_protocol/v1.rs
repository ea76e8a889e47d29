//! Version 1: a line of text (section 2.1).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Addresses, Header, Malformed, begins};

/// The longest line, its CRLF included.
const LONGEST: usize = 107;

pub(super) fn parse(input: &[u8]) -> Result<Option<Header>, Malformed> {
    if !begins(input, b"PROXY ")? {
        return Ok(None);
    }
    let within = &input[..input.len().min(LONGEST)];
    let Some(end) = memchr::memchr2(b'\r', b'\n', within) else {
        return match within.len() < LONGEST {
            true => Ok(None),
            false => Err(Malformed("the PROXY line is longer than 107 bytes")),
        };
    };
    match within.get(end..end + 2) {
        Some(b"\r\n") => {}
        None if within[end] == b'\r' && within.len() < LONGEST => return Ok(None),
        _ => return Err(Malformed("the PROXY line does not end in CRLF")),
    }
    let header = |addresses| Ok(Some(Header { length: end + 2, addresses }));
    let line = std::str::from_utf8(&within[..end]).map_err(|_| WRONG)?;
    let mut words = line.split(' ').skip(1);
    let mut word = || words.next().ok_or(WRONG);
    let read = match word()? {
        // Whatever else it says is to be ignored.
        "UNKNOWN" => return header(None),
        "TCP4" => |word: &str| word.parse::<Ipv4Addr>().map(IpAddr::V4),
        "TCP6" => |word: &str| word.parse::<Ipv6Addr>().map(IpAddr::V6),
        _ => return Err(WRONG),
    };
    let source = read(word()?).map_err(|_| WRONG)?;
    let destination = read(word()?).map_err(|_| WRONG)?;
    let (from, to) = (port(word()?)?, port(word()?)?);
    if word().is_ok() {
        return Err(WRONG);
    }
    header(Some(Addresses {
        source: SocketAddr::new(source, from),
        destination: SocketAddr::new(destination, to),
    }))
}

const WRONG: Malformed = Malformed("the PROXY line is not as version 1 has it");

/// A port in decimal digits, without leading zeros.
fn port(word: &str) -> Result<u16, Malformed> {
    let digits = word.bytes().all(|byte| byte.is_ascii_digit());
    let plain = digits && (word == "0" || !word.starts_with('0'));
    plain.then(|| word.parse().ok()).flatten().ok_or(WRONG)
}
