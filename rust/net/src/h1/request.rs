//! Request heads (RFC 9112 sections 3 and 5).

use super::connection::Options;
use super::fields::{FieldReader, Line, Spacing};
use super::framing::Declared;
use super::scan::{find, path_end, target_end, token_end};
use super::{Form, Framing, Limits, Method, Reject, Target, Version, target};
use gateway_core::headers::{Headers, Known, Span};

/// A request head: what it says, and its fields.
///
/// Spans point into the arena of `headers`, which holds the head as received.
#[derive(Debug, Clone, Default)]
pub struct RequestHead {
    /// The method.
    pub method: Method,
    /// The target, split.
    pub target: Target,
    /// The version of the client.
    pub version: Version,
    /// The fields. Host is that of the target where the target is in absolute form.
    pub headers: Headers,
    /// Where the body ends.
    pub framing: Framing,
    /// Whether the client will accept another exchange on this connection.
    pub keep_alive: bool,
    /// Whether Connection names fields that end here, for
    /// [`strip_hop_by_hop`](super::strip_hop_by_hop).
    pub connection_names: bool,
    /// Whether the client waits for 100 Continue before it sends its body.
    pub expect_continue: bool,
    /// Whether the client asks for another protocol on this connection.
    pub upgrade: Upgrade,
    /// Whether the client takes trailers (`TE: trailers`).
    pub te_trailers: bool,
    /// Whether some field name holds `_` or `.`: without it there is no twin to look for.
    pub twins: bool,
    /// The request line as received, without its CRLF.
    pub line: Span,
}

/// The protocol that an Upgrade field names (RFC 9110 section 7.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Upgrade {
    /// Nothing.
    #[default]
    None,
    /// `websocket` alone; in a request only by GET and with no body (RFC 6455 section 4.1).
    WebSocket,
    /// Anything else, which is not passed on.
    Other,
}

impl Upgrade {
    /// What one more Upgrade field makes of it.
    pub(super) fn and(self, value: &[u8]) -> Self {
        let first = self == Self::None;
        if first && value.eq_ignore_ascii_case(b"websocket") {
            Self::WebSocket
        } else {
            Self::Other
        }
    }
}

impl RequestHead {
    /// The path as received, not decoded. `*` for the asterisk form.
    #[inline]
    pub fn path(&self) -> &[u8] {
        &self.origin()[..self.target.path_len as usize]
    }

    /// The query after the `?`, which may be empty; None without a `?`.
    #[inline]
    pub fn query(&self) -> Option<&[u8]> {
        self.origin().get(self.target.path_len as usize + 1..)
    }

    /// Path and query: the target in origin form.
    #[inline]
    pub fn origin(&self) -> &[u8] {
        self.headers.bytes(self.target.origin)
    }

    /// The target as received.
    #[inline]
    pub fn raw_target(&self) -> &[u8] {
        self.headers.bytes(self.target.raw)
    }

    /// Host with its port, as received; None only in HTTP/1.0.
    #[inline]
    pub fn host(&self) -> Option<&[u8]> {
        self.headers.known(Known::Host)
    }

    /// Empties the head and keeps its memory.
    pub fn clear(&mut self) {
        let mut headers = std::mem::take(&mut self.headers);
        headers.clear();
        *self = Self { headers, ..Self::default() };
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Stage {
    #[default]
    Start,
    Method,
    Target,
    Version,
    Fields,
}

/// Reads request heads, one after the other. Remembers how far it came in a head that is not
/// complete yet, so that a head that drips in costs no more than one that is there.
#[derive(Debug, Clone, Default)]
pub struct RequestReader {
    stage: Stage,
    /// The next byte of the request line to look at.
    pos: usize,
    /// Where the field lines begin, once it is known.
    block: usize,
    fields: FieldReader,
    seen: Seen,
}

/// What fields say about the message; judged when the head is complete.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    declared: Declared,
    options: Options,
    host: bool,
    expect_continue: bool,
    upgrade: Upgrade,
    te_trailers: bool,
}

/// How much of a line that is none is kept for the log.
const LOGGED: usize = 256;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

impl RequestReader {
    /// Reads one head from the start of `input`.
    ///
    /// `Some(n)`: the head is `input[..n]`, `out` holds it, and the reader is ready for the next
    /// one. `None`: the head is not complete; call again with the same `out` and an input that
    /// starts with this one. What is malformed is refused as soon as it is seen.
    ///
    /// # Errors
    /// [`Reject`]: the connection is to be answered with its status and closed. `out` is as after
    /// [`RequestReader::abandon`].
    #[inline]
    pub fn parse(
        &mut self,
        input: &[u8],
        limits: &Limits,
        out: &mut RequestHead,
    ) -> Result<Option<usize>, Reject> {
        let read = self.read(input, limits, out);
        if read.is_err() {
            self.abandon(input, out);
        }
        read
    }

