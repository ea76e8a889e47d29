//! Eight bytes at a time: where a run of allowed bytes ends.
//!
//! Each test flags the top bit of a byte that stops the run. A borrow can flag a byte by
//! mistake, but only above one that is rightly flagged, and only the lowest is looked at.

use gateway_core::headers::{is_token_byte, is_value_byte};

/// Offset of the first byte at or after `from` that may not stand in a field value; the length
/// of the input if there is none.
#[inline]
pub(super) fn value_end(input: &[u8], mut from: usize) -> usize {
    loop {
        from = run(input, from, control, is_value_byte);
        // A tab is allowed and rare.
        if input.get(from) != Some(&b'\t') {
            return from;
        }
        from += 1;
    }
}

/// Offset of the first byte at or after `from` that may not stand in a request target.
#[inline]
pub(super) fn target_end(input: &[u8], from: usize) -> usize {
    let stops = |word| below(word, b'!') | equal(word, b'#') | equal(word, 0x7f) | word & TOPS;
    run(input, from, stops, super::target::is_target_byte)
}

/// Offset of the first `byte` at or after `from`; the length of the input if there is none.
#[inline]
pub(super) fn find(input: &[u8], from: usize, byte: u8) -> usize {
    run(input, from, |word| equal(word, byte), |other| other != byte)
}

/// Offset of the first byte at or after `from` that is no token character.
#[inline]
pub(super) fn token_end(input: &[u8], from: usize) -> usize {
    input[from..].iter().position(|b| !is_token_byte(*b)).map_or(input.len(), |n| from + n)
}

#[inline]
fn run(
    input: &[u8],
    from: usize,
    stops: impl Fn(u64) -> u64,
    goes_on: impl Fn(u8) -> bool,
) -> usize {
    let mut pos = from;
    let mut rest = &input[from..];
    while let Some((word, after)) = rest.split_first_chunk() {
        let flags = stops(u64::from_le_bytes(*word)) & TOPS;
        if flags != 0 {
            return pos + flags.trailing_zeros() as usize / 8;
        }
        pos += 8;
        rest = after;
    }
    pos + rest.iter().position(|b| !goes_on(*b)).unwrap_or(rest.len())
}

const ONES: u64 = u64::from_ne_bytes([1; 8]);
const TOPS: u64 = ONES << 7;

/// Flags control characters: bytes below a space, and DEL.
#[inline]
const fn control(word: u64) -> u64 {
    let low = word & !TOPS;
    // Per byte, the top bit: of the first sum if it is DEL or more, of the second if it is a
    // space or more. No sum passes 0xff, so nothing is carried.
    ((low + ONES) | !(low + ONES * 0x60)) & !word
}

/// Flags bytes smaller than `limit`, which is at most 0x80.
#[inline]
const fn below(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(ONES * limit as u64) & !word
}

/// Flags bytes equal to `byte`.
#[inline]
const fn equal(word: u64, byte: u8) -> u64 {
    below(word ^ (ONES * byte as u64), 1)
}
