//! Chunked bodies (RFC 9112 section 7.1): a decoder that says where the data lies, and what an
//! encoder puts around it. A body that passes through is taken out of its chunks and put into
//! ours, so that no size line or extension of a client reaches an upstream.
//!
//! ```
//! use gateway_net::h1::{ChunkedDecoder, Part};
//!
//! let mut body = &b"5\r\nhello\r\n0\r\n\r\n"[..];
//! let (mut decoder, mut data) = (ChunkedDecoder::default(), Vec::new());
//! loop {
//!     let step = decoder.decode(body)?;
//!     match step.part {
//!         Part::Data(range) => data.extend_from_slice(&body[range]),
//!         Part::End => break,
//!         Part::More => panic!("the body is complete"),
//!     }
//!     body = &body[step.consumed..];
//! }
//! assert_eq!(data, b"hello");
//! # Ok::<(), gateway_net::h1::Reject>(())
//! ```
//!
//! What surprises: white space around a size is refused, though RFC 9112 has recipients
//! tolerate it before an extension: what hides there has split messages in two.

use super::Reject;
use super::fields::{FieldReader, Spacing};
use gateway_core::headers::{Headers, Known, is_token_byte, is_value_byte};
use std::ops::Range;

/// The most hexadecimal digits of a size, leading zeros included.
const MAX_DIGITS: u8 = 16;
/// Extension bytes that a body may have before its data has to pay for them.
const FREE_EXTENSION: u32 = 4096;
/// Data bytes that pay for one further byte of extension. Signed uploads to object stores have
/// some 85 bytes for each 64 KiB.
const DATA_PER_EXTENSION: u64 = 16;
/// The largest trailer section, and the most fields in it.
const MAX_TRAILER: usize = 8 << 10;
const MAX_TRAILER_FIELDS: usize = 32;

/// Decodes one chunked body, however it is cut into pieces. It keeps no data and allocates only
/// for trailers.
#[derive(Debug, Clone)]
pub struct ChunkedDecoder {
    state: State,
    /// Digits of the size read so far.
    digits: u8,
    /// Extension bytes that are still allowed.
    allowance: u32,
    /// The size while it is read, then the bytes of data still to come.
    remaining: u64,
    trailer: Option<Box<Trailer>>,
}

/// What was found at the start of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The finding.
    pub part: Part,
    /// How many bytes of the input are done with. The next call starts after them.
    pub consumed: usize,
}

/// A part of a chunked body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Data, at this range of the input.
    Data(Range<usize>),
    /// The body is complete; what follows is the next message.
    End,
    /// All input is consumed and the body goes on.
    More,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Size,
    /// At the first byte of an extension name, then inside it.
    NameStart,
    Name,
    /// At the first byte of an extension value, then inside a token.
    ValueStart,
    Value,
    Quoted,
    Escaped,
    /// After a closing quote.
    Unquoted,
    /// After the CR of a size line.
    SizeLf,
    Data,
    DataCr,
    DataLf,
    /// At the first byte after the last chunk.
    TrailerStart,
    Trailer,
    /// After the CR of the empty line, where there is no trailer.
    LastLf,
    Done,
}

#[derive(Debug, Clone, Default)]
struct Trailer {
    bytes: Vec<u8>,
    reader: FieldReader,
    /// Fields read, those that are dropped included.
    count: usize,
    fields: Headers,
}

impl Default for ChunkedDecoder {
    fn default() -> Self {
        Self {
            state: State::Size,
            digits: 0,
            allowance: FREE_EXTENSION,
            remaining: 0,
            trailer: None,
        }
    }
}

impl ChunkedDecoder {
    /// Finds the next part. `input` starts with the first byte that is not consumed yet.
    ///
    /// # Errors
    /// [`Reject`]: where the body ends cannot be known; the connection is of no further use.
    #[inline]
    pub fn decode(&mut self, input: &[u8]) -> Result<Decoded, Reject> {
        if self.state == State::Data && !input.is_empty() {
            return Ok(self.data(input, 0));
        }
        self.decode_lines(input)
    }

    /// Whether the body is complete.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// The trailer fields of a complete body that may be passed on, if there are any. Those
    /// that frame, route or authenticate a message are not among them (RFC 9110 section 6.5.1).
    pub fn trailers(&self) -> Option<&Headers> {
        let fields = &self.trailer.as_deref()?.fields;
        (self.is_done() && !fields.is_empty()).then_some(fields)
    }

