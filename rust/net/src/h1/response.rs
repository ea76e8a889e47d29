//! Response heads from upstreams (RFC 9112 sections 4 and 5).

use super::connection::Options;
use super::fields::{FieldReader, Line, Spacing};
use super::framing::Declared;
use super::request::version;
use super::scan::value_end;
use super::{Framing, Limits, Method, Reject, Upgrade, Version};
use gateway_core::headers::{Headers, Known, Span};

/// A response head: what it says, and its fields.
///
/// Spans point into the arena of `headers`, which holds the head as received.
#[derive(Debug, Clone, Default)]
pub struct ResponseHead {
    /// The status code, 100 to 999.
    pub status: u16,
    /// The version of the upstream.
    pub version: Version,
    /// The reason phrase, which may be empty.
    pub reason: Span,
    /// The fields.
    pub headers: Headers,
    /// Where the body ends, the method of the request considered.
    pub framing: Framing,
    /// Content-Length as a number, also where no body follows: of an answer to HEAD and of a
    /// 304 it belongs to the client.
    pub content_length: Option<u64>,
    /// Whether the connection can serve another exchange after this one.
    pub keep_alive: bool,
    /// Whether Connection names fields that end here, for
    /// [`strip_hop_by_hop`](super::strip_hop_by_hop).
    pub connection_names: bool,
    /// The protocol that a 101 switches to.
    pub upgrade: Upgrade,
}

impl ResponseHead {
    /// Whether another head follows for the same request (1xx, but not 101).
    pub const fn is_interim(&self) -> bool {
        self.status < 200 && self.status != 101
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
    Reason,
    Fields,
}

/// Reads response heads, one after the other, resuming where the input ended.
#[derive(Debug, Clone, Default)]
pub struct ResponseReader {
    stage: Stage,
    /// The next byte of the reason phrase to look at.
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
    upgrade: Upgrade,
}

/// The line that nearly every answer starts with.
const PLAIN_OK: &[u8] = b"HTTP/1.1 200 OK\r\n";

/// `HTTP/1.1 200`
const CODE_END: usize = 12;

impl ResponseReader {
    /// Reads the head of an answer to a request with `method` from the start of `input`.
    /// Returns as [`RequestReader::parse`](super::RequestReader::parse) does.
    ///
    /// # Errors
    /// [`Reject`]: the upstream cannot be believed; the client is owed a 502. `out` is empty.
    #[inline]
    pub fn parse(
        &mut self,
        input: &[u8],
        method: &Method,
        limits: &Limits,
        out: &mut ResponseHead,
    ) -> Result<Option<usize>, Reject> {
        let read = self.read(input, method, limits, out);
        if read.is_err() {
            out.clear();
            *self = Self::default();
        }
        read
    }

