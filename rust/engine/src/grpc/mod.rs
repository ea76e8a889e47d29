//! What a gateway knows of gRPC: who speaks it, how long it may take, and how it is told of an error.
//!
//! The rest of it is HTTP/2 with trailers, and passes as such.
//! <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>

use gateway_core::headers::Known;
use gateway_net::h1::{RequestHead, Version};

use crate::observe::flags::Flag;

#[cfg(test)]
mod tests;

/// `content-type` of messages in no named encoding.
pub(crate) const CONTENT_TYPE: &str = "application/grpc";

/// `DEADLINE_EXCEEDED`
pub(crate) const DEADLINE_EXCEEDED: u8 = 4;

/// Whether the request's content is gRPC's messages: `application/grpc`, with an encoding or
/// without. (`application/grpc-web` is another protocol.)
pub(crate) fn is_content(request: &RequestHead) -> bool {
    let kind = request.headers.known(Known::ContentType).unwrap_or_default();
    match kind.get(..CONTENT_TYPE.len()) {
        Some(start) if start.eq_ignore_ascii_case(CONTENT_TYPE.as_bytes()) => {
            matches!(kind.get(CONTENT_TYPE.len()), None | Some(b'+' | b';' | b' '))
        }
        _ => false,
    }
}

/// Whether the client speaks gRPC: its messages, over the one version of HTTP that carries it.
pub(crate) fn is_spoken(request: &RequestHead) -> bool {
    request.version == Version::Http2 && is_content(request)
}

/// How long the client waits, in microseconds: its `grpc-timeout`, at least one. None if it does
/// not say, or says it wrong; the server is told all the same.
pub(crate) fn timeout_us(request: &RequestHead) -> Option<u64> {
    let (unit, digits) = request.headers.get("grpc-timeout")?.split_last()?;
    if digits.is_empty() || digits.len() > 8 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = digits.iter().fold(0, |value, digit| value * 10 + u64::from(digit - b'0'));
    let micros = match unit {
        b'H' => value * 3_600_000_000,
        b'M' => value * 60_000_000,
        b'S' => value * 1_000_000,
        b'm' => value * 1_000,
        b'u' => value,
        b'n' => value / 1_000,
        _ => return None,
    };
    Some(micros.max(1))
}

/// The `grpc-status` of an answer that the gateway makes with this flag and HTTP status: what a
/// client would make of the status
/// (<https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md>), but for what the
/// flag says better.
pub(crate) fn status(flag: Flag, http: u16) -> u8 {
    match (flag, http) {
        (Flag::TotalTimeout, _) => DEADLINE_EXCEEDED,
        (Flag::ClientLeft, _) => 1,  // CANCELLED
        (Flag::ClientLimit, _) => 8, // RESOURCE_EXHAUSTED
        (_, 400) => 13,              // INTERNAL
        (_, 401) => 16,              // UNAUTHENTICATED
        (_, 403) => 7,               // PERMISSION_DENIED
        (_, 404) => 12,              // UNIMPLEMENTED
        (_, 429 | 502..=504) => 14,  // UNAVAILABLE
        _ => 2,                      // UNKNOWN
    }
}

/// A `grpc-message`: percent-encoded but for visible ASCII and the space.
pub(crate) fn message(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}