    /// The data at `from`, where some is expected and some is there.
    #[inline]
    fn data(&mut self, input: &[u8], from: usize) -> Decoded {
        let there = (input.len() - from) as u64;
        let end = from + self.remaining.min(there) as usize;
        self.remaining -= (end - from) as u64;
        if self.remaining == 0 {
            self.state = State::DataCr;
        }
        Decoded { part: Part::Data(from..end), consumed: end }
    }

    fn decode_lines(&mut self, input: &[u8]) -> Result<Decoded, Reject> {
        let mut pos = 0;
        while let Some(&byte) = input.get(pos) {
            match self.state {
                State::Size => self.size_byte(byte)?,
                State::SizeLf => {
                    expect(byte, b'\n', Reject::LineEnd)?;
                    self.size_read();
                }
                State::Data => return Ok(self.data(input, pos)),
                State::DataCr => {
                    expect(byte, b'\r', Reject::ChunkEnd)?;
                    self.state = State::DataLf;
                }
                State::DataLf => {
                    expect(byte, b'\n', Reject::ChunkEnd)?;
                    self.state = State::Size;
                }
                State::TrailerStart if byte == b'\r' => self.state = State::LastLf,
                State::TrailerStart | State::Trailer => {
                    let Some(end) = self.trailer_bytes(&input[pos..])? else {
                        return Ok(Decoded { part: Part::More, consumed: input.len() });
                    };
                    self.state = State::Done;
                    return Ok(Decoded { part: Part::End, consumed: pos + end });
                }
                State::LastLf => {
                    expect(byte, b'\n', Reject::LineEnd)?;
                    self.state = State::Done;
                    return Ok(Decoded { part: Part::End, consumed: pos + 1 });
                }
                State::Done => break,
                _ => self.extension_byte(byte)?,
            }
            pos += 1;
        }
        let part = if self.is_done() { Part::End } else { Part::More };
        Ok(Decoded { part, consumed: pos })
    }

    fn size_byte(&mut self, byte: u8) -> Result<(), Reject> {
        match (HEX[byte as usize], byte) {
            (digit @ 0..16, _) if self.digits < MAX_DIGITS && self.remaining < 1 << 56 => {
                self.remaining = self.remaining << 4 | u64::from(digit);
                self.digits += 1;
            }
            (_, b'\r') if self.digits > 0 => self.state = State::SizeLf,
            (_, b';') if self.digits > 0 => self.state = State::NameStart,
            (_, b'\n') => return Err(Reject::LineEnd),
            _ => return Err(Reject::ChunkSize),
        }
        Ok(())
    }

    fn size_read(&mut self) {
        self.digits = 0;
        let earned = (self.remaining / DATA_PER_EXTENSION).min(u64::from(FREE_EXTENSION)) as u32;
        self.allowance = (self.allowance + earned).min(FREE_EXTENSION);
        self.state = if self.remaining == 0 { State::TrailerStart } else { State::Data };
    }

    /// One byte of `;name`, `;name=token` or `;name="quoted"`.
    fn extension_byte(&mut self, byte: u8) -> Result<(), Reject> {
        if self.allowance == 0 {
            return Err(Reject::ChunkExtension);
        }
        self.allowance -= 1;
        self.state = match (self.state, byte) {
            (State::NameStart | State::Name, byte) if is_token_byte(byte) => State::Name,
            (State::Name, b'=') => State::ValueStart,
            (State::ValueStart, b'"') => State::Quoted,
            (State::ValueStart | State::Value, byte) if is_token_byte(byte) => State::Value,
            (State::Quoted, b'"') => State::Unquoted,
            (State::Quoted, b'\\') => State::Escaped,
            (State::Quoted | State::Escaped, byte) if is_value_byte(byte) => State::Quoted,
            (State::Name | State::Value | State::Unquoted, b';') => State::NameStart,
            (State::Name | State::Value | State::Unquoted, b'\r') => State::SizeLf,
            (_, b'\n') => return Err(Reject::LineEnd),
            _ => return Err(Reject::ChunkExtension),
        };
        Ok(())
    }

