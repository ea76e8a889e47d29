use super::swar::Swar;
use super::{
    Lanes, Native, WIDTH, find, name_stops, path_end, plain_host_end, plain_name_end, target_end,
    target_stops, value_end, value_stops,
};
use crate::h1::target::is_target_byte;
use gateway_core::headers::is_value_byte;
use proptest::prelude::*;

/// Bytes at both sides of every border of a class, and any other.
fn byte() -> impl Strategy<Value = u8> {
    let borders = b"\0\x08\t\n\x0b\r\x1f !\"#$,-./09:;?@AZ[`az{~\x7f\x80\x89\x9f\xa0\xff".to_vec();
    prop_oneof![4 => prop::sample::select(borders), 1 => any::<u8>(), 8 => Just(b'x')]
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}

/// A block of `x` with `byte` at `place`.
fn among(byte: u8, place: usize) -> [u8; WIDTH] {
    let mut block = [b'x'; WIDTH];
    block[place] = byte;
    block
}

/// Compares the flags of each class with what the bytes' own tests say.
fn assert_exact<L: Lanes>(block: [u8; WIDTH]) {
    let flags = |stops: &dyn Fn(u8) -> bool| {
        block.iter().rev().fold(0, |bits, byte| bits << 1 | u32::from(stops(*byte)))
    };
    let block = L::load(&block);
    assert_eq!(value_stops(block).bits(), flags(&|b| !is_value_byte(b)));
    assert_eq!(target_stops(block).bits(), flags(&|b| !is_target_byte(b)));
    assert_eq!(name_stops(block).bits(), flags(&|b| !is_name_byte(b)));
    assert_eq!(block.equal(b':').bits(), flags(&|b| b == b':'));
}

#[test]
fn every_byte_is_classed_right_in_every_lane() {
    for byte in 0..=u8::MAX {
        for place in 0..WIDTH {
            assert_exact::<Native>(among(byte, place));
            assert_exact::<Swar>(among(byte, place));
        }
    }
}

proptest! {
    /// Flags are exact, and so the same, whatever the neighbours are.
    #[test]
    fn vectors_and_words_agree(block in prop::array::uniform16(byte())) {
        assert_exact::<Native>(block);
        assert_exact::<Swar>(block);
    }

    /// A scan is the byte-wise search, at every alignment, length and start.
    #[test]
    fn a_scan_ends_where_a_search_byte_by_byte_does(
        bytes in prop::collection::vec(byte(), 0..80),
        skip in 0_usize..WIDTH,
        from in any::<prop::sample::Index>(),
    ) {
        let input = bytes.get(skip..).unwrap_or_default();
        let from = from.index(input.len() + 1);
        let first = |stops: &dyn Fn(u8) -> bool| {
            input[from..].iter().position(|b| stops(*b)).map_or(input.len(), |at| from + at)
        };
        prop_assert_eq!(value_end(input, from), first(&|b| !is_value_byte(b)));
        prop_assert_eq!(target_end(input, from), first(&|b| !is_target_byte(b)));
        prop_assert_eq!(path_end(input, from), first(&|b| !is_target_byte(b) || b == b'?'));
        prop_assert_eq!(plain_host_end(input, from), first(&|b| !is_name_byte(b) && b != b'.'));
        prop_assert_eq!(plain_name_end(input, from), first(&|b| !is_name_byte(b)));
        prop_assert_eq!(find(input, from, b':'), first(&|b| b == b':'));
    }
}
