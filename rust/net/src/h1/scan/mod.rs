//! Sixteen bytes at a time: where a run of allowed bytes ends.
//!
//! ```text
//! input    Host: shop␍␊Acce
//! wanted   bytes that end a value: controls but tab, and DEL
//! flags    0000000000110000          one bit a byte, that of the first byte lowest and left
//! end      10 = flags.trailing_zeros()
//! ```
//!
//! What a class of bytes is stands here once, as ranges; a [`Lanes`] says how sixteen bytes are
//! held against a range: with SSE2, which every x86-64 has, or in two machine words elsewhere.
//! The last bytes of an input are looked at as part of its last sixteen, so that no loop goes
//! byte by byte unless the whole input is shorter than that.
//!
//! What surprises: only `sse2` holds `unsafe`, since intrinsics ask for it; a block is an array of
//! sixteen bytes by its type, so no load can pass the end of the input.

#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
mod sse2;
#[cfg(any(test, not(all(target_arch = "x86_64", target_feature = "sse2"))))]
mod swar;
#[cfg(test)]
mod tests;

use gateway_core::headers::{is_token_byte, is_value_byte};
use std::ops::{BitOr, BitXor};

#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
use sse2::Sse2 as Native;
#[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
use swar::Swar as Native;

/// Bytes in a block.
const WIDTH: usize = 16;

/// Offset of the first byte at or after `from` that may not stand in a field value; the length
/// of the input if there is none.
#[inline]
pub(super) fn value_end(input: &[u8], from: usize) -> usize {
    run::<Native>(input, from, value_stops, is_value_byte)
}

/// Offset of the first byte at or after `from` that may not stand in a request target.
#[inline]
pub(super) fn target_end(input: &[u8], from: usize) -> usize {
    run::<Native>(input, from, target_stops, super::target::is_target_byte)
}

/// Offset of the first byte at or after `from` that may not stand in a path: one that ends a
/// target, or `?`.
#[inline]
pub(super) fn path_end(input: &[u8], from: usize) -> usize {
    let stops = |block: Native| target_stops(block) | block.equal(b'?');
    run(input, from, stops, |b| super::target::is_target_byte(b) && b != b'?')
}

/// Offset of the first byte at or after `from` that is no letter, digit, `-` or `.`: what nearly
/// every host name makes do with.
#[inline]
pub(super) fn plain_host_end(input: &[u8], from: usize) -> usize {
    let stops = |block: Native| name_stops(block) ^ block.equal(b'.');
    run(input, from, stops, |b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'))
}

/// Offset of the first byte at or after `from` that is no letter, digit or `-`: of all token
/// characters, those that nearly every field name makes do with.
#[inline]
pub(super) fn plain_name_end(input: &[u8], from: usize) -> usize {
    run::<Native>(input, from, name_stops, |b| b.is_ascii_alphanumeric() || b == b'-')
}

/// Offset of the first `byte`, which is ASCII, at or after `from`; the length of the input if
/// there is none.
#[inline]
pub(super) fn find(input: &[u8], from: usize, byte: u8) -> usize {
    run::<Native>(input, from, |block| block.equal(byte), |other| other != byte)
}

/// Offset of the first byte at or after `from` that is no token character.
#[inline]
pub(super) fn token_end(input: &[u8], from: usize) -> usize {
    input[from..].iter().position(|b| !is_token_byte(*b)).map_or(input.len(), |n| from + n)
}

/// Sixteen bytes. The top bit of a byte is its flag, so a block as it is flags what is above
/// ASCII.
trait Lanes: Copy + BitOr<Output = Self> + BitXor<Output = Self> {
    /// The bytes of a block.
    fn load(block: &[u8; WIDTH]) -> Self;

    /// Sixteen times `byte`.
    fn splat(byte: u8) -> Self;

    /// Flags bytes from `first` to `last`, both ASCII.
    fn within(self, first: u8, last: u8) -> Self;

    /// Flags bytes that are `byte`, which is ASCII.
    fn equal(self, byte: u8) -> Self;

    /// Flags as bits, that of the first byte lowest.
    fn bits(self) -> u32;
}

/// Controls but tab, and DEL. With the bits of a tab turned around a tab is 0, and other
/// controls are still below a space.
#[inline]
fn value_stops<L: Lanes>(block: L) -> L {
    (block ^ L::splat(b'\t')).within(1, 0x1f) | block.equal(0x7f)
}

/// Controls, space, `#`, DEL and what is above ASCII.
#[inline]
fn target_stops<L: Lanes>(block: L) -> L {
    block | block.within(0, b' ') | block.equal(b'#') | block.equal(0x7f)
}

/// What is no letter, digit or `-`.
#[inline]
fn name_stops<L: Lanes>(block: L) -> L {
    let letters = (block | L::splat(0x20)).within(b'a', b'z');
    (letters | block.within(b'0', b'9') | block.equal(b'-')) ^ L::splat(0xff)
}

#[inline]
fn run<L: Lanes>(
    input: &[u8],
    from: usize,
    stops: impl Fn(L) -> L,
    goes_on: impl Fn(u8) -> bool,
) -> usize {
    let mut pos = from;
    loop {
        let rest = &input[pos..];
        let Some(block) = rest.first_chunk() else { break };
        let flags = stops(L::load(block)).bits();
        if flags != 0 {
            return pos + flags.trailing_zeros() as usize;
        }
        pos += WIDTH;
    }
    let rest = &input[pos..];
    let at = if let Some(block) = input.last_chunk() {
        let flags = stops(L::load(block)).bits() >> (WIDTH - rest.len());
        (flags != 0).then_some(flags.trailing_zeros() as usize)
    } else {
        rest.iter().position(|b| !goes_on(*b))
    };
    at.map_or(input.len(), |at| pos + at)
}