    /// Takes bytes of the trailer section; the number of them that belong to it once it ends.
    #[cold]
    fn trailer_bytes(&mut self, input: &[u8]) -> Result<Option<usize>, Reject> {
        self.state = State::Trailer;
        let trailer = self.trailer.get_or_insert_default();
        let before = trailer.bytes.len();
        let taken = input.len().min(MAX_TRAILER - before);
        trailer.bytes.extend_from_slice(&input[..taken]);
        let Trailer { bytes, reader, count, fields } = &mut **trailer;
        let end = reader.read(bytes, |line| {
            *count += 1;
            if *count > MAX_TRAILER_FIELDS {
                return Err(Reject::TooManyFields);
            }
            if may_trail(line.known, &bytes[line.name.range()]) {
                fields.push_span(line.name, line.value, line.known, line.spacing == Spacing::Usual);
            }
            Ok(())
        })?;
        match end {
            Some(end) => {
                fields.fill(&bytes[..end]);
                Ok(Some(end - before))
            }
            None if bytes.len() == MAX_TRAILER => Err(Reject::BlockTooLarge),
            None => Ok(None),
        }
    }
}

/// Whether a field may be sent after the body (RFC 9110 section 6.5.1): nothing that frames,
/// routes, authenticates, or says how the content is to be read.
pub(crate) fn may_trail(known: Known, name: &[u8]) -> bool {
    const NEVER: [&[u8]; 10] = [
        b"age",
        b"allow",
        b"expires",
        b"max-forwards",
        b"pragma",
        b"retry-after",
        b"warning",
        b"www-authenticate",
        b"set-cookie2",
        b"http2-settings",
    ];
    const NEVER_PREFIXES: [&[u8]; 5] = [b"content-", b"if-", b"sec-", b"x-forwarded-", b"proxy-"];
    match known {
        Known::Etag | Known::ProxyStatus | Known::XRequestId => true,
        Known::Other => {
            let dashed: Vec<u8> = name
                .iter()
                .map(|b| if *b == b'_' { b'-' } else { b.to_ascii_lowercase() })
                .collect();
            Known::of(&dashed) == Known::Other
                && !NEVER.contains(&&dashed[..])
                && !NEVER_PREFIXES.iter().any(|prefix| dashed.starts_with(prefix))
        }
        _ => false,
    }
}

#[inline]
fn expect(byte: u8, expected: u8, otherwise: Reject) -> Result<(), Reject> {
    if byte == expected { Ok(()) } else { Err(otherwise) }
}

/// What stands after the data of each chunk.
pub const CHUNK_END: &[u8; 2] = b"\r\n";

/// Room that [`write_chunk_size`] may need in front of the data: 16 digits and CRLF.
pub const CHUNK_ROOM: usize = 18;

/// Writes the size line of a chunk of `len` bytes at the end of `room`, so that it stands right
/// before data that begins there; returns where in `room` it starts. The data is to be followed
/// by [`CHUNK_END`]. `len` is not 0, which would end the body.
///
/// # Panics
/// If `room` is shorter than the line; [`CHUNK_ROOM`] is always enough.
#[inline]
pub fn write_chunk_size(room: &mut [u8], len: usize) -> usize {
    debug_assert_ne!(len, 0, "an empty chunk ends the body");
    let mut at = room.len() - 2;
    room[at..].copy_from_slice(b"\r\n");
    let mut rest = len;
    loop {
        at -= 1;
        room[at] = b"0123456789abcdef"[rest & 15];
        rest >>= 4;
        if rest == 0 {
            return at;
        }
    }
}

/// Appends `data` as one chunk; nothing if it is empty.
pub fn append_chunk(out: &mut Vec<u8>, data: &[u8]) {
    if data.is_empty() {
        return;
    }
    let mut room = [0; CHUNK_ROOM];
    let start = write_chunk_size(&mut room, data.len());
    out.reserve(CHUNK_ROOM + data.len() + CHUNK_END.len());
    out.extend_from_slice(&room[start..]);
    out.extend_from_slice(data);
    out.extend_from_slice(CHUNK_END);
}

/// Appends the last chunk, the trailer fields and the end of the body.
pub fn append_last_chunk(out: &mut Vec<u8>, trailers: Option<&Headers>) {
    out.extend_from_slice(b"0\r\n");
    for (name, value) in trailers.into_iter().flat_map(Headers::iter) {
        for part in [name, b": ", value, b"\r\n"] {
            out.extend_from_slice(part);
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// Values of hexadecimal digits; 255 for every other byte.
const HEX: [u8; 256] = {
    let mut table = [255; 256];
    let mut digit = 0;
    while digit < 16 {
        table[b"0123456789abcdef"[digit] as usize] = digit as u8;
        table[b"0123456789ABCDEF"[digit] as usize] = digit as u8;
        digit += 1;
    }
    table
};