    #[inline]
    fn read(
        &mut self,
        input: &[u8],
        method: &Method,
        limits: &Limits,
        out: &mut ResponseHead,
    ) -> Result<Option<usize>, Reject> {
        if self.stage != Stage::Fields {
            let window = &input[..input.len().min(limits.line)];
            if !self.status_line(window, out)? {
                let full = window.len() == limits.line;
                return if full { Err(Reject::LineTooLong) } else { Ok(None) };
            }
        }
        let limit = limits.block.saturating_add(self.block);
        let window = &input[..input.len().min(limit)];
        let read = self.fields.read(window, |line| {
            if out.headers.pushed() == limits.fields {
                return Err(Reject::TooManyFields);
            }
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
        self.finish(&input[..end], method, out)?;
        *self = Self::default();
        Ok(Some(end))
    }

    /// Reads the status line; false if it is not complete.
    #[inline]
    fn status_line(&mut self, input: &[u8], out: &mut ResponseHead) -> Result<bool, Reject> {
        if self.stage == Stage::Start && input.starts_with(PLAIN_OK) {
            begin(out, Version::Http11, 200);
            self.begin_fields(out, PLAIN_OK.len() - 2);
            return Ok(true);
        }
        self.any_status_line(input, out)
    }

    fn any_status_line(&mut self, input: &[u8], out: &mut ResponseHead) -> Result<bool, Reject> {
        if self.stage == Stage::Start {
            let Some((version, len)) = version(input)? else { return Ok(false) };
            let Some(status) = status(&input[len..])? else { return Ok(false) };
            begin(out, version, status);
            self.pos = CODE_END;
            self.stage = Stage::Reason;
        }
        // The space before an empty reason phrase is often left out, which reads only one way.
        if self.pos == CODE_END {
            match input.get(CODE_END) {
                None => return Ok(false),
                Some(b' ' | b'\r') => {}
                Some(_) => return Err(Reject::Status),
            }
        }
        let end = value_end(input, self.pos);
        self.pos = end;
        match input.get(end..input.len().min(end + 2)) {
            Some(b"\r\n") => {}
            None | Some([] | [b'\r']) => return Ok(false),
            Some([b'\r' | b'\n', ..]) => return Err(Reject::LineEnd),
            Some(_) => return Err(Reject::FieldValue),
        }
        self.begin_fields(out, end);
        Ok(true)
    }

    /// The status line ends before the CRLF at `end`.
    #[inline]
    fn begin_fields(&mut self, out: &mut ResponseHead, end: usize) {
        out.reason = Span::new((CODE_END + 1).min(end), end);
        self.block = end + 2;
        self.fields = FieldReader::at(self.block);
        self.stage = Stage::Fields;
    }

    /// Decides the framing (RFC 9112 section 6.3) and copies the head.
    #[inline]
    fn finish(
        &mut self,
        head: &[u8],
        method: &Method,
        out: &mut ResponseHead,
    ) -> Result<(), Reject> {
        let modern = out.version == Version::Http11;
        let declared = self.seen.declared.framing(out.version)?;
        out.content_length = self.seen.declared.length;
        out.connection_names = self.seen.options.names;
        out.keep_alive = !self.seen.options.close && (modern || self.seen.options.keep_alive);
        let announced = !matches!(declared, Framing::None | Framing::Length(0));
        out.framing = match out.status {
            // RFC 9110 section 8.6: no such field may stand in these, and an upstream that adds
            // one may well send the body, too, where the next answer is expected.
            100..=199 if announced => return Err(Reject::BodyForbidden),
            204 if announced => {
                out.keep_alive = false;
                Framing::None
            }
            100..=199 | 204 | 304 => Framing::None,
            _ if matches!(method, Method::Head) => Framing::None,
            _ if declared == Framing::None => {
                out.keep_alive = false;
                Framing::UntilClose
            }
            _ => declared,
        };
        if out.status == 101 && self.seen.options.upgrade {
            out.upgrade = self.seen.upgrade;
        }
        out.headers.fill(head);
        Ok(())
    }
}

impl Seen {
    /// Notes what a field says about the message; most fields say nothing.
    #[inline]
    fn take(&mut self, input: &[u8], line: Line) -> Result<(), Reject> {
        if SPEAKING & line.known.bit() != 0 {
            self.note(line.known, &input[line.value.range()], line.spacing)?;
        }
        Ok(())
    }

    #[inline(never)]
    fn note(&mut self, known: Known, value: &[u8], spacing: Spacing) -> Result<(), Reject> {
        match known {
            Known::Connection => self.options.take(value),
            Known::ContentLength => self.declared.content_length(value),
            Known::TransferEncoding => self.declared.transfer_encoding(value, spacing),
            Known::Upgrade => {
                self.upgrade = self.upgrade.and(value);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// Fields that say something about the message.
const SPEAKING: u64 = Known::Connection.bit()
    | Known::ContentLength.bit()
    | Known::TransferEncoding.bit()
    | Known::Upgrade.bit();

/// Starts a head in `out`.
#[inline]
fn begin(out: &mut ResponseHead, version: Version, status: u16) {
    out.headers.clear();
    out.upgrade = Upgrade::None;
    out.version = version;
    out.status = status;
}

/// Reads ` 200`; None if more is needed.
#[inline]
fn status(input: &[u8]) -> Result<Option<u16>, Reject> {
    if let Some([b' ', a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9']) = input.get(..4) {
        let digit = |d: &u8| u16::from(d - b'0');
        return Ok(Some(digit(a) * 100 + digit(b) * 10 + digit(c)));
    }
    match input {
        [] | [b' '] | [b' ', b'1'..=b'9'] | [b' ', b'1'..=b'9', b'0'..=b'9'] => Ok(None),
        _ => Err(Reject::Status),
    }
}
