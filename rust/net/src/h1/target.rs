//! The request target and the authority (RFC 9112 section 3.2, RFC 3986 section 3.2).

use super::scan::{path_end, plain_host_end};
use super::{Method, Reject};
use gateway_core::headers::Span;
use std::net::Ipv6Addr;

/// In which of its four forms a request target came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Form {
    /// `/path?query`
    #[default]
    Origin,
    /// `http://host/path?query`
    Absolute,
    /// `host:port`, which only CONNECT has.
    Authority,
    /// `*`, which only OPTIONS has.
    Asterisk,
}

/// A request target, as spans of the head's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Target {
    /// The form on the wire.
    pub form: Form,
    /// The target as received.
    pub raw: Span,
    /// The target in origin form: path, and query if there is one. `*` and the authority of a
    /// CONNECT stand here as they are.
    pub origin: Span,
    /// The authority of the absolute or authority form; empty otherwise.
    pub authority: Span,
    /// Length of the path, with which `origin` begins.
    pub path_len: u32,
    /// Whether an absolute form began with `https:`.
    pub https: bool,
}

/// Splits the target at `start..end`, whose bytes have been looked at with [`is_target_byte`].
/// `origin` of an absolute form without a path starts at its query, or is empty.
pub(super) fn split(
    method: &Method,
    input: &[u8],
    start: usize,
    end: usize,
) -> Result<Target, Reject> {
    let (raw, span) = (&input[start..end], Span::new(start, end));
    let mut target = Target { raw: span, origin: span, ..Target::default() };
    if matches!(method, Method::Connect) {
        target.form = Form::Authority;
        target.authority = span;
        target.path_len = span.len;
        let port = has_port(raw) && is_authority(raw);
        return if port { Ok(target) } else { Err(Reject::TargetForm) };
    }
    if raw[0] == b'/' {
        target.path_len = (path_end(input, start) - start) as u32;
        return Ok(target);
    }
    if raw == b"*" {
        target.form = Form::Asterisk;
        target.path_len = 1;
        let options = matches!(method, Method::Options);
        return if options { Ok(target) } else { Err(Reject::TargetForm) };
    }
    let after = if let Some(rest) = strip_prefix(raw, b"http://") {
        rest
    } else if let Some(rest) = strip_prefix(raw, b"https://") {
        target.https = true;
        rest
    } else {
        return Err(Reject::Target);
    };
    let authority = after.iter().position(|b| matches!(b, b'/' | b'?')).unwrap_or(after.len());
    if !is_authority(&after[..authority]) {
        return Err(Reject::HostInvalid);
    }
    let from = end - after.len();
    let origin = from + authority;
    target.form = Form::Absolute;
    target.authority = Span::new(from, origin);
    target.origin = Span::new(origin, end);
    target.path_len = (path_end(input, origin) - origin) as u32;
    Ok(target)
}

/// Whether `byte` may stand in a target: visible ASCII but `#`, since a fragment is never sent
/// and a reader that cuts it off would route another path than one that does not.
#[inline]
pub(super) const fn is_target_byte(byte: u8) -> bool {
    byte > b' ' && byte < 0x7f && byte != b'#'
}

/// Whether `target` could stand in a request line. For targets that the gateway has rewritten.
pub fn is_target(target: &[u8]) -> bool {
    !target.is_empty() && target.iter().copied().all(is_target_byte)
}

/// [`is_authority`] for the bytes of `input` at `span`, behind which stands one that no authority
/// holds: the quick way for names and IPv4 addresses.
#[inline]
pub(super) fn is_authority_at(input: &[u8], span: Span) -> bool {
    let value = &input[span.range()];
    match value.get(plain_host_end(input, span.start as usize) - span.start as usize..) {
        Some(port) if port.len() < value.len() && matches!(port, [] | [b':', ..]) => is_port(port),
        _ => is_authority(value),
    }
}

/// Whether `value` is `host` or `host:port`: a registered name, an IPv4 address or a bracketed
/// IPv6 address, not empty, without user information; the port a number that fits.
#[inline]
pub fn is_authority(value: &[u8]) -> bool {
    let end = value.iter().position(|b| !REG_NAME[*b as usize]).unwrap_or(value.len());
    match value.get(end) {
        _ if end == 0 => is_literal(value),
        None => true,
        Some(b':') => is_port(&value[end..]),
        Some(_) => is_encoded(value),
    }
}

/// A bracketed IPv6 address, without a zone, and perhaps a port.
fn is_literal(value: &[u8]) -> bool {
    let Some(end) = value.iter().position(|b| *b == b']') else { return is_encoded(value) };
    let address = value[..end].strip_prefix(b"[").and_then(|a| std::str::from_utf8(a).ok());
    address.is_some_and(|a| a.parse::<Ipv6Addr>().is_ok()) && is_port(&value[end + 1..])
}

/// A registered name with percent-encoded bytes, and perhaps a port.
fn is_encoded(value: &[u8]) -> bool {
    let end = value.iter().position(|b| *b == b':').unwrap_or(value.len());
    let mut rest = &value[..end];
    while let [byte, after @ ..] = rest {
        rest = match (byte, after) {
            (b'%', [a, b, after @ ..]) if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => after,
            (byte, after) if REG_NAME[*byte as usize] => after,
            _ => return false,
        };
    }
    end > 0 && is_port(&value[end..])
}

fn strip_prefix<'a>(raw: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let (head, rest) = raw.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

fn has_port(authority: &[u8]) -> bool {
    let port = authority.iter().rposition(|b| *b == b':');
    port.is_some_and(|colon| authority[colon..].len() > 1)
        && authority.last().is_some_and(u8::is_ascii_digit)
}

/// Nothing, or a colon and a port number.
fn is_port(port: &[u8]) -> bool {
    match port {
        [] => true,
        [b':', digits @ ..] if !digits.is_empty() && digits.len() <= 5 => {
            let mut port = 0;
            for digit in digits {
                if !digit.is_ascii_digit() {
                    return false;
                }
                port = port * 10 + u32::from(digit - b'0');
            }
            port <= 65535
        }
        _ => false,
    }
}

/// Bytes of a registered name (RFC 3986 section 3.2.2), percent-encoding left out.
const REG_NAME: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        let c = byte as u8;
        table[byte] = c.is_ascii_alphanumeric()
            || matches!(c, b'-' | b'.' | b'_' | b'~')
            || matches!(
                c,
                b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'='
            );
        byte += 1;
    }
    table
};
