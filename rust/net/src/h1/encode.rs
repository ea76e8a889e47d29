//! Heads on their way out.
//!
//! Fields that stand in the arena as they stood on the wire are copied in runs of lines. What
//! concerns one connection only is never copied but written here: Content-Length or
//! Transfer-Encoding from the [`Framing`], Connection and Upgrade from the [`Persistence`].
//!
//! ```
//! use gateway_core::headers::Headers;
//! use gateway_net::h1::{Fields, Framing, Persistence, append_response};
//!
//! let mut headers = Headers::default();
//! headers.append("Content-Type", b"text/plain")?;
//! let fields = Fields { framing: Framing::Length(2), ..Fields::of(&headers) };
//! let mut out = Vec::new();
//! append_response(&mut out, 200, None, &fields);
//! assert_eq!(out, b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n");
//! # Ok::<(), gateway_core::headers::InvalidField>(())
//! ```

use super::{Framing, Method};
use gateway_core::headers::{Headers, Known};

/// What becomes of the connection after the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Persistence<'a> {
    /// It stays open, as HTTP/1.1 has it: nothing is written.
    #[default]
    Open,
    /// It stays open and the peer is told, as HTTP/1.0 needs it: `Connection: keep-alive`.
    KeepAlive,
    /// `Connection: close`
    Close,
    /// `Connection: Upgrade` and this Upgrade field.
    Upgrade(&'a str),
}

/// The fields of an outgoing head.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a> {
    /// The fields. Those of one connection (RFC 9110 section 7.6.1), Content-Length and
    /// Transfer-Encoding are passed over; what Connection named must be gone already.
    pub headers: &'a Headers,
    /// How the body will be written.
    pub framing: Framing,
    /// What becomes of the connection.
    pub persistence: Persistence<'a>,
}

impl<'a> Fields<'a> {
    /// `headers`, no body and a connection that stays open.
    pub fn of(headers: &'a Headers) -> Self {
        Self { headers, framing: Framing::None, persistence: Persistence::Open }
    }
}

/// Appends a request head. `target` has passed a [`RequestReader`](super::RequestReader) or
/// [`is_target`](super::is_target).
pub fn append_request(out: &mut Vec<u8>, method: &Method, target: &[u8], fields: &Fields) {
    out.reserve(target.len() + fields.headers.arena_len() + HEAD_EXTRA);
    put_request(out, method, target, fields);
}

/// Appends a response head. Without a `reason` the registered one of `status` is written.
pub fn append_response(out: &mut Vec<u8>, status: u16, reason: Option<&[u8]>, fields: &Fields) {
    out.reserve(fields.headers.arena_len() + HEAD_EXTRA);
    put_response(out, status, reason, fields);
}

/// Writes a request head at the end of `room`, right before a body that begins there; returns
/// where it starts, or None if it does not fit.
pub fn write_request(
    room: &mut [u8],
    method: &Method,
    target: &[u8],
    fields: &Fields,
) -> Option<usize> {
    let mut sink = Room { rest: &mut *room, full: false };
    put_request(&mut sink, method, target, fields);
    let start = sink.left()?;
    room.copy_within(..room.len() - start, start);
    Some(start)
}

/// Writes a response head at the end of `room`, right before a body that begins there; returns
/// where it starts, or None if it does not fit.
pub fn write_response(
    room: &mut [u8],
    status: u16,
    reason: Option<&[u8]>,
    fields: &Fields,
) -> Option<usize> {
    let mut sink = Room { rest: &mut *room, full: false };
    put_response(&mut sink, status, reason, fields);
    let start = sink.left()?;
    room.copy_within(..room.len() - start, start);
    Some(start)
}

/// The registered reason phrase of a status (RFC 9110 section 15 and the IANA registry); empty
/// for others.
pub const fn reason_phrase(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        102 => "Processing",
        103 => "Early Hints",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        207 => "Multi-Status",
        208 => "Already Reported",
        226 => "IM Used",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        305 => "Use Proxy",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        423 => "Locked",
        424 => "Failed Dependency",
        425 => "Too Early",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        506 => "Variant Also Negotiates",
        507 => "Insufficient Storage",
        508 => "Loop Detected",
        511 => "Network Authentication Required",
        _ => "",
    }
}

/// More than the lines that are written here can take, start line without target included.
const HEAD_EXTRA: usize = 160;

fn put_request(out: &mut impl Sink, method: &Method, target: &[u8], fields: &Fields) {
    debug_assert!(super::is_target(target), "a target is checked before it is sent");
    out.put(method.as_str().as_bytes());
    out.put(b" ");
    out.put(target);
    out.put(b" HTTP/1.1\r\n");
    put_fields(out, fields);
}

fn put_response(out: &mut impl Sink, status: u16, reason: Option<&[u8]>, fields: &Fields) {
    if status == 200 && reason.is_none() {
        out.put(b"HTTP/1.1 200 OK\r\n");
    } else {
        debug_assert!((100..1000).contains(&status), "a status has three digits");
        let digit = |unit: u16| b'0' + (status / unit % 10) as u8;
        out.put(&[
            b'H',
            b'T',
            b'T',
            b'P',
            b'/',
            b'1',
            b'.',
            b'1',
            b' ',
            digit(100),
            digit(10),
            digit(1),
            b' ',
        ]);
        out.put(reason.unwrap_or_else(|| reason_phrase(status).as_bytes()));
        out.put(b"\r\n");
    }
    put_fields(out, fields);
}

fn put_fields(out: &mut impl Sink, fields: &Fields) {
    fields.headers.write_lines(NOT_COPIED, |lines| out.put(lines));
    match fields.framing {
        Framing::Length(length) => {
            out.put(b"Content-Length: ");
            out.put(itoa::Buffer::new().format(length).as_bytes());
            out.put(b"\r\n");
        }
        Framing::Chunked => out.put(b"Transfer-Encoding: chunked\r\n"),
        Framing::None | Framing::UntilClose => {}
    }
    match fields.persistence {
        Persistence::Open => {}
        Persistence::KeepAlive => out.put(b"Connection: keep-alive\r\n"),
        Persistence::Close => out.put(b"Connection: close\r\n"),
        Persistence::Upgrade(protocol) => {
            out.put(b"Connection: Upgrade\r\nUpgrade: ");
            out.put(protocol.as_bytes());
            out.put(b"\r\n");
        }
    }
    out.put(b"\r\n");
}

/// Fields that are written anew or end at this hop.
const NOT_COPIED: u64 = super::connection::HOP_BY_HOP | Known::ContentLength.bit();

/// Where a head is written.
trait Sink {
    fn put(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// What is left of a fixed room.
struct Room<'a> {
    rest: &'a mut [u8],
    /// Something did not fit.
    full: bool,
}

impl Room<'_> {
    /// How much is left, if all of it fitted.
    fn left(self) -> Option<usize> {
        (!self.full).then_some(self.rest.len())
    }
}

impl Sink for Room<'_> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        let Some((slot, rest)) = std::mem::take(&mut self.rest).split_at_mut_checked(bytes.len())
        else {
            self.full = true;
            return;
        };
        slot.copy_from_slice(bytes);
        self.rest = rest;
    }
}
