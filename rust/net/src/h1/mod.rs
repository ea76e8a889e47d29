//! HTTP/1 on the wire (RFC 9112): heads in and out, chunked bodies in and out. No sockets.
//!
//! The parsers are strict: a byte that two readers could take for two things is refused, even
//! where RFC 9112 lets a lenient recipient guess. How a message is framed is decided once, in
//! here, into a [`Framing`]; nothing after it looks at Content-Length or Transfer-Encoding, and
//! the encoder writes both anew.
//!
//! ```
//! use gateway_net::h1::{Framing, Limits, RequestHead, RequestReader};
//!
//! let input = b"POST /orders HTTP/1.1\r\nHost: shop\r\nContent-Length: 2\r\n\r\n{}";
//! let mut head = RequestHead::default();
//! let read = RequestReader::default().parse(input, &Limits::default(), &mut head)?;
//! assert_eq!(read, Some(input.len() - 2));
//! assert_eq!(head.framing, Framing::Length(2));
//! assert_eq!(head.path(), b"/orders");
//! # Ok::<(), gateway_net::h1::Reject>(())
//! ```
//!
//! What surprises: line ends are CRLF only; there is no obs-fold, no empty line before a
//! request line and no space before a colon; two equal Content-Length fields are refused like
//! two different ones; the order in which bytes arrive never changes the outcome.

mod chunked;
mod connection;
mod encode;
mod fields;
mod framing;
mod request;
mod response;
mod scan;
mod target;
#[cfg(test)]
mod tests;

pub(crate) use chunked::may_trail;
pub use chunked::{
    CHUNK_END, CHUNK_ROOM, ChunkedDecoder, Decoded, Part, append_chunk, append_last_chunk,
    write_chunk_size,
};
pub(crate) use connection::HOP_BY_HOP;
pub use connection::{strip_hop_by_hop, strip_twins};
pub use encode::{
    Fields, Persistence, append_request, append_response, reason_phrase, write_request,
    write_response,
};
pub use framing::Framing;
pub use gateway_core::method::Method;
pub use request::{RequestHead, RequestReader, Upgrade};
pub use response::{ResponseHead, ResponseReader};
pub use target::{Form, Target, is_authority, is_target};

use std::fmt;

/// How large a head may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the request or status line, its CRLF included. Beyond it: 414.
    pub line: usize,
    /// Bytes of all field lines, the empty line included. Beyond it: 431.
    pub block: usize,
    /// Number of fields. Beyond it: 431.
    pub fields: usize,
}

impl Default for Limits {
    /// A hardened edge: 8 KiB of line, 32 KiB of fields, 100 fields.
    fn default() -> Self {
        Self { line: 8 << 10, block: 32 << 10, fields: 100 }
    }
}

/// The protocol version of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    #[default]
    Http11,
    /// HTTP/2
    Http2,
}

/// Why a message was refused. Nothing of a refused message may be forwarded, and its connection
/// cannot be used again: where the message ends is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reject {
    /// The method is empty or no token, which is also what a TLS hello on a plain port gets.
    Method,
    /// A method that is too long, or a known one in another case.
    MethodUnknown,
    /// The target holds a control, a space, `#` or a byte above ASCII, or is in no known form.
    Target,
    /// The form of the target does not fit the method (RFC 9112 section 3.2).
    TargetForm,
    /// The request line is longer than [`Limits::line`].
    LineTooLong,
    /// The version is not `HTTP/`, digit, `.`, digit.
    Version,
    /// A version other than 1.0 and 1.1.
    VersionUnsupported,
    /// An HTTP/2 connection preface (RFC 9113 section 3.4), which a caller may act upon.
    Http2Preface,
    /// CR or LF alone.
    LineEnd,
    /// A field line that starts with a space (obs-fold, RFC 9112 section 5.2).
    Fold,
    /// A field name that is empty or no token, a space before the colon included.
    FieldName,
    /// A control character in a field value or reason phrase.
    FieldValue,
    /// The field lines are longer than [`Limits::block`].
    BlockTooLarge,
    /// More fields than [`Limits::fields`].
    TooManyFields,
    /// HTTP/1.1 without Host.
    HostMissing,
    /// More than one Host.
    HostRepeated,
    /// Host, or the authority of the target, is no `host[:port]`.
    HostInvalid,
    /// Content-Length is repeated, a list, or no plain decimal number.
    ContentLength,
    /// Transfer-Encoding is repeated or is not `chunked` alone.
    TransferEncoding,
    /// A transfer coding that is not implemented.
    CodingUnknown,
    /// Content-Length and Transfer-Encoding in one message.
    LengthAndCoding,
    /// Transfer-Encoding in an HTTP/1.0 message.
    CodingVersion,
    /// Connection is no list of tokens, or names Host or Content-Length.
    Connection,
    /// An expectation other than `100-continue`.
    Expectation,
    /// The status code is not three digits from 100 to 999.
    Status,
    /// Content-Length or Transfer-Encoding in a 1xx.
    BodyForbidden,
    /// HTTP/2: content that is more or less than Content-Length says, or malformed trailers.
    Content,
    /// A chunk size that is no hexadecimal number below 2^60.
    ChunkSize,
    /// A chunk extension that is malformed, or more bytes of them than allowed.
    ChunkExtension,
    /// Data of a chunk that is not followed by CRLF.
    ChunkEnd,
}

impl Reject {
    /// The status that a client is answered with when its request was refused. A response that
    /// is refused is a 502, whatever the reason.
    pub const fn status(self) -> u16 {
        match self {
            Self::LineTooLong => 414,
            Self::Expectation => 417,
            Self::BlockTooLarge | Self::TooManyFields => 431,
            Self::MethodUnknown | Self::CodingUnknown => 501,
            Self::VersionUnsupported | Self::Http2Preface => 505,
            _ => 400,
        }
    }

    /// The reason in words, for logs and for the answer.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Method => "method is not a token",
            Self::MethodUnknown => "method is not implemented",
            Self::Target => "request target is malformed",
            Self::TargetForm => "request target does not fit the method",
            Self::LineTooLong => "start line is too long",
            Self::Version => "protocol version is malformed",
            Self::VersionUnsupported => "protocol version is not supported",
            Self::Http2Preface => "HTTP/2 is not spoken here",
            Self::LineEnd => "line does not end with CRLF",
            Self::Fold => "header line is folded",
            Self::FieldName => "header name is not a token",
            Self::FieldValue => "header value holds a control character",
            Self::BlockTooLarge => "header fields are too large",
            Self::TooManyFields => "too many header fields",
            Self::HostMissing => "Host is missing",
            Self::HostRepeated => "Host is repeated",
            Self::HostInvalid => "Host is malformed",
            Self::ContentLength => "Content-Length is not one decimal number",
            Self::TransferEncoding => "Transfer-Encoding is not chunked alone",
            Self::CodingUnknown => "transfer coding is not implemented",
            Self::LengthAndCoding => "Content-Length stands beside Transfer-Encoding",
            Self::CodingVersion => "Transfer-Encoding in HTTP/1.0",
            Self::Connection => "Connection is malformed",
            Self::Expectation => "expectation cannot be met",
            Self::Status => "status code is malformed",
            Self::BodyForbidden => "interim response announces a body",
            Self::Content => "content does not fit its head",
            Self::ChunkSize => "chunk size is malformed",
            Self::ChunkExtension => "chunk extension is malformed or too long",
            Self::ChunkEnd => "chunk does not end with CRLF",
        }
    }
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}

impl std::error::Error for Reject {}
