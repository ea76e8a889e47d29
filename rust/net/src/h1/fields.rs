//! Field lines (RFC 9112 section 5), one at a time and resumable at any byte.
//!
//! Shared by request heads, response heads and trailers, so that a field that passes in one of
//! them passes in all.

use super::Reject;
use gateway_core::headers::{Known, Span, is_token_byte};

/// Where reading stopped inside a field section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Stage {
    /// Before the first byte of a line.
    #[default]
    Line,
    /// In a name; the line starts at `line`.
    Name,
    /// In a value; the colon is at `colon`.
    Value,
    /// After the CR of a field line, which is at `pos - 1`.
    LineFeed,
    /// After the CR of the empty line.
    Last,
}

/// Reads a field section; every byte is looked at once, however the input arrives.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct FieldReader {
    /// The next byte to look at.
    pos: usize,
    line: usize,
    colon: usize,
    stage: Stage,
}

/// What [`FieldReader::next`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// A whole field.
    Field(Line),
    /// The empty line; the section ends before this offset.
    End(usize),
    /// The input ends inside the section.
    More,
}

/// One field: spans of the input, and the name classified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) name: Span,
    /// Without the white space around it.
    pub(super) value: Span,
    pub(super) known: Known,
}

impl FieldReader {
    /// A reader whose section starts at offset `start` of the input.
    pub(super) fn at(start: usize) -> Self {
        Self { pos: start, line: start, colon: start, stage: Stage::Line }
    }

    /// The next field of `input`, which must start with what was passed before.
    #[inline]
    pub(super) fn next(&mut self, input: &[u8]) -> Result<Step, Reject> {
        loop {
            match self.stage {
                Stage::Line => {
                    let Some(&first) = input.get(self.pos) else { return Ok(Step::More) };
                    self.line = self.pos;
                    if first == b'\r' {
                        self.pos += 1;
                        self.stage = Stage::Last;
                    } else {
                        self.stage = Stage::Name;
                    }
                }
                Stage::Name => {
                    let end = token_end(input, self.pos);
                    self.pos = end;
                    let Some(&stop) = input.get(end) else { return Ok(Step::More) };
                    if stop != b':' || end == self.line {
                        return Err(bad_name(stop, end == self.line));
                    }
                    self.colon = end;
                    self.pos = end + 1;
                    self.stage = Stage::Value;
                }
                Stage::Value => {
                    let end = value_end(input, self.pos);
                    self.pos = end;
                    let Some(&stop) = input.get(end) else { return Ok(Step::More) };
                    if stop != b'\r' {
                        return Err(if stop == b'\n' {
                            Reject::LineEnd
                        } else {
                            Reject::FieldValue
                        });
                    }
                    self.pos = end + 1;
                    self.stage = Stage::LineFeed;
                }
                Stage::LineFeed => {
                    match input.get(self.pos) {
                        None => return Ok(Step::More),
                        Some(b'\n') => {}
                        Some(_) => return Err(Reject::LineEnd),
                    }
                    let value = trim(input, self.colon + 1, self.pos - 1);
                    let name = Span::new(self.line, self.colon);
                    self.pos += 1;
                    self.stage = Stage::Line;
                    let known = Known::of(&input[name.range()]);
                    return Ok(Step::Field(Line { name, value, known }));
                }
                Stage::Last => {
                    return match input.get(self.pos) {
                        None => Ok(Step::More),
                        Some(b'\n') => Ok(Step::End(self.pos + 1)),
                        Some(_) => Err(Reject::LineEnd),
                    };
                }
            }
        }
    }
}

/// Why the byte after a run of token characters is no colon.
#[cold]
fn bad_name(stop: u8, first: bool) -> Reject {
    match stop {
        b'\r' | b'\n' => Reject::LineEnd,
        b' ' | b'\t' if first => Reject::Fold,
        _ => Reject::FieldName,
    }
}

/// Offset of the first byte at or after `from` that is no token character; the length if none.
#[inline]
pub(super) fn token_end(input: &[u8], from: usize) -> usize {
    input[from..].iter().position(|b| !is_token_byte(*b)).map_or(input.len(), |n| from + n)
}

/// Offset of the first byte at or after `from` that may not stand in a value.
#[inline]
pub(super) fn value_end(input: &[u8], from: usize) -> usize {
    input[from..]
        .iter()
        .position(|b| !gateway_core::headers::is_value_byte(*b))
        .map_or(input.len(), |n| from + n)
}

/// `start..end` without spaces and tabs around it.
#[inline]
fn trim(input: &[u8], mut start: usize, mut end: usize) -> Span {
    while start < end && matches!(input[start], b' ' | b'\t') {
        start += 1;
    }
    while start < end && matches!(input[end - 1], b' ' | b'\t') {
        end -= 1;
    }
    Span::new(start, end)
}
