//! Requests as HTTP/2 says them, made into heads (RFC 9113 section 8.3).
//!
//! The `h2` crate has looked at pseudo-header fields (present, known, once, first), names (tokens
//! in lower case), values (no CR, LF, NUL), fields of a connection (none, TE is `trailers`) and
//! Content-Length (what comes adds up). Left to look at here: the bytes of the path and of the
//! authority, which an HTTP/1 upstream reads strictly or not at all; the scheme; an authority and
//! a Host that differ; white space around values; how many fields there are.

use bytes::Bytes;
use gateway_core::headers::{Headers, Known, Span};
use h2::RecvStream;
use h2::server::SendResponse;
use http::request::Parts;

use super::stream::ServerStream;
use crate::h1::{Form, Framing, Limits, Method, Reject, RequestHead, Target, Version};
use crate::h1::{is_authority, is_target};
use crate::h2::wire::Out;

/// How much of a request line that is too long is kept for the log.
const LOGGED: usize = 256;

/// A request that a client began.
pub struct Incoming {
    parts: Parts,
    stream: ServerStream,
    /// Whether its path held a fragment, which is no longer there.
    fragment: bool,
}

impl Incoming {
    pub(super) fn new(
        request: http::Request<RecvStream>,
        (respond, out): (SendResponse<Bytes>, Out),
        fragment: bool,
    ) -> Self {
        let (parts, body) = request.into_parts();
        Self { parts, stream: ServerStream::new(respond, body, out), fragment }
    }

    /// Reads the head into `out`.
    ///
    /// # Errors
    /// [`Reject`], with the stream to answer or reset; `out` then holds the request line and no
    /// fields.
    pub fn read(
        self,
        limits: &Limits,
        out: &mut RequestHead,
    ) -> Result<ServerStream, (ServerStream, Reject)> {
        let Self { parts, stream, fragment } = self;
        let ended = stream.is_ended();
        match read(&parts, ended, limits, out) {
            Ok(()) if fragment => Err((stream, Reject::Target)),
            Ok(()) => Ok(stream),
            Err(reject) => Err((stream, reject)),
        }
    }
}

impl std::fmt::Debug for Incoming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Incoming").field("parts", &self.parts).finish_non_exhaustive()
    }
}

/// Makes a head of `parts`; `ended` says that there is no body.
pub(super) fn read(
    parts: &Parts,
    ended: bool,
    limits: &Limits,
    out: &mut RequestHead,
) -> Result<(), Reject> {
    out.clear();
    out.version = Version::Http2;
    out.keep_alive = true;
    out.te_trailers = true;
    request_line(parts, limits, out)?;
    let head = out.headers.arena_len();
    let fields = fields(parts, ended, limits, out);
    if fields.is_err() {
        let line = out.headers.bytes(out.line).to_vec();
        debug_assert!(line.len() <= head);
        out.headers.clear();
        out.headers.fill(&line);
    }
    fields
}

/// Lays out what a request line would say, and checks it.
fn request_line(parts: &Parts, limits: &Limits, out: &mut RequestHead) -> Result<(), Reject> {
    let path = parts.uri.path_and_query().map_or("", |path| path.as_str()).as_bytes();
    let method = parts.method.as_str().as_bytes();
    let line = [method, b" ", path, b" HTTP/2.0"].concat();
    if line.len() > limits.line {
        out.line = out.headers.stash(&line[..LOGGED]);
        return Err(Reject::LineTooLong);
    }
    out.line = out.headers.stash(&line);
    let raw = Span::new(method.len() + 1, method.len() + 1 + path.len());
    out.method = Method::of(method).ok_or(Reject::MethodUnknown)?;
    let path_len = path.iter().position(|b| *b == b'?').unwrap_or(path.len()) as u32;
    let form = match path {
        b"*" => Form::Asterisk,
        _ => Form::Origin,
    };
    out.target = Target { form, raw, origin: raw, path_len, ..Target::default() };
    if out.method == Method::Connect {
        return Ok(()); // answered with 405: its authority is no target here
    }
    if form == Form::Asterisk && out.method != Method::Options {
        return Err(Reject::TargetForm);
    }
    // A path that begins with `?`, or none: the crate lets both through.
    if form == Form::Origin && (path.first() != Some(&b'/') || !is_target(path)) {
        return Err(Reject::Target);
    }
    match parts.uri.scheme_str() {
        None | Some("http" | "https") => Ok(()),
        Some(_) => Err(Reject::Target),
    }
}