    /// Gives up on a head that is not complete or was refused, and leaves in `out` what a log
    /// wants to know of it: the request line as far as it came, and no fields.
    #[cold]
    pub fn abandon(&mut self, input: &[u8], out: &mut RequestHead) {
        if self.stage == Stage::Fields {
            out.headers.clear();
        } else {
            let end = input.iter().position(|b| matches!(b, b'\r' | b'\n')).unwrap_or(input.len());
            out.clear();
            out.line = Span::new(0, end.min(LOGGED));
        }
        out.headers.fill(&input[..out.line.range().end]);
        out.keep_alive = false;
        *self = Self::default();
    }

    #[inline]
    fn read(
        &mut self,
        input: &[u8],
        limits: &Limits,
        out: &mut RequestHead,
    ) -> Result<Option<usize>, Reject> {
        if self.stage != Stage::Fields && !self.request_line(input, limits, out)? {
            return Ok(None);
        }
        let limit = limits.block.saturating_add(self.block);
        let window = &input[..input.len().min(limit)];
        let read = self.fields.read(window, |line| {
            if out.headers.pushed() == limits.fields {
                return Err(Reject::TooManyFields);
            }
            out.twins |= line.twin;
            out.headers.push_span(
                line.name,
                line.value,
                line.known,
                line.spacing == Spacing::Usual,
            );
            self.seen.take(window, line)
        })?;
        let Some(end) = read else {
            let full = window.len() == limit;
            return if full { Err(Reject::BlockTooLarge) } else { Ok(None) };
        };
        self.finish(&input[..end], out)?;
        *self = Self::default();
        Ok(Some(end))
    }

    /// Reads the request line; false if it is not complete.
    fn request_line(
        &mut self,
        input: &[u8],
        limits: &Limits,
        out: &mut RequestHead,
    ) -> Result<bool, Reject> {
        let window = &input[..input.len().min(limits.line)];
        if self.stage == Stage::Start
            && let Some(end) = usual_line(window, out)
        {
            self.begin_fields(out, end);
            return Ok(true);
        }
        let read = self.line_parts(window, out)?;
        if !read && window.len() == limits.line {
            return Err(Reject::LineTooLong);
        }
        Ok(read)
    }

    fn line_parts(&mut self, input: &[u8], out: &mut RequestHead) -> Result<bool, Reject> {
        if self.stage == Stage::Start {
            if input.is_empty() {
                return Ok(false);
            }
            if input[0] == b'P' && input.starts_with(PREFACE) {
                return Err(Reject::Http2Preface);
            }
            if PREFACE.starts_with(input) {
                return Ok(false);
            }
            begin(out);
            self.stage = Stage::Method;
        }
        if self.stage == Stage::Method {
            const LONGEST: usize = gateway_core::method::MAX_EXTENSION;
            let end = token_end(&input[..input.len().min(LONGEST + 1)], self.pos);
            self.pos = end;
            match input.get(end) {
                _ if end > LONGEST => return Err(Reject::MethodUnknown),
                None => return Ok(false),
                Some(b' ') if end > 0 => {}
                Some(_) => return Err(Reject::Method),
            }
            out.method = Method::of(&input[..end]).ok_or(Reject::MethodUnknown)?;
            out.target.raw.start = end as u32 + 1;
            self.pos = end + 1;
            self.stage = Stage::Target;
        }
        if self.stage == Stage::Target {
            let start = out.target.raw.start as usize;
            let end = target_end(input, self.pos);
            self.pos = end;
            match input.get(end) {
                None => return Ok(false),
                Some(b' ') if end > start => {}
                Some(_) => return Err(Reject::Target),
            }
            out.target = target::split(&out.method, input, start, end)?;
            self.pos = end + 1;
            self.stage = Stage::Version;
        }
        let Some((version, len)) = version(&input[self.pos..])? else { return Ok(false) };
        out.version = version;
        let end = self.pos + len;
        match input.get(end..end + 2) {
            Some(b"\r\n") => {}
            None if matches!(input.get(end), None | Some(b'\r')) => return Ok(false),
            _ => return Err(Reject::LineEnd),
        }
        self.begin_fields(out, end);
        Ok(true)
    }

    /// The request line ends before the CRLF at `end`.
    #[inline]
    fn begin_fields(&mut self, out: &mut RequestHead, end: usize) {
        out.line = Span::new(0, end);
        self.block = end + 2;
        self.fields = FieldReader::at(self.block);
        self.stage = Stage::Fields;
    }

