//! Sixteen lanes in one SSE2 register.

#![expect(unsafe_code, reason = "the intrinsics of a vector unit are unsafe to call")]

use super::{Lanes, WIDTH};
use std::arch::x86_64::{
    __m128i, _mm_add_epi8, _mm_cmpeq_epi8, _mm_cmpgt_epi8, _mm_loadu_si128, _mm_movemask_epi8,
    _mm_or_si128, _mm_set1_epi8, _mm_xor_si128,
};
use std::ops::{BitOr, BitXor};

#[derive(Clone, Copy)]
pub(super) struct Sse2(__m128i);

impl Lanes for Sse2 {
    #[inline]
    fn load(block: &[u8; WIDTH]) -> Self {
        // SAFETY: the reference is good for sixteen bytes, and this load asks for no alignment.
        // This module is compiled only for targets that have SSE2.
        Self(unsafe { _mm_loadu_si128(block.as_ptr().cast()) })
    }

    #[inline]
    fn splat(byte: u8) -> Self {
        // SAFETY: this module is compiled only for targets that have SSE2.
        Self(unsafe { _mm_set1_epi8(byte.cast_signed()) })
    }

    /// Comparisons are signed: the range is moved to the lowest numbers, from -128 on.
    #[inline]
    fn within(self, first: u8, last: u8) -> Self {
        let (up, end) = (Self::splat(0x80 - first), Self::splat(0x81 + (last - first)));
        // SAFETY: this module is compiled only for targets that have SSE2.
        Self(unsafe { _mm_cmpgt_epi8(end.0, _mm_add_epi8(self.0, up.0)) })
    }

    #[inline]
    fn equal(self, byte: u8) -> Self {
        // SAFETY: this module is compiled only for targets that have SSE2.
        Self(unsafe { _mm_cmpeq_epi8(self.0, Self::splat(byte).0) })
    }

    #[inline]
    fn bits(self) -> u32 {
        // SAFETY: this module is compiled only for targets that have SSE2.
        unsafe { _mm_movemask_epi8(self.0).cast_unsigned() }
    }
}

impl BitOr for Sse2 {
    type Output = Self;

    #[inline]
    fn bitor(self, other: Self) -> Self {
        // SAFETY: this module is compiled only for targets that have SSE2.
        Self(unsafe { _mm_or_si128(self.0, other.0) })
    }
}

impl BitXor for Sse2 {
    type Output = Self;

    #[inline]
    fn bitxor(self, other: Self) -> Self {
        // SAFETY: this module is compiled only for targets that have SSE2.
        Self(unsafe { _mm_xor_si128(self.0, other.0) })
    }
}
