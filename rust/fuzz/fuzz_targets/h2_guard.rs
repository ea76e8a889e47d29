//! What an HTTP/2 client sends after its preface: the input, fed in pieces of as many bytes as its
//! first byte says.

#![no_main]

use gateway_net::h2::Guard;
use gateway_net::h2::server::PREFACE;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((piece, input)) = data.split_first() else { return };
    let whole = read(input, input.len().max(1));
    let pieces = read(input, usize::from(*piece).max(1));
    assert_eq!(whole, pieces, "pieces change the outcome");
});

/// Whether more is taken in the end, and the requests with a fragment.
fn read(input: &[u8], piece: usize) -> (bool, Vec<u32>) {
    let mut guard = Guard::of_client();
    assert!(guard.received(PREFACE), "a preface alone is no flood");
    let mut taken = true;
    for bytes in input.chunks(piece) {
        taken = guard.received(bytes);
    }
    (taken, (0..100).filter(|stream| guard.has_fragment(*stream)).collect())
}