    /// Judges the head as a whole and copies it.
    #[inline]
    fn finish(&mut self, head: &[u8], out: &mut RequestHead) -> Result<(), Reject> {
        let modern = out.version == Version::Http11;
        if modern && !self.seen.host {
            return Err(Reject::HostMissing);
        }
        out.framing = self.seen.declared.framing(out.version)?;
        out.connection_names = self.seen.options.names;
        out.keep_alive = !self.seen.options.close && (modern || self.seen.options.keep_alive);
        let empty = matches!(out.framing, Framing::None | Framing::Length(0));
        out.expect_continue = modern && self.seen.expect_continue && !empty;
        out.te_trailers = self.seen.te_trailers;
        if modern && self.seen.options.upgrade {
            let socket = self.seen.upgrade == Upgrade::WebSocket;
            out.upgrade = match self.seen.upgrade {
                _ if socket && !(empty && out.method == Method::Get) => Upgrade::Other,
                upgrade => upgrade,
            };
        }
        out.headers.fill(head);
        if out.target.form == Form::Absolute {
            absolute(out);
        }
        Ok(())
    }
}

/// Starts a head in `out`.
#[inline]
fn begin(out: &mut RequestHead) {
    out.headers.clear();
    out.upgrade = Upgrade::None;
    out.twins = false;
}

/// Reads a request line of the usual form, HTTP/1.1 and a target in origin form, if all of it is
/// there and nothing is wrong with it; returns where it ends. No state is kept; what is no such
/// line is left to [`RequestReader::line_parts`].
#[inline]
fn usual_line(input: &[u8], out: &mut RequestHead) -> Option<usize> {
    let space = find(input, 0, b' ');
    let method = Method::of(input.get(..space)?)?;
    let start = space + 1;
    if *input.get(start)? != b'/' || matches!(method, Method::Connect) {
        return None;
    }
    let path_end = path_end(input, start);
    let end =
        if input.get(path_end) == Some(&b'?') { target_end(input, path_end) } else { path_end };
    if input.get(end..)?.first_chunk::<11>()? != b" HTTP/1.1\r\n" {
        return None;
    }
    begin(out);
    let (raw, path_len) = (Span::new(start, end), (path_end - start) as u32);
    out.method = method;
    out.version = Version::Http11;
    out.target = Target { raw, origin: raw, path_len, ..Target::default() };
    Some(end + 9)
}

impl Seen {
    /// Notes what a field says about the message; most fields say nothing.
    #[inline]
    fn take(&mut self, input: &[u8], line: Line) -> Result<(), Reject> {
        if SPEAKING & line.known.bit() != 0 {
            self.note(input, line.known, line.value, line.spacing)?;
        }
        Ok(())
    }

    #[inline(never)]
    fn note(
        &mut self,
        input: &[u8],
        known: Known,
        span: Span,
        spacing: Spacing,
    ) -> Result<(), Reject> {
        let value = &input[span.range()];
        match known {
            Known::Host => {
                if self.host {
                    return Err(Reject::HostRepeated);
                }
                if !target::is_authority_at(input, span) {
                    return Err(Reject::HostInvalid);
                }
                self.host = true;
                Ok(())
            }
            Known::Connection => self.options.take(value),
            Known::ContentLength => self.declared.content_length(value),
            Known::TransferEncoding => self.declared.transfer_encoding(value, spacing),
            Known::Expect => {
                self.expect_continue = true;
                let known = value.eq_ignore_ascii_case(b"100-continue");
                if known { Ok(()) } else { Err(Reject::Expectation) }
            }
            Known::Upgrade => {
                self.upgrade = self.upgrade.and(value);
                Ok(())
            }
            Known::Te => {
                self.te_trailers |= value.eq_ignore_ascii_case(b"trailers");
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// Fields that say something about the message.
const SPEAKING: u64 = Known::Host.bit()
    | Known::Connection.bit()
    | Known::ContentLength.bit()
    | Known::TransferEncoding.bit()
    | Known::Expect.bit()
    | Known::Upgrade.bit()
    | Known::Te.bit();

/// Replaces Host by the target's authority (RFC 9112 section 3.2.2) and gives the target the
/// path that it has in origin form (section 3.2.1), or `*` for OPTIONS (section 3.2.4).
fn absolute(out: &mut RequestHead) {
    let authority = out.headers.bytes(out.target.authority).to_vec();
    out.headers.set("Host", &authority).expect("an authority is a valid field value");
    if out.target.path_len == 0 {
        let query = out.headers.bytes(out.target.origin).to_vec();
        let asterisk = out.method == Method::Options && query.is_empty();
        let mut origin = vec![if asterisk { b'*' } else { b'/' }];
        origin.extend_from_slice(&query);
        out.target.origin = out.headers.stash(&origin);
        out.target.path_len = 1;
    }
}

/// The version at the start of `input` and its length; None if more is needed.
#[inline]
pub(super) fn version(input: &[u8]) -> Result<Option<(Version, usize)>, Reject> {
    match input.first_chunk::<8>() {
        Some(version) if *version == *b"HTTP/1.1" => Ok(Some((Version::Http11, 8))),
        Some(version) if *version == *b"HTTP/1.0" => Ok(Some((Version::Http10, 8))),
        _ => odd_version(input),
    }
}

#[cold]
fn odd_version(input: &[u8]) -> Result<Option<(Version, usize)>, Reject> {
    let shape = b"HTTP/0.0";
    for (byte, expected) in input.iter().zip(shape) {
        let fits = if *expected == b'0' { byte.is_ascii_digit() } else { byte == expected };
        if !fits {
            return Err(Reject::Version);
        }
    }
    if input.len() < shape.len() { Ok(None) } else { Err(Reject::VersionUnsupported) }
}
