//! Where a message body ends (RFC 9112 section 6), decided from the fields as they are read.

use super::fields::Spacing;
use super::{Reject, Version};
use gateway_core::headers::is_token_byte;

/// How a body is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Framing {
    /// There is no body, and nothing says so on the wire.
    #[default]
    None,
    /// Content-Length: this many bytes, which may be none.
    Length(u64),
    /// Transfer-Encoding: chunked.
    Chunked,
    /// Until the upstream closes the connection. Responses only.
    UntilClose,
}

/// Content-Length and Transfer-Encoding of a head, while it is read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Declared {
    pub(super) length: Option<u64>,
    pub(super) chunked: bool,
}

impl Declared {
    /// Takes a Content-Length: once, and digits alone. At most 18 of them, so that no number
    /// overflows what any hop may keep it in.
    pub(super) fn content_length(&mut self, value: &[u8]) -> Result<(), Reject> {
        if self.length.is_some() || value.is_empty() || value.len() > 18 {
            return Err(Reject::ContentLength);
        }
        let mut length = 0;
        for digit in value {
            if !digit.is_ascii_digit() {
                return Err(Reject::ContentLength);
            }
            length = length * 10 + u64::from(digit - b'0');
        }
        self.length = Some(length);
        Ok(())
    }

    /// Takes a Transfer-Encoding: once, `chunked` alone, and no more white space than one space
    /// after the colon: what surrounds this word has been read in too many ways.
    pub(super) fn transfer_encoding(
        &mut self,
        value: &[u8],
        spacing: Spacing,
    ) -> Result<(), Reject> {
        if self.chunked || spacing == Spacing::Odd {
            return Err(Reject::TransferEncoding);
        }
        if !value.eq_ignore_ascii_case(b"chunked") {
            return Err(coding_error(value));
        }
        self.chunked = true;
        Ok(())
    }

    /// What the two say together, in a message of `version`.
    pub(super) fn framing(self, version: Version) -> Result<Framing, Reject> {
        match (self.length, self.chunked) {
            (None, false) => Ok(Framing::None),
            (Some(length), false) => Ok(Framing::Length(length)),
            (Some(_), true) => Err(Reject::LengthAndCoding),
            (None, true) if version == Version::Http10 => Err(Reject::CodingVersion),
            (None, true) => Ok(Framing::Chunked),
        }
    }
}

/// 501 for a well-formed coding that nobody here decodes, 400 for everything else.
fn coding_error(value: &[u8]) -> Reject {
    let codings = || value.split(|b| *b == b',').map(<[u8]>::trim_ascii);
    let token = |coding: &[u8]| !coding.is_empty() && coding.iter().copied().all(is_token_byte);
    let spoken = |coding: &[u8]| {
        coding.eq_ignore_ascii_case(b"chunked") || coding.eq_ignore_ascii_case(b"identity")
    };
    if codings().all(token) && codings().any(|c| !spoken(c)) {
        Reject::CodingUnknown
    } else {
        Reject::TransferEncoding
    }
}