/// Takes the fields over, Host first, and decides the framing.
fn fields(
    parts: &Parts,
    ended: bool,
    limits: &Limits,
    out: &mut RequestHead,
) -> Result<(), Reject> {
    if parts.headers.len() > limits.fields {
        return Err(Reject::TooManyFields);
    }
    host(parts, &mut out.headers)?;
    let mut length = None;
    let mut cookies = Vec::new();
    for (name, value) in &parts.headers {
        let (name, value) = (name.as_str(), value.as_bytes());
        if matches!(value, [b' ' | b'\t', ..] | [.., b' ' | b'\t']) {
            return Err(Reject::FieldValue); // RFC 9113 section 8.2.1
        }
        let known = Known::of(name.as_bytes());
        match known {
            // Said already; and what says `trailers` and ends at this hop.
            Known::Host | Known::Te => continue,
            Known::Cookie => {
                if !cookies.is_empty() {
                    cookies.extend_from_slice(b"; ");
                }
                cookies.extend_from_slice(value);
                continue;
            }
            Known::ContentLength => {
                length = Some(content_length(length, value)?);
            }
            Known::Expect => {
                if !value.eq_ignore_ascii_case(b"100-continue") {
                    return Err(Reject::Expectation);
                }
                out.expect_continue = !ended;
            }
            Known::Other => out.twins |= name.bytes().any(|b| matches!(b, b'_' | b'.')),
            _ => {}
        }
        out.headers.append_known(known, name, value);
    }
    if !cookies.is_empty() {
        // Crumbs of one field (RFC 9113 section 8.2.3).
        out.headers.append_known(Known::Cookie, "cookie", &cookies);
    }
    out.framing = match (length, ended) {
        (Some(length), _) => Framing::Length(length),
        (None, true) => Framing::None,
        (None, false) => Framing::Chunked,
    };
    Ok(())
}

/// Host: the authority, with which a Host beside it must agree (RFC 9113 section 8.3.1).
fn host(parts: &Parts, headers: &mut Headers) -> Result<(), Reject> {
    let mut hosts = parts.headers.get_all(http::header::HOST).iter();
    let host = hosts.next().map(http::HeaderValue::as_bytes);
    if hosts.next().is_some() {
        return Err(Reject::HostRepeated);
    }
    let authority = parts.uri.authority().map(|authority| authority.as_str().as_bytes());
    let value = match (authority, host) {
        (Some(authority), Some(host)) if !authority.eq_ignore_ascii_case(host) => {
            return Err(Reject::HostInvalid);
        }
        (Some(value), _) | (None, Some(value)) => value,
        (None, None) => return Err(Reject::HostMissing),
    };
    if !is_authority(value) {
        return Err(Reject::HostInvalid);
    }
    headers.append_known(Known::Host, "host", value);
    Ok(())
}

/// As for HTTP/1: once, and digits alone, at most 18 of them. The crate lets equal ones stand
/// twice.
fn content_length(before: Option<u64>, value: &[u8]) -> Result<u64, Reject> {
    if before.is_some() || value.is_empty() || value.len() > 18 {
        return Err(Reject::ContentLength);
    }
    value.iter().try_fold(0, |length, digit| match digit {
        b'0'..=b'9' => Ok(length * 10 + u64::from(digit - b'0')),
        _ => Err(Reject::ContentLength),
    })
}
