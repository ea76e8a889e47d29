//! Our header fields to the `h2` crate's and back.
//!
//! Names are in lower case on an HTTP/2 wire, and fields that concern one connection have no
//! place there (RFC 9113 section 8.2). The crate refuses such fields in what it receives; what is
//! sent leaves them out here.

use std::sync::LazyLock;

use gateway_core::headers::{Headers, Known, NAMES};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::h1::{HOP_BY_HOP, may_trail};

#[cfg(test)]
mod tests;

/// Fields that HTTP/2 says in another way: Host is `:authority`, and a Content-Length is written
/// anew where the length is known.
const SAID_OTHERWISE: u64 = Known::Host.bit() | Known::ContentLength.bit();

/// The crate's names of the fields that we know, in the order of [`NAMES`]: most are a byte to it,
/// and none is looked at again.
static KNOWN: LazyLock<Vec<HeaderName>> = LazyLock::new(|| {
    let name = |(_, name): &(Known, &str)| HeaderName::from_bytes(name.as_bytes());
    NAMES.iter().map(name).collect::<Result<_, _>>().expect("each known name is a token")
});

/// The fields of a head or of a trailer section as the crate sends them, without those of a
/// connection, Host and Content-Length. What cannot stand in a message of HTTP/2 is left out; our
/// parsers let none of that in.
pub fn map_of(headers: &Headers) -> HeaderMap {
    let mut map = HeaderMap::with_capacity(headers.pushed() + 2);
    for (known, name, value) in headers.iter_known() {
        if known.bit() & (HOP_BY_HOP | SAID_OTHERWISE) != 0 {
            continue;
        }
        let name = match (known as usize).checked_sub(1) {
            Some(index) => Ok(KNOWN[index].clone()),
            None => HeaderName::from_bytes(name),
        };
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value)) {
            map.append(name, value);
        }
    }
    map
}

/// Appends received fields to `out`, without any of a connection. Names and values have passed
/// the crate's checks, which are RFC 9110's.
pub fn append(map: &HeaderMap, out: &mut Headers) {
    for (name, value) in map {
        let known = Known::of(name.as_str().as_bytes());
        if known.bit() & HOP_BY_HOP == 0 {
            out.append_known(known, name.as_str(), value.as_bytes());
        }
    }
}

/// Appends received trailers to `out`, without fields that have no place in a trailer section.
pub fn append_trailers(map: &HeaderMap, out: &mut Headers) {
    for (name, value) in map {
        let known = Known::of(name.as_str().as_bytes());
        if may_trail(known, name.as_str().as_bytes()) {
            out.append_known(known, name.as_str(), value.as_bytes());
        }
    }
}
