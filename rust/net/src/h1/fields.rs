//! Field lines (RFC 9112 section 5), one at a time and resumable at any byte.
//!
//! Shared by request heads, response heads and trailers, so that a field that passes in one of
//! them passes in all.

use super::Reject;
use super::scan::{find, plain_name_end, token_end, value_end};
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

/// What [`FieldReader::resume`] found.
enum Step {
    /// A whole field.
    Field(Line),
    /// The empty line; the section ends before this offset.
    End(usize),
    /// The input ends inside the section.
    More,
}

/// One field: spans of the input, and the name classified.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    pub(super) name: Span,
    /// Without the white space around it.
    pub(super) value: Span,
    pub(super) known: Known,
    /// Whether the name holds `_` or `.`, which no known name does.
    pub(super) twin: bool,
    pub(super) spacing: Spacing,
}

/// The white space around a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spacing {
    /// One space before it: the line stands in the input as an encoder would write it.
    Usual,
    /// None.
    Bare,
    /// Anything else that is allowed.
    Odd,
}

impl FieldReader {
    /// A reader whose section starts at offset `start` of the input.
    pub(super) fn at(start: usize) -> Self {
        Self { pos: start, line: start, colon: start, stage: Stage::Line }
    }

    /// Hands the fields of `input`, which must start with what was passed before, to `take`.
    /// Returns the offset at which the section ends, or None if the input ends before it.
    #[inline]
    pub(super) fn read(
        &mut self,
        input: &[u8],
        mut take: impl FnMut(Line) -> Result<(), Reject>,
    ) -> Result<Option<usize>, Reject> {
        loop {
            if self.stage == Stage::Line {
                let mut pos = self.pos;
                // Behind the empty line there may be a body, which is not searched for a colon.
                while input.get(pos).is_some_and(|first| *first != b'\r') {
                    let colon = find(input, pos, b':');
                    let Some(end) = usual_value(input, colon) else { break };
                    let Some(name) = input.get(pos..colon) else { break };
                    let known = Known::of(name);
                    let mut twin = false;
                    if known == Known::Other {
                        match other_name(input, pos, colon) {
                            Some(odd) => twin = odd,
                            None => break,
                        }
                    }
                    let (name, value) = (Span::new(pos, colon), Span::new(colon + 2, end));
                    pos = end + 2;
                    take(Line { name, value, known, twin, spacing: Spacing::Usual })?;
                }
                self.pos = pos;
                if input[pos..].starts_with(b"\r\n") {
                    return Ok(Some(pos + 2));
                }
            }
            match self.resume(input)? {
                Step::Field(line) => take(line)?,
                Step::End(end) => return Ok(Some(end)),
                Step::More => return Ok(None),
            }
        }
    }

    /// The next field, resuming at any byte. Says what is wrong with a line that is refused.
    #[cold]
    fn resume(&mut self, input: &[u8]) -> Result<Step, Reject> {
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
                    let twin = input[name.range()].iter().any(|b| KIND[*b as usize] & TWIN != 0);
                    let after = value.range().end + 2 != self.pos;
                    let spacing = match &input[self.colon + 1..value.start as usize] {
                        b" " if !after => Spacing::Usual,
                        b"" if !after => Spacing::Bare,
                        _ => Spacing::Odd,
                    };
                    return Ok(Step::Field(Line { name, value, known, twin, spacing }));
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

/// Where the value after `colon` ends, if all of its line is there, nothing is wrong with it and
/// it is spaced as usual.
#[inline]
fn usual_value(input: &[u8], colon: usize) -> Option<usize> {
    let [before @ .., first] = input.get(colon..)?.first_chunk::<3>()?;
    if before != b": " {
        return None;
    }
    let end = value_end(input, colon + 2);
    let [last, after @ ..] = input.get(end - 1..)?.first_chunk::<3>()?;
    (after == b"\r\n" && *first > b' ' && *last > b' ').then_some(end)
}

/// Whether a name that is not known has a twin; None if it is no token.
#[inline(never)]
fn other_name(input: &[u8], start: usize, colon: usize) -> Option<bool> {
    if start < colon && plain_name_end(input, start) == colon {
        Some(false)
    } else {
        odd_name(&input[start..colon])
    }
}

/// Whether a name that holds more than letters, digits and dashes has a twin; None if it is no
/// token.
#[cold]
fn odd_name(name: &[u8]) -> Option<bool> {
    let [all, any] = name.iter().fold([TOKEN, 0], |[all, any], b| {
        let kind = KIND[*b as usize];
        [all & kind, any | kind]
    });
    (all != 0 && !name.is_empty()).then_some(any & TWIN != 0)
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

/// The byte is a token character.
const TOKEN: u8 = 1;
/// The byte is one that lenient servers take for `-`.
const TWIN: u8 = 2;

const KIND: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        if is_token_byte(byte as u8) {
            table[byte] = TOKEN;
        }
        byte += 1;
    }
    table[b'_' as usize] |= TWIN;
    table[b'.' as usize] |= TWIN;
    table
};
