//! Version 2: binary (section 2.2).

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Addresses, Header, LONGEST, Malformed, begins};

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Signature, version and command, family and transport, length of the rest.
const FIXED: usize = 16;

/// What two addresses of `AF_UNIX` take.
const UNIX: usize = 216;

pub(super) fn parse(input: &[u8]) -> Result<Option<Header>, Malformed> {
    if !begins(input, SIGNATURE)? {
        return Ok(None);
    }
    let Some(&[command, family, high, low]) = input.get(SIGNATURE.len()..FIXED) else {
        return Ok(None);
    };
    if command >> 4 != 2 {
        return Err(Malformed("the PROXY header is of no version that is known"));
    }
    let length = FIXED + usize::from(u16::from_be_bytes([high, low]));
    if length > LONGEST {
        return Err(Malformed("the PROXY header is longer than 4096 bytes"));
    }
    let Some(rest) = input.get(FIXED..length) else { return Ok(None) };
    let addresses = match command & 0xf {
        0 => None, // LOCAL: the sender speaks for itself, and nothing else counts
        1 => addresses(family, rest)?,
        _ => return Err(Malformed("the PROXY header's command is none that is known")),
    };
    Ok(Some(Header { length, addresses }))
}

/// The addresses in front of the fields that are passed over.
fn addresses(family: u8, rest: &[u8]) -> Result<Option<Addresses>, Malformed> {
    let (family, transport) = (family >> 4, family & 0xf);
    if transport > 2 {
        return Err(Malformed("the PROXY header's transport is none that is known"));
    }
    let both = match family {
        0 => return Ok(None),
        1 => v4(rest),
        2 => v6(rest),
        3 => {
            return match rest.len() >= UNIX {
                true => Ok(None),
                false => Err(TOO_SHORT),
            };
        }
        _ => return Err(Malformed("the PROXY header's family is none that is known")),
    };
    // A datagram's addresses, or those of an unknown transport, are not of this connection.
    both.map(|both| (transport == 1).then_some(both)).ok_or(TOO_SHORT)
}

const TOO_SHORT: Malformed = Malformed("the PROXY header is too short for its addresses");

fn v4(rest: &[u8]) -> Option<Addresses> {
    let ip = |at: usize| rest.get(at..)?.first_chunk::<4>().copied().map(Ipv4Addr::from);
    both(rest, 8, ip(0)?, ip(4)?)
}

fn v6(rest: &[u8]) -> Option<Addresses> {
    let ip = |at: usize| rest.get(at..)?.first_chunk::<16>().copied().map(Ipv6Addr::from);
    both(rest, 32, ip(0)?, ip(16)?)
}

fn both<Ip>(rest: &[u8], ports: usize, source: Ip, destination: Ip) -> Option<Addresses>
where
    SocketAddr: From<(Ip, u16)>,
{
    let port = |at: usize| rest.get(at..)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes));
    Some(Addresses {
        source: SocketAddr::from((source, port(ports)?)),
        destination: SocketAddr::from((destination, port(ports + 2)?)),
    })
}
