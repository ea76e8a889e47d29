//! Sixteen lanes in two machine words, for processors whose vectors nothing here speaks.

use super::{Lanes, WIDTH};
use std::ops::{BitOr, BitXor};

#[derive(Clone, Copy)]
pub(super) struct Swar([u64; 2]);

/// The top bit of each byte: where flags stand.
const TOPS: u64 = splat(0x80);

impl Lanes for Swar {
    #[inline]
    fn load(block: &[u8; WIDTH]) -> Self {
        let both = u128::from_le_bytes(*block);
        Self([both as u64, (both >> 64) as u64])
    }

    #[inline]
    fn splat(byte: u8) -> Self {
        Self([splat(byte); 2])
    }

    /// The top bit of a sum tells whether the byte without its own top bit reaches a number; no
    /// sum passes 0xff, so nothing is carried into the next byte.
    #[inline]
    fn within(self, first: u8, last: u8) -> Self {
        Self(self.0.map(|word| {
            let low = word & !TOPS;
            let (reaches, passes) = (low + splat(0x80 - first), low + splat(0x7f - last));
            reaches & !passes & !word & TOPS
        }))
    }

    #[inline]
    fn equal(self, byte: u8) -> Self {
        self.within(byte, byte)
    }

    /// The product adds up eight shifted copies, of which the highest byte takes one flag each.
    #[inline]
    fn bits(self) -> u32 {
        let [low, high] = self.0.map(|word| {
            let flags = (word & TOPS) >> 7;
            (flags.wrapping_mul(0x0102_0408_1020_4080) >> 56) as u32
        });
        low | high << 8
    }
}

impl BitOr for Swar {
    type Output = Self;

    #[inline]
    fn bitor(self, other: Self) -> Self {
        Self([self.0[0] | other.0[0], self.0[1] | other.0[1]])
    }
}

impl BitXor for Swar {
    type Output = Self;

    #[inline]
    fn bitxor(self, other: Self) -> Self {
        Self([self.0[0] ^ other.0[0], self.0[1] ^ other.0[1]])
    }
}

const fn splat(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}
