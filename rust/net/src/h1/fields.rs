//! Field lines (RFC 9112 section 5), one at a time and resumable at any byte.
//!
//! Shared by request heads, response heads and trailers, so that a field that passes in one of
//! them passes in all.

use super::Reject;
use super::scan::{find, token_end, value_end};
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
        mut take: impl FnMut(&Line) -> Result<(), Reject>,
    ) -> Result<Option<usize>, Reject> {
        loop {
            let at_line = self.stage == Stage::Line;
            let line = if at_line && let Some((line, next)) = whole_line(input, self.pos) {
                self.pos = next;
                line
            } else if at_line && input[self.pos..].starts_with(b"\r\n") {
                return Ok(Some(self.pos + 2));
            } else {
                match self.resume(input)? {
                    Step::Field(line) => line,
                    Step::End(end) => return Ok(Some(end)),
                    Step::More => return Ok(None),
                }
            };
            take(&line)?;
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
                    return Ok(Step::Field(Line { name, value, known, twin }));
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

/// The line at `start` and where the next one starts, if all of it is there and nothing is wrong
/// with it: the usual case, without a state to keep.
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "called at one place; a call costs 50 instructions a field"
)]
fn whole_line(input: &[u8], start: usize) -> Option<(Line, usize)> {
    if *input.get(start)? == b'\r' {
        return None;
    }
    let colon = find(input, start, b':');
    let name = input.get(start..colon)?;
    let known = Known::of(name);
    let mut twin = false;
    if known == Known::Other {
        let kinds = name.iter().fold([TOKEN, 0], |[all, any], b| {
            let kind = KIND[*b as usize];
            [all & kind, any | kind]
        });
        if kinds[0] == 0 || name.is_empty() {
            return None;
        }
        twin = kinds[1] & TWIN != 0;
    }
    let mut from = colon + 1;
    while matches!(input.get(from)?, b' ' | b'\t') {
        from += 1;
    }
    let stop = value_end(input, from);
    if input.get(stop..stop + 2)? != b"\r\n" {
        return None;
    }
    let mut end = stop;
    while matches!(input[end - 1], b' ' | b'\t') && end > from {
        end -= 1;
    }
    let (name, value) = (Span::new(start, colon), Span::new(from, end));
    Some((Line { name, value, known, twin }, stop + 2))
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
